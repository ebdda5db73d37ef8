"""What a power cut leaves: a daemon's system calls, written down and played on a model of a disk.

``strace`` writes down all that the daemon does to its log and says to its clients. Played on a
``Disk`` one after the other, the calls tell for every moment what somebody had been shown by then,
and what a power cut would have left of the files: all that was forced (``fsync`` of a file for what
is in it, of its folder for its name), and nothing, some or all of the rest.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections import deque
from collections.abc import Callable
from pathlib import Path

from attrs import define, field, frozen

from tests.kit.daemon import Daemon

CALLS = "openat,pwrite64,ftruncate,fdatasync,fsync,unlink,sendto"

SMALL_WAL = "from twisted_chat.log.sqlite import schema; schema.CHECKPOINT_PAGES = 100; "
"""Lets a short run move the WAL into the file as often as a long one."""

SECTOR = 512
"""Bytes that a disk writes as a whole."""

WHOLE = 1 << 60
"""For a disk that does each call as a whole or not at all."""

Survives = Callable[[], bool]
"""Asked of each piece that was not forced: whether it is on the disk nevertheless."""


def untraceable() -> str | None:
    """Say why no daemon can be traced here, if so."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(["strace", "-f", "-o", os.devnull, "true"], capture_output=True)
    return "strace is not permitted to trace here" if tried.returncode else None


# --- what it did --------------------------------------------------------------------------------


class TracedDaemon(Daemon):
    """A daemon of which every call that matters is written down.

    ``hangs_from``: from the nth time on that one of its threads forces a file, that takes 3 s.
    """

    hangs_from: int | None = None

    @property
    def traces(self) -> list[Path]:
        """What it did, a file for each of its lives."""
        return sorted(self.directory.glob("trace.*"))

    @property
    def command(self) -> list[str]:
        python, c, code, *options = super().command
        hang = f"inject=fdatasync:delay_enter=3s:when={self.hangs_from}+"
        return [
            *("strace", "-f", "--seccomp-bpf", "-qq", "-y", "-xx", "-s", "1000000"),
            *("-o", f"trace.{len(self.traces)}", "-e", f"trace={CALLS}"),
            *(("-e", hang) if self.hangs_from else ()),
            *(python, c, SMALL_WAL + code, *options),
        ]

    def signal(self, number: signal.Signals) -> None:
        """Send it to the daemon; strace ends as the daemon does."""
        with open(self.traces[-1]) as trace:
            os.kill(int(trace.readline().split()[0]), number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.wait()


@frozen(order=True)
class Call:
    """A call at its beginning; ``forced`` is a ``fsync`` at its end.

    ``result`` is what it returned: a number, negative where it failed, WHOLE where it never did.
    """

    line: int
    name: str
    arguments: list[str]
    result: int


_CALL = re.compile(r"(\w+)\((.*)\) += (-?\d+|\?).*")


def calls(trace: Path) -> list[Call]:
    """Read what strace wrote.

    A call that others came between is in two parts, and then all that it did counts as done at the
    beginning, but for forcing: that is done at the end.
    """
    found: list[Call] = []
    begun: dict[str, tuple[int, str]] = {}

    def add(began: int, ended: int, text: str) -> None:
        match = _CALL.fullmatch(text)
        assert match is not None, text[:200]
        name, arguments, result = match.groups()
        done = WHOLE if result == "?" else int(result)
        call = Call(began, name, arguments.split(", "), done)
        found.append(call)
        if name in ("fsync", "fdatasync") and done == 0:
            found.append(Call(ended, "forced", call.arguments, 0))

    with open(trace) as lines:
        for number, line in enumerate(lines):
            pid, text = line.rstrip("\n").split(maxsplit=1)
            if text.endswith("<unfinished ...>"):
                begun[pid] = (number, text.removesuffix("<unfinished ...>").rstrip())
            elif text.startswith("<..."):
                began, first = begun.pop(pid)
                add(began, number, first + text.partition("resumed>")[2])
            elif not text.startswith(("+++", "---")):
                add(number, number, text)
    for began, first in begun.values():
        add(began, began, first + ") = ?")
    return sorted(found, key=lambda call: call.line)


def _bytes(text: str) -> bytes:
    r"""Undo ``-xx``, which writes every byte of a string as ``\x61``."""
    return bytes.fromhex(text.strip('"').replace("\\x", ""))


# --- what is left -------------------------------------------------------------------------------


@define(eq=False)
class File:
    """A file: what of it is forced, and what was done to it since."""

    forced: bytearray = field(factory=bytearray)
    waiting: deque[tuple[int, bytes | None]] = field(factory=deque)
    count: int = 0

    def do(self, at: int, data: bytes | None) -> None:
        """Write at a place, or make it as long as that."""
        self.waiting.append((at, data))
        self.count += 1

    def force(self, count: int) -> None:
        """Let the first ``count`` things that were ever done to it be on the disk."""
        while self.count - len(self.waiting) < count:
            _do(self.forced, *self.waiting.popleft())

    def left(self, survives: Survives, piece: int) -> bytes:
        """Return what is in it after a power cut."""
        found = bytearray(self.forced)
        for at, data in self.waiting:
            if data is None:
                if survives():
                    _do(found, at, None)
                continue
            start, end = at, at + len(data)
            while start < end:
                stop = min(end, (start // piece + 1) * piece)
                if survives():
                    _do(found, start, data[start - at : stop - at])
                start = stop
        return bytes(found)


def _do(content: bytearray, at: int, data: bytes | None) -> None:
    content.extend(bytes(max(0, at - len(content))))
    if data is None:
        del content[at:]
    else:
        content[at : at + len(data)] = data


@define(eq=False)
class Disk:
    """The log's folder, and what was sent to clients: after each call that is played on it.

    ``shown`` has each text that was sent to somebody, by its seq, with its source and its id.
    """

    folder: Path
    shown: dict[int, tuple[str, str]] = field(factory=dict)
    _names: dict[str, File] = field(factory=dict)
    _forced_names: dict[str, File] = field(factory=dict)
    _renamed: list[tuple[str, File | None]] = field(factory=list)
    _open: dict[str, File | None] = field(factory=dict)  # None is the folder
    _forcing: dict[str, int] = field(factory=dict)
    _sent: dict[str, bytearray] = field(factory=dict)

    def play(self, call: Call) -> None:
        """Let it have happened."""
        if call.result < 0:
            pass  # it failed
        elif call.name == "sendto":
            self._send(call)
        elif call.name == "openat":
            self._opened(str(call.result), _bytes(call.arguments[1]).decode())
        elif call.name == "unlink":
            self._name(_bytes(call.arguments[0]).decode(), None)
        elif (number := call.arguments[0].partition("<")[0]) in self._open:
            self._touched(call, number, self._open[number])

    def left(self, survives: Survives, piece: int = WHOLE) -> dict[str, bytes]:
        """Return the files, by their names, that a power cut leaves now."""
        names = dict(self._forced_names)
        for name, file in self._renamed:
            if survives():
                _put(names, name, file)
        return {name: file.left(survives, piece) for name, file in names.items()}

    def _opened(self, number: str, path: str) -> None:
        # No close is looked at: a number that is used again is opened again.
        self._open.pop(number, None)
        found = self.folder / path
        if found == self.folder:
            self._open[number] = None
        elif found.parent == self.folder and not found.name.endswith(("-shm", "-lock")):
            if found.name not in self._names:
                self._name(path, File())
            self._open[number] = self._names[found.name]

    def _name(self, path: str, file: File | None) -> None:
        found = self.folder / path
        if found.parent == self.folder:
            _put(self._names, found.name, file)
            self._renamed.append((found.name, file))

    def _touched(self, call: Call, number: str, file: File | None) -> None:
        match call.name:
            case "pwrite64" if file is not None:
                file.do(int(call.arguments[3]), _bytes(call.arguments[1])[: call.result])
            case "ftruncate" if file is not None:
                file.do(int(call.arguments[1]), None)
            case "forced" if file is not None:
                file.force(self._forcing[number])
            case "forced":
                for name, renamed in self._renamed:
                    _put(self._forced_names, name, renamed)
                self._renamed.clear()
            case "fsync" | "fdatasync" if file is not None:
                self._forcing[number] = file.count

    def _send(self, call: Call) -> None:
        """Take what has left by a socket, and look for texts in it."""
        held = self._sent.setdefault(call.arguments[0], bytearray())
        held += _bytes(call.arguments[1])[: call.result]
        while len(held) >= 4 and len(held) >= (end := 4 + int.from_bytes(held[:4], "big")):
            message = json.loads(held[4:end])
            del held[:end]
            for text in (message, *message.get("texts", ())):
                if text["type"] == "text":
                    self.shown[text["seq"]] = (text["source"], text["id"])


def _put(names: dict[str, File], name: str, file: File | None) -> None:
    if file is None:
        names.pop(name, None)
    else:
        names[name] = file
