"""How the durable log's file came to be what it is: a step for each version of it."""

# SQL is composed of constants here.
# ruff: noqa: S608

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from twisted_chat.log.query import composed

APPLICATION_ID: Final = 0x54774368
"""What marks a SQLite file as ours ("TwCh")."""

SEQ_BITS: Final = 36
"""Bits of a place that are the seq: 68 thousand million texts in a life, 134 million lives."""

MAX_SEQ: Final = (1 << SEQ_BITS) - 1
MAX_LIVES: Final = (1 << (63 - SEQ_BITS)) - 1

STEPS: Final[Sequence[str]] = (
    f"""
    PRAGMA application_id = {APPLICATION_ID};

    CREATE TABLE lives (
        n INTEGER PRIMARY KEY,
        epoch TEXT NOT NULL UNIQUE,
        key TEXT NOT NULL,
        name TEXT NOT NULL,
        owner TEXT,
        topic TEXT NOT NULL,
        keep INTEGER NOT NULL,
        password TEXT,                        -- a hash
        direct_first TEXT,                    -- the keys of the two users of a direct session
        direct_second TEXT,
        pruned INTEGER NOT NULL DEFAULT 0,    -- the last seq that was pruned: it is not given again
        indexed INTEGER NOT NULL DEFAULT 0,   -- the last seq that the search index knows
        ended INTEGER NOT NULL DEFAULT 0      -- deleted: its texts are being removed
    );
    CREATE UNIQUE INDEX one_life_at_once ON lives (key) WHERE NOT ended;

    CREATE TABLE texts (
        place INTEGER PRIMARY KEY,            -- n << {SEQ_BITS} | seq
        life INTEGER NOT NULL,                -- n again, for the index below
        time INTEGER NOT NULL,                -- milliseconds since 1970
        source TEXT NOT NULL,
        data TEXT NOT NULL,
        id TEXT
    );
    -- id before source: those of one moment lie together, and a commit touches few pages
    CREATE UNIQUE INDEX once ON texts (life, id, source) WHERE id IS NOT NULL;

    CREATE VIRTUAL TABLE words USING fts5 (
        data,
        content = 'texts',
        content_rowid = 'place',
        columnsize = 0,
        tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"
    );

    -- for people who look into the file
    CREATE VIEW said AS
        SELECT name AS session, place & {MAX_SEQ} AS seq,
               datetime(time / 1000, 'unixepoch') AS time, source, data, id
        FROM texts JOIN lives ON n = life WHERE NOT ended;
    """,
    # Prefixes of 1 to 3 letters are indexed too: else they are looked up word by word, in all
    # sessions. The index is begun anew, and filled in the background.
    """
    DROP TABLE words;
    CREATE VIRTUAL TABLE words USING fts5 (
        data,
        content = 'texts',
        content_rowid = 'place',
        columnsize = 0,
        prefix = '1 2 3',
        tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"
    );
    INSERT INTO words (words, rank) VALUES ('automerge', 8);
    UPDATE lives SET indexed = pruned;
    """,
    # Settings of a session, and what outlives a connection.
    """
    ALTER TABLE lives ADD COLUMN invite INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE lives ADD COLUMN moderated INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE lives ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE lives ADD COLUMN open_topic INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE lives ADD COLUMN max_members INTEGER NOT NULL DEFAULT 0;

    CREATE TABLE records (
        kind TEXT NOT NULL,
        scope TEXT NOT NULL,                  -- '', the epoch of a life, or user:KEY
        key TEXT NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (kind, scope, key)
    ) WITHOUT ROWID;
    CREATE INDEX records_by_scope ON records (scope);
    CREATE INDEX records_by_key ON records (kind, key);
    """,
    # Whatever changes a text is an entry too, with a place of its own (see rows.py), and the text
    # is kept as it is now.
    f"""
    ALTER TABLE texts ADD COLUMN guest INTEGER;     -- 1: no account said it
    ALTER TABLE texts ADD COLUMN kind INTEGER;      -- NULL: a text
    ALTER TABLE texts ADD COLUMN of INTEGER;        -- the seq that it changes, or answers
    ALTER TABLE texts ADD COLUMN edited INTEGER;    -- the seq of the last edit
    ALTER TABLE texts ADD COLUMN redacted INTEGER;  -- the seq of the redaction
    ALTER TABLE texts ADD COLUMN reacted INTEGER;   -- 1: there are reactions
    ALTER TABLE texts ADD COLUMN note TEXT;         -- a redaction's reason, a reaction's mark

    CREATE TABLE reactions (
        at INTEGER NOT NULL,                        -- the place of the text
        mark TEXT NOT NULL,
        source TEXT NOT NULL,
        seq INTEGER NOT NULL,                       -- of the reaction
        PRIMARY KEY (at, mark, source)
    ) WITHOUT ROWID;

    DROP VIEW said;
    CREATE VIEW said AS
        SELECT name AS session, place & {MAX_SEQ} AS seq,
               datetime(time / 1000, 'unixepoch') AS time, source, data, id
        FROM texts JOIN lives ON n = life WHERE NOT ended AND kind IS NULL;
    """,
    # What is searched of a text where that is not its data: see query.composed. The index is begun
    # anew, and filled in the background.
    """
    ALTER TABLE texts ADD COLUMN composed TEXT;
    CREATE VIEW searched AS SELECT place, coalesce(composed, data) AS data FROM texts;
    DROP TABLE words;
    CREATE VIRTUAL TABLE words USING fts5 (
        data,
        content = 'searched',
        content_rowid = 'place',
        columnsize = 0,
        prefix = '1 2 3',
        tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"
    );
    INSERT INTO words (words, rank) VALUES ('automerge', 8);
    UPDATE lives SET indexed = pruned;
    """,
)
"""What makes a file of version N into one of version N + 1. A step, once released, stays."""

COMPOSED: Final = 5
"""The version from which on what is searched of a text is composed."""


def compose(connection: sqlite3.Connection) -> None:
    """Let what was said before be searched as it is composed: in the transaction of the step."""
    rows = connection.execute(
        "SELECT place, data FROM texts WHERE length(data) < length(CAST(data AS BLOB))"
    )
    found = [(words, place) for place, data in rows if (words := composed(data)) is not None]
    connection.executemany("UPDATE texts SET composed = ? WHERE place = ?", found)
