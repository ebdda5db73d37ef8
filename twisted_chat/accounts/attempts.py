"""How often one address may fail to log in.

Guessing is slowed by counting *failures* of an address in a sliding window, which is twice as long
each time that it was full, until nothing was wrong for an hour. While one address has
logins under way, each might be a failure too, so no more are let in at once than it may still
fail: the others wait their turn. So 300 people behind one address who come back at the same moment
all get in, while a guesser never gets one guess more than the window allows, in whichever way it
spreads them over connections.

What a success does: it takes back the failures *of the same user* from that address, and no
others. A person who mistyped costs those who share the address nothing, and who guesses alice's
password can not buy more guesses by logging in as mallory. Failures of others run out by
themselves, and what is refused unseen does not count: nobody is shut out for longer than the
window after the last real guess.

Who says a name and no password guesses nothing, as a client does that is to ask its person for one;
but it learns whether there is such an account. So that counts for its address, as a failure does,
until it logs in or guesses; and for nobody's account.

Who is known goes first: an account keeps its way in from an address from which it has logged in
before, whatever strangers guess there or elsewhere. From all other addresses together so many
guesses of one account are let in in a window. And guesses of all addresses have their turn one
address after the other, a few at a time: a flood from many is slow, and waits behind those who are
known.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from math import ceil
from typing import Final

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime

from twisted_chat.vocabulary.addresses import network
from twisted_chat.vocabulary.errors import ChatError

MAX_FAILURES: Final = 5
"""Failures of one address in a window, at most, unless the operator says otherwise."""

WINDOW_SECONDS: Final = 60.0
"""How long a failure counts at first."""

MAX_DOUBLED: Final = 4
"""How often that is doubled, at most: to 16 minutes."""

QUIET_SECONDS: Final = 3_600.0
"""After so long without too many failures it is as at first."""

MAX_ADDRESSES: Final = 10_000
"""Addresses whose failures are remembered, at most; those that failed longest ago go first."""

MAX_WAITING: Final = 1_024
"""Logins that wait for others, in all, at most."""

MAX_ACTIVE: Final = 16
"""Logins of all addresses that are under way at once, unless the operator says otherwise."""

GUESSES: Final = 10
"""How many times as often one account may be guessed in a window, from all addresses together."""

MOST: Final = 100
"""Failures of an address that are remembered, at most."""

MAX_KNOWN: Final = 100_000
"""Addresses of accounts that are remembered, in all; the ones not heard of longest go first."""


@frozen
class _Failure:
    time: float
    user: str
    guessed: bool = True
    """Or a name was said alone."""


@define(eq=False)
class _Windows:
    """How long failures count, of each address or account: longer each time there were too many."""

    _full: OrderedDict[str, tuple[int, float]] = field(factory=OrderedDict, init=False)
    """How often there were, and when last."""

    def of(self, who: str, now: float) -> float:
        """Return how many seconds a failure counts."""
        times, last = self._full.get(who, (0, 0.0))
        if now - last >= QUIET_SECONDS:
            return WINDOW_SECONDS
        return WINDOW_SECONDS * 2.0 ** min(max(times - 1, 0), MAX_DOUBLED)

    def filled(self, who: str, now: float) -> None:
        """There were too many, once more."""
        times, last = self._full.pop(who, (0, now))
        self._full[who] = (times + 1 if now - last < QUIET_SECONDS else 1), now
        if len(self._full) > MAX_ADDRESSES:
            self._full.popitem(last=False)

    def taken_back(self, who: str) -> None:
        """Some of them did not count, after all."""
        times, last = self._full.get(who, (0, 0.0))
        if times > 1:
            self._full[who] = times - 1, last
        else:
            self._full.pop(who, None)


@define(eq=False)
class _Line:
    """The logins of one address that are under way, and those that wait for them."""

    known: bool
    active: int = 0
    waiting: deque[Deferred[None]] = field(factory=deque)


@define(eq=False)
class Attempts:
    """Counts wrong passwords by address, and lets guesses in a few at a time, all in their turn.

    A login that guesses (it has a password) awaits ``begin`` and in the end calls ``end``; one
    that does not calls ``check``. Either then tells how it went. ``learned`` is called with each
    address from which an account has got in for the first time.

    ``failures`` are those of an address in a window (up to MOST), ``at_once`` the logins of all
    that are under way: what is over waits for its turn.
    """

    _clock: IReactorTime
    failures: int = MAX_FAILURES
    at_once: int = MAX_ACTIVE
    learned: Callable[[str, str], object] = field(default=lambda _where, _user: None, kw_only=True)
    _failures: OrderedDict[str, deque[_Failure]] = field(factory=OrderedDict, init=False)
    _windows: _Windows = field(factory=_Windows, init=False)
    _by_user: OrderedDict[str, deque[float]] = field(factory=OrderedDict, init=False)
    """When an account's password was guessed wrong, from wherever it is not known."""
    _user_windows: _Windows = field(factory=_Windows, init=False)
    _known: OrderedDict[tuple[str, str], None] = field(factory=OrderedDict, init=False)
    """Addresses from which an account has got in before."""
    _lines: OrderedDict[str, _Line] = field(factory=OrderedDict, init=False)
    """By address, those whose turn it is first before the others."""
    _fresh: set[tuple[str, str]] = field(factory=set, init=False)
    """Who has got in just now, until its login ends."""
    _active: int = field(default=0, init=False)
    _waiting: int = field(default=0, init=False)
    _serving: bool = field(default=False, init=False)

    # --- who is known ------------------------------------------------------------------------

    def know(self, where: str, user: str) -> None:
        """An account has got in from that address (a ``network``) before: it keeps its way in."""
        self._known[where, user] = None
        self._known.move_to_end((where, user))
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)

    def known_of(self, user: str) -> list[str]:
        """Return from where an account has got in before."""
        return [where for where, known in self._known if known == user]

    def forget(self, where: str, user: str) -> None:
        """An account is known from that address no more."""
        self._known.pop((where, user), None)

    def _place(self, host: str, user: str | None) -> str:
        """Return what is counted together: an address, or an account at an address of its own."""
        where = network(host)
        return f"{where} {user}" if (where, user) in self._known else where

    # --- a login -----------------------------------------------------------------------------

    def check(self, host: str, user: str | None = None) -> None:
        """Raise ChatError ``too-many-attempts`` while nothing from ``host`` may be tried."""
        where, now = self._place(host, user), self._clock.seconds()
        if len(self._recent(where, now)) >= self.failures:
            raise self._refusal(where, now)

    def begin(self, host: str, user: str | None = None) -> Deferred[None]:
        """Fire when a password from ``host`` may be tried; it is under way until ``end``.

        Fails with ChatError ``too-many-attempts``, or ``server-full`` where too many wait.
        """
        where = self._place(host, user)
        known = where != network(host)
        if user is not None and not known and self._is_guessed(user):
            sentence = "Too many wrong passwords for this account; try again later."
            return fail(ChatError("too-many-attempts", sentence))
        line = self._lines.setdefault(where, _Line(known))
        turn: Deferred[None] = Deferred(lambda turn: self._give_up(line, turn))
        line.waiting.append(turn)
        self._waiting += 1
        self._serve()
        if turn in line.waiting and self._waiting > MAX_WAITING:
            self._make_room()
        return turn

    def end(self, host: str, user: str | None = None) -> None:
        """End what ``begin`` began, after telling how it went."""
        where = f"{network(host)} {user}"  # where it is known, or was as this began
        line = self._lines.get(where)
        if line is None or not line.active:
            where = network(host)
            line = self._lines[where]
        line.active -= 1
        self._active -= 1
        if user is not None and (pair := (network(host), user)) in self._fresh:
            self._fresh.discard(pair)
            if pair not in self._known:
                self.learned(*pair)
            self.know(*pair)
        self._serve()
        self._tidy(where, line)

    def asked(self, host: str, user: str) -> None:
        """Count that somebody at ``host`` has learnt of ``user``, without a guess, that it exists.

        It counts for the address and not for the account, and not where the account is known. With
        a guess before or after it, it is one.
        """
        where, now = self._place(host, user), self._clock.seconds()
        if where != network(host):
            return
        if not any(one.user == user and one.guessed for one in self._recent(where, now)):
            self._count(where, _Failure(now, user, guessed=False))

    def failed(self, host: str, user: str) -> None:
        """Count a failure to log in from ``host`` as ``user`` (a compared name)."""
        where, now = self._place(host, user), self._clock.seconds()
        for one in tuple(self._failures.get(where, ())):
            if one.user == user and not one.guessed:  # with this guess it is one
                self._failures[where].remove(one)
        self._count(where, _Failure(now, user))
        if where == network(host):
            guessed = self._by_user.setdefault(user, deque(maxlen=GUESSES * MOST))
            guessed.append(now)
            if self._is_guessed(user):
                self._user_windows.filled(user, now)
            self._by_user.move_to_end(user)
            if len(self._by_user) > MAX_ADDRESSES:
                self._by_user.popitem(last=False)

    def succeeded(self, host: str, user: str) -> None:
        """Take back the failures from ``host`` as ``user``, who was only mistyping."""
        where = self._place(host, user)
        failures = self._failures.get(where, deque())
        mine = [failure for failure in failures if failure.user == user]
        if mine and len(failures) >= self.failures:
            self._windows.taken_back(where)
        for failure in mine:
            failures.remove(failure)
        if where in self._lines:
            self._fresh.add((network(host), user))

    # --- within ------------------------------------------------------------------------------

    def _count(self, where: str, failure: _Failure) -> None:
        failures = self._failures.setdefault(where, deque(maxlen=MOST))
        failures.append(failure)
        if len(self._recent(where, failure.time)) >= self.failures:
            self._windows.filled(where, failure.time)
        self._failures.move_to_end(where)
        if len(self._failures) > MAX_ADDRESSES:
            self._failures.popitem(last=False)

    def _is_guessed(self, user: str) -> bool:
        """Whether somebody, or many together, are guessing that account's password."""
        guessed = self._by_user.get(user)
        if guessed is None:
            return False
        now = self._clock.seconds()
        window = self._user_windows.of(user, now)
        while guessed and guessed[0] <= now - window:
            guessed.popleft()
        return len(guessed) >= GUESSES * self.failures

    def _recent(self, where: str, now: float) -> deque[_Failure]:
        """Return the failures that still count, having forgotten the others."""
        failures = self._failures.get(where)
        if failures is None:
            return deque()
        # One of the future is from before the clock was set back: it would count for too long.
        window = self._windows.of(where, now)
        while failures and not now - window < failures[0].time <= now:
            failures.popleft()
        if not failures:
            del self._failures[where]
        return failures

    def _serve(self) -> None:
        """Let in those who may be tried now, an address after the other; those known first."""
        if self._serving:  # a login that ended at once: the loop below goes on with the next
            return
        self._serving = True
        try:
            while self._waiting and (served := self._serve_one()):
                where, line = served
                self._tidy(where, line)
        finally:
            self._serving = False

    def _serve_one(self) -> tuple[str, _Line] | None:
        now = self._clock.seconds()
        lines = [(where, line) for where, line in self._lines.items() if line.waiting]
        for where, line in sorted(lines, key=lambda found: not found[1].known):
            if line.active + len(self._recent(where, now)) < self.failures:
                if self._active >= self.at_once:
                    continue
                line.active += 1
                self._active += 1
                self._lines.move_to_end(where)  # the next turn is another's
                self._leave(line).callback(None)
                return where, line
            if not line.active:
                self._leave(line).errback(self._refusal(where, now))
                return where, line
        return None

    def _tidy(self, where: str, line: _Line) -> None:
        if not line.active and not line.waiting and self._lines.get(where) is line:
            del self._lines[where]

    def _make_room(self) -> None:
        """Too many wait: the last of the longest line goes, and nobody pays for another's flood."""
        line = max(self._lines.values(), key=lambda line: len(line.waiting))
        turn = line.waiting[-1]
        self._give_up(line, turn)
        turn.errback(ChatError("server-full", "Too many logins are waiting; try again shortly."))

    def _leave(self, line: _Line) -> Deferred[None]:
        self._waiting -= 1
        return line.waiting.popleft()

    def _give_up(self, line: _Line, turn: Deferred[None]) -> None:
        self._waiting -= 1
        line.waiting.remove(turn)

    def _refusal(self, where: str, now: float) -> ChatError:
        window = self._windows.of(where, now)
        wait = max(1, ceil(self._recent(where, now)[0].time + window - now))
        seconds = "1 second" if wait == 1 else f"{wait} seconds"
        return ChatError("too-many-attempts", f"Too many wrong passwords; try again in {seconds}.")
