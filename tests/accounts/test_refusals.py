"""What was refused: counted, and written down, but never so that it fills the log."""

from __future__ import annotations

from attrs import define
from twisted.internet.task import Clock
from twisted.logger import Logger, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.accounts.refusals import Refusals
from twisted_chat.chat.sparing import LINES, SECONDS, SparingLog


@define
class Somewhere:
    door: str = "native"
    host: str = "192.0.2.1"
    port: int = 7


class RefusalsTests(SynchronousTestCase):
    def test_limits(self) -> None:
        """Who met a limit is named; what is everyday is counted alone."""
        clock = Clock()
        refusals = Refusals(SparingLog(clock, Logger()))
        with capturedLogs() as logs:
            refusals.add("not-in-session", Somewhere())
            refusals.add("server-full", Somewhere())
        self.assertEqual(refusals.counts, {"not-in-session": 1, "server-full": 1})
        self.assertEqual(
            [formatEvent(event) for event in logs],
            ["Refused (server-full): 192.0.2.1:7 by the native door"],
        )

    def test_a_flood(self) -> None:
        """A thousand in a second are a few lines, and one that says how many more there were."""
        clock = Clock()
        refusals = Refusals(SparingLog(clock, Logger()))
        with capturedLogs() as logs:
            for _ in range(1_000):
                refusals.add("banned", Somewhere())
            clock.advance(SECONDS)
        self.assertEqual(refusals.counts["banned"], 1_000)
        self.assertEqual(len(logs), LINES + 1)
        self.assertIn(str(1_000 - LINES), formatEvent(logs[-1]))
