"""ChatClient against the real daemon."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TypeVar, cast

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.threads import deferToThread

from tests.kit.command_line import make_daemon
from tests.kit.daemon import PATIENCE, Daemon
from tests.kit.documents import block, read
from twisted_chat.client import ChatClient, Event, Online, TextStream
from twisted_chat.vocabulary import messages as m
from twisted_chat.vocabulary.errors import ChatError

pytestmark = pytest.mark.slow

T = TypeVar("T")


def library(daemon: Daemon, user: str, password: str | None = None) -> ChatClient:
    return ChatClient.to(reactor, f"tcp:127.0.0.1:{daemon.port}", user, password)


def bounded(deferred: Deferred[T]) -> Deferred[T]:
    """Wait for something, but not for ever."""
    return deferred.addTimeout(PATIENCE, cast(IReactorTime, reactor))


def following(texts: TextStream) -> Deferred[m.Text]:
    """Return the next text."""
    return bounded(Deferred.fromCoroutine(texts.__anext__()))


@ensureDeferred
async def test_a_bot(folder: Path) -> None:
    """The bot of docs/client.md answers as it is printed, in the lobby and to who writes to it."""
    source = block(read("docs/client.md"), "bot")
    assert len(source.splitlines()) <= 15
    async with make_daemon(folder) as daemon, library(daemon, "alice", "sesame") as alice:
        came: Deferred[None] = Deferred()

        def listen(event: Event) -> None:
            if isinstance(event, m.Joined):
                came.callback(None)

        alice.listen(listen)
        texts = alice.texts()
        bot = subprocess.Popen(
            [sys.executable, "-c", source, f"tcp:127.0.0.1:{daemon.port}"], stderr=subprocess.PIPE
        )
        try:
            await bounded(came)
            for ask in (alice.say("lobby", "!time"), alice.message("clock", "!time")):
                asked = await bounded(ask)
                answer = await following(texts)
                assert (answer.session, answer.seq) == (asked.session, asked.seq + 1)
                assert re.fullmatch("alice: [0-9]{2}:[0-9]{2}", answer.data)
        finally:
            bot.terminate()
            _, errors = await deferToThread(bot.communicate, timeout=PATIENCE)
        assert errors == b""


@ensureDeferred
async def test_once_and_in_order(folder: Path) -> None:
    """Two clients talk while the daemon is killed, twice: each text once, for both, in order."""
    async with (
        make_daemon(folder) as daemon,
        library(daemon, "alice", "sesame") as alice,
        library(daemon, "bob") as bob,
    ):
        heard: dict[str, list[Event]] = {"alice": [], "bob": []}
        alice.listen(heard["alice"].append)
        bob.listen(heard["bob"].append)
        said = []
        for n in range(2):
            for i in range(150):
                said += [client.say("lobby", f"{n} {i}") for client in (alice, bob)]
            await deferToThread(daemon.kill)
            said += [alice.say("lobby", f"down {i}") for i in range(10)]
            await deferToThread(daemon.start)
            await bounded(gatherResults([alice.arrival(), bob.arrival()]))
        stored = await bounded(gatherResults(said))
        last = await bounded(bob.say("lobby", "last"))
        await bounded(alice.ping())
        assert last.seq == len(said) + 1
        assert sorted(text.seq for text in stored) == list(range(1, len(said) + 1))
        for events in heard.values():
            assert [type(event) for event in events].count(Online) == 2
            texts = [event for event in events if isinstance(event, m.Text)]
            assert [text.seq for text in texts] == list(range(1, last.seq + 1))
            mine = [text.data for text in texts if text.source == "alice"]
            assert mine == [text.data for text in stored if text.source == "alice"]


@ensureDeferred
async def test_refused(folder: Path) -> None:
    """A refusal raises ChatError with its code, and the client has ended."""
    async with make_daemon(folder) as daemon:
        wrong = library(daemon, "alice", "wrong")
        with pytest.raises(ChatError) as refused:
            await wrong.start()
        assert refused.value.code == "bad-credentials"
        async with library(daemon, "carl") as carl:
            with pytest.raises(ChatError) as refused:
                await carl.join("nowhere")
            assert refused.value.code == "no-such-session"
            with pytest.raises(ChatError) as refused:
                await carl.say("lobby", "")
            assert refused.value.code == "empty"


@ensureDeferred
async def test_direct_messages_from_afar(folder: Path) -> None:
    """A direct message that began while one was away is told after coming back."""
    async with make_daemon(folder) as daemon:
        async with (
            library(daemon, "alice", "sesame") as alice,
            library(daemon, "bot", "secret") as bot,
        ):
            texts = alice.texts()
            await bounded(bot.message("alice", "before"))
            assert (await following(texts)).data == "before"
            places = [place for place in alice.sessions.values() if place.direct]
            await alice.logout()
            await bounded(bot.message("alice", "meanwhile"))
        again = library(daemon, "alice", "sesame")
        again.come_back_to(places)
        texts = again.texts()
        async with again:
            found = await following(texts)
            assert (found.session, found.seq, found.data) == ("@alice,bot", 2, "meanwhile")
