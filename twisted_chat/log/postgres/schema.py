"""What the database holds, and how it is brought up to date.

::

    chat.lives     a life a row: its head is locked while texts get their seqs
    chat.texts     the texts; ``words`` is what a search finds them by
    chat.reactions who has reacted to a text, and how
    chat.records   what else outlives a connection
    chat.feed      what nodes tell one another, in one order; chat.nodes: their leases
    chat.append    stores a batch of texts of many lives: one round trip, one commit

Texts, ids and reasons are kept as bytes: PostgreSQL's ``text`` can not hold U+0000.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg

from twisted_chat.log.contract import LogError

LOCK: Final = 0x7C4A_7C4A
"""The advisory lock that one node holds while it brings the schema up to date: others wait."""

FIRST: Final = """
CREATE TABLE chat.lives (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    epoch text COLLATE "C" NOT NULL UNIQUE,
    key text COLLATE "C" NOT NULL,
    body text NOT NULL,
    head bigint NOT NULL DEFAULT 0,
    first bigint NOT NULL DEFAULT 1,
    ended boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX lives_key ON chat.lives (key) WHERE NOT ended;

CREATE TABLE chat.texts (
    life bigint NOT NULL,
    seq bigint NOT NULL,
    time bigint NOT NULL,
    source bytea NOT NULL,
    data bytea NOT NULL,
    id bytea,
    words tsvector NOT NULL,
    PRIMARY KEY (life, seq)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05);
CREATE UNIQUE INDEX texts_id ON chat.texts (life, source, id) WHERE id IS NOT NULL;
CREATE INDEX texts_words ON chat.texts USING gin (words);

CREATE TABLE chat.records (
    kind text COLLATE "C" NOT NULL,
    scope text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (kind, scope, key)
);
CREATE INDEX records_scope ON chat.records (scope);
CREATE INDEX records_key ON chat.records (kind, key);
"""

ENTRIES: Final = """
ALTER TABLE chat.texts
    ADD COLUMN guest boolean, ADD COLUMN kind smallint, ADD COLUMN of bigint,
    ADD COLUMN edited bigint, ADD COLUMN redacted bigint, ADD COLUMN reacted boolean,
    ADD COLUMN note bytea;
CREATE TABLE chat.reactions (
    life bigint NOT NULL,
    of bigint NOT NULL,
    mark bytea NOT NULL,
    source bytea NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (life, of, mark, source)
);
DROP FUNCTION IF EXISTS chat.append(text[], bigint[], bytea[], bytea[], bytea[], text[]);
"""
"""Whatever changes a text is an entry too, and the text is kept as it is now."""

SHARED: Final = """
ALTER TABLE chat.lives ADD COLUMN moved bigint NOT NULL DEFAULT 0;
CREATE TABLE chat.feed (
    n bigint PRIMARY KEY,
    node text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE chat.feed_head (n bigint NOT NULL);
INSERT INTO chat.feed_head VALUES (0);
CREATE TABLE chat.nodes (
    node text COLLATE "C" PRIMARY KEY,
    until timestamptz NOT NULL,
    said bytea NOT NULL
);
"""
"""Several nodes: what each has to tell the others, who of them lives, and which heads moved."""

STEPS: Final = (FIRST, ENTRIES, SHARED)
"""What brings a database of version N to version N + 1: each in one transaction."""

FUNCTIONS: Final = """
CREATE OR REPLACE FUNCTION chat.append(
    epochs text[], times bigint[], sources bytea[], datas bytea[], ids bytea[], wordses text[],
    guests boolean[]
) RETURNS TABLE (place int, seq bigint, at bigint, data bytea) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    -- Rows of lives are locked in one order, so that two nodes never wait for one another.
    PERFORM 1 FROM chat.lives
        WHERE epoch = ANY (epochs) AND NOT ended ORDER BY n FOR NO KEY UPDATE;
    RETURN QUERY
    WITH said AS (
        SELECT ord, l.n, l.head, e.time, e.source, e.data, e.id, e.words, e.guest
        FROM unnest(epochs, times, sources, datas, ids, wordses, guests)
            WITH ORDINALITY AS e (epoch, time, source, data, id, words, guest, ord)
        JOIN chat.lives l ON l.epoch = e.epoch AND NOT l.ended
    ), known AS (
        SELECT s.ord, t.seq, t.time, t.data FROM said s
        JOIN chat.texts t ON t.life = s.n AND t.source = s.source AND t.id = s.id
        WHERE s.id IS NOT NULL
    ), fresh AS (
        SELECT s.*, first_value(s.ord) OVER same AS leader
        FROM said s WHERE NOT EXISTS (SELECT 1 FROM known k WHERE k.ord = s.ord)
        WINDOW same AS (
            PARTITION BY s.n, CASE WHEN s.id IS NULL THEN s.ord END, s.source, s.id ORDER BY s.ord
        )
    ), placed AS (
        SELECT f.*, f.head + row_number() OVER (PARTITION BY f.n ORDER BY f.ord) AS seq
        FROM fresh f WHERE f.leader = f.ord
    ), stored AS (
        INSERT INTO chat.texts (life, seq, time, source, data, id, words, guest)
        SELECT n, seq, time, source, data, id, words::tsvector, guest FROM placed
    ), heads AS (
        UPDATE chat.lives l SET head = p.head, moved = txid_current()
        FROM (SELECT n, max(seq) AS head FROM placed GROUP BY n) p WHERE l.n = p.n
    )
    -- What was stored before comes back as it is; what is new, and its copies, is known already.
    SELECT k.ord::int, k.seq, k.time, k.data FROM known k
    UNION ALL
    SELECT f.ord::int, p.seq, p.time, CASE WHEN f.ord > f.leader THEN p.data END
    FROM fresh f JOIN placed p ON p.ord = f.leader;
END $$;
CREATE OR REPLACE FUNCTION chat.write(node text, kinds text[], bodies bytea[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    last bigint;
BEGIN
    -- The row is held until the commit: lines become visible in the order of their numbers.
    UPDATE chat.feed_head SET n = n + cardinality(kinds) RETURNING n INTO last;
    INSERT INTO chat.feed (n, node, kind, body)
        SELECT last - cardinality(kinds) + ord, write.node, kind, body
        FROM unnest(kinds, bodies) WITH ORDINALITY AS line (kind, body, ord);
END $$;
"""
"""Made anew at each start: they belong to the version of the program."""


def bring_up_to_date(connection: psycopg.Connection[Any]) -> None:
    """Make the schema, or bring an older one up to date; other nodes wait meanwhile.

    Raises LogError where it was made by a newer version, and psycopg.Error.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        connection.execute("CREATE SCHEMA IF NOT EXISTS chat")
        connection.execute("CREATE TABLE IF NOT EXISTS chat.version (version int NOT NULL)")
        row = connection.execute("SELECT version FROM chat.version").fetchone()
        version = row[0] if row else 0
        if version > len(STEPS):
            raise LogError(
                f"The log's database is of version {version}, made by a newer twisted-chat;"
                f" this one knows {len(STEPS)}."
            )
        for step in STEPS[version:]:
            connection.execute(step)
        if version < len(STEPS):
            connection.execute("DELETE FROM chat.version")
            connection.execute("INSERT INTO chat.version VALUES (%s)", (len(STEPS),))
        connection.execute(FUNCTIONS)
