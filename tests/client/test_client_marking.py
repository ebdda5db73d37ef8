"""What one has read, at this client and at others, and what texts answer."""

from __future__ import annotations

from tests.kit.desks import DeskCase
from tests.kit.fake_server import snapshot, text
from twisted_chat.client.words.marking import READ_SECONDS
from twisted_chat.vocabulary import messages as m


class ServerTests(DeskCase):
    """What a server keeps of what one has read."""

    def test_places(self) -> None:
        """An account is in its sessions again, and what is unread there is shown when it goes."""
        self.type("/connect home")
        home = self.servers["home"].last
        places = [m.KeptPlace(session="ops", epoch="e-1", head=9, read=6, unread=3, mentions=1)]
        login = home.welcome(places=places)
        self.assertTrue(login.places)
        home.say(snapshot("ops", head=9))
        self.assertEqual(self.prompt(), "home/lobby [ops 3 @1]> ")
        self.type("/switch ops")
        (history,) = home.sent()
        texts = [text(seq, f"n{seq}", session="ops") for seq in (7, 8, 9)]
        home.say(m.Texts(session="ops", texts=list(texts), more=True, epoch="e-1", id=history.id))
        self.assertEqual(self.shown()[-3:], [f"00:00 bob: n{seq}" for seq in (7, 8, 9)])
        self.assertEqual(self.prompt(), "home/ops> ")
        self.clock.advance(READ_SECONDS)
        (read,) = home.sent()
        self.assertEqual(read, m.Read(session="ops", seq=9, id=read.id))

    def test_places_that_were_read(self) -> None:
        """Who goes into a session in which it has read all sees how it ended."""
        self.type("/connect home")
        home = self.servers["home"].last
        places = [m.KeptPlace(session="ops", epoch="e-1", head=9, read=9, unread=0, mentions=0)]
        home.welcome(places=places)
        home.say(snapshot("ops", head=9))
        self.assertEqual(self.prompt(), "home/lobby> ")
        self.type("/switch ops")
        (history,) = home.sent()
        assert isinstance(history, m.History)
        self.assertEqual((history.before, history.limit), (10, 10))

    def test_read_elsewhere(self) -> None:
        """What was read on another device is not unread here."""
        home = self.connect()
        self.join(home, "ops")
        self.type("/switch lobby")
        home.say(*(text(seq, session="ops") for seq in (1, 2, 3)))
        self.assertEqual(self.prompt(), "home/lobby [ops 3]> ")
        home.say(m.ReadTo(session="ops", seq=2))
        self.assertEqual(self.prompt(), "home/lobby [ops 1]> ")

    def test_read_markers(self) -> None:
        """What is shown is said as read, once for all of some seconds; what is not seen is not."""
        home = self.connect()
        home.say(*(text(seq) for seq in range(1, 20)), text(1, session="@alice,bob"))
        self.clock.advance(READ_SECONDS)
        (read,) = home.sent()
        self.assertEqual(read, m.Read(session="lobby", seq=19, id=read.id))
        home.say(text(20))
        self.type("/quit")
        reads = [one.seq for one in home.sent() if isinstance(one, m.Read)]
        self.assertEqual(reads, [20])

    def test_what_is_not_seen_has_no_place(self) -> None:
        """An ignored text is not counted by ^3, and keeps nothing unread; nor does a change."""
        home = self.connect(guest=False)
        home.say(m.Chosen(ignored=["eve"], levels=[]))
        home.say(text(1), text(2, source="carol"), text(3, source="eve"))
        home.say(m.Reacted(session="lobby", seq=4, time=0, source="bob", of=1, data="!"))
        self.clock.advance(READ_SECONDS)
        self.assertEqual([one.seq for one in home.sent() if isinstance(one, m.Read)], [4])
        self.type("/react ^2 ✅")
        (asked,) = home.sent()
        self.assertEqual(asked, m.React(session="lobby", of=1, data="✅", id=asked.id))

    def test_answers(self) -> None:
        """A text says how the one begins that it answers; its number, where that is not known."""
        home = self.connect()
        reactions = [m.Reaction(data="👍", count=2, users=("bob", "carol"))]
        known = text(1, "a " * 40)
        home.say(
            known, text(2, "yes", reply=1), text(9, "/me nods", reply=1), text(10, "x", reply=7)
        )
        quote = f"bob: “{('a ' * 20)[:39]}…”"
        self.assertEqual(
            self.shown()[1:],
            [
                f"00:00 bob (to {quote}): yes",
                f"00:00 * bob (to {quote}) nods",
                "00:00 bob (to 7): x",
            ],
        )
        self.type("/history 2")
        (request,) = home.sent()
        page = [text(2, "yes", reply=1, reactions=reactions), text(9, "x", reply=2)]
        home.say(m.Texts(session="lobby", texts=[*page], more=True, epoch="e", id=request.id))
        self.assertEqual(
            self.shown()[1:-1],
            [
                f"00:00 #2 bob (to {quote}): yes",
                "      👍 2",
                "00:00 #9 bob (to bob: “yes”): x",
            ],
        )
        self.type("/reply #9 well")
        (asked,) = home.sent()
        self.assertEqual(asked, m.Say(session="lobby", data="well", reply=9, id=asked.id))
