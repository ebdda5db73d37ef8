"""``twistd chat``: the command line and the service, for twistd; the only importer of the reactor.

What can go wrong is found before anything listens, or while the sockets are bound: then it is one
line on standard error, and exit status 1.
"""

from __future__ import annotations

from twisted_chat.operation.options import Options
from twisted_chat.operation.service import ChatService
from twisted_chat.vocabulary.clock import steady

__all__ = ["Options", "makeService"]


def makeService(options: Options) -> ChatService:
    """Return the daemon as a service."""
    from twisted.internet import reactor

    steady(reactor)
    return ChatService(options, reactor)
