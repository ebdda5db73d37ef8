"""One listener of the SSH door: Conch's transport, with what every door does around it.

::

    bytes -> SshTransport (Conch) -> Authentication -> Proof -> Visitor
    channel -> Session -> Terminal (keys, editor, display) -> Desk -> ChatClient -> Inside -> chat
                      '-> Tool (say, tail, search, who, list, history)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from attrs import define, field
from twisted.conch.ssh.factory import SSHFactory
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.transport import (
    DISCONNECT_BY_APPLICATION,
)
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IDelayedCall, IPushProducer, IReactorTime
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_chat.accounts.proof import Proof
from twisted_chat.accounts.proofs import Prover
from twisted_chat.chat.user import User
from twisted_chat.doors.inside import Inside
from twisted_chat.doors.outlet import Direct
from twisted_chat.doors.ssh.authentication import Authentication, NoWays
from twisted_chat.doors.ssh.channel import Session
from twisted_chat.doors.ssh.quiet import QuietLogger
from twisted_chat.doors.ssh.signatures import SIGNATURES
from twisted_chat.doors.ssh.transport import Transport
from twisted_chat.doors.ssh.visitor import Channels, Visitor
from twisted_chat.doors.tcp import host_of, keep_alive, peer_of
from twisted_chat.doors.turnstile import Refused, Turnstile, in_words
from twisted_chat.doors.visit import way_in
from twisted_chat.doors.watch import Watch
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Bye

ALIVE: Final = b"keepalive@openssh.com"

ALIVE_SECONDS: Final = 60.0
"""How often a client is asked whether it is there."""

MAX_UNANSWERED: Final = 3
"""Questions without an answer after which it is not."""


@define(eq=False)
class Presence:
    """A connection as the watch sees it: all its channels together."""

    transport: SshTransport

    @property
    def user(self) -> User | None:
        """Who is on its first channel; None before anybody is."""
        for inside in self.transport.insides:
            if inside.conversation is not None and inside.conversation.user is not None:
                return inside.conversation.user
        return None

    @property
    def answering(self) -> bool:
        """Whether it waits for us: a password is being judged, or a channel comes in."""
        return self.transport.judging or bool(self.transport.insides)

    def refuse(self, refused: ChatError) -> None:
        """Its time is up."""
        self.transport.say_goodbye(str(refused))

    def close(self, farewell: Bye, _why: str = "") -> None:
        """The daemon stops, or there is no room: every channel hears of it, then it ends."""
        self.transport.dismiss(farewell)


@implementer(IPushProducer)
class SshTransport(Transport):
    """One connection."""

    factory: SshFactory
    transport: Any
    host = ""
    port = 0

    _log = QuietLogger()
    door = "ssh"
    ourVersionString = b"SSH-2.0-twisted_chat"

    conversation: Presence
    judging = False
    """Whether a proof of who it is is being judged."""
    _farewell: Bye | None = None
    _visitor: Visitor | None = None
    _held = False
    _full = False
    """Whether the transport's buffer is over-full, ..."""
    _exchanging = False
    """and whether new keys are being made: either way nothing live is written."""
    _gone = False
    _asking: IDelayedCall | None = None
    _unanswered = 0
    """How often it was asked whether it is there, and did not answer."""

    @property
    def insides(self) -> Sequence[Inside]:
        """The ways of its channels."""
        return [channel.inside for channel in self._channels if channel.inside is not None]

    @property
    def _channels(self) -> Sequence[Session]:
        return tuple(self._visitor.channels) if self._visitor is not None else ()

    def connectionMade(self) -> None:
        """Begin."""
        self.host, self.port = peer_of(self.transport)
        self.conversation = Presence(self)
        keep_alive(self.transport)
        self.transport = Direct(self.transport, self.pauseProducing)
        self.transport.registerProducer(self, True)
        super().connectionMade()
        self.factory.watch.opened(self)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """End."""
        self._gone = True
        if self._asking is not None and self._asking.active():
            self._asking.cancel()
        self.transport.unregisterProducer()
        self.transport.outlet.closed()
        super().connectionLost(reason)
        self.factory.watch.gone(self)

    def sendExtInfo(self, _extensions: object) -> None:
        """Say how keys of clients may sign: Conch speaks of the server's own ones (RFC 8308)."""
        super().sendExtInfo([(b"server-sig-algs", b",".join(sorted(SIGNATURES)))])

    def heard(self) -> None:
        """Who is not in yet has said something."""
        if self._visitor is None:
            self.factory.watch.heard(self)

    @property
    def clock(self) -> IReactorTime:
        """What time is measured with."""
        return self.factory.clock

    def way_in(self, proof: Proof) -> Inside:
        """Return the way to a conversation, for a channel."""
        return self.factory.way_in(self, proof)

    def let_in(self, proof: Proof) -> Visitor:
        """Somebody has proved who it is."""
        self._visitor = Visitor(self, proof)
        self._ask_later()
        return self._visitor

    # --- whether it is there -------------------------------------------------------------------

    def _ask_later(self) -> None:
        self._asking = self.factory.clock.callLater(ALIVE_SECONDS, self._ask)

    def _ask(self) -> None:
        """Ask whether the client is there: it may refuse, but it answers.

        So what is between the two knows that the connection is in use, too.
        """
        if self._unanswered >= MAX_UNANSWERED:
            self.transport.abortConnection()
            return
        if isinstance(self.service, Channels):
            self._unanswered += 1
            answer = self.service.sendGlobalRequest(ALIVE, b"", wantReply=1)
            answer.addBoth(self._answered)
        self._ask_later()

    def _answered(self, _: object) -> None:
        self._unanswered = 0

    def say_goodbye(self, words: str) -> None:
        """End, with a sentence."""
        self.sendDisconnect(DISCONNECT_BY_APPLICATION, words.encode())

    def sendDisconnect(self, reason: int, desc: bytes) -> None:
        """Say why it ends, and end: in a while in any case."""
        if not self._gone:
            self.factory.watch.closing(self)
            super().sendDisconnect(reason, desc)

    def dismiss(self, farewell: Bye) -> None:
        """Say farewell on every channel, and end when they have closed; in a while in any case."""
        self._farewell = farewell
        channels = self._channels
        if not channels:
            self.say_goodbye(farewell.data)
            return
        self.factory.watch.closing(self)
        for channel in channels:
            channel.farewell(farewell)

    def emptied(self) -> None:
        """There is no channel any more."""
        if self._farewell is not None:
            self.say_goodbye(self._farewell.data)

    def hold(self, held: bool) -> None:
        """Read no further, or read on: new keys come behind what was typed, so these are read."""
        held = held and not self._exchanging
        if held != self._held and not self._gone:
            self._held = held
            if held:
                self.transport.pauseProducing()
            else:
                self.resume_reading()

    def resume_reading(self) -> None:
        """Read on, where nothing is against it."""
        if not self._held and not self.is_slowed:
            super().resume_reading()

    # --- the transport's producer: see IPushProducer -------------------------------------------

    def pauseProducing(self) -> None:
        """The transport's buffer is over-full."""
        self._full = True
        self._stop_writing()

    def resumeProducing(self) -> None:
        """The transport's buffer is empty."""
        if self.transport.outlet.drained():
            self._full = False
            self._write_on()

    def stopProducing(self) -> None:
        """The connection is gone: connectionLost says so too."""

    def exchanging(self) -> None:
        """See Transport: nothing live is written that would have to wait."""
        self._exchanging = True
        self.hold(False)
        self._stop_writing()

    def exchanged(self) -> None:
        """See Transport."""
        self._exchanging = False
        if self._visitor is not None:
            self._visitor.check_input()
        self._write_on()

    @property
    def takes_output(self) -> bool:
        """Whether what is written goes out, and does not wait here."""
        return not self._full and not self._exchanging

    def _stop_writing(self) -> None:
        for channel in self._channels:
            channel.stopWriting()

    def _write_on(self) -> None:
        for channel in self._channels:
            if channel.areWriting:
                channel.startWriting()


@define(eq=False, slots=False)
class SshFactory(SSHFactory):
    """One listener of the SSH door. ``keys`` are the server's own; else see Conversation."""

    noisy = False
    portal = NoWays()
    _log = QuietLogger()
    protocol = SshTransport
    prover: Prover
    clock: IReactorTime
    entry: Callable[[], str | None]
    keys: Sequence[Key]
    rate: float = 0.0
    turnstile: Turnstile = field(factory=Turnstile)
    watch: Watch[Any] = field(init=False)
    services: dict[bytes, Any] = field(
        init=False,
        factory=lambda: {b"ssh-userauth": Authentication, b"ssh-connection": Channels},
    )

    def __attrs_post_init__(self) -> None:
        self.watch = Watch(self.clock, self.turnstile)

    def getPublicKeys(self) -> dict[bytes, Key]:
        """Return the server's keys by their kinds."""
        return {key.sshType(): key.public() for key in self.keys}

    def getPrivateKeys(self) -> dict[bytes, Key]:
        """Return the server's keys by their kinds."""
        return {key.sshType(): key for key in self.keys}

    def renew(self, keys: Sequence[Key]) -> None:
        """Take up the server's keys as they are now: for connections from now on."""
        self.keys = keys
        self.publicKeys, self.privateKeys = self.getPublicKeys(), self.getPrivateKeys()

    def buildProtocol(  # type: ignore[override]
        self, addr: IAddress | None
    ) -> SshTransport | Refused:
        """Take a connection; one for which there is no room is closed at once."""
        if (refused := self.turnstile.turns_away(host_of(addr), in_words)) is not None:
            return refused
        return cast(SshTransport, super().buildProtocol(addr))

    def way_in(self, transport: SshTransport, proof: Proof) -> Inside:
        """Return the way to a conversation."""
        address = (transport.host, transport.port)
        return way_in("ssh", address, self.clock, self.prover, proof, self.entry, self.rate)

    def close(self, farewell: Bye) -> Deferred[None]:
        """Say farewell on every connection; fires when all of them are gone, in a while."""
        return self.watch.close(farewell, "dismissed")
