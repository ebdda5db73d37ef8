"""Opening the durable log: whose it is, what is no log or a damaged one, and older versions."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tests.kit.held_log import texts_of
from tests.kit.logs import OPS, Folder, HeldWorker, InlineWorker, NoThreads, check
from twisted_chat.log.contract import Entry, Life, LogError, NotStored, Record, Unreadable
from twisted_chat.log.sqlite import open_sqlite
from twisted_chat.log.sqlite.indexing import INDEX_BITE
from twisted_chat.log.sqlite.log import ERASE_SECONDS, INDEX_WHEN_BUSY, SqliteLog
from twisted_chat.log.sqlite.schema import open_database
from twisted_chat.log.sqlite.steps import APPLICATION_ID, SEQ_BITS, STEPS
from twisted_chat.log.urls import open_log


class OpeningTests(Folder):
    def test_the_file_is_private(self) -> None:
        """What people say is for the daemon's user alone."""
        self.begun(1)
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)

    def test_a_check_is_written(self) -> None:
        """A check takes its way to the disk, as a text would: it can fail as one would."""
        log = self.open()
        wal = self.folder / "chat.db-wal"
        before = wal.stat().st_size
        self.successResultOf(log.check())
        self.assertGreater(wal.stat().st_size, before)
        self.successResultOf(log.close())

    def test_one_daemon_at_a_time(self) -> None:
        """A second daemon on the same file is refused, and told by whom it is held."""
        log = self.open()
        self.assertIn(f"in use by process {os.getpid()}", self.refused())
        self.successResultOf(log.close())
        self.successResultOf(self.open().close())

    def test_a_daemon_that_was_killed(self) -> None:
        """A kill -9 leaves nothing that stands in the way, and nothing acknowledged is lost."""
        daemon = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import sys, time\n"
                "from twisted.internet.task import Clock\n"
                "from tests.kit.logs import InlineWorker\n"
                "from twisted_chat.log.contract import Entry, Life\n"
                "from twisted_chat.log.sqlite import open_sqlite\n"
                "log = open_sqlite(sys.argv[1], Clock(), InlineWorker)\n"
                "log.create(Life(epoch='e', key='k', name='K'))\n"
                "print(len(log.append('e', [Entry('a', 'hello')]).result), flush=True)\n"
                "time.sleep(60)\n",
                str(self.path),
            ],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parent.parent.parent,
        )
        with daemon:
            assert daemon.stdout is not None
            self.assertEqual(daemon.stdout.readline(), b"1\n")
            self.assertIn(f"process {daemon.pid}", self.refused())
            daemon.kill()
        log = self.open()
        (text,) = texts_of(self.successResultOf(log.read("e", 0, 9)).texts)
        self.assertEqual(text.data, "hello")
        self.successResultOf(log.close())

    def test_no_place_for_a_file(self) -> None:
        """A folder that is not there, or a folder where the file should be: one line."""
        self.path = self.folder / "no" / "chat.db"
        self.assertIn("No such file", self.refused())
        self.path = self.folder / "folder"
        self.path.mkdir()
        self.assertIn("directory", self.refused())

    def test_what_is_not_a_database(self) -> None:
        """A file that is something else is refused, and left as it is."""
        for content in (b"hello, I am a letter\n" * 500, b"SQLite format 3\0" + b"\xff" * 5_000):
            self.path.write_bytes(content)
            self.assertIn("damaged, or not a log", self.refused())
            self.assertEqual(self.path.read_bytes(), content)

    def test_somebody_elses_database(self) -> None:
        """A database of another program is refused, and left as it is."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("CREATE TABLE songs (name)")
            connection.commit()
        content = self.path.read_bytes()
        self.assertIn("not a chat log", self.refused())
        self.assertEqual(self.path.read_bytes(), content)

    def test_a_file_that_was_cut_off(self) -> None:
        """A file that lacks its end is refused, and left as it is."""
        self.begun(500)
        content = self.path.read_bytes()
        self.path.write_bytes(content[: len(content) // 2])
        self.assertIn("malformed", self.refused())
        self.assertEqual(self.path.stat().st_size, len(content) // 2)

    def test_damage_within(self) -> None:
        """Damage that shows itself later is told to whoever meets it; the file stays."""
        self.begun(3_000)
        content = bytearray(self.path.read_bytes())
        for page in range(12, len(content) // 4_096 - 1):
            content[page * 4_096 : page * 4_096 + 64] = b"\xff" * 64
        self.path.write_bytes(content)
        try:
            log = self.open()
        except LogError as refusal:
            self.assertIn("damaged", str(refusal))
            return
        failure = self.failureResultOf(log.read(OPS.epoch, 1_000, 1_200), Unreadable)
        self.assertIn("malformed", str(failure.value))
        self.failureResultOf(log.append(OPS.epoch, [Entry("a", "b", "m1500")]), NotStored)
        self.successResultOf(log.close())
        self.assertEqual(self.path.stat().st_size, len(content))

    def test_a_file_of_a_newer_program(self) -> None:
        """A file that this program does not know is refused, and left as it is."""
        self.begun(1)
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
        content = self.path.read_bytes()
        self.assertIn("newer version", self.refused())
        self.assertEqual(self.path.read_bytes(), content)

    def test_a_file_of_an_older_program(self) -> None:
        """An older file is brought up to date, step by step, with all that is in it."""
        self.begun(3)
        steps = (
            *STEPS,
            "ALTER TABLE lives ADD COLUMN colour TEXT DEFAULT 'red'",
            "CREATE TABLE extra (x); INSERT INTO extra SELECT colour FROM lives",
        )
        for _ in range(2):
            with closing(open_database(str(self.path), steps=steps)) as connection:
                self.assertEqual(
                    connection.execute("PRAGMA user_version").fetchone(), (len(steps),)
                )
                self.assertEqual(connection.execute("SELECT x FROM extra").fetchall(), [("red",)])
                self.assertEqual(connection.execute("SELECT count(*) FROM texts").fetchone(), (3,))

    def test_a_file_of_version_1(self) -> None:
        """All that is in it stays; it is searched as a new one is; what was begun is finished."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(VERSION_1)
        self.clock.advance(1_000)
        log = self.open()
        self.assertEqual(
            [(life.name, life.topic, life.first, life.head) for life in log.lives()],
            [("Ops", "we run it", 2, 4), ("Dev", "", 1, 1)],
        )
        for query, expected in (
            ("dep*", ["deploy it", "deployed", "departed"]),
            ("d*", ["deploy it", "deployed", "departed"]),
            ("de* i*", ["deploy it"]),
            ("deployed", ["deployed"]),
        ):
            found = self.successResultOf(log.search("ops-1", query, 99, 9))
            self.assertEqual([text.data for text in found.texts], expected)
        found = self.successResultOf(log.search("dev-1", "dep*", 99, 9))
        self.assertEqual([text.data for text in found.texts], ["depend on it"])
        (again,) = texts_of(
            self.successResultOf(log.append("ops-1", [Entry("alice", "new", "m2")]))
        )
        self.assertEqual((again.seq, again.data), (2, "deploy it"))
        (new,) = texts_of(self.successResultOf(log.append("ops-1", [Entry("alice", "new", "m1")])))
        self.assertEqual(new.seq, 5)
        self.successResultOf(log.close())
        with closing(sqlite3.connect(self.path)) as connection:
            self.assertEqual(connection.execute("SELECT count(*) FROM lives").fetchone(), (2,))
            self.assertEqual(connection.execute("SELECT count(*) FROM texts").fetchone(), (5,))
        check(str(self.path))

    def test_a_file_of_version_3(self) -> None:
        """A file from before anything could change a text: it has its texts, and takes that."""
        with closing(open_database(str(self.path), steps=STEPS[:3])) as connection:
            connection.execute("INSERT INTO lives (n, epoch, key, name, topic, keep)"
                               " VALUES (1, 'ops-1', 'ops', 'Ops', '', 1)")  # fmt: skip
            connection.executemany(
                "INSERT INTO texts VALUES (?, 1, 5, 'alice', ?, NULL)",
                [((1 << SEQ_BITS) + seq, data) for seq, data in ((1, "teh"), (2, "ничеи\u0306"))],
            )
            connection.execute("INSERT INTO words (rowid, data) SELECT place, data FROM texts")
            connection.execute("UPDATE lives SET indexed = 2")
        log = self.open()
        before = self.successResultOf(log.read("ops-1", 0, 9)).texts
        self.assertEqual([(one.data, one.guest) for one in texts_of(before)],
                         [("teh", False), ("ничеи\u0306", False)])  # fmt: skip
        for query in ("ничей", "ничеи\u0306", "teh"):
            found = self.successResultOf(log.search("ops-1", query, 99, 9)).texts
            self.assertEqual(len(found), 1, query)
        edit = Entry("alice", "the", None, "edit", 1)
        self.successResultOf(log.append("ops-1", [edit]))
        first, *_ = texts_of(self.successResultOf(log.read("ops-1", 0, 3)).texts)
        self.assertEqual((first.data, first.edited), ("the", 3))

    def test_what_is_redacted_leaves_the_files(self) -> None:
        """What was edited away or redacted is in no file any more, soon or when it is closed.

        Not in the table, nor in the search index, nor in the write-ahead log.
        """
        for is_closed in (False, True):
            log = self.open()
            epoch = f"e{is_closed}"
            self.successResultOf(log.create(Life(epoch=epoch, key=epoch, name=epoch)))
            texts = [f"hushhush{n}" for n in range(300)] + ["unsayable"]
            self.successResultOf(log.append(epoch, [Entry("alice", data) for data in texts]))
            self.successResultOf(log.search(epoch, "unsayable", 999, 9))  # they are indexed
            edits = [Entry("alice", "fine", None, "edit", n) for n in range(1, 301)]
            redaction = Entry("alice", "a slip", None, "redact", 301)
            self.successResultOf(log.append(epoch, [*edits, redaction]))
            if is_closed:
                self.successResultOf(log.close())
            else:
                self.assertIn(b"unsayable", self.bytes_of_files())
                self.clock.advance(ERASE_SECONDS)
            self.assertNotIn(b"unsayable", self.bytes_of_files())
            self.assertNotIn(b"hushhush", self.bytes_of_files())
            if not is_closed:
                self.assertEqual(self.clock.getDelayedCalls(), [])
                self.successResultOf(log.close())

    def bytes_of_files(self) -> bytes:
        return b"".join(
            path.read_bytes() for path in sorted(self.folder.iterdir()) if path.is_file()
        )

    def test_the_index_of_an_older_file_is_filled_in_bites(self) -> None:
        """Nobody waits for all of it: not who opens it, nor who says or searches something."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(VERSION_1)
            connection.execute(
                f"""
                WITH RECURSIVE more (n) AS (SELECT 5 UNION ALL SELECT n + 1 FROM more
                                            WHERE n < {INDEX_WHEN_BUSY + 2 * INDEX_BITE})
                INSERT INTO texts SELECT (1 << 36) + n, 1, 1700000000004, 'bob', 'it ' || n, n
                FROM more
                """
            )
            connection.commit()
        self.clock.advance(1_000)
        writer = HeldWorker("log-write")
        log = self.open(lambda name: writer if "write" in name else InlineWorker(name))
        one = log.append("dev-1", [Entry("bob", "one")])
        writer.begin()
        two = log.append("dev-1", [Entry("bob", "two")])
        writer.release()
        self.assertEqual(texts_of(self.successResultOf(one))[0].seq, 2)
        self.assertNoResult(two)
        writer.release()  # a bite
        writer.release()
        self.assertEqual(texts_of(self.successResultOf(two))[0].seq, 3)
        searched = log.search("dev-1", "one*", 99, 9)
        for _ in range(3):
            writer.release()
        self.assertEqual(len(self.successResultOf(searched).texts), 1)
        closed = log.close()
        writer.release_all()
        self.successResultOf(closed)

    def test_a_step_that_fails(self) -> None:
        """A step is done wholly or not at all."""
        self.begun(3)
        steps = (*STEPS, "CREATE TABLE extra (x); INSERT INTO nothing VALUES (1)")
        refusal = self.assertRaises(LogError, open_database, str(self.path), steps=steps)
        self.assertIn("nothing", str(refusal))
        log = self.open()
        self.assertEqual(log.lives()[0].head, 3)
        self.successResultOf(log.close())
        with closing(sqlite3.connect(self.path)) as connection:
            ((found,),) = connection.execute(
                "SELECT count(*) FROM sqlite_master WHERE name = 'extra'"
            )
            self.assertEqual(found, 0)

    def test_a_power_cut_may_have_taken_texts(self) -> None:
        """Then each session has another epoch, and clients are told; after a kill it has not."""
        path, make = str(self.path), InlineWorker

        def epoch_after(synchronous: str, boot: str, *, orderly: bool) -> str:
            log = open_sqlite(path, self.clock, make, synchronous, boot=lambda: boot)
            (life,) = log.lives() or [OPS]
            if life is OPS:
                self.successResultOf(log.create(OPS))
                self.successResultOf(log.keep([Record("role", OPS.epoch, "alice", b"owner")]))
            self.assertEqual(len(self.successResultOf(log.kept("role", life.epoch))), 1)
            if orderly:
                self.successResultOf(log.close())
            else:  # as if it was killed
                for close in (log._pages.close, log._finder.close, log._writer._connection.close):
                    close()
                os.close(log._lock)
            return life.epoch

        first = epoch_after("normal", "boot-1", orderly=False)
        self.assertEqual(first, OPS.epoch)
        self.assertEqual(epoch_after("normal", "boot-1", orderly=False), first)
        second = epoch_after("normal", "boot-2", orderly=True)
        self.assertNotEqual(second, first)
        self.assertEqual(epoch_after("normal", "boot-3", orderly=False), second)
        third = epoch_after("full", "boot-4", orderly=False)
        self.assertNotEqual(third, second)
        self.assertEqual(epoch_after("full", "boot-5", orderly=True), third)

    def test_synchronous(self) -> None:
        """Full unless the operator says normal; and it is back after work in the background."""
        for option, expected in (("", 2), ("?synchronous=full", 2), ("?synchronous=normal", 1)):
            log = open_log(f"sqlite:{self.path}{option}", self.clock, NoThreads())
            assert isinstance(log, SqliteLog)
            connection = log._writer._connection
            self.assertEqual(connection.execute("PRAGMA synchronous").fetchone(), (expected,))
            log._writer.tidy()
            self.assertEqual(connection.execute("PRAGMA synchronous").fetchone(), (expected,))
            for close in (log._pages.close, log._finder.close, log._writer.close):
                close()
            os.close(log._lock)


VERSION_1 = f"""
    PRAGMA application_id = {APPLICATION_ID};
    PRAGMA user_version = 1;
    CREATE TABLE lives (
        n INTEGER PRIMARY KEY, epoch TEXT NOT NULL UNIQUE, key TEXT NOT NULL, name TEXT NOT NULL,
        owner TEXT, topic TEXT NOT NULL, keep INTEGER NOT NULL, password TEXT, direct_first TEXT,
        direct_second TEXT, pruned INTEGER NOT NULL DEFAULT 0, indexed INTEGER NOT NULL DEFAULT 0,
        ended INTEGER NOT NULL DEFAULT 0
    );
    CREATE UNIQUE INDEX one_life_at_once ON lives (key) WHERE NOT ended;
    CREATE TABLE texts (
        place INTEGER PRIMARY KEY, life INTEGER NOT NULL, time INTEGER NOT NULL,
        source TEXT NOT NULL, data TEXT NOT NULL, id TEXT
    );
    CREATE UNIQUE INDEX once ON texts (life, id, source) WHERE id IS NOT NULL;
    CREATE VIRTUAL TABLE words USING fts5 (
        data, content = 'texts', content_rowid = 'place', columnsize = 0,
        tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"
    );
    CREATE VIEW said AS
        SELECT name AS session, place & 68719476735 AS seq,
               datetime(time / 1000, 'unixepoch') AS time, source, data, id
        FROM texts JOIN lives ON n = life WHERE NOT ended;
    INSERT INTO lives VALUES
        (1, 'ops-1', 'ops', 'Ops', NULL, 'we run it', 1, NULL, NULL, NULL, 1, 3, 0),
        (2, 'dev-1', 'dev', 'Dev', 'alice', '', 0, NULL, NULL, NULL, 0, 1, 0),
        (3, 'old-1', 'old', 'Old', NULL, '', 0, NULL, NULL, NULL, 0, 1, 1);
    INSERT INTO texts VALUES
        (68719476738, 1, 1700000000000, 'alice', 'deploy it', 'm2'),
        (68719476739, 1, 1700000000000, 'alice', 'deployed', NULL),
        (68719476740, 1, 1700000000003, 'bob', 'departed', 'b1'),
        (137438953473, 2, 1700000000001, 'bob', 'depend on it', 'b1'),
        (206158430209, 3, 1700000000002, 'eve', 'depths', 'e1');
    INSERT INTO words (rowid, data) SELECT place, data FROM texts WHERE place <> 68719476740;
"""
"""A file as version 1 left it: a text of Ops is pruned, one not indexed; Old is not removed yet."""
