"""How often one address may fail to log in.

Guessing is slowed by counting *failures* of an address in a sliding window. While one address has
logins under way, each might be a failure too, so no more are let in at once than it may still
fail: the others wait their turn. So 300 people behind one address who come back at the same moment
all get in, while a guesser never gets one guess more than the window allows, in whichever way it
spreads them over connections.

What a success does: it takes back the failures *of the same user* from that address, and no
others. A person who mistyped costs those who share the address nothing, and who guesses alice's
password can not buy more guesses by logging in as mallory. Failures of others run out by
themselves, and what is refused unseen does not count: nobody is shut out for longer than the
window after the last real guess.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from math import ceil
from typing import Final

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from twisted_chat.vocabulary.addresses import network
from twisted_chat.vocabulary.errors import ChatError

MAX_FAILURES: Final = 5
"""Failures of one address in a window, at most."""

WINDOW_SECONDS: Final = 60.0
"""How long a failure counts."""

MAX_ADDRESSES: Final = 10_000
"""Addresses whose failures are remembered, at most; those that failed longest ago go first."""

MAX_WAITING: Final = 1_024
"""Logins that wait for others of their address, in all, at most."""


@frozen
class _Failure:
    time: float
    user: str


@define(eq=False)
class _Line:
    """The logins of one address that are under way, and those that wait for them."""

    active: int = 0
    waiting: deque[Deferred[None]] = field(factory=deque)
    serving: bool = False


@define(eq=False)
class Attempts:
    """Counts wrong passwords by address.

    A login that guesses (it has a password) awaits ``begin`` and in the end calls ``end``; one
    that does not calls ``check``. Either then tells how it went.
    """

    _clock: IReactorTime
    _failures: OrderedDict[str, deque[_Failure]] = field(factory=OrderedDict, init=False)
    _lines: dict[str, _Line] = field(factory=dict, init=False)
    _waiting: int = field(default=0, init=False)

    def check(self, host: str) -> None:
        """Raise ChatError ``too-many-attempts`` while nothing from ``host`` may be tried."""
        where, now = network(host), self._clock.seconds()
        if len(self._recent(where, now)) >= MAX_FAILURES:
            raise self._refusal(where, now)

    def begin(self, host: str) -> Deferred[None]:
        """Fire when a password from ``host`` may be tried; it is under way until ``end``.

        Fails with ChatError ``too-many-attempts``, or ``server-full`` where too many wait.
        """
        where = network(host)
        line = self._lines.setdefault(where, _Line())
        turn: Deferred[None] = Deferred(lambda turn: self._give_up(line, turn))
        line.waiting.append(turn)
        self._waiting += 1
        self._serve(where, line)
        if turn in line.waiting and self._waiting > MAX_WAITING:
            self._give_up(line, turn)
            turn.errback(
                ChatError("server-full", "Too many logins are waiting; try again shortly.")
            )
        return turn

    def end(self, host: str) -> None:
        """End what ``begin`` began, after telling how it went."""
        where = network(host)
        line = self._lines[where]
        line.active -= 1
        self._serve(where, line)

    def failed(self, host: str, user: str) -> None:
        """Count a failure to log in from ``host`` as ``user`` (a compared name)."""
        where = network(host)
        failures = self._failures.setdefault(where, deque(maxlen=MAX_FAILURES))
        failures.append(_Failure(self._clock.seconds(), user))
        self._failures.move_to_end(where)
        if len(self._failures) > MAX_ADDRESSES:
            self._failures.popitem(last=False)

    def succeeded(self, host: str, user: str) -> None:
        """Take back the failures from ``host`` as ``user``, who was only mistyping."""
        failures = self._failures.get(network(host), ())
        for failure in [failure for failure in failures if failure.user == user]:
            self._failures[network(host)].remove(failure)

    def _recent(self, where: str, now: float) -> deque[_Failure]:
        """Return the failures that still count, having forgotten the others."""
        failures = self._failures.get(where)
        if failures is None:
            return deque()
        # One of the future is from before the clock was set back: it would count for too long.
        while failures and not now - WINDOW_SECONDS < failures[0].time <= now:
            failures.popleft()
        if not failures:
            del self._failures[where]
        return failures

    def _serve(self, where: str, line: _Line) -> None:
        """Let in those who may be tried now; refuse the others once nothing can make room."""
        if line.serving:  # a login that ended at once: the loop below goes on with the next
            return
        line.serving = True
        while line.waiting:
            now = self._clock.seconds()
            if line.active + len(self._recent(where, now)) < MAX_FAILURES:
                line.active += 1
                self._leave(line).callback(None)
            elif not line.active:
                self._leave(line).errback(self._refusal(where, now))
            else:
                break
        line.serving = False
        if not line.active and not line.waiting:
            del self._lines[where]

    def _leave(self, line: _Line) -> Deferred[None]:
        self._waiting -= 1
        return line.waiting.popleft()

    def _give_up(self, line: _Line, turn: Deferred[None]) -> None:
        self._waiting -= 1
        line.waiting.remove(turn)

    def _refusal(self, where: str, now: float) -> ChatError:
        wait = max(1, ceil(self._recent(where, now)[0].time + WINDOW_SECONDS - now))
        seconds = "1 second" if wait == 1 else f"{wait} seconds"
        return ChatError("too-many-attempts", f"Too many wrong passwords; try again in {seconds}.")
