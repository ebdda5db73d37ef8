"""Sessions that begin and end while people come and go, at random and all at once.

The other machine (test_state_machine) holds every text to a model; here requests race one another,
and what is held is who may see what, what must not be lost, and that nothing is left behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import hypothesis.strategies as st
from attrs import Factory, define
from hypothesis.stateful import initialize, invariant, precondition, rule, run_state_machine_as_test
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.task import Clock, deferLater

from tests.kit.directory import KnownUser
from tests.kit.frames import Object
from tests.kit.machines import SlowLogMachine, examples
from tests.kit.world import ChatCase, Client, World
from twisted_chat.doors.native import ChatFactory
from twisted_chat.doors.ports import SessionPorts
from twisted_chat.log.memory import MemoryLog

ACCOUNTS = ("alice", "bob")
NAMES = (*ACCOUNTS, "dave", "erin")
ROOMS = ("lobby", "x", "y", "z")
DIRECTS = tuple(f"@{one},{two}" for one, two in combinations(NAMES, 2))
LINGER = 10.0
PORTS = 2
MAX_SESSIONS = 3


@define
class Port:
    """A listening port: it is free a turn after it was told to stop."""

    clock: Clock
    taken: set[int]
    port: int

    def stopListening(self) -> Deferred[None]:
        return deferLater(self.clock, 0, self.taken.remove, self.port)


@define(eq=False)
class Seat:
    """Somebody's client. ``identity`` is an account's name, or the token of one guest of many."""

    name: str
    client: Client | None = None
    token: str | None = None
    asked: str | None = None
    """The request that is not answered yet."""
    seen: list[Object] = Factory(list)

    @property
    def identity(self) -> str:
        return self.name if self.name in ACCOUNTS else f"{self.name} {self.token}"


@define
class Whisper:
    """What was said to one user: by whom, to whom, and whether the log has it."""

    source: str
    target: str
    stored: bool = False


class LifeMachine(SlowLogMachine):
    """What may happen, in any order, while the log takes its time."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.log = MemoryLog(self.clock)
        self.seats = [Seat(name) for name in (*NAMES, "alice", "dave")]
        self.said: dict[str, Whisper] = {}
        self.count = 0
        self.accounts: dict[str, KnownUser] = {}
        self.start()

    def start(self) -> None:
        """Start the daemon."""
        self.taken: set[int] = set()

        def listen(port: int, factory: ChatFactory) -> Any:
            if port in self.taken:
                raise CannotListenError("", port, OSError("in use"))
            self.taken.add(port)
            return Port(self.clock, self.taken, port)

        self.ports = SessionPorts(
            1, PORTS, self.clock, listen, lambda name: self.world.make_factory(lambda: name)
        )
        self.world = World(
            clock=self.clock,
            log=self.log,
            users=ACCOUNTS,
            linger=LINGER,
            max_sessions=MAX_SESSIONS,
            ports=self.ports,
        )
        assert self.world.directory is not None
        self.accounts = self.world.directory.known

    def pump(self) -> None:
        """Let everybody read what there is."""
        for _ in range(3):  # a port that closes lets another begin
            self.world.settle()
        for seat in self.seats:
            if seat.client is None:
                continue
            for message in seat.client.got():
                self.see(seat, message)
            if seat.client.closed:
                self.leave(seat)

    def see(self, seat: Seat, message: Object) -> None:
        """Take what came: nobody reads what was said to others."""
        if message.get("id") == seat.asked:
            seat.asked = None
            if message["type"] == "welcome" and seat.name not in ACCOUNTS:
                seat.token = message["token"]
            elif message.get("code") in ("bad-credentials", "name-in-use", "too-many-attempts"):
                seat.token = None
        if message["type"] in ("history", "found"):
            for text in message["texts"]:
                self.see(seat, text)
        if message["type"] == "text":
            whisper = self.said[message["data"]]
            assert seat.identity in (whisper.source, whisper.target), (seat, whisper)
            whisper.stored = True

    def leave(self, seat: Seat) -> None:
        if seat.client is not None:
            seat.client.vanish()
            seat.client = seat.asked = None

    def send(self, seat: Seat, type: str, **fields: Any) -> None:
        """Ask for something; its answer is taken when it comes."""
        assert seat.client is not None
        self.count += 1
        seat.asked = f"id{self.count}"
        seat.client.send(type, id=seat.asked, **fields)

    def free(self) -> list[Seat]:
        """Return who may ask for something, and is heard at once: no resume is under way."""
        return [
            seat
            for seat in self.seats
            if seat.client is not None
            and seat.asked is None
            and not seat.client.protocol.conversation.answering
        ]

    # --- what happens ---

    @initialize()
    def begin(self) -> None:
        """Everybody is here."""
        for seat in self.seats:
            self.come(seat)

    def come(self, seat: Seat, resume: Sequence[str] = ()) -> None:
        """Somebody connects."""
        seat.client = self.world.connect()
        fields: Object = {"resume": [{"session": name, "after": 0} for name in resume]}
        if seat.name in ACCOUNTS:
            fields["password"] = "secret"
        elif token := self.here(seat.name):
            fields["token"] = token
        self.send(seat, "login", user=seat.name, **fields)
        self.pump()

    def here(self, name: str) -> str | None:
        """Return the token of the guest of that name that is here last, if there is one."""
        tokens = [seat.token for seat in self.seats if seat.name == name and seat.token]
        return tokens[-1] if tokens else None

    @precondition(lambda self: any(seat.client is None for seat in self.seats))
    @rule(data=st.data(), forget=st.booleans(), resume=st.sampled_from([(), DIRECTS, ROOMS[1:]]))
    def arrive(self, data: st.DataObject, forget: bool, resume: Sequence[str]) -> None:
        """Somebody comes, or comes back; a guest may be another one of that name."""
        seat = data.draw(st.sampled_from([seat for seat in self.seats if seat.client is None]))
        if forget:
            seat.token = None
        self.come(seat, resume)

    @precondition(lambda self: any(seat.client is not None for seat in self.seats))
    @rule(data=st.data())
    def vanish(self, data: st.DataObject) -> None:
        """A connection breaks, whatever is under way."""
        self.leave(data.draw(st.sampled_from([seat for seat in self.seats if seat.client])))

    @precondition(lambda self: self.free())
    @rule(data=st.data())
    def logout(self, data: st.DataObject) -> None:
        self.send(data.draw(st.sampled_from(self.free())), "logout")

    @rule(name=st.sampled_from(NAMES[2:]), polite=st.booleans(), resume=st.booleans())
    def another(self, name: str, polite: bool, resume: bool) -> None:
        """A guest goes, or breaks off, and another one would have its name."""
        seats = [seat for seat in self.seats if seat.name == name]
        for seat in seats:
            if polite and seat in self.free():
                self.send(seat, "logout")
        self.pump()
        for seat in seats:
            self.leave(seat)
            seat.token = None
        self.come(seats[0], DIRECTS if resume else ())

    @precondition(lambda self: self.free())
    @rule(
        data=st.data(),
        type=st.sampled_from(["create", "create", "join", "leave", "delete", "who"]),
        name=st.sampled_from([*ROOMS, "x", "x"]),
        keep=st.booleans(),
    )
    def ask(self, data: st.DataObject, type: str, name: str, keep: bool) -> None:
        """Somebody wants something of a session, while others do."""
        fields = {"keep": keep} if type == "create" else {}
        self.send(data.draw(st.sampled_from(self.free())), type, session=name, **fields)

    @precondition(lambda self: self.free())
    @rule(data=st.data(), to=st.sampled_from(NAMES))
    def whisper(self, data: st.DataObject, to: str) -> None:
        """Somebody says something to one user alone."""
        seat = data.draw(st.sampled_from(self.free()))
        text = f"text{self.count}"
        self.said[text] = Whisper(seat.identity, self.identity(to))
        self.send(seat, "text", to=to, data=text)

    @precondition(lambda self: self.free())
    @rule(data=st.data(), name=st.sampled_from(DIRECTS))
    def reply(self, data: st.DataObject, name: str) -> None:
        """Somebody says something in a direct session: to whoever began it, and nobody else."""
        seat = data.draw(st.sampled_from(self.free()))
        chat = self.world.chat
        one, two = name[1:].split(",")
        other = two if seat.name == one else one
        session = chat.sessions.get(name)
        seen = session is not None and chat.directs.shows(session, other)
        text = f"text{self.count}"
        self.said[text] = Whisper(seat.identity, self.identity(other) if seen else "nobody")
        self.send(seat, "text", session=name, data=text)

    def identity(self, name: str) -> str:
        """Return who has that name now."""
        person = self.world.chat.people.here.get(name)
        if name in ACCOUNTS:
            return name
        return f"{name} {person.token if person is not None else None}"

    @rule()
    def break_or_mend(self) -> None:
        """The disk is full, or it is not any more."""
        self.world.log.broken = not self.world.log.broken

    @rule()
    def accounts_vanish_or_return(self) -> None:
        """The users file is short for a moment."""
        assert self.world.directory is not None
        self.world.directory.known = {} if self.world.directory.known else self.accounts

    @rule(seconds=st.sampled_from([1, 6, 11]))
    def wait(self, seconds: int) -> None:
        self.world.pass_time(seconds)

    @precondition(lambda self: self.calm)
    @rule()
    def restart(self) -> None:
        """The daemon ends and starts again; guests are others after that."""
        self.world.chat.close()
        for seat in self.seats:
            self.leave(seat)
            seat.token = None
        self.world.settle()
        for call in self.clock.getDelayedCalls():
            call.cancel()
        self.start()

    # --- what always holds ---

    @invariant()
    def nothing_is_left_behind(self) -> None:
        """When all is calm, everything is answered, and everybody agrees on what there is."""
        self.pump()
        if not self.calm:
            return
        chat = self.world.chat
        sessions = chat.sessions
        assert not any(seat.asked for seat in self.seats)
        assert not len(sessions.claims)
        assert sorted(life.epoch for life in self.log.lives()) == sorted(
            session.life.epoch for session in sessions.values()
        )
        rooms = [one for one in sessions.values() if one.life.direct is None]
        assert rooms == list(sessions.rooms.values())
        rooms.remove(sessions["lobby"])
        assert len(rooms) <= MAX_SESSIONS
        assert {room.port for room in rooms} - {None} == self.taken == set(self.ports._open)
        for room in rooms:
            assert room.life.keep or room.members or room in sessions.lingering, room.life
        assert set(sessions.lingering) <= set(sessions.values())
        for directs in chat.directs._of.values():
            assert directs
            assert set(directs) <= set(sessions.values())
        connected = [user for person in chat.people.here.values() for user in person.users]
        assert len(connected) == chat.connections
        users = [seat.client.protocol.conversation.user for seat in self.seats if seat.client]
        assert {user for user in users if user is not None} == set(connected)
        for session in sessions.values():
            assert set(session.members) <= set(connected)
        for person in chat.people.here.values():
            assert person.users or person in chat._leaving

    @precondition(lambda self: self.calm)
    @rule()
    def look_back(self) -> None:
        """Everybody reads what they may; between accounts nothing that was stored is missing."""
        self.pump()
        assert self.world.directory is not None
        self.world.directory.known = self.accounts
        for seat in self.free():
            for name in DIRECTS:
                assert seat.client is not None
                reply = seat.client.ask("history", session=name, limit=200)
                self.see(seat, reply)
                found = [text["data"] for text in reply.get("texts", [])]
                assert len(found) == len(set(found))
                if name == "@alice,bob" and seat.name in ACCOUNTS:
                    stored = {
                        text
                        for text, whisper in self.said.items()
                        if whisper.stored and {whisper.source, whisper.target} == set(ACCOUNTS)
                    }
                    assert stored <= set(found), (stored, found)

    def teardown(self) -> None:
        """In the end all is calm."""
        self.world.log.broken = False
        self.fast_log()
        self.nothing_is_left_behind()
        self.look_back()
        self.world.chat.close()


class LifeMachineTests(ChatCase):
    def test_lives(self) -> None:
        """Whatever races: nobody sees what is another's, nothing is lost, nothing is left over."""
        run_state_machine_as_test(LifeMachine, settings=examples(60, 80))
