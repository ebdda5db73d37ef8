"""The durable log of one node: a SQLite file, and a commit for many.

``open_sqlite`` opens it.
"""

from twisted_chat.log.sqlite.log import SqliteLog
from twisted_chat.log.sqlite.opening import open_sqlite

__all__ = ["SqliteLog", "open_sqlite"]
