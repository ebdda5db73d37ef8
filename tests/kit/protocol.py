"""docs/protocol.md, and the conversation in it."""

from __future__ import annotations

import json
from typing import Any

from tests.kit.documents import block, read

DOCUMENT = read("docs/protocol.md")


def conversation() -> list[tuple[str, Any, bytes]]:
    """Return the example: for each frame ``>`` or ``<``, the object, and the frame's bytes."""
    found: list[tuple[str, Any, bytes]] = []
    for line in block(DOCUMENT, "conversation").splitlines():
        if line.startswith(("> ", "< ")):
            found.append((line[0], json.loads(line[2:]), b""))
        elif line:
            side, shown, frame = found.pop()
            found.append((side, shown, frame + bytes.fromhex(line[2:50])))
    return found


def drawn(side: str, frame: bytes) -> str:
    """Return a frame as the document has it: the object, and the bytes, 16 on a line."""
    lines = [f"{side} {frame[4:].decode()}"]
    for start in range(0, len(frame), 16):
        part = frame[start : start + 16]
        readable = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        lines.append(f"  {part.hex(' '):<47}  {readable}")
    return "\n".join(lines) + "\n"
