"""Commands by lines: from a pipe, or of a person on a terminal that can do little."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.fake_server import LIMITS, Connection, Fixture, echo, snapshot
from twisted_chat.client.address import Address
from twisted_chat.client.link import FOREIGN
from twisted_chat.client.terminal.plain import Failed, Person, PlainScreen
from twisted_chat.client.words.desk import Desk
from twisted_chat.vocabulary import messages as m


class PlainTests(SynchronousTestCase):
    """Commands by lines."""

    def setUp(self) -> None:
        self.fixture = Fixture.make()
        self.screen = PlainScreen(self.fixture.clock, 5.0)
        self.screen.desk = self.desk = Desk(self.screen, lambda *_: self.fixture.client, "alice")
        self.transport = StringTransport()
        self.screen.pipe.makeConnection(self.transport)
        self.screen.begin(self.desk.connect(Address("home"), "alice").settled)

    def test_one_after_the_other(self) -> None:
        """A line waits until the one before it is done; at the end one leaves properly."""
        self.screen.pipe.dataReceived(b"/c ops\nhello\n/quit\nx\n")
        self.screen.pipe.readConnectionLost()
        connection = self.fixture.endpoint.last
        connection.welcome(guest=True)
        (create,) = connection.sent()
        connection.say(snapshot("ops", id=create.id))
        (say,) = connection.sent()
        assert isinstance(say, m.Say)
        self.assertEqual(say.session, "ops")
        connection.say(echo(say, 1))
        *leaves, logout = connection.sent()
        self.assertEqual([type(leave) for leave in leaves], [m.Leave, m.Leave])
        self.assertIsInstance(logout, m.Logout)
        self.fixture.clock.advance(2.1)
        connection.closed()
        self.successResultOf(self.screen.left)
        shown = self.transport.value().decode()
        self.assertIn("* ops: 1 here (alice)\n", shown)

    def test_nobody_to_ask(self) -> None:
        """Without a terminal nobody is asked for a password."""
        connection = self.fixture.endpoint.last
        (login,) = connection.sent()
        connection.say(m.Error(code="bad-credentials", data="Wrong.", id=login.id))
        connection.closed()
        failure = self.failureResultOf(self.screen.left, Failed)
        self.assertIn("home: no password was given", str(failure.value))

    def failed(self, connection: Connection) -> str:
        """Return why it ended; nothing was said after that."""
        sent = connection.sent()
        self.assertEqual([request for request in sent if isinstance(request, m.Say)], [])
        self.fixture.clock.advance(2.1)
        connection.closed()
        return str(self.failureResultOf(self.screen.left, Failed).value)

    def test_waits_for_the_lobby(self) -> None:
        """Nothing is taken before one is somewhere."""
        self.screen.pipe.dataReceived(b"hello\n")
        self.screen.pipe.readConnectionLost()
        connection = self.fixture.endpoint.last
        (login,) = connection.sent()
        connection.say(
            m.Welcome(
                limits=LIMITS, protocol=1, id=login.id, user="alice", server="x", lobby="lobby"
            )
        )
        self.assertEqual(connection.sent(), [])
        connection.say(snapshot())
        (say,) = connection.sent()
        assert isinstance(say, m.Say)
        self.assertEqual((say.session, say.data), ("lobby", "hello"))

    def test_first_failure(self) -> None:
        """A command that is refused ends it: what follows was meant for another place."""
        connection = self.fixture.endpoint.last
        connection.welcome()
        self.screen.pipe.dataReceived(b"/j vault wrong\nthe secret\n")
        self.screen.pipe.readConnectionLost()
        (join,) = connection.sent()
        connection.say(m.Error(code="bad-password", data="Wrong.", id=join.id))
        self.assertEqual(self.failed(connection), "Wrong.")

    def test_text_refused(self) -> None:
        """A text that is refused ends it too."""
        connection = self.fixture.endpoint.last
        connection.welcome()
        self.screen.pipe.dataReceived(b"one\ntwo\n")
        (say,) = connection.sent()
        connection.say(m.Error(code="too-long", data="Too long.", id=say.id))
        self.assertEqual(self.failed(connection), "Not said on home: “one”. Too long.")

    def test_no_answer(self) -> None:
        """Each line has its time."""
        connection = self.fixture.endpoint.last
        connection.welcome()
        self.screen.pipe.dataReceived(b"one\ntwo\n")
        connection.sent()
        self.fixture.clock.advance(5)
        self.assertEqual(self.failed(connection), "home: no answer, for 5 s")

    def test_usage(self) -> None:
        """So does what is no command, and what can not be read."""
        connection = self.fixture.endpoint.last
        connection.welcome()
        self.screen.pipe.dataReceived(b"/nothing\nhello\n")
        self.assertIn("/nothing", self.failed(connection))

    def test_not_utf8(self) -> None:
        connection = self.fixture.endpoint.last
        connection.welcome()
        self.screen.pipe.dataReceived(b"\xff\nhello\n")
        self.assertEqual(self.failed(connection), "not said: a line is not in UTF-8")

    def test_session_goes(self) -> None:
        """What was meant for a session that somebody deletes is not said elsewhere."""
        connection = self.fixture.endpoint.last
        connection.welcome()
        connection.say(m.Deleted(session="lobby", user="bob"))
        self.screen.pipe.dataReceived(b"hello\n")
        self.assertIn("bob has deleted lobby", self.failed(connection))

    def test_put_out(self) -> None:
        """Nor what was meant for one that one is put out of."""
        connection = self.fixture.endpoint.last
        connection.welcome()
        connection.say(m.Left(session="lobby", user="alice", count=0))
        self.screen.pipe.dataReceived(b"hello\n")
        self.assertEqual(self.failed(connection), "You have left lobby.")

    def test_another_protocol(self) -> None:
        """What will not go better by itself ends it at once."""
        connection = self.fixture.endpoint.last
        connection.protocol.dataReceived(b"HTTP/1.1 400 Bad Request")
        connection.closed()
        failure = self.failureResultOf(self.screen.left, Failed)
        self.assertEqual(str(failure.value), f"home: {FOREIGN}")


class FakePerson(Person):
    """Types on a terminal of 40 columns; ``shown`` is whether it shows that."""

    columns = 40

    def __init__(self) -> None:
        self.shown = True

    def echo(self, shown: bool) -> None:
        self.shown = shown


class PersonTests(SynchronousTestCase):
    """A person on a terminal that can do little."""

    def setUp(self) -> None:
        self.fixture, self.person, self.transport = Fixture.make(), FakePerson(), StringTransport()
        self.screen = PlainScreen(Clock(), person=self.person)
        self.screen.desk = Desk(self.screen, lambda *_: self.fixture.client, "alice")
        self.screen.pipe.makeConnection(self.transport)
        self.screen.begin(self.screen.desk.connect(Address("home"), "alice").settled)
        self.connection = self.fixture.endpoint.last

    def type(self, keys: str) -> None:
        self.screen.pipe.dataReceived(keys.encode())

    def shown(self) -> list[str]:
        lines: list[str] = self.transport.value().decode().splitlines()
        self.transport.clear()
        return lines

    def test_mistake(self) -> None:
        """A person who mistypes is told, and goes on; long lines are broken between words."""
        self.connection.welcome()
        self.shown()
        self.type("/nothing\none\ntwo\n")
        self.assertEqual(len(self.connection.sent()), 2)
        self.assertEqual(
            self.shown(),
            ["! There is no command /nothing: /help ", "  shows all; //nothing says /nothing."],
        )

    def test_asked(self) -> None:
        """A password is asked for, one after the other, and what is typed then is not shown."""
        self.connection.welcome()
        self.shown()
        self.type("/c ops --password\n")
        another = self.screen.ask("Password of another: ")
        self.assertEqual(self.shown(), ["Password to lock ops with: "])
        self.assertFalse(self.person.shown)
        self.type("/quit\n")  # a password like any other
        (create,) = self.connection.sent()
        assert isinstance(create, m.Create)
        self.assertEqual(create.password, "/quit")
        self.assertEqual(self.shown(), ["Password of another: "])
        self.assertFalse(self.person.shown)
        self.type("sesame\n")
        self.assertEqual(self.successResultOf(another), "sesame")
        self.assertTrue(self.person.shown)

    def test_not_answered(self) -> None:
        """Who ends the input instead has no password; what is typed is shown again afterwards."""
        self.connection.welcome()
        self.type("/c ops --password\n")
        self.screen.pipe.readConnectionLost()
        self.assertTrue(self.person.shown)
        self.assertEqual(self.shown()[-1], "! No password was given.")

    def test_interrupted(self) -> None:
        """So it is where the program is told to end in the middle of it."""
        self.connection.welcome()
        self.type("/c ops --password\n")
        self.screen.desk.interrupt()
        self.connection.lose()
        self.successResultOf(self.screen.left)
        self.assertTrue(self.person.shown)
