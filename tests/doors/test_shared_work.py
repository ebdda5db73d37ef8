"""What many people at terminals are shown is made once for all with the same view."""

from __future__ import annotations

from unittest.mock import patch

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.terminals import Window
from tests.kit.world import ChatCase
from twisted_chat.client.words import render
from twisted_chat.client.words.render import Looks
from twisted_chat.client.words.shared import MAX_SIZE, SharedTexts
from twisted_chat.client.words.wishes import Wishes
from twisted_chat.doors.soon import IN_A_TURN, Soon
from twisted_chat.vocabulary import messages as m


class SharedWorkTests(ChatCase):
    """Rendering is done once for each view."""

    def test_once(self) -> None:
        """A text is made into lines once, and these are broken once for each width."""
        world = self.world()
        prover = world.prover()
        windows = [Window(world, prover, f"m{n}", 80 if n % 2 else 40) for n in range(10)]
        alice = world.come("alice")
        alice.say("the day begins")
        world.settle()
        with (
            patch.object(render, "said", wraps=render.said) as said,
            patch.object(render, "folded", wraps=render.folded) as folded,
        ):
            alice.say("hello " * 10)
            world.settle()
        self.assertEqual((said.call_count, folded.call_count), (1, 2))
        for number, window in enumerate(windows):
            self.assertEqual(window.shown.count("hello"), 10)
            rows = [row for row in window.shown.split("\r\n") if "hello" in row]
            self.assertEqual(len(rows), 1 if number % 2 else 3)


class KeptTests(ChatCase):
    """What an account has set at a terminal is there again, by whichever door."""

    def test_kept(self) -> None:
        """It is kept with the log, for accounts; a guest of another time has nothing of it."""
        world = self.world(users=["alice"])
        prover = world.prover()
        for name in ("alice", "gus"):
            window = Window(world, prover, name, 80)
            world.settle()
            window.terminal.received(b"/set times none\r/ignore bob\r")
            world.settle()
            self.assertEqual(window.terminal.desk.kept.wishes.times, "none")
            window.terminal.received(b"\x04")
            world.settle()
        alice, gus = (Window(world, prover, name, 80) for name in ("alice", "gus"))
        world.settle()
        self.assertEqual(alice.terminal.desk.kept.wishes, Wishes(times="none"))
        self.assertEqual(gus.terminal.desk.kept.wishes, Wishes())
        for window, ignored in ((alice, {"bob": "bob"}), (gus, {})):
            server = window.terminal.desk.where.server
            assert server is not None
            self.assertEqual(server.ignored, ignored)  # an account's other devices know it, too


class SharedTextsTests(SynchronousTestCase):
    """The lines that are kept."""

    def text(self, size: int = 2, source: str = "bob") -> m.Text:
        return m.Text(session="ops", seq=1, time=0, source=source, data="x" * size)

    def test_views(self) -> None:
        """Who said it, and who is told of its place, sees other lines; the same see the same."""
        shared, text = SharedTexts(), self.text()
        line = shared.lines(text, Looks(), "carol")
        self.assertIs(shared.lines(text, Looks(), "dave"), line)
        self.assertIsNot(shared.lines(text, Looks(), "bob"), line)
        self.assertIsNot(shared.lines(text, Looks("ops"), "dave"), line)

    def test_bound(self) -> None:
        """What is kept has a bound, whatever is said."""
        shared = SharedTexts()
        for _ in range(40):
            shared.lines(self.text(MAX_SIZE // 8), Looks(), "carol")
        self.assertLessEqual(len(shared._kept), 8)


class SoonTests(SynchronousTestCase):
    """What is done in the next turn."""

    def test_turns(self) -> None:
        """So many are done in a turn, in order; what fails keeps none of the others."""
        clock = Clock()
        soon, done = Soon(clock), list[int]()
        for number in range(2 * IN_A_TURN + 1):
            soon.call(lambda number=number: done.append(number))  # type: ignore[misc]
        soon.call(lambda: done[1_000_000])
        soon.call(lambda: soon.call(lambda: done.append(-1)))
        self.assertEqual(len(clock.calls), 1)
        turns = 0
        while clock.calls:
            clock.calls.pop(0).func()
            turns += 1
        self.assertEqual(done, [*range(2 * IN_A_TURN + 1), -1])
        self.assertEqual(turns, 4)
        self.assertEqual(len(self.flushLoggedErrors(IndexError)), 1)
