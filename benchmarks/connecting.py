"""Connections to one server: a crowd of them come in, and log in, by the steps of their wire."""

from __future__ import annotations

import gc
import select
import socket
import time
from collections.abc import Sequence
from typing import Final

from benchmarks.checking import Muted, Reader, Sender, Stream, Wrong
from benchmarks.figures import Logins, microseconds
from benchmarks.wire import Step, Wire, wire

BUFFER: Final = 1 << 18
"""Bytes read at once: as much as stays in a core's own cache."""

PATIENCE: Final = 20.0
"""Seconds without a byte after which what is owed counts as lost."""

IN: Final = select.EPOLLIN
OUT: Final = select.EPOLLOUT


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


class Crowd:
    """Connections to one server, and what each of them says and is to hear."""

    def __init__(self) -> None:
        self.epoll = select.epoll()
        self.connections: dict[int, Connection] = {}
        self.streams: list[Stream] = []
        self.senders: list[Sender] = []
        self.lines: dict[str, Connection] = {}
        """The connections of those who talk, by the senders' keys."""
        self.acknowledged: list[Sender] = []
        """Those who have seen a text of theirs."""
        self.wire: Wire = wire("native")
        self.server = 0
        """The server's process."""
        self.buffer = bytearray(BUFFER)
        self.view = memoryview(self.buffer)

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
        self.wire = spoken = wire(kind, password)
        self.server = server
        each = members + (1 if talkers and not spoken.echoes and not spoken.apart else 0)
        firsts: list[Connection] = []
        others: list[Connection] = []
        for place, session in enumerate(sessions):
            stream = Stream(spoken.parser(session), session or "lobby", echoes=spoken.echoes)
            stream.acknowledged = self.acknowledged
            self.streams.append(stream)
            talking = () if spoken.apart else {turn * each // talkers for turn in range(talkers)}
            for member in range(each):
                index = start + place * each + member
                steps = spoken.enter(index, session, first=create and member == 0)
                reader = self._reader(stream, index, session, talks=member in talking)
                connection = Connection(steps, reader)
                if member in talking:
                    self.lines[f"{index:05d}"] = connection
                (others if member else firsts).append(connection)
            for turn in range(talkers if spoken.apart else 0):
                index = start + place * talkers + turn
                self._sender(stream, index, session)
                connection = Connection([])
                self.lines[f"{index:05d}"] = connection
                others.append(connection)
        began = time.monotonic()
        slowest = max(self._bring(firsts, port, at_once), self._bring(others, port, at_once))
        seconds = time.monotonic() - began
        self._discard(quiet)
        gc.collect()
        gc.freeze()
        return {
            "connections": len(self.connections),
            "seconds": seconds,
            "slowest_ms": slowest / 1000,
        }

    def _reader(self, stream: Stream, index: int, session: str | None, *, talks: bool) -> Reader:
        name = f"member {index}"
        if not talks:
            return Reader(stream, name)
        sender = self._sender(stream, index, session)
        if self.wire.echoes:
            return Reader(stream, name, sender)
        sender.behind = Muted(stream, name)
        return sender.behind

    def _sender(self, stream: Stream, index: int, session: str | None) -> Sender:
        sender = Sender(index, session)
        stream.senders[sender.key] = sender
        self.senders.append(sender)
        return sender

    def _bring(self, waiting: list[Connection], port: int, at_once: int) -> int:
        """Take connections through their steps; return the longest that one took, in us."""
        waiting = waiting[::-1]
        under_way = 0
        slowest = 0
        deadline = time.monotonic() + PATIENCE
        while waiting or under_way:
            while waiting and under_way < at_once:
                connection = waiting.pop()
                connection.began = microseconds()
                connection.socket.connect_ex(("127.0.0.1", port))
                descriptor = connection.socket.fileno()
                self.connections[descriptor] = connection
                self.epoll.register(descriptor, OUT)
                under_way += 1
            for descriptor, event in self.epoll.poll(1.0):
                deadline = time.monotonic() + PATIENCE
                connection = self.connections[descriptor]
                if connection.expects is None and event & IN:
                    self.must_read(connection)
                elif self._next_step(connection, event):
                    under_way -= 1
                    slowest = max(slowest, microseconds() - connection.began)
            if time.monotonic() > deadline:
                raise Wrong(f"{under_way} connections are not answered")
        return slowest

    def _next_step(self, connection: Connection, event: int) -> bool:
        """Go on with coming in; return whether it is done."""
        if connection.expects is not None:
            connection.inbox += self.view[: self.must_read(connection)]
            if connection.expects not in connection.inbox:
                if b'"type":"error"' in connection.inbox:
                    raise Wrong(f"refused: {bytes(connection.inbox[-300:])!r}")
                return False
            connection.inbox.clear()
        elif event & ~OUT:
            error = connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            raise Wrong(f"no connection: error {error}")
        else:
            self.epoll.modify(connection.socket.fileno(), IN)
        step = next(connection.steps, None)
        if step is None:
            connection.expects = None
            return True
        connection.socket.send(step[0])
        connection.expects = step[1]
        return False

    def must_read(self, connection: Connection) -> int:
        """Read what a connection has, which must be something; return how many bytes."""
        count = connection.socket.recv_into(self.buffer)
        if not count:
            raise Wrong(f"the server closed: {bytes(connection.inbox[-200:])!r}")
        return count

    def _discard(self, quiet: float) -> None:
        """Read and forget what comes, until nothing has come for so long."""
        last = time.monotonic()
        while (left := last + quiet - time.monotonic()) > 0:
            for descriptor, _event in self.epoll.poll(left):
                self.must_read(self.connections[descriptor])
                last = time.monotonic()
