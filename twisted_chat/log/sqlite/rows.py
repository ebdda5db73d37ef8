"""Rows of entries as JSON, made by SQLite itself and decoded at once: see reading.py."""

# SQL is composed of constants here; what people send is always a parameter.
# ruff: noqa: S608

from __future__ import annotations

from typing import Final

from msgspec.json import Decoder

from twisted_chat.vocabulary.messages import MAX_REACTORS, AnyEntry

EDIT: Final = 1
REDACT: Final = 2
REACT: Final = 3
UNDO: Final = 4
"""What ``kind`` says of an entry that is no text."""


def columns(start: str) -> str:
    """Return what is selected of ``texts`` for ENTRY; ``start`` is the place of the life's seq 0.

    An edit says what its text says now: nothing else of it is stored.
    """
    now = f"SELECT was.data FROM texts AS was WHERE was.place = {start} + texts.of"
    return f"""
        place, time, texts.source AS source, texts.id AS id,
        guest, kind, of, edited, redacted, reacted, note,
        CASE kind WHEN {EDIT} THEN coalesce(({now}), '') ELSE texts.data END AS data"""


_REACTIONS: Final = f"""
    (SELECT json_group_array(json_object('data', mark, 'count', count, 'users', json(users)))
     FROM (
        SELECT mark, count(*) AS count, (
            SELECT json_group_array(source) FROM (
                SELECT source FROM reactions AS one
                WHERE one.at = place AND one.mark = reactions.mark ORDER BY seq LIMIT {MAX_REACTORS}
            )) AS users
        FROM reactions WHERE at = place GROUP BY mark ORDER BY min(seq)
     ))"""

_SHARED: Final = "'session', name, 'seq', place - start, 'time', time, 'source', source, 'id', id"

ENTRY: Final = f"""
    CASE
    WHEN coalesce(guest, kind, of, edited, redacted, reacted) IS NULL
        THEN json_object('type', 'text', {_SHARED}, 'data', data)
    WHEN kind IS NULL THEN json_object(
        'type', 'text', {_SHARED}, 'data', data,
        'guest', json(iif(guest, 'true', 'false')),
        'reply', of, 'edited', edited, 'redacted', redacted,
        'reactions', json(iif(reacted, {_REACTIONS}, '[]')))
    WHEN kind = {EDIT} THEN json_object('type', 'edited', {_SHARED}, 'of', of, 'data', data)
    WHEN kind = {REDACT} THEN json_object('type', 'redacted', {_SHARED}, 'of', of, 'reason', note)
    ELSE json_object(
        'type', 'reacted', {_SHARED}, 'of', of, 'data', note,
        'undo', json(iif(kind = {UNDO}, 'true', 'false')))
    END"""
"""One entry, of ``columns``, the session's ``name`` and its ``start``."""

ENTRIES: Final = f"coalesce('[' || group_concat({ENTRY}) || ']', '[]')"
"""All entries that are selected, in their order."""

decode: Final = Decoder(list[AnyEntry]).decode
