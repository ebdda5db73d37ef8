"""Many rows as one statement: tables of parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

MAX_ROWS: Final = 1_024
"""Rows in one statement, at most (SQLite takes 32,766 values)."""


def tables(values: Sequence[object], width: int) -> Iterator[tuple[Sequence[object], str]]:
    """Cut rows of ``width`` values into tables for SQL, each with what it stands for.

    Tables have 1, 2, 4 … rows, the last of them NULL, so that a dozen statements, compiled once,
    serve every size.
    """
    most = MAX_ROWS * width
    for start in range(0, len(values), most):
        part = values[start : start + most]
        size = 1 << (len(part) // width - 1).bit_length()
        yield [*part, *[None] * (size * width - len(part))], _table(size, width)


@cache
def _table(rows: int, width: int) -> str:
    row = f"({','.join('?' * width)})"
    return f"VALUES {','.join([row] * rows)}"
