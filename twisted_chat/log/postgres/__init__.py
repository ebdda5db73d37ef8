"""The log of many nodes: PostgreSQL is the truth, and gives every ``seq``.

``open_postgres`` opens it. It needs the extra ``cluster``.
"""

from twisted_chat.log.postgres.log import PostgresLog, open_postgres

__all__ = ["PostgresLog", "open_postgres"]
