"""The contract of a log: what it promises, whatever it is kept in.

A log knows *lives* of sessions, each by its ``epoch``, and holds their texts. It alone decides the
order: ``seq`` is its gift. It knows nothing of members, connections or who may do what.

::

    Session.say -> Log.append --(commit)--> Deferred fires -> Session publishes
    Session     <- Log.read <- whoever comes back, falls behind, or pages through history

Every method is called in the reactor's thread and never blocks it. Every Deferred fires in the
reactor's thread. A method that can not do what it promises fails with NotStored, has then done
nothing, and may be called again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, Literal, Protocol, TypedDict, TypeVar, Unpack

from attrs import Factory, field, frozen
from msgspec import Struct
from twisted.internet.defer import Deferred

from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import AnyEntry, Text
from twisted_chat.vocabulary.names import key_of

PAGE_TEXTS = 200
"""Texts in a page, at most."""

PAGE_BYTES = 65_536
"""A page stops at the text with which its ``data`` reach this many bytes (UTF-8): it is bounded."""

PRUNE_BITE = 500
"""Texts that one call of ``prune`` forgets, at most, unless told otherwise."""


KEPT = 1_000
"""Records that one call of ``kept`` gives, at most."""


SEARCH_SECONDS = 2.0
"""How long one search may take, at most: others wait for it."""


def took_too_long() -> ChatError:
    """Return how a search that took over SEARCH_SECONDS is refused."""
    return ChatError("bad-request", "That search takes too long: ask for rarer or longer words.")


AS_CLOCK: Any = Factory(lambda log: log.clock.seconds, takes_self=True)
"""The time of day of a log that is told no other: its clock's."""


class NotStored(ChatError):
    """The log could not store it: nothing has changed, and it may be tried again."""

    _what = "store"

    def __init__(self, reason: str) -> None:
        super().__init__("not-stored", f"The server can not {self._what} this now ({reason}).")


class Unreadable(NotStored):
    """The log could not read it, or it is not there: it may be tried again."""

    _what = "read"


class LogError(Exception):
    """The log can not be opened; the sentence is for the operator, at start."""


Kind = Literal["text", "edit", "redact", "react", "undo"]
"""What an entry is: a text, or what it does to the text ``of``."""


class Entry(Struct, gc=False):
    """What somebody says, before it has a place: ``id`` makes it once-only. No log changes it.

    ``data`` is a text's or an edit's, the reason of a redaction, the mark of a reaction. ``of`` is
    the seq of the text that it changes, or which a text answers. ``guest``: no account says it.
    ``anyones``: it may be done to what others said.
    """

    source: str
    data: str
    id: str | None = None
    kind: Kind = "text"
    of: int | None = None
    guest: bool = False
    anyones: bool = False


@frozen(kw_only=True)
class Life:
    """One life of a session, as it is stored; ``epoch`` is its identity.

    ``key`` is the compared form of ``name``. ``password`` is a hash. ``head`` is the seq of the
    last text (0: none yet). ``first`` is the seq of the oldest text that is still there, or
    ``head + 1``. ``direct`` holds the keys of the two users of a direct session. From ``owner`` to
    ``limit`` (of members; 0: none but the server's) are its settings, which ``amend`` changes.
    """

    epoch: str
    key: str
    name: str
    owner: str | None = None
    topic: str = ""
    keep: bool = False
    password: str | None = field(default=None, repr=False)
    invite: bool = False
    moderated: bool = False
    hidden: bool = False
    open_topic: bool = False
    limit: int = 0
    direct: tuple[str, str] | None = None
    head: int = 0
    first: int = 1

    def is_owned_by(self, key: str) -> bool:
        """Whether the user whose name has that compared form is its owner."""
        return self.owner is not None and key_of(self.owner) == key


class Settings(TypedDict, total=False):
    """The settings of a life that ``amend`` is to change: the others stay as they are."""

    owner: str | None
    topic: str
    keep: bool
    password: str | None
    invite: bool
    moderated: bool
    hidden: bool
    open_topic: bool
    limit: int


When = Literal["always", "absent", "rising"]


@frozen
class Record:
    """A small thing that outlives connections: a role, a ban, a read marker, a claimed name.

    It is found by ``kind`` (what it is), ``scope`` and ``key`` together. A scope is ``""`` for the
    server, the epoch of a life, whose records end with it, or ``user:KEY`` for what is somebody's:
    what has a colon is no epoch. An epoch stands nowhere else, for a backup has others.

    ``value`` is the domain's (JSON of a Struct of its own); None deletes what is there, whatever
    ``when`` says. ``when`` is under which condition it takes effect: ``always``, or where there is
    none (``absent``), or where there is none or a lower one (``rising``; compared as bytes, so
    numbers are written with a fixed count of digits). What is ``kept`` says ``always``. No kind,
    scope or key holds U+0000.
    """

    kind: str
    scope: str
    key: str
    value: bytes | None = field(repr=False)
    when: When = "always"

    @property
    def epoch(self) -> str | None:
        """The epoch of the life that it ends with."""
        return self.scope if self.scope and ":" not in self.scope else None


E = TypeVar("E", bound=AnyEntry)


@frozen
class Page(Generic[E]):
    """Some entries of a session, oldest first; ``more`` lie beyond in the direction of reading.

    ``first`` is the seq of the oldest text that the log still had when it was read.
    """

    texts: list[E]
    more: bool
    first: int = 1


AnyPage = Page[AnyEntry]
TextPage = Page[Text]

Answered = AnyEntry | ChatError
"""What became of an entry: it is stored as this, or refused (see changing.py)."""

Stored = list[Answered] | Deferred[list[Answered]]
"""What ``append`` answers: what is stored already, or when it is."""


class Log(Protocol):
    """The append-only record of every session's texts."""

    def lives(self) -> Sequence[Life]:
        """Return every life that is stored: read once, at start.

        Lives that are not ``keep`` are among them, after a crash: their texts were acknowledged.
        """

    def create(self, life: Life) -> Deferred[None]:
        """Begin a life. It is stored when the Deferred fires.

        Lives with the same ``key`` may follow one another, but are never there at once: fails
        with NotStored where the epoch or the key is taken. ``head`` and ``first`` are the log's
        to give: what the life says of them is not looked at.
        """

    def amend(self, epoch: str, **changes: Unpack[Settings]) -> Deferred[None]:
        """Change settings of a life. Fails with NotStored where the life is not there."""

    def delete(self, epoch: str) -> Deferred[None]:
        """End a life, forget its texts and its records. Fine for a life that is not there."""

    def keep(self, records: Sequence[Record]) -> Deferred[list[bool]]:
        """Store records, or delete them, in their order; answer which of them took effect.

        All are committed together, with what else is to be stored at that moment, or none. Fails
        with NotStored; also where one is of a life that is not there.
        """

    def kept(
        self,
        kind: str,
        scope: str | None = None,
        *,
        key: str | None = None,
        after: str | tuple[str, str] = "",
        limit: int = KEPT,
    ) -> Deferred[list[Record]]:
        """Return records of a kind, in the order of their scopes and keys: at most KEPT.

        Of one ``scope``, of one ``key``, of both or of all. ``after`` is where the last page
        ended: the last key, or where no scope is given the last scope and key. Only those that
        are committed, and none of a life that is over. Fails with Unreadable.
        """

    def append(self, epoch: str, entries: Sequence[Entry]) -> Stored:
        """Store entries, in their order, all or none; answer what became of each.

        A log that has stored them when it returns may return them: a Deferred costs as much as
        all the rest of a text's way through a small session.

        * *Acknowledged means stored*: answers after the commit, never before.
        * *Once*: an entry whose ``id`` the same source has used in this life already (in an
          earlier call or earlier in this one) is not stored again; its text is the stored one.
          This holds for as long as the text is stored: pruning forgets ids too.
        * *One order*: new texts get the next seqs, 1, 2, 3 … without holes; calls for the same
          life take effect, and are answered, in the order in which they were made.

        * *Present*: an edit, a redaction or a reaction changes the text that it is ``of``, which is
          read as it is from then on. What was edited away or redacted is overwritten where it was
          stored. One that can not be done (changing.py) is answered with a ChatError, and has no
          seq.

        Whatever is appended while a commit is under way is committed together by the next one.
        Fails with NotStored; also where the life is not there.
        """

    def read(
        self, epoch: str, after: int, before: int, limit: int = PAGE_TEXTS
    ) -> Deferred[AnyPage]:
        """Read the first entries with ``after < seq < before``: only committed ones, in order.

        At most ``limit`` and at most PAGE_TEXTS, bounded by PAGE_BYTES, at least one where there
        is one. ``more``: others with a seq under ``before`` follow. Fails with Unreadable where
        the life is not there, as do the others that read. A read never waits for a commit.
        """

    def read_last(
        self, epoch: str, after: int, before: int, limit: int = PAGE_TEXTS
    ) -> Deferred[AnyPage]:
        """Read the last entries with ``after < seq < before``, oldest first.

        Bounded as ``read``. ``more``: others with a seq over ``after`` lie before these.
        """

    def search(self, epoch: str, query: str, before: int, limit: int) -> Deferred[TextPage]:
        """Find the last texts with ``seq < before`` that match, oldest first; bounded as ``read``.

        A query is words that must all occur, compared without case and accents; ``word*`` is a
        prefix and ``"two words"`` a phrase. Fails with ChatError ``bad-request`` where it is
        malformed, or where it takes over SEARCH_SECONDS. Only this life's texts are ever found.
        (query.py says what a word is.) Cancelled, it stops as soon as it can.
        """

    def prune(
        self,
        epoch: str,
        *,
        texts: int | None = None,
        older_than: int | None = None,
        bite: int = PRUNE_BITE,
    ) -> Deferred[bool]:
        """Forget the oldest texts; fire with whether it should be called again at once.

        Forgets from the oldest on, while there are more than ``texts`` of them or the oldest was
        said before ``older_than`` (milliseconds since 1970), and at most ``bite``: so that nobody's
        commit waits long. ``head`` stays, and ``first`` says what is left: seqs go on without a
        hole. Fires with False where the life is not there.
        """

    def check(self) -> Deferred[None]:
        """Store something of no consequence. Fails with NotStored where nothing can be stored."""

    def close(self) -> Deferred[None]:
        """Finish what was appended, and let go. Nothing is called after it."""
