"""Connections as a session sees them: without a door, with each write in sight."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import evolve
from twisted.internet.task import Clock

from tests.kit.held_log import HeldLog
from tests.kit.world import ChatCase
from twisted_chat.chat.member import Encode, Mind
from twisted_chat.chat.session import Member, Session
from twisted_chat.chat.turn import Turn, delayed
from twisted_chat.log.contract import Life
from twisted_chat.log.memory import MemoryLog
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Bye, Error, Response, Text, TopicChanged, encode
from twisted_chat.vocabulary.names import user_name


class FakeMind:
    """A client that keeps what it is told, a delivery at a time, and may break."""

    door = "fake"
    host = "192.0.2.1"
    port = 1

    def __init__(self, encode: Encode) -> None:
        self.encode: Encode = encode
        self.delivered: list[bytes] = []
        self.farewell: Bye | None = None
        self.on_deliver: Callable[[], None] = lambda: None
        self.deliver: Callable[[bytes], None] = self._deliver

    def _deliver(self, data: bytes) -> None:
        self.on_deliver()
        self.delivered.append(data)

    def settled(self) -> None: ...

    def refused(self, refusal: ChatError, id: str | None, session: str) -> None:
        error = Error(code=refusal.code, data=str(refusal), id=id, session=session)
        self.deliver(self.encode(error))

    def slow(self, seconds: float) -> None: ...

    def close(self, farewell: Bye) -> None:
        self.farewell = farewell


class FakeUser:
    """A connection, as a session sees it."""

    def __init__(self, name: str, mind: FakeMind) -> None:
        self.name = user_name(name)
        self.fake = mind
        self.mind: Mind = mind
        self.gone = False
        self.full = False
        self.reading = False
        self.members: dict[str, Member] = {}
        self.behind: dict[Member, None] = {}
        self.unsettled = 0
        self.unsettled_size = 0

    is_operator = False
    is_guest = False

    @property
    def delivered(self) -> list[bytes]:
        return self.fake.delivered


def encode_line(response: Response) -> bytes:
    """A door's encoder: shorter to look at than JSON."""
    match response:
        case Text():
            return f"{response.seq}:{response.source}:{response.data};".encode()
        case _:
            return f"{encode(response).decode()};".encode()


class SessionCase(ChatCase):
    """A session alone, with minds that show each write."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.turn = Turn(delayed(self.clock))
        self.log = HeldLog(MemoryLog(self.clock))
        life = Life(epoch="e", key="room", name="room")
        self.log.create(life)
        self.session = Session(life, self.log, self.turn, self.clock)

    def topic(self, by: Any, topic: str) -> None:
        """Let the members be told of a topic that is stored."""
        event = TopicChanged(session=self.session.name, user=by.name.text, topic=topic)
        self.session.changed(by, evolve(self.session.life, topic=topic), event)

    def user(self, name: str, encode: Any = encode_line) -> FakeUser:
        """Return somebody who has come, and has heard of it."""
        user = FakeUser(name, FakeMind(encode))
        self.session.join(user)
        self.clock.advance(0)
        user.delivered.clear()
        return user

    def end_turn(self) -> None:
        """End one turn, and none of those that follow from it."""
        call = self.clock.calls[0]
        work = call.func
        call.cancel()
        work()
