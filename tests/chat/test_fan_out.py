"""A session alone: what it stores, and what each of its members is told, write by write."""

from __future__ import annotations

from tests.kit.minds import FakeMind, FakeUser, SessionCase, encode_line
from twisted_chat.chat import giving
from twisted_chat.chat.batching import BATCH_TEXTS
from twisted_chat.chat.session import Session
from twisted_chat.vocabulary.messages import Deleted, Response


class FanOutTests(SessionCase):
    """What is said in one turn, and told in one or in several."""

    def test_a_batch_is_one_write(self) -> None:
        """What is said in one turn is stored by one append, and is one write for each member."""
        alice, bob = self.user("alice"), self.user("bob")
        appends = self.log.appends
        alice.delivered.clear()
        for number in range(5):
            self.session.say(alice, str(number), None)
        self.session.say(bob, "5", None)
        self.clock.advance(0)
        said = b"1:alice:0;2:alice:1;3:alice:2;4:alice:3;5:alice:4;6:bob:5;"
        self.assertEqual(alice.delivered, [said])
        self.assertEqual(bob.delivered, [said])
        self.assertEqual(self.log.appends, appends + 1)
        self.assertEqual((alice.unsettled, bob.unsettled), (0, 0))

    def test_encoded_once_for_each_format(self) -> None:
        """However many members, a text is encoded once for each encoder."""
        calls: list[str] = []

        def counting(response: Response) -> bytes:
            calls.append(type(response).__name__)
            return b"x"

        users = [self.user(f"u{number}", counting) for number in range(10)]
        other = self.user("other")
        calls.clear()
        self.session.say(users[0], "hello", None)
        self.clock.advance(0)
        self.assertEqual(calls, ["Text"])
        self.assertEqual([user.delivered[-1] for user in users], [b"x"] * 10)
        self.assertEqual(other.delivered, [b"1:u0:hello;"])

    def test_a_batch_is_bounded(self) -> None:
        """A storm is stored and given out in batches of bounded texts and size, in order."""
        alice = self.user("alice")
        appends = self.log.appends
        for number in range(BATCH_TEXTS * 2 + 1):
            self.session.say(alice, str(number), None)
        self.clock.advance(0)
        self.assertEqual(self.log.appends, appends + 3)
        said = b"".join(alice.delivered).split(b";")[:-1]
        self.assertEqual(said, [b"%d:alice:%d" % (n + 1, n) for n in range(len(said))])
        for _ in range(40):
            self.session.say(alice, "x" * 16_384, None)
        self.clock.advance(0)
        self.assertEqual(self.log.appends, appends + 3 + 5)

    def test_events_and_texts_have_one_order(self) -> None:
        """A topic between two texts comes between them, also while the log is slow."""
        alice = self.user("alice")
        bob = self.user("bob")
        alice.delivered.clear()
        self.log.hold = True
        self.session.say(bob, "one", None)
        self.clock.advance(0)  # one is with the log
        self.topic(bob, "T")
        self.session.say(bob, "two", None)
        self.clock.advance(0)
        self.assertEqual(alice.delivered, [])
        self.log.commit()
        self.clock.advance(0)
        self.log.commit()
        self.clock.advance(0)
        one, topic, two, _ = b"".join(alice.delivered).split(b";")
        self.assertEqual((one, two), (b"1:bob:one", b"2:bob:two"))
        self.assertIn(b'"topic"', topic)
        self.assertEqual(b"".join(bob.delivered), b"1:bob:one;2:bob:two;")  # it had a reply

    def test_group_commit(self) -> None:
        """What is said while a commit is under way is committed together by the next."""
        alice = self.user("alice")
        appends = self.log.appends
        self.log.hold = True
        for number in range(10):
            self.session.say(alice, str(number), None)
            self.clock.advance(0)
        self.assertEqual(len(self.log.commits), 1)
        self.assertEqual(alice.delivered, [])  # nobody sees what is not stored
        self.log.commit()
        self.clock.advance(0)
        self.assertEqual(alice.delivered, [b"1:alice:0;"])
        self.log.commit()
        self.clock.advance(0)
        self.assertEqual(self.log.appends, appends + 2)
        self.assertEqual(alice.delivered[1].count(b";"), 9)

    def test_many_members_take_several_turns(self) -> None:
        """A batch is written to some in a turn; whatever happens between, each has it once.

        Who falls behind before its turn has not had it, who leaves does not get it, who joins has
        it in its snapshot, and what is said meanwhile comes after it for everybody.
        """
        self.patch(giving, "WRITES_IN_A_TURN", 2)
        early, slow, late, gone, last = (
            self.user(name) for name in ("early", "slow", "late", "gone", "last")
        )
        for user in (early, slow, late, gone, last):
            user.delivered.clear()
        self.session.say(last, "one", "l1")
        self.end_turn()
        self.assertEqual([len(user.delivered) for user in (early, slow, late)], [1, 1, 0])
        self.assertEqual(last.unsettled, 1)
        late.full = True
        self.session.fall_behind(self.session.members[late])
        self.session.leave(gone)
        joiner = FakeUser("joiner", FakeMind(encode_line))
        self.assertEqual(self.session.join(joiner).head, 1)
        self.session.say(early, "two", None)
        self.end_turn()
        self.assertEqual(last.delivered, [b"1:last:one;"])
        self.assertEqual(last.unsettled, 0)
        late.full = False
        self.turn.catch_up(late)
        self.clock.advance(0)

        def texts(user: FakeUser) -> list[bytes]:
            frames = b"".join(user.delivered).split(b";")
            return [frame for frame in frames if frame[:1].isdigit()]

        for user in (early, slow, late, last):
            self.assertEqual(texts(user), [b"1:last:one", b"2:early:two"])
        self.assertEqual(texts(joiner), [b"2:early:two"])
        self.assertEqual(texts(gone), [])

    def test_a_session_that_ends_while_it_gives_out(self) -> None:
        """Everybody has had what was said when a session is deleted."""
        self.patch(giving, "WRITES_IN_A_TURN", 2)
        users = [self.user(f"u{number}") for number in range(7)]
        self.session.say(users[0], "one", None)
        self.end_turn()
        self.session.close(Deleted(session="room", user="u0"), users[0])
        for user in users[1:]:
            text, deleted = b"".join(user.delivered).split(b";")[-3:-1]
            self.assertEqual(text, b"1:u0:one")
            self.assertIn(b'"deleted"', deleted)
        self.clock.advance(1)

    def test_answered_once_whoever_talks_in_between(self) -> None:
        """The texts of those who talk at once are counted for each, whatever they said when."""
        alice, bob = self.user("alice"), self.user("bob")
        for number in range(7):
            user = (alice, bob)[number % 2]
            self.session.say(user, "x" * number, f"{number // 3}")
        self.topic(bob, "news")
        self.session.say(bob, "last", None)
        self.assertEqual((alice.unsettled, bob.unsettled), (4, 4))
        self.clock.advance(0)
        self.clock.advance(0)
        self.assertEqual((alice.unsettled, alice.unsettled_size), (0, 0))
        self.assertEqual((bob.unsettled, bob.unsettled_size), (0, 0))

    def test_a_member_that_goes_in_the_middle(self) -> None:
        """A member that another's delivery takes out, of this session or all, harms nobody."""
        alice, bob, carol = self.user("alice"), self.user("bob"), self.user("carol")
        for user in (alice, bob, carol):
            user.delivered.clear()

        def takes_bob_out() -> None:
            if bob in self.session.members:
                self.session.leave(bob)

        alice.fake.on_deliver = takes_bob_out
        self.session.say(carol, "one", None)
        self.clock.advance(0)
        self.assertTrue(b"".join(carol.delivered).startswith(b"1:carol:one;"))
        self.assertIn(b'"type":"left"', b"".join(carol.delivered))
        self.assertEqual(b"".join(carol.delivered).count(b"one"), 1)
        self.session.say(carol, "two", None)
        self.clock.advance(0)
        self.assertNotIn(b"two", b"".join(bob.delivered))

    def test_a_member_that_comes_in_the_middle(self) -> None:
        """Who joins while a batch is given out gets what comes after its snapshot, and no more."""
        alice = self.user("alice")
        bob = FakeUser("bob", FakeMind(encode_line))
        heads = []

        def brings_bob() -> None:
            if bob not in self.session.members:
                heads.append(self.session.join(bob).head)

        alice.fake.on_deliver = brings_bob
        self.session.say(alice, "one", None)
        self.clock.advance(0)
        self.session.say(alice, "two", None)
        self.clock.advance(0)
        self.assertEqual(heads, [1])
        self.assertEqual(b"".join(bob.delivered), b"2:alice:two;")

    def test_closed_with_texts_on_their_way(self) -> None:
        """A deleted session refuses what it could not store, and answers everyone."""
        alice = self.user("alice")
        self.session.say(alice, "queued", "a1")
        self.session.close()
        self.clock.advance(0)
        self.assertIn(b'"no-such-session"', alice.delivered[0])
        self.assertEqual(alice.unsettled, 0)
        self.assertEqual(alice.members, {})

    def test_closed_while_a_commit_is_under_way(self) -> None:
        """A text that is stored in a session that has ended settles its sender all the same."""
        alice = self.user("alice")
        self.log.hold = True
        self.session.say(alice, "flying", "a1")
        self.clock.advance(0)
        self.session.close()
        self.log.let_go()
        self.clock.advance(0)
        self.assertEqual(alice.unsettled, 0)

    def test_a_closed_session_is_silent(self) -> None:
        """Gathered comings and goings of a session that has ended wake nobody."""
        session = Session(self.session.life, self.log, self.turn, self.clock, presence_limit=0)
        session.join(FakeUser("alice", FakeMind(encode_line)))
        session.close()
        self.clock.advance(2)
        self.assertEqual(self.clock.getDelayedCalls(), [])
