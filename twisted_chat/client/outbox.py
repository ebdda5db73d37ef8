"""Requests on their way: what waits, what is in flight, and who waits for each answer."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random, SystemRandom
from typing import Any, Final, Generic, Literal, TypeVar

from attrs import define, field, frozen
from msgspec import structs
from twisted.internet.defer import Deferred, fail

from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import MAX_FRAME, Error, Listing, Request, Response, encode

MAX_WAITING: Final = 1_000
"""Requests without an answer, sent or not, at most."""

MAX_IN_FLIGHT: Final = 64
"""Requests that are sent and not answered, at most."""

SYSTEM: Final = SystemRandom()
"""The system's randomness: it has no state, and one is enough for all."""

T = TypeVar("T")

Fate = Literal["again", "fail", "forget"]
"""What becomes of a request in flight when the connection goes: it is sent again; it fails,
because twice is not the same as once; or nobody needs it, because each login makes its own."""


class Unanswered(ChatError):
    """The connection went, or the client stopped, before the answer came.

    What was asked for may have been done or not. Texts fail with it only when the client stops.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__("internal", sentence)


@frozen(eq=False)
class Call(Generic[T]):
    """A request, as it travels, and whoever waits for its answer."""

    id: str
    request: Request
    frame: bytes = field(repr=False)
    expects: type[T]
    answer: Deferred[T]
    fate: Fate
    parts: list[Listing] = field(factory=list)

    def refuse(self, error: ChatError) -> None:
        """Fail, unless whoever asked has withdrawn meanwhile."""
        if not self.answer.called:
            self.answer.errback(error)


@frozen
class Ids:
    """Makes ids that no other connection of the same user will ever use.

    They begin with the time, so that new ones lie together in the log's index of ids.
    """

    seconds: Callable[[], float]
    random: Random

    def __call__(self) -> str:
        """Return a new one, of 27 characters."""
        return f"{int(self.seconds() * 1_000):011x}{self.random.getrandbits(64):016x}"


@define(eq=False)
class Outbox:
    """Keeps requests in the order in which they were made, over as many connections as it takes.

    Each gets an ``id`` that no other connection of the same user uses: with it a text that is
    sent again is stored once.
    """

    new_id: Callable[[], str]
    _waiting: deque[Call[Any]] = field(factory=deque)
    _flying: dict[str, Call[Any]] = field(factory=dict)

    def __len__(self) -> int:
        return len(self._waiting) + len(self._flying)

    def put(
        self, request: Request, expects: type[T], fate: Fate, *, first: bool = False
    ) -> Deferred[T]:
        """Take a request; fire with its answer. With ``first`` it goes before those that wait.

        What is ``forget`` is the client's own, and always taken.

        Fails with ChatError: ``not-stored`` where 1,000 wait already, ``too-large`` where no
        frame could hold it, ``bad-request`` where it is no text. Cancelling takes back what has
        not been sent.
        """
        if len(self) >= MAX_WAITING and fate != "forget":
            return fail(ChatError("not-stored", f"{MAX_WAITING:,} requests wait already."))
        id = self.new_id()
        request = structs.replace(request, id=id)
        try:
            frame = encode(request)
        except UnicodeEncodeError:
            return fail(ChatError("bad-request", "Text is any Unicode but lone surrogates."))
        if len(frame) > MAX_FRAME:
            return fail(ChatError("too-large", f"A message has at most {MAX_FRAME:,} bytes."))
        answer: Deferred[T] = Deferred(lambda _: self._withdraw(call))
        call = Call(id, request, frame, expects, answer, fate)
        (self._waiting.appendleft if first else self._waiting.append)(call)
        return answer

    def next(self) -> Call[Any] | None:
        """Return the next request to send, or None where nothing waits or enough is in flight."""
        if not self._waiting or len(self._flying) >= MAX_IN_FLIGHT:
            return None
        call = self._waiting.popleft()
        self._flying[call.id] = call
        return call

    def asked(self, response: Response) -> Request | None:
        """Return the request that a response answers, if it answers one."""
        call = self._flying.get(getattr(response, "id", None) or "")
        return call.request if call is not None else None

    def answered(self, response: Response) -> None:
        """Fire whoever waits for this response, if anybody does."""
        call = self._flying.get(getattr(response, "id", None) or "")
        if call is None:
            return
        if isinstance(response, Listing):
            call.parts.append(response)
            if response.more:
                return
            response = _joined(call.parts)
        del self._flying[call.id]
        if isinstance(response, Error):
            call.refuse(ChatError(response.code, response.data))
        elif not isinstance(response, call.expects):
            call.refuse(Unanswered("The server gave an answer to something else."))
        elif not call.answer.called:
            call.answer.callback(response)

    def landed(self) -> None:
        """Decide, when the connection has gone, what becomes of what was in flight."""
        flying, waiting = self._flying, self._waiting
        self._flying, self._waiting = {}, deque()
        lost = []
        for call in flying.values():
            if call.fate != "again":
                lost.append(call)
            elif not call.answer.called:
                call.parts.clear()
                self._waiting.append(call)
        for call in waiting:
            (lost if call.fate == "forget" else self._waiting).append(call)
        for call in lost:
            call.refuse(Unanswered("The connection went before the answer came."))

    def fail(self, error: ChatError) -> None:
        """Fail everything."""
        calls = [*self._flying.values(), *self._waiting]
        self._flying.clear()
        self._waiting.clear()
        for call in calls:
            call.refuse(error)

    def _withdraw(self, call: Call[Any]) -> None:
        if call in self._waiting:
            self._waiting.remove(call)


def _joined(parts: list[Listing]) -> Listing:
    """Make one list of those that came."""
    return Listing(
        sessions=[session for part in parts for session in part.sessions],
        users=[user for part in parts for user in part.users],
        id=parts[-1].id,
    )
