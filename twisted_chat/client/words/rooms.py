"""The servers that a person is on and the sessions there, as they are seen: what is unread."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from attrs import define, field
from msgspec.structs import replace
from twisted.internet.defer import Deferred

from twisted_chat.client.address import Address
from twisted_chat.client.chatclient import ChatClient
from twisted_chat.client.places import is_direct, peer
from twisted_chat.vocabulary import messages as m
from twisted_chat.vocabulary.names import key_of

MAX_UNREAD: Final = 200
"""Texts of a session that are held to be read there; older ones are in its history."""

MAX_RECENT: Final = 200
"""Texts of a session that can be named by how long ago they were said."""

MAX_PAGES: Final = 5
"""Pages of history that are asked for, at most, until there are texts enough."""

MAX_USERS: Final = 1_000
"""Names of a session's users that are remembered, for completion."""

MAX_LISTED: Final = 1_000
"""Names of a server's sessions that are remembered, for completion."""


def texts_of(page: m.Texts) -> list[m.Text]:
    """Return the texts of a page of history, which are as they are now."""
    return [entry for entry in page.texts if isinstance(entry, m.Text)]


@define(eq=False)
class Room:
    """A session on a server.

    ``unread`` holds the last texts that were not shown; ``dropped`` counts those before them.
    While the room is ``entering`` its past is on its way, and what is new waits as unread.
    """

    server: Server
    session: str
    unread: deque[m.Text] = field(factory=deque)
    dropped: int = 0
    entering: bool = False
    missed: int = 0
    """Texts that were said while one was away, and are not here: they are in the history."""
    mentions: int = 0
    """Texts among the unread ones that name the person."""
    unseen: bool = False
    """Whether one is in it again, and has seen nothing of it yet."""
    head: int = 0
    """The last text when one came."""
    read: int = 0
    """Up to which text all has been shown."""
    topic: str = ""
    recent: deque[m.Text] = field(factory=lambda: deque(maxlen=MAX_RECENT))
    """The last texts, as they are now: those that a command can name."""
    users: dict[str, None] = field(factory=dict)

    @property
    def direct(self) -> bool:
        """Whether it is the session of two users."""
        return is_direct(self.session)

    @property
    def peer(self) -> str:
        """The other user of a direct session."""
        return peer(self.session, self.server.client.user)

    @property
    def name(self) -> str:
        """What it is called on its server: ``ops``, or ``@bob`` for a direct one."""
        return f"@{self.peer}" if self.direct else self.session

    @property
    def path(self) -> str:
        """What it is called among all servers."""
        return f"{self.server.name}/{self.name}"

    @property
    def count(self) -> int:
        """How many texts are unread."""
        return self.missed + self.dropped + len(self.unread)

    def read_elsewhere(self, seq: int) -> None:
        """All up to that text was read on another device."""
        self.read = max(self.read, seq)
        self.missed = self.dropped = self.mentions = 0
        while self.unread and self.unread[0].seq <= seq:
            self.unread.popleft()

    def know(self, texts: Iterable[m.Text]) -> None:
        """Remember texts that are the newest."""
        for text in texts:
            if not self.recent or text.seq > self.recent[-1].seq:
                self.recent.append(text)

    def change(self, event: m.Edited | m.Redacted) -> m.Text | None:
        """Let a text be what it is now; return what it was, where it is known."""
        found = None
        for texts in (self.recent, self.unread):
            for at, text in enumerate(texts):
                if text.seq == event.of:
                    found = text
                    data = event.data if isinstance(event, m.Edited) else ""
                    texts[at] = replace(text, data=data)
        return found

    def text(self, seq: int) -> m.Text | None:
        """Return one of the last texts."""
        return next((text for text in self.recent if text.seq == seq), None)

    def hold(self, texts: Iterable[m.Text]) -> None:
        """Keep texts to be read later."""
        self.unread.extend(texts)
        while len(self.unread) > MAX_UNREAD:
            self.unread.popleft()
            self.dropped += 1

    def take(self) -> tuple[int, list[m.Text]]:
        """Return how many unread texts were dropped, and the others; all are read then."""
        dropped, texts = self.dropped, list(self.unread)
        self.dropped = self.mentions = 0
        self.unread.clear()
        return dropped, texts

    async def past(self, count: int, before: int | None = None) -> tuple[list[m.Text], bool]:
        """Ask for the last texts of the past; return them, and whether more lie before them.

        What changed a text is in the history too: it is asked on, some times, until there are
        so many texts.
        """
        texts: list[m.Text] = []
        more, limit = True, count
        for _ in range(MAX_PAGES):
            page = await self.server.client.history(self.session, before=before, limit=limit)
            found = texts_of(page)
            texts[:0] = found
            more = page.more
            if not more or len(found) == len(page.texts) or len(texts) >= count:
                break
            before, limit = page.texts[0].seq, m.MAX_HISTORY
        return texts[-count:], more or len(texts) > count

    def came(self, users: Iterable[str]) -> None:
        """Remember who is there."""
        for user in users:
            if len(self.users) < MAX_USERS:
                self.users[user] = None

    def went(self, users: Iterable[str]) -> None:
        """Forget who has gone."""
        for user in users:
            self.users.pop(user, None)


@define(eq=False)
class Server:
    """A server that the person is on, or wants to be on.

    ``session`` is the one to join after the first login, with ``password`` where it is locked;
    ``settled`` fires when one is there (in the lobby, where none is named) or can not be.
    ``obstacle`` is why there is no connection. A server that is ``closing`` tells nothing more.
    ``listed`` are the sessions, and ``devices`` the devices, that it named when it was last asked.
    ``places`` are the sessions that one was in while one was away, and what is unread there.
    """

    name: str
    address: Address
    client: ChatClient
    session: str | None = None
    password: str | None = field(default=None, repr=False)
    settled: Deferred[None] = field(factory=Deferred)
    rooms: dict[str, Room] = field(factory=dict)
    listed: Sequence[str] = ()
    devices: Sequence[str] = ()
    places: dict[str, m.KeptPlace] = field(factory=dict)
    obstacle: str | None = None
    ignored: dict[str, str] = field(factory=dict)
    """Whom the account ignores, on whichever device: their keys and names."""
    levels: dict[str, str] = field(factory=dict)
    """Of what it wants to be told, in sessions where it has chosen."""
    closing: bool = False

    def settle(self) -> None:
        """Say, once, that one is there or can not be."""
        if not self.settled.called:
            self.settled.callback(None)

    def chose(self, chosen: m.Chosen) -> None:
        """Know what the account has set for itself."""
        self.ignored = {key_of(name) or name: name for name in chosen.ignored}
        self.levels = {one.session: one.level for one in chosen.levels}

    def name_of(self, session: str) -> str:
        """Return what a session is called on its server, whether one is in it or not."""
        return f"@{peer(session, self.client.user)}" if is_direct(session) else session

    def room(self, session: str) -> Room:
        """Return a session's room, where need be a new one."""
        if session not in self.rooms:
            self.rooms[session] = Room(self, session)
        return self.rooms[session]
