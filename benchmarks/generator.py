"""The load generator: a process of its own that is told by lines of JSON what to do.

Plain sockets and epoll, and nothing of Twisted or of the server: it measures from outside, and
must cost less than what it measures. Each line on standard input is a command, an object whose
``do`` names a method of Generator and whose other fields are its arguments; the answer is one line
on standard output.
"""

from __future__ import annotations

import gc
import json
import select
import socket
import sys
import time
from array import array
from collections.abc import Callable, Sequence
from typing import Any, TypedDict

from benchmarks import machine
from benchmarks.checking import LABEL, Muted, Reader, Sender, Stream, Wrong, percentile
from benchmarks.wire import Step, Wire, frame, wire

_BUFFER = 1 << 18
"""Bytes read at once: as much as stays in a core's own cache."""

_PATIENCE = 20.0
"""Seconds without a byte after which what is owed counts as lost."""

_AWAY = 2000
"""Microseconds of lateness from which on a generator counts as not there itself."""

_COMMANDS = 0
"""The descriptor that commands come from: standard input."""

_IN = select.EPOLLIN
_OUT = select.EPOLLOUT


class Latencies(TypedDict):
    """Percentiles, in milliseconds."""

    count: int
    p50: float
    p90: float
    p99: float
    p999: float
    max: float


class Round(TypedDict):
    """What a round of texts cost."""

    texts: int
    deliveries: int
    bytes: int
    seconds: float
    server_ns: int
    """Processor time of the server."""
    generator_ns: int
    """Processor time of this generator."""
    waited_ns: int
    """How long this generator could have run, but something else had its core."""
    others_ns: int
    """Processor time of everything else on the machine."""
    latencies: Latencies | None
    """From when a text was due until a member had it; open loop only."""
    gap_ms: float
    """The longest time without any delivery while this generator was there; open loop only."""
    late_ms: float
    """How late this generator itself was at most in saying a text; open loop only."""


class Logins(TypedDict):
    """How it went to bring many connections in."""

    connections: int
    seconds: float
    slowest_ms: float


class Connection:
    """A socket, and what is expected on it."""

    __slots__ = ("began", "expects", "inbox", "muted", "reader", "socket", "steps", "unsent")

    def __init__(self, steps: Sequence[Step], reader: Reader | None = None) -> None:
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.steps = iter(steps)
        self.expects: bytes | None = None
        self.inbox = bytearray()
        self.unsent = b""
        self.began = 0
        self.reader = reader
        self.muted = isinstance(reader, Muted)


class Generator:
    """Connections to one server, and the loads that it can be put under."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._connections: dict[int, Connection] = {}
        self._streams: list[Stream] = []
        self._senders: list[Sender] = []
        self._lines: dict[str, Connection] = {}
        self._acknowledged: list[Sender] = []
        self._wire: Wire = wire("native")
        self._server = 0
        self._buffer = bytearray(_BUFFER)
        self._view = memoryview(self._buffer)
        self._received = 0
        self._latencies = array("q")
        self._last = 0
        self._gap = 0
        self._window = 0
        self._left = 0

    # --- coming in -------------------------------------------------------------------------

    def connect(
        self,
        *,
        kind: str,
        port: int,
        server: int,
        sessions: Sequence[str | None] = (None,),
        members: int,
        talkers: int = 0,
        start: int = 0,
        at_once: int = 100,
        quiet: float = 0.3,
        password: str | None = None,
        create: bool = True,
    ) -> Logins:
        """Bring ``members`` users into each session, of whom ``talkers`` will say texts.

        Where a sender does not see its own texts one member more comes, so that each text is
        delivered to ``members``. Returns when nothing has come for ``quiet`` seconds.
        """
        self._wire = spoken = wire(kind, password)
        self._server = server
        each = members + (1 if talkers and not spoken.echoes and not spoken.apart else 0)
        firsts: list[Connection] = []
        others: list[Connection] = []
        for place, session in enumerate(sessions):
            stream = Stream(spoken.parser(session), session or "lobby", echoes=spoken.echoes)
            stream.acknowledged = self._acknowledged
            self._streams.append(stream)
            talking = () if spoken.apart else {turn * each // talkers for turn in range(talkers)}
            for member in range(each):
                index = start + place * each + member
                steps = spoken.enter(index, session, first=create and member == 0)
                reader = self._reader(stream, index, session, talks=member in talking)
                connection = Connection(steps, reader)
                if member in talking:
                    self._lines[f"{index:05d}"] = connection
                (others if member else firsts).append(connection)
            for turn in range(talkers if spoken.apart else 0):
                index = start + place * talkers + turn
                self._sender(stream, index, session)
                connection = Connection([])
                self._lines[f"{index:05d}"] = connection
                others.append(connection)
        began = time.monotonic()
        slowest = max(self._bring(firsts, port, at_once), self._bring(others, port, at_once))
        seconds = time.monotonic() - began
        self._discard(quiet)
        gc.collect()
        gc.freeze()
        return {
            "connections": len(self._connections),
            "seconds": seconds,
            "slowest_ms": slowest / 1000,
        }

    def _reader(self, stream: Stream, index: int, session: str | None, *, talks: bool) -> Reader:
        name = f"member {index}"
        if not talks:
            return Reader(stream, name)
        sender = self._sender(stream, index, session)
        if self._wire.echoes:
            return Reader(stream, name, sender)
        sender.behind = Muted(stream, name)
        return sender.behind

    def _sender(self, stream: Stream, index: int, session: str | None) -> Sender:
        sender = Sender(index, session)
        stream.senders[sender.key] = sender
        self._senders.append(sender)
        return sender

    def _bring(self, waiting: list[Connection], port: int, at_once: int) -> int:
        """Take connections through their steps; return the longest that one took, in us."""
        waiting = waiting[::-1]
        under_way = 0
        slowest = 0
        deadline = time.monotonic() + _PATIENCE
        while waiting or under_way:
            while waiting and under_way < at_once:
                connection = waiting.pop()
                connection.began = _now()
                connection.socket.connect_ex(("127.0.0.1", port))
                descriptor = connection.socket.fileno()
                self._connections[descriptor] = connection
                self._epoll.register(descriptor, _OUT)
                under_way += 1
            for descriptor, event in self._epoll.poll(1.0):
                deadline = time.monotonic() + _PATIENCE
                connection = self._connections[descriptor]
                if connection.expects is None and event & _IN:
                    self._must_read(connection)
                elif self._next_step(connection, event):
                    under_way -= 1
                    slowest = max(slowest, _now() - connection.began)
            if time.monotonic() > deadline:
                raise Wrong(f"{under_way} connections are not answered")
        return slowest

    def _next_step(self, connection: Connection, event: int) -> bool:
        """Go on with coming in; return whether it is done."""
        if connection.expects is not None:
            connection.inbox += self._view[: self._must_read(connection)]
            if connection.expects not in connection.inbox:
                if b'"type":"error"' in connection.inbox:
                    raise Wrong(f"refused: {bytes(connection.inbox[-300:])!r}")
                return False
            connection.inbox.clear()
        elif event & ~_OUT:
            error = connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            raise Wrong(f"no connection: error {error}")
        else:
            self._epoll.modify(connection.socket.fileno(), _IN)
        step = next(connection.steps, None)
        if step is None:
            connection.expects = None
            return True
        connection.socket.send(step[0])
        connection.expects = step[1]
        return False

    def _must_read(self, connection: Connection) -> int:
        count = connection.socket.recv_into(self._buffer)
        if not count:
            raise Wrong(f"the server closed: {bytes(connection.inbox[-200:])!r}")
        return count

    def _discard(self, quiet: float) -> None:
        """Read and forget what comes, until nothing has come for so long."""
        last = time.monotonic()
        while (left := last + quiet - time.monotonic()) > 0:
            for descriptor, _event in self._epoll.poll(left):
                self._must_read(self._connections[descriptor])
                last = time.monotonic()

    # --- talking ---------------------------------------------------------------------------

    def round(
        self,
        *,
        seconds: float = 0,
        window: int = 0,
        rate: float = 0,
        texts: int = 0,
        together: bool = False,
        interruptible: bool = False,
    ) -> Round:
        """Have texts said for so long, or so many of them, and wait until all are delivered.

        Closed loop: each talker has ``window`` texts outstanding; ``together`` means one at a
        time: the next is said when everyone has received the last. Open loop: ``rate`` texts a
        second from all talkers in turn, each due at its time whatever the server does, and
        latencies are counted from that time; ``interruptible`` by the next command.
        """
        for stream in self._streams:
            stream.timed = bool(rate)
            stream.ends, stream.dues = [], []
            for reader in stream.readers:
                reader.seen = 0
        self._received = self._gap = 0
        self._latencies = array("q")
        self._acknowledged.clear()
        said = [stream.texts for stream in self._streams]
        owed = self._owed()
        before = self._clocks()
        late = 0
        if rate:
            late = self._open(
                rate, texts or int(rate * seconds), [_COMMANDS] if interruptible else []
            )
        elif together:
            self._one_at_a_time(seconds, texts or sys.maxsize)
        else:
            self._closed(seconds, window, texts or sys.maxsize)
        deadline = time.monotonic() + _PATIENCE
        while self._received < self._owed() - owed or any(s.sent for s in self._senders):
            self._turn(1.0)
            if time.monotonic() > deadline:
                break  # check_complete says what is missing
        after = self._clocks()
        for stream in self._streams:
            stream.check_complete()
        clocks = [end - start for start, end in zip(before, after, strict=True)]
        new = [stream.texts - old for stream, old in zip(self._streams, said, strict=True)]
        silent = 0 if self._wire.echoes or self._wire.apart else 1
        return {
            "texts": sum(new),
            "deliveries": sum(
                count * (len(stream.readers) - silent)
                for count, stream in zip(new, self._streams, strict=True)
            ),
            "bytes": self._received,
            "seconds": clocks[0] / 1e9,
            "server_ns": clocks[1],
            "generator_ns": clocks[2],
            "waited_ns": clocks[3],
            "others_ns": max(0, clocks[4] - clocks[1] - clocks[2]),
            "latencies": summary(self._latencies) if rate else None,
            "gap_ms": self._gap / 1000,
            "late_ms": late / 1000,
        }

    def _owed(self) -> int:
        return sum(stream.owed for stream in self._streams)

    def _clocks(self) -> tuple[int, int, int, int, int]:
        return (
            time.monotonic_ns(),
            machine.processor_ns(self._server),
            time.process_time_ns(),
            machine.waited_ns(),
            machine.busy_ns(),
        )

    def _closed(self, seconds: float, window: int, texts: int) -> None:
        """Keep ``window`` texts of each sender outstanding."""
        self._window, self._left = window, texts
        until = time.monotonic() + (seconds or 3600)
        self._acknowledged += self._senders
        self._refill()
        while self._left > 0 and time.monotonic() < until:
            self._turn(1.0)
        self._window = 0

    def _refill(self) -> None:
        """Have those say more who have seen a text of theirs."""
        for sender in dict.fromkeys(self._acknowledged):
            free = min(self._window - sender.outstanding, self._left)
            if free > 0:
                self._left -= free
                self._say(sender, free)
        self._acknowledged.clear()

    def _one_at_a_time(self, seconds: float, texts: int) -> None:
        """Say the next text when everyone has received the last."""
        until = time.monotonic() + (seconds or 3600)
        sender, stream = self._senders[0], self._streams[0]
        before = stream.owed
        while texts > 0 and time.monotonic() < until:
            self._say(sender, 1)
            texts -= 1
            patience = time.monotonic() + _PATIENCE
            while sender.sent or self._received < stream.owed - before:
                self._turn(1.0)
                if time.monotonic() > patience:
                    return  # check_complete says what is missing

    def _open(self, rate: float, texts: int, interrupts: list[int]) -> int:
        """Say texts on time, in turn; return how late the latest was said, in us."""
        step = 1e6 / rate
        began = _now() + 1000
        self._last = began
        said = late = 0
        epoll = self._epoll.fileno()
        while said < texts:
            now = _now()
            while said < texts and (due := began + int(said * step)) <= now:
                sender = self._senders[said % len(self._senders)]
                if now - due > _AWAY:
                    self._last = now  # the gap is this generator's own: it had no core
                late = max(late, now - due)
                self._send(sender, self._wire.say(sender.session, sender.say(1, due)))
                said += 1
            pause = (began + int(said * step) - _now()) / 1e6
            # epoll counts in milliseconds, select in microseconds
            ready = select.select([epoll, *interrupts], [], [], max(0.0, pause))[0]
            if epoll in ready:
                self._turn(0)
            if _COMMANDS in ready:
                break
        return late

    def _say(self, sender: Sender, count: int) -> None:
        texts = sender.say(count, _now())
        self._send(sender, self._wire.say(sender.session, texts))

    def _send(self, sender: Sender, data: bytes) -> None:
        connection = self._lines[sender.key]
        if connection.unsent:
            connection.unsent += data
            return
        try:
            sent = connection.socket.send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            connection.unsent = data[sent:]
            self._epoll.modify(connection.socket.fileno(), _IN | _OUT)

    def _flush(self, connection: Connection) -> None:
        sent = connection.socket.send(connection.unsent)
        connection.unsent = connection.unsent[sent:]
        if not connection.unsent:
            self._epoll.modify(connection.socket.fileno(), _IN)

    def _turn(self, timeout: float) -> None:
        """Wait for bytes, and take what has come from everyone who has some."""
        buffer, view, connections = self._buffer, self._view, self._connections
        acknowledged = self._acknowledged
        total = 0
        for descriptor, event in self._epoll.poll(timeout):
            connection = connections[descriptor]
            if event & _OUT:
                self._flush(connection)
                if not event & _IN:
                    continue
            reader = connection.reader
            if reader is None:
                self._replies(connection)
                continue
            if connection.muted:
                allowed = reader.allowance()
                if not allowed:
                    continue
                count = connection.socket.recv_into(buffer, min(allowed, _BUFFER))
            else:
                count = connection.socket.recv_into(buffer)
            if not count:
                raise Wrong(f"{reader.name} was closed by the server")
            total += count
            reader.received(view[:count])
            if acknowledged:
                self._refill()
            if reader.stream.timed and not connection.muted:
                self._time(reader)
        self._received += total
        if not total:
            time.sleep(50e-6)  # only who may not be read yet has something: let another get it

    def _time(self, reader: Reader) -> None:
        """Count the latency of each text that has been received to its end."""
        now = _now()
        ends, dues, seen = reader.stream.ends, reader.stream.dues, reader.seen
        while seen < len(ends) and ends[seen] <= reader.position:
            self._latencies.append(now - dues[seen])
            seen += 1
        reader.seen = seen
        self._gap = max(self._gap, now - self._last)
        self._last = now

    def _replies(self, connection: Connection) -> None:
        """Check what a connection for publishing is told: the number of its readers."""
        connection.inbox += self._view[: self._must_read(connection)]
        lines = connection.inbox.split(b"\r\n")
        connection.inbox = lines.pop()
        expected = b":%d" % len(self._streams[0].readers)
        if any(line != expected for line in lines):
            raise Wrong(f"a publisher was told {lines}")

    # --- other loads -----------------------------------------------------------------------

    def pings(self, *, interval: float, seconds: float = 600) -> Latencies:
        """Ping on the first connection, each ping due at its time; stop at the next command."""
        connection = next(iter(self._connections.values()))
        inbox = bytearray()
        began = _now()
        latencies = array("q")
        sent = answered = 0
        stopping = False
        answers = connection.socket.fileno()
        while not stopping or answered < sent:
            now = _now()
            stopping = stopping or now > began + seconds * 1e6
            while not stopping and (due := began + int(sent * interval * 1e6)) <= now:
                connection.socket.send(frame(f'{{"type":"ping","id":"{sent}"}}'))
                sent += 1
            pause = 1.0 if stopping else max(0.0, (due - _now()) / 1e6)
            sources = [answers] if stopping else [answers, _COMMANDS]
            ready = select.select(sources, [], [], pause)[0]
            if _COMMANDS in ready:
                stopping = True
            if answers not in ready:
                continue
            inbox += self._view[: self._must_read(connection)]
            while found := take(inbox):
                if found.get("type") == "pong":
                    due_then = began + int(int(found["id"]) * interval * 1e6)
                    latencies.append(_now() - due_then)
                    answered += 1
        return summary(latencies)

    def catch_up(self, *, texts: int) -> dict[str, float]:
        """Read, on the first connection, what it has left unread: so many texts, in order."""
        connection = next(iter(self._connections.values()))
        parser = self._streams[0].parser
        inbox = bytearray()
        numbers: dict[str, int] = {}
        began = time.monotonic()
        count = 0
        connection.socket.settimeout(_PATIENCE)
        while count < texts:
            inbox += self._view[: self._must_read(connection)]
            at = 0
            while found := parser.next(inbox, at):
                at, text = found
                if not text:
                    continue
                key, number = text[:LABEL].split("-")
                if numbers.setdefault(key, int(number)) != int(number):
                    raise Wrong(f"{text[:LABEL]} came where {numbers[key]} was next")
                numbers[key] += 1
                count += 1
            del inbox[:at]
        return {"texts": count, "seconds": time.monotonic() - began}


def take(inbox: bytearray) -> dict[str, Any] | None:
    """Cut the first frame off, if it is complete."""
    end = 4 + int.from_bytes(inbox[:4], "big")
    if len(inbox) < max(5, end):
        return None
    found: dict[str, Any] = json.loads(inbox[4:end])
    del inbox[:end]
    return found


def summary(latencies: array[int]) -> Latencies:
    """Return the percentiles of latencies in microseconds."""
    ordered = sorted(latencies) or [0]
    p50, p90, p99, p999 = (percentile(ordered, part) / 1000 for part in (0.5, 0.9, 0.99, 0.999))
    return {
        "count": len(latencies),
        "p50": p50,
        "p90": p90,
        "p99": p99,
        "p999": p999,
        "max": ordered[-1] / 1000,
    }


def _now() -> int:
    return time.monotonic_ns() // 1000


def main() -> None:
    """Obey the lines on standard input until it ends."""
    machine.allow_many_files()
    machine.wake_on_time()
    gc.disable()
    generator = Generator()
    commands: dict[str, Callable[..., object]] = {
        "connect": generator.connect,
        "round": generator.round,
        "pings": generator.pings,
        "catch_up": generator.catch_up,
        "rest": dict,
    }
    # unbuffered: a command that goes on until the next one must see that one come
    with open(_COMMANDS, "rb", buffering=0) as lines:
        while line := lines.readline():
            command = json.loads(line)
            try:
                answer = commands[command.pop("do")](**command)
            except (Wrong, OSError) as problem:
                answer = {"wrong": f"{type(problem).__name__}: {problem}"}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
