"""Hearing: what the other nodes have written becomes what is so here.

Two kinds of lines come, in one order: what the log holds now (lives and records), and notes. This
node's own lines come too. What they say is known already, unless another node wrote of the same
thing in between: then the last line is what is so.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from attrs import define, field
from msgspec import DecodeError
from msgspec.json import Decoder
from twisted.logger import Logger

from twisted_chat.chat.acting import (
    end_user,
    put_out,
    tell_all,
    tell_away,
    tell_chosen,
    tell_read,
    tell_user,
)
from twisted_chat.chat.chat import Chat
from twisted_chat.chat.ignoring import IGNORED
from twisted_chat.chat.notes import (
    Asked,
    Came,
    Deleting,
    Ends,
    Entered,
    Everybody,
    Exited,
    Expelled,
    Forgot,
    GuestRole,
    Happened,
    Hello,
    Here,
    Hint,
    IsAway,
    Note,
    Somebody,
    Stored,
    Went,
    decode_notes,
)
from twisted_chat.chat.people import Person
from twisted_chat.chat.places import LEVEL, MENTION, PLACE, READ
from twisted_chat.log.contract import Life, Record
from twisted_chat.log.shared import LEASE_SECONDS, Line
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Deleted
from twisted_chat.vocabulary.names import key_of, user_name

HERE_PEOPLE: Final = 500
"""Users in one part of a Here, at most."""

MAX_FOREIGN: Final = 10_000
"""Things of which it is remembered that another node wrote of them last, at most."""

_life: Final = Decoder(Life)
_record: Final = Decoder(Record)


@define(eq=False)
class Hearing:
    """What one node hears. ``greet`` is called where another node wants to know who is here.

    ``kinds`` are takers of records that are not the chat's own, by their kind.
    """

    chat: Chat
    node: str
    greet: Callable[[], object]
    kinds: dict[str, Callable[[Record], None]] = field(factory=dict)
    _foreign: OrderedDict[str, None] = field(factory=OrderedDict, init=False)
    _deleting: dict[str, Deleted] = field(factory=dict, init=False)
    """What members are told when the log has let go of a session, by its epoch."""
    _seen: dict[str, set[str]] = field(factory=dict, init=False)
    """Of a node whose Here is coming in parts: who was in them."""
    _chosen: dict[str, None] = field(factory=dict, init=False)
    """Accounts that are to be told what they have set for themselves."""
    _logger = Logger()

    # --- lines -------------------------------------------------------------------------------

    def hear(self, lines: Sequence[Line]) -> Iterator[None]:
        """Take up some lines, in their order, a step at a time."""
        last = {self._identity(line): line for line in lines if line.kind in ("life", "record")}
        for line in lines:
            identity = self._identity(line)
            if line.kind in ("life", "record") and last[identity] is not line:
                if line.node != self.node:
                    self._mark(identity)
                continue
            if line.node == self.node and line.kind not in ("ended", "buried", "resigned"):
                if identity not in self._foreign and not self._is_new_life(line):
                    continue
                self._foreign.pop(identity, None)
            yield
            with self._told_of(line.node):
                yield from self._hear(line, identity)
        while self._chosen:  # once, although what was set with one request is many lines
            tell_chosen(self.chat, self._chosen.popitem()[0])
            yield

    @contextmanager
    def _told_of(self, node: str) -> Iterator[None]:
        """What can not be taken up is logged, and loses itself alone."""
        try:
            yield
        except (DecodeError, ChatError, ValueError) as problem:
            said = "Node {node} wrote what is not understood: {problem}"
            self._logger.error(said, node=node, problem=str(problem))
        except Exception:
            self._logger.failure("Could not take up what {node} wrote", node=node)

    def _identity(self, line: Line) -> str:
        """Return what a line is about; nothing where it can not be understood."""
        with suppress(DecodeError):
            if line.kind == "life":
                return _life.decode(line.body).epoch
            if line.kind == "record":
                record = _record.decode(line.body)
                return f"{record.kind}\0{record.scope}\0{record.key}"
        return ""

    def _is_new_life(self, line: Line) -> bool:
        """Whether it is a life of this node whose commit was answered by nothing."""
        return line.kind == "life" and self._identity(line) not in self.chat.sessions.by_epoch

    def _mark(self, identity: str) -> None:
        if not identity:
            return
        self._foreign[identity] = None
        if len(self._foreign) > MAX_FOREIGN:
            self._foreign.popitem(last=False)

    def _hear(self, line: Line, identity: str) -> Iterator[None]:
        if line.kind == "note":
            for note in decode_notes(line.body):
                with self._told_of(line.node):
                    if isinstance(note, Here):
                        yield from self._here(line.node, note)
                    else:
                        self._note(line.node, note)
                yield
        elif line.kind == "buried":
            self.bury(line.body.decode(), free=True)
        elif line.kind == "resigned":
            self.bury(line.node, free=False)
        elif line.kind == "ended":
            epoch = line.body.decode()
            deleted = self._deleting.pop(epoch, None)
            if (session := self.chat.sessions.by_epoch.get(epoch)) is not None:
                if deleted is None and session.members:  # it ended as they came
                    name = session.name
                    deleted = Deleted(session=name, user=session.life.owner or name)
                self.chat.sessions.forget(session, deleted)
                self.chat.directs.ended(session)
        else:
            if line.node != self.node:
                self._mark(identity)
            if line.kind == "life":
                self._take_life(_life.decode(line.body))
            else:
                self._take_record(_record.decode(line.body))

    def _take_life(self, life: Life) -> None:
        sessions = self.chat.sessions
        session = sessions.by_epoch.get(life.epoch)
        if session is not None:
            sessions.version += 1
            session.amended(life)
            sessions.linger(session, LEASE_SECONDS)
            return
        if (other := sessions.get(life.key)) is not None:  # it ended: its line was not told
            sessions.forget(other, None)
            self.chat.directs.ended(other)
        if life.direct is not None:
            self.chat.directs.take_up(life)
        else:
            sessions.take_up(life)

    def _take_record(self, record: Record) -> None:
        chat, kind = self.chat, record.kind
        if kind in self.kinds:
            self.kinds[kind](record)
        elif kind == "name":
            chat.former.take(record)
        elif record.scope and (session := chat.sessions.by_epoch.get(record.scope)) is not None:
            if kind in (PLACE, READ, MENTION, LEVEL):
                chat.places.take(session, record)
                if kind == READ and record.value is not None:
                    tell_read(chat, record.key, session, int(record.value))
                elif kind == LEVEL:
                    self._chosen[record.key] = None
            else:
                taken = session.ruling.take(record)
                if session.life.direct is not None:
                    chat.directs.settle(session)
                if taken is not None and taken.kind == "ban":
                    put_out(chat, session, taken)
        elif kind == IGNORED:
            self._chosen[chat.places.ignoring.take(record)] = None
        elif not record.scope and kind in ("ban", "mute"):
            taken = chat.ruling.take(record)
            if taken is not None and taken.kind == "ban":
                put_out(chat, None, taken)

    # --- notes -------------------------------------------------------------------------------

    def _note(self, node: str, note: Note) -> None:  # a table of all that there are
        chat = self.chat
        sessions, here = chat.sessions, chat.people.here
        match note:
            case Came():
                self._came(node, note.name, note.away, guest=note.guest)
            case Went():
                self._went(node, note.key)
            case Entered() | Exited():
                self._moved(node, note)
            case Happened():
                if (session := sessions.by_epoch.get(note.epoch)) is not None:
                    session.tell(note.event)
            case Expelled():
                session = sessions.by_epoch.get(note.epoch)
                key = key_of(note.event.user) or ""
                if session is not None and key in session.roster:
                    session.expelled(key, note.event)
                    sessions.version += 1
                    self._unplace(key, note.epoch)
                    sessions.linger(session, LEASE_SECONDS)
            case Deleting():
                if note.epoch in sessions.by_epoch:
                    self._deleting[note.epoch] = note.event
            case IsAway():
                person = here.get(key_of(note.event.user) or "")
                if person is not None and person.away != note.event.data:
                    person.away = note.event.data
                    sessions.version += 1
                    chat.turn.work(tell_away(chat, person, note.event))
            case Everybody():
                chat.turn.work(tell_all(chat, note.event))
            case Ends():
                if (person := here.get(note.key)) is not None:
                    end_user(person, note.bye)
            case Asked():
                self._asked(note)
            case GuestRole():
                person = here.get(note.key)
                if person is not None and person.guest:
                    if note.role in ("owner", "moderator", "voice"):
                        person.roles[note.epoch] = note.role  # type: ignore[assignment]
                    else:
                        person.roles.pop(note.epoch, None)
            case Forgot():
                person = here.get(note.key)
                if person is not None and person.guest and not person.is_here:
                    chat.forget_guest(person)
            case Hello():
                self.greet()
            case Here():
                pass  # it takes longer: see _hear

    def hint(self, hint: Hint) -> None:
        """Take up what may have been lost."""
        session = self.chat.sessions.by_epoch.get(hint.epoch)
        if session is None or not session.members:
            return
        if isinstance(hint, Stored):
            session.ordering.hear(hint.entries)
        else:
            session.typing.tell(hint.key, hint.event)

    def _asked(self, note: Asked) -> None:
        person = self.chat.people.here.get(key_of(note.event.user) or "")
        if person is None:
            return
        if person.guest:
            person.invited[note.epoch] = note.event.by
        tell_user(person, note.event)

    # --- who is here -------------------------------------------------------------------------

    def _came(self, node: str, name: str, away: str, *, guest: bool) -> Person | None:
        chat = self.chat
        person = chat.people.here.get(key_of(name) or "")
        if person is not None and person.guest and not guest:
            # The name has an account now: its guest goes, here as there.
            for at in tuple(person.elsewhere):
                self._went(at, person.name.key)
            chat.end_guest(person)
            person = None
        if person is None:
            person = Person(user_name(name), guest=guest)
            chat.people.add(person)
        elif guest and not person.guest:
            return None
        chat.arrived(person)
        person.elsewhere.setdefault(node, {})
        if away:
            person.away = away
        chat.sessions.version += 1
        chat.changed()
        return person

    def _went(self, node: str, key: str) -> None:
        person = self.chat.people.here.get(key)
        if person is None or node not in person.elsewhere:
            return
        for epoch in person.elsewhere.pop(node):
            self._went_out(node, epoch, key)
        self.chat.sessions.version += 1
        self.chat.vanished(person)
        self.chat.changed()

    def _went_out(self, node: str, epoch: str, key: str) -> None:
        if (session := self.chat.sessions.by_epoch.get(epoch)) is not None:
            session.roster.went_at(node, key)
            self.chat.sessions.linger(session, LEASE_SECONDS)

    def _moved(self, node: str, note: Entered | Exited) -> None:
        person = self.chat.people.here.get(note.key)
        session = self.chat.sessions.by_epoch.get(note.epoch)
        if person is None or session is None or node not in person.elsewhere:
            return
        self.chat.sessions.version += 1
        if isinstance(note, Entered):
            person.elsewhere[node][note.epoch] = None
            session.roster.came_at(node, person.name)
            self.chat.sessions.lingering.stays(session)
        elif note.epoch in person.elsewhere[node]:
            del person.elsewhere[node][note.epoch]
            self._went_out(node, note.epoch, note.key)

    def _unplace(self, key: str, epoch: str) -> None:
        if (person := self.chat.people.here.get(key)) is not None:
            for epochs in person.elsewhere.values():
                epochs.pop(epoch, None)

    def _here(self, node: str, note: Here) -> Iterator[None]:
        if node == self.node:
            return
        seen = self._seen.setdefault(node, set()) if note.part else set()
        self._seen[node] = seen
        for somebody in note.people:
            yield
            with suppress(ChatError):
                person = self._came(node, somebody.name, somebody.away, guest=somebody.guest)
                if person is not None:
                    seen.add(person.name.key)
                    self._settle(node, person, somebody.epochs)
        if note.part == note.parts - 1:
            for key, person in tuple(self.chat.people.here.items()):
                if node in person.elsewhere and key not in seen:
                    self._went(node, key)
            del self._seen[node]

    def _settle(self, node: str, person: Person, epochs: Iterable[str]) -> None:
        key = person.name.key
        wanted = dict.fromkeys(epochs)
        for epoch in tuple(person.elsewhere[node]):
            if epoch not in wanted:
                self._moved(node, Exited(epoch, key))
        for epoch in wanted:
            if epoch not in person.elsewhere[node]:
                self._moved(node, Entered(epoch, key))

    def bury(self, node: str, *, free: bool) -> None:
        """A node is no more, with all its users.

        Its guests' names are anybody's, where they are ``free``; else they have a while to come to
        another node, as after any lost connection.
        """
        if node == self.node:
            return
        self._seen.pop(node, None)
        for key, person in tuple(self.chat.people.here.items()):
            if node in person.elsewhere:
                self._went(node, key)
                is_gone = not person.is_here and self.chat.people.here.get(key) is person
                if free and person.guest and is_gone:
                    self.chat.forget_guest(person)

    def everybody(self) -> list[Note]:
        """Return what tells another node who is at this one."""
        people = [self._somebody(p) for p in self.chat.people.here.values() if p.users]
        parts = [people[at : at + HERE_PEOPLE] for at in range(0, len(people), HERE_PEOPLE)] or [[]]
        return [Here(number, len(parts), part) for number, part in enumerate(parts)]

    def _somebody(self, person: Person) -> Somebody:
        epochs = {m.session.life.epoch: None for one in person.users for m in one.members.values()}
        return Somebody(person.name.text, person.guest, person.away, list(epochs))
