"""The terminal: line editing, completion and history by prompt_toolkit, on the asyncio reactor.

What arrives while one types is shown above the prompt, and does not disturb it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import deque
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from signal import SIGTSTP
from typing import Any, Final

from attrs import define, field
from prompt_toolkit import PromptSession, print_formatted_text
from prompt_toolkit.application import get_app_or_none, run_in_terminal
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.shortcuts import CompleteStyle
from prompt_toolkit.styles import DynamicStyle, Style
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from twisted_chat.client.words import render
from twisted_chat.client.words.completion import complete
from twisted_chat.client.words.desk import Desk
from twisted_chat.client.words.render import Line
from twisted_chat.client.words.taking import take

MAX_LINES: Final = 1_000
"""Lines that wait to be shown: past it the servers are not read."""

AT_ONCE: Final = 100
"""Rows that are shown at once, so that keys are heard between them."""

STYLE: Final = Style.from_dict(
    {
        "time": "ansibrightblack",
        "name": "ansicyan bold",
        "own": "ansigreen bold",
        "mark": "ansiyellow",
        "info": "ansibrightblack",
        "error": "ansired",
        "waiting": "ansibrightblack italic",
        "prompt": "bold",
        "named": "bold",
        "nick0": "ansicyan bold",
        "nick1": "ansimagenta bold",
        "nick2": "ansiblue bold",
        "nick3": "ansibrightcyan bold",
        "nick4": "ansibrightmagenta bold",
        "nick5": "ansibrightblue bold",
    }
)

PLAIN: Final = Style([])
"""For who wants no colours."""


def _formatted(line: Line) -> FormattedText:
    return FormattedText((f"class:{style}" if style else "", text) for style, text in line)


class _RawInput(Vt100Input):
    """Keys, from a terminal that stays raw while lines are shown above the prompt."""

    def cooked_mode(self) -> AbstractContextManager[None]:
        """Stay raw: what is typed meanwhile is for the prompt, and not to be echoed in between."""
        return nullcontext()


class _Interrupted(Exception):
    """The prompt gives way to a question."""


class _Names(Completer):
    """Completes what the commands' table says."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """Yield what the word before the cursor may become."""
        line = document.text_before_cursor
        start = -len(line.split(" ")[-1])
        for candidate in complete(self._terminal.desk, line):
            yield Completion(f"{candidate} ", start_position=start, display=candidate)


@define(eq=False)
class Terminal:
    """A Screen on a real terminal, and what is typed there."""

    clock: IReactorTime
    desk: Desk = field(init=False)
    _prompt: PromptSession[str] = field(init=False)
    _questions: deque[tuple[str, Deferred[str | None]]] = field(factory=deque)
    _input: _RawInput = field(factory=lambda: _RawInput(sys.stdin))
    _lines: deque[Line] = field(factory=deque)
    _printing: bool = False
    _behind: bool = False
    _draft: str = ""
    _leaving: bool = False
    _closed: bool = False

    def __attrs_post_init__(self) -> None:
        self._prompt = PromptSession(
            input=self._input,
            completer=_Names(self),
            complete_while_typing=False,
            complete_style=CompleteStyle.READLINE_LIKE,
            history=InMemoryHistory(),  # passwords may be written behind commands: not on disk
            key_bindings=self._keys(),
            erase_when_done=True,  # one's own text is shown where its echo comes
            interrupt_exception=EOFError,  # in asyncio a KeyboardInterrupt would end everything
            style=DynamicStyle(self._style),
        )

    def _style(self) -> Style:
        """Return the colours that the person wants."""
        return STYLE if self.desk.kept.wishes.colours else PLAIN

    async def run(self) -> None:
        """Take what is typed until the person has left."""
        with self._input.raw_mode():  # all the while: what is typed is never echoed by the terminal
            await self._take()
            await self.desk.leave()
            while self._lines:
                self._print()

    async def _take(self) -> None:
        while not self._closed:
            if self._questions:
                await self._answer(*self._questions.popleft())
                continue
            try:
                line = await self._read(lambda: _formatted(self.desk.where.prompt()))
            except _Interrupted:
                continue
            except EOFError:
                break
            self._draft = ""
            take(self.desk, line)

    async def _read(self, message: Any, **options: Any) -> str:
        """Read one line, in asyncio's way."""
        reading = self._prompt.prompt_async(message, default=self._draft, **options)
        line: str = await Deferred.fromFuture(asyncio.ensure_future(reading))
        return line

    async def _answer(self, question: str, answer: Deferred[str | None]) -> None:
        """Ask without echo, and without history or completion."""
        asking: PromptSession[str] = PromptSession(
            input=self._input,
            style=STYLE,
            erase_when_done=True,
            interrupt_exception=EOFError,
        )
        asked = asking.prompt_async(render.harmless(question), is_password=True)
        try:
            password: str | None = await Deferred.fromFuture(asyncio.ensure_future(asked))
        except EOFError:
            password = None
        answer.callback(password)

    # --- Screen ----------------------------------------------------------------------------

    def show(self, *lines: Line) -> None:
        """Show lines above the prompt, many at once where many come."""
        self._lines.extend(lines)
        if len(self._lines) > MAX_LINES and not self._behind:
            self._behind = True
            self.desk.pauseProducing()
        if not self._printing:
            self._printing = True
            self.clock.callLater(0, self._begin_printing)

    def _begin_printing(self) -> None:
        if get_app_or_none() is not None:  # the prompt, or a question
            asyncio.ensure_future(run_in_terminal(self._print)).add_done_callback(self._printed)
        else:
            self._print()
            self._printed()

    def _print(self) -> None:
        rows: list[Line] = []
        columns = self._prompt.app.output.get_size().columns
        while self._lines and len(rows) < AT_ONCE:
            rows.extend(render.folded(self._lines.popleft(), columns))
        shown = (fragment for row in rows for fragment in [*_formatted(row), ("", "\n")])
        print_formatted_text(FormattedText(shown), style=self._style(), end="")

    def _printed(self, _: object = None) -> None:
        self._printing = False
        if self._lines:
            self.show()
        if self._behind and len(self._lines) < MAX_LINES // 2:
            self._behind = False
            self.desk.resumeProducing()

    def fail(self, sentence: str) -> None:
        """Tell what can not be had; one goes on."""
        self.show(render.problem(sentence))

    def refresh(self) -> None:
        """Draw the prompt anew."""
        if self._prompt.app.is_running:
            self._prompt.app.invalidate()

    def ring(self) -> None:
        """Ring the terminal's bell."""
        self._prompt.app.output.bell()
        self._prompt.app.output.flush()

    def ask(self, question: str) -> Deferred[str | None]:
        """Ask for a password; what is being typed is there again afterwards."""
        answer: Deferred[str | None] = Deferred()
        self._questions.append((question, answer))
        self._interrupt()
        return answer

    def close(self) -> None:
        """Stop taking lines."""
        self._closed = True
        self._interrupt()

    def _interrupt(self) -> None:
        app = self._prompt.app
        if app.is_running and not app.is_done:
            self._draft = self._prompt.default_buffer.text
            app.exit(exception=_Interrupted())

    # --- keys ------------------------------------------------------------------------------

    def _keys(self) -> KeyBindings:
        """Ctrl-C clears the line; a second one, with nothing typed between, leaves.

        Ctrl-Z gives the terminal back to the shell, as it was, until ``fg``.
        """
        keys = KeyBindings()

        @keys.add("c-z")
        def _(_: KeyPressEvent) -> None:
            def suspend() -> None:
                with Vt100Input.cooked_mode(self._input):
                    os.kill(0, SIGTSTP)

            run_in_terminal(suspend)

        @keys.add("c-c")
        def _(event: KeyPressEvent) -> None:
            buffer = event.app.current_buffer
            if self._leaving and not buffer.text:
                event.app.exit(exception=EOFError())
                return
            buffer.reset()
            self._leaving = True
            buffer.on_text_changed += stay
            self.show(render.info("Ctrl-C again, Ctrl-D or /quit leaves."))

        def stay(buffer: Buffer) -> None:
            self._leaving = False
            buffer.on_text_changed -= stay

        return keys
