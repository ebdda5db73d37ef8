"""What the connections of one listener share."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from secrets import token_hex
from typing import Any, Final, TypeVar

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from twisted_chat.chat.pace import Pace
from twisted_chat.doors.irc.batch import Caps, View
from twisted_chat.doors.irc.going import Goings
from twisted_chat.doors.irc.marks import Marks
from twisted_chat.doors.irc.names import prefix
from twisted_chat.doors.irc.shown import MATTERING, Batches, Part
from twisted_chat.vocabulary.names import key_of

MAX_TAGGED: Final = 1_000
"""Texts whose client-only tags are known, while they are on their way."""

MAX_WRITTEN: Final = 64
"""Texts of several lines of which it is known how they were written."""

MAX_FORMER: Final = 1_000
"""Nicks that WHOWAS knows of, and how many times each."""

MAX_SESSIONS: Final = 1_000
"""Sessions of which it is known when they began, and whose topic it is."""

T = TypeVar("T")

DAY_SECONDS: Final = 86_400

MAX_TIMES: Final = 10

RENAMES: Final = 30
"""Changes of nick of one address in a minute: each is a coming and a going in all its sessions."""


class Latest(OrderedDict[str, T]):
    """What is known of the last few sessions."""

    def __setitem__(self, epoch: str, value: T) -> None:
        super().__setitem__(epoch, value)
        if len(self) > MAX_SESSIONS:
            self.popitem(last=False)


@frozen
class Sts:
    """Where clients are to come by TLS from now on, and for how many days: IRCv3's ``sts``.

    ``port`` is None where there is no TLS that a client could verify.
    """

    port: int | None = None
    days: int = 0

    def said(self, *, secure: bool) -> str:
        """Return what a client is told, which is here by TLS or is not; "" for nothing."""
        if self.port is None or not self.days:
            return ""
        return f"duration={self.days * DAY_SECONDS}" if secure else f"port={self.port}"


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
    server: str
    """What the server is called."""
    played_back: int = 50
    """Texts that who can not ask for them is given at a JOIN, at most."""
    sts: Sts = field(init=False, factory=Sts)
    unique: str = field(init=False, factory=lambda: token_hex(10))
    """What no listener ever had: ids of texts begin with it."""
    talks: dict[Any, None] = field(init=False, factory=dict)
    """All connections of this listener, those that are nobody's too."""
    registered: set[Any] = field(init=False, factory=set)
    """Those of them that are somebody's: so LUSERS, which each of them is told, counts nothing."""
    invisible: set[Any] = field(init=False, factory=set)
    operators: set[Any] = field(init=False, factory=set)
    """Those that were operators when they came, or became some."""
    most: int = field(init=False, default=0)
    """How many they were, at most."""
    former: OrderedDict[str, deque[Former]] = field(init=False, factory=OrderedDict)
    renames: Pace = field(init=False)
    """How often nicks are changed, by address."""
    goings: Goings = field(init=False)
    """Who is just going, and why."""
    named: dict[str, Any] = field(init=False, factory=dict)
    """A connection of each nick, by its compared form."""
    tags: OrderedDict[str, Mapping[str, str]] = field(init=False, factory=OrderedDict)
    """Client-only tags of texts, by the ids that the door gave them: stored nowhere."""
    written: OrderedDict[str, Sequence[Part]] = field(init=False, factory=OrderedDict)
    """How the last texts of several lines were written, by the ids that the door gave them."""
    marks: Marks = field(init=False)
    """How far users have read, as they said it."""
    begun: Latest[int] = field(init=False, factory=Latest)
    """When sessions began by this door, in milliseconds since 1970, by epoch."""
    topics: Latest[tuple[str, int]] = field(init=False, factory=Latest)
    """Who has changed topics, and when, by epoch: as far as somebody here was told."""
    becoming: set[str] = field(init=False, factory=set)
    """Who is just becoming an account, or is written otherwise, and is no moment away."""
    watching: dict[str, set[Any]] = field(init=False, factory=dict)
    """Which connections watch whom (MONITOR): each at most so many."""
    watcher: Callable[[Any, bool], None] | None = field(init=False, default=None)
    """What hears who comes and goes, once somebody wants to know."""
    _batches: Batches | None = field(init=False, default=None)
    _views: dict[Caps, View] = field(init=False, factory=dict)
    """By the capabilities that matter: not as many as all, of which there are too many."""

    def __attrs_post_init__(self) -> None:
        self.marks = Marks(self.server)
        self.renames = Pace(self.clock, RENAMES)
        self.goings = Goings(self.clock, self.is_bot)

    def view(self, caps: Caps) -> View:
        """Return what those see who have these capabilities."""
        caps &= MATTERING
        return self._views.setdefault(caps, View(caps))

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

            def minds_of(user: str) -> Iterable[Any]:
                person = chat.people.here.get(key_of(user) or "")
                return (one.mind for one in person.users) if person is not None else ()

            self._batches = Batches(epoch_of, account_of, away_of, minds_of, self, chat.millis)
        return self._batches

    def has_topic(self, epoch: str, user: str, millis: int) -> None:
        """Somebody has changed a topic."""
        self.topics[epoch] = (user, millis)

    def opened(self, talk: Any) -> None:
        """Somebody connected."""
        self.talks[talk] = None

    def lost(self, talk: Any) -> None:
        """A connection is gone."""
        self.talks.pop(talk, None)
        for some in (self.registered, self.invisible, self.operators):
            some.discard(talk)
        for key in talk.watched:
            self.unwatch(key, talk)
        for view in self._views.values():
            view.forget(talk)
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
            if user.is_guest:
                self.marks.forget(user.name.text)

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

    def tell(self, user: Any, line: bytes, cap: str) -> None:
        """Tell what became of somebody to those who share a session with it, or watch it."""
        sharing = {other.mind for m in user.members.values() for other in m.session.members}
        for talk in (sharing & self.registered) | {*self.strangers(user, {"extended-monitor"})}:
            if cap in talk.caps and talk.user is not user and not talk.user.full:
                talk.hear(user, line)

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

    def is_here(self, nick: str) -> bool:
        """Whether somebody is at this door."""
        return (key_of(nick) or "") in self.named

    def is_bot(self, nick: str) -> bool:
        """Whether somebody says that it is a bot, or did so until it went."""
        talk = self.named.get(key_of(nick) or "")
        if talk is None:
            why = self.goings.why_gone(nick)
            return why is not None and why.is_bot
        return "B" in talk.modes

    def tagged(self, id: str, tags: Mapping[str, str]) -> None:
        """Know the client-only tags of a text that is being said."""
        if tags:
            self.tags[id] = tags
            if len(self.tags) > MAX_TAGGED:
                self.tags.popitem(last=False)

    def in_parts(self, id: str, parts: Sequence[Part]) -> None:
        """Know how a text that is being said was written."""
        self.written[id] = parts
        if len(self.written) > MAX_WRITTEN:
            self.written.popitem(last=False)

    def came(self, talk: Any) -> None:
        """Somebody is here."""
        key = talk.user.name.key
        self.goings.came(key)
        self.named[key] = talk
        self.registered.add(talk)
        if talk.user.is_operator:
            self.operators.add(talk)
        self.most = max(self.most, len(self.named))
