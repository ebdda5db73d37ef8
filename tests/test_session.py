"""A session's promises: one order, once, acknowledged means stored, no gap, bounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from tests.support import FULL, ChatCase, Client, HeldLog, World, types
from twisted_chat import session as session_module
from twisted_chat.log.contract import Entry, Life
from twisted_chat.log.memory import MemoryLog
from twisted_chat.messages import Bye, Deleted, Response, Text, encode
from twisted_chat.names import Name, user_name
from twisted_chat.session import BATCH_TEXTS, GATHERED_NAMES, Encode, Member, Mind, Session, Turn


class FakeMind:
    """A client that keeps what it is told, a delivery at a time, and may break."""

    door = "fake"
    host = "192.0.2.1"
    port = 1

    def __init__(self, encode: Encode) -> None:
        self.encode: Encode = encode
        self.delivered: list[bytes] = []
        self.farewell: Bye | None = None
        self.on_deliver: Callable[[], None] = lambda: None
        self.deliver: Callable[[bytes], None] = self._deliver

    def _deliver(self, data: bytes) -> None:
        self.on_deliver()
        self.delivered.append(data)

    def settled(self) -> None: ...

    def close(self, farewell: Bye) -> None:
        self.farewell = farewell


class FakeUser:
    """A connection, as a session sees it."""

    def __init__(self, name: str, mind: FakeMind) -> None:
        self._name = user_name(name)
        self.fake = mind
        self.mind: Mind = mind
        self.gone = False
        self.full = False
        self.reading = False
        self.members: dict[str, Member] = {}
        self.behind: dict[Member, None] = {}
        self.settled = 0

    @property
    def name(self) -> Name:
        return self._name

    def settle(self, texts: int, size: int) -> None:
        self.settled += texts

    @property
    def delivered(self) -> list[bytes]:
        return self.fake.delivered


def encode_line(response: Response) -> bytes:
    """A door's encoder: shorter to look at than JSON."""
    match response:
        case Text():
            return f"{response.seq}:{response.source}:{response.data};".encode()
        case _:
            return f"{encode(response).decode()};".encode()


class FanOutTests(ChatCase):
    """A session alone, with minds that show each write."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.turn = Turn(self.clock)
        self.log = HeldLog(MemoryLog(self.clock))
        life = Life(epoch="e", key="room", name="room")
        self.log.create(life)
        self.session = Session(life, self.log, self.turn, self.clock)

    def user(self, name: str, encode: Any = encode_line) -> FakeUser:
        user = FakeUser(name, FakeMind(encode))
        self.session.join(user)
        self.clock.advance(0)
        user.delivered.clear()
        return user

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
        self.assertEqual((alice.settled, bob.settled), (5, 1))

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
        self.session.topic_changed(bob, "T")
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

    def end_turn(self) -> None:
        """End one turn, and none of those that follow from it."""
        call = self.clock.calls[0]
        work = call.func
        call.cancel()
        work()

    def test_many_members_take_several_turns(self) -> None:
        """A batch is written to some in a turn; whatever happens between, each has it once.

        Who falls behind before its turn has not had it, who leaves does not get it, who joins has
        it in its snapshot, and what is said meanwhile comes after it for everybody.
        """
        self.patch(session_module, "WRITES_IN_A_TURN", 2)
        early, slow, late, gone, last = (
            self.user(name) for name in ("early", "slow", "late", "gone", "last")
        )
        for user in (early, slow, late, gone, last):
            user.delivered.clear()
        self.session.say(last, "one", "l1")
        self.end_turn()
        self.assertEqual([len(user.delivered) for user in (early, slow, late)], [1, 1, 0])
        self.assertEqual(last.settled, 0)
        late.full = True
        self.session.fall_behind(self.session.members[late])
        self.session.leave(gone)
        joiner = FakeUser("joiner", FakeMind(encode_line))
        self.assertEqual(self.session.join(joiner).head, 1)
        self.session.say(early, "two", None)
        self.end_turn()
        self.assertEqual(last.delivered, [b"1:last:one;"])
        self.assertEqual(last.settled, 1)
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
        self.patch(session_module, "WRITES_IN_A_TURN", 2)
        users = [self.user(f"u{number}") for number in range(7)]
        self.session.say(users[0], "one", None)
        self.end_turn()
        self.session.close(Deleted(session="room", user="u0"), users[0])
        for user in users[1:]:
            text, deleted = b"".join(user.delivered).split(b";")[-3:-1]
            self.assertEqual(text, b"1:u0:one")
            self.assertIn(b'"deleted"', deleted)
        self.clock.advance(1)

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
        self.assertEqual(alice.settled, 1)
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
        self.assertEqual(alice.settled, 1)

    def test_the_log_raises(self) -> None:
        """A log that raises at once is the same: the other sessions of the turn go on."""
        alice = self.user("alice")
        other = Session(Life(epoch="f", key="other", name="other"), self.log, self.turn, self.clock)
        self.log.create(other.life)
        bob = FakeUser("bob", FakeMind(encode_line))
        other.join(bob)
        self.clock.advance(0)
        right = self.log.append

        def append(epoch: str, entries: Any) -> Deferred[list[Text]]:
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
        self.assertEqual(alice.settled, 2)

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
        self.assertEqual((alice.settled, bob.settled), (1, 1))
        self.assertIsNotNone(alice.fake.farewell)

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

    def test_behind_in_the_middle_of_a_batch(self) -> None:
        """Who has had enough in the middle of a delivery has had that batch, and is read to on."""
        alice, bob = self.user("alice"), self.user("bob")

        def full() -> None:
            bob.full = True
            self.session.fall_behind(self.session.members[bob])

        bob.fake.on_deliver = full
        for number in range(3):
            self.session.say(alice, str(number), None)
        self.clock.advance(0)
        self.assertEqual(b"".join(bob.delivered), b"1:alice:0;2:alice:1;3:alice:2;")
        self.session.say(alice, "3", None)
        self.clock.advance(0)
        bob.full = False
        bob.fake.on_deliver = lambda: None
        self.turn.catch_up(bob)
        self.clock.advance(0)
        self.session.say(alice, "4", None)
        self.clock.advance(0)
        self.assertEqual(
            b"".join(bob.delivered), b"1:alice:0;2:alice:1;3:alice:2;4:alice:3;5:alice:4;"
        )

    def test_the_head_runs_on_while_a_page_is_read(self) -> None:
        """Texts said while somebody's page is with the log are neither lost nor shown twice."""
        alice = self.user("alice")
        for number in range(5):
            self.session.say(alice, str(number), None)
        self.clock.advance(0)
        bob = FakeUser("bob", FakeMind(encode_line))
        self.log.hold = True
        self.session.join(bob, after=0)
        self.clock.advance(0)
        self.session.say(alice, "5", None)
        self.clock.advance(0)
        self.log.commit()
        self.clock.advance(0)
        self.assertEqual(len(self.log.reads), 1)
        self.log.answer()  # the page as it was asked for: up to 5
        self.clock.advance(0)
        self.log.answer()
        self.clock.advance(0)
        self.session.say(alice, "6", None)
        self.clock.advance(0)
        self.log.let_go()
        self.clock.advance(0)
        said = b"".join(bob.delivered).split(b";")[:-1]
        self.assertEqual(said, [b"%d:alice:%d" % (n + 1, n) for n in range(7)])

    def test_moved_while_a_page_is_read(self) -> None:
        """Who jumps back while its page is with the log is read to from its new place."""
        alice = self.user("alice")
        for number in range(5):
            self.session.say(alice, str(number), None)
        self.clock.advance(0)
        bob = FakeUser("bob", FakeMind(encode_line))
        self.log.hold = True
        self.session.join(bob, after=3)
        self.clock.advance(0)
        self.session.join(bob, after=1)
        self.log.let_go()
        self.clock.advance(0)
        self.assertEqual(b"".join(bob.delivered), b"2:alice:1;3:alice:2;4:alice:3;5:alice:4;")

    def test_unreadable(self) -> None:
        """Who can not be read to is let go of: it comes back to where it was."""
        alice = self.user("alice")
        self.session.say(alice, "x", None)
        self.clock.advance(0)
        self.log.broken = True
        bob = FakeUser("bob", FakeMind(encode_line))
        self.session.join(bob, after=0)
        self.clock.advance(0)
        self.assertEqual(bob.delivered, [])
        assert bob.fake.farewell is not None
        self.assertIsNotNone(bob.fake.farewell.retry)

    def test_a_session_that_ends_while_its_page_is_read(self) -> None:
        """Who was read to from a session that ended is read to from its others."""
        other = Session(Life(epoch="f", key="other", name="other"), self.log, self.turn, self.clock)
        self.log.create(other.life)
        alice = self.user("alice")
        other.join(alice)
        for session in (self.session, other):
            session.say(alice, "x", None)
        self.clock.advance(0)
        bob = FakeUser("bob", FakeMind(encode_line))
        self.log.hold = True
        self.session.join(bob, after=0)
        other.join(bob, after=0)
        self.clock.advance(0)
        self.assertEqual(len(self.log.reads), 1)
        self.log.delete("e")
        self.log.commit()
        self.session.close()
        self.log.let_go()
        self.clock.advance(0)
        self.assertEqual(bob.delivered, [b"1:alice:x;"])
        self.assertEqual(list(bob.members), ["other"])

    def test_pruned_while_behind(self) -> None:
        """Who reads so slowly that its place is pruned is told reset: never a silent gap."""
        alice, bob = self.user("alice"), self.user("bob")
        bob.full = True
        self.session.fall_behind(self.session.members[bob])
        for number in range(10):
            self.session.say(alice, str(number), None)
        self.clock.advance(0)
        self.log.prune("e", texts=2)
        bob.full = False
        self.turn.catch_up(bob)
        self.clock.advance(0)
        self.assertIn(b'"reset":true', bob.delivered[-1])
        self.session.say(alice, "live", None)
        self.clock.advance(0)
        self.assertEqual(bob.delivered[-1], b"11:alice:live;")

    def test_closed_with_texts_on_their_way(self) -> None:
        """A deleted session refuses what it could not store, and answers everyone."""
        alice = self.user("alice")
        self.session.say(alice, "queued", "a1")
        self.session.close()
        self.clock.advance(0)
        self.assertIn(b'"no-such-session"', alice.delivered[0])
        self.assertEqual(alice.settled, 1)
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
        self.assertEqual(alice.settled, 1)

    def test_a_closed_session_is_silent(self) -> None:
        """Gathered comings and goings of a session that has ended wake nobody."""
        session = Session(self.session.life, self.log, self.turn, self.clock, presence_limit=0)
        session.join(FakeUser("alice", FakeMind(encode_line)))
        session.close()
        self.clock.advance(2)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class TextTests(ChatCase):
    """What is said, through bytes."""

    def test_echo(self) -> None:
        """Everyone gets the same text, the sender too, with its id; seq runs 1, 2, 3."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        world.clock.advance(1.25)
        alice.send("text", data="hello", id="a1")
        bob.send("text", data="hi")
        world.settle()
        said = alice.texts()
        self.assertEqual(
            said,
            [
                {
                    "type": "text",
                    "session": "lobby",
                    "seq": 1,
                    "time": 1_250,
                    "source": "alice",
                    "data": "hello",
                    "id": "a1",
                },
                {
                    "type": "text",
                    "session": "lobby",
                    "seq": 2,
                    "time": 1_250,
                    "source": "bob",
                    "data": "hi",
                },
            ],
        )
        self.assertEqual(bob.texts()[-2:], said)

    def test_stored_as_sent(self) -> None:
        """Any Unicode comes back as it was sent."""
        alice = self.world().come("alice")
        for data in (" ", "\0\x1b[2J\n", "Grüße 👋\u202e", "\ud7ff\ue000\U0010ffff", "e\u0301"):
            self.assertEqual(alice.say(data)["data"], data)

    def test_once(self) -> None:
        """The same id has one seq however often, and a repetition is shown to its sender alone."""
        world = self.world()
        alice, again, bob = world.come("alice"), None, world.come("bob")
        again = world.connect()
        again.login("alice", token=alice.token)
        world.quiet()
        alice.send("text", data="x", id="1")
        alice.send("text", data="x", id="1")  # within a batch
        self.assertEqual(alice.seqs(), [1, 1])
        alice.send("text", data="different", id="1")
        (repeated,) = alice.texts()
        self.assertEqual((repeated["seq"], repeated["data"]), (1, "x"))
        again.send("text", data="x", id="1")
        self.assertEqual(again.seqs(), [1, 1])
        self.assertEqual(alice.seqs(), [])
        self.assertEqual(bob.seqs(), [1])
        bob.send("text", data="bob's", id="1")  # another user's id
        self.assertEqual(alice.seqs(), [2])
        alice.ask("create", session="ops")
        self.assertEqual(alice.ask("text", session="ops", data="y")["seq"], 1)

    def test_once_over_lives(self) -> None:
        """An id belongs to one life of a session: in the next it says something new."""
        world = self.world()
        alice = world.come("alice")
        epochs = set()
        for _ in range(2):
            epochs.add(alice.ask("create", session="ops")["epoch"])
            alice.send("text", session="ops", data="x", id="1")
            self.assertEqual(alice.seqs(), [1])
            alice.ask("delete", session="ops")
        self.assertEqual(len(epochs), 2)

    def test_duplicates_while_the_log_is_slow(self) -> None:
        """A repetition of what is still on its way is not said twice either."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        world.quiet()
        world.log.hold = True
        alice.send("text", data="x", id="1")
        world.settle()
        alice.send("text", data="x", id="1")
        world.settle()
        self.assertEqual(alice.got(), [])
        world.log.let_go()
        self.assertEqual((alice.seqs(), bob.seqs()), ([1, 1], [1]))

    def test_not_stored(self) -> None:
        """Over the wire: error not-stored with the text's id, and then it works again."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        world.quiet()
        world.log.broken = True
        self.assert_refused("not-stored", alice.say("x"))
        self.assertEqual(bob.got(), [])
        world.log.broken = False
        self.assertEqual(alice.say("x")["seq"], 1)
        self.assertEqual(bob.seqs(), [1])

    def test_nobody_sees_what_is_not_committed(self) -> None:
        """While the log works: no echo, no text, not in a snapshot's head, not in history."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        world.quiet()
        world.log.hold = True
        alice.send("text", data="x", id="1")
        world.settle()
        self.assertEqual((alice.got(), bob.got()), ([], []))
        self.assertEqual(bob.ask("join", session="lobby")["head"], 0)
        world.log.let_go()
        self.assertEqual((alice.seqs(), bob.seqs()), ([1], [1]))


class ComingBackTests(ChatCase):
    """After a place: exactly what was missed, or reset."""

    def setUp(self) -> None:
        self.here = self.world()
        self.alice = self.here.come("alice")
        for number in range(10):
            self.alice.send("text", data=str(number))
        self.epoch = self.alice.ask("join", session="lobby")["epoch"]
        self.here.quiet()

    def snapshot(self, got: list[Any]) -> Any:
        (found,) = [one for one in got if one["type"] == "session"]
        return found

    def test_resume(self) -> None:
        """A login with resume gives the snapshot, what was missed, and then what is said."""
        bob = self.here.connect()
        places = [{"session": "Lobby", "after": 7, "epoch": self.epoch}]
        bob.send("login", user="bob", resume=places, id="1")
        self.alice.send("text", data="live")
        got = bob.got()
        self.assertEqual(types(got), ["welcome", "session", *["text"] * 4])
        self.assertNotIn("reset", got[1])
        self.assertNotIn("id", got[1])
        self.assertEqual([one["seq"] for one in got[2:]], [8, 9, 10, 11])
        self.alice.send("text", data="live")
        self.assertEqual(bob.seqs(), [12])

    def test_without_a_place(self) -> None:
        """Without after one is live from the head."""
        bob = self.here.connect()
        bob.login("bob")
        got = bob.got()
        self.assertEqual(types(got), ["session"])
        self.assertEqual(got[0]["head"], 10)

    def test_honoured(self) -> None:
        """A place from 0 to the head, with the right epoch or none, is honoured."""
        for place in ({"after": 0}, {"after": 10}, {"after": 0, "epoch": self.epoch}):
            bob = self.here.come("bob")
            self.assertNotIn("reset", bob.ask("join", session="lobby", **place))
            self.assertEqual(bob.seqs(), list(range(place["after"] + 1, 11)))
            bob.vanish()

    def test_reset(self) -> None:
        """Beyond the head, or in another life: reset, nothing old, and live from the head."""
        for place in (
            {"after": 11},
            {"after": 2**53 - 1},
            {"after": 5, "epoch": "other"},
            {"after": 10, "epoch": "other"},
        ):
            bob = self.here.come("bob")
            reply = bob.ask("join", session="lobby", **place)
            self.assertIs(reply["reset"], True)
            self.assertEqual((reply["epoch"], reply["head"]), (self.epoch, 10))
            self.assertEqual(bob.seqs(), [])
            bob.vanish()
        bob = self.here.connect()
        bob.login("bob", resume=[{"session": "lobby", "after": 5, "epoch": "other"}])
        self.assertIs(self.snapshot(bob.got())["reset"], True)
        self.alice.send("text", data="live")
        self.assertEqual(bob.seqs(), [11])

    def test_an_epoch_alone(self) -> None:
        """An epoch without a place asks for nothing old, so nothing is reset."""
        bob = self.here.come("bob")
        bob.ask("leave")
        self.assertNotIn("reset", bob.ask("join", session="lobby", epoch="other"))

    def test_pruned(self) -> None:
        """A place before the oldest text that is left is reset; the one just before it is not."""
        flow = self.here.chat.sessions.prune(4, None)
        self.successResultOf(Deferred.fromCoroutine(flow))
        bob = self.here.come("bob")
        self.assertIs(bob.ask("join", session="lobby", after=5)["reset"], True)
        self.assertNotIn("reset", bob.ask("join", session="lobby", after=6))
        self.assertEqual(bob.seqs(), [7, 8, 9, 10])

    def test_back_while_a_member(self) -> None:
        """A join with after moves a member's place back; without, it is the snapshot alone."""
        reply = self.alice.ask("join", session="lobby", after=8)
        self.assertEqual(reply["count"], 1)
        self.assertEqual(self.alice.seqs(), [9, 10])
        self.alice.ask("join", session="lobby")
        self.assertEqual(self.alice.got(), [])
        self.alice.send("text", data="live")
        self.assertEqual(self.alice.seqs(), [11])

    def test_many_pages(self) -> None:
        """A long way back comes in many pages, in order, while others go on talking."""
        for number in range(1_000):
            self.alice.send("text", data=f"{number} " * 50)
            if number % 60 == 0:
                self.alice.got()
        bob = self.here.come("bob")
        bob.send("join", session="lobby", after=0)
        self.here.clock.advance(0)
        self.alice.send("text", data="live")
        self.assertEqual(bob.seqs(), list(range(1, 1_012)))

    def test_all_sessions_at_once(self) -> None:
        """One login comes back to several sessions; what can not be had is an error of its own."""
        self.alice.ask("create", session="ops")
        self.alice.ask("create", session="locked", password="p")
        for name in ("ops", "locked"):
            self.alice.ask("text", session=name, data="x")
        bob = self.here.connect()
        places = [
            {"session": "ops", "after": 0},
            {"session": "gone", "after": 3},
            {"session": "locked", "after": 0, "password": "wrong"},
            {"session": "locked", "after": 0, "password": "p"},
            {"session": "lobby", "after": 9},
        ]
        self.assertEqual(bob.ask("login", user="bob", resume=places)["type"], "welcome")
        got = bob.got()
        self.assertEqual(
            [(one["type"], one.get("code", one["session"])) for one in got if "seq" not in one],
            [
                ("session", "lobby"),
                ("session", "ops"),
                ("error", "no-such-session"),
                ("error", "bad-password"),
                ("session", "locked"),
            ],
        )
        errors = [one for one in got if one["type"] == "error"]
        self.assertEqual([one["session"] for one in errors], ["gone", "locked"])
        self.assertFalse(any("id" in one for one in errors))
        said = [(one["session"], one["seq"]) for one in got if one["type"] == "text"]
        self.assertEqual(sorted(said), [("lobby", 10), ("locked", 1), ("ops", 1)])

    def test_a_behind_member_hears_its_echo_before_the_next_answer(self) -> None:
        """Who says something while it is still behind gets the echo before any later answer."""
        for number in range(1_000):
            self.alice.send("text", data=f"{number} " * 50)
            if number % 60 == 0:
                self.alice.got()
        bob = self.here.come("bob")
        bob.send("join", session="lobby", after=0)
        bob.send("text", data="mine", id="b1")
        bob.send("leave", id="b2")
        got = bob.got()
        self.assertEqual((got[-1]["type"], got[-1]["id"]), ("left", "b2"))
        self.assertEqual(got[-2].get("id"), "b1")
        self.assertEqual([one["seq"] for one in got if one["type"] == "text"], [*range(1, 1_012)])


class SlowReaderTests(ChatCase):
    """Promise 5."""

    def flood(self, world: World, sender: Client, texts: int, size: int = 1_000) -> None:
        for number in range(texts):
            sender.send("text", data=f"{number} ".ljust(size, "x"))
            if number % 32 == 31:
                sender.got()
        sender.got()

    def test_bounded_and_nothing_lost(self) -> None:
        """A reader that stops reading costs a bounded buffer, and later gets every text, once."""
        world = self.world()
        alice, bob, carol = world.come("alice"), world.come("bob"), world.come("carol")
        world.quiet()
        bob.stop_reading()
        self.flood(world, alice, 2_000)
        self.assertLess(bob.pipe.most_unread, FULL + 2 * 65_536)
        self.assertEqual(carol.seqs(), list(range(1, 2_001)))
        while bob.pipe.unread:  # a buffer at a time
            bob._take()
            world.settle()
        bob.read()
        self.assertEqual(bob.seqs(), list(range(1, 2_001)))
        self.assertLess(bob.pipe.most_unread, FULL + 2 * 65_536 + 200 * 200)
        self.flood(world, alice, 1)
        self.assertEqual(bob.seqs(), [2_001])

    def test_one_fresh_snapshot(self) -> None:
        """Events that a slow reader missed are replaced by one snapshot, when it has caught up."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        world.quiet()
        bob.stop_reading()
        self.flood(world, alice, 200)
        for name in ("carol", "dave"):
            world.come(name)
        world.clients[-2].vanish()
        world.settle()
        self.flood(world, alice, 100)
        bob.read()
        got = bob.got()
        (snapshot,) = [one for one in got if one["type"] != "text"]
        self.assertEqual(snapshot["type"], "session")
        self.assertEqual(sorted(snapshot["users"]), ["alice", "bob", "dave"])
        self.assertNotIn("id", snapshot)
        self.assertEqual([one["seq"] for one in got if "seq" in one], list(range(1, 301)))

    def test_no_snapshot_for_nothing(self) -> None:
        """Who missed texts only gets the texts only."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        world.quiet()
        bob.stop_reading()
        self.flood(world, alice, 200)
        bob.read()
        self.assertEqual(set(types(bob.got())), {"text"})

    def test_a_slow_reader_that_goes(self) -> None:
        """A slow reader may vanish at any time."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        bob.stop_reading()
        self.flood(world, alice, 200)
        world.log.hold = True
        bob.pipe.take()
        world.settle()
        bob.vanish()
        world.log.let_go()
        self.flood(world, alice, 1)
        self.assertEqual(alice.ask("who", session="lobby")["users"], ["alice"])

    def test_deleted_while_behind(self) -> None:
        """A slow reader is told that the session is deleted, as everybody is."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        alice.ask("create", session="ops")
        bob.ask("join", session="ops")
        world.quiet()
        bob.stop_reading()
        for _number in range(200):
            alice.ask("text", session="ops", data="x" * 1_000)
        alice.ask("delete", session="ops")
        bob.read()
        got = bob.got()
        self.assertEqual(got[-1], {"type": "deleted", "session": "ops", "user": "alice"})
        self.assertEqual(bob.say("still here")["seq"], 1)

    def test_full_before_the_login(self) -> None:
        """Who has not read what came before its login is behind from the start, also in private."""
        world = self.world(users=["alice", "bob"])
        alice, bob = world.come("alice"), world.come("bob")
        alice.ask("text", to="bob", data="hello")
        bob.vanish()
        bob = world.connect()
        bob.stop_reading()
        while not bob.pipe.producer_paused:
            bob.send("ping", id="x" * 64)
            world.settle()
        bob.pipe.read_from = True  # as for a request that was on its way already
        bob.protocol.release()
        bob.send("login", user="bob", password="secret")
        world.settle()
        before = len(bob.pipe.unread)
        for _ in range(50):
            alice.ask("text", to="bob", data="x" * 16_000)
        self.assertLess(len(bob.pipe.unread) - before, 2_000)

    def test_everyone_slow(self) -> None:
        """Many who read slowly catch up by turns, all of them completely."""
        world = self.world()
        alice = world.come("alice")
        others = [world.come(f"u{number}") for number in range(30)]
        world.quiet()
        for other in others:
            other.stop_reading()
        self.flood(world, alice, 300)
        for other in others:
            other.pipe.reading = True
            other._take()
        world.settle()
        for other in others:
            self.assertEqual(other.seqs(), list(range(1, 301)))


class PresenceTests(ChatCase):
    """Who is here, and who is told."""

    def test_joined_and_left(self) -> None:
        """Those who were there are told; the one who comes or goes has a reply instead."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        alice.ask("create", session="ops")
        world.quiet()
        reply = bob.ask("join", session="ops")
        self.assertEqual((reply["users"], reply["count"]), (["alice", "bob"], 2))
        self.assertEqual(bob.got(), [])
        joined = {"type": "joined", "session": "ops", "user": "bob", "count": 2}
        self.assertEqual(alice.got(), [joined])
        left = bob.ask("leave", session="ops")
        self.assertEqual((left["type"], left["user"], left["count"]), ("left", "bob", 1))
        self.assertEqual(bob.got(), [])
        self.assertEqual(
            alice.got(), [{"type": "left", "session": "ops", "user": "bob", "count": 1}]
        )
        self.assert_refused("not-in-session", bob.ask("leave", session="ops"))

    def test_several_connections(self) -> None:
        """A user joins with its first connection and leaves with its last; each is a member."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        world.quiet()
        second = world.connect()
        second.login("bob", token=bob.token)
        (snapshot,) = second.got()
        self.assertEqual((snapshot["users"], snapshot["count"]), (["alice", "bob"], 2))
        self.assertEqual((alice.got(), bob.got()), ([], []))
        alice.send("text", data="x")
        self.assertEqual((bob.seqs(), second.seqs(), alice.seqs()), ([1], [1], [1]))
        bob.ask("leave")
        self.assertEqual((alice.got(), second.got()), ([], []))
        alice.send("text", data="x")
        self.assertEqual((bob.seqs(), second.seqs(), alice.seqs()), ([], [2], [2]))
        second.vanish()
        self.assertEqual(types(alice.got()), ["left"])

    def test_a_join_in_the_same_turn(self) -> None:
        """Who comes is not told of comings and goings that its snapshot has already."""
        world = self.world()
        alice, bob = world.come("alice"), world.come("bob")
        alice.ask("create", session="ops")
        world.quiet()
        carol = world.come("carol")
        bob.send("join", session="ops")
        carol.send("join", session="ops", id="c")
        got = carol.got()
        self.assertEqual(types(got), ["session"])
        self.assertEqual(got[0]["users"], ["alice", "bob", "carol"])
        world.quiet()
        bob.send("leave", session="ops")
        carol.send("leave", session="ops")
        carol.send("join", session="ops")
        got = carol.got()
        self.assertEqual(types(got), ["left", "session"])
        self.assertEqual(got[-1]["count"], 2)

    def test_gathered(self) -> None:
        """Over the limit comings and goings are told together, once a second at most."""
        world = self.world(presence_limit=3)
        alice, *_ = [world.come(name) for name in ("alice", "bob", "carol")]
        self.assertEqual(alice.got(), [])
        others = [world.come(f"u{number}") for number in range(5)]
        others[0].vanish()
        world.clock.advance(0.9)
        self.assertEqual(alice.got(), [])
        world.clock.advance(0.1)
        (told,) = alice.got()
        self.assertEqual((told["type"], told["count"]), ("presence", 7))
        self.assertEqual(sorted(told["joined"]), ["u1", "u2", "u3", "u4"])
        self.assertNotIn("left", told)
        for other in others[1:]:
            other.vanish()
        world.clock.advance(1)
        (told,) = alice.got()
        self.assertEqual((told["count"], len(told["left"])), (3, 4))
        world.come("dave").vanish()  # came and went: only the count is told
        world.clock.advance(1)
        (told,) = alice.got()
        self.assertEqual((told["count"], told.get("joined"), told.get("left")), (3, None, None))
        world.clients[2].vanish()
        self.assertEqual(types(alice.got()), ["left"])

    def test_gathered_is_bounded(self) -> None:
        """A storm's event names a bounded number; its count is right; it fits in a frame."""
        world = self.world(presence_limit=0)
        alice = world.come("alice")
        world.clock.advance(1)
        alice.got()
        for number in range(GATHERED_NAMES + 50):
            world.connect().send("login", user=chr(0x20000 + number) * 32)
            world.settle()
        world.clock.advance(1)
        (told,) = alice.got()
        self.assertEqual(told["count"], GATHERED_NAMES + 51)
        self.assertEqual(len(told["joined"]), GATHERED_NAMES)

    def test_who(self) -> None:
        """Who is paged in the order of the compared names, also from outside."""
        world = self.world(presence_limit=0)
        alice = world.come("alice")
        for number in range(1_100):
            world.connect().send("login", user=f"U{number:04}")
        world.settle()
        alice.ask("leave")
        page = alice.ask("who", session="LOBBY")
        names = page["users"]
        self.assertEqual((page["session"], page["count"], page["more"]), ("lobby", 1_100, True))
        page = alice.ask("who", session="lobby", after=names[-1])
        self.assertNotIn("more", page)
        self.assertEqual(names + page["users"], [f"U{number:04}" for number in range(1_100)])
        self.assert_refused("no-such-session", alice.ask("who", session="none"))
        self.assertEqual(alice.ask("who", session="lobby", after="zzz")["users"], [])

    def test_who_fits_in_a_frame(self) -> None:
        """With the longest names there are fewer in a page, and none is left out."""
        world = self.world(presence_limit=0)
        alice = world.come("alice")
        for number in range(900):
            world.connect().send("login", user=chr(0x20000 + number) * 32)
            world.settle()
        names: list[str] = []
        more = True
        while more:
            fields = {"after": names[-1]} if names else {}
            page = alice.ask("who", session="lobby", **fields)
            more = page.get("more", False)
            names += page["users"]
        self.assertEqual(len(set(names)), 901)
        self.assertEqual(len(names), 901)

    def test_snapshot_names(self) -> None:
        """A snapshot has 100 names and the whole count."""
        world = self.world(presence_limit=0)
        for number in range(150):
            world.connect().send("login", user=f"u{number}")
        world.settle()
        alice = world.connect()
        alice.login("alice")
        (snapshot,) = alice.got()
        self.assertEqual((len(snapshot["users"]), snapshot["count"]), (100, 151))


class Later(ChatCase):
    """Small things of the helpers that everything above rests on."""

    def test_held_log(self) -> None:
        """The held log answers in order, and as the log behind it does."""
        log = HeldLog(MemoryLog(Clock()))
        log.create(Life(epoch="e", key="k", name="k"))
        log.hold = True
        one = log.append("e", [Entry("a", "1")])
        two = log.append("e", [Entry("a", "2")])
        self.assertNoResult(one)
        log.commit()
        self.assertEqual([text.seq for text in self.successResultOf(one)], [1])
        log.let_go()
        self.assertEqual([text.seq for text in self.successResultOf(two)], [2])
        self.assertEqual(self.successResultOf(succeed(1)), 1)
