"""What systemd is told (sd_notify(3)): that a service is ready, alive, reloading, stopping."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from time import CLOCK_MONOTONIC, clock_gettime_ns
from typing import Self

from attrs import define

MICRO = 1_000_000


@define
class Notifier:
    """Tells systemd, where there is one; what can not be told is left unsaid.

    ``watchdog`` is how many seconds systemd waits for a sign of life, 0 where it does not.
    """

    address: str = ""
    watchdog: float = 0.0

    @classmethod
    def found(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Return one for the systemd that started this process, if one did."""
        wanted = environment.get("WATCHDOG_USEC", "")
        pid = environment.get("WATCHDOG_PID", "")
        ours = pid in ("", str(os.getpid()))
        seconds = int(wanted) / MICRO if ours and wanted.isdecimal() else 0.0
        return cls(environment.get("NOTIFY_SOCKET", ""), seconds)

    def tell(self, *states: str) -> None:
        """Tell some states, such as ``READY=1``."""
        if not self.address:
            return
        address = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as way:
            way.setblocking(False)
            try:
                way.sendto("\n".join(states).encode(), address)
            except OSError:
                return

    def ready(self) -> None:
        """Everything listens, and logins are let in."""
        self.tell("READY=1")

    def reloading(self) -> None:
        """What the operator changed is being read; ``ready`` says that it is done."""
        self.tell("RELOADING=1", f"MONOTONIC_USEC={clock_gettime_ns(CLOCK_MONOTONIC) // 1_000}")

    def alive(self) -> None:
        """The reactor turns."""
        self.tell("WATCHDOG=1")

    def stopping(self) -> None:
        """The end has begun."""
        self.tell("STOPPING=1")
