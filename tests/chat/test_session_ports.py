"""A port for each session, without a socket."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactor
from twisted.trial import util
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.certificates import make_certificate
from tests.kit.frames import types
from tests.kit.world import ChatCase, World
from twisted_chat.doors.native import ChatFactory
from twisted_chat.doors.ports import WAIT_SECONDS, SessionPorts
from twisted_chat.log.contract import Life
from twisted_chat.log.memory import MemoryLog
from twisted_chat.operation.listening import Listener
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import Bye
from twisted_chat.vocabulary.names import Name


class FakePort:
    """A listening port, which is closed when the test says so."""

    def __init__(self, listening: dict[int, FakePort], port: int, factory: ChatFactory) -> None:
        self.listening = listening
        self.port = port
        self.factory = factory
        self.stopped: Deferred[None] = Deferred()
        listening[port] = self

    def stopListening(self) -> Deferred[None]:
        return self.stopped

    def stop(self) -> None:
        """Be closed."""
        del self.listening[self.port]
        self.stopped.callback(None)


class LikenessTests(SynchronousTestCase):
    """How sessions' ports are listened on."""

    def listened(self, *descriptions: str) -> tuple[Any, ...]:
        """Return what the reactor is asked for."""
        reactor = MemoryReactor()
        Listener(reactor).listen_like(descriptions)(4_000, cast(Any, None))
        return tuple((reactor.tcpServers or reactor.sslServers)[0])

    def test_in_clear(self) -> None:
        """They are like the first port in clear, wherever that listens."""
        for descriptions, interface in (
            (["tcp:1234"], ""),
            (["tcp:1234:interface=127.0.0.1", "tcp:1235"], "127.0.0.1"),
            (["tcp6:1234:interface=\\:\\:1"], "::1"),
            (["unix:/run/chat.sock", "tcp:1234:interface=127.0.0.1"], "127.0.0.1"),
            (["unix:/run/chat.sock"], ""),
        ):
            port, _, _, where = self.listened(*descriptions)
            self.assertEqual((port, where), (4_000, interface))

    def test_tls(self) -> None:
        """They speak TLS where all ports do; one in clear wins, with its interface."""
        certificate = make_certificate(Path(self.mktemp_folder()))
        tls = f"ssl:1235:interface=127.0.0.2:privateKey={certificate}:certKey={certificate}"
        port, _, context, _, where = self.listened(tls, tls.replace("127.0.0.2", "127.0.0.3"))
        self.assertEqual((port, where), (4_000, "127.0.0.2"))
        self.assertTrue(hasattr(context, "getContext"))
        self.assertEqual(self.listened(tls, "tcp:1234:interface=127.0.0.1")[3:], ("127.0.0.1",))

    setattr(test_tls, "suppress", [util.suppress(category=DeprecationWarning)])  # noqa: B010

    def mktemp_folder(self) -> str:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return folder.name


class SessionPortsTests(ChatCase):
    def setUp(self) -> None:
        self.listening: dict[int, FakePort] = {}
        self.taken: set[int] = set()

        def listen(port: int, factory: ChatFactory) -> Any:
            if port in self.taken or port in self.listening:
                raise CannotListenError("", port, OSError("in use"))
            return FakePort(self.listening, port, factory)

        clock = Clock()
        self.ports = SessionPorts(
            4_000, 4_002, clock, listen, lambda name: self.here.make_factory(lambda: name)
        )
        self.here: World = self.world(clock=clock, ports=self.ports)
        self.alice = self.here.come("alice")

    def create(self, name: str) -> Any:
        return self.alice.ask("create", session=name).get("port")

    def test_lowest_free(self) -> None:
        """Ports are given from the lowest on; one that another program has is passed by."""
        self.taken.add(4_001)
        self.assertEqual([self.create(name) for name in "abc"], [4_000, 4_002, None])
        self.assert_refused("too-many-sessions", self.alice.ask("create", session="c"))
        self.taken.clear()
        self.assertEqual(self.create("c"), 4_001)

    def test_a_visitor(self) -> None:
        """Who comes there is in that session, and in no lobby; resume comes first to it."""
        self.create("a")
        self.alice.say("x", session="a")
        bob = self.here.connect(self.listening[4_000].factory)
        places = [{"session": "lobby"}, {"session": "A", "after": 0}]
        bob.login("bob", resume=places)
        got = bob.got()
        self.assertEqual([one["session"] for one in got], ["a", "a", "lobby"])
        self.assertEqual(types(got), ["session", "text", "session"])
        carol = self.here.come("carol", self.listening[4_000].factory)
        self.assertEqual(carol.say("x")["session"], "a")

    def test_locked(self) -> None:
        """A locked session wants its password there too, in resume; one is logged in without."""
        self.alice.ask("create", session="a", password="p")
        factory = self.listening[4_000].factory
        bob = self.here.connect(factory)
        bob.login("bob")
        (error,) = bob.got()
        self.assert_refused("bad-password", error)
        self.assertEqual(error["session"], "a")
        carol = self.here.connect(factory)
        carol.login("carol", resume=[{"session": "a", "password": "p"}])
        self.assertEqual(types(carol.got()), ["session"])

    def test_delete(self) -> None:
        """A deletion warns, then says bye and closes, when nobody new can come."""
        self.create("a")
        bob = self.here.come("bob", self.listening[4_000].factory)
        self.here.quiet()
        self.alice.ask("delete", session="a")
        self.assertEqual(types(bob.got()), ["deleted"])
        self.listening[4_000].stop()
        self.assertEqual(types(bob.got()), ["bye"])
        self.assertTrue(bob.closed)
        self.assertFalse(self.alice.closed)
        self.assertEqual(self.create("b"), 4_000)

    def test_deleted_by_a_visitor(self) -> None:
        """The reply comes before the bye."""
        self.create("a")
        port = self.listening[4_000]
        second = self.here.come("alice", port.factory, token=self.alice.token)
        self.here.quiet()
        second.send("delete", session="a", id="d")
        port.stop()
        self.assertEqual(types(second.got()), ["deleted", "bye"])

    def test_waits_for_one_that_is_being_closed(self) -> None:
        """A port is free a turn after its session was deleted: who creates the next one waits."""
        for name in "abc":
            self.create(name)
        self.alice.send("delete", session="b", id="1")
        self.alice.send("create", session="d", id="2")
        self.alice.send("create", session="e", id="3")
        self.here.settle()
        self.listening[4_001].stop()
        deleted, created, refused = self.alice.got()
        self.assertEqual(deleted["type"], "deleted")
        self.assertEqual((created["id"], created["port"]), ("2", 4_001))
        self.assert_refused("too-many-sessions", refused)

    def test_waits_not_for_ever(self) -> None:
        """One that does not close in time is not waited for any more; nothing is left waiting."""
        for name in "abc":
            self.create(name)
        self.alice.ask("delete", session="b")
        self.alice.send("create", session="d", id="2")
        self.here.pass_time(WAIT_SECONDS + 1)
        (refused,) = self.alice.got()
        self.assert_refused("too-many-sessions", refused)
        self.listening[4_001].stop()
        self.assertEqual(self.create("d"), 4_001)

    def test_a_port_that_can_not_be_closed(self) -> None:
        """It is logged, and the next session has another port."""
        self.create("a")
        self.alice.ask("delete", session="a")
        self.alice.send("create", session="b", id="2")
        with self.errors_logged(OSError):
            self.listening[4_000].stopped.errback(OSError("no"))
        self.assertEqual(self.alice.got()[-1]["port"], 4_001)

    def test_ended_after_the_stop(self) -> None:
        """A session that ends, or does not begin after all, while the daemon stops."""
        self.create("a")
        self.here.log.hold = True
        self.alice.send("create", session="b", id="2")
        self.here.settle()
        self.ports.stop(Bye(data="Down."))
        self.here.log.broken = True
        self.here.log.let_go()
        self.assert_refused("not-stored", self.alice.got()[-1])
        self.here.log.broken = False
        self.assertEqual(self.alice.ask("delete", session="a")["type"], "deleted")

    def test_stop(self) -> None:
        """The end closes all of them, and is done when the last client has gone."""
        self.create("a")
        self.create("b")
        bob = self.here.come("bob", self.listening[4_001].factory)
        done = self.ports.stop(Bye(data="Down.", retry=1_000))
        for port in (4_000, 4_001):
            self.listening[port].stop()
        self.assertEqual(bob.got()[-1], {"type": "bye", "data": "Down.", "retry": 1_000})
        self.here.settle()
        self.successResultOf(done)


class PortTests(ChatCase):
    """Sessions with a port each."""

    def test_ports_fail(self) -> None:
        """A session that gets no port is not created; one that can not be stored frees its port."""
        ports = FakePorts()
        world = self.world(ports=ports)
        alice = world.come("alice")
        self.assertEqual(alice.ask("create", session="a")["port"], 4_000)
        self.assert_refused("too-many-sessions", alice.ask("create", session="b"))
        self.assertNotIn("b", world.chat.sessions)
        alice.ask("delete", session="a")
        self.assertEqual(ports.open_ports, set())
        world.log.broken = True
        self.assert_refused("not-stored", alice.ask("create", session="b"))
        self.assertEqual(ports.open_ports, set())
        world.log.broken = False
        self.assertEqual(alice.ask("create", session="b")["port"], 4_000)
        self.assertEqual([one.get("port") for one in alice.ask("list")["sessions"]], [None, 4_000])
        alice.ask("leave", session="b")
        world.pass_time(61)
        self.assertEqual(ports.open_ports, set())

    def test_a_kept_session_without_a_port(self) -> None:
        """A kept session that finds no port at start is there without one."""
        clock = Clock()
        log = MemoryLog(clock)
        for key in ("a", "b"):
            log.create(Life(epoch=key, key=key, name=key, owner="alice", keep=True))
        world = self.world(clock=clock, log=log, ports=FakePorts())
        alice = world.come("alice")
        found = {one["session"]: one.get("port") for one in alice.ask("list")["sessions"]}
        self.assertEqual(found, {"a": 4_000, "b": None, "lobby": None})
        self.assertEqual(alice.ask("delete", session="b")["type"], "deleted")


class FakePorts:
    """One port, 4000."""

    def __init__(self) -> None:
        self.open_ports: set[int] = set()

    async def open(self, name: Name) -> int:
        if self.open_ports:
            raise ChatError("too-many-sessions", "No port is free.")
        self.open_ports.add(4_000)
        return 4_000

    def close(self, port: int) -> None:
        self.open_ports.remove(port)
