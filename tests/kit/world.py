"""A chat on a Clock for unit tests, and clients of it through bytes: no socket, no thread, no wait.

::

    Client <-- frames --> Pipe <-- ChatProtocol -- Conversation -- Chat -- a log
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, cast

from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.directory import Directory, PlainPasswords
from tests.kit.frames import Object, wire
from tests.kit.held_log import HeldLog
from tests.kit.pipe import Pipe
from twisted_chat.accounts.accounts import Accounts, GuestChecker
from twisted_chat.accounts.admission import Admission
from twisted_chat.accounts.attempts import Attempts
from twisted_chat.accounts.proofs import KeyRing, Prover
from twisted_chat.chat.chat import Chat
from twisted_chat.chat.ports import Ports
from twisted_chat.chat.rules import Rules
from twisted_chat.doors.native import ChatFactory, ChatProtocol
from twisted_chat.log.contract import Log
from twisted_chat.log.memory import MemoryLog

_ids = count()


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
