"""Hints: what nodes tell one another, by a real broker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest
from pytest_twisted import ensureDeferred
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.redis import Redis
from tests.kit.waiting import until
from twisted_chat.hints.contract import MAX_MESSAGE
from twisted_chat.hints.hub import Hub
from twisted_chat.hints.redis import Broker, HintsError, RedisHints, parse_url

pytestmark = pytest.mark.slow

Heard = list[tuple[str, bytes]]


@asynccontextmanager
async def node(broker: Redis, *channels: str) -> AsyncIterator[tuple[RedisHints, Heard]]:
    from twisted.internet import reactor

    heard: Heard = []
    hints = RedisHints(reactor, parse_url(broker.url))
    hints.listen(lambda channel, message: heard.append((channel, message)))
    for channel in channels:
        hints.subscribe(channel)
    hints.start()
    await until(lambda: hints.is_connected, "connected")
    try:
        yield hints, heard
    finally:
        await hints.close()


@ensureDeferred
async def test_nodes_hear_one_another() -> None:
    """What is published reaches those who listen to the channel, as it was, and nobody else."""
    with Redis() as broker:
        async with node(broker, "ops", "dev") as (one, _), node(broker, "dev") as (_, heard):
            message = bytes(range(256)) + b"\r\n$1\r\n" * 9
            await until(lambda: broker.listeners("dev") == 2, "subscribed")
            one.publish("ops", b"not for you")
            one.publish("dev", message)
            await until(lambda: heard, "heard")
            assert heard == [("dev", message)]


@ensureDeferred
async def test_channels_come_and_go() -> None:
    """A node hears a channel from when it subscribes, and no longer than until it lets go."""
    with Redis() as broker:
        async with node(broker) as (one, _), node(broker, "z") as (other, heard):
            for n in range(200):
                other.subscribe(f"c{n}")
            other.unsubscribe("c7")
            await until(lambda: broker.listeners("c199") == 1, "subscribed")
            await until(lambda: broker.listeners("c7") == 0, "unsubscribed")
            for n in range(200):
                one.publish(f"c{n}", b"%d" % n)
            one.publish("z", b"last")
            await until(lambda: ("z", b"last") in heard, "the last one")
            assert len(heard) == 200
            assert ("c7", b"7") not in heard


@ensureDeferred
async def test_the_broker_is_killed() -> None:
    """What is said meanwhile is lost, and counted; both are there again when the broker is."""
    with Redis() as broker:
        async with node(broker, "c") as (one, _), node(broker, "c") as (other, heard):
            broker.kill()
            await until(lambda: not one.is_connected and not other.is_connected, "away")
            one.publish("c", b"lost")
            assert one.dropped == 1
            broker.start()
            await until(lambda: one.is_connected and other.is_connected, "back")
            await until(lambda: broker.listeners("c") == 2, "subscribed")
            one.publish("c", b"heard")
            await until(lambda: heard, "heard")
            assert heard == [("c", b"heard")]


@ensureDeferred
async def test_what_is_too_large_is_dropped() -> None:
    """A message over the limit is for the log to tell."""
    with Redis() as broker:
        async with node(broker, "c") as (one, _), node(broker, "c") as (_, heard):
            await until(lambda: broker.listeners("c") == 2, "subscribed")
            one.publish("c", b"x" * (MAX_MESSAGE + 1))
            one.publish("c", b"y" * MAX_MESSAGE)
            await until(lambda: heard, "heard")
            assert [len(message) for _, message in heard] == [MAX_MESSAGE]


@ensureDeferred
async def test_a_listener_that_fails() -> None:
    """What a listener raises is logged, and the next message is heard."""
    with Redis() as broker:
        async with node(broker, "c") as (one, _), node(broker, "c") as (other, heard):
            logged: list[LogEvent] = []
            observer = cast(ILogObserver, logged.append)
            globalLogPublisher.addObserver(observer)
            try:
                other.listen(lambda channel, message: 1 / 0)  # type: ignore[arg-type]
                await until(lambda: broker.listeners("c") == 2, "subscribed")
                one.publish("c", b"1")
                one.publish("c", b"2")
                await until(lambda: len(heard) == 2, "heard")
            finally:
                globalLogPublisher.removeObserver(observer)
            assert any("could not be taken" in str(event) for event in logged)


@ensureDeferred
async def test_a_password() -> None:
    """A broker that wants a password gets it; it is in no text that people see."""
    from twisted.internet import reactor

    with Redis(("--requirepass", "s3cret")) as broker:
        url = f"redis://:s3cret@127.0.0.1:{broker.port}"
        hints = RedisHints(reactor, parse_url(url))
        assert "s3cret" not in repr(hints)
        hints.start()
        await until(lambda: hints.is_connected, "connected")
        await hints.close()


class UrlTests(SynchronousTestCase):
    def test_what_a_url_says(self) -> None:
        """The forms that redis clients know."""
        for url, broker in (
            ("redis://h", Broker((("h", 6379),), False)),
            ("redis://h:7", Broker((("h", 7),), False)),
            ("rediss://[::1]:7", Broker((("::1", 7),), True)),
            ("redis://u:p%40@h", Broker((("h", 6379),), False, None, "u", "p@")),
            (
                "redis+sentinel://:p@a,b:1/chat",
                Broker((("a", 26379), ("b", 1)), False, "chat", None, "p"),
            ),
        ):
            self.assertEqual(parse_url(url), broker, url)

    def test_wrong_urls(self) -> None:
        """Each wrong one is one sentence for the operator."""
        for url in (
            "http://h",
            "redis://",
            "redis://h:x",
            "redis://a,b",
            "redis+sentinel://a",
            "x",
        ):
            self.assertRegex(str(self.assertRaises(HintsError, parse_url, url)), r"^[^\n]+\.$", url)


class HubTests(SynchronousTestCase):
    def test_hub(self) -> None:
        """Nodes of one process hear one another, and what is carried twice is heard twice."""
        hub = Hub()
        one, other, third = hub.join(), hub.join(), hub.join()
        heard: Heard = []
        other.listen(lambda channel, message: heard.append((channel, message)))
        other.subscribe("c")
        one.publish("c", b"1")
        third.publish("d", b"2")

        def twice(deliver: Callable[[], None]) -> None:
            deliver()
            deliver()

        hub.carry = twice
        one.publish("c", b"3")
        other.is_connected = False
        one.publish("c", b"4")
        self.assertEqual(heard, [("c", b"1"), ("c", b"3"), ("c", b"3")])
