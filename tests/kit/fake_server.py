"""A server that says what the test says: for the client, without a socket."""

from __future__ import annotations

from random import Random
from struct import pack, unpack
from typing import Any, Self, TypeVar

import msgspec
from attrs import define, field
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost, ConnectionRefusedError
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from twisted_chat.client import ChatClient, Event
from twisted_chat.vocabulary import messages as m
from twisted_chat.vocabulary.errors import ChatError

T = TypeVar("T")

LIMITS = m.Limits(text=m.MAX_TEXT)


class FakeTransport(StringTransport):
    """A transport that is gone once it has been closed or aborted and the test turns the wheel."""

    aborted = False

    def abortConnection(self) -> None:
        self.aborted = True
        super().abortConnection()


@define(eq=False)
class Connection:
    """One connection, seen from the server: what the client sent, and what it is to be told."""

    protocol: IProtocol
    transport: FakeTransport = field(factory=FakeTransport)
    over: bool = False
    _read: bytes = b""

    def sent(self) -> list[m.Request]:
        """Return the requests that have come since the last call."""
        self._read += self.transport.value()
        self.transport.clear()
        requests = []
        while len(self._read) >= 4:
            (length,) = unpack("!I", self._read[:4])
            requests.append(m.decode(self._read[4 : 4 + length]))
            self._read = self._read[4 + length :]
        return requests

    def say(self, *responses: m.Response) -> None:
        """Tell the client something."""
        self.raw(*(m.encode(response) for response in responses))

    def raw(self, *frames: bytes) -> None:
        """Tell the client anything at all."""
        self.protocol.dataReceived(b"".join(pack("!I", len(frame)) + frame for frame in frames))

    def lose(self, *, clean: bool = False) -> None:
        """Let the connection go."""
        if not self.over:
            self.over = True
            reason: Exception = ConnectionDone() if clean else ConnectionLost()
            self.protocol.connectionLost(Failure(reason))

    def closed(self) -> bool:
        """Whether the client has closed its side; if so it learns that it is over."""
        closing = self.transport.disconnecting or self.transport.aborted
        if closing:
            self.lose(clean=True)
        return closing

    # What a server does with it, for tests that need no more than that.

    def welcome(self, **fields: Any) -> m.Login:
        """Take the login, put the client in the lobby, and return the login."""
        (login,) = self.sent()
        assert isinstance(login, m.Login)
        given = {"user": login.user, "server": "fake", "lobby": "lobby", "token": "t-1"} | fields
        self.say(m.Welcome(limits=LIMITS, protocol=1, id=login.id, **given))
        if given["lobby"]:
            self.say(snapshot(given["lobby"]))
        return login


def snapshot(session: str = "lobby", head: int = 0, **fields: Any) -> m.Snapshot:
    """Return what a session looks like."""
    given: dict[str, Any] = {"epoch": "e-1", "users": ["alice"], "count": 1, "topic": ""}
    given |= {"owner": None} | fields
    return m.Snapshot(session=session, head=head, **given)


def text(
    seq: int, data: str = "hello", source: str = "bob", session: str = "lobby", **fields: Any
) -> m.Text:
    """Return a text."""
    return m.Text(session=session, seq=seq, time=seq * 1_000, source=source, data=data, **fields)


def echo(request: m.Request, seq: int, source: str = "alice", session: str = "lobby") -> m.Text:
    """Return the acknowledgement of a text."""
    assert isinstance(request, m.Say)
    return text(seq, request.data, source, request.session or session, id=request.id)


@implementer(IStreamClientEndpoint)
@define(eq=False)
class FakeEndpoint:
    """Where the client connects: at once, when the test says so, or not at all."""

    connections: list[Connection] = field(factory=list)
    refuse: bool = False
    attempts: int = 0

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        self.attempts += 1
        done: Deferred[IProtocol] = Deferred()
        if self.refuse:
            done.errback(Failure(ConnectionRefusedError()))
            return done
        protocol = protocolFactory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1234))
        assert protocol is not None
        connection = Connection(protocol)
        self.connections.append(connection)
        protocol.makeConnection(connection.transport)
        done.callback(protocol)
        return done

    @property
    def last(self) -> Connection:
        """The connection that was made last."""
        return self.connections[-1]


@define(eq=False)
class Fixture:
    """A client of the fake server, what it was told, and its time."""

    clock: Clock = field(factory=Clock)
    endpoint: FakeEndpoint = field(factory=FakeEndpoint)
    client: ChatClient = field(init=False)
    events: list[Event] = field(factory=list)

    @classmethod
    def make(cls, user: str = "alice", password: str | None = None, seed: int = 1) -> Self:
        """Make a client; nothing is connected yet."""
        fixture = cls()
        fixture.client = ChatClient(
            fixture.clock, fixture.endpoint, user, password, random=Random(seed)
        )
        fixture.client.listen(fixture.events.append)
        return fixture

    def online(self, **fields: Any) -> Connection:
        """Let it log in."""
        started = self.client.start()
        started.addErrback(lambda _: None)
        self.endpoint.last.welcome(**fields)
        return self.endpoint.last

    def back(self) -> Connection:
        """Let it come back after its connection went: the login is not answered yet."""
        before = self.endpoint.attempts
        for _ in range(1_000):
            if self.endpoint.attempts > before:
                break
            self.clock.advance(0.1)
        assert self.endpoint.attempts == before + 1
        return self.endpoint.last

    def told(self, *kinds: type) -> list[Event]:
        """Return the events of these kinds, or all, since the last call, and forget them."""
        events = [event for event in self.events if not kinds or isinstance(event, kinds)]
        self.events.clear()
        return events


class ClientCase(SynchronousTestCase):
    """A test with a client of the fake server."""

    def setUp(self) -> None:
        self.fixture = Fixture.make()
        self.client = self.fixture.client

    def failure(self, deferred: Deferred[T]) -> ChatError:
        """Return the refusal that something ended with."""
        error = self.failureResultOf(deferred, ChatError).value
        assert isinstance(error, ChatError)
        return error


def as_json(message: msgspec.Struct) -> Any:
    """Return a message as it travels."""
    return msgspec.json.decode(msgspec.json.encode(message))
