"""Who asks by HTTP proves who it is, as everywhere."""

from __future__ import annotations

from base64 import b64encode

from twisted.internet.defer import Deferred

from tests.kit.held_log import HeldLog
from tests.kit.world import ChatCase, World
from twisted_chat.accounts.bearers import Bearers
from twisted_chat.log.memory import MemoryLog
from twisted_chat.vocabulary.errors import ChatError


class BearersTests(ChatCase):
    """Of a chat that begins again."""

    def test_while_the_chat_begins(self) -> None:
        """Nobody is taken for anybody before it is known who is banned."""
        log = HeldLog(MemoryLog(self.world().clock))
        users = ["alice", "bob"]
        root = World(log=log, users=users, operators=["root"]).come("root")
        root.ask("ban", server=True, user="bob")
        log.hold = True
        again = World(log=log, users=users)
        log.hold = False  # the chat's own read waits still
        bearers = Bearers(again.chat, again.prover())
        asked = [
            Deferred.fromCoroutine(bearers.of(f"Basic {given}", "192.0.2.1"))
            for given in (b64encode(f"{user}:secret".encode()).decode() for user in users)
        ]
        again.settle()
        for one in asked:
            self.assertNoResult(one)
        log.let_go()
        again.settle()
        self.assertEqual(self.successResultOf(asked[0]).name.text, "alice")
        self.assertEqual(self.failureResultOf(asked[1], ChatError).value.code, "banned")
