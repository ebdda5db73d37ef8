"""A command that is added is in the client, behind the SSH door and behind the lines door."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.fake_server import FakeEndpoint
from tests.kit.lines import Typist
from tests.kit.pipe import Pipe
from tests.kit.terminals import Window
from tests.kit.world import ChatCase
from twisted_chat.client.address import Address
from twisted_chat.client.chatclient import ChatClient
from twisted_chat.client.terminal.plain import PlainScreen
from twisted_chat.client.words import complete
from twisted_chat.client.words.commands import commands, table
from twisted_chat.client.words.commands.table import Given, command
from twisted_chat.client.words.desk import Desk
from twisted_chat.doors.lines import LinesFactory


@contextmanager
def added() -> Iterator[None]:
    """Let there be one command more."""
    known = list(table._COMMANDS)

    @command("greet WORDS...")
    async def greet(desk: Desk, given: Given) -> None:
        """Greet."""
        desk.view.info(f"greetings, {given['WORDS']}")

    try:
        yield
    finally:
        table._COMMANDS[:] = known


class EverywhereTests(ChatCase):
    """The same words, whichever way they come."""

    def test_doors(self) -> None:
        """Who comes by SSH or by plain lines has the new command, its help and its completion."""
        world = self.world()
        prover = world.prover()
        window = Window(world, prover, "carol", 80)
        world.settle()
        factory = LinesFactory(prover, world.clock, lambda: "lobby")
        lines, pipe = cast(Any, factory.buildProtocol(None)), Pipe(world.clock, 50_001)
        pipe.protocol = lines
        lines.makeConnection(cast(Any, pipe))
        pipe.send(b"dave\n")
        world.settle()
        with added():
            window.terminal.received(b"/gree\t/help greet\r"[:5] + b"t you\r/help greet\r")
            pipe.send(b"/greet you\n/help greet\n")
            world.settle()
            world.settle()
            self.assertEqual(list(complete(window.terminal.desk, "/gre")), ["/greet"])
        for shown in (window.shown, pipe.take().decode()):
            self.assertIn("greetings, you", shown)
            self.assertIn("/greet WORDS...", shown)

    def test_all(self) -> None:
        """Every command is everywhere, but for those about other servers and one's own files."""
        world = self.world()
        window = Window(world, world.prover(), "carol", 80)
        here = {one.name for one in commands(window.terminal.desk)}
        missing = {one.name for one in commands()} - here
        servers = {"login", "connect", "logout", "servers"}
        self.assertEqual(missing, {*servers, "files", "page"})


class ClientTests(SynchronousTestCase):
    """The client has it too."""

    def test_client(self) -> None:
        """A line is done by the same table."""
        clock, endpoint = Clock(), FakeEndpoint()
        screen = PlainScreen(clock)
        client = ChatClient(clock, endpoint, "alice")
        screen.desk = desk = Desk(screen, lambda *_: client, "alice")
        transport = StringTransport()
        screen.pipe.makeConnection(transport)
        screen.begin(desk.connect(Address("home"), "alice").settled)
        endpoint.last.welcome()
        with added():
            screen.pipe.dataReceived(b"/greet you\n")
        self.assertIn(b"greetings, you", transport.value())


class RulingTests(ChatCase):
    """Commands of those who rule, behind the lines door."""

    def test_all_bans(self) -> None:
        """Every ban is shown, however many there are."""
        world = self.world()
        alice = world.come("alice")
        alice.ask("create", session="den")
        for number in range(250):
            alice.ask("ban", session="den", user=f"user{number}")
        prover = world.prover()
        typist = Typist(world, LinesFactory(prover, world.clock, lambda: "lobby"))
        typist.type("bob", "/join den")
        alice.ask("role", session="den", user="bob", role="moderator")
        shown = typist.type("/bans")
        self.assertEqual(sum("ban of user" in line for line in shown), 250)

    def test_disconnect(self) -> None:
        """An operator ends somebody's connections; others are told that there is nothing of it."""
        world = self.world(users=["bob"], operators=["root"])
        gus = world.come("gus")
        prover = world.prover()
        factory = LinesFactory(prover, world.clock, lambda: "lobby")
        bob, root = Typist(world, factory), Typist(world, factory)
        bob.type("bob", "secret")
        self.assertIn("! You are not on gus.", bob.type("/disconnect gus"))
        root.type("root", "secret")
        self.assertIn("* gus is disconnected.", root.type("/disconnect gus too loud"))
        self.assertIn("too loud", gus.got()[-1]["data"])
        self.assertIn("! Whom?", root.type("/disconnect"))

    def test_joining_what_one_is_in_again(self) -> None:
        """What is typed ahead goes to the session that was joined, though one was in it before."""
        world = self.world(users=["bob"])
        world.come("alice").ask("create", session="den")
        bob = world.come("bob")
        bob.ask("join", session="den")
        prover = world.prover()
        typist = Typist(world, LinesFactory(prover, world.clock, lambda: "lobby"))
        typist.type("bob", "secret", "/join den", "hello")
        self.assertEqual([text["session"] for text in bob.got() if text["type"] == "text"], ["den"])
