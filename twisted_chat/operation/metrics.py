"""Figures for Prometheus: ``--metrics``. It needs prometheus-client, the extra ``[metrics]``.

Most are read from the chat when they are asked for, and cost nothing between. What is counted as it
happens is the time that the log takes and how late the reactor is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from time import monotonic
from typing import Any, Final, cast

from attrs import define, field
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from twisted_chat import __version__
from twisted_chat.accounts.refusals import DONE
from twisted_chat.log.contract import Entry, Log, Stored
from twisted_chat.operation.entrances import Entrances

PREFIX: Final = "twisted_chat"
LAG_SECONDS: Final = 0.5
"""How often it is looked how late the reactor is."""

IDLE_SECONDS: Final = 30
"""How long who asks for figures may be silent."""

_SHORT: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


@define(eq=False)
class Metrics:
    """The figures of one daemon; ``around`` puts a clock at its log."""

    registry: CollectorRegistry = field(factory=CollectorRegistry)
    _texts: Counter = field(init=False)
    _failures: Counter = field(init=False)
    _commits: Histogram = field(init=False)
    _lag: Histogram = field(init=False)
    _looked: float | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        registry = self.registry
        ProcessCollector(registry=registry)
        self._texts = Counter(f"{PREFIX}_texts", "Texts that the log took.", registry=registry)
        self._failures = Counter(
            f"{PREFIX}_log_failures", "Batches that the log did not take.", registry=registry
        )
        self._commits = Histogram(
            f"{PREFIX}_log_append_seconds",
            "How long a batch of texts waits until it is stored.",
            buckets=_SHORT,
            registry=registry,
        )
        self._lag = Histogram(
            f"{PREFIX}_reactor_lag_seconds",
            "How much later than it should the reactor does something.",
            buckets=_SHORT,
            registry=registry,
        )

    def around(self, log: Log) -> Log:
        """Return the log, measured."""
        return cast(Log, _Measured(log, self))

    def watch(self, entrances: Entrances) -> None:
        """Read what is asked for from these."""
        self.registry.register(_Chat(entrances))

    def look(self) -> None:
        """Take note of how late this is: it is called every LAG_SECONDS."""
        now = monotonic()
        if self._looked is not None:
            self._lag.observe(max(0.0, now - self._looked - LAG_SECONDS))
        self._looked = now

    def stored(self, count: int, seconds: float) -> None:
        """The log took a batch."""
        self._texts.inc(count)
        self._commits.observe(seconds)

    def failed(self) -> None:
        """The log did not take a batch."""
        self._failures.inc()

    def site(self) -> Site:
        """Return what serves the figures, at ``/metrics``."""
        root = Resource()
        root.putChild(b"metrics", _Page(self.registry))
        return _Quiet(root, timeout=IDLE_SECONDS)


@define(eq=False)
class _Measured:
    """A log, and a clock at the way in; all else it does as it does."""

    _log: Log
    _metrics: Metrics

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def append(self, epoch: str, entries: Sequence[Entry]) -> Stored:
        began = monotonic()
        stored = self._log.append(epoch, entries)
        if isinstance(stored, Deferred):

            def failed(failure: Any) -> Any:
                self._metrics.failed()
                return failure

            def done(texts: Any) -> Any:
                self._metrics.stored(len(entries), monotonic() - began)
                return texts

            return stored.addCallbacks(done, failed)
        self._metrics.stored(len(entries), monotonic() - began)
        return stored


@define(eq=False)
class _Chat(Collector):
    """What is so in the chat at this moment."""

    _entrances: Entrances

    def describe(self) -> Iterator[Metric]:
        """Return nothing: whoever registers this need not wait for a chat."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Return the figures."""
        parts = self._entrances.parts
        chat, turnstile = parts.chat, parts.turnstile

        doors = GaugeMetricFamily(f"{PREFIX}_connections", "Connections, by door.", labels=["door"])
        for name, found in self._entrances.doors.items():
            doors.add_metric([name], sum(len(door.watch.connections) for door in found))
        if self._entrances.ports is not None:
            doors.add_metric(["session-port"], self._entrances.ports.connections)
        yield doors
        people = chat.people.here.values()
        users = [user for person in people for user in person.users]
        directs = len(chat.sessions) - len(chat.sessions.rooms)
        for name, help, value in (
            ("users", "Users who are logged in.", len(people)),
            ("guests", "Guests among them.", sum(person.guest for person in people)),
            ("logins", "Connections that are logged in.", chat.connections),
            ("sessions", "Sessions, but direct ones.", len(chat.sessions.rooms)),
            ("direct_sessions", "Direct sessions.", directs),
            ("members", "Places in sessions.", sum(len(user.members) for user in users)),
            (
                "members_behind",
                "Members that read what they missed from the log.",
                sum(len(user.behind) for user in users),
            ),
            ("waiting_bytes", "Bytes that wait for clients to read them.", turnstile.waiting),
            ("connections_open", "Connections of all kinds, from their accept.", turnstile.inside),
            ("connections_limit", "How many there may be.", turnstile.limit),
        ):
            yield GaugeMetricFamily(f"{PREFIX}_{name}", help, value=value)
        away = "Connections that were turned away, by the limit that they met."
        yield _by_label("connections_refused", away, "limit", turnstile.refused)
        refusals = parts.admission.refusals
        refused = "Requests that were refused, by code."
        yield _by_label("refusals", refused, "code", refusals.counts)
        slowed = "Times that a client was not read for a while, by the limit that it met."
        yield _by_label("slowed", slowed, "limit", refusals.slowed)
        posts = {DONE: 0, **self._entrances.posts}
        told = "Posts to webhooks, by what became of them."
        yield _by_label("webhook_posts", told, "code", posts)
        yield from self._of_files()
        about = GaugeMetricFamily(f"{PREFIX}_info", "This program.", labels=["version"])
        about.add_metric([__version__], 1)
        yield about
        expires = GaugeMetricFamily(
            f"{PREFIX}_certificate_expires",
            "When a certificate expires, in seconds since 1970.",
            labels=["endpoint"],
        )
        for endpoint, when in self._entrances.listener.expiries():
            expires.add_metric([endpoint], when)
        yield expires

    def _of_files(self) -> Iterator[Metric]:
        """Return those of files, where some are kept."""
        files = self._entrances.files
        if files is None:
            return
        store = files.store
        for name, help, value in (
            ("files", "Files that are kept.", len(store)),
            ("files_bytes", "What they count for, with those that are being sent.", store.total),
            ("files_limit_bytes", "What all may count for.", store.bounds.all),
        ):
            yield GaugeMetricFamily(f"{PREFIX}_{name}", help, value=value)
        sent = {DONE: 0, **files.outcomes}
        told = "Files that were sent, by what became of them."
        yield _by_label("files_sent", told, "code", sent)


def _by_label(name: str, help: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"{PREFIX}_{name}", help, labels=[label])
    for value, count in tuple(counts.items()):
        family.add_metric([value], count)
    return family


class _Quiet(Site):
    """A site that keeps no record of who reads what."""

    noisy = False
    displayTracebacks = False

    def log(self, request: object) -> None: ...


class _Page(Resource):
    """``/metrics``."""

    isLeaf = True

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__()
        self._registry = registry

    def render_GET(self, request: Request) -> bytes:
        request.setHeader("Content-Type", CONTENT_TYPE_LATEST)
        return generate_latest(self._registry)
