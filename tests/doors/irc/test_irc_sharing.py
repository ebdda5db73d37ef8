"""What is written once for many is what each of them is to have: whatever they asked for."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kit.irc import Irc, IrcCase
from twisted_chat.doors.irc.lines import parse

CAPS = ("", "", "server-time", "message-tags", "echo-message", "echo-message message-tags batch")

PEOPLE = len(CAPS)

ROUNDS = st.lists(st.lists(st.integers(0, PEOPLE), min_size=1, max_size=8), max_size=5)
"""Who says something in each round, before anybody reads; the last one by another door."""


def said(irc: Irc) -> list[str]:
    """Return the texts that somebody was shown, with their tags."""
    found = []
    for line in irc.got():
        read = parse(line.encode())
        assert read is not None
        if read.command == "PRIVMSG":
            found.append(read[1])
    return found


class SharingTests(IrcCase):
    """One batch, many members with other capabilities, some of whom have said what is in it."""

    @settings(deadline=None, max_examples=60)
    @given(ROUNDS)
    def test_texts(self, rounds: list[list[int]]) -> None:
        """Everybody has each text of others once, in one order; its own as it asked for."""
        world = self.world()
        factory = self.factory(world)
        people = [self.come(world, factory, f"m{n}", caps) for n, caps in enumerate(CAPS)]
        alice = world.come("alice")
        alice.ask("join", session="ops")
        for one in people:
            one.got()
        for number, speakers in enumerate(rounds):
            for place, who in enumerate(speakers):
                data = f"r{number}.{place}"
                if who == PEOPLE:
                    alice.send("text", session="ops", data=data, id=f"{id(world)}-{data}")
                else:
                    people[who].send(f"PRIVMSG #ops :{data}")
            world.settle()
            page = alice.ask("history", session="ops", limit=200)["texts"]
            order = [text["data"] for text in page if text["data"].startswith(f"r{number}.")]
            self.assertEqual(len(order), len(speakers))
            for who, one in enumerate(people):
                own = {f"r{number}.{place}" for place, by in enumerate(speakers) if by == who}
                echoed = "echo-message" in CAPS[who]
                self.assertEqual(said(one), [data for data in order if echoed or data not in own])

    def test_typing(self) -> None:
        """That somebody writes by another door is a tag; who writes by this one is told once."""
        world = self.world()
        factory = self.factory(world)
        bob = self.come(world, factory, "bob", "message-tags")
        carol = self.come(world, factory, "carol", "message-tags")
        dave = self.come(world, factory, "dave")
        alice = world.come("alice")
        alice.ask("join", session="ops")
        for one in (bob, carol, dave):
            one.got()
        alice.send("typing", session="ops")
        world.settle()
        self.assertRegex(bob.got()[0], r"^@\+typing=active :alice!\S+ TAGMSG #ops$")
        self.assertEqual(len(carol.got()), 1)
        bob.send("@+typing=active TAGMSG #ops")
        self.assertEqual(len(carol.got()), 1)
        self.assertEqual(dave.got(), [])
