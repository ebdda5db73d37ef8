"""What a door of any language does for one connection, from before login to its end.

A door is a line, an encoder, and what is said on it: its ``Line`` cuts messages out of bytes and
gives them to ``receive``; a subclass of ``Talk`` says what a message asks for (``take``); and what
the chat tells goes back through the line's ``encode``. All else is here, and the same for all:

- Answers come in the order of what was asked. Texts are pipelined; anything else waits until the
  texts said before it are answered.
- While something is answered, while many texts are unanswered, while the transport is full and
  while the rate is exceeded, the line is held: not read, and so bounded.
- One error boundary: a ``ChatError`` is what the client is told; anything else is logged, and told
  as ``internal``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from typing import Any, Literal, Protocol

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from twisted_chat.accounts.admission import Admission
from twisted_chat.chat.member import Encode
from twisted_chat.chat.pace import Rate
from twisted_chat.chat.user import User
from twisted_chat.vocabulary.errors import ChatError, Code
from twisted_chat.vocabulary.messages import Bye, Error, Message, Place, Response, with_id
from twisted_chat.vocabulary.names import key_of

WINDOW = 64
"""Texts of one connection that may be unanswered: past that it is not read."""

WINDOW_SIZE = 65_536
"""Characters of those texts that may be: past that it is not read."""

REQUESTS_IN_A_TURN = 32
"""Other requests of one connection after which everybody else is heard first."""


Why = Code | Literal["not-text", "logged-out", "dismissed", "stopping"]
"""Why a connection is closed: what was refused, or who wanted it."""


class Line(Protocol):
    """One client's connection, as its door offers it."""

    door: str
    host: str
    port: int
    encode: Encode
    deliver: Callable[[bytes], None]
    """Send these bytes, in order. May call ``Talk.filled``. Never raises."""

    def hold(self) -> None:
        """Read no further: ``receive`` is not called until ``release``."""

    def release(self) -> None:
        """Read on."""

    def close(self, why: Why) -> None:
        """Send what is written, read nothing more, and close; in a while, in any case."""


@define(eq=False, repr=False)
class Talk:
    """What is asked and answered on one connection: the ``Mind`` of its User.

    ``entry`` is the session that one is in after login: the lobby, or that of a session's own
    port; None for neither. ``rate`` is how many messages a second are read (0: any number), and
    twice as many at once: of all connections of a user together.
    """

    line: Line
    admission: Admission
    clock: IReactorTime
    entry: Callable[[], str | None]
    rate: float = 0.0

    door: str = field(init=False)
    host: str = field(init=False)
    port: int = field(init=False)
    encode: Encode = field(init=False)
    deliver: Callable[[bytes], None] = field(init=False)

    user: User | None = field(init=False, default=None)
    over: bool = field(init=False, default=False)
    _bucket: Rate | None = field(init=False, default=None)
    asked: str | None = field(init=False, default=None)
    """The id of what is being taken: its refusal bears it too."""
    _busy: bool = field(init=False, default=False)
    """Whether a request is being answered, or waits for the texts before it."""
    _full: bool = field(init=False, default=False)
    """Whether the transport has had enough."""
    _slowed: bool = field(init=False, default=False)
    """Whether the rate is exceeded, or others are to be heard first."""
    _slow_until: float = field(init=False, default=0.0)
    """For how long, by the clock."""
    _served: int = field(init=False, default=0)
    """Requests other than texts, since everybody else was heard."""
    _held: bool = field(init=False, default=False)
    """Whether the line is not read, for any of these reasons."""
    _settling: Deferred[None] | None = field(init=False, default=None)
    """Fires when the texts that were said before are answered."""
    _admitting: Deferred[User] | None = field(init=False, default=None)
    """The login that is under way."""

    _logger = Logger()

    def __attrs_post_init__(self) -> None:
        self.door = self.line.door
        self.host = self.line.host
        self.port = self.line.port
        self.encode = self.line.encode
        self.deliver = self.line.deliver
        if self.rate:
            self._bucket = Rate(self.rate, 2 * self.rate)

    @property
    def is_full(self) -> bool:
        """Whether the transport has had enough for now."""
        return self._full

    @property
    def answering(self) -> bool:
        """Whether a request is being answered."""
        return self._busy

    # --- what each language has of its own -----------------------------------------------------

    def take(self, message: bytes) -> Coroutine[Any, Any, None] | None:
        """Do what a message asks for, or return what will do it when it is its turn.

        Raises ChatError for what can not be understood, or is refused.
        """
        raise NotImplementedError

    # --- the door's calls --------------------------------------------------------------------

    def receive(self, message: bytes) -> None:
        """Answer one message; not while the line is held."""
        if self.over:
            return
        self.asked = None
        try:
            answer = self.take(message)
        except ChatError as refused:
            answer = self._tell_refusal(refused, self.asked)
        except Exception:
            answer = self._tell_refusal(self._broken(), self.asked)
        if answer is not None:
            self._begin(answer, self.asked)
        if self._bucket is not None or self._served >= REQUESTS_IN_A_TURN:
            self._take_token()
        self._read_or_hold()

    def refuse(self, refused: ChatError, why: Why | None = None) -> None:
        """Say why what came can not be read, and close: it was no message at all."""
        if not self.over:
            self._begin(self._end_with(refused, why or refused.code), None)
            self._read_or_hold()

    def filled(self) -> None:
        """The transport has had enough; it may say so again and again."""
        if self._full:
            return
        self._full = True
        if self.user is not None:
            self.user.filled()
        self._read_or_hold()

    def drained(self) -> None:
        """The transport takes more."""
        self._full = False
        if self.user is not None:
            self.user.drained()
        self._read_or_hold()

    def lost(self) -> None:
        """The connection is gone."""
        self.over = True
        user, self.user = self.user, None  # no cycle is left for the garbage collector to find
        if user is not None:
            user.logout()
        if self._admitting is not None:
            self._admitting.cancel()  # its password need not be verified any more
        if self._settling is not None:
            settling, self._settling = self._settling, None
            settling.callback(None)

    # --- the chat's calls: see session.Mind ----------------------------------------------------

    def settled(self) -> None:
        """Some texts have been answered: read on, or answer what waits for them."""
        if self._settling is not None and self.user is not None and not self.user.unsettled:
            settling, self._settling = self._settling, None
            settling.callback(None)
        if self._held:
            self._read_or_hold()

    def refused(self, refusal: ChatError, id: str | None, session: str) -> None:
        """Tell what the log has refused, as what others are told: see Mind."""
        self.admission.refusals.add(refusal.code, self)
        error = Error(code=refusal.code, data=str(refusal), session=session, id=id)
        self.deliver(self.encode(error))

    def slow(self, seconds: float) -> None:
        """The user says too much in a session: read nothing for so long."""
        self.admission.refusals.slowed["texts-per-second"] += 1
        self._slow(seconds)

    def close(self, farewell: Bye, why: Why = "dismissed") -> None:
        """Send this, and close the connection."""
        if not self.over:
            self.tell(farewell)
            self.end(why)

    # --- answers -----------------------------------------------------------------------------

    def tell(self, response: Response) -> None:
        """Send one message, unless the last one has been sent."""
        if not self.over:
            self.deliver(self.encode(response))

    def end(self, why: Why) -> None:
        """Close, and hear and say nothing more; the door says ``lost`` when it is done."""
        self.over = True
        self.line.close(why)
        if self.user is not None:
            self.user.logout()

    async def admit(self, admission: Awaitable[User]) -> bool:
        """Be whom an ``admission`` lets in; return whether the client waited for it.

        Raises ChatError as ``Admission.admit``.
        """
        self._admitting = Deferred.fromCoroutine(_awaited(admission))
        try:
            user = await self._admitting
        finally:
            self._admitting = None
        if self.over:
            user.logout()
            return False
        self.user = user
        if self._bucket is not None:  # of a user, and not of a connection: it has one rate
            if user.person.rate is None:
                user.person.rate = self._bucket
            self._bucket = user.person.rate
        if self._full:
            user.filled()
        return True

    async def enter(self, resumed: Iterable[Place] = (), *, places: bool = False) -> None:
        """Come into ``entry``, and be again in the sessions that are ``resumed``.

        With ``places`` also in all others that an account has not left.
        """
        user, entry = self.user, self.entry()
        if user is None:
            return
        key = key_of(entry) if entry is not None else None
        # One is in direct sessions already: they come before whatever has to be waited for, so that
        # nothing live overtakes what was missed in them.
        wanted = sorted(
            resumed,
            key=lambda place: (not place.session.startswith("@"), key_of(place.session) != key),
        )
        if entry is not None and all(key_of(place.session) != key for place in wanted):
            directs = sum(place.session.startswith("@") for place in wanted)
            wanted.insert(directs, Place(session=entry))
        if places:
            named = {key_of(place.session) for place in wanted}
            wanted += [place for place in user.away_from() if key_of(place.session) not in named]
        for place in wanted:
            try:
                await user.resume(place)
            except ChatError as refused:
                self._refuse(refused, None, place.session)
            if self.over:
                return

    async def ask(self, request: Message, id: str | None = None) -> None:
        """Ask the chat, and tell all that it answers.

        Raises ChatError with what it refuses, and ``not-logged-in``.
        """
        if self.user is None:
            raise ChatError("not-logged-in", "Log in first.")
        answer = await self.user.ask(request)
        if isinstance(answer, Iterator):
            await self._tell_each(answer, id)
        elif answer is not None:
            self.tell(with_id(answer, id))

    def _begin(self, answer: Coroutine[Any, Any, None], id: str | None) -> None:
        """Answer what came, when it is its turn; nothing more is read until it is answered."""
        self._served += 1
        self._busy = True
        answering = Deferred.fromCoroutine(self._respond(answer, id))
        answering.addErrback(lambda failure: self._logger.failure("A conversation failed", failure))

    async def _respond(self, answer: Coroutine[Any, Any, None], id: str | None) -> None:
        try:
            if self.user is not None and self.user.unsettled:
                self._settling = Deferred()
                await self._settling
            if self.over:
                answer.close()
            else:
                await answer
        except ChatError as refused:
            self._refuse(refused, id)
        except CancelledError:
            pass  # a login whose client did not wait
        except Exception:
            self._refuse(self._broken(), id)
        finally:
            self._busy = False
            if self._held:
                self._read_or_hold()

    async def _tell_refusal(self, refused: ChatError, id: str | None) -> None:
        self._refuse(refused, id)

    async def _end_with(self, refused: ChatError, why: Why) -> None:
        self._refuse(refused, None)
        self.end(why)

    async def _tell_each(self, answers: Iterator[Response], id: str | None) -> None:
        """A page in a turn: a long list holds up nobody else."""
        for answer in answers:
            if self.over:
                return
            self.tell(with_id(answer, id))
            await deferLater(self.clock, 0)

    def _refuse(self, refused: ChatError, id: str | None, session: str | None = None) -> None:
        self.admission.refusals.add(refused.code, self)
        self.tell(Error(code=refused.code, data=str(refused), session=session, id=id))

    def _broken(self) -> ChatError:
        """Log what is being handled, and return what the client is told of it."""
        self._logger.failure("Could not answer {host}:{port}", host=self.host, port=self.port)
        return ChatError("internal", "Something went wrong here.")

    # --- what bounds it ----------------------------------------------------------------------

    def _take_token(self) -> None:
        wait = 0.0 if self._bucket is None else self._bucket.wait(self.clock.seconds())
        if wait or self._served >= REQUESTS_IN_A_TURN:
            self.admission.refusals.slowed["rate"] += bool(wait)
            self._slow(wait)

    def _slow(self, seconds: float) -> None:
        """Read nothing for so long; 0: until everybody else was heard."""
        self._slow_until = max(self._slow_until, self.clock.seconds() + seconds)
        if not self._slowed:
            self._slowed = True
            self.clock.callLater(seconds, self._read_again)

    def _read_again(self) -> None:
        self._slowed = False
        if (left := self._slow_until - self.clock.seconds()) > 0:
            self._slow(left)
            return
        self._served = 0
        self._read_or_hold()

    def _read_or_hold(self) -> None:
        user = self.user
        held = (
            self._busy
            or self._full
            or self._slowed
            or (
                user is not None
                and (user.unsettled >= WINDOW or user.unsettled_size >= WINDOW_SIZE)
            )
        )
        if held != self._held and not self.over:
            self._held = held
            if held:
                self.line.hold()
            else:
                self.line.release()


async def _awaited(admission: Awaitable[User]) -> User:
    return await admission
