"""What is said on one IRC connection, from CAP and NICK to QUIT: see ``doors.talk``.

What a command does is a function in ``commands/``; here is what all of them need: numerics, labels,
capabilities, the moment in which a registration is whole, and what comes from the chat.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from itertools import count
from typing import Any, Final

from attrs import define, field

from twisted_chat.accounts.proof import Proof
from twisted_chat.accounts.proofs import Prover
from twisted_chat.chat.user import User
from twisted_chat.doors.irc.asked import BEFORE, COMMANDS
from twisted_chat.doors.irc.batch import Batch, Caps, View, once
from twisted_chat.doors.irc.going import Farewell
from twisted_chat.doors.irc.labelled import Labelled
from twisted_chat.doors.irc.lines import (
    Line,
    as_middle,
    command_in,
    format_line,
    format_tags,
    label_in,
    parse,
)
from twisted_chat.doors.irc.names import is_own, prefix
from twisted_chat.doors.irc.numerics import refusal
from twisted_chat.doors.irc.shared import Shared
from twisted_chat.doors.talk import Talk, Why
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import (
    Bye,
    Error,
    Joined,
    Left,
    Reacted,
    ReadTo,
    Redacted,
    Response,
    Text,
)

_connections: Final = count()

NOTHING: Final[dict[str, Any]] = {}
"""What most connections never have: it stays empty, and who has something has its own."""

NONE: Final[set[str]] = set()
"""The same of what connections have said: it stays empty."""


@define(eq=False, repr=False)
class IrcTalk(Talk):
    """One client of IRC."""

    prover: Prover = field(kw_only=True)
    shared: Shared = field(kw_only=True)
    wanted: str | None = None
    """The nick that it wants, before it has one."""
    username: str = ""
    realname: str = ""
    password: str | None = field(default=None, repr=False)
    proof: Proof | None = None
    negotiating: bool = False
    """Whether it is talking of capabilities, and so not done."""
    is_newer: bool = False
    """Whether it knows version 302 of that."""
    sasl: str | None = field(default=None, repr=False)
    """What it has sent of an AUTHENTICATE that is under way."""
    mechanism: str = "PLAIN"
    """By what."""
    where: str = ""
    """The channel, nick or command that is being dealt with: what a refusal is about."""
    labels: dict[str, Labelled] = field(init=False, default=NOTHING)
    """What waits for its echoes to be answered, by the ids that the door gave to what was said."""
    modes: frozenset[str] = frozenset()
    """Its user modes: ``i``, ``w``, ``B``."""
    gone_away: str | None = None
    """Why it is away, said before it is anybody (draft/pre-away)."""
    watched: dict[str, str] = NOTHING
    """Whom it wants to hear of (MONITOR): names as they were given, by their compared forms."""
    redacting: dict[str, tuple[str, str]] = NOTHING
    """Where and what is to be taken back, by ids: as long as that is not done."""
    batch: Any = None
    """The multiline batch that is being sent: see commands/multiline.py."""
    last_words: str = ""
    """What it is told at its end, where that is not what the chat says."""
    spoke: float = 0.0
    """When it last said something, by the clock."""
    came: int = 0
    """When it came, in seconds since 1970."""
    answer: Labelled | None = field(init=False, default=None)
    """What has been answered to a command with a label."""
    number: int = field(init=False, factory=lambda: next(_connections))
    _caps: Caps = field(init=False, default=frozenset())
    _view: View = field(init=False)
    """What all see of a batch who have such capabilities."""
    _send: Callable[[bytes], None] = field(init=False)
    """What sends the lines of a batch; it drops them while this is nobody's, or over."""
    _said: int = field(init=False, default=0)
    _mine: set[str] = field(init=False, default=NONE)
    """Ids of what this connection said: without ``echo-message`` it is not told."""

    def __attrs_post_init__(self) -> None:
        """Take what the chat delivers as it comes, and write it as lines."""
        super().__attrs_post_init__()
        self._send = _drop
        self._view = self.shared.view(self._caps)
        self.deliver = self._deliver
        self.shared.opened(self)

    async def admit(self, admission: Awaitable[User]) -> bool:
        """See Talk."""
        admitted = await super().admit(admission)
        if admitted:
            self._send = self.line.deliver
        return admitted

    def end(self, why: Why) -> None:
        """See Talk."""
        super().end(why)
        self._send = _drop

    def close(self, farewell: Bye, why: Why = "dismissed") -> None:
        """See Talk."""
        self._goes(farewell.data)
        super().close(farewell, why)

    def _goes(self, reason: str) -> None:
        """Let others hear why somebody is gone: with its last connection, and not if they have."""
        user = self.user
        if user is not None and [*user.person.users, *user.person.elsewhere] == [user]:
            name = user.name.text
            if self.shared.goings.why_gone(name) is None:
                self.shared.goings.quits(name, reason)

    def lost(self) -> None:
        """See Talk."""
        self._goes("Connection closed")
        self.shared.lost(self)
        super().lost()
        self.deliver = self._send = _drop  # no cycle is left behind

    @property
    def caps(self) -> Caps:
        """The capabilities that it has asked for."""
        return self._caps

    @caps.setter
    def caps(self, caps: Caps) -> None:
        self._caps, self._view = once(caps), self.shared.view(caps)

    @property
    def echoes(self) -> bool:
        """Whether it is told what it said itself."""
        return "echo-message" in self._caps

    @property
    def is_secure(self) -> bool:
        """Whether it is here by TLS."""
        return hasattr(self._transport, "getPeerCertificate")

    @property
    def certificate(self) -> bytes | None:
        """The fingerprint (SHA-256) of the certificate that its client has shown."""
        found = self._transport.getPeerCertificate() if self.is_secure else None
        if found is None:
            return None
        return bytes.fromhex(found.digest("sha256").decode().replace(":", ""))

    @property
    def _transport(self) -> Any:
        return getattr(self.line, "transport", None)

    @property
    def server(self) -> str:
        """What the server is called."""
        return self.shared.server

    @property
    def nick(self) -> str:
        """Whom it is called; ``*`` before it is anybody."""
        return self.user.name.text if self.user is not None else self.wanted or "*"

    # --- lines in ------------------------------------------------------------------------------

    def take(self, message: bytes) -> Coroutine[Any, Any, None] | None:
        """Do what a line asks for: see Talk."""
        self.where = ""
        try:
            line = parse(message)
        except ChatError as refused:
            self._labelled(label_in(message))
            if refused.code == "bad-request":
                self.send("FAIL", command_in(message), "INVALID_UTF8", str(refused))
            elif message[:13].upper() == b"AUTHENTICATE ":
                self.sasl = None
                self.reply("905", "SASL message too long")
            else:
                self.reply("417", str(refused))
            self._answered()
            return None
        if line is None:
            return None
        if self.user is None and line.command not in BEFORE:
            self.reply("451", "You have not registered")
            return None
        found = COMMANDS.get(line.command)
        if found is not None and found.at_once is not None and found.at_once(self, line):
            return None
        return self._run(line)

    async def _run(self, line: Line) -> None:
        self.asked = None
        self._labelled(line.tags.get("label"))
        try:
            self.where = line[0]
            found = COMMANDS.get(line.command)
            if self.batch is not None and self.batch.has(line):
                self.batch.add(line)
            elif found is None:
                self.reply("421", line.command, "Unknown command")
            elif len(line) < found.least:
                self.reply("461", line.command, "Not enough parameters")
            else:
                await found.do(self, line)
        except ChatError as refused:
            self._refuse(refused, None)
        finally:
            self._answered()

    def _labelled(self, label: str | None) -> None:
        """Answer with a label from now on, where there is one."""
        if label and "labeled-response" in self.caps:
            self.answer = Labelled(label)

    def _answered(self) -> None:
        answer, self.answer = self.answer, None
        if answer is not None and not answer.waiting:
            self.write(answer.written(self.server, self.new_id()))

    def new_id(self) -> str:
        """Return an id that nothing else has."""
        self._said += 1
        return f"{self.number:x}-{self._said:x}"

    # --- lines out -----------------------------------------------------------------------------

    def write(self, lines: bytes) -> None:
        """Send lines as they are, unless the last one has been sent."""
        if lines and not self.over:
            self.line.deliver(lines)

    def put(self, line: bytes) -> None:
        """Send one line that answers the command."""
        if self.answer is None:
            self.write(line)
        else:
            self.answer.lines.append(line)

    def send(self, command: str, *parameters: str, source: str | None = None) -> None:
        """Send a line that answers the command, as the server where nothing else is said."""
        words = [*map(as_middle, parameters[:-1]), *parameters[-1:]]
        self.put(format_line(source or self.server, command, *words))

    def act(self, command: str, *parameters: str) -> None:
        """Send a line that answers the command, as who has given it."""
        self.put(self.tags_of(self.nick) + format_line(prefix(self.nick), command, *parameters))

    def hear(self, user: Any, line: bytes) -> None:
        """Send a line without tags that says what somebody does."""
        self.write(self.tags_of(user.name.text) + line)

    def tags_of(self, user: str) -> bytes:
        """Return the tags of what somebody does, as this client takes them."""
        if self.user is None:
            return b""
        facts = self.shared.batches(self.user.chat).facts(user, self._view.caps)
        return format_tags(facts).encode()

    def reply(self, numeric: str, *parameters: str) -> None:
        """Send a numeric."""
        self.send(numeric, self.nick, *parameters)

    def tell(self, response: Response) -> None:
        """Say what is no event of a session: a refusal, or a farewell."""
        match response:
            case Error():
                if words := refusal(response, self.where):
                    self.reply(*words)
                else:
                    self.send("NOTICE", self.nick, response.data)
                if self.user is None and response.code in {"too-large", "not-logged-in"}:
                    self.write(format_line("", "ERROR", response.data))
            case Bye():
                self.write(format_line("", "ERROR", self.last_words or response.data))
            case _:
                pass

    def _deliver(self, data: bytes) -> None:
        view = self._view
        known = data is view.data and self not in view.apart
        lines = view.lines if known else self._written(data)
        if lines:
            self._send(lines)

    def _written(self, data: bytes) -> bytes:
        """Return a batch as this connection sees it."""
        user = self.user
        if user is None or self.over:
            return b""
        batches = self.shared.batches(user.chat)
        batch = batches.take(data)
        if places := batch.places_of(user.name.text):
            return batch.written_with(self._view.caps, places, partial(self._show, batch))
        return batches.show_all(batch, self._view)

    def _show(self, batch: Batch, place: int) -> bytes:
        """Return what of a batch is not the same for everybody."""
        response = batch.messages[place]
        caps = self._view.caps
        match response:
            case Text() | Reacted() | Redacted() if response.id in self._mine:
                self._mine.discard(response.id)
                self.redacting.pop(response.id, None)
                lines = batch.lines(place, caps) if self.echoes else b""
                echo = self._echoed(response.id, lines)
                return echo + batch.lines(place, caps) if is_own(response.session) else echo
            case Error() if response.id in self.redacting:
                self._mine.discard(response.id)
                told = self.not_redacted(response.id, response.code, response.data)
                return self._echoed(response.id, told)
            case Error():
                self._mine.discard(response.id or "")
                self.tell(response)
                return self._echoed(response.id or "", b"")
            case ReadTo() if "draft/read-marker" in self._caps:
                return self.shared.marks.told(response, self.nick)
            case Left() if response.user == self.nick:
                return b""
            case Left() if (why := batch.why(place)) is not None:
                return self._once(why, response.user)
            case Joined() if (why := batch.why(place)) is not None:
                if why.comes_back(self.number, response.session):
                    return self._once(why, response.user)
        return batch.lines(place, caps)

    def _once(self, why: Farewell, user: str) -> bytes:
        line = why.once(self.number)
        return line and self.tags_of(user) + line

    def _echoed(self, id: str, echo: bytes) -> bytes:
        """Return an echo, or all the answer that it is the last part of; nothing before that."""
        pending = self.labels.pop(id, None)
        if pending is None:
            return echo
        pending.waiting.discard(id)
        if echo:
            pending.lines.append(echo)
        done = not pending.waiting and pending is not self.answer
        return pending.written(self.server, self.new_id()) if done else b""

    def not_redacted(self, id: str, code: str, why: str) -> bytes:
        """Return why a text can not be taken back."""
        forbidden = code in ("not-allowed", "muted")
        said = "REDACT_FORBIDDEN" if forbidden else "UNKNOWN_MSGID"
        return format_line(self.server, "FAIL", "REDACT", said, *self.redacting.pop(id), why)

    def new_text_id(self, kind: str) -> str:
        """Return an id for something that is said: no connection ever had it, over restarts too."""
        self._said += 1
        return f"{kind}{self.shared.unique}.{self.number:x}.{self._said:x}"

    def own(self, id: str) -> None:
        """Know what was said here when it comes back."""
        if self._mine is NONE:
            self._mine = set()
        self._mine.add(id)
        if self.answer is not None:
            self.answer.waiting.add(id)
            if self.labels is NOTHING:
                self.labels = {}
            self.labels[id] = self.answer

    def disown(self, id: str) -> None:
        """What was to be said was refused at once."""
        self._mine.discard(id)
        pending = self.labels.pop(id, None)
        if pending is not None:
            pending.waiting.discard(id)


def _drop(data: bytes) -> None:
    """Deliver nothing: the connection is gone."""
