"""A session whose log or members break: who is told, and that nobody else notices."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import fail

from tests.kit.minds import FakeMind, FakeUser, SessionCase, encode_line
from twisted_chat.chat.session import Session
from twisted_chat.log.contract import Life, Stored


class FanOutTests(SessionCase):
    """What breaks while a session stores and tells."""

    def test_not_stored(self) -> None:
        """Where the log fails nobody is shown the text, the sender is told, the next one works."""
        alice, bob = self.user("alice"), self.user("bob")
        alice.delivered.clear()
        self.log.broken = True
        self.session.say(alice, "lost", "a1")
        self.clock.advance(0)
        self.assertEqual(bob.delivered, [])
        (error,) = alice.delivered
        self.assertIn(b'"code":"not-stored"', error)
        self.assertIn(b'"id":"a1"', error)
        self.assertEqual(alice.unsettled, 0)
        self.log.broken = False
        self.session.say(alice, "lost", "a1")
        self.clock.advance(0)
        self.assertEqual(bob.delivered, [b"1:alice:lost;"])

    def test_the_log_fails_otherwise(self) -> None:
        """A log that breaks its contract is logged, and a refusal for its senders."""
        alice = self.user("alice")
        with self.errors_logged(ZeroDivisionError):
            self.log.append = lambda *_: fail(ZeroDivisionError())  # type: ignore[method-assign]
            self.session.say(alice, "x", "a1")
            self.clock.advance(0)
        self.assertIn(b"not-stored", alice.delivered[0])
        self.assertEqual(alice.unsettled, 0)

    def test_the_log_raises(self) -> None:
        """A log that raises at once is the same: the other sessions of the turn go on."""
        alice = self.user("alice")
        other = Session(Life(epoch="f", key="other", name="other"), self.log, self.turn, self.clock)
        self.log.create(other.life)
        bob = FakeUser("bob", FakeMind(encode_line))
        other.join(bob)
        self.clock.advance(0)
        right = self.log.append

        def append(epoch: str, entries: Any) -> Stored:
            if epoch == "e":
                raise ZeroDivisionError
            return right(epoch, entries)

        self.log.append = append  # type: ignore[method-assign]
        with self.errors_logged(ZeroDivisionError):
            self.session.say(alice, "x", "a1")
            other.say(bob, "y", None)
            self.clock.advance(0)
        self.assertEqual(bob.delivered, [b"1:bob:y;"])
        self.assertIn(b"not-stored", alice.delivered[0])

    def test_a_broken_member_loses_only_itself(self) -> None:
        """A member whose deliver raises is closed; everybody else gets everything, once."""
        alice, bob, carol = self.user("alice"), self.user("bob"), self.user("carol")
        for user in (alice, bob, carol):
            user.delivered.clear()

        def broken() -> None:
            raise ZeroDivisionError

        bob.fake.on_deliver = broken
        with self.errors_logged(ZeroDivisionError):
            self.session.say(alice, "one", None)
            self.clock.advance(0)
        self.session.say(alice, "two", None)
        self.clock.advance(0)
        self.assertIsNotNone(bob.fake.farewell)
        self.assertEqual(b"".join(alice.delivered), b"1:alice:one;2:alice:two;")
        self.assertEqual(b"".join(carol.delivered), b"1:alice:one;2:alice:two;")
        self.assertEqual(alice.unsettled, 0)

    def test_the_last_member_is_broken(self) -> None:
        """A session that ends because its last member is lost has answered each text once."""
        alice = self.user("alice")

        def broken() -> None:
            self.session.leave(alice)
            self.session.close()
            raise ZeroDivisionError

        self.session.say(alice, "one", "a1")
        self.session.say(alice, "two", "a2")
        alice.fake.on_deliver = broken
        with self.errors_logged(ZeroDivisionError):
            self.clock.advance(0)
        self.clock.advance(0)
        self.assertEqual((alice.unsettled, alice.unsettled_size), (0, 0))

    def test_a_broken_sender(self) -> None:
        """A sender who can not be answered alone holds up nobody's answer."""
        alice, bob = self.user("alice"), self.user("bob")

        def broken() -> None:
            raise ZeroDivisionError

        alice.fake.on_deliver = broken
        self.log.broken = True
        self.session.say(alice, "one", "a1")
        self.session.say(bob, "two", "b1")
        bob.delivered.clear()
        with self.errors_logged(ZeroDivisionError):
            self.clock.advance(0)
        self.assertEqual(len(bob.delivered), 1)
        self.assertEqual((alice.unsettled, bob.unsettled), (0, 0))
        self.assertIsNotNone(alice.fake.farewell)
