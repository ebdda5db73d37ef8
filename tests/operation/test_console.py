"""The operator's table of connected clients."""

from __future__ import annotations

from tests.kit.world import ChatCase
from twisted_chat.operation.console import ROWS, Table


class TableTests(ChatCase):
    def setUp(self) -> None:
        self.here = self.world(linger=0.0)
        self.drawn: list[str] = []
        self.table = Table(self.here.chat, self.here.clock, self.drawn.append)
        self.here.chat.changed = self.table.changed

    def test_rows(self) -> None:
        """A row has user, address, port, door, sessions, and for how long."""
        alice = self.here.come("alice")
        for name in ("b", "c", "d", "e"):
            alice.ask("create", session=name)
        bob = self.here.come("bob")
        bob.ask("leave")
        self.here.clock.advance(3_725)
        empty, count, headings, line, *rows, end, _ = self.table.text().split("\n")
        self.assertEqual((empty, count, end), ("", "2 connected", ""))
        self.assertEqual(headings.split(), ["user", "address", "port", "door", "sessions", "since"])
        self.assertEqual(set(line), {"-"})
        self.assertEqual(
            [" ".join(row.split()) for row in rows],
            [
                "alice 192.0.2.1 40001 native lobby, b, c and 2 more 1:02:05",
                "bob 192.0.2.1 40002 native 1:02:05",
            ],
        )
        self.assertEqual(rows[0].index("1:02:05"), headings.index("since"))
        self.assertEqual(rows[1].index("1:02:05"), headings.index("since"))

    def test_rooms_first(self) -> None:
        """Direct sessions come after those that the operator knows."""
        here = self.world(users=["alice", "bob"])
        bob = here.come("bob")
        for number in range(4):
            here.come(f"g{number}").ask("text", to="bob", data="x")
        bob.vanish()
        here.come("bob").ask("create", session="ops")
        table = Table(here.chat, here.clock, self.drawn.append)
        (row,) = (line for line in table.text().splitlines() if line.startswith("bob"))
        self.assertIn(" lobby, ops, @bob,g0 and 3 more ", row)

    def test_once_a_second(self) -> None:
        """However many come and go, it is drawn once a second at most, and as it is then."""
        for number in range(20):
            self.here.come(f"u{number}")
        self.assertEqual(self.drawn, [])
        self.here.clock.advance(1)
        (table,) = self.drawn
        self.assertIn("20 connected", table)
        self.here.pass_time(5)
        self.assertEqual(len(self.drawn), 1)
        for client in self.here.clients[:19]:
            client.vanish()
        self.here.pass_time(5)
        self.assertEqual(len(self.drawn), 2)
        self.assertIn("1 connected", self.drawn[-1])
        self.assertIn("u19", self.drawn[-1])

    def test_each_change(self) -> None:
        """Logging in, joining, leaving and going are seen; talking is not."""
        alice = self.here.come("alice")
        changes = (
            lambda: alice.ask("create", session="ops"),
            lambda: alice.ask("leave", session="ops"),
            lambda: alice.vanish(),
        )
        self.here.clock.advance(1)
        for number, change in enumerate(changes):
            self.assertEqual(len(self.drawn), number + 1)
            alice.say("x", session="lobby")
            self.here.clock.advance(1)
            self.assertEqual(len(self.drawn), number + 1)
            change()
            self.here.clock.advance(1)
        self.assertIn("0 connected", self.drawn[-1])

    def test_many(self) -> None:
        """Past a screenful the rest is a number."""
        for number in range(ROWS + 10):
            self.here.connect().send("login", user=f"u{number}")
        self.here.settle()
        text = self.table.text()
        self.assertIn(f"{ROWS + 10} connected", text)
        self.assertIn("... and 10 more", text)
        self.assertEqual(text.count("native"), ROWS)

    def test_by_connections(self) -> None:
        """A user with several connections has a row for each."""
        alice = self.here.come("alice")
        self.here.come("alice", token=alice.token)
        self.assertEqual(self.table.text().count("alice"), 2)
