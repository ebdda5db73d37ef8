"""Looking: who and what is here, and what was said before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from twisted_chat.chat.asking import answers
from twisted_chat.chat.fitting import fitting, trimmed
from twisted_chat.chat.session import Session
from twisted_chat.chat.user import User
from twisted_chat.log.contract import TextPage
from twisted_chat.vocabulary.addresses import network
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import (
    MAX_HISTORY,
    Found,
    History,
    List,
    Listing,
    Members,
    Search,
    Text,
    Texts,
    Who,
)


@answers(List)
async def list_(user: User, _: List) -> Iterator[Listing]:
    """See User.list."""
    return user.list()


@answers(Who)
async def who(user: User, request: Who) -> Members:
    """See User.who."""
    return user.who(request.session, request.after)


@answers(History)
async def history(user: User, request: History) -> Texts:
    """Return what is stored.

    Raises ChatError ``no-such-session``, ``not-in-session``, ``not-stored``.
    """
    session = user.own(request.session)
    after = 0 if request.after is None else request.after
    before, limit = _bounds(session, request)
    forward = request.after is not None
    read = user.chat.log.read if forward else user.chat.log.read_last
    page = await read(session.life.epoch, after, before, limit)
    entries = fitting([trimmed(entry) for entry in page.texts], from_end=not forward)
    return Texts(
        session=session.life.name,
        texts=list(entries),
        more=page.more or len(entries) < len(page.texts),
        epoch=session.life.epoch,
    )


@answers(Search)
async def search(user: User, request: Search) -> Found:
    """Return the stored texts that a query finds, in one session or in all of one's own.

    Raises ChatError ``no-such-session``, ``not-in-session``, ``bad-request``, ``not-stored``.
    """
    session = None if request.session is None else user.own(request.session)
    # One at a time for each account, and for the guests of an address: askers take turns.
    asker = network(user.mind.host) if user.person.guest else user.name.key
    async with user.chat.searching.of(asker):
        if session is not None:
            before, limit = _bounds(session, request)
            page = await _searched(user, session, request.query, before, limit)
            return _found(session.life.name, page.texts, more=page.more)
        sessions = [member.session for member in user.members.values()]
        sessions += [of for of, _ in user.coming.values()]
        return await _everywhere(user, dict.fromkeys(sessions), request)


async def _everywhere(user: User, sessions: Iterable[Session], request: Search) -> Found:
    """Find the newest of all sessions, one session after the other."""
    found: list[Text] = []
    more = False
    limit = min(request.limit, MAX_HISTORY)
    for session in sessions:
        try:
            page = await _searched(user, session, request.query, session.head + 1, limit)
        except ChatError:
            if user.chat.sessions.get(session.life.key) is session:
                raise
            continue  # it was deleted meanwhile
        found = sorted([*found, *page.texts], key=lambda text: text.time)
        more = more or page.more or len(found) > limit
        del found[:-limit]
    return _found(None, found, more=more)


async def _searched(user: User, session: Session, query: str, before: int, limit: int) -> TextPage:
    if user.gone:
        raise ChatError("not-logged-in", "The connection is gone.")
    user.searching = user.chat.log.search(session.life.epoch, query, before, limit)
    try:
        return await user.searching
    finally:
        user.searching = None


def _found(session: str | None, texts: list[Text], *, more: bool) -> Found:
    fit = fitting([trimmed(text) for text in texts], from_end=True)
    return Found(session=session, texts=list(fit), more=more or len(fit) < len(texts))


def _bounds(session: Session, request: History | Search) -> tuple[int, int]:
    """Return before which seq a request reads, and how many texts: nothing that is yet to be told.

    What is stored is given out a moment later, and a member is to see it in its place first.
    """
    end = session.head + 1
    before = end if request.before is None else min(request.before, end)
    return before, min(request.limit, MAX_HISTORY)
