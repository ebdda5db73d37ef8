"""What one person sees: lines on a screen, and the sentences about what goes wrong."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from datetime import date, tzinfo
from typing import Any, Protocol

from attrs import define
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_chat.client.words import render
from twisted_chat.client.words.render import Line
from twisted_chat.client.words.rooms import Server
from twisted_chat.client.words.shared import shared
from twisted_chat.client.words.wishes import Kept
from twisted_chat.vocabulary import messages as m
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.mentions import Mention
from twisted_chat.vocabulary.names import key_of


class Screen(Protocol):
    """Where it is seen."""

    def show(self, *lines: Line) -> None:
        """Show lines, without disturbing what is being typed."""

    def fail(self, sentence: str) -> None:
        """What was asked for can not be had: a person is told, a program ends."""

    def refresh(self) -> None:
        """The prompt may have changed."""

    def ask(self, question: str) -> Deferred[str | None]:
        """Ask for a password, without echo; None where nobody can be asked or will answer."""

    def ring(self) -> None:
        """Somebody is spoken to."""

    def close(self) -> None:
        """The person has left."""


@define(eq=False)
class View:
    """Shows things on a ``screen``; ``zone`` is where the person lives (None: the machine's).

    ``muted``: the person is leaving, and nothing that goes wrong concerns it any more.
    """

    screen: Screen
    kept: Kept
    zone: tzinfo | None = None
    muted: bool = False
    _day: date | None = None
    _mention: Mention | None = None
    _log = Logger()

    def show(self, *lines: Line) -> None:
        """Show lines."""
        if lines:
            self.screen.show(*lines)

    def info(self, sentence: str) -> None:
        """Tell the person something."""
        self.show(render.info(sentence))

    def problem(self, sentence: str) -> None:
        """Tell the person what went wrong."""
        self.show(render.problem(sentence))

    def fail(self, sentence: str) -> None:
        """Tell that something can not be had that was asked for: more than a ``problem``."""
        self.screen.fail(sentence)

    def texts(
        self,
        server: Server,
        texts: Sequence[m.Text],
        *,
        tag: str = "",
        aside: bool = False,
        number: bool = False,
    ) -> None:
        """Show texts, oldest first, with a line where a day begins; ``number``: theirs, too."""
        lines: list[Line] = []
        user, wishes = server.client.user, self.kept.wishes
        for text in texts:
            if self.ignores(server, text.source):
                continue
            when = render.moment(text.time, self.zone)
            if when.date() != self._day:
                self._day = when.date()
                lines.append(render.day(when))
            looks = render.Looks(
                tag,
                self.zone,
                wishes.times,
                wishes.nicks,
                self.names(server, text),
                "" if text.reply is None else self._answered(server, text, texts),
                number,
            )
            if aside:
                lines.extend(render.said(text, user, looks, aside=True))
            else:
                lines.extend(shared.lines(text, looks, user))
        self.show(*lines)

    def _answered(self, server: Server, text: m.Text, beside: Sequence[m.Text]) -> str:
        """Return how the text begins that another answers; nothing where it is not known."""
        room = server.rooms.get(text.session)
        known = room.text(text.reply) if room is not None and text.reply is not None else None
        same = (one for one in beside if (one.session, one.seq) == (text.session, text.reply))
        known = known or next(same, None)
        if known is None or not known.data or self.ignores(server, known.source):
            return ""
        return render.quoted(known)

    def ignores(self, server: Server, user: str) -> bool:
        """Whether nothing of that user is to be seen, here or on any device."""
        ignored = self.kept.wishes.ignored
        if not ignored and not server.ignored:
            return False
        key = key_of(user)
        return key in ignored or key in server.ignored

    def names(self, server: Server, text: m.Text) -> bool:
        """Whether a text names the person."""
        user = server.client.user
        if text.source == user:
            return False
        if self._mention is None or self._mention.user != user:
            self._mention = Mention(user)
        return self._mention.is_in_folded(shared.prepared(text))

    def run(self, flow: Coroutine[Deferred[Any], Any, None]) -> Deferred[None]:
        """Let something happen, and show what goes wrong with it; never fails."""
        return Deferred.fromCoroutine(flow).addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        if failure.check(ChatError):
            if not self.muted:
                self.fail(failure.getErrorMessage())
        else:
            self._log.failure("Something went wrong here", failure)
