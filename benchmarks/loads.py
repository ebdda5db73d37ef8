"""Handles on load generators: processes of their own, pinned to the generators' core."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any, Self, cast

from benchmarks import machine
from benchmarks.checking import Wrong
from benchmarks.figures import Logins, Round
from benchmarks.servers import Server

LEAST_IDLE = 0.005
"""The part of a round that a generator must have been idle, or it was the bottleneck."""


class Load:
    """A generator and the server that it loads. Use it as a context manager."""

    def __init__(self, server: Server) -> None:
        self.server = server
        core = {machine.cores()[1]}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.generator"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=lambda: os.sched_setaffinity(0, core),
        )

    def connect(self, **arguments: object) -> Logins:
        """Bring members in: see Crowd.connect."""
        self.start_connecting(**arguments)
        return cast(Logins, self.answer())

    def start_connecting(self, **arguments: object) -> None:
        """Bring members in, and do not wait: ``answer`` tells how it went."""
        server = self.server
        self.tell("connect", kind=server.kind, port=server.port, server=server.pid, **arguments)

    def round(self, **arguments: object) -> Round:
        """Have texts said: see Talking.round.

        Raises Wrong if a delivery was, or if the generator had no idle time.
        """
        found = cast(Round, self.ask("round", **arguments))
        if idle(found) < LEAST_IDLE:
            raise Wrong(
                f"{self.server.name}: the generator was busy for"
                f" {100 - 100 * idle(found):.1f} % of the time: it was the bottleneck"
            )
        return found

    def interrupt(self) -> dict[str, Any]:
        """End a command that goes on until the next, and return its answer."""
        self.tell("rest")
        answer = self.answer()
        self.answer()
        return answer

    def ask(self, command: str, **arguments: object) -> dict[str, Any]:
        """Give a command and wait for its answer; raise Wrong if it failed."""
        self.tell(command, **arguments)
        return self.answer()

    def tell(self, command: str, **arguments: object) -> None:
        """Give a command."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": command, **arguments}).encode() + b"\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Wait for the answer to the oldest command."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Wrong(f"{self.server.name}: the generator ended")
        answer: dict[str, Any] = json.loads(line)
        if "wrong" in answer:
            console = self.server.console()
            raise Wrong(f"{self.server.name}: {answer['wrong']}\n\nIts console ends:\n{console}")
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()


def idle(found: Round) -> float:
    """Return the part of a round's time in which its generator had nothing to do."""
    return 1 - (found["generator_ns"] + found["waited_ns"]) / 1e9 / found["seconds"]
