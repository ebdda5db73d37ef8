"""A name without a password: no guess, but it says whether there is such an account."""

from __future__ import annotations

from typing import Any

from twisted.logger import LogEvent, Logger, formatEvent

from tests.kit.frames import Object
from tests.kit.world import ChatCase, World
from twisted_chat.accounts.attempts import MAX_FAILURES, WINDOW_SECONDS
from twisted_chat.chat.sparing import SparingLog

HERE, ELSEWHERE = "192.0.2.1", "203.0.113.1"


class AskingTests(ChatCase):
    """At the native door, whose clients ask their person for a password when they need one."""

    def setUp(self) -> None:
        super().setUp()
        self.users = [f"user{number}" for number in range(20)]
        self.here = self.world(users=["alice", *self.users])
        self.logged: list[str] = []
        self.listen(self.here)

    def listen(self, world: World) -> None:
        """Note what is written for an operator."""

        def write(event: LogEvent) -> None:
            self.logged.append(formatEvent(event))

        world.admission.told = SparingLog(world.clock, Logger(observer=write))  # type: ignore[arg-type]

    def ask(self, user: str = "alice", host: str = HERE, **fields: Any) -> Object:
        """Log in and hang up; return what was answered."""
        client = self.here.connect(host=host)
        answer = client.ask("login", user=user, **fields)
        client.vanish()
        self.here.settle()
        return answer

    def test_a_client_that_asks_its_person(self) -> None:
        """Its first login says the name alone: nobody has failed, and nothing is left of it."""
        client = self.here.connect()
        self.assert_refused("bad-credentials", client.ask("login", user="alice"))
        welcome = client.ask("login", user="alice", password="secret")
        self.assertEqual(welcome["type"], "welcome")
        for name in self.users[: MAX_FAILURES - 1]:
            self.assert_refused("bad-credentials", self.ask(name))
        self.assertEqual(self.ask("bob")["type"], "welcome")
        self.assertEqual(self.logged, [])

    def test_which_names_have_accounts(self) -> None:
        """That is told five times a minute to an address; then a free name looks the same."""
        for name in self.users[:MAX_FAILURES]:
            self.assert_refused("bad-credentials", self.ask(name))
        for name in (self.users[-1], "free"):
            self.assert_refused("too-many-attempts", self.ask(name))
        self.assertEqual(self.ask("free", ELSEWHERE)["type"], "welcome")
        self.here.clock.advance(WINDOW_SECONDS)
        self.assertEqual(self.ask("free")["type"], "welcome")

    def test_a_wrong_password_after_it(self) -> None:
        """A name alone and then a wrong password are one failure: five are allowed."""
        for _ in range(MAX_FAILURES):
            self.assert_refused("bad-credentials", self.ask())
            self.assert_refused("bad-credentials", self.ask(password="wrong"))
        self.assert_refused("too-many-attempts", self.ask(password="secret"))
        self.assertEqual(len(self.logged), MAX_FAILURES)

    def test_it_harms_no_account(self) -> None:
        """However often a name is asked for, from everywhere: its owner comes in, from anywhere."""
        for number in range(200):
            self.assert_refused("bad-credentials", self.ask(host=f"198.51.100.{number}"))
        self.assertEqual(self.ask(host=ELSEWHERE, password="secret")["type"], "welcome")

    def test_where_it_is_known(self) -> None:
        """Where an account has logged in before, its client may be started without end."""
        self.ask(password="secret")
        for _ in range(4 * MAX_FAILURES):
            self.assert_refused("bad-credentials", self.ask())
        self.assertEqual(self.ask(password="secret")["type"], "welcome")
        self.assertEqual(self.ask("bob")["type"], "welcome")

    def test_where_all_have_accounts(self) -> None:
        """Where nobody comes in without a password, a name alone says nothing: it is free."""
        self.here = self.world(users=["alice"], guests=False)
        self.listen(self.here)
        for name in ("alice", "free") * MAX_FAILURES:
            self.assert_refused("bad-credentials", self.ask(name))
        self.assertEqual(self.ask(password="secret")["type"], "welcome")
        self.assertEqual(self.logged, [])

    def test_a_token_is_a_guess(self) -> None:
        """Who gives a wrong token fails, as with a wrong password, and that is written down."""
        for _ in range(MAX_FAILURES):
            self.assert_refused("bad-credentials", self.ask(token="guessed"))
        self.assert_refused("too-many-attempts", self.ask(token="guessed"))
        failed = f"Failed login from {HERE} as alice by the native door"
        self.assertEqual(self.logged, [failed] * MAX_FAILURES)
