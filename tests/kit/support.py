"""A chat on a Clock for unit tests, and clients of it through bytes: no socket, no thread, no wait.

::

    Client <-- frames --> Pipe <-- ChatProtocol -- Conversation -- Chat -- a log

A ``Pipe`` is a connection whose other end reads or does not: what is not read lies in it, and past
64 KiB it says so, as a transport does.
"""

from __future__ import annotations

import json
import struct
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, Unpack, cast

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IConsumer, IPushProducer, ITransport
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from twisted_chat.accounts.accounts import Accounts, GuestChecker
from twisted_chat.accounts.admission import Admission
from twisted_chat.accounts.attempts import Attempts
from twisted_chat.accounts.proofs import KeyRing, Prover
from twisted_chat.chat.chat import Chat
from twisted_chat.chat.ports import Ports
from twisted_chat.chat.rules import Rules
from twisted_chat.doors.native import ChatFactory, ChatProtocol
from twisted_chat.log.contract import Entry, Life, Log, NotStored, Page, Record, Settings, Stored
from twisted_chat.log.memory import MemoryLog
from twisted_chat.vocabulary.lookalikes import Lookalikes
from twisted_chat.vocabulary.messages import Text
from twisted_chat.vocabulary.names import Name, user_name

Object = dict[str, Any]
"""A message as it travels: tests look at the wire, not at our classes."""

_ids = count()

FULL = 65_536
"""Bytes that a pipe holds before it asks for a pause, as Twisted's transports do."""


def frame(body: bytes) -> bytes:
    """Return ``body`` with its length before it."""
    return struct.pack("!I", len(body)) + body


def wire(type: str, **fields: Any) -> bytes:
    """Return a message as a frame."""
    return frame(json.dumps({"type": type, **fields}).encode())


class KnownUser:
    """An account, as the chat sees one."""

    def __init__(self, name: str, operator: bool) -> None:
        self.name: Name = user_name(name)
        self.operator = operator


class Directory:
    """Some accounts; everybody's password is ``secret``."""

    def __init__(self, users: Sequence[str], operators: Sequence[str]) -> None:
        self.known: dict[str, KnownUser] = {}
        for name in (*users, *operators):
            self.add(name, name in operators)

    def add(self, name: str, operator: bool = False) -> None:
        """Make an account."""
        account = KnownUser(name, operator)
        self.known[account.name.key] = account

    def get(self, key: str) -> KnownUser | None:
        return self.known.get(key)

    def is_taken(self, key: str) -> bool:
        return key in self.known

    def resembling(self, name: Name) -> Name | None:
        looks = Lookalikes()
        for account in self.known.values():
            looks.add(account.name)
        return looks.of(name)

    def refresh(self) -> None:
        """Nothing to read."""

    def checker(self) -> InMemoryUsernamePasswordDatabaseDontUse:
        checker = InMemoryUsernamePasswordDatabaseDontUse()
        for account in self.known.values():
            checker.addUser(account.name.text.encode(), b"secret")
        return checker


class PlainPasswords:
    """Hashes nothing, and answers at once, or when ``release`` says so."""

    def __init__(self) -> None:
        self.held: list[Deferred[Any]] | None = None

    def hash(self, password: str) -> Deferred[str]:
        return self._answer("hash of " + password)

    def verify(self, hash: str, password: str) -> Deferred[bool]:
        return self._answer(hash == "hash of " + password)

    def _answer(self, answer: Any) -> Deferred[Any]:
        if self.held is None:
            return succeed(answer)
        done: Deferred[Any] = Deferred()
        self.held.append(done)
        return done.addCallback(lambda _: answer)

    def release(self) -> None:
        """Give the answers that were held, and hold no more."""
        held, self.held = self.held or [], None
        for done in held:
            done.callback(None)


def texts_of(answers: Any) -> list[Text]:
    """Return what a log has answered, or read, where all of it is texts."""
    texts = [answer for answer in answers if isinstance(answer, Text)]
    assert len(texts) == len(answers), answers
    return texts


def later(stored: Stored) -> Deferred[list[Any]]:
    """Return what a log answered to ``append`` as a Deferred, also where it answered at once."""
    return stored if isinstance(stored, Deferred) else succeed(stored)


class HeldLog:
    """A log whose answers come when the test says so, in order; what they say is a MemoryLog's.

    ``hold`` makes it slow: commits wait for ``commit``, reads for ``answer``; with ``late`` they
    are done at once, and their answers wait. ``broken`` makes every call fail with NotStored, as a
    full disk does.
    """

    def __init__(self, log: Log) -> None:
        self.log = log
        self.hold = False
        self.late = False
        self.broken = False
        self.commits: deque[Callable[[], None]] = deque()
        self.reads: deque[Callable[[], None]] = deque()
        self.appends = 0

    def lives(self) -> Sequence[Life]:
        return self.log.lives()

    def create(self, life: Life) -> Deferred[None]:
        return self._do(self.commits, lambda: self.log.create(life))

    def amend(self, epoch: str, **changes: Unpack[Settings]) -> Deferred[None]:
        return self._do(self.commits, lambda: self.log.amend(epoch, **changes))

    def delete(self, epoch: str) -> Deferred[None]:
        return self._do(self.commits, lambda: self.log.delete(epoch))

    def keep(self, records: Sequence[Record]) -> Deferred[list[bool]]:
        return self._do(self.commits, lambda: self.log.keep(records))

    def kept(self, *args: Any, **kwargs: Any) -> Deferred[list[Record]]:
        return self._do(self.reads, lambda: self.log.kept(*args, **kwargs))

    def append(self, epoch: str, entries: Sequence[Entry]) -> Stored:
        self.appends += 1
        if not self.hold and not self.broken:
            return self.log.append(epoch, entries)  # a MemoryLog answers at once
        return self._do(self.commits, lambda: later(self.log.append(epoch, entries)))

    def read(self, epoch: str, after: int, before: int, limit: int = 200) -> Deferred[Page[Any]]:
        return self._do(self.reads, lambda: self.log.read(epoch, after, before, limit))

    def read_last(
        self, epoch: str, after: int, before: int, limit: int = 200
    ) -> Deferred[Page[Any]]:
        return self._do(self.reads, lambda: self.log.read_last(epoch, after, before, limit))

    def search(self, epoch: str, query: str, before: int, limit: int) -> Deferred[Page[Any]]:
        return self._do(self.reads, lambda: self.log.search(epoch, query, before, limit))

    def prune(self, epoch: str, **what: Any) -> Deferred[bool]:
        return self._do(self.commits, lambda: self.log.prune(epoch, **what))

    def check(self) -> Deferred[None]:
        return self._do(self.commits, self.log.check)

    def close(self) -> Deferred[None]:
        return self.log.close()

    def commit(self) -> None:
        """Do the oldest change that waits."""
        self.commits.popleft()()

    def answer(self) -> None:
        """Do the oldest read that waits."""
        self.reads.popleft()()

    def let_go(self) -> None:
        """Do all that waits, and hold nothing more."""
        self.hold = False
        while self.commits:
            self.commit()
        while self.reads:
            self.answer()

    def _do(
        self, waiting: deque[Callable[[], None]], work: Callable[[], Deferred[Any]]
    ) -> Deferred[Any]:
        def begun() -> Deferred[Any]:
            return fail(NotStored("the disk is full")) if self.broken else work()

        if not self.hold:
            return begun()
        done: Deferred[Any] = Deferred()
        result = begun() if self.late else None

        def release() -> None:
            (begun() if result is None else result).chainDeferred(done)

        waiting.append(release)
        return done


@implementer(ITransport, IConsumer, IPushProducer)
class Pipe:
    """A connection; ``reading`` tells whether the client takes what is written."""

    def __init__(self, clock: Clock, port: int, host: str = "192.0.2.1") -> None:
        self.host = host
        self.clock = clock
        self.port = port
        self.protocol: Any = None
        self.reading = True
        self.unread = bytearray()
        self.most_unread = 0
        self.unsent = bytearray()
        self.read_from = True
        self.closing = False
        self.gone = False
        self.producer: Any = None
        self.producer_paused = False

    # --- the server's side ---

    def write(self, data: bytes) -> None:
        if self.gone:
            return
        self.unread += data
        self.most_unread = max(self.most_unread, len(self.unread))
        full = not self.reading and len(self.unread) > FULL
        if full and self.producer is not None and not self.producer_paused:
            self.producer_paused = True
            self.producer.pauseProducing()

    def writeSequence(self, data: Any) -> None:
        self.write(b"".join(data))

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def pauseProducing(self) -> None:
        self.read_from = False

    def resumeProducing(self) -> None:
        if not self.gone and not self.closing:
            self.read_from = True
            self.clock.callLater(0, self._feed)

    def stopProducing(self) -> None:
        self.loseConnection()

    def loseConnection(self) -> None:
        if not self.closing and not self.gone:
            self.closing = True
            self.read_from = False
            self.clock.callLater(0, self._flushed)

    def abortConnection(self) -> None:
        self.clock.callLater(0, self.lose, ConnectionLost())

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", self.host, self.port)

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", "192.0.2.2", 1234)

    # --- the client's side ---

    def open(self, factory: Any) -> Any:
        """Let a listener take this connection; return what it has for it."""
        self.protocol = factory.buildProtocol(self.getPeer())
        self.protocol.makeConnection(cast(Any, self))
        return self.protocol

    def send(self, data: bytes) -> None:
        """Send bytes: the server reads them when it does."""
        self.unsent += data
        self._feed()

    def take(self) -> bytes:
        """Read all that was written."""
        data = bytes(self.unread)
        self.unread.clear()
        if self.producer_paused:
            self.producer_paused = False
            if self.producer is not None:
                self.producer.resumeProducing()
        self._flushed()
        return data

    def lose(self, why: Exception | None = None) -> None:
        """Break."""
        if not self.gone:
            self.gone = True
            assert self.protocol is not None
            self.protocol.connectionLost(Failure(why or ConnectionDone()))

    def _feed(self) -> None:
        # As a socket does: some 64 KiB in one read, and no more reads while it is paused.
        while self.unsent and self.read_from and not self.gone:
            data, self.unsent = bytes(self.unsent[:FULL]), self.unsent[FULL:]
            assert self.protocol is not None
            self.protocol.dataReceived(data)

    def _flushed(self) -> None:
        if self.closing and not self.gone and (self.reading or not self.unread):
            self.lose()


class Client:
    """Somebody at the other end: objects in, objects out."""

    def __init__(self, world: World, pipe: Pipe, protocol: ChatProtocol) -> None:
        self.world = world
        self.pipe = pipe
        self.protocol = protocol
        self.token: str | None = None
        self._bytes = bytearray()
        self._got: list[Object] = []

    def send(self, type: str, **fields: Any) -> None:
        """Send a request; nothing of it is answered before the turn ends."""
        self.pipe.send(wire(type, **fields))

    def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.pipe.send(data)

    def stop_reading(self) -> None:
        """Let what the server says lie."""
        self.pipe.reading = False

    def read(self) -> None:
        """Read what lies there, and go on reading."""
        self.pipe.reading = True
        self._take()
        self.world.settle()

    def _take(self) -> None:
        self._bytes += self.pipe.take()
        while len(self._bytes) >= 4:
            (length,) = struct.unpack_from("!I", self._bytes)
            assert length <= 65_536, f"a frame of {length} bytes"
            if len(self._bytes) < 4 + length:
                break
            self._got.append(json.loads(self._bytes[4 : 4 + length]))
            del self._bytes[: 4 + length]

    def got(self) -> list[Object]:
        """Return all that came since this was asked last."""
        self.world.settle()
        while self.pipe.reading and self.pipe.unread:
            self._take()
            self.world.settle()
        got, self._got = self._got, []
        return got

    def ask(self, type: str, **fields: Any) -> Object:
        """Send a request and return its reply; what came before and after it stays to be got."""
        id = f"ask-{next(_ids)}"  # a text's id is once-only for the user, over worlds too
        self.send(type, id=id, **fields)
        got = self.got()
        for place, found in enumerate(got):
            if found.get("id") == id:
                self._got = got[:place] + got[place + 1 :] + self._got
                return found
        raise AssertionError(f"no answer to {type}, but {got}")

    def login(self, user: str, **fields: Any) -> Object:
        """Log in; the welcome is returned, and snapshots stay to be got."""
        welcome = self.ask("login", user=user, **fields)
        assert welcome["type"] == "welcome", welcome
        self.token = welcome.get("token")
        return welcome

    def say(self, data: str, **fields: Any) -> Object:
        """Say a text and return its echo, or the error."""
        return self.ask("text", data=data, **fields)

    def texts(self) -> list[Object]:
        """Return the texts among what came, and forget the rest."""
        return [found for found in self.got() if found["type"] == "text"]

    def seqs(self) -> list[int]:
        """Return the places of the texts that came."""
        return [text["seq"] for text in self.texts()]

    def vanish(self) -> None:
        """Go without a word."""
        self.pipe.lose(ConnectionLost())

    @property
    def closed(self) -> bool:
        """Whether the server has closed the connection."""
        self.world.settle()
        return self.pipe.gone


class World:
    """A chat, its one door, and the clock that everything runs on."""

    def __init__(
        self,
        *,
        log: Log | None = None,
        clock: Clock | None = None,
        users: Sequence[str] | None = None,
        operators: Sequence[str] = (),
        guests: bool = True,
        rate: float = 0.0,
        ports: Ports | None = None,
        settle: bool = True,
        join: Callable[[Chat], object] = lambda chat: None,
        **rules: Any,
    ) -> None:
        self.clock = clock or Clock()
        self.log = HeldLog(log if log is not None else MemoryLog(self.clock))
        self.passwords = PlainPasswords()
        self.directory = None if users is None else Directory(users, operators)
        self.chat = Chat(
            self.log,
            self.clock,
            self.passwords,
            Attempts(self.clock),
            Rules(**rules),
            self.directory,
            ports,
        )
        join(self.chat)
        portal = Portal(self.chat)
        if self.directory is not None:
            portal.registerChecker(self.directory.checker())
        if guests:
            portal.registerChecker(GuestChecker(cast(Accounts, self.directory)))
        self.admission = Admission(
            portal, Attempts(self.clock), accounts=self.directory is not None
        )
        lobby = self.chat.rules.lobby
        self.factory = self.make_factory(lambda: lobby or None, rate)
        self._port = 40_000
        self.clients: list[Client] = []
        self.opened = Deferred.fromCoroutine(self.chat.open())
        if settle:  # else the clock runs by itself
            self.settle()

    def prover(self, keys: KeyRing | None = None) -> Prover:
        """Return what settles who somebody is before a connection is opened."""
        return Prover(self.admission, cast(Accounts, self.directory), keys)

    def make_factory(self, entry: Callable[[], str | None], rate: float = 0.0) -> ChatFactory:
        """Return another listener of the same chat."""
        return ChatFactory(self.admission, self.clock, entry, rate=rate)

    def settle(self) -> None:
        """End this turn, and those that follow from it."""
        self.clock.advance(0)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, a quarter of a second at a time."""
        for _ in range(int(seconds * 4)):
            self.clock.advance(0.25)

    def connect(self, factory: ChatFactory | None = None, host: str = "192.0.2.1") -> Client:
        """Return somebody who has connected."""
        self._port += 1
        pipe = Pipe(self.clock, self._port, host)
        client = Client(self, pipe, pipe.open(factory or self.factory))
        self.clients.append(client)
        return client

    def come(self, user: str, factory: ChatFactory | None = None, **fields: Any) -> Client:
        """Return somebody who has logged in, and has read what comes of it."""
        client = self.connect(factory)
        if self.directory is not None and self.directory.get(user.lower()) is not None:
            fields.setdefault("password", "secret")
        client.login(user, **fields)
        self.quiet()
        return client

    def quiet(self) -> None:
        """Let everybody forget what came until now."""
        for client in self.clients:
            if client.pipe.reading:
                client.got()


def types(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the types of messages."""
    return [one["type"] for one in found]


class ChatCase(SynchronousTestCase):
    """A test with chats; afterwards nothing may have been logged as an error."""

    def world(self, **settings: Any) -> World:
        """Return a new chat."""
        return World(**settings)

    def assert_refused(self, code: str, reply: Object) -> None:
        """Hold that ``reply`` is an error with this code, and a sentence."""
        self.assertEqual((reply["type"], reply.get("code")), ("error", code), reply)
        self.assertTrue(reply["data"])

    @contextmanager
    def errors_logged(self, kind: type[Exception], count: int = 1) -> Iterator[None]:
        """Hold that so many errors of this kind are logged within."""
        yield
        self.assertEqual(len(self.flushLoggedErrors(kind)), count)
