"""Users, connections and sessions at random, against a small model: promises 2 to 4."""

from __future__ import annotations

import shutil
import tempfile
from typing import Any

import hypothesis.strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule, run_state_machine_as_test
from twisted.internet.task import Clock

from tests.chat.model import FLOOD, LINGER, NAMES, USERS, Place, Room, Seat
from tests.kit.frames import Object
from tests.kit.logs import InlineWorker
from tests.kit.machines import SlowLogMachine, examples
from tests.kit.world import ChatCase, World
from twisted_chat.log.contract import Log
from twisted_chat.log.memory import MemoryLog
from twisted_chat.log.sqlite import open_sqlite


class ChatMachine(SlowLogMachine):
    """What may happen, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.rooms: dict[str, Room] = {}
        self.seats = [Seat(user) for user in (*USERS, "alice")]
        self.ids = 0
        self.log = self.open_log()
        self.start()

    def open_log(self) -> Log:
        """Make a log."""
        return MemoryLog(self.clock)

    def reopen_log(self) -> None:
        """End it and open it again, where it outlives that."""

    def start(self) -> None:
        """Start the daemon."""
        self.world = World(clock=self.clock, log=self.log, users=USERS, linger=LINGER)
        for name, session in self.world.chat.sessions.items():
            room = self.rooms.setdefault(name, Room(session.life.epoch, None, True))
            assert (session.life.epoch, session.head) == (room.epoch, len(room.texts))
        assert set(self.world.chat.sessions) == set(self.rooms)

    # --- helpers ---

    def here(self) -> list[Seat]:
        """Return the seats that may ask for something."""
        return [seat for seat in self.seats if seat.client is not None and seat.reading]

    def pump(self) -> None:
        """Let everybody who reads take what there is."""
        self.world.settle()
        for seat in self.here():
            assert seat.client is not None
            for message in seat.client.got():
                seat.absorb(message)

    def ask(self, seat: Seat, type: str, **fields: Any) -> Object:
        """Ask, when everything before has been taken."""
        self.pump()
        assert seat.client is not None
        return seat.client.ask(type, **fields)

    def take_in(self, seat: Seat, name: str, snapshot: Object, place: Place | None) -> None:
        """Become a member, from a place or from the head."""
        room = self.rooms[name]
        honoured = place is None or place.room is room
        assert snapshot.get("reset", False) is not honoured, snapshot
        assert (snapshot["epoch"], snapshot["head"]) == (room.epoch, len(room.texts)), snapshot
        last = place.last if place is not None and place.room is room else len(room.texts)
        seat.places[name] = Place(room, last)
        room.members.add(seat)

    def gone_from(self, seat: Seat, name: str) -> None:
        room = self.rooms[name]
        room.members.discard(seat)
        if not room.members:
            room.empty_since = self.clock.seconds()

    def say(self, seat: Seat, name: str, data: str, id: str) -> None:
        """Say something; the model knows what should come of it."""
        assert seat.client is not None
        seat.pending[id] = (name, data)
        if not self.world.log.broken:
            self.rooms[name].say(seat.user, data, id)
        seat.client.send("text", session=name, data=data, id=id)

    # --- what happens ---

    @initialize()
    def begin(self) -> None:
        """Most are here, in two sessions."""
        for seat in self.seats[:3]:
            self.come(seat)
        reply = self.ask(self.seats[0], "create", session="ops")
        self.rooms["ops"] = Room(reply["epoch"], "alice", False)
        self.take_in(self.seats[0], "ops", reply, None)
        self.take_in(self.seats[1], "ops", self.ask(self.seats[1], "join", session="ops"), None)

    @precondition(lambda self: self.calm and any(seat.client is None for seat in self.seats))
    @rule(data=st.data())
    def come_back(self, data: st.DataObject) -> None:
        absent = [seat for seat in self.seats if seat.client is None]
        self.come(data.draw(st.sampled_from(absent)))

    def come(self, seat: Seat) -> None:
        """Somebody connects, coming back to its places, and says again what was not answered."""
        self.pump()
        places, seat.places, seat.reading = seat.places, {}, True
        resume = [
            {"session": name, "after": place.last, "epoch": place.room.epoch}
            for name, place in places.items()
        ]
        seat.client = self.world.connect()
        welcome = seat.client.ask("login", user=seat.user, password="secret", resume=resume)
        assert welcome["type"] == "welcome", welcome
        for message in seat.client.got():
            if message["type"] == "session" and message["session"] not in seat.places:
                name = message["session"]
                self.take_in(seat, name, message, places.get(name))
            elif message["type"] == "error":
                assert message["code"] == "no-such-session"
                assert message["session"] not in self.rooms
                del places[message["session"]]
            else:
                seat.absorb(message)
        assert set(seat.places) == {"lobby", *places}
        for id, (name, data) in list(seat.pending.items()):
            if name in seat.places:
                self.say(seat, name, data, id)
            else:
                del seat.pending[id]

    @precondition(lambda self: sum(seat.client is not None for seat in self.seats) > 1)
    @rule(data=st.data())
    def break_off(self, data: st.DataObject) -> None:
        self.vanish(data.draw(st.sampled_from([seat for seat in self.seats if seat.client])))

    def vanish(self, seat: Seat) -> None:
        """A connection breaks, whatever is under way."""
        if seat.client is not None:
            seat.client.vanish()
            seat.client = None
            for name, room in self.rooms.items():
                if seat in room.members:
                    self.gone_from(seat, name)

    @precondition(lambda self: self.calm)
    @rule(data=st.data(), name=st.sampled_from(NAMES[1:]))
    def create(self, data: st.DataObject, name: str) -> None:
        if not (here := self.here()):
            return
        seat = data.draw(st.sampled_from(here))
        reply = self.ask(seat, "create", session=name, keep=name == "kept")
        if name in self.rooms:
            assert reply["code"] == "session-exists"
        else:
            epochs = {room.epoch for room in self.rooms.values()}
            assert reply["epoch"] not in epochs
            self.rooms[name] = Room(reply["epoch"], seat.user, name == "kept")
            self.take_in(seat, name, reply, None)

    @precondition(lambda self: self.calm)
    @rule(data=st.data(), name=st.sampled_from(NAMES), back=st.integers(0, 20) | st.none())
    def join(self, data: st.DataObject, name: str, back: int | None) -> None:
        """Somebody joins, or jumps back so many texts."""
        if not (here := self.here()):
            return
        seat = data.draw(st.sampled_from(here))
        self.pump()
        place = None
        if (room := self.rooms.get(name)) is not None and back is not None:
            place = Place(room, max(0, len(room.texts) - back))
        fields = {} if place is None else {"after": place.last, "epoch": place.room.epoch}
        reply = self.ask(seat, "join", session=name, **fields)
        if room is None:
            assert reply["code"] == "no-such-session"
        elif place is not None or name not in seat.places:
            self.take_in(seat, name, reply, place)

    @precondition(lambda self: self.calm)
    @rule(data=st.data(), name=st.sampled_from(NAMES))
    def leave(self, data: st.DataObject, name: str) -> None:
        if not (here := self.here()):
            return
        seat = data.draw(st.sampled_from(here))
        reply = self.ask(seat, "leave", session=name)
        if name in seat.places:
            assert reply["type"] == "left", reply
            del seat.places[name]
            self.gone_from(seat, name)
        else:
            assert reply["code"] == "not-in-session"

    @precondition(lambda self: self.calm)
    @rule(data=st.data(), name=st.sampled_from(NAMES))
    def delete(self, data: st.DataObject, name: str) -> None:
        if not (here := self.here()):
            return
        seat = data.draw(st.sampled_from(here))
        reply = self.ask(seat, "delete", session=name)
        room = self.rooms.get(name)
        if room is None:
            assert reply["code"] == "no-such-session"
        elif room.owner != seat.user:
            assert reply["code"] == "not-allowed"
        else:
            assert reply["type"] == "deleted"
            del self.rooms[name]
            seat.places.pop(name, None)
            for one in self.seats:  # who does not read hears of it later
                one.pending = {id: of for id, of in one.pending.items() if of[0] != name}
            for one in tuple(room.members):
                if not one.reading:
                    self.vanish(one)

    @rule(data=st.data(), texts=st.sampled_from([1, 2, 3, FLOOD]))
    def talk(self, data: st.DataObject, texts: int) -> None:
        """Somebody says something new, or more than a transport's buffer of it."""
        seats = [seat for seat in self.here() if seat.places and len(seat.pending) < 20]
        if not seats:
            return
        seat = data.draw(st.sampled_from(seats))
        if texts == FLOOD and seat.pending:
            return  # past its window the order would be another one
        name = data.draw(st.sampled_from(sorted(seat.places)))
        for _ in range(texts):
            self.ids += 1
            size = 5_000 if texts == FLOOD else 0
            self.say(seat, name, str(self.ids).ljust(size, "x"), f"id{self.ids}")

    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """Somebody says again what it has said before, by any of its connections."""
        seats = [seat for seat in self.here() if seat.places and len(seat.pending) < 20]
        if not seats:
            return
        seat = data.draw(st.sampled_from(seats))
        name = data.draw(st.sampled_from(sorted(seat.places)))
        said = [id for source, id in self.rooms[name].by_id if source == seat.user]
        if said:
            id = data.draw(st.sampled_from(said))
            if id not in seat.pending:
                self.say(seat, name, "something else", id)

    @rule(data=st.data())
    def stop_reading(self, data: st.DataObject) -> None:
        if here := self.here():
            self.pump()
            seat = data.draw(st.sampled_from(here))
            assert seat.client is not None
            seat.client.stop_reading()
            seat.reading = False

    @precondition(lambda self: any(not seat.reading for seat in self.seats))
    @rule()
    def read(self) -> None:
        for seat in self.seats:
            if seat.client is not None and not seat.reading:
                seat.reading = True
                seat.client.read()

    @precondition(lambda self: self.calm)
    @rule(data=st.data())
    def refuse(self, data: st.DataObject) -> None:
        """The log can not store what somebody says."""
        seats = [seat for seat in self.here() if seat.places and not seat.pending]
        if seats:
            self.pump()
            self.world.log.broken = True
            seat = data.draw(st.sampled_from(seats))
            self.ids += 1
            self.say(seat, sorted(seat.places)[0], "lost", f"id{self.ids}")
            self.world.settle()
            self.world.log.broken = False
            self.pump()
            assert seat.client is None or not seat.pending

    @precondition(lambda self: self.calm)
    @rule(seconds=st.sampled_from([10, 61]))
    def wait(self, seconds: int) -> None:
        """Time passes: who has left a session empty may lose it."""
        self.pump()
        self.world.pass_time(seconds)
        for name, room in list(self.rooms.items()):
            over = room.empty_since + LINGER <= self.clock.seconds()
            if not room.keep and not room.members and over:
                del self.rooms[name]

    @precondition(lambda self: self.calm)
    @rule()
    def restart(self) -> None:
        """The daemon ends and starts again."""
        for seat in self.seats:
            self.vanish(seat)
        self.world.settle()
        self.world.chat.close()
        for call in self.clock.getDelayedCalls():
            call.cancel()
        self.reopen_log()
        for room in self.rooms.values():
            room.empty_since = self.clock.seconds()
        self.start()

    @precondition(lambda self: self.calm)
    @rule(data=st.data(), size=st.integers(1, 30))
    def look(self, data: st.DataObject, size: int) -> None:
        """History, by pages both ways, and who is there, are what the model says."""
        seats = [seat for seat in self.here() if seat.places]
        if not seats:
            return
        seat = data.draw(st.sampled_from(seats))
        name = data.draw(st.sampled_from(sorted(seat.places)))
        self.pump()
        room = self.rooms[name]
        found: list[Object] = []
        more = True
        while more:
            page = self.ask(
                seat, "history", session=name, after=found[-1]["seq"] if found else 0, limit=size
            )
            found += page["texts"]
            more = page["more"]
        assert [(one["source"], one["data"], one["id"]) for one in found] == room.texts
        backwards: list[Object] = []
        more = True
        while more:
            fields = {"before": backwards[0]["seq"]} if backwards else {}
            page = self.ask(seat, "history", session=name, limit=size, **fields)
            backwards = page["texts"] + backwards
            more = page["more"]
        assert backwards == found
        users = self.ask(seat, "who", session=name)["users"]
        assert users == sorted({one.user for one in room.members})

    # --- what always holds ---

    @invariant()
    def nobody_misses_anything(self) -> None:
        """Who reads has seen all texts of its sessions, once and in order; all is answered."""
        self.pump()
        if self.calm:
            for seat in self.here():
                for name, place in seat.places.items():
                    assert place.room is self.rooms[name]
                    assert place.last == len(place.room.texts), name
                assert not seat.pending

    def teardown(self) -> None:
        """In the end everybody reads, comes back, and has everything."""
        if self.world.log.hold:
            self.fast_log()
        self.read()
        for seat in self.seats:
            if seat.client is None:
                self.come(seat)
        self.nobody_misses_anything()
        self.world.chat.close()


class SqliteMachine(ChatMachine):
    """The same, with the durable log and real restarts of it."""

    def open_log(self) -> Log:
        self.folder = tempfile.mkdtemp()
        return open_sqlite(f"{self.folder}/chat.db", self.clock, InlineWorker, "normal")

    def reopen_log(self) -> None:
        self.log.close()
        self.log = open_sqlite(f"{self.folder}/chat.db", self.clock, InlineWorker, "normal")

    def teardown(self) -> None:
        super().teardown()
        self.log.close()
        shutil.rmtree(self.folder)


class StateMachineTests(ChatCase):
    def test_memory(self) -> None:
        """Promises 2 to 4 hold whatever happens, in whatever order."""
        run_state_machine_as_test(ChatMachine, settings=examples(80, 50))

    def test_sqlite(self) -> None:
        """And with the durable log, over restarts."""
        run_state_machine_as_test(SqliteMachine, settings=examples(30, 40))
