"""What a crowd says, in a closed loop, one at a time or on time; and who has received it."""

from __future__ import annotations

import select
import sys
import time
from array import array
from typing import Final

from benchmarks import machine
from benchmarks.checking import Reader, Sender, Wrong
from benchmarks.connecting import BUFFER, IN, OUT, PATIENCE, Connection, Crowd
from benchmarks.figures import Round, microseconds, summary

AWAY: Final = 2000
"""Microseconds of lateness from which on a generator counts as not there itself."""

COMMANDS: Final = 0
"""The descriptor that commands come from: standard input."""


class Talking:
    """Has texts said by a crowd, and counts what of them has come."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        # each is looked at for every text: one attribute, not two
        self._epoll = crowd.epoll
        self._connections = crowd.connections
        self._streams = crowd.streams
        self._senders = crowd.senders
        self._lines = crowd.lines
        self._acknowledged = crowd.acknowledged
        self._buffer = crowd.buffer
        self._view = crowd.view
        self._received = 0
        self._latencies = array("q")
        self._last = 0
        self._gap = 0
        self._window = 0
        self._left = 0

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
                rate, texts or int(rate * seconds), [COMMANDS] if interruptible else []
            )
        elif together:
            self._one_at_a_time(seconds, texts or sys.maxsize)
        else:
            self._closed(seconds, window, texts or sys.maxsize)
        deadline = time.monotonic() + PATIENCE
        while self._received < self._owed() - owed or any(s.sent for s in self._senders):
            self._turn(1.0)
            if time.monotonic() > deadline:
                break  # check_complete says what is missing
        after = self._clocks()
        for stream in self._streams:
            stream.check_complete()
        clocks = [end - start for start, end in zip(before, after, strict=True)]
        new = [stream.texts - old for stream, old in zip(self._streams, said, strict=True)]
        silent = 0 if self._crowd.wire.echoes or self._crowd.wire.apart else 1
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
            machine.processor_ns(self._crowd.server),
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
            patience = time.monotonic() + PATIENCE
            while sender.sent or self._received < stream.owed - before:
                self._turn(1.0)
                if time.monotonic() > patience:
                    return  # check_complete says what is missing

    def _open(self, rate: float, texts: int, interrupts: list[int]) -> int:
        """Say texts on time, in turn; return how late the latest was said, in us."""
        step = 1e6 / rate
        began = microseconds() + 1000
        self._last = began
        said = late = 0
        epoll = self._epoll.fileno()
        while said < texts:
            now = microseconds()
            while said < texts and (due := began + int(said * step)) <= now:
                sender = self._senders[said % len(self._senders)]
                if now - due > AWAY:
                    self._last = now  # the gap is this generator's own: it had no core
                late = max(late, now - due)
                self._send(sender, self._crowd.wire.say(sender.session, sender.say(1, due)))
                said += 1
            pause = (began + int(said * step) - microseconds()) / 1e6
            # epoll counts in milliseconds, select in microseconds
            ready = select.select([epoll, *interrupts], [], [], max(0.0, pause))[0]
            if epoll in ready:
                self._turn(0)
            if COMMANDS in ready:
                break
        return late

    def _say(self, sender: Sender, count: int) -> None:
        texts = sender.say(count, microseconds())
        self._send(sender, self._crowd.wire.say(sender.session, texts))

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
            self._epoll.modify(connection.socket.fileno(), IN | OUT)

    def _flush(self, connection: Connection) -> None:
        sent = connection.socket.send(connection.unsent)
        connection.unsent = connection.unsent[sent:]
        if not connection.unsent:
            self._epoll.modify(connection.socket.fileno(), IN)

    def _turn(self, timeout: float) -> None:
        """Wait for bytes, and take what has come from everyone who has some."""
        buffer, view, connections = self._buffer, self._view, self._connections
        acknowledged = self._acknowledged
        total = 0
        for descriptor, event in self._epoll.poll(timeout):
            connection = connections[descriptor]
            if event & OUT:
                self._flush(connection)
                if not event & IN:
                    continue
            reader = connection.reader
            if reader is None:
                self._replies(connection)
                continue
            if connection.muted:
                allowed = reader.allowance()
                if not allowed:
                    continue
                count = connection.socket.recv_into(buffer, min(allowed, BUFFER))
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
        now = microseconds()
        ends, dues, seen = reader.stream.ends, reader.stream.dues, reader.seen
        while seen < len(ends) and ends[seen] <= reader.position:
            self._latencies.append(now - dues[seen])
            seen += 1
        reader.seen = seen
        self._gap = max(self._gap, now - self._last)
        self._last = now

    def _replies(self, connection: Connection) -> None:
        """Check what a connection for publishing is told: the number of its readers."""
        connection.inbox += self._view[: self._crowd.must_read(connection)]
        lines = connection.inbox.split(b"\r\n")
        connection.inbox = lines.pop()
        expected = b":%d" % len(self._streams[0].readers)
        if any(line != expected for line in lines):
            raise Wrong(f"a publisher was told {lines}")
