"""A turn: one pass of the reactor. What happens in it is stored, and given out, at its end."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Protocol

from attrs import Factory, define
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_chat.chat.member import Attendant

READS_IN_A_TURN = 8
"""Pages that are begun in one turn, at most: catching up never holds up what is live."""

STEPS_IN_A_TURN = 256
"""Steps of longer pieces of work (leaving many sessions, say) that are done in one turn: 1 ms."""


AtEnd = Callable[[Callable[[], object]], object]
"""Does something when all that can be read in this turn of the reactor has been read."""


def delayed(clock: IReactorTime) -> AtEnd:
    """Do it by a delayed call: where the reactor can not be asked for the end of its turn."""
    return partial(clock.callLater, 0)


class Turned(Protocol):
    """A session, as a turn sees it."""

    @property
    def name(self) -> str:
        """Its name, for people."""

    def __hash__(self) -> int: ...

    def turn(self) -> None:
        """Store and give out what there is."""


@define(eq=False, repr=False)
class Turn:
    """What is to be done at the end of this turn of the reactor."""

    _at_end: AtEnd
    _sessions: dict[Turned, None] = Factory(dict)
    _behind: dict[Attendant, None] = Factory(dict)
    _work: deque[Iterator[object]] = Factory(deque)
    """Pieces of work that are too long for one turn, each a step at a time."""
    _steps: int = STEPS_IN_A_TURN
    """How many steps may still be done in this turn."""
    _scheduled: bool = False

    _logger = Logger()

    def wake(self, session: Turned) -> None:
        """Let ``session`` store and give out what it has, when this turn ends."""
        self._sessions[session] = None
        if not self._scheduled:
            self._schedule()

    def catch_up(self, user: Attendant) -> None:
        """Let ``user`` be read to from the log, where it is behind, when it is its turn."""
        self._behind[user] = None
        if not self._scheduled:
            self._schedule()

    def work(self, steps: Iterator[object]) -> None:
        """Do a piece of work, a step at a time: now, as far as there is room in this turn.

        What is left is done in the turns that follow, so that nobody waits for all of it.
        """
        if self._work or not self._done(steps):
            self._work.append(steps)
        if not self._scheduled:
            self._schedule()

    def ended(self) -> Deferred[None]:
        """Fire when this turn has ended: what was to be given out in it has been."""
        done = Deferred[None]()
        self._at_end(lambda: done.callback(None))
        return done

    def _done(self, steps: Iterator[object]) -> bool:
        """Do some steps, and return whether there are no more."""
        try:
            while self._steps:
                self._steps -= 1
                next(steps)
        except StopIteration:
            return True
        except Exception:
            self._logger.failure("A piece of work is broken")
            return True
        return False

    def _schedule(self) -> None:
        self._scheduled = True
        self._at_end(self._end)

    def _end(self) -> None:
        self._scheduled = False
        sessions, self._sessions = self._sessions, {}
        for session in sessions:
            try:
                session.turn()
            except Exception:  # a session that is broken loses its own turn alone
                self._logger.failure("{session} is broken", session=session.name)
        for user in tuple(islice(self._behind, READS_IN_A_TURN)):
            del self._behind[user]
            if user.behind and not user.full and not user.reading:
                member = next(iter(user.behind))
                member.session.catch_up(member)
        self._steps = STEPS_IN_A_TURN
        while self._work and self._done(self._work[0]):
            self._work.popleft()
        if len(self._work) > 1:
            self._work.rotate(-1)  # one that is long does not keep the others waiting
        if (self._behind or self._work) and not self._scheduled:
            self._schedule()
