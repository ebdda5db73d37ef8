"""Who makes an account: what it learns of others, and what has to be known before."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.kit.held_log import HeldLog
from tests.kit.minds import FakeMind
from tests.kit.world import ChatCase, World
from twisted_chat.accounts.attempts import MAX_FAILURES
from twisted_chat.accounts.devices import Devices
from twisted_chat.accounts.keeper import Keeper
from twisted_chat.accounts.kept import KeptAccounts
from twisted_chat.log.memory import MemoryLog
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import encode
from twisted_chat.vocabulary.names import Name

GOOD = "correct horse battery"


class RegisteringTests(ChatCase):
    """Where everybody may, and the log keeps accounts."""

    def register(self, world: World, user: str, host: str = "192.0.2.1") -> Deferred[Name]:
        """Ask for an account."""
        accounts = KeptAccounts(world.log)
        passwords: Any = world.passwords
        keeper = Keeper(
            accounts,
            accounts,
            passwords,
            world.admission.attempts,
            world.chat,
            Devices(world.log, world.clock.seconds),
            world.clock,
            "open",
        )
        mind: Any = FakeMind(encode)
        mind.host = host
        return Deferred.fromCoroutine(keeper.register(user, GOOD, None, mind))

    def test_names_cost(self) -> None:
        """Five taken names are told to an address; then a free one looks the same."""
        world = self.world()
        taken = [f"guest{number}" for number in range(MAX_FAILURES)]
        for user in taken:
            world.come(user)
        for user in taken:
            refused = self.failureResultOf(self.register(world, user), ChatError).value
            self.assertEqual(refused.code, "name-in-use")
        for user in (taken[0], "free"):
            refused = self.failureResultOf(self.register(world, user), ChatError).value
            self.assertEqual(refused.code, "too-many-attempts")
        elsewhere = self.register(world, "free", "203.0.113.1")
        self.assertEqual(self.successResultOf(elsewhere).text, "free")

    def test_while_the_chat_begins(self) -> None:
        """Nobody makes one before it is known who is banned, and what was whose."""
        log = HeldLog(MemoryLog(self.world().clock))
        before = World(log=log, users=["dave"], operators=["root"])
        before.come("root").ask("ban", server=True, address="203.0.113.1")
        dave = before.connect()
        dave.login("dave", password="secret")
        dave.ask("create", session="ops", keep=True)
        log.hold = True
        again = World(log=log, users=[])
        log.hold = False  # the chat's own read waits still
        banned = self.register(again, "mallory", "203.0.113.1")
        heir, other = self.register(again, "dave"), self.register(again, "carol")
        for one in (banned, heir, other):
            self.assertNoResult(one)
        log.let_go()
        again.settle()
        self.assertEqual(self.failureResultOf(banned, ChatError).value.code, "banned")
        self.assertEqual(self.failureResultOf(heir, ChatError).value.code, "name-in-use")
        self.assertEqual(self.successResultOf(other).text, "carol")
