"""How things look on a terminal: lines of styled fragments, and nothing that harms it.

What others write is shown by ``harmless`` alone: it can not move the cursor, change colours, ring
the bell, hide itself or turn the direction of what follows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from typing import Final, NamedTuple
from unicodedata import category, east_asian_width
from zlib import crc32

from twisted_chat.client.places import is_direct, peer
from twisted_chat.client.words.formats import unformatted
from twisted_chat.vocabulary import messages as m

Fragment = tuple[str, str]
"""A style (``time``, ``name``, ``own``, ``info``, ``error``, ``mark`` or none) and a text."""

Line = list[Fragment]
"""One line of the screen, without its end."""

INDENT: Final = 6
"""Columns before the further lines of one text: they begin below its author."""

Style = Callable[[Line], str]
"""How a row looks: in colours, say."""

MAX_VIEWS: Final = 16
"""Views of a line whose rows are kept, at most."""

TERM: Final = 28
"""Columns for a term before its explanation."""

_HARMFUL: Final = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1: escape sequences, the bell, the cursor
    "\u00ad\u061c\u180e"  # soft hyphen, Arabic letter mark, Mongolian vowel separator
    "\u200b\u200e\u200f"  # zero width space, direction marks; scripts and emoji need the joiners
    "\u2028-\u202e"  # line and paragraph separators, embeddings and overrides
    "\u2060-\u206f"  # word joiner, invisible operators, isolates, deprecated formats
    "\ufeff\ufff9-\ufffb"  # byte order mark, interlinear annotations
    "\U00013430-\U0001343f"  # formats of hieroglyphs
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # formats of shorthand and of music
    "\U000e0000-\U000e007f"  # tags
    "\ud800-\udfff"  # lone surrogates, which no terminal takes
    "]"
)


def harmless(text: str) -> str:
    r"""Return ``text`` on one line, with a visible escape such as ``\x1b`` for what could harm."""
    return _HARMFUL.sub(_escape, text.replace("\t", "    "))


def _escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x1_0000 else f"\\U{code:08x}"


def escaped_json(document: str, encoding: str = "utf-8") -> str:
    """Return a JSON document with what is no plain character written as JSON's own escapes.

    That is whatever ``str.isprintable`` says no to (controls, formats, surrogates, separators
    other than the space, private and unassigned characters), and what ``encoding`` has not.
    """

    def plain(letter: str) -> bool:
        return letter.isprintable() and (
            letter.isascii() or bool(letter.encode(encoding, "ignore"))
        )

    if document.isascii() and document.isprintable():
        return document
    return "".join(letter if plain(letter) else _json_escape(letter) for letter in document)


def _json_escape(letter: str) -> str:
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def plain(line: Line) -> str:
    """Return a line without its styles."""
    return "".join(text for _, text in line)


def width(text: str) -> int:
    """Return how many columns a harmless text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if category(letter) in ("Mn", "Me", "Cf") else 1 + (east_asian_width(letter) in "WF")
        for letter in text
    )


_WORDS: Final = re.compile(
    r"\s+"
    r"|[^\s\u2e80-\U0003ffff]+"
    # The scripts of East Asia and emoji may be broken anywhere, but not within one emoji.
    r"|[\u2e80-\U0003ffff](?:[\ufe0f\U0001f3fb-\U0001f3ff]|\u200d.)*"
)


def folded(line: Line, columns: int) -> list[Line]:
    """Return a line as rows for a screen so wide, broken between words.

    Further rows begin below the line's second fragment: whatever is written, none looks like
    another's line. A word that fits in no row, such as a long address, is left whole.
    """
    hang = width(line[0][1]) if len(line) > 1 else INDENT
    if hang > columns // 2:
        hang = INDENT
    rows: list[Line] = [[]]
    used = 0
    for style, text in line:
        for word in _WORDS.findall(text):
            wide = width(word)
            if used + wide > columns:
                if word.isspace():
                    used = columns  # it is not seen at the end of a row
                    continue
                if used > hang and hang + wide <= columns:
                    rows.append([("", " " * hang)])
                    used = hang
            rows[-1].append((style, word))
            used += wide
    return rows


class SharedLine(list[Fragment]):
    """A line that many people see: what is made of it for one view is kept with it."""

    __slots__ = ("drawings",)

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self.drawings: dict[tuple[int, Style], str] = {}


def drawn(line: Line, columns: int, style: Style) -> str:
    """Return a line as rows with their ends, for a window so wide (0: it is not known).

    What is made of a SharedLine is made once for all with the same view.
    """
    if not isinstance(line, SharedLine):
        return _drawn(line, columns, style)
    found = line.drawings.get((columns, style))
    if found is None:
        if len(line.drawings) >= MAX_VIEWS:
            line.drawings.clear()
        found = line.drawings[columns, style] = _drawn(line, columns, style)
    return found


def _drawn(line: Line, columns: int, style: Style) -> str:
    rows = folded(line, columns) if columns else [line]
    return "".join([f"{style(row)}\r\n" for row in rows])


def info(sentence: str) -> Line:
    """Return a line that the client itself says; ``sentence`` is made harmless."""
    return [("info", "* "), ("info", harmless(sentence))]


def problem(sentence: str) -> Line:
    """Return a line about what went wrong."""
    return [("error", "! "), ("error", harmless(sentence))]


def moment(time: int, zone: tzinfo | None = None) -> datetime:
    """Return a text's time, in milliseconds, on the person's own clock."""
    try:
        return datetime.fromtimestamp(time / 1_000, zone)
    except (OverflowError, ValueError, OSError):  # a server's clock may say anything
        return datetime.fromtimestamp(0, zone)


def day(when: datetime) -> Line:
    """Return the line that begins a day."""
    return [("info", f"--- {when:%A, %d %B %Y} ---")]


class Looks(NamedTuple):
    """How somebody sees a text: who sees it in the same way sees the same.

    ``tag`` names the text's place where that is not the current one. ``nicks``: names have
    colours. ``named``: the text names the reader. ``answers``: how the text begins that it answers,
    where that is known. ``number``: its number is shown, by which it can be named.
    """

    tag: str = ""
    zone: tzinfo | None = None
    times: str = "minutes"
    nicks: bool = False
    named: bool = False
    answers: str = ""
    number: bool = False


_USUAL: Final = Looks()

TIMES: Final = {"minutes": "%H:%M ", "seconds": "%H:%M:%S ", "none": ""}

NICKS: Final = 6
"""Colours of names: styles ``nick0`` and so on."""


def said(text: m.Text, user: str, looks: Looks = _USUAL, *, aside: bool = False) -> list[Line]:
    """Return the lines of one text.

    ``user`` is who reads: a direct message that is read in passing, ``aside``, says who wrote whom.
    """
    own, body = text.source == user, "named" if looks.named else ""
    source = harmless(text.source)
    style = "own" if own else _nick(text.source) if looks.nicks else "name"
    if aside:
        source = f"you to {harmless(peer(text.session, user))}" if own else f"{source} to you"
    head: Line = []
    if when := TIMES[looks.times]:
        head.append(("time", f"{moment(text.time, looks.zone):{when}}"))
    if looks.tag:
        head.append(("mark", f"[{harmless(looks.tag)}] "))
    if looks.number:
        head.append(("time", f"#{text.seq} "))
    head.append((style, source))
    if text.redacted is not None:
        return [[*head, ("info", ": (taken back)")]]
    data = text.data
    acts = data.startswith("/me ") and not aside
    if acts:
        head.insert(-1, ("", "* "))
    if text.reply is not None:
        head.append(("info", f" (to {harmless(looks.answers) or text.reply})"))
    first, *rest = _lines(data[4:] if acts else data)
    lines: list[Line] = [
        [*head, (body, f" {first}" if acts else f": {first}")],
        *(_further(body, one) for one in rest),
    ]
    if text.edited is not None:
        lines[-1].append(("info", " (edited)"))
    if text.reactions:
        marks = "  ".join(f"{one.data} {one.count}" for one in text.reactions)
        lines.append(_further("info", harmless(marks)))
    return lines


def quoted(text: m.Text) -> str:
    """Return how a text begins, and who said it."""
    return f"{text.source}: “{_short(text.data)}”"


def _nick(user: str) -> str:
    return f"nick{crc32(user.casefold().encode(errors='replace')) % NICKS}"


def waiting(data: str, user: str, server: str) -> list[Line]:
    """Return the lines of a text that waits for its server; ``user`` is who says it."""
    first, *rest = _lines(data)
    return [
        [("waiting", f"(waiting for {harmless(server)}) {harmless(user)}: {first}")],
        *(_further("waiting", line) for line in rest),
    ]


def _lines(data: str) -> list[str]:
    return [harmless(line) for line in re.split("\r\n|\n", unformatted(data))]


def _further(style: str, line: str) -> Line:
    return [("", " " * INDENT), (style, line)]


def entry(term: str, explanation: str) -> list[Line]:
    """Return a term and its explanation: beside it, or below where the term is long."""
    if width(term) + 2 <= TERM:
        return [[("mark", term.ljust(TERM)), ("", explanation)]]
    return [[("mark", term)], [("", " " * TERM), ("", explanation)]]


def names(users: Sequence[str], count: int) -> str:
    """Return names in a sentence, and how many there are beyond them."""
    shown = ", ".join(users)
    beyond = count - len(users)
    return f"{shown} and {beyond:,} more" if beyond > 0 and users else shown


def snapshot(session: m.Snapshot) -> Line:
    """Return what one finds in a session that one comes into."""
    parts = [f"{session.session}: {here(session.count)}"]
    if session.users:
        parts.append(f" ({names(session.users[:20], session.count)})")
    if session.topic:
        parts.append(f". Topic: {session.topic}")
    if session.port is not None:
        parts.append(f". Its own port: {session.port}")
    return info("".join(parts))


def here(count: int) -> str:
    """Return how many users are there."""
    return "nobody here" if count == 0 else f"{count:,} here"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def listing(found: m.Listing) -> list[Line]:
    """Return who is here and which sessions there are, a line for each."""
    lines = [
        info(f"{_counted(len(found.sessions), 'session')}, {_counted(len(found.users), 'user')}")
    ]
    widest = max((width(harmless(session.session)) for session in found.sessions), default=0)
    for session in found.sessions:
        notes = [here(session.users)]
        if session.owner is not None:
            notes.append(f"owner {session.owner}")
        if session.locked:
            notes.append("locked")
        if session.port is not None:
            notes.append(f"port {session.port}")
        if session.topic:
            notes.append(f"topic: {session.topic}")
        name = harmless(session.session)
        beside = " " * (widest - width(name) + 2)
        lines.append([("mark", f"  {name}{beside}"), ("", harmless(", ".join(notes)))])
    for user in found.users:
        where = ", ".join(user.sessions) or "in no session"
        if user.away is not None:
            where += f"; away: {user.away}"
        lines.append([("name", f"  {harmless(user.user)}  "), ("", harmless(where))])
    return lines


def deleted(event: m.Deleted, user: str) -> str:
    """Return what has gone with a session, in a sentence; ``user`` is who reads."""
    if is_direct(event.session):  # a guest's, whose name somebody else has taken
        return f"You and {peer(event.session, user)} begin anew: what you had said is gone."
    return f"{event.user} has deleted {event.session}, and what was said there."


def presence(event: m.Presence) -> str:
    """Return who came and went, in a sentence."""
    parts = []
    for users, verb in ((event.joined, "come"), (event.left, "gone")):
        if users:
            some = names(users[:10], len(users))
            parts.append(f"{some} {'has' if len(users) == 1 else 'have'} {verb}")
    return f"{'; '.join([*parts, here(event.count)])}."


def changed(event: m.Edited | m.Redacted | m.Reacted, text: m.Text | None) -> str:
    """Return what was done to a text, in a sentence; ``text`` is it, where it is known."""
    what = f"“{_short(text.data)}”" if text is not None and text.data else f"text {event.of}"
    match event:
        case m.Edited():
            return f"{event.source} edits {what}: {_short(event.data, 400)}"
        case m.Redacted():
            why = f" ({event.reason})" if event.reason else ""
            return f"{event.source} takes back text {event.of}{why}."
        case _:
            verb = "takes back" if event.undo else "reacts"
            return f"{event.source} {verb} {event.data} to {what}"


def _short(data: str, most: int = 40) -> str:
    line = " ".join(unformatted(data).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def role(event: m.RoleGiven) -> str:
    """Return a role that was given, in a sentence."""
    if event.role == "none":
        return f"{event.by} takes {event.user}'s role away."
    return f"{event.by} makes {event.user} {event.role}."


def settings(event: m.Changed) -> str:
    """Return what is new in a session's settings, in a sentence."""
    said = []
    for name in ("invite", "moderated", "hidden", "open_topic", "keep"):
        value = getattr(event, name)
        if value is not None:
            said.append(f"{name} is {'on' if value else 'off'}")
    if event.locked is not None:
        said.append("it needs a password" if event.locked else "it needs no password")
    if event.limit is not None:
        said.append(f"limit is {event.limit}" if event.limit else "it has no limit of its own")
    return f"{event.by} has changed this session: {', '.join(said)}."
