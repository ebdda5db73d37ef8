"""Looking: who and what is here, and what was said before."""

from __future__ import annotations

from collections.abc import Iterator

from twisted_chat.chat.asking import answers
from twisted_chat.chat.user import User
from twisted_chat.vocabulary.messages import (
    Found,
    History,
    List,
    Listing,
    Members,
    Search,
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
    """See User.history."""
    return await user.history(request)


@answers(Search)
async def search(user: User, request: Search) -> Found:
    """See User.search."""
    return await user.search(request)
