"""The client's words for tests: a desk on a screen, and servers that the test has in hand."""

from __future__ import annotations

from datetime import UTC
from random import Random
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.fake_server import Connection, FakeEndpoint, snapshot
from twisted_chat.client.address import Address
from twisted_chat.client.chatclient import ChatClient
from twisted_chat.client.memory import Memory
from twisted_chat.client.words import render, take
from twisted_chat.client.words.desk import Desk
from twisted_chat.client.words.render import Line


@define(eq=False)
class FakeScreen:
    """Keeps what is shown."""

    lines: list[str] = field(factory=list)
    questions: list[tuple[str, Deferred[str | None]]] = field(factory=list)
    closed: bool = False
    rung: int = 0

    def show(self, *lines: Line) -> None:
        self.lines.extend(render.plain(line) for line in lines)

    def fail(self, sentence: str) -> None:
        self.show(render.problem(sentence))

    def refresh(self) -> None:
        pass

    def ask(self, question: str) -> Deferred[str | None]:
        answer: Deferred[str | None] = Deferred()
        self.questions.append((question, answer))
        return answer

    def ring(self) -> None:
        self.rung += 1

    def close(self) -> None:
        self.closed = True


class DeskCase(SynchronousTestCase):
    """A desk, with a server for each address."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.servers: dict[str, FakeEndpoint] = {}
        self.screen = FakeScreen()
        self.desk = self.make_desk()

    def make_desk(self, memory: Memory | None = None) -> Desk:
        return Desk(self.screen, self.make, "alice", memory or Memory(None), UTC)

    def make(self, address: Address, user: str, password: str | None) -> ChatClient:
        endpoint = self.servers[str(address)] = FakeEndpoint()
        random = Random(len(self.servers))
        return ChatClient(self.clock, endpoint, user, password, random=random)

    def connect(self, host: str = "home", **fields: Any) -> Connection:
        """Be on a server, in its lobby."""
        self.type(f"/connect {host}")
        connection = self.servers[host].last
        connection.welcome(**fields)
        self.shown()
        return connection

    def back(self, host: str = "home") -> Connection:
        """Wait until the client of a server tries again."""
        before = self.servers[host].attempts
        while self.servers[host].attempts == before:
            self.clock.advance(0.1)
        return self.servers[host].last

    def join(self, connection: Connection, session: str, **fields: Any) -> None:
        """Go into a session."""
        self.type(f"/joinsession {session}")
        (request,) = connection.sent()
        connection.say(snapshot(session, id=request.id, **fields))
        self.shown()

    def type(self, *lines: str) -> None:
        for line in lines:
            take(self.desk, line)

    def shown(self) -> list[str]:
        """Return what was shown since the last call."""
        lines = [line for line in self.screen.lines if not line.startswith("---")]
        self.screen.lines.clear()
        return lines

    def prompt(self) -> str:
        return render.plain(self.desk.where.prompt())

    def answer(self, password: str | None) -> str:
        """Answer the question that is asked; return it."""
        ((question, answer),) = self.screen.questions
        self.screen.questions.clear()
        answer.callback(password)
        return question
