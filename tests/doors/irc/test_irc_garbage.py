"""The daemon tells the garbage collector to look away from what has stood for a while."""

from __future__ import annotations

import gc
import weakref
from typing import Any

from twisted.internet.error import ConnectionLost

from tests.kit.irc import Irc, IrcCase

BEGIN = ("NICK bob", "USER b 0 * :x", "CAP END")

CAPS = "batch message-tags echo-message labeled-response draft/multiline account-notify"

STORIES = {
    "nothing": (),
    "not registered": ("NICK bob",),
    "refused": (*BEGIN, "NONSENSE", "JOIN", "PRIVMSG #none :x", "NICK alice", "OPER alice wrong"),
    "much": (
        f"CAP REQ :{CAPS}",
        *BEGIN,
        "JOIN #ops,#more",
        "MODE #ops +kl key 5",
        "@label=a PRIVMSG #ops :hi",
        "BATCH +x draft/multiline #ops",
        "@batch=x PRIVMSG #ops :one",
        "@batch=x PRIVMSG #ops :two",
        "BATCH -x",
        "MONITOR + alice,carol",
        "AWAY :lunch",
        "WHOIS carol",
        "PRIVMSG carol :hi",
        "REDACT #ops nothing",
    ),
    "another nick": (*BEGIN, "JOIN #ops", "NICK rob", "NICK ROB", "PRIVMSG #ops :x"),
    "an account": (*BEGIN, "JOIN #ops", "PRIVMSG NickServ :IDENTIFY alice secret"),
    "quits": (*BEGIN, "JOIN #ops", "QUIT :bye"),
}


class GarbageTests(IrcCase):
    """What is left of a connection that has gone."""

    def test_no_cycles(self) -> None:
        """Whatever a connection did, nothing of it is left for the collector when it has gone."""
        world = self.world(users=["alice"])
        factory = self.factory(world)
        carol = self.come(world, factory, "carol")
        self.addCleanup(gc.unfreeze)
        for name, lines in STORIES.items():
            irc = Irc(world, factory)
            gc.collect()
            gc.freeze()
            irc.ask(*lines)
            carol.got()
            gc.collect(1)
            gc.freeze()
            seen: list[weakref.ref[Any]] = [weakref.ref(irc.protocol)]
            if name != "quits":
                seen.append(weakref.ref(irc.protocol.conversation))
                if irc.protocol.conversation.user is not None:
                    seen.append(weakref.ref(irc.protocol.conversation.user))
                irc.pipe.lose(ConnectionLost())
            world.pass_time(100)
            irc.pipe.protocol = irc.pipe.producer = None
            del irc
            gc.collect(1)
            self.assertEqual([one() for one in seen], [None] * len(seen), name)
