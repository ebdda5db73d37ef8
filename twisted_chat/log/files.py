"""What an operator does with the durable log's file: ``twisted-chat export``, and others.

Every command raises LogError or OSError with what a person needs to know, and has then stored or
replaced nothing.
"""

from __future__ import annotations

import argparse

from twisted_chat.log.backing_up import backup
from twisted_chat.log.exporting import export
from twisted_chat.log.importing import import_


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``export``, ``import`` and ``backup``: each sets ``run``, which takes the arguments."""
    exporting = commands.add_parser(
        "export", help="write a log's sessions and texts as JSON lines", description=export.__doc__
    )
    exporting.add_argument("file", metavar="LOG", help="such as chat.db, or postgresql://…")
    exporting.add_argument("session", metavar="SESSION", nargs="?", help="this one alone")
    exporting.set_defaults(run=export)
    importing = commands.add_parser(
        "import", help="read what export wrote into a log", description=import_.__doc__
    )
    importing.add_argument("file", metavar="LOG", help="such as chat.db; made if it is not there")
    importing.add_argument("lines", metavar="LINES", nargs="?", help="instead of standard input")
    importing.set_defaults(run=import_)
    backing = commands.add_parser(
        "backup", help="copy a log while the daemon runs", description=backup.__doc__
    )
    backing.add_argument("file", metavar="FILE", help="the log's file, such as chat.db")
    backing.add_argument("copy", metavar="COPY", help="the file to make, or to replace")
    backing.add_argument(
        "--files", metavar="FOLDER", help="the folder of files: those that texts name go with it"
    )
    backing.set_defaults(run=backup)
