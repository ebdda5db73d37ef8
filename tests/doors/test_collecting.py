"""What a connection leaves for the garbage collector: nothing."""

from __future__ import annotations

import gc
import weakref
from typing import Any

from tests.kit.world import ChatCase, Client


class GarbageTests(ChatCase):
    """The daemon tells the garbage collector to look away from what has stood for a while."""

    def test_no_cycles(self) -> None:
        """Whatever a connection did, nothing of it is left for the collector when it has gone.

        (Refusals leave a traceback, which is young, and so is found.)
        """
        world = self.world(users=["alice"], rate=1_000.0)
        world.come("bob")
        stays = world.come("bert")
        self.addCleanup(gc.unfreeze)

        def nothing(client: Client) -> None: ...

        def refusals(client: Client) -> None:
            client.ask("login", user="alice", password="wrong")
            client.ask("login", user="a b")
            client.ask("nonsense")

        def much(client: Client) -> None:
            client.login("alice", password="secret")
            client.ask("create", session="ops", password="p")
            client.say("x", session="ops")
            client.say("", session="ops")
            client.ask("join", session="none")
            client.ask("join", session="lobby", after=0)
            client.ask("history", session="ops")
            client.ask("list")
            client.say("x", to="bert")
            client.ask("delete", session="ops")

        def slow(client: Client) -> None:
            client.login("alice", password="secret")
            client.stop_reading()
            for _ in range(20):
                stays.say("x" * 10_000)

        def waits(client: Client) -> None:
            client.login("alice", password="secret")
            world.log.hold = True
            client.send("text", data="x")
            client.send("history")
            world.settle()

        def logs_out(client: Client) -> None:
            client.login("alice", password="secret")
            client.ask("logout")

        def is_too_large(client: Client) -> None:
            client.raw(b"x" * 10)
            client.got()

        for story in (nothing, refusals, much, slow, waits, logs_out, is_too_large):
            client = world.connect()
            gc.collect()
            gc.freeze()
            story(client)
            gc.collect(1)
            gc.freeze()
            seen: list[weakref.ref[Any]] = [weakref.ref(client.protocol)]
            if not client.closed:
                conversation = client.protocol.conversation
                seen.append(weakref.ref(conversation))
                if conversation.user is not None:
                    seen.append(weakref.ref(conversation.user))
                del conversation
            if not client.closed:
                client.vanish()
            world.log.let_go()
            world.pass_time(1)
            world.clients.remove(client)
            client.pipe.protocol = None
            client.pipe.producer = None
            del client
            gc.collect(1)
            self.assertEqual([one() for one in seen], [None] * len(seen), story.__name__)
