"""``twisted-chat export``, ``import`` and ``backup``: what is said can be taken along, and back."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from typing import Any

from twisted.internet.defer import Deferred

from tests.kit.held_log import texts_of
from tests.kit.logs import DEV, HOSTILE, LOCKED, OPS, Commands, check
from tests.kit.warm import ran
from twisted_chat.log.backing_up import BACKUP_PAGES, copy_log
from twisted_chat.log.contract import Answered, Entry
from twisted_chat.log.sqlite import SqliteLog


class FilesTests(Commands):
    """What becomes of a log in a file."""

    def content(self, log: SqliteLog) -> list[Any]:
        """Return all that a log holds, and close it."""
        content: list[Any] = [log.lives()]
        for life in log.lives():
            content.append(self.successResultOf(log.read(life.epoch, 0, 999)).texts)
        content.append(self.successResultOf(log.kept("kind")))
        self.successResultOf(log.close())
        return content

    # --- export and import -----------------------------------------------------------------

    def test_changes_there_and_back(self) -> None:
        """What changed a text goes along, and a later export brings what changed since."""
        log = self.open()
        self.successResultOf(log.create(OPS))

        def add(*entries: Entry) -> None:
            self.successResultOf(log.append(OPS.epoch, entries))

        add(
            Entry("ann", "teh", "1", guest=True), Entry("bob", "secret"), Entry("ann", "why?", of=2)
        )
        add(Entry("ann", "the", None, "edit", 1), Entry("bob", "👍", "4", "react", 1))
        earlier = self.run_command("export", str(self.path)).encode()
        add(Entry("bob", "oops", None, "redact", 2), Entry("bob", "👍", None, "undo", 1))
        add(Entry("ann", "The", None, "edit", 1), Entry("cid", "🎉", None, "react", 1))
        later = self.run_command("export", str(self.path)).encode()
        self.assertNotIn(b"secret", later)
        self.assertNotIn(b"teh", later)
        content = self.content(log)
        for name, lines in (("at-once.db", [later]), ("in-two.db", [earlier, later, later])):
            self.path = self.folder / name
            for some in lines:
                self.run_command("import", str(self.path), lines=some)
            log = self.open()
            found = self.successResultOf(log.search(OPS.epoch, "the", 99, 9)).texts
            self.assertEqual([text.seq for text in found], [1])
            self.assertEqual(self.successResultOf(log.search(OPS.epoch, "secret", 99, 9)).texts, [])
            again = self.successResultOf(log.append(OPS.epoch, [Entry("bob", "x", "4")]))
            self.assertEqual(again[0], content[1][4])
            self.assertEqual(self.content(log), content)

    def test_there_and_back(self) -> None:
        """What is exported while the daemon runs, and imported elsewhere, is the same in all."""
        log = self.filled()
        lines = self.run_command("export", str(self.path))
        content = self.content(log)
        self.path = self.folder / "other.db"
        told = self.run_command("import", str(self.path), lines=lines.encode())
        self.assertEqual(told, f"3 sessions, {len(HOSTILE) + 4} texts and 3 records were new.\n")
        log = self.open()
        found = self.successResultOf(log.search(OPS.epoch, "unicode OR quoted", 99, 9))
        self.assertEqual(found.texts, [])
        found = self.successResultOf(log.search(OPS.epoch, "quoted", 99, 9))
        self.assertEqual(len(found.texts), 1)
        again = texts_of(self.successResultOf(log.append(OPS.epoch, [Entry("Älice", "x", "m1")])))
        self.assertEqual([text.seq for text in again], [2])
        self.assertEqual(self.content(log), content)
        check(str(self.path))
        self.assertEqual(self.run_command("export", str(self.path)), lines)

    def test_an_export_is_json_lines(self) -> None:
        """Each line is one object; a session's comes before those of its texts."""
        self.content(self.filled())
        lines = [
            json.loads(line)
            for line in self.run_command("export", str(self.path)).split("\n")[:-1]
            if line
        ]
        seen: dict[str, int] = {}
        for line in lines:
            if line["type"] == "session":
                seen[line["epoch"]] = line.get("first", 1)
            elif line["type"] == "record":
                self.assertIn(line["scope"], ["", "user:bob", *seen])
            else:
                self.assertEqual(line["type"], "text")
                self.assertEqual(line["seq"], seen[line["epoch"]])
                seen[line["epoch"]] += 1
        self.assertEqual(seen, {OPS.epoch: len(HOSTILE) + 1, DEV.epoch: 2, LOCKED.epoch: 10})

    def test_one_session(self) -> None:
        """A session is named as people name it: without regard to case."""
        self.content(self.filled())
        for name in ("ops", "OPS"):
            lines = self.run_command("export", str(self.path), name).split("\n")[:-1]
            self.assertEqual(len(lines), 1 + len(HOSTILE))
        self.assertEqual(
            len(self.run_command("export", str(self.path), LOCKED.key).split("\n")[:-1]), 5
        )
        self.assertIn("no session x", self.not_done("export", str(self.path), "x"))

    def test_import_twice(self) -> None:
        """The same lines again change nothing; an export that goes further adds what is new."""
        log = self.filled()
        early = self.run_command("export", str(self.path)).encode()
        self.successResultOf(log.append(OPS.epoch, [Entry("bob", "more"), Entry("bob", "x")]))
        later = self.run_command("export", str(self.path)).encode()
        content = self.content(log)
        self.assertIn(
            "0 sessions, 0 texts", self.run_command("import", str(self.path), lines=early)
        )
        self.assertEqual(self.content(self.open()), content)
        self.path = self.folder / "other.db"
        file = self.folder / "lines"
        for lines, new in (
            (early, f"3 sessions, {len(HOSTILE) + 4} texts and 3 records"),
            (later, "0 sessions, 2 texts and 0 records"),
        ):
            file.write_bytes(lines)
            self.assertIn(new, self.run_command("import", str(self.path), str(file)))
        self.assertEqual(self.content(self.open()), content)
        check(str(self.path))

    def test_import_into_a_log_in_use(self) -> None:
        """While a daemon holds the file nothing is imported."""
        log = self.filled()
        self.assertIn("in use by process", self.not_done("import", str(self.path)))
        self.successResultOf(log.close())

    def test_lines_that_do_not_fit(self) -> None:
        """A line that is wrong is named, and nothing at all is imported."""
        self.content(self.filled())
        session = {"type": "session", "epoch": "n", "key": "n", "name": "N"}
        text = {"type": "text", "epoch": "n", "seq": 1, "time": 1, "source": "a", "data": "b"}
        for wrong, why in (
            (b"{", "truncated"),
            (b"\xff\xfe", "malformed"),
            (b'{"type": "other"}', "other"),
            ({**text, "seq": "1"}, "Expected"),
            ({**text, "seq": 2}, "missing (seq 1)"),
            ({**text, "epoch": "other"}, "no session of the epoch other"),
            ({**text, "epoch": OPS.epoch, "seq": 2}, "another text with the seq 2"),
            ({**session, "epoch": "other"}, "another session N"),
            ({**session, "epoch": "x", "key": "ops"}, "another session"),
            ({"type": "record", "kind": "k", "scope": "x", "key": "", "value": ""}, "no session"),
        ):
            lines = [json.dumps(session).encode()]
            lines.append(wrong if isinstance(wrong, bytes) else json.dumps(wrong).encode())
            told = self.not_done("import", str(self.path), lines=b"\n".join(lines))
            self.assertIn("Line 2", told)
            self.assertIn(why, told)
        twice = [session, {**text, "id": "m"}, {**text, "id": "m", "seq": 2}]
        lines = [json.dumps(line).encode() for line in twice]
        self.assertIn("id m", self.not_done("import", str(self.path), lines=b"\n".join(lines)))
        log = self.open()
        self.assertEqual(len(log.lives()), 3)
        self.successResultOf(log.close())

    # --- backup ----------------------------------------------------------------------------

    def test_a_backup_while_the_daemon_runs(self) -> None:
        """A copy of one moment, complete, while texts are said; it opens as a log."""
        log = self.filled()
        big = [Entry("a", f"word {n} " + "x" * 4_000) for n in range(BACKUP_PAGES * 5)]
        self.successResultOf(log.append(DEV.epoch, big))
        copy = self.folder / "copy.db"
        copy.write_text("an older copy")
        said: list[Deferred[list[Answered]]] = []

        def say(*_: int) -> None:
            said.append(log.append(DEV.epoch, [Entry("late", "x" * 9_000)]))

        count = copy_log(str(self.path), str(copy), say)
        self.assertEqual(count, len(big) + len(HOSTILE) + 4)
        self.assertGreater(len(said), 3)
        for each in said:
            self.successResultOf(each)
        heads = [life.head for life in log.lives()]
        epochs = {life.epoch for life in log.lives()}
        self.successResultOf(log.close())
        self.assertEqual(copy.stat().st_mode & 0o777, 0o600)
        self.assertEqual(
            sorted(each.name for each in self.folder.iterdir()),
            ["chat.db", "chat.db-lock", "copy.db"],
        )
        check(str(copy))
        self.path = copy
        log = self.open()
        self.assertEqual(
            [life.head for life in log.lives()], [heads[0], heads[1] - len(said), heads[2]]
        )
        # Who resumes in a restored log is told to reset: its seqs may come again.
        self.assertTrue(epochs.isdisjoint(life.epoch for life in log.lives()))
        self.successResultOf(log.close())

    def test_a_backup_says_what_it_holds(self) -> None:
        """One line, on standard output; and so each time: an older copy is replaced."""
        self.begun(1_234)
        copy = self.folder / "copy.db"
        for _ in range(2):
            told = self.run_command("backup", str(self.path), str(copy))
            self.assertEqual(told, f"1,234 texts are in {copy}.\n")

    def test_no_backup(self) -> None:
        """What can not be copied, or not there, is refused; an older copy stays as it was."""
        self.begun(1_000)
        copy = self.folder / "copy.db"
        copy.write_text("an older copy")
        self.assertIn("There is no log", self.not_done("backup", f"{self.path}x", str(copy)))
        self.assertIn("the log itself", self.not_done("backup", str(self.path), str(self.path)))
        self.assertIn("a folder", self.not_done("backup", str(self.path), str(self.folder)))
        with self.assertRaises(FileNotFoundError):
            self.run_command("backup", str(self.path), str(self.folder / "no" / "copy.db"))
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        self.assertIn("no regular file", self.not_done("backup", str(self.path), str(pipe)))
        self.assertTrue(pipe.is_fifo())
        beside = self.folder / "copy.db-wal"
        beside.touch()
        self.assertIn("in use", self.not_done("backup", str(self.path), str(copy)))
        beside.unlink()
        content = bytearray(self.path.read_bytes())
        content[50_000:60_000] = os.urandom(10_000)
        self.path.write_bytes(content)
        self.assertIn("damaged", self.not_done("backup", str(self.path), str(copy)))
        self.assertEqual(copy.read_text(), "an older copy")
        self.assertNotIn(True, [each.name.startswith(".") for each in self.folder.iterdir()])

    def test_from_a_shell(self) -> None:
        """``twisted-chat`` knows the commands; what fails is one line, and status 1."""
        self.begun(3)
        for argv, status in (
            (["export", str(self.path)], 0),
            (["export", str(self.folder / "no.db")], 1),
            (["import", str(self.path), str(self.folder / "no.lines")], 1),
            (["backup", str(self.path), str(self.folder / "no" / "copy.db")], 1),
        ):
            ended = ran("twisted-chat", *argv)
            self.assertEqual((ended.returncode, ended.stderr.count("\n")), (status, status), ended)
            self.assertEqual(ended.stdout.count("\n"), 0 if status else 4)

    def test_what_is_no_log(self) -> None:
        """A database of something else is neither exported nor copied."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("CREATE TABLE songs (name)")
            connection.commit()
        for argv in (("export", str(self.path)), ("backup", str(self.path), "copy.db")):
            self.assertIn("not a chat log", self.not_done(*argv))
