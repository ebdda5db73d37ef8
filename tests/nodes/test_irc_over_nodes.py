"""The IRC door over two nodes: channels, kicks and questions, as if there were one server."""

from __future__ import annotations

from tests.kit.irc import Irc, IrcCase
from tests.kit.nodes import Cluster


class IrcNodesTests(IrcCase):
    """One IRC client at each of two nodes."""

    def setUp(self) -> None:
        self.cluster = Cluster(users=["alice", "bob"])
        self.ann, self.ben = (
            self.come(world, self.factory(world), nick)
            for world, nick in zip(self.cluster.worlds, ("ann", "ben"), strict=True)
        )
        self.cluster.settle()

    def told(self, irc: Irc, *lines: str) -> str:
        """Return what came to somebody, after it has asked."""
        if lines:
            irc.send(*lines)
        self.cluster.settle()
        return "\n".join(irc.got())

    def test_a_channel(self) -> None:
        """Who joins, talks, changes the topic, is kicked and quits is so for both."""
        self.assertIn("JOIN #ops", self.told(self.ann))
        self.told(self.ben, "PRIVMSG #ops :hello")
        self.assertIn("PRIVMSG #ops hello", self.told(self.ann))
        self.assertIn("ben", self.told(self.ann, "NAMES #ops"))
        self.told(self.ann, "TOPIC #ops :tea")
        self.assertIn("TOPIC #ops tea", self.told(self.ben))
        self.told(self.ann, "MODE #ops +v ben")
        self.assertIn("+v ben", self.told(self.ben))
        self.told(self.ann, "KICK #ops ben :go")
        self.assertIn("KICK #ops ben", self.told(self.ben))
        self.assertNotIn("ben", self.told(self.ann, "NAMES #ops"))
        self.told(self.ben, "JOIN #ops")
        self.assertIn("JOIN #ops", self.told(self.ann))
        self.told(self.ben, "QUIT :bye")
        self.assertRegex(self.told(self.ann), "ben.* (QUIT|PART)")

    def test_questions(self) -> None:
        """WHOIS, ISON and MONITOR know who is at the other node."""
        found = self.told(self.ann, "WHOIS ben")
        self.assertIn(" 311 ann ben", found)
        self.assertIn("#ops", found)
        self.assertIn(" 303 ann ben", self.told(self.ann, "ISON ben nobody"))
        self.assertIn(" 730 ann ben", self.told(self.ann, "MONITOR + ben"))
        self.told(self.ben, "QUIT")
        self.cluster.pass_time(1)
        self.assertIn(" 731 ann ben", self.told(self.ann))

    def test_nicks(self) -> None:
        """A nick that somebody has at the other node is taken."""
        other = Irc(self.cluster.worlds[0], self.factory(self.cluster.worlds[0]))
        self.assertIn(" 433 ", self.told(other, "NICK ben", "USER ben 0 * :x"))

    def test_between_two(self) -> None:
        """A message to a nick of the other node arrives there."""
        self.told(self.ann, "PRIVMSG ben :psst")
        self.assertIn("PRIVMSG ben psst", self.told(self.ben))
