"""What is asked of the operating system: cores, processor time, memory, limits. Linux only."""

from __future__ import annotations

import ctypes
import os
import resource
import time
from pathlib import Path

_PR_SET_TIMERSLACK = 29
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = os.sysconf("SC_CLK_TCK")


def cores() -> tuple[int, int]:
    """Return the core for the servers and the core for the generators: the same if there is one."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


def processor_ns(pid: int) -> int:
    """Return the processor time of a process so far, with all its threads, in nanoseconds.

    This is the clock that ``clock_getcpuclockid(3)`` finds: user and system time, to the
    nanosecond, where ``/proc/PID/stat`` counts hundredths of a second.
    """
    return time.clock_gettime_ns((~pid << 3) | 2)


def resident(pid: int) -> int:
    """Return the resident memory of a process, in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def waited_ns() -> int:
    """Return how long this thread has waited for a core that another had, in nanoseconds."""
    return int(Path("/proc/self/schedstat").read_text().split()[1])


def busy_ns() -> int:
    """Return how long all cores together have been busy, in nanoseconds: to see who else works."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = (
        int(ticks) for ticks in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) * 1_000_000_000 // _TICK


def allow_many_files() -> None:
    """Raise the limit of open files as far as it goes: a connection is one on either side."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def wake_on_time() -> None:
    """Have the kernel wake this process when it asked for, not up to 50 microseconds later."""
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1)


def describe() -> str:
    """Return one line about this machine."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{os.cpu_count()} cores, {model}, Linux {os.uname().release}"
