"""The page: files for a browser, and how they are made ready to be served.

The files are what they are: ``index.html``, and in ``assets/`` style sheets and plain JavaScript
modules, with no build step; any file server could serve this folder. ``load`` does two things more,
in memory. The assets are put below a folder that is named after what is in them, so that a browser
may keep them for ever; and everything is compressed once, JavaScript without its comments.
"""

from __future__ import annotations

import gzip
import re
from hashlib import sha256
from pathlib import Path
from typing import Final

from attrs import frozen

TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
"""The kinds of files that a page has."""

_COMMENT = re.compile(r"^[ \t]*/\*\*?(?:[^*]|\*(?!/))*\*/[ \t]*$", re.MULTILINE)
_CLOSED = b'data-registration="closed"'
_REFERENCE = re.compile(rb'(?<=")assets/(?=[^"/]+")')


@frozen
class File:
    """One file, ready to be served; ``tag`` changes when it does."""

    body: bytes
    gzipped: bytes
    type: str
    tag: str


@frozen
class Page:
    """The page's files: ``index``, and the ``assets`` by name, which are below ``folder``."""

    index: File
    assets: dict[str, File]
    folder: str


def load(directory: Path = Path(__file__).parent, registration: str = "closed") -> Page:
    """Read the page's files. ``registration`` says who may make an account, for the login form."""
    bodies = {
        path.name: path.read_bytes()
        for path in sorted((directory / "assets").iterdir())
        if path.suffix in TYPES
    }
    digest = sha256()
    for name, body in bodies.items():
        digest.update(f"{name} {len(body)} ".encode() + body)
    folder = digest.hexdigest()[:16]
    index = (directory / "index.html").read_bytes()
    index = _REFERENCE.sub(f"assets/{folder}/".encode(), index)
    index = index.replace(_CLOSED, f'data-registration="{registration}"'.encode())
    assets = {name: _file(name, body) for name, body in bodies.items()}
    return Page(_file("index.html", index), assets, folder)


def _file(name: str, body: bytes) -> File:
    suffix = Path(name).suffix
    if suffix == ".js":
        body = without_comments(body.decode()).encode()
    return File(
        body=body,
        gzipped=gzip.compress(body, 9, mtime=0),
        type=TYPES[suffix],
        tag=sha256(body).hexdigest()[:16],
    )


def without_comments(source: str) -> str:
    """Leave out comments that have lines of their own; every other line keeps its number."""
    return _COMMENT.sub(lambda found: "\n" * found[0].count("\n"), source)
