"""What a person wants: in its file, and of what its servers tell."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.kit.desks import DeskCase
from tests.kit.fake_server import text
from twisted_chat.client.words import complete
from twisted_chat.client.words.wishes import MAX_IGNORED, Kept, Wishes, in_file
from twisted_chat.vocabulary import messages as m


class WishesTests(SynchronousTestCase):
    """Settings are kept in one file, which people may write themselves."""

    def setUp(self) -> None:
        self.path = Path(tempfile.mkdtemp()) / "twisted-chat" / "settings.json"
        self.patch(os, "environ", {**os.environ, "NO_COLOR": ""})

    def test_kept(self) -> None:
        """What is set is there again, and only for its owner to read."""
        kept = in_file(self.path)
        kept.set("bell", "none")
        kept.set("presence", "off")
        kept.ignore("bob", wanted=True)
        again = in_file(self.path).wishes
        self.assertEqual(again, Wishes(bell="none", presence=False, ignored=["bob"]))
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)

    def test_by_hand(self) -> None:
        """What can not be read is as if it were not there."""
        self.path.parent.mkdir()
        for written in ("", "{", '{"bell": "loud"}', "[]", "\xff"):
            self.path.write_text(written)
            self.assertEqual(in_file(self.path).wishes, Wishes())
        self.path.write_text('{"times": "none", "later": 1}')
        self.assertEqual(in_file(self.path).wishes.times, "none")

    def test_nowhere(self) -> None:
        """A file that can not be written is no problem."""
        kept = in_file(Path("/proc/none/settings.json"))
        kept.set("colours", "off")
        self.assertFalse(kept.wishes.colours)

    def test_no_color(self) -> None:
        """NO_COLOR is heeded."""
        self.patch(os, "environ", {"NO_COLOR": "1"})
        self.assertFalse(in_file(self.path).wishes.colours)

    def test_bound(self) -> None:
        """Nobody ignores more than so many."""
        kept = Kept()
        for number in range(MAX_IGNORED):
            kept.ignore(f"u{number}", wanted=True)
        self.assertRaises(ValueError, kept.ignore, "one more", wanted=True)
        self.assertFalse(kept.ignore("u1", wanted=True))


class ServerTests(DeskCase):
    """What servers tell, told as one wants it."""

    def test_bell(self) -> None:
        """A mention and a direct message ring, as one wants it; one's own words do not."""
        home = self.connect()
        said = (
            text(1, "hello alice"),
            text(2, "hello malice"),
            text(3, "alice", source="alice"),
            text(1, "psst", session="@alice,bob"),
        )
        home.say(*said)
        self.assertEqual(self.screen.rung, 2)
        for number, (choice, rung) in enumerate((("direct", 3), ("none", 3), ("mentions", 4)), 1):
            self.type(f"/set bell {choice}")
            home.say(text(3 + number, "alice?"))
            home.say(
                text(1 + number, "psst", session="@alice,bob") if choice == "direct" else said[0]
            )
            self.assertEqual(self.screen.rung, rung, choice)

    def test_settings(self) -> None:
        """What is set holds, is shown, and is kept; another value is refused in words."""
        kept: list[Wishes] = []
        self.desk.kept.save = kept.append
        home = self.connect()
        self.type("/set times seconds", "/set nicks off", "/set presence off")
        self.shown()
        home.say(text(1), m.Joined(session="lobby", user="carol", count=2))
        self.assertEqual(self.shown(), ["00:00:01 bob: hello"])
        self.type("/set times none")
        home.say(text(2))
        self.assertEqual(self.shown()[-1], "bob: hello")
        self.type("/set bell loud", "/set bell")
        self.assertEqual(
            self.shown(), ["! bell is mentions, direct or none.", "* bell is mentions."]
        )
        self.assertEqual(len(kept), 4)
        self.type("/set")
        self.assertEqual(len(self.shown()), 5)

    def test_ignore(self) -> None:
        """Who is ignored is not shown, neither now nor from the past; until it is no more."""
        home = self.connect(guest=True)
        self.type("/ignore @Bob", "/ignore")
        self.assertEqual(self.shown()[-1], "* You ignore bob.")
        home.say(text(1, "alice!"), text(2, source="carol"))
        self.assertEqual((self.shown(), self.screen.rung), (["00:00 carol: hello"], 0))
        self.type("/unignore bob", "/ignore")
        self.assertEqual(self.shown(), ["* You ignore bob no more.", "* You ignore nobody."])
        home.say(text(3))
        self.assertEqual(self.shown(), ["00:00 bob: hello"])

    def test_ignore_everywhere(self) -> None:
        """Of an account the server knows whom it ignores, and what its other devices set."""
        home = self.connect()
        self.type("/ignore @Bob")
        (asked,) = home.sent()
        self.assertEqual(asked, m.Choose(ignore=["Bob"], id=asked.id))
        home.say(m.Chosen(ignored=["Bob"], levels=[], id=asked.id))
        self.assertEqual(self.shown()[-1], "* You ignore Bob: /unignore shows again what it says.")
        edited = m.Edited(session="lobby", seq=3, time=0, source="bob", of=1, data="ALICE")
        home.say(text(1, "alice!"), text(2, source="carol"), edited)
        self.assertEqual((self.shown(), self.screen.rung), (["00:00 carol: hello"], 0))
        home.say(m.Chosen(ignored=["Bob", "dave"], levels=[]))
        self.type("/ignore")
        self.assertEqual(self.shown(), ["* You ignore Bob, dave."])
        self.assertEqual(list(complete(self.desk, "/unignore ")), ["Bob", "dave"])
        self.type("/unignore bob")
        (asked,) = home.sent()
        self.assertEqual(asked, m.Choose(unignore=["bob"], id=asked.id))
        home.say(m.Chosen(ignored=["dave"], levels=[], id=asked.id), text(4))
        self.assertEqual(self.shown(), ["* You ignore bob no more.", "00:00 bob: hello"])
        self.type("/unignore carol")
        self.assertEqual((home.sent(), self.shown()), ([], ["* You do not ignore carol."]))

    def test_notify(self) -> None:
        """A session tells one of every text, of mentions or of nothing, whatever rings else."""
        home = self.connect()
        self.type("/notify", "/notify loud")
        self.assertEqual(self.shown()[0], "* lobby tells you as usual.")
        self.type("/notify all")
        (asked,) = home.sent()
        level = m.NewLevel(session="lobby", level="all")
        self.assertEqual(asked, m.Choose(levels=[level], id=asked.id))
        home.say(
            m.Chosen(ignored=[], levels=[m.LevelOf(session="lobby", level="all")], id=asked.id)
        )
        self.assertEqual(self.shown()[-1], "* lobby tells you of every text.")
        home.say(text(1))
        self.assertEqual(self.screen.rung, 1)
        home.say(m.Chosen(ignored=[], levels=[m.LevelOf(session="lobby", level="none")]))
        home.say(text(2, "alice!"))
        self.assertEqual(self.screen.rung, 1)
        self.type("/set bell none")
        home.say(m.Chosen(ignored=[], levels=[m.LevelOf(session="lobby", level="all")]), text(3))
        self.assertEqual(self.screen.rung, 1)

    def test_block(self) -> None:
        """Somebody is blocked in the direct session of the two, whose it is."""
        home = self.connect()
        home.say(text(1, "psst", session="@alice,bob"))
        self.type("/block bob", "/unblock bob")
        mute, unmute = home.sent()
        self.assertEqual(mute, m.Mute(session="@alice,bob", user="bob", id=mute.id))
        self.assertEqual(unmute, m.Unmute(session="@alice,bob", user="bob", id=unmute.id))
