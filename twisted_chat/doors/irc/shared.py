"""What the connections of one listener share."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from twisted_chat.doors.irc.names import prefix
from twisted_chat.doors.irc.shown import Batches
from twisted_chat.vocabulary.names import key_of

MAX_FAREWELLS: Final = 1_000

PART_SECONDS: Final = 1.0
"""How long a reason to leave a session is known, at most: that is when its leaving is told."""

FAREWELL_SECONDS: Final = 10.0
"""How long it takes, at most, until all sessions have told that somebody is gone."""

MAX_TAGGED: Final = 1_000
"""Texts whose client-only tags are known, while they are on their way."""

MAX_FORMER: Final = 1_000
"""Nicks that WHOWAS knows of, and how many times each."""

MAX_TIMES: Final = 10


@define(eq=False)
class Farewell:
    """Why somebody is no more in any session: it is told once to each connection."""

    command: str
    word: str
    source: str = ""
    told: set[int] = field(factory=set)
    rooms: frozenset[str] = frozenset()
    """Of a change of nick: the sessions that one was in, and is in again."""
    back: set[tuple[int, str]] = field(factory=set)
    """Of a change of nick: to whom it was not told that somebody came back, and into what."""


@frozen
class Former:
    """Who once was here."""

    nick: str
    username: str
    realname: str
    account: str | None
    when: str


@define(eq=False)
class Shared:
    """Batches as they are written, who is just going, and who was here."""

    clock: IReactorTime
    talks: dict[Any, None] = field(init=False, factory=dict)
    """All connections of this listener, those that are nobody's too."""
    most: int = field(init=False, default=0)
    """How many they were, at most."""
    former: OrderedDict[str, deque[Former]] = field(init=False, factory=OrderedDict)
    farewells: dict[str, Farewell] = field(init=False, factory=dict)
    renamed: dict[str, Farewell] = field(init=False, factory=dict)
    """Who has another name, by the new one: it has not come, it was here."""
    named: dict[str, Any] = field(init=False, factory=dict)
    """A connection of each nick, by its compared form."""
    tags: OrderedDict[str, Mapping[str, str]] = field(init=False, factory=OrderedDict)
    """Client-only tags of texts, by the ids that the door gave them: stored nowhere."""
    marks: dict[tuple[str, str], str] = field(init=False, factory=dict)
    """How far users have read, as they said it, by user and epoch."""
    parts: dict[tuple[str, str], str] = field(init=False, factory=dict)
    """Why somebody is just leaving a session, by user and session."""
    watching: dict[str, set[Any]] = field(init=False, factory=dict)
    """Which connections watch whom (MONITOR): each at most so many."""
    watcher: Callable[[Any, bool], None] | None = field(init=False, default=None)
    """What hears who comes and goes, once somebody wants to know."""
    _batches: Batches | None = field(init=False, default=None)

    def batches(self, chat: Any) -> Batches:
        """Return what writes the batches of this chat."""
        if self._batches is None:

            def epoch_of(session: str) -> str:
                found = chat.sessions.get(key_of(session) or "")
                return found.life.epoch if found is not None else ""

            def account_of(user: str) -> str | None:
                person = chat.people.here.get(key_of(user) or "")
                if person is not None and not person.guest:
                    return str(person.name)
                known = chat.people.account(key_of(user) or "")
                return str(known.name) if known is not None else None

            def away_of(user: str) -> str:
                person = chat.people.here.get(key_of(user) or "")
                return person.away if person is not None else ""

            self._batches = Batches(epoch_of, account_of, away_of, self)
        return self._batches

    def opened(self, talk: Any) -> None:
        """Somebody connected."""
        self.talks[talk] = None

    def lost(self, talk: Any) -> None:
        """A connection is gone."""
        self.talks.pop(talk, None)
        for key in talk.watched:
            self.unwatch(key, talk)
        user = talk.user
        if user is None:
            return
        if self.named.get(user.name.key) is talk:
            del self.named[user.name.key]
            for other in user.person.users:
                if other.mind in self.talks:
                    self.named[user.name.key] = other.mind
        if len(user.person.users) <= 1:
            self.remember(talk)

    def watch(self, key: str, talk: Any) -> None:
        """Let a connection hear of somebody."""
        self.watching.setdefault(key, set()).add(talk)

    def unwatch(self, key: str, talk: Any) -> None:
        """Let it hear of somebody no more."""
        found = self.watching.get(key, set())
        found.discard(talk)
        if not found:
            self.watching.pop(key, None)

    def watchers(self, key: str) -> list[Any]:
        """Return the connections that watch somebody, and read."""
        found = self.watching.get(key, ())
        return [talk for talk in found if talk.user is not None and not talk.user.full]

    def strangers(self, user: Any, caps: set[str]) -> Iterator[Any]:
        """Yield who watches somebody, shares no session with it and has these capabilities."""
        for talk in self.watchers(user.name.key):
            if caps <= talk.caps and not talk.user.members.keys() & user.members.keys():
                yield talk

    def remember(self, talk: Any) -> None:
        """Know who has just gone, for WHOWAS."""
        user = talk.user
        account = None if user.is_guest else user.name.text
        entry = Former(talk.nick, talk.username, talk.realname, account, str(talk.came))
        found = self.former.setdefault(user.name.key, deque(maxlen=MAX_TIMES))
        found.appendleft(entry)
        self.former.move_to_end(user.name.key)
        if len(self.former) > MAX_FORMER:
            self.former.popitem(last=False)

    def details_of(self, nick: str) -> tuple[str, str]:
        """Return the user name and the real name of somebody; its nick, where it has none."""
        talk = self.named.get(key_of(nick) or "")
        if talk is not None and talk.username:
            return talk.username, talk.realname
        return prefix(nick).partition("!")[2].partition("@")[0], nick

    def is_bot(self, nick: str) -> bool:
        """Whether somebody says that it is a bot."""
        talk = self.named.get(key_of(nick) or "")
        return talk is not None and "B" in talk.modes

    def tagged(self, id: str, tags: Mapping[str, str]) -> None:
        """Know the client-only tags of a text that is being said."""
        if tags:
            self.tags[id] = tags
            if len(self.tags) > MAX_TAGGED:
                self.tags.popitem(last=False)

    def goes(self, key: str, command: str, word: str) -> Farewell:
        """Remember why somebody goes: QUIT and a reason, or NICK and its new name."""
        if len(self.farewells) >= MAX_FAREWELLS:
            self.farewells.pop(next(iter(self.farewells)))
        farewell = self.farewells[key] = Farewell(command, word)
        self.clock.callLater(FAREWELL_SECONDS, self._forget, self.farewells, key, farewell)
        return farewell

    @staticmethod
    def _forget(kept: dict[Any, Any], key: object, value: object) -> None:
        if kept.get(key) is value:
            del kept[key]

    def renames(self, nick: str, talk: Any, new: str, rooms: Iterable[str]) -> None:
        """Remember that somebody has another name now, in these sessions."""
        farewell = self.goes(key_of(nick) or "", "NICK", new)
        farewell.source = prefix(nick)
        farewell.told.add(talk.number)
        farewell.rooms = frozenset(rooms)
        if len(self.renamed) >= MAX_FAREWELLS:
            self.renamed.pop(next(iter(self.renamed)))
        key = key_of(new) or ""
        self.renamed[key] = farewell
        self.clock.callLater(FAREWELL_SECONDS, self._forget, self.renamed, key, farewell)

    def leaves(self, user: str, session: str, reason: str) -> None:
        """Remember why somebody just leaves a session."""
        self.parts[user, session] = reason
        self.clock.callLater(PART_SECONDS, self._forget, self.parts, (user, session), reason)

    def came(self, talk: Any) -> None:
        """Somebody is here."""
        key = talk.user.name.key
        self.farewells.pop(key, None)
        self.named[key] = talk
        self.most = max(self.most, len(self.named))
