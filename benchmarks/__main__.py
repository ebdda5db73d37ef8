"""``python -m benchmarks NAME``: one measurement; ``--help`` behind the name tells its options."""

from __future__ import annotations

import sys
from importlib import import_module

from benchmarks import machine
from benchmarks.checking import Wrong
from benchmarks.servers import NotThere

BENCHMARKS = {
    "fanout": "the cost of a delivery, and of others' servers beside ours",
    "curves": "the same against members and against outstanding texts, drawn",
    "idle": "10,000 guests coming in: memory, logins a second, and who is there already",
    "storm": "300 argon2 logins at once while two users chat",
    "back": "everybody comes back at once after a kill",
    "pauses": "the longest gap in a minute with 5,000 connections",
    "ssh": "OpenSSH clients beside native ones: processor time of a delivery, memory",
    "slow": "a member that never reads, and the others",
    "log": "the log on its own",
    "nodes": "a log in PostgreSQL beside one in a file, and one node beside two",
    "driver": "psycopg in a thread beside psycopg under asyncio",
    "fuzz": "anything at all at three doors: nothing breaks, nothing grows",
    "places": "logins of accounts that are in 1,000 sessions, and 10,000 logins at once",
    "edits": "a page of history with a thousand edits beyond it",
    "soak": "clients that come, go, vanish, stall and flood, for as long as it is told to",
    "web": "the web door beside the native one, and the page",
}


def main(argv: list[str]) -> int:
    """Run one benchmark; return its exit status: 1 where it could not run or went wrong."""
    if not argv or argv[0] not in BENCHMARKS:
        print("python -m benchmarks NAME [--help]\n", file=sys.stderr)
        for name, what in BENCHMARKS.items():
            print(f"  {name:8} {what}", file=sys.stderr)
        return 2
    machine.allow_many_files()
    try:
        found = import_module(f"benchmarks.{argv[0]}").main(argv[1:])
    except (NotThere, Wrong) as problem:
        print(f"{argv[0]}: {problem}", file=sys.stderr)
        return 1
    return int(found or 0)


sys.exit(main(sys.argv[1:]))
