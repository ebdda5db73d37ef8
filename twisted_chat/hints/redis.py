"""Hints by Redis or Valkey: two connections, one that publishes and one that hears.

Each comes back by itself, after a while that grows. While the one is away what is published is
lost; when the other is back it subscribes to its channels anew, and what was said meanwhile is lost
too: that is what hints are. It needs the extra ``cluster``.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

import txredisapi
from attrs import define, field
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.logger import Logger
from zope.interface import implementer

from twisted_chat.hints.contract import MAX_MESSAGE, Listener

PREFIX: Final = "chat:"
"""What the names of our channels begin with: others may use the same broker."""

CONNECT_SECONDS: Final = 5.0
"""How long the broker may take to answer a connection."""

MAX_WAITING: Final = 4_194_304
"""Bytes that may wait to go to a broker that does not read; past them hints are dropped."""

_KINDS: Final = ("redis", "rediss", "redis+sentinel", "rediss+sentinel")


class HintsError(Exception):
    """The address of the broker can not be used; the sentence is for the operator, at start."""


@define(frozen=True)
class Broker:
    """What a URL says: where the broker is, or the sentinels that know, and how to log in."""

    places: tuple[tuple[str, int], ...]
    tls: bool
    master: str | None = None
    """The name that sentinels know it by; None: the place is the broker's own."""
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def parse_url(url: str) -> Broker:
    """Read ``redis[s]://[USER[:PASSWORD]@]HOST[:PORT]`` or ``redis[s]+sentinel://…,…/MASTER``.

    Raises HintsError.
    """
    parts = urlsplit(url)
    if parts.scheme not in _KINDS:
        raise HintsError(
            f"Hints go by redis://HOST[:PORT] or rediss://…, and not {parts.scheme!r}."
        )
    by_sentinel = parts.scheme.endswith("+sentinel")
    login, _, hosts = parts.netloc.rpartition("@")
    username, _, password = login.partition(":")
    places = tuple(_place(host, 26_379 if by_sentinel else 6_379) for host in hosts.split(","))
    master = parts.path.strip("/")
    if by_sentinel != bool(master) or (len(places) > 1 and not by_sentinel):
        raise HintsError(
            "Sentinels are given as redis+sentinel://HOST,HOST/MASTER, and a broker without them as"
            " redis://HOST[:PORT]."
        )
    return Broker(
        places,
        parts.scheme.startswith("rediss"),
        master or None,
        unquote(username) or None,
        unquote(password) or None,
    )


def _place(host: str, port: int) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{host}")
        found = SplitResult("", host, "", "", "")
        if not parts.hostname or found.username:
            raise ValueError
        return parts.hostname, parts.port or port
    except ValueError:
        raise HintsError(f"Hints can not go to {host!r}: that is no host and port.") from None


class _Hearing(txredisapi.SubscriberProtocol):  # type: ignore[misc]  # it has no types
    """The connection that hears. Its factory knows whose it is."""

    def messageReceived(self, pattern: object, channel: bytes, message: bytes) -> None:
        self.factory.hints._heard(channel, message)


class _Speaking(txredisapi.RedisProtocol):  # type: ignore[misc]
    """The connection that publishes."""


@define(eq=False)
class RedisHints:
    """See Hints. ``start`` before it is used."""

    reactor: Any
    """IReactorTCP and IReactorTime."""
    broker: Broker
    dropped: int = field(default=0, init=False)
    """Hints that were not sent: the broker was away, or did not read."""
    heard: int = field(default=0, init=False)
    sent: int = field(default=0, init=False)
    _channels: set[str] = field(factory=set, init=False)
    _listeners: list[Listener] = field(factory=list, init=False)
    _hearing: Any = field(default=None, init=False)
    _speaking: Any = field(default=None, init=False)
    _factories: list[Any] = field(factory=list, init=False)
    _sentinel: Any = field(default=None, init=False)
    _closed: bool = field(default=False, init=False)
    _told: bool = field(default=False, init=False)
    """Whether the operator has been told that the broker is away."""
    _logger = Logger()

    def start(self) -> None:
        """Connect, and stay connected."""
        for kind in (_Hearing, _Speaking):
            factory: Any
            endpoint: IStreamClientEndpoint
            arguments = {
                "charset": None,  # bytes, as they are
                "convertNumbers": False,
                "password": self.broker.password,
                "username": self.broker.username,
            }
            if self.broker.master is None:
                factory = txredisapi.RedisFactory(None, None, 1, isLazy=True, **arguments)
                endpoint = self._endpoint(*self.broker.places[0])
            else:
                if self._sentinel is None:
                    self._sentinel = txredisapi.Sentinel(self.broker.places)
                factory = txredisapi.SentinelConnectionFactory(
                    self._sentinel,
                    self.broker.master,
                    True,
                    None,
                    None,
                    1,
                    isLazy=True,
                    **arguments,
                )
                endpoint = _Master(self, self._sentinel, self.broker.master)
            factory.protocol = kind
            factory.hints = self
            factory.initialDelay, factory.maxDelay = 0.2, 5.0
            factory.deferred.addErrback(lambda failure: self._away(failure.getErrorMessage()))
            self._watch(factory)
            factory.startConnecting(endpoint)
            self._factories.append(factory)

    def _endpoint(self, host: str, port: int) -> IStreamClientEndpoint:
        endpoint: Any = HostnameEndpoint(self.reactor, host, port, timeout=CONNECT_SECONDS)
        if self.broker.tls:
            from twisted.internet.ssl import optionsForClientTLS

            return wrapClientTLS(optionsForClientTLS(host), endpoint)
        return endpoint  # type: ignore[no-any-return]

    def _watch(self, factory: Any) -> None:
        """Know each connection of a factory as it begins to be of use."""
        add = factory.addConnection

        def added(connection: Any) -> None:
            add(connection)
            if connection.connected:
                self._ready(connection)
                connection.whenDisconnected().addCallback(self._lost)

        factory.addConnection = added

    def _ready(self, connection: Any) -> None:
        if isinstance(connection, _Hearing):
            self._hearing = connection
            if self._channels:
                self._ask("subscribe", sorted(self._channels))
        else:
            self._speaking = connection
        if self._told and self.is_connected:
            self._told = False
            self._logger.info("The broker of hints is back")

    def _lost(self, connection: Any) -> None:
        if connection is self._hearing:
            self._hearing = None
        if connection is self._speaking:
            self._speaking = None
        self._away("the connection was lost")

    def _away(self, reason: str) -> None:
        if not self._closed and not self._told:
            self._told = True
            self._logger.warn(
                "The broker of hints is away ({reason}): nodes hear of one another by the log",
                reason=reason,
            )

    # --- the contract ------------------------------------------------------------------------

    @property
    def is_connected(self) -> bool:
        """See Hints."""
        return self._hearing is not None and self._speaking is not None

    def listen(self, listener: Listener) -> None:
        """See Hints."""
        self._listeners.append(listener)

    def subscribe(self, channel: str) -> None:
        """See Hints."""
        if channel not in self._channels:
            self._channels.add(channel)
            self._ask("subscribe", [channel])

    def unsubscribe(self, channel: str) -> None:
        """See Hints."""
        if channel in self._channels:
            self._channels.remove(channel)
            self._ask("unsubscribe", [channel])

    def publish(self, channel: str, message: bytes) -> None:
        """See Hints."""
        connection = self._speaking
        if connection is None or len(message) > MAX_MESSAGE or self._is_full(connection):
            self.dropped += 1
            return
        self.sent += 1
        connection.publish(PREFIX + channel, message).addErrback(self._not_sent)

    def close(self) -> Deferred[None]:
        """See Hints."""
        self._closed = True
        ends = [maybeDeferred(factory.disconnect) for factory in self._factories]
        if self._sentinel is not None:
            ends.append(maybeDeferred(self._sentinel.disconnect))
        return DeferredList(ends, consumeErrors=True).addCallback(lambda _: None)

    # --- within ------------------------------------------------------------------------------

    def _is_full(self, connection: Any) -> bool:
        """Whether too much waits to go out: a broker that stalls costs no memory."""
        transport = connection.transport
        waiting = len(getattr(transport, "dataBuffer", b"")) + getattr(transport, "_tempDataLen", 0)
        return waiting > MAX_WAITING

    def _ask(self, what: str, channels: list[str]) -> None:
        if self._hearing is not None:
            asked = getattr(self._hearing, what)([PREFIX + channel for channel in channels])
            asked.addErrback(lambda _: None)  # the connection went: it is asked again by the next

    def _not_sent(self, failure: object) -> None:
        self.dropped += 1

    def _heard(self, channel: bytes, message: bytes) -> None:
        self.heard += 1
        name = channel.decode("utf-8", "replace").removeprefix(PREFIX)
        if name not in self._channels or not isinstance(message, bytes):
            return
        for listener in self._listeners:
            try:
                listener(name, message)
            except Exception:
                self._logger.failure("A hint could not be taken")


@implementer(IStreamClientEndpoint)
@define(eq=False)
class _Master:
    """Where the sentinels say that the master is, asked anew for each connection."""

    _hints: RedisHints
    _sentinel: Any
    _name: str

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        """See IStreamClientEndpoint."""
        found: Deferred[Any] = self._sentinel.discover_master(self._name)
        return found.addCallback(
            lambda place: self._hints._endpoint(*place).connect(protocolFactory)
        )
