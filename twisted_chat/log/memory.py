"""A log in memory: the contract without the disk. A restart forgets everything.

For trying things out, for tests, and for those who want nothing kept. It grows with its texts
(about 0.5 KB and their ``data`` each); retention bounds it as it bounds any log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import nsmallest
from itertools import islice
from typing import Final, Unpack

from attrs import define, evolve, field
from msgspec.structs import replace
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from twisted_chat.log import query as queries
from twisted_chat.log.changing import Target, placed, refusal
from twisted_chat.log.contract import (
    AS_CLOCK,
    KEPT,
    PAGE_BYTES,
    PAGE_TEXTS,
    PRUNE_BITE,
    SEARCH_SECONDS,
    Answered,
    AnyPage,
    E,
    Entry,
    Life,
    NotStored,
    Page,
    Record,
    Settings,
    Stored,
    TextPage,
    Unreadable,
    took_too_long,
)
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import (
    MAX_REACTORS,
    AnyEntry,
    Edited,
    Reacted,
    Reaction,
    Redacted,
    Text,
)

SEARCH_BITE: Final = 32_768
"""Characters of ``data`` that a search looks through in one turn of the reactor, and about what
finding a text costs more: a tenth of a millisecond, or for one that is not ASCII ten."""

_TEXT_COST: Final = 64


Marks = dict[str, dict[str, None]]
"""Who has reacted, by the mark."""


@define(eq=False)
class _Kept:
    """A life and its texts: ``texts[0]`` has the seq ``first``."""

    life: Life
    first: int = 1
    texts: list[AnyEntry] = field(factory=list)
    by_id: dict[str, dict[str, int]] = field(factory=dict)
    """The seqs of those with an id, by their source and it."""
    marks: dict[int, Marks] = field(factory=dict)
    """The reactions to a text, by its seq."""

    @property
    def head(self) -> int:
        return self.first + len(self.texts) - 1

    def present(self, entry: AnyEntry) -> AnyEntry:
        """Return an entry as it is read now: an edit says what the text says."""
        if not isinstance(entry, Edited):
            return entry
        text = self.text(entry.of)
        return replace(entry, data=text.data if text is not None else "")

    def text(self, seq: int) -> Text | None:
        """Return the text with this seq, where there is one."""
        if not self.first <= seq <= self.head:
            return None
        entry = self.texts[seq - self.first]
        return entry if isinstance(entry, Text) else None


@define(eq=False)
class MemoryLog:
    """A Log that has done everything when it returns, but for a long search: Deferreds have fired.

    A search looks through all texts of its session, some in each turn of the reactor: about half a
    second for a million.
    """

    clock: IReactorTime
    now: Callable[[], float] = field(default=AS_CLOCK, kw_only=True)
    """Seconds since 1970, for the time of what is stored: the clock's where it is not given."""
    _kept: dict[str, _Kept] = field(factory=dict, init=False)
    _records: dict[str, dict[tuple[str, str], Record]] = field(factory=dict, init=False)
    """By their kind, scope and key."""

    def lives(self) -> Sequence[Life]:
        """See Log."""
        return [evolve(kept.life, head=kept.head, first=kept.first) for kept in self._kept.values()]

    def create(self, life: Life) -> Deferred[None]:
        """See Log."""
        if any(
            life.epoch == other.life.epoch or life.key == other.life.key
            for other in self._kept.values()
        ):
            return fail(NotStored("there is such a session"))
        self._kept[life.epoch] = _Kept(life)
        return succeed(None)

    def amend(self, epoch: str, **changes: Unpack[Settings]) -> Deferred[None]:
        """See Log."""
        kept = self._kept.get(epoch)
        if kept is None:
            return fail(NotStored("there is no such session"))
        kept.life = evolve(kept.life, **changes)
        return succeed(None)

    def delete(self, epoch: str) -> Deferred[None]:
        """See Log."""
        if self._kept.pop(epoch, None) is not None:
            for kind, records in self._records.items():
                self._records[kind] = {at: r for at, r in records.items() if r.scope != epoch}
        return succeed(None)

    def keep(self, records: Sequence[Record]) -> Deferred[list[bool]]:
        """See Log."""
        if any(record.epoch is not None and record.epoch not in self._kept for record in records):
            return fail(NotStored("there is no such session"))
        return succeed([self._keep(record) for record in records])

    def _keep(self, record: Record) -> bool:
        of_kind = self._records.setdefault(record.kind, {})
        at = (record.scope, record.key)
        if record.value is None:
            return of_kind.pop(at, None) is not None
        there = of_kind.get(at)
        old = None if there is None else there.value
        if old is not None and (
            record.when == "absent" or (record.when == "rising" and record.value <= old)
        ):
            return False
        of_kind[at] = evolve(record, when="always")
        return True

    def kept(
        self,
        kind: str,
        scope: str | None = None,
        *,
        key: str | None = None,
        after: str | tuple[str, str] = "",
        limit: int = KEPT,
    ) -> Deferred[list[Record]]:
        """See Log. It looks through all records of the kind."""
        beyond = after if isinstance(after, tuple) else (scope or "", after)
        found = (
            record
            for at, record in self._records.get(kind, {}).items()
            if (not after or at > beyond) and scope in (None, at[0]) and key in (None, at[1])
        )
        return succeed(nsmallest(min(limit, KEPT), found, key=lambda r: (r.scope, r.key)))

    def append(self, epoch: str, entries: Sequence[Entry]) -> Stored:
        """See Log."""
        kept = self._kept.get(epoch)
        if kept is None:
            return fail(NotStored("there is no such session"))
        session = kept.life.name
        texts = kept.texts
        seq = kept.head
        now = int(self.now() * 1000)
        answers: list[Answered] = []
        for entry in entries:
            source, id = entry.source, entry.id
            ids = None
            if id is not None:
                ids = kept.by_id.get(source)
                if ids is None:
                    ids = kept.by_id[source] = {}
                known = ids.get(id)
                if known is not None:
                    answers.append(kept.present(texts[known - kept.first]))
                    continue
            if entry.of is None:
                stored: AnyEntry = Text(
                    session=session, seq=seq + 1, time=now, source=source, data=entry.data, id=id,
                    guest=entry.guest,
                )  # fmt: skip
            else:
                refused = refusal(entry, _target(kept, entry))
                if refused is not None:
                    answers.append(refused)
                    continue
                stored = _change(kept, entry, now)
            seq += 1
            texts.append(stored)
            answers.append(stored)
            if ids is not None and id is not None:
                ids[id] = seq
        return answers

    def read(
        self, epoch: str, after: int, before: int, limit: int = PAGE_TEXTS
    ) -> Deferred[AnyPage]:
        """See Log."""
        kept = self._kept.get(epoch)
        if kept is None:
            return fail(Unreadable("there is no such session"))
        start, end = _between(kept, after, before)
        some = kept.texts[start : min(end, start + min(limit, PAGE_TEXTS))]
        texts = _bounded(map(kept.present, some))
        return succeed(Page(texts, start + len(texts) < end, kept.first))

    def read_last(
        self, epoch: str, after: int, before: int, limit: int = PAGE_TEXTS
    ) -> Deferred[AnyPage]:
        """See Log."""
        kept = self._kept.get(epoch)
        if kept is None:
            return fail(Unreadable("there is no such session"))
        start, end = _between(kept, after, before)
        newest = kept.texts[max(start, end - min(limit, PAGE_TEXTS)) : end]
        texts = _bounded(map(kept.present, reversed(newest)))[::-1]
        return succeed(Page(texts, end - len(texts) > start, kept.first))

    def search(self, epoch: str, query: str, before: int, limit: int) -> Deferred[TextPage]:
        """See Log."""
        kept = self._kept.get(epoch)
        if kept is None:
            return fail(Unreadable("there is no such session"))
        try:
            matches = queries.matcher(queries.parse(query))
        except ChatError:
            return fail()
        return Deferred.fromCoroutine(self._searched(kept, matches, before, limit))

    async def _searched(
        self, kept: _Kept, matches: Callable[[str], bool], before: int, limit: int
    ) -> TextPage:
        limit = min(limit, PAGE_TEXTS)
        found: list[Text] = []
        size = 0
        until = self.clock.seconds() + SEARCH_SECONDS
        _, at = _between(kept, 0, before)
        while at > 0 and len(found) <= limit:
            at -= 1
            text = kept.texts[at]
            if not isinstance(text, Text):
                continue
            if matches(text.data):
                found.append(text)
            size += _TEXT_COST + len(text.data)
            if size >= SEARCH_BITE:
                size = 0
                await deferLater(self.clock, 0)
                if self.clock.seconds() > until:
                    raise took_too_long()
                _, at = _between(kept, 0, text.seq)  # some may have been pruned meanwhile
        texts = _bounded(found[:limit])[::-1]
        return Page(texts, len(texts) < len(found), kept.first)

    def prune(
        self,
        epoch: str,
        *,
        texts: int | None = None,
        older_than: int | None = None,
        bite: int = PRUNE_BITE,
    ) -> Deferred[bool]:
        """See Log."""
        kept = self._kept.get(epoch)
        if kept is None:
            return succeed(False)
        surplus = 0 if texts is None else len(kept.texts) - texts
        gone = 0
        for text in kept.texts[:bite]:
            if gone >= surplus and (older_than is None or text.time >= older_than):
                break
            gone += 1
            kept.marks.pop(text.seq, None)
            if text.id is not None:
                ids = kept.by_id[text.source]
                del ids[text.id]
                if not ids:
                    del kept.by_id[text.source]
        del kept.texts[:gone]
        kept.first += gone
        return succeed(gone == bite)

    def check(self) -> Deferred[None]:
        """See Log."""
        return succeed(None)

    def close(self) -> Deferred[None]:
        """See Log."""
        return succeed(None)


def _between(kept: _Kept, after: int, before: int) -> tuple[int, int]:
    """Return where the texts with ``after < seq < before`` are: a slice's start and end."""
    start = min(max(after + 1 - kept.first, 0), len(kept.texts))
    return start, max(start, min(before - kept.first, len(kept.texts)))


def _bounded(texts: Iterable[E]) -> list[E]:
    """Return the first of ``texts``, up to the one with which they reach PAGE_BYTES."""
    page: list[E] = []
    size = 0
    for text in texts:
        page.append(text)
        data = "" if isinstance(text, Redacted) else text.data
        size += len(data) if data.isascii() else len(data.encode())
        if size >= PAGE_BYTES:
            break
    return page


# --- what changes a text -------------------------------------------------------------------


def _target(kept: _Kept, entry: Entry) -> Target | None:
    text = None if entry.of is None else kept.text(entry.of)
    if text is None:
        return None
    marks = kept.marks.get(text.seq, {})
    by = marks.get(entry.data, {})
    return Target(text.source, text.redacted is not None, len(marks), bool(by), entry.source in by)


def _change(kept: _Kept, entry: Entry, now: int) -> AnyEntry:
    """Do to a text what the entry says; return the entry in its place."""
    stored = placed(kept.life.name, kept.head + 1, now, entry)
    of = entry.of or 0
    at = of - kept.first
    text = kept.text(of)
    if text is None or isinstance(stored, Text):
        return stored
    if isinstance(stored, Edited):
        kept.texts[at] = replace(text, data=stored.data, edited=stored.seq)
    elif isinstance(stored, Redacted):
        kept.texts[at] = replace(text, data="", redacted=stored.seq, reactions=())
        kept.marks.pop(of, None)
    else:
        kept.texts[at] = replace(text, reactions=_reacted(kept.marks.setdefault(of, {}), stored))
    return stored


def _reacted(marks: Marks, stored: Reacted) -> tuple[Reaction, ...]:
    """Put a mark there, or take it away; return what the text shows of all."""
    by = marks.setdefault(stored.data, {})
    if stored.undo:
        del by[stored.source]
        if not by:
            del marks[stored.data]
    else:
        by[stored.source] = None
    return tuple(
        Reaction(data=mark, count=len(by), users=tuple(islice(by, MAX_REACTORS)))
        for mark, by in marks.items()
    )
