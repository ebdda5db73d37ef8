"""One connection of the lines door: a name, a password where it is needed, and then the words.

::

    bytes -> Telnet (its commands are taken out) -> Cutter (lines) -> Inbox -> serve, one by one
    bytes <- lines, folded where the window's width is known <- Desk

A line is done when what it said is stored: whoever pipes lines in gets every acknowledgement before
the end, and what follows a ``/joinsession`` is said there.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, Final

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHalfCloseableProtocol,
    IPushProducer,
    IReactorTime,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_chat.accounts.proof import Proof
from twisted_chat.accounts.proofs import Prover
from twisted_chat.client.words import Desk, render, take
from twisted_chat.client.words.render import Line
from twisted_chat.doors.conversation import Conversation
from twisted_chat.doors.inside import Inside
from twisted_chat.doors.lines.cutting import MAX_LINE, Cutter, TooLong
from twisted_chat.doors.lines.inbox import Inbox
from twisted_chat.doors.lines.telnet import Telnet
from twisted_chat.doors.outlet import Direct
from twisted_chat.doors.tcp import host_of, keep_alive, peer_of
from twisted_chat.doors.turnstile import Refused, Turnstile, in_words
from twisted_chat.doors.visit import seat, way_in
from twisted_chat.doors.watch import Watch
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Bye

TRIES: Final = 3
"""Names, or passwords, that may be wrong."""

PROBE_SECONDS: Final = 1.0
"""Who has said nothing for so long is a person, and is asked whether it has a telnet."""

NAME: Final = "Name: "
PASSWORD: Final = "Password: "  # noqa: S105

PLAIN: Final = (
    "This connection is plain text: who is on the way can read your password. SSH or TLS is not."
)


@implementer(IHalfCloseableProtocol, IPushProducer)
class LinesProtocol(Protocol):
    """One connection; for the words it is a Screen, for its transport a producer."""

    factory: LinesFactory
    transport: Any
    """A stream transport: ITransport, IConsumer and IPushProducer; a Direct, once there is one."""

    _log = Logger()

    def __init__(self) -> None:
        self._telnet = Telnet(self._write, self._end_of_input, self._are_you_there)
        self._cutter = Cutter()
        self._inbox = Inbox(self._hold, self._release)
        self._inside: Inside | None = None
        self._desk: Desk | None = None
        self._entered = False
        self._gone = False
        self._closing = False
        self._paused = False
        self._first = True
        self._probe: IDelayedCall | None = None
        self._asked = NAME

    @property
    def conversation(self) -> Conversation | None:
        """What is said on it; None before that begins."""
        return self._inside.conversation if self._inside is not None else None

    # --- the connection ----------------------------------------------------------------------

    def connectionMade(self) -> None:
        """Begin."""
        self.host, self.port = peer_of(self.transport)
        keep_alive(self.transport)
        self.transport = Direct(self.transport, self.pauseProducing)
        self.transport.registerProducer(self, True)
        self.factory.watch.opened(self)
        self._probe = self.factory.clock.callLater(PROBE_SECONDS, self._find_out)
        serving = Deferred.fromCoroutine(self._serve())
        serving.addErrback(lambda failure: self._log.failure("A line could not be done", failure))
        serving.addBoth(lambda _: self._close())

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Whoever it was has gone."""
        self._gone = True
        self._stop_probing()
        self._inbox.end()
        reason.cleanFailure()
        self.transport.unregisterProducer()
        self.transport.outlet.closed()
        if self._inside is not None and self._inside.far is not None:
            self._inside.far.end("gone")
        self.factory.watch.gone(self)

    def _close(self) -> None:
        if not self._gone and not self._closing:
            self._closing = True
            self._inbox.end()
            self.transport.unregisterProducer()
            self.transport.loseConnection()
            self.factory.watch.closing(self)

    # --- what arrives ------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        """Cut lines."""
        self._stop_probing()
        for line in self._cutter.cut(self._telnet.text(data)):
            self._take(line)
        self._inbox.flush()

    def _take(self, line: bytes | TooLong) -> None:
        if self._inside is None or self._inside.conversation is None:
            self.factory.watch.heard(self)
        if self._first and isinstance(line, bytes):
            self._first, line = False, line.removeprefix(BOM_UTF8)
        if isinstance(line, TooLong):
            self.fail(f"Not said: a line has at most {MAX_LINE:,} bytes.")
            return
        try:
            self._inbox.put(line.decode())
        except UnicodeDecodeError:
            self.fail("Not said: the line is not in UTF-8.")

    def readConnectionLost(self) -> None:
        """There is nothing more to come: what has come is done, and that is all."""
        self._end_of_input()

    def writeConnectionLost(self) -> None:
        """Nobody reads: connectionLost says so too."""

    def _end_of_input(self) -> None:
        if self._cutter.begun:
            self._take(self._cutter.end())
        self._inbox.end()

    def _are_you_there(self) -> None:
        self.show(render.info("yes"))

    def _hold(self) -> None:
        self.transport.pauseProducing()

    def _release(self) -> None:
        if not self._gone:
            self.transport.resumeProducing()

    # --- telnet or not -----------------------------------------------------------------------

    def _find_out(self) -> None:
        """Ask for the window's size: a telnet answers; where it is none the line is mended."""
        self._probe = None
        self._telnet.ask_size()
        self._write(f"\r{self._asked}   \r{self._asked}".encode())

    def _stop_probing(self) -> None:
        if self._probe is not None:
            self._probe.cancel()
            self._probe = None

    # --- coming in ---------------------------------------------------------------------------

    async def _serve(self) -> None:
        """Everything, from the name to the end."""
        desk = await self._enter()
        if desk is None:
            return
        self._entered = True
        while not desk.leaving:
            line = await self._inbox.next()
            if line is None:
                break
            await take(desk, line)
        await desk.leave()

    async def _enter(self) -> Desk | None:
        """Ask who it is, and let it in; None where that is not to be."""
        for _ in range(TRIES):
            try:
                proof = await self._identify()
                if proof is None:
                    return None
                desk = await self._sit_down(proof)
                if desk.refusal is None:
                    return desk
                self.fail(str(desk.refusal))
            except ChatError as refused:
                self.fail(str(refused))
            if self._gone:
                return None
        return None

    async def _identify(self) -> Proof | None:
        """Return who it is; None where it says nothing. Raises ChatError."""
        self._write(NAME.encode())
        name = await self._inbox.next()
        if name is None:
            return None
        name = name.strip()
        prover = self.factory.prover
        proof = prover.guest(name, self.host)
        if proof is not None:
            return proof
        if not self._is_private:
            self.show(render.info(PLAIN))
        password = await self._ask(PASSWORD)
        return None if password is None else await prover.password(name, password, self.host)

    async def _sit_down(self, proof: Proof) -> Desk:
        self._inside = self.factory.way_in(self, proof)
        self._desk = desk = seat(self, self._inside, proof)
        if self._paused:
            desk.pauseProducing()
        server = desk.where.server
        if server is not None:
            await server.settled
        return desk

    async def _ask(self, question: str) -> str | None:
        """Ask for something that a telnet does not show."""
        unseen = not self._inbox.waiting  # what is here already was shown, or is a program's
        if unseen:
            self._telnet.hide()
        self._asked = question
        self._write(question.encode())
        answer = await self._inbox.next()
        if unseen and not self._gone:
            self._telnet.unhide()
            if self._telnet.seen:
                self._write(b"\r\n")  # the one that was typed was not shown
        return answer

    @property
    def _is_private(self) -> bool:
        """Whether nobody else can read along: it comes from this machine, or over TLS."""
        if hasattr(self.transport, "getPeerCertificate"):
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:  # a UNIX socket
            return True

    # --- the words' Screen ---------------------------------------------------------------------

    def show(self, *lines: Line) -> None:
        """Write lines, broken between words where it is known how wide the window is."""
        columns = self._telnet.columns
        rows = "".join([render.drawn(line, columns, render.plain) for line in lines])
        self._write(rows.encode(errors="replace"))

    def fail(self, sentence: str) -> None:
        """Tell what can not be had; one goes on."""
        self.show(render.problem(sentence))

    def refresh(self) -> None:
        """Nothing: there is no prompt."""

    def ring(self) -> None:
        """Ring, where a telnet shows that there is a person."""
        if self._telnet.seen:
            self._write(b"\a")

    def ask(self, question: str) -> Deferred[str | None]:
        """Ask for a password."""
        return Deferred.fromCoroutine(self._ask(render.harmless(question)))

    def close(self) -> None:
        """The person has left, or could not come in: then it is asked again."""
        if self._entered:
            self._close()

    def _write(self, data: bytes) -> None:
        if not self._gone:
            self.transport.write(data)

    # --- the transport's producer: see IPushProducer -------------------------------------------

    def pauseProducing(self) -> None:
        """The transport's buffer is over-full."""
        self._paused = True
        if self._desk is not None:
            self._desk.pauseProducing()

    def resumeProducing(self) -> None:
        """The transport's buffer is empty."""
        if not self.transport.outlet.drained():
            return
        self._paused = False
        if self._desk is not None:
            self._desk.resumeProducing()

    def stopProducing(self) -> None:
        """The connection is gone: connectionLost says so too."""


@define(eq=False, slots=False)
class LinesFactory(Factory):
    """One listener of the lines door. For ``entry`` and ``rate`` see Conversation."""

    noisy = False
    prover: Prover
    clock: IReactorTime
    entry: Callable[[], str | None]
    rate: float = 0.0
    turnstile: Turnstile = field(factory=Turnstile)
    watch: Watch[LinesProtocol] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.watch = Watch(self.clock, self.turnstile)

    def buildProtocol(  # type: ignore[override]
        self, addr: IAddress | None
    ) -> LinesProtocol | Refused:
        """Take a connection; one for which there is no room is closed at once."""
        if (refused := self.turnstile.turns_away(host_of(addr), in_words)) is not None:
            return refused
        protocol = LinesProtocol()
        protocol.factory = self
        return protocol

    def way_in(self, protocol: LinesProtocol, proof: Proof) -> Inside:
        """Return the way to a conversation."""
        address = (protocol.host, protocol.port)
        return way_in("lines", address, self.clock, self.prover, proof, self.entry, self.rate)

    def close(self, farewell: Bye) -> Deferred[None]:
        """Say farewell on every connection; fires when all of them are gone, in a while."""
        return self.watch.close(farewell, "dismissed")
