"""What is said on one IRC connection, from CAP and NICK to QUIT: see ``doors.talk``.

What a command does is a function in ``commands/``; here is what all of them need: numerics, labels,
capabilities, the moment in which a registration is whole, and what comes from the chat.
"""

from __future__ import annotations

from collections.abc import Coroutine
from itertools import count
from typing import Any, Final

from attrs import define, field

from twisted_chat.accounts.proof import Proof
from twisted_chat.accounts.proofs import Prover
from twisted_chat.doors.irc.asked import BEFORE, COMMANDS
from twisted_chat.doors.irc.lines import Line, format_line, parse
from twisted_chat.doors.irc.names import SERVER, channel, prefix
from twisted_chat.doors.irc.shared import Shared
from twisted_chat.doors.irc.shown import Caps
from twisted_chat.doors.talk import Talk
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Bye, Error, Left, Response, Text
from twisted_chat.vocabulary.names import key_of

_connections: Final = count()

CODES: Final = {
    "bad-credentials": "464",
    "not-in-session": "442",
    "no-such-session": "403",
    "no-such-user": "401",
    "session-full": "471",
    "bad-password": "475",
    "invite-only": "473",
    "banned": "474",
    "muted": "404",
    "not-allowed": "482",
    "too-many-sessions": "405",
    "not-logged-in": "451",
    "too-large": "417",
    "empty": "412",
}
"""Which numeric says what the chat refuses; what has none is a NOTICE, or a FAIL."""


@define(eq=False, repr=False)
class IrcTalk(Talk):
    """One client of IRC."""

    prover: Prover = field(kw_only=True)
    shared: Shared = field(kw_only=True)
    caps: Caps = frozenset()
    wanted: str | None = None
    """The nick that it wants, before it has one."""
    username: str = ""
    realname: str = ""
    password: str | None = field(default=None, repr=False)
    proof: Proof | None = None
    negotiating: bool = False
    """Whether it is talking of capabilities, and so not done."""
    sasl: str | None = field(default=None, repr=False)
    """What it has sent of an AUTHENTICATE that is under way."""
    where: str = ""
    """The channel, nick or command that is being dealt with: what a refusal is about."""
    labels: dict[str, str] = field(init=False, factory=dict)
    """The labels of what it said and was not told yet, by the ids that the door gave it."""
    _answer: list[bytes] | None = field(init=False, default=None)
    """What has been answered to a command with a label."""
    _number: int = field(init=False, factory=lambda: next(_connections))
    _said: int = field(init=False, default=0)
    _mine: set[str] = field(init=False, factory=set)
    """Ids of what this connection said: without ``echo-message`` it is not told."""

    def __attrs_post_init__(self) -> None:
        """Take what the chat delivers as it comes, and write it as lines."""
        super().__attrs_post_init__()
        self.deliver = self._deliver

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
            if refused.code != "bad-request":
                raise
            self.send("FAIL", "*", "INVALID_UTF8", str(refused))
            return None
        if line is None:
            return None
        if self.user is None and line.command not in BEFORE:
            self.reply("451", "You have not registered")
            return None
        return self._run(line)

    async def _run(self, line: Line) -> None:
        label = line.tags.get("label") if "labeled-response" in self.caps else None
        if label is not None:
            self._answer = []
        try:
            self.where = line[0]
            found = COMMANDS.get(line.command)
            if found is None:
                self.reply("421", line.command, "Unknown command")
            elif len(line) < found.least:
                self.reply("461", line.command, "Not enough parameters")
            else:
                await found.do(self, line)
        except ChatError as refused:
            self._refuse(refused, None)
        finally:
            if label is not None:
                self._answer_labelled(label)

    def _answer_labelled(self, label: str) -> None:
        answer, self._answer = self._answer or [], None
        if label in self.labels.values():
            if answer:
                self.write(b"".join(answer))
            return  # the label is for the echo, which is still to come
        tag = {"label": label}
        if not answer:
            self.write(format_line(SERVER, "ACK", tags=tag))
        elif len(answer) == 1:
            self.write(tagged(answer[0], "label=" + label))
        else:
            name = self.new_id()
            begin = format_line(SERVER, "BATCH", f"+{name}", "labeled-response", tags=tag)
            end = format_line(SERVER, "BATCH", f"-{name}")
            lines = [
                one
                if one.startswith(b"@batch=") or (b" BATCH " in one[:400] and b"batch=" in one)
                else tagged(one, f"batch={name}")
                for one in answer
            ]
            self.write(b"".join([begin, *lines, end]))

    def new_id(self) -> str:
        """Return an id that nothing else has."""
        self._said += 1
        return f"{self._number:x}.{self._said:x}"

    # --- lines out -----------------------------------------------------------------------------

    def write(self, lines: bytes) -> None:
        """Send lines as they are, unless the last one has been sent."""
        if lines and not self.over:
            self.line.deliver(lines)

    def put(self, line: bytes) -> None:
        """Send one line that answers the command."""
        if self._answer is None:
            self.write(line)
        else:
            self._answer.append(line)

    def send(self, command: str, *parameters: str, source: str = SERVER) -> None:
        """Send a line that answers the command."""
        self.put(format_line(source, command, *parameters))

    def reply(self, numeric: str, *parameters: str) -> None:
        """Send a numeric."""
        self.send(numeric, self.nick, *parameters)

    def tell(self, response: Response) -> None:
        """Say what is no event of a session: a refusal, or a farewell."""
        match response:
            case Error():
                numeric = CODES.get(response.code)
                about = (response.session and channel(response.session)) or self.where
                if numeric in {"464", "451", "417", "412"}:
                    self.reply(numeric, response.data)
                elif numeric and about:
                    self.reply(numeric, about, response.data)
                else:
                    self.send("NOTICE", self.nick, response.data)
                if self.user is None and response.code in {"too-large", "not-logged-in"}:
                    self.write(format_line("", "ERROR", response.data))
            case Bye():
                self.write(format_line("", "ERROR", response.data))
            case _:
                pass

    def _deliver(self, data: bytes) -> None:
        user = self.user
        if user is None:
            return
        batches = self.shared.batches(user.chat)
        own = user.name.text
        messages = batches.messages(data)
        if all(self._is_for_all(one, own) for one in messages):
            self.write(batches.written(data, self.caps))
        else:
            self.write(b"".join(self._show(one, own) for one in messages))

    @staticmethod
    def _is_for_all(response: Response, own: str) -> bool:
        match response:
            case Text():
                return response.source != own
            case Left():
                return False
        return type(response) is not Error

    def _show(self, response: Response, own: str) -> bytes:
        user = self.user
        if user is None:
            return b""
        batches = self.shared.batches(user.chat)
        match response:
            case Error():
                label = self.labels.pop(response.id or "", None)
                self._mine.discard(response.id or "")
                self.tell(response)
                return format_line(SERVER, "ACK", tags={"label": label}) if label else b""
            case Text() if response.source == own and response.id in self._mine:
                self._mine.discard(response.id)
                label = self.labels.pop(response.id, None)
                if "echo-message" not in self.caps:
                    return format_line(SERVER, "ACK", tags={"label": label}) if label else b""
                return batches.show(response, self.caps, {"label": label} if label else None)
            case Left():
                return self._went(response, own)
        return batches.show(response, self.caps)

    def _went(self, left: Left, own: str) -> bytes:
        if left.user == own:
            return b""
        why = self.shared.farewells.get(key_of(left.user) or "")
        if why is None:
            return format_line(prefix(left.user), "PART", channel(left.session))
        if left.user in why.told.setdefault(self._number, set()):
            return b""
        why.told[self._number].add(left.user)
        return format_line(prefix(left.user), "QUIT", why.reason)

    def own(self, id: str, label: str | None) -> None:
        """Know what was said here when it comes back."""
        self._mine.add(id)
        if label is not None and "labeled-response" in self.caps:
            self.labels[id] = label


def tagged(line: bytes, tag: str) -> bytes:
    """Return a line with one more tag."""
    raw = tag.encode()
    return b"@" + raw + (b";" + line[1:] if line.startswith(b"@") else b" " + line)
