"""Answers in their order: what waits for which, and the last word."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.kit.frames import frame, types, wire
from tests.kit.world import ChatCase
from twisted_chat.accounts.admission import Admission
from twisted_chat.chat.user import User
from twisted_chat.vocabulary.messages import MAX_RESUMED, Bye, History

REQUESTS: list[dict[str, Any]] = [
    {"type": "create", "session": "x"},
    {"type": "join", "session": "lobby"},
    {"type": "leave"},
    {"type": "delete", "session": "x"},
    {"type": "text", "data": "x"},
    {"type": "text", "data": "x", "to": "bob"},
    {"type": "topic", "topic": "x"},
    {"type": "list"},
    {"type": "who", "session": "lobby"},
    {"type": "history"},
    {"type": "search", "query": "x"},
    {"type": "logout"},
]


class AnswerTests(ChatCase):
    """Each request has one answer."""

    def test_not_logged_in(self) -> None:
        """Before a login there are login and ping; every other request is refused."""
        alice = self.world().connect()
        self.assertEqual(alice.ask("ping")["type"], "pong")
        for request in REQUESTS:
            self.assert_refused("not-logged-in", alice.ask(**request))
        alice.login("alice")

    def test_without_an_id(self) -> None:
        """An id may be left out, of anything."""
        alice = self.world().come("alice")
        alice.send("ping")
        alice.send("text", data="x")
        alice.send("text", data="")
        alice.send("nonsense")
        got = alice.got()
        self.assertEqual(sorted(types(got)), ["error", "error", "pong", "text"])
        self.assertFalse(any("id" in one for one in got))

    def test_bad_requests(self) -> None:
        """What is no request is refused with its id, and the connection stays."""
        alice = self.world().come("alice")
        for fields in (
            {"type": "nonsense"},
            {"type": "x" * 20_000},
            {"type": "text"},
            {"type": "text", "data": 1},
            {"type": "join", "session": None},
            {"type": "join", "session": "x" * 2_000},
            {"type": "join", "session": "x", "after": -1},
            {"type": "join", "session": "x", "after": 2**53},
            {"type": "create", "session": "x", "topic": "x" * 257},
            {"type": "login", "user": "x", "resume": [{"session": "x"}] * (MAX_RESUMED + 1)},
        ):
            self.assert_refused("bad-request", alice.ask(**fields))
        for raw in (b"{}", b'{"type":null}', b'{"id":7}', b'{"type":"ping","id":""}'):
            alice.raw(frame(raw))
            (error,) = alice.got()
            self.assert_refused("bad-request", error)
        self.assertEqual(alice.ask("ping", unknown=[1, {}])["type"], "pong")

    def test_internal(self) -> None:
        """What breaks is logged, answered with internal, and breaks nothing else."""
        world = self.world()
        alice = world.come("alice")

        def broken(*_: object) -> None:
            raise ZeroDivisionError

        world.log.read_last = broken  # type: ignore[method-assign, assignment]
        with self.errors_logged(ZeroDivisionError):
            self.assert_refused("internal", alice.ask("history"))
        self.patch(User, "say", broken)
        with self.errors_logged(ZeroDivisionError):
            self.assert_refused("internal", alice.ask("text", data="x"))
        self.assertEqual(alice.ask("ping")["type"], "pong")

    def test_internal_in_a_login(self) -> None:
        """A login that breaks is answered too, and may be tried again."""
        world = self.world()
        right = world.admission.portal

        class Broken:
            def login(self, *_: object) -> Deferred[Any]:
                raise ZeroDivisionError

        world.admission.portal = Broken()  # type: ignore[assignment]
        alice = world.connect()
        with self.errors_logged(ZeroDivisionError):
            self.assert_refused("internal", alice.ask("login", user="alice"))
        world.admission.portal = right
        alice.login("alice")

    def test_vanished_in_the_middle(self) -> None:
        """Who goes while something is answered leaves nothing behind."""
        world = self.world()
        bob = world.come("bob")
        for request in [*REQUESTS, {"type": "join", "session": "lobby", "after": 0}]:
            if request["type"] == "list":
                continue
            alice = world.come("alice")
            alice.send("text", data="x")
            world.log.hold = True
            alice.send(**request)
            world.settle()
            alice.vanish()
            world.settle()
            world.log.let_go()
            world.settle()
            self.assertEqual(list(world.chat.people.here), ["bob"])
            self.assertEqual(bob.ask("who", session="lobby")["users"], ["bob"])

    def test_vanished_while_logging_in(self) -> None:
        """Who goes while its login, or a place in it, is being judged is not here."""
        world = self.world(users=["alice"])
        alice = world.come("alice")
        alice.ask("create", session="ops", password="p")
        world.passwords.held = []
        second = world.connect()
        places = [{"session": "ops", "password": "p", "after": 0}, {"session": "lobby"}]
        second.send("login", user="alice", password="secret", resume=places)
        world.settle()
        self.assertEqual(world.chat.connections, 2)
        second.vanish()
        world.passwords.release()
        self.assertEqual(world.chat.connections, 1)
        self.assertEqual(alice.ask("who", session="ops")["count"], 1)
        alice.vanish()
        self.assertEqual(world.chat.people.here, {})


class BarrierTests(ChatCase):
    """Texts are pipelined; whatever else is asked waits for those before it."""

    def setUp(self) -> None:
        self.here = self.world()
        self.alice = self.here.come("alice")
        self.here.log.hold = True

    def test_every_request_waits(self) -> None:
        """No request but a text is answered before the texts said before it."""
        for request in REQUESTS:
            here = self.world()
            alice = here.come("alice")
            here.come("bob")
            here.quiet()
            here.log.hold = True
            alice.send("text", data="x", id="t")
            here.settle()
            alice.send(**{**request, "id": "r"})
            alice.send("ping", id="p")
            here.settle()
            self.assertEqual(alice.got(), [])
            here.log.let_go()
            here.settle()
            here.log.let_go()
            ids = [one["id"] for one in alice.got() if "id" in one]
            expected = ["t", "r"] if request["type"] == "logout" else ["t", "r", "p"]
            self.assertEqual(ids, expected)

    def test_texts_do_not_wait(self) -> None:
        """All texts of one burst are with the log at once."""
        for number in range(10):
            self.alice.send("text", data="x", id=str(number))
        self.here.settle()
        self.assertEqual(len(self.here.log.commits), 1)
        self.here.log.let_go()
        self.assertEqual([text["id"] for text in self.alice.texts()], list("0123456789"))

    def test_a_refused_text_answers_too(self) -> None:
        """What waits for texts goes on also when they are refused."""
        self.here.log.hold = False
        self.here.log.broken = True
        self.alice.send("text", data="x", id="t")
        self.alice.send("ping", id="p")
        got = self.alice.got()
        self.assertEqual([one["id"] for one in got], ["t", "p"])

    def test_refusals_wait_too(self) -> None:
        """A text that is refused at once, and what is no request, wait for the texts before."""
        for wrong in (
            wire("text", data="", id="r"),
            wire("text", session="nowhere", data="x", id="r"),
            wire("nonsense", id="r"),
            frame(b'{"type":"text","id":"r","data":"\\ud800"}'),
        ):
            here = self.world()
            alice = here.come("alice")
            here.log.hold = True
            alice.send("text", data="x", id="1")
            here.settle()
            alice.raw(wrong + wire("text", data="x", id="2") + wire("ping", id="3"))
            here.settle()
            self.assertEqual(alice.got(), [])
            here.log.let_go()
            here.settle()
            here.log.let_go()
            self.assertEqual([one["id"] for one in alice.got()], ["1", "r", "2", "3"])

    def test_the_last_refusal_waits_too(self) -> None:
        """What is no message at all closes the connection after the texts before are answered."""
        for wrong in (frame(b"[]"), b"\xff\xff\xff\xff"):
            here = self.world()
            alice = here.come("alice")
            here.log.hold = True
            alice.send("text", data="x", id="1")
            alice.raw(wrong + wire("ping"))
            here.settle()
            self.assertEqual(alice.got(), [])
            self.assertFalse(alice.closed)
            here.log.let_go()
            self.assertEqual(types(alice.got()), ["text", "error"])
            self.assertTrue(alice.closed)

    def test_a_broken_text_waits_too(self) -> None:
        """So does the answer to what breaks in the server."""
        self.alice.send("text", data="x", id="1")
        self.here.settle()

        def broken(*_: object) -> None:
            raise ZeroDivisionError

        self.patch(User, "say", broken)
        with self.errors_logged(ZeroDivisionError):
            self.alice.send("text", data="x", id="2")
            self.here.settle()
        self.assertEqual(self.alice.got(), [])
        self.here.log.let_go()
        self.assertEqual([one["id"] for one in self.alice.got()], ["1", "2"])

    def test_say_then_history(self) -> None:
        """Say, then ask for the history, finds what was said."""
        self.here.log.hold = False
        self.alice.send("text", data="x", id="t")
        page = self.alice.ask("history")
        self.assertEqual([text["id"] for text in page["texts"]], ["t"])

    def test_one_at_a_time(self) -> None:
        """While one request is answered the next is not begun."""
        self.alice.send("history", id="1")
        self.alice.send("history", id="2")
        self.here.settle()
        self.assertEqual(len(self.here.log.reads), 1)
        self.here.log.answer()
        self.here.settle()
        self.assertEqual(len(self.here.log.reads), 1)
        self.here.log.let_go()
        self.assertEqual([one["id"] for one in self.alice.got()], ["1", "2"])


class EndTests(ChatCase):
    """The last word."""

    def test_nothing_after_the_farewell(self) -> None:
        """After a bye nothing comes, whatever is said; and the others see who went."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        world.quiet()
        bob.stop_reading()
        bob.protocol.conversation.close(Bye(data="Go."))
        for _ in range(100):
            alice.say("x" * 10_000)
        bob.send("ping")
        world.settle()
        self.assertLess(len(bob.pipe.unread), 1_000)
        bob.read()
        self.assertEqual(types(bob.got()), ["bye"])
        self.assertIn("left", types(alice.got()))

    def test_no_answer_after_the_farewell(self) -> None:
        """What is being answered when the farewell is said is not answered after it."""
        world = self.world()
        for request in REQUESTS:
            alice = world.come("alice")
            world.log.hold = True
            alice.send("text", data="x")
            alice.send(**request)
            world.settle()
            alice.stop_reading()
            alice.protocol.conversation.close(Bye(data="Go."))
            world.log.let_go()
            world.settle()
            world.log.let_go()
            alice.read()
            self.assertEqual(types(alice.got())[-1], "bye")
            self.assertTrue(alice.closed)
            for name in ("x",):
                if name in world.chat.sessions:
                    world.pass_time(61)

    def test_a_history_that_was_read_too_late(self) -> None:
        """An answer from the log for a connection that has been let go goes nowhere."""
        world = self.world()
        alice = world.come("alice")
        world.log.hold = True
        alice.send("history", limit=History().limit)
        world.settle()
        alice.stop_reading()
        alice.protocol.conversation.close(Bye(data="Go."))
        world.log.let_go()
        alice.read()
        self.assertEqual(types(alice.got()), ["bye"])

    def test_a_login_that_is_given_up(self) -> None:
        """Who goes while its password waits to be verified takes it out of the queue."""
        given_up: list[object] = []

        class Waiting(Admission):
            async def admit(self, *_: object) -> User:
                return await Deferred[User](given_up.append)

        client = self.world().connect()
        admission = client.protocol.conversation.admission
        client.protocol.conversation.admission = Waiting(
            admission.portal, admission.attempts, accounts=True
        )
        client.send("login", user="alice", password="x")
        client.vanish()
        self.assertEqual(len(given_up), 1)
