"""A log in a file moves to PostgreSQL, and back, as lines."""

from __future__ import annotations

import json
from typing import cast

import pytest
from twisted.internet.task import Clock

from tests.kit.logs import OPS, Commands, InlineWorker
from tests.kit.postgres import postgres
from twisted_chat.log.contract import Entry, Log
from twisted_chat.log.postgres import open_postgres
from twisted_chat.log.shared import SharedLog

pytestmark = pytest.mark.slow


def as_set(lines: str) -> list[dict[str, object]]:
    """Return what lines say, in whichever order they say it."""
    return sorted(map(json.loads, lines.split("\n")[:-1]), key=str)


class MovingTests(Commands):
    """The commands over both kinds of logs."""

    def setUp(self) -> None:
        super().setUp()
        self.url = postgres().url()

    def node(self) -> Log:
        """Open the log in the database."""
        log = open_postgres(self.url, Clock(), InlineWorker)
        self.addCleanup(lambda: self.successResultOf(log.close()))
        log.lives()
        return log

    def everything(self, log: Log) -> None:
        """Put every kind of entry into OPS."""
        at = next(life.head for life in log.lives() if life.epoch == OPS.epoch)
        entries = (
            Entry("ann", "teh", "1", guest=True),
            Entry("bob", "secret"),
            Entry("ann", "why?", of=at + 2),
            Entry("ann", "the", None, "edit", at + 1),
            Entry("bob", "👍", "4", "react", at + 1),
            Entry("cid", "🎉", None, "react", at + 3),
            Entry("bob", "oops", None, "redact", at + 2),
            Entry("bob", "👍", None, "undo", at + 1),
        )
        self.successResultOf(log.append(OPS.epoch, entries))  # type: ignore[arg-type]

    def test_to_postgres_and_back(self) -> None:
        """What was in the file is in the database, found and read as it was, and comes back."""
        log = self.filled()
        self.everything(log)
        self.successResultOf(log.close())
        lines = self.run_command("export", str(self.path))
        self.assertIn("were new", self.run_command("import", self.url, lines=lines.encode()))
        said = self.run_command("import", self.url, lines=lines.encode())
        self.assertEqual(said, "0 sessions, 0 texts and 0 records were new.\n")
        moved = self.run_command("export", self.url)
        self.assertEqual(as_set(lines), as_set(moved))
        database = self.node()
        head = next(life.head for life in database.lives() if life.epoch == OPS.epoch)
        found = self.successResultOf(database.search(OPS.epoch, "the", 999, 9)).texts
        self.assertEqual([text.data for text in found][-1:], ["the"])
        page = self.successResultOf(database.read(OPS.epoch, head - 8, head + 1)).texts
        self.path = self.folder / "back.db"
        self.run_command("import", str(self.path), lines=moved.encode())
        again = self.open()
        back = self.successResultOf(again.read(OPS.epoch, head - 8, head + 1)).texts
        self.assertEqual(page, back)
        self.successResultOf(again.close())

    def test_what_came_later(self) -> None:
        """A later export brings what was said and changed since; a log in use is left alone."""
        log = self.filled()
        self.run_command(
            "import", self.url, lines=self.run_command("export", str(self.path)).encode()
        )
        self.everything(log)
        self.successResultOf(log.close())
        lines = self.run_command("export", str(self.path))
        self.run_command("import", self.url, lines=lines.encode())
        self.assertEqual(as_set(lines), as_set(self.run_command("export", self.url)))
        self.successResultOf(cast(SharedLog, self.node()).renew())
        self.assertIn("runs", self.not_done("import", self.url, lines=lines.encode()))

    def test_no_backup_of_a_database(self) -> None:
        """A backup of it is PostgreSQL's own, and that is said."""
        self.assertIn("pg_dump", self.not_done("backup", self.url, "copy.db"))

    def test_lines_that_do_not_fit_a_database(self) -> None:
        """What does not go with what is there is refused, and nothing of it is kept."""
        log = self.filled()
        self.successResultOf(log.close())
        lines = self.run_command("export", str(self.path)).encode()
        self.run_command("import", self.url, lines=lines)
        self.not_done("import", self.url, lines=b"{}")
        self.not_done("import", self.url, lines=lines.replace(b'"bob"', b'"eve"'))
        self.assertEqual(self.run_command("export", self.url).count("eve"), 0)
