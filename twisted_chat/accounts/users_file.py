"""The users file: comma-separated values with the header ``user,password[,role]``.

It is parsed into parts that keep their own bytes, so that a program which changes one account
leaves all the others as a person wrote them.
"""

from __future__ import annotations

import csv
import io
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from attrs import evolve, field, frozen

from twisted_chat.accounts.passwords import is_hash
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.names import Name, user_name

COLUMNS: Final = ["user", "password", "role"]
"""The header; the last column may be left out."""

OPERATOR: Final = "operator"
"""The one role there is."""

MAX_FILE: Final = 16 * 1024 * 1024
"""Bytes in a users file, at most: room for 100,000 accounts, and not for a million."""

_BOM: Final = "\ufeff"
_LOOKS_HASHED: Final = re.compile(r"\$[a-z0-9-]{1,16}\$.{16,}", re.DOTALL)


class AccountsError(Exception):
    """A users file that can not be used: one line that names file, line and reason.

    It never quotes the file, as any of its cells may hold a misplaced password.
    """

    def __init__(self, file: str, reason: str, line: int | None = None) -> None:
        shown = file if file.isprintable() else ascii(file)
        super().__init__(f"{shown}{'' if line is None else f', line {line}'}: {reason}.")
        self.file = file
        self.line = line
        self.reason = reason


class UnreadableError(AccountsError):
    """The system does not give the file's bytes now; it may later, though nothing changes in it."""


@frozen
class Account:
    """A user who has an account. ``password`` is an argon2 hash, or plain text in older files."""

    name: Name
    password: str = field(repr=False)
    operator: bool = False
    rest: tuple[str, ...] = ()
    """What further columns say, which are the operator's own."""


@frozen
class Part:
    """Some whole lines of the file: an account, or (None) the header or blank lines."""

    raw: str = field(repr=False)
    account: Account | None = None


@frozen
class UsersFile:
    """What a users file says; its parts, one after the other, are its text."""

    parts: tuple[Part, ...]
    header: int
    columns: int
    newline: str

    @property
    def accounts(self) -> Iterator[Account]:
        """The accounts, in the file's order."""
        return (part.account for part in self.parts if part.account is not None)

    def encode(self) -> bytes:
        """Return the file's bytes."""
        return "".join(part.raw for part in self.parts).encode()

    def find(self, key: str) -> Account | None:
        """Return the account whose name compares as ``key``."""
        return next((account for account in self.accounts if account.name.key == key), None)

    def with_account(self, account: Account) -> UsersFile:
        """Return the file with ``account`` in its old place, or at the end where it is new."""
        file = self._with_roles() if account.operator and self.columns < len(COLUMNS) else self
        new = Part(file._row(account), account)
        if file.find(account.name.key) is None:
            *others, last = file.parts
            if not last.raw.endswith("\n"):
                last = evolve(last, raw=last.raw + file.newline)
            return evolve(file, parts=(*others, last, new))
        return evolve(
            file,
            parts=tuple(new if _is(part, account.name.key) else part for part in file.parts),
        )

    def with_accounts(self, accounts: Iterable[Account]) -> UsersFile:
        """Return the file with these at the end; they are new, and it has all columns."""
        new = tuple(Part(self._row(account), account) for account in accounts)
        return evolve(self, parts=self.parts + new)

    def without(self, key: str) -> UsersFile:
        """Return the file without the account whose name compares as ``key``."""
        return evolve(self, parts=tuple(part for part in self.parts if not _is(part, key)))

    def _with_roles(self) -> UsersFile:
        """Give a file of two columns its third; its rows may stay as they are."""
        header = self.parts[self.header]
        bom = _BOM if header.raw.startswith(_BOM) else ""
        titled = Part(bom + ",".join(COLUMNS) + self.newline)
        parts = tuple(titled if part is header else part for part in self.parts)
        return evolve(self, parts=parts, columns=len(COLUMNS))

    def _row(self, account: Account) -> str:
        row = io.StringIO()
        cells = [account.name.text, account.password, OPERATOR if account.operator else ""]
        cells += account.rest
        csv.writer(row).writerow(cells[: self.columns])  # with CRLF, so that it quotes both
        return row.getvalue().removesuffix("\r\n") + self.newline


EMPTY: Final = UsersFile((Part(",".join(COLUMNS) + "\n"),), 0, len(COLUMNS), "\n")
"""A file that has no accounts yet."""


def read(file: str, known: Mapping[str, Name] | None = None) -> UsersFile:
    """Read and parse ``file``. For ``known`` see ``parse``.

    Raises AccountsError, UnreadableError.
    """
    try:
        if not stat.S_ISREG(os.stat(file).st_mode):  # opening a pipe would wait for its writer
            raise AccountsError(file, "it is not a regular file")
        with open(file, "rb") as opened:
            data = opened.read(MAX_FILE + 1)
    except (OSError, ValueError) as problem:  # ValueError: a NUL in the path
        reason = problem.strerror if isinstance(problem, OSError) else str(problem)
        raise UnreadableError(file, f"it can not be read ({reason})") from None
    return parse(data, file, known)


def parse(data: bytes, file: str, known: Mapping[str, Name] | None = None) -> UsersFile:
    """Parse a users file's bytes; raises AccountsError, which names the file as ``file``.

    ``known`` gives the names that are valid already, by their text: PRECIS is what costs time.
    A byte order mark, blank lines, CRLF, and rows that leave out an empty role are fine.
    """
    if len(data) > MAX_FILE:
        raise AccountsError(file, f"it is larger than {MAX_FILE} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise AccountsError(file, "it is not UTF-8", line) from None
    lines = list(io.StringIO(text))  # ends lines at \n alone, and keeps them whole
    if lines:
        lines[0] = lines[0].removeprefix(_BOM)
    rows = csv.reader(lines, strict=True)
    parts: list[Part] = []
    seen: dict[str, int] = {}
    header = columns = start = 0
    newline = "\n"
    try:
        for cells in rows:
            line, raw = start + 1, "".join(lines[start : rows.line_num])
            start = rows.line_num
            if not any(cell.strip() for cell in cells) or raw.startswith("# "):
                parts.append(Part(raw))
            elif not columns:
                header, columns = len(parts), _columns(cells, file, line)
                newline = "\r\n" if raw.endswith("\r\n") else "\n"
                parts.append(Part(raw))
            else:
                try:
                    account = _account(cells, columns, known or {})
                except ValueError as problem:
                    raise AccountsError(file, str(problem), line) from None
                first = seen.setdefault(account.name.key, line)
                if first != line:
                    reason = f"the user {account.name} is on line {first} already"
                    raise AccountsError(file, reason, line)
                parts.append(Part(raw, account))
    except csv.Error as problem:
        reason = f"it is not well-formed CSV ({problem})"
        raise AccountsError(file, reason, max(1, rows.line_num)) from None
    if not columns:
        raise AccountsError(file, "it has no header; the first line is user,password,role", 1)
    if text.startswith(_BOM):
        parts[0] = evolve(parts[0], raw=_BOM + parts[0].raw)
    return UsersFile(tuple(parts), header, columns, newline)


def _columns(cells: list[str], file: str, line: int) -> int:
    found = [cell.strip().lower() for cell in cells]
    if found != COLUMNS[:2] and found[: len(COLUMNS)] != COLUMNS:
        reason = "the first line has to be user,password or user,password,role"
        raise AccountsError(file, reason, line)
    return len(found)


def _account(cells: list[str], columns: int, known: Mapping[str, Name]) -> Account:
    """Judge one row; raises ValueError with a reason that quotes nothing."""
    if not 2 <= len(cells) <= columns:
        raise ValueError(
            f"the number of columns is {len(cells)}, not {columns}"
            " (a password with a comma needs double quotes around it)"
        )
    raw, password = cells[:2]
    role = cells[2] if len(cells) > 2 else ""
    try:
        name = known.get(raw) or user_name(raw)
    except ChatError as refused:
        raise ValueError(f"the user's name is not valid: {str(refused).rstrip('.')}") from None
    if not password:
        raise ValueError(f"the user {name} has no password")
    if not is_hash(password) and _LOOKS_HASHED.fullmatch(password):
        raise ValueError(
            f"the password of {name} is a damaged hash or one of another kind than argon2"
        )
    if role not in ("", OPERATOR):
        raise ValueError(f"the role of {name} is neither empty nor {OPERATOR}")
    return Account(name, password, role == OPERATOR, tuple(cells[len(COLUMNS) :]))


def _is(part: Part, key: str) -> bool:
    return part.account is not None and part.account.name.key == key
