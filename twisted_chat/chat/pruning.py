"""Retention: old texts of every session are forgotten, a bite at a time."""

from __future__ import annotations

from twisted_chat.chat.sessions import Sessions
from twisted_chat.log.contract import Log
from twisted_chat.vocabulary.errors import ChatError


async def prune(log: Log, sessions: Sessions, texts: int | None, older_than: int | None) -> None:
    """Forget old texts of every session: see Log.prune. Raises ChatError."""
    for session in tuple(sessions.values()):
        epoch = session.life.epoch
        more = True
        while more and sessions.get(session.life.key) is session:
            more = await log.prune(epoch, texts=texts, older_than=older_than)
            try:
                page = await log.read(epoch, 0, session.head + 1, 1)
            except ChatError:
                break  # deleted meanwhile, or not now: the next time will do
            session.pruned(page.first)
