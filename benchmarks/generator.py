"""The load generator: a process of its own that is told by lines of JSON what to do.

Plain sockets and epoll, and nothing of Twisted or of the server: it measures from outside, and
must cost less than what it measures. Each line on standard input is a command, an object whose
``do`` names one of ``main``'s and whose other fields are its arguments; the answer is one line on
standard output. Who comes in is in connecting.py, and what is said in talking.py.
"""

from __future__ import annotations

import gc
import json
import select
import time
from array import array
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks import machine
from benchmarks.checking import LABEL, Wrong
from benchmarks.connecting import PATIENCE, Crowd
from benchmarks.figures import Latencies, microseconds, summary
from benchmarks.talking import COMMANDS, Talking
from benchmarks.wire import frame


def pings(crowd: Crowd, *, interval: float, seconds: float = 600) -> Latencies:
    """Ping on the first connection, each ping due at its time; stop at the next command."""
    connection = next(iter(crowd.connections.values()))
    inbox = bytearray()
    began = microseconds()
    latencies = array("q")
    sent = answered = 0
    stopping = False
    answers = connection.socket.fileno()
    while not stopping or answered < sent:
        now = microseconds()
        stopping = stopping or now > began + seconds * 1e6
        while not stopping and (due := began + int(sent * interval * 1e6)) <= now:
            connection.socket.send(frame(f'{{"type":"ping","id":"{sent}"}}'))
            sent += 1
        pause = 1.0 if stopping else max(0.0, (due - microseconds()) / 1e6)
        sources = [answers] if stopping else [answers, COMMANDS]
        ready = select.select(sources, [], [], pause)[0]
        if COMMANDS in ready:
            stopping = True
        if answers not in ready:
            continue
        inbox += crowd.view[: crowd.must_read(connection)]
        while found := take(inbox):
            if found.get("type") == "pong":
                due_then = began + int(int(found["id"]) * interval * 1e6)
                latencies.append(microseconds() - due_then)
                answered += 1
    return summary(latencies)


def catch_up(crowd: Crowd, *, texts: int) -> dict[str, float]:
    """Read, on the first connection, what it has left unread: so many texts, in order."""
    connection = next(iter(crowd.connections.values()))
    parser = crowd.streams[0].parser
    inbox = bytearray()
    numbers: dict[str, int] = {}
    began = time.monotonic()
    count = 0
    connection.socket.settimeout(PATIENCE)
    while count < texts:
        inbox += crowd.view[: crowd.must_read(connection)]
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


def main() -> None:
    """Obey the lines on standard input until it ends."""
    machine.allow_many_files()
    machine.wake_on_time()
    gc.disable()
    crowd = Crowd()
    commands: dict[str, Callable[..., object]] = {
        "connect": crowd.connect,
        "round": Talking(crowd).round,
        "pings": partial(pings, crowd),
        "catch_up": partial(catch_up, crowd),
        "rest": dict,
    }
    # unbuffered: a command that goes on until the next one must see that one come
    with open(COMMANDS, "rb", buffering=0) as lines:
        while line := lines.readline():
            command = json.loads(line)
            try:
                answer = commands[command.pop("do")](**command)
            except (Wrong, OSError) as problem:
                answer = {"wrong": f"{type(problem).__name__}: {problem}"}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
