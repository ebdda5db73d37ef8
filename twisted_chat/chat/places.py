"""Places: the sessions that an account is in while it is away, and how far it has read there.

They are kept with the log, as records of each session's life, and are in memory as long as the chat
runs: so a login asks nothing of the disk. So are the texts that name the account. A guest has none.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from attrs import define, field
from msgspec import convert
from twisted.logger import Logger

from twisted_chat.chat.blocking import blocks
from twisted_chat.chat.ignoring import Ignoring, ignoring
from twisted_chat.chat.rules import Rules
from twisted_chat.chat.session import Session
from twisted_chat.log.contract import Log, Record
from twisted_chat.vocabulary.mentions import Mention, prepared
from twisted_chat.vocabulary.messages import AnyEntry, Chosen, KeptPlace, Level, LevelOf, Text
from twisted_chat.vocabulary.names import Name, key_of

MAX_MENTIONS: Final = 1_000
"""Mentions of one account in one session that are remembered, at most: the last ones."""

PLACE, READ, MENTION, LEVEL = "place", "read", "mention", "level"
"""Kinds of records: that an account is there, how far it has read, what names it, its level."""


@define(eq=False)
class Place:
    """An account in a session. ``is_in``: it has joined, and not left."""

    session: Session
    mention: Mention
    is_in: bool = False
    read: int = 0
    mentions: list[int] = field(factory=list)
    """The seqs, over ``read``, of texts that name it."""
    level: Level | None = None
    """Of what it wants to be told, where it has chosen."""

    def as_kept(self) -> KeptPlace:
        """Return what a ``welcome`` says of it."""
        session = self.session
        return KeptPlace(
            session=session.name,
            epoch=session.life.epoch,
            head=session.head,
            read=self.read,
            unread=max(0, session.head - max(self.read, session.life.first - 1)),
            mentions=len(self.mentions),
        )


@define(eq=False)
class Places:
    """The places of all accounts."""

    _log: Log
    _rules: Rules = field(factory=Rules)
    _of: dict[str, dict[str, Place]] = field(factory=dict, init=False)
    """By the account\'s key and the session\'s epoch."""
    _in: dict[str, dict[str, Place]] = field(factory=dict, init=False)
    """The same, by the session\'s epoch and the account\'s key."""
    ignoring: Ignoring = field(init=False)
    """Whom they ignore: what those say is no mention."""
    _logger = Logger()

    def __attrs_post_init__(self) -> None:
        self.ignoring = Ignoring(self._log)

    async def load(self, sessions: Mapping[str, Session]) -> None:
        """Take up what the log holds, of sessions by their epochs. Raises ChatError."""
        await self.ignoring.load()
        for kind in (PLACE, READ, MENTION, LEVEL):
            after: str | tuple[str, str] = ""
            while records := await self._log.kept(kind, after=after):
                for record in records:
                    if (session := sessions.get(record.scope)) is not None:
                        self.take(session, record)
                after = (records[-1].scope, records[-1].key)

    def take(self, session: Session, record: Record) -> None:
        """Take up what was kept, at the start or by another node; without a value it is so no more.

        It may be known already.
        """
        value = record.value
        key = record.key.rpartition(":")[0] if record.kind == MENTION else record.key
        if value is None and key not in self._in.get(session.life.epoch, {}):
            return
        if value is None and record.kind == READ:
            self._drop(key, session.life.epoch)  # the account is forgotten: see forget
        elif record.kind == PLACE:
            name = record.key if value is None else value.decode()
            self._need(session, record.key, name).is_in = value is not None
        elif record.kind == READ:
            place = self._need(session, record.key, record.key)
            place.read = max(place.read, int(value or 0))
            place.mentions = [one for one in place.mentions if one > place.read]
        elif record.kind == LEVEL:
            place = self._need(session, record.key, record.key)
            place.level = None if value is None else convert(value.decode(), Level)
        else:
            seq = int(record.key.rpartition(":")[2])
            place = self._need(session, key, key)
            if value is not None and seq > place.read and seq not in place.mentions:
                insort(place.mentions, seq)

    def _need(self, session: Session, key: str, name: str) -> Place:
        epoch = session.life.epoch
        places = self._of.setdefault(key, {})
        place = places.get(epoch)
        if place is None:
            place = places[epoch] = Place(session, Mention(name))
            self._in.setdefault(epoch, {})[key] = place
        return place

    def _drop(self, key: str, epoch: str) -> None:
        del self._in[epoch][key]
        places = self._of[key]
        del places[epoch]
        if not places:
            del self._of[key]

    # --- what is asked -----------------------------------------------------------------------

    def of(self, key: str) -> list[Place]:
        """Return where an account is."""
        found = self._of.get(key, {}).values()
        return [place for place in found if place.is_in and not blocks(place.session, key)]

    def has(self, key: str, session: Session) -> bool:
        """Whether an account is in a session, here or away."""
        place = self._of.get(key, {}).get(session.life.epoch)
        return place is not None and place.is_in

    def read_of(self, key: str, session: Session) -> int | None:
        """Return how far an account has read; None where that is not known."""
        place = self._of.get(key, {}).get(session.life.epoch)
        return None if place is None else place.read

    def chosen_by(self, key: str) -> list[Place]:
        """Return where an account has chosen of what it is told."""
        return [place for place in self._of.get(key, {}).values() if place.level is not None]

    def chosen(self, key: str) -> Chosen:
        """Return what an account has set for itself."""
        ignored = sorted(self.ignoring.of(key).values())
        levels = [
            LevelOf(session=place.session.name, level=place.level)
            for place in self.chosen_by(key)
            if place.level is not None
        ]
        return Chosen(ignored=ignored, levels=levels)

    # --- what happens ------------------------------------------------------------------------

    def joined(self, name: Name, session: Session) -> None:
        """An account is in a session now, from its head on where it was not before."""
        known = self._of.get(name.key, {}).get(session.life.epoch)
        if known is not None and known.is_in:
            return
        place = self._need(session, name.key, name.text)
        place.is_in = True
        records = [Record(PLACE, session.life.epoch, name.key, name.text.encode())]
        if known is None and session.life.direct is None:
            place.read = session.head
            records.append(_marker(session, name.key, place.read))
        self._keep(records)

    def left(self, key: str, session: Session) -> None:
        """An account has left a session, or was taken out."""
        place = self._of.get(key, {}).get(session.life.epoch)
        if place is not None and place.is_in:
            place.is_in = False
            self._keep([Record(PLACE, session.life.epoch, key, None)])

    def ended(self, session: Session) -> None:
        """A session is no more; the log has let go of its records with it."""
        for key in tuple(self._in.get(session.life.epoch, ())):
            self._drop(key, session.life.epoch)
        self._in.pop(session.life.epoch, None)

    async def forget(self, key: str) -> None:
        """Forget all of an account that is no more. Raises ChatError ``not-stored``."""
        ignored = [ignoring(key, other, None) for other in self.ignoring.of(key)]
        records = [*ignored]
        for place in self._of.get(key, {}).values():
            epoch = place.session.life.epoch
            records += [_mention(place.session, key, seq, keep=False) for seq in place.mentions]
            # The marker last: without it there is no place, at no node.
            records += [Record(kind, epoch, key, None) for kind in (PLACE, LEVEL, READ)]
        if records:
            await self._log.keep(records)
        for record in ignored:
            self.ignoring.take(record)
        for epoch in tuple(self._of.get(key, ())):
            self._drop(key, epoch)

    async def read(self, name: Name, session: Session, seq: int) -> int:
        """Note how far an account has read; return how far that is: it never goes back.

        Raises ChatError ``not-stored``.
        """
        place = self._need(session, name.key, name.text)
        seq = min(seq, session.head)
        if seq > place.read:
            gone = place.mentions[: bisect_right(place.mentions, seq)]
            records = [_marker(session, name.key, seq)]
            records += [_mention(session, name.key, one, keep=False) for one in gone]
            await self._log.keep(records)
            if seq > place.read:
                place.read = seq
                place.mentions = [one for one in place.mentions if one > seq]
        return place.read

    def heard(self, session: Session, entries: Iterable[AnyEntry]) -> None:
        """Note whom the texts name that a session gives out."""
        places = self._in.get(session.life.epoch)
        if not places:
            return
        records: list[Record] = []
        for text in entries:
            if isinstance(text, Text):
                said = prepared(text.data)
                author = key_of(text.source)
                named = 0
                for key, place in places.items():
                    if key == author or not place.is_in:
                        continue
                    if place.mention.is_in_folded(said) and author not in self.ignoring.of(key):
                        records += self._named(session, key, place, text.seq)
                        named += 1
                        if named >= self._rules.max_mentions:
                            break  # a list of everybody is no mention of anybody
        if records:
            self._keep(records)

    def _named(self, session: Session, key: str, place: Place, seq: int) -> Iterator[Record]:
        if seq not in place.mentions[-1:]:
            place.mentions.append(seq)
        yield _mention(session, key, seq, keep=True)
        if len(place.mentions) > MAX_MENTIONS:
            yield _mention(session, key, place.mentions.pop(0), keep=False)

    def _keep(self, records: Sequence[Record]) -> None:
        self._log.keep(records).addErrback(self._not_kept)

    def _not_kept(self, failure: object) -> None:
        self._logger.warn("The log can not keep somebody's place now")


def level_of(session: Session, key: str, level: Level | None) -> Record:
    """Return what keeps of what an account is told in a session; None: as usual."""
    return Record(LEVEL, session.life.epoch, key, None if level is None else level.encode())


def _marker(session: Session, key: str, seq: int) -> Record:
    return Record(READ, session.life.epoch, key, b"%020d" % seq, "rising")


def _mention(session: Session, key: str, seq: int, *, keep: bool) -> Record:
    return Record(MENTION, session.life.epoch, f"{key}:{seq:020d}", b"1" if keep else None)
