"""Changing a users file: alone, and all or nothing. Blocks, so it is for a thread or a command."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from attrs import define

from twisted_chat.accounts import users_file
from twisted_chat.accounts.users_file import EMPTY, UsersFile


@define
class Edit:
    """A users file that is being changed; what ``file`` is in the end is written."""

    file: UsersFile


def read_or_empty(path: str) -> UsersFile:
    """Read a users file, which need not be there. Raises AccountsError."""
    return users_file.read(path) if os.path.exists(path) else EMPTY


@contextmanager
def editing(
    path: str, *, new: bool = False, waits: Callable[[], object] = lambda: None
) -> Iterator[Edit]:
    """Change a users file. With ``new`` it need not be there; ``waits`` is told of a wait.

    Raises AccountsError, OSError; nothing is changed then.
    """
    with _alone(path, waits) as found:
        edit = Edit(read_or_empty(found) if new else users_file.read(found))
        yield edit
        _replace(found, edit.file.encode())


@define
class TextEdit:
    """A file of lines that is being changed; what ``lines`` are in the end is written."""

    lines: list[str]


@contextmanager
def editing_text(path: str) -> Iterator[TextEdit]:
    """Change a file of lines, which need not be there. Raises OSError; nothing is changed then."""
    with _alone(path, lambda: None) as found:
        lines: list[str] = []
        if os.path.exists(found):
            with open(found, encoding="utf-8-sig") as file:
                lines = file.read().splitlines()
        edit = TextEdit(lines)
        yield edit
        _replace(found, "".join(f"{line}\n" for line in edit.lines).encode())


@contextmanager
def _alone(path: str, waits: Callable[[], object]) -> Iterator[str]:
    """Be the only one who changes a file; yield where it really is: a link stays a link."""
    path = os.path.realpath(path)
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(folder, waits)
        yield path
        os.fsync(folder)  # the new name is on the disk too
    finally:
        os.close(folder)  # and the lock with it


def _lock(folder: int, waits: Callable[[], object]) -> None:
    """Lock the folder: the file itself is another one after each change."""
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        waits()
        fcntl.flock(folder, fcntl.LOCK_EX)


def _replace(path: str, data: bytes) -> None:
    """Put ``data`` in the place of a file, with its mode and, where possible, its owner."""
    folder, name = os.path.split(path)
    opened, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=folder)  # its mode is 0600
    try:
        with open(opened, "wb") as file:
            if os.path.exists(path):
                old = os.stat(path)
                with suppress(PermissionError):
                    os.fchown(opened, -1, old.st_gid)
                with suppress(PermissionError):
                    os.fchown(opened, old.st_uid, -1)
                os.fchmod(opened, old.st_mode & 0o777)
            file.write(data)
            file.flush()
            os.fsync(opened)
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
