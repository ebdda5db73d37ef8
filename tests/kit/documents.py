"""The project's documents, as the tests read them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def read(path: str) -> str:
    """Return a document; ``path`` is relative to the project."""
    return (ROOT / path).read_text(encoding="utf-8")


def block(document: str, name: str) -> str:
    """Return what stands between ``<!-- name -->`` and ``<!-- /name -->``, without the fence."""
    _, found, _ = re.split(f"^<!-- /?{name} -->\n", document, flags=re.MULTILINE)
    return re.sub("^```.*\n", "", found, flags=re.MULTILINE)
