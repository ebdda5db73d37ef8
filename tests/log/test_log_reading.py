"""What reads the durable log only reads; what it holds is nobody else's; searches have an end."""

from __future__ import annotations

import os
import resource
import signal
import stat
import tempfile
from contextlib import closing
from pathlib import Path
from threading import Event

from twisted.internet.task import Clock

from tests.kit.logs import OPS, Folder, HeldWorker
from twisted_chat.log import contract
from twisted_chat.log.backing_up import copy_log
from twisted_chat.log.contract import Entry, LogError
from twisted_chat.log.memory import MemoryLog
from twisted_chat.log.query import MAX_WORDS, parse
from twisted_chat.log.sqlite import reading
from twisted_chat.log.sqlite.reading import Asked
from twisted_chat.log.sqlite.schema import hold, open_for_reading
from twisted_chat.log.threads import ThreadWorker
from twisted_chat.vocabulary.errors import ChatError

NOBODY = 65_534


class PrivateTests(Folder):
    def test_modes(self) -> None:
        """A log that others could read is its owner's alone from the next start on."""
        self.begun(3)
        for beside in ("", "-wal"):
            file = Path(f"{self.path}{beside}")
            file.touch()
            file.chmod(0o644)
        log = self.open()
        for beside in ("", "-wal", "-shm", "-lock"):
            mode = stat.S_IMODE(os.stat(f"{self.path}{beside}").st_mode)
            self.assertEqual(mode, 0o600, beside)
        self.successResultOf(log.close())

    def test_never_through_a_link(self) -> None:
        """A lock that is a link to something else is refused, and that is left as it was."""
        other = self.folder / "other"
        other.write_text("precious")
        Path(f"{self.path}-lock").symlink_to(other)
        problem = self.assertRaises(LogError, hold, str(self.path))
        self.assertIn("-lock is a link", str(problem))
        self.assertEqual(other.read_text(), "precious")


class OthersTests(Folder):
    def test_a_folder_that_can_only_be_read(self) -> None:
        """Who can only read a log that was closed in an orderly way can export and copy it."""
        if os.geteuid():
            self.skipTest("only root can be somebody else")
        self.begun(3)
        self.path.chmod(0o644)
        Path(f"{self.path}-lock").unlink()
        self.folder.chmod(0o555)
        out = tempfile.TemporaryDirectory()
        self.addCleanup(out.cleanup)
        os.chmod(out.name, 0o777)
        before = sorted(self.folder.iterdir())
        os.seteuid(NOBODY)
        try:
            with closing(open_for_reading(str(self.path))) as connection:
                (count,) = connection.execute("SELECT count(*) FROM texts").fetchone()
            copied = copy_log(str(self.path), f"{out.name}/copy.db")
        finally:
            os.seteuid(0)
        self.assertEqual((count, copied), (3, 3))
        self.assertEqual(sorted(self.folder.iterdir()), before)

    def test_whom_a_backup_blames(self) -> None:
        """What can not be written is the copy's fault, and the sentence names it."""
        self.begun(2_000)
        full = self.folder / "full"
        full.mkdir()
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_960, limit[1]))
        try:
            problem = self.assertRaises(LogError, copy_log, str(self.path), f"{full}/copy.db")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
            signal.signal(signal.SIGXFSZ, handler)
        self.assertTrue(str(problem).startswith(f"{full}/copy.db can not be written: "), problem)
        self.assertEqual(list(full.iterdir()), [])


class BoundTests(Folder):
    def test_a_phrase_is_bounded(self) -> None:
        """A query has so many words at most, however few terms they make."""
        with self.assertRaises(ChatError) as refused:
            parse('"' + "a " * (MAX_WORDS + 1) + '"')
        self.assertEqual(refused.exception.code, "bad-request")
        self.assertEqual(len(parse('"' + "a " * MAX_WORDS + '"')), 1)

    def test_time_is_bounded(self) -> None:
        """A search that takes too long is ended and told so; the next one is as it was."""
        self.begun(2_000)
        log = self.open()
        self.successResultOf(log.search(OPS.epoch, "word", 9_999, 9))
        self.patch(reading, "SEARCH_SECONDS", -1.0)
        problem = self.failureResultOf(log.search(OPS.epoch, "word", 9_999, 200), ChatError).value
        assert isinstance(problem, ChatError)
        self.assertEqual(problem.code, "bad-request")
        self.patch(reading, "SEARCH_SECONDS", 2.0)
        page = self.successResultOf(log.search(OPS.epoch, "word", 9_999, 9))
        self.assertEqual(len(page.texts), 9)
        self.successResultOf(log.close())

    def test_memory_too(self) -> None:
        """The log in memory looks as long, and no longer."""
        clock = Clock()
        log = MemoryLog(clock)
        self.successResultOf(log.create(OPS))
        log.append(OPS.epoch, [Entry("a", "x" * 1_000) for _ in range(200)])
        found = log.search(OPS.epoch, "word", 9_999, 9)
        clock.advance(contract.SEARCH_SECONDS + 1)
        self.failureResultOf(found, ChatError)

    def test_who_hangs_up(self) -> None:
        """A search that nobody waits for any more is ended, or not begun."""
        self.begun(3)
        log = self.open(HeldWorker)
        finder = log._find
        assert isinstance(finder, HeldWorker)
        found = log.search(OPS.epoch, "word", 9, 9)
        found.addErrback(lambda _: None)
        found.cancel()
        self.assertEqual(len(finder.held), 1)
        asked = Asked()
        asked.begin()
        self.assertFalse(asked.is_over())
        asked.over = True
        self.assertTrue(asked.is_over())

    def test_a_job_that_is_cancelled_is_not_done(self) -> None:
        """A worker's thread passes it by."""
        calls: list[object] = []

        class Reactor:
            def callFromThread(self, function: object, *args: object) -> None:
                calls.append(args)

        worker = ThreadWorker("test", Reactor())  # type: ignore[arg-type]
        done: list[int] = []
        hold = Event()
        worker.do(hold.wait)
        cancelled = worker.do(lambda: done.append(1))
        cancelled.addErrback(lambda _: None)
        cancelled.cancel()
        worker.do(lambda: done.append(2))
        worker.stop()
        hold.set()
        assert worker._thread is not None
        worker._thread.join(10)
        self.assertEqual(done, [2])
