"""CHATHISTORY: the log, by msgid and by time. See IRCv3's draft/chathistory."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import frozen

from twisted_chat.doors.irc.asked import command
from twisted_chat.doors.irc.commands.channels import me
from twisted_chat.doors.irc.labelled import is_within, tagged
from twisted_chat.doors.irc.lines import Line, format_line, time_of
from twisted_chat.doors.irc.names import direct_of, session_of, target_of
from twisted_chat.doors.irc.talk import IrcTalk
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import MAX_HISTORY, AnyEntry, History, Text, Texts
from twisted_chat.vocabulary.names import key_of

MAX_TARGETS = 1_000

MAX_PAGES = 10
"""Pages of the log that are read for one page of texts, at most."""


@frozen
class Wrong(Exception):
    """What is asked for can not be: a code and a sentence of IRCv3's standard replies."""

    code: str
    about: str
    sentence: str


@command("CHATHISTORY", 1)
async def chathistory(talk: IrcTalk, line: Line) -> None:
    """Give what was said."""
    what = line[0].upper()
    try:
        if what not in {"LATEST", "BEFORE", "AFTER", "AROUND", "BETWEEN", "TARGETS"}:
            raise Wrong("INVALID_PARAMS", line[0], "Unknown command")
        least = 5 if what == "BETWEEN" else 4
        if len(line) < least:
            raise Wrong("INVALID_PARAMS", what, "Insufficient parameters")
        limit = _limit(line[least - 1], what)
        if what == "TARGETS":
            await _targets(talk, line[1], line[2], limit)
            return
        member = _member(talk, line[1], what)
        texts = await _texts(talk, member, what, line, limit)
    except Wrong as wrong:
        talk.send("FAIL", "CHATHISTORY", wrong.code, *wrong.about.split(), wrong.sentence)
        return
    batches = talk.shared.batches(me(talk).chat)
    epoch = member.session.life.epoch
    lines = [batches.text(text, talk.caps, {}, epoch) for text in texts]
    _batch(talk, "chathistory", line[1], lines)


def _batch(talk: IrcTalk, kind: str, about: str | None, lines: list[bytes]) -> None:
    if "batch" not in talk.caps:
        for one in lines:
            talk.put(one)
        return
    name = talk.new_id()
    begin = (f"+{name}", kind, about) if about is not None else (f"+{name}", kind)
    talk.send("BATCH", *begin)
    for one in lines:
        for part in one.splitlines(keepends=True):
            talk.put(part if is_within(part) else tagged(part, f"batch={name}"))
    talk.send("BATCH", f"-{name}")


def _limit(given: str, what: str) -> int:
    if not given.isdecimal() or int(given) < 1:
        raise Wrong("INVALID_PARAMS", what, "Invalid limit")
    return min(int(given), MAX_HISTORY)


def _member(talk: IrcTalk, target: str, what: str) -> Any:
    user = me(talk)
    session = session_of(target) or direct_of(user.name.text, target)
    member = user.members.get(key_of(session) or "")
    if member is None:
        raise Wrong("INVALID_TARGET", f"{what} {target}", "You are not there")
    return member


async def _page(
    talk: IrcTalk, member: Any, *, limit: int, before: int | None = None, after: int | None = None
) -> tuple[list[AnyEntry], bool]:
    """Return a page of entries, and whether there are more of them."""
    asked = History(session=member.session.life.name, before=before, after=after, limit=limit)
    answer = await me(talk).ask(asked)
    return (list(answer.texts), answer.more) if isinstance(answer, Texts) else ([], False)


async def _read(
    talk: IrcTalk, member: Any, *, limit: int, before: int | None = None, after: int | None = None
) -> list[Text]:
    """Return what is there: so much of what the client takes, as long as there is more.

    Texts alone. What was done to them does not end a page early: a client takes a short one for
    the last.
    """
    found: list[Text] = []
    for _ in range(MAX_PAGES):
        page, more = await _page(talk, member, limit=limit, before=before, after=after)
        shown = [one for one in page if isinstance(one, Text)]
        if after is not None:
            found += shown
            after = page[-1].seq if page else after
        else:
            found = shown + found
            before = page[0].seq if page else before
        if len(found) >= limit or not more or not page:
            break
    return found[:limit] if after is not None else found[-limit:]


async def _texts(talk: IrcTalk, member: Any, what: str, line: Line, limit: int) -> list[Text]:
    if what == "LATEST":
        if line[2] == "*":
            return await _read(talk, member, limit=limit)
        after, _ = await _place(talk, member, line[2])
        texts = await _read(talk, member, limit=limit)
        return [text for text in texts if text.seq > after]
    until, since = await _place(talk, member, line[2])
    if what == "BEFORE":
        return await _read(talk, member, before=since, limit=limit)
    if what == "AFTER":
        return await _read(talk, member, after=until, limit=limit)
    if what == "AROUND":
        before = await _read(talk, member, before=since, limit=limit)
        rest = await _read(talk, member, after=since - 1, limit=limit)
        half = min(len(before), max(limit // 2, limit - len(rest)))
        return [*before[len(before) - half :], *rest][:limit]
    to_until, to_since = await _place(talk, member, line[3])
    if since <= to_since:
        return await _read(talk, member, after=until, before=to_since, limit=limit)
    texts = await _read(talk, member, before=since, limit=limit)
    return [text for text in texts if text.seq > to_until]


async def _place(talk: IrcTalk, member: Any, given: str) -> tuple[int, int]:
    """Return the last seq that is up to what is named, and the first that is not before it."""
    kind, _, value = given.partition("=")
    if kind == "msgid":
        epoch, _, seq = value.rpartition("-")
        if epoch == member.session.life.epoch and seq.isdecimal():
            return int(seq), int(seq)
        raise Wrong("INVALID_MSGREFTYPE", given, "There is no such message here")
    if kind != "timestamp":
        raise Wrong("INVALID_PARAMS", given, "Invalid reference")
    millis = millis_of(value, given)
    return (
        await first_since(talk, member, millis + 1) - 1,
        await first_since(talk, member, millis),
    )


async def first_since(talk: IrcTalk, member: Any, millis: int) -> int:
    """Return the first seq whose text was said at that time or later: by halves."""
    low, high = 1, member.session.head + 1
    while low < high:
        middle = (low + high) // 2
        texts, _ = await _page(talk, member, after=middle - 1, limit=1)
        if texts and texts[0].time < millis:
            low = texts[0].seq + 1
        else:
            high = middle
    return low


def millis_of(value: str, given: str) -> int:
    """Return a time in milliseconds since 1970. Raises Wrong."""
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        raise Wrong("INVALID_PARAMS", given, "Invalid time") from None
    if when.tzinfo is None:
        raise Wrong("INVALID_PARAMS", given, "A time is in UTC, and ends with Z")
    return round(when.timestamp() * 1_000)


async def _targets(talk: IrcTalk, one: str, other: str, limit: int) -> None:
    bounds = []
    for given in (one, other):
        kind, _, value = given.partition("=")
        if kind != "timestamp":
            raise Wrong("INVALID_PARAMS", "TARGETS", "Times are wanted")
        bounds.append(millis_of(value, given))
    since, until = sorted(bounds)
    found: list[tuple[int, str]] = []
    for member in [*me(talk).members.values()][:MAX_TARGETS]:
        try:
            texts = await _read(talk, member, limit=1)
        except ChatError:
            continue  # it ends just now
        if texts and since < texts[0].time < until:
            found.append((texts[0].time, target_of(member.session.life.name, talk.nick)))
    found.sort(reverse=bounds[0] > bounds[1])
    lines = [
        format_line(talk.server, "CHATHISTORY", "TARGETS", target, time_of(time))
        for time, target in found[:limit]
    ]
    _batch(talk, "draft/chathistory-targets", None, lines)
