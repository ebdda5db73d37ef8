"""What is told, as lines of IRC: made once for each batch and each set of capabilities.

All connections of this door share one encoder, whose bytes are its own affair: a batch is decoded
once, and written out once for those whose capabilities are alike: see ``batch``.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

from attrs import define, field

from twisted_chat.doors.irc.batch import Batch, Caps, View
from twisted_chat.doors.irc.going import Goings
from twisted_chat.doors.irc.lines import (
    MAX_LINE,
    format_line,
    is_one_line,
    pieces,
    time_of,
    together,
)
from twisted_chat.doors.irc.marks import Marks
from twisted_chat.doors.irc.names import channel, prefix, target_of
from twisted_chat.vocabulary.messages import (
    Changed,
    Deleted,
    Edited,
    Invited,
    IsTyping,
    Joined,
    Kicked,
    Left,
    Notice,
    Presence,
    Reacted,
    Redacted,
    Response,
    RoleGiven,
    Text,
    TopicChanged,
    WentAway,
)

NOTICE_ID: Final = "irc.notice."
"""How the ``id`` of a text begins that was said as a NOTICE."""

MATTERING: Final = frozenset(
    {
        "account-tag",
        "away-notify",
        "draft/message-redaction",
        "draft/multiline",
        "extended-join",
        "message-tags",
        "server-time",
    }
)
"""The capabilities that make a difference to what is written here."""

MAX_BATCHES: Final = 4
"""Batches whose lines are known, while they are given out: a session's, and those in between."""

SHORT: Final = 200
"""Characters of a text that is one line, whoever says it, and wherever."""

MAX_SAID: Final = 1_000
"""Texts of which it is known how they begin."""

Part = tuple[str, bool]
"""A line of a text as its client wrote it, and whether it goes on with the one before."""

Head = tuple[str, str, str]
"""Who says it, as what, and where."""


def msgid(epoch: str, seq: int) -> str:
    """Return a text's name in IRC."""
    return f"{epoch}-{seq}"


def room_of(head: Head) -> int:
    """Return how many bytes of a text a line holds."""
    source, command, target = head
    return MAX_LINE - 2 - len(f":{source} {command} {target} :".encode())


def in_rows(parts: Iterable[Part], room: int) -> Sequence[Part]:
    """Cut what does not fit into ``room`` bytes: what is cut off goes on with what is before it."""
    return [
        (row, goes_on or number > 0)
        for line, goes_on in parts
        for number, row in enumerate(pieces(line, room))
    ]


def _actor(response: Response) -> str | None:
    """Return who does what is told, of what is no entry of the log."""
    match response:
        case TopicChanged() | IsTyping() | WentAway():
            return response.user
        case Kicked() | Invited() | RoleGiven() | Changed() | Notice():
            return response.by
    return None


def _begin(data: str) -> str:
    line = " ".join(data.split())
    return line if len(line) <= 40 else line[:39] + "…"


class Known(Protocol):
    """What the door knows of users and texts besides: see shared.Shared."""

    server: str
    goings: Goings
    tags: OrderedDict[str, Mapping[str, str]]
    written: OrderedDict[str, Sequence[Part]]
    marks: Marks

    def has_topic(self, epoch: str, user: str, millis: int) -> None:
        """Somebody has changed a topic."""

    def is_here(self, nick: str) -> bool:
        """Whether somebody is at this door."""

    def details_of(self, nick: str) -> tuple[str, str]:
        """Return a user name and a real name."""

    def is_bot(self, nick: str) -> bool:
        """Whether somebody says that it is a bot."""


@define(eq=False)
class Batches:
    """The batch that is being given out, decoded, and as it was written for whom."""

    epoch_of: Callable[[str], str]
    account_of: Callable[[str], str | None]
    away_of: Callable[[str], str]
    minds_of: Callable[[str], Iterable[object]]
    """All connections of somebody, by whichever door."""
    known: Known
    millis: Callable[[], int]
    _said: OrderedDict[tuple[str, int], str] = field(init=False, factory=OrderedDict)
    """How the last texts begin, by session and seq: for who is told in words of a reaction."""
    _batch: int = field(init=False, default=0)
    _taken: deque[Batch] = field(init=False, factory=lambda: deque(maxlen=MAX_BATCHES))

    def take(self, data: bytes) -> Batch:
        """Return a batch: the same one for the same bytes, while they are given out."""
        for batch in self._taken:
            if batch.data is data:
                return batch
        batch = Batch(data, self.known.goings, self.show)
        for message in batch.messages:
            self._note(message)
        self._taken.appendleft(batch)
        return batch

    def show_all(self, batch: Batch, view: View) -> bytes:
        """Return the lines of a batch to those who have nothing of their own in it.

        The view has them from now on, unless something in it is each connection's own affair.
        """
        lines = batch.written(view.caps)
        if not batch.is_special:
            apart = {mind for name in batch.own for mind in self.minds_of(name)}
            view.shows(batch.data, lines, apart)
        return lines

    def _note(self, message: Response) -> None:
        """Know of a batch what is asked for later."""
        seen = self.known.marks.seen
        match message:
            case Text():
                seen(message)
                self._said[message.session, message.seq] = message.data[:80]
                if len(self._said) > MAX_SAID:
                    self._said.popitem(last=False)
            case Edited():
                seen(message)
                self._said[message.session, message.of] = message.data[:80]
            case Redacted():
                seen(message)
                self._said.pop((message.session, message.of), None)
            case Reacted():
                seen(message)
            case TopicChanged():
                epoch = self.epoch_of(message.session)
                self.known.has_topic(epoch, message.user, self.millis())

    def show(self, response: Response, caps: Caps, extra: dict[str, str] | None = None) -> bytes:
        """Return the lines of one message; ``extra`` tags are put before the others."""
        tags = dict(extra or {})
        if caps and (actor := _actor(response)) is not None:
            tags |= self.facts(actor, caps)
        match response:
            case Text():
                return self.text(response, caps, tags)
            case Joined():
                return self.joined(response.session, response.user, caps)
            case Presence():
                return b"".join(
                    [self.joined(response.session, user, caps) for user in response.joined]
                    + [self.left(response.session, user, caps) for user in response.left]
                )
            case Left():
                why = self.known.goings.why_left(response)
                return self.left(response.session, response.user, caps, why)
            case TopicChanged():
                where = channel(response.session)
                source = prefix(response.user)
                return format_line(source, "TOPIC", where, response.topic or "", tags=tags)
            case Deleted():
                return self.left(response.session, response.user, caps)
            case Kicked():
                where, why = channel(response.session), response.reason or response.by
                source = prefix(response.by)
                return format_line(source, "KICK", where, response.user, why, tags=tags)
            case Invited():
                where, source = channel(response.session), prefix(response.by)
                return format_line(source, "INVITE", response.user, where, tags=tags)
            case RoleGiven() if self.known.goings.is_another(response):
                return b""  # who has another nick has what it had: NICK says so
            case RoleGiven():
                return self.role(response, tags)
            case Changed():
                return self.changed(response, tags)
            case Edited() | Redacted() | Reacted():
                return self.changes(response, caps, tags)
            case Notice():
                where = channel(response.session) if response.session else "*"
                source = prefix(response.by) if response.by else self.known.server
                head = (source, "NOTICE", where)
                rows = [row for row in pieces(response.data, room_of(head)) if row]
                return self.several(head, rows, tags)
            case IsTyping() if "message-tags" in caps and not self.known.is_here(response.user):
                where = target_of(response.session, response.user)
                tags["+typing"] = "active"
                return format_line(prefix(response.user), "TAGMSG", where, tags=tags)
            case WentAway() if "away-notify" in caps:
                words = (response.data,) if response.data else ()
                return format_line(prefix(response.user), "AWAY", *words, tags=tags)
        return b""

    def role(self, given: RoleGiven, tags: dict[str, str]) -> bytes:
        """Return the line of a role; who has none any more may have had any."""
        letters = {"owner": "+o", "moderator": "+o", "voice": "+v"}.get(given.role)
        letters = letters or f"-{self.known.goings.taken(given)}"
        words = (letters, *[given.user] * (len(letters) - 1))
        return format_line(prefix(given.by), "MODE", channel(given.session), *words, tags=tags)

    def changed(self, event: Changed, tags: dict[str, str]) -> bytes:
        """Return the line of settings that are new."""
        changes = [
            (letter, value)
            for letter, value in (
                ("i", event.invite),
                ("m", event.moderated),
                ("s", event.hidden),
                ("t", None if event.open_topic is None else not event.open_topic),
                ("k", event.locked),
                ("l", None if event.limit is None else event.limit > 0),
            )
            if value is not None
        ]
        if not changes:
            return b""
        words = together([("+" if value else "-", letter) for letter, value in changes])
        values = ["*"] if event.locked is not None else []
        values += [str(event.limit)] if event.limit else []
        where = channel(event.session)
        return format_line(prefix(event.by), "MODE", where, words, *values, tags=tags)

    def changes(
        self, event: Edited | Redacted | Reacted, caps: Caps, tags: dict[str, str]
    ) -> bytes:
        """Return what was done to a text: in IRC's own words, or in plain ones."""
        tags |= self.facts(event.source, caps, event.time)
        source, target = prefix(event.source), target_of(event.session, event.source)
        epoch = self.epoch_of(event.session)
        of = msgid(epoch, event.of)
        if "message-tags" in caps:
            tags["msgid"] = msgid(epoch, event.seq)
        if isinstance(event, Redacted):
            if "draft/message-redaction" in caps:
                words = (event.reason,) if event.reason else ()
                return format_line(source, "REDACT", target, of, *words, tags=tags)
            return format_line(source, "NOTICE", target, "takes back what was said", tags=tags)
        if isinstance(event, Reacted):
            if "message-tags" in caps:
                name = "+draft/unreact" if event.undo else "+draft/react"
                tags |= {name: event.data, "+draft/reply": of}
                return format_line(source, "TAGMSG", target, tags=tags)
            data = self._said.get((event.session, event.of))
            what = f"“{_begin(data)}”" if data else "what was said"
            verb = "takes back" if event.undo else "reacts"
            told = f"{verb} {event.data}" if event.undo else f"{verb} {event.data} to {what}"
            return format_line(source, "NOTICE", target, told, tags=tags)
        text = Text(
            session=event.session,
            seq=event.seq,
            time=event.time,
            source=event.source,
            data=f"(edited) {event.data}",
        )
        return self.text(text, caps, tags)

    def facts(self, user: str, caps: Caps, millis: int | None = None) -> dict[str, str]:
        """Return the tags of whatever somebody does, now or then."""
        tags: dict[str, str] = {}
        if "server-time" in caps:
            tags["time"] = time_of(self.millis() if millis is None else millis)
        if "account-tag" in caps and (account := self.account_of(user)):
            tags["account"] = account
        if "message-tags" in caps and self.known.is_bot(user):
            tags["bot"] = ""
        return tags

    def joined(self, session: str, user: str, caps: Caps) -> bytes:
        """Return the line that says that somebody came in."""
        words, tags = [channel(session)], self.facts(user, caps)
        if "extended-join" in caps:
            words += [self.account_of(user) or "*", self.known.details_of(user)[1]]
        line = format_line(prefix(user), "JOIN", *words, tags=tags)
        away = self.away_of(user) if "away-notify" in caps else ""
        return line + format_line(prefix(user), "AWAY", away, tags=tags) if away else line

    def left(self, session: str, user: str, caps: Caps, why: str = "") -> bytes:
        """Return the line that says that somebody went out."""
        words = [channel(session), *([why] if why else [])]
        return format_line(prefix(user), "PART", *words, tags=self.facts(user, caps))

    def text(self, text: Text, caps: Caps, tags: dict[str, str], epoch: str | None = None) -> bytes:
        """Return the lines of a text: what one line does not hold is several."""
        if caps:
            tags |= self.tags_of(text, caps, epoch)
        command = "NOTICE" if text.id and text.id.startswith(NOTICE_ID) else "PRIVMSG"
        head = (prefix(text.source), command, target_of(text.session, text.source))
        return self.said(head, text.data, self.known.written.get(text.id or "", ()), caps, tags)

    def said(
        self, head: Head, data: str, written: Sequence[Part], caps: Caps, tags: dict[str, str]
    ) -> bytes:
        """Return the lines of what is said, which were ``written`` so, where that is known."""
        begin, end = "", ""
        if data.startswith("/me "):
            data, begin, end = data[4:], "\1ACTION ", "\1"
        row = f"{begin}{data}{end}"
        if len(data) < SHORT and data.isascii() and data.isprintable():
            return format_line(*head, row, tags=tags) if row else b""
        if row and is_one_line(*head, row):
            return format_line(*head, row, tags=tags)
        room = room_of(head) - len(begin) - len(end)
        known = () if begin else written
        parts = in_rows(known or [(line, False) for line in pieces(data)], room)
        if len(parts) > 1 and "draft/multiline" in caps and not begin:
            return self.multiline(head, parts, tags)
        shown = [f"{begin}{row}{end}" for row, _ in parts if row]
        return self.several(head, shown, tags)

    def tags_of(self, text: Text, caps: Caps, epoch: str | None = None) -> dict[str, str]:
        """Return the tags of a text."""
        tags = self.facts(text.source, caps, text.time)
        if "message-tags" in caps:
            epoch = epoch or self.epoch_of(text.session)
            tags["msgid"] = msgid(epoch, text.seq)
            if text.reply is not None:
                tags["+draft/reply"] = msgid(epoch, text.reply)
            tags |= self.known.tags.get(text.id or "", {})
        return tags

    def several(self, head: Head, rows: Sequence[str], tags: dict[str, str]) -> bytes:
        """Return lines for who knows nothing of multiline: the first of them is the text's name."""
        rest: dict[str, str] = {
            name: tags[name] for name in ("time", "account", "bot") if name in tags
        }
        return b"".join(
            format_line(*head, row, tags=rest if number else tags)
            for number, row in enumerate(rows)
        )

    def multiline(self, head: Head, parts: Iterable[Part], tags: dict[str, str]) -> bytes:
        """Return a text of several lines as one batch: see IRCv3's draft/multiline."""
        self._batch += 1
        name, (source, _, target) = f"t-{self._batch:x}", head
        lines = [format_line(source, "BATCH", f"+{name}", "draft/multiline", target, tags=tags)]
        for row, goes_on in parts:
            concat = {"draft/multiline-concat": ""} if goes_on else {}
            lines.append(format_line(*head, row, tags={"batch": name} | concat))
        lines.append(format_line(source, "BATCH", f"-{name}"))
        return b"".join(lines)
