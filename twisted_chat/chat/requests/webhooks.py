"""Webhooks of a session: made and revoked by its owner."""

from __future__ import annotations

from twisted_chat.chat.asking import answers
from twisted_chat.chat.permissions import check
from twisted_chat.chat.user import User
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import (
    ListedWebhook,
    MakeWebhook,
    Revoke,
    Revoked,
    WebhookList,
    WebhookMade,
    Webhooks,
)


@answers(MakeWebhook)
async def make_webhook(user: User, request: MakeWebhook) -> WebhookMade:
    """Make one. Raises ChatError ``not-allowed``, and as ``Webhooks.make`` of the chat."""
    session = user.ruled(request.session)
    check(user, session, MakeWebhook)
    if not user.chat.rules.webhooks:
        raise ChatError("not-allowed", "Webhooks come by the web door, and there is none.")
    name, secret = await user.chat.webhooks.make(session, user.name.text, request.name)
    _note(user, "webhook", session.name, name.text)
    return WebhookMade(session=session.name, name=name.text, link=f"hooks/{secret}")


@answers(Webhooks)
async def webhooks(user: User, request: Webhooks) -> WebhookList:
    """Return which there are. Raises ChatError ``not-allowed``, ``not-stored``."""
    session = user.ruled(request.session)
    check(user, session, Webhooks)
    found = await user.chat.webhooks.of(session)
    entries = [ListedWebhook(name=one.name, by=one.by, since=one.since) for one in found]
    return WebhookList(session=session.name, entries=entries)


@answers(Revoke)
async def revoke(user: User, request: Revoke) -> Revoked:
    """Revoke one. Raises ChatError ``not-allowed``, ``no-such-user``, ``not-stored``."""
    session = user.ruled(request.session)
    check(user, session, Revoke)
    name = await user.chat.webhooks.revoke(session, request.name)
    _note(user, "revoke", session.name, name)
    return Revoked(session=session.name, name=name)


def _note(user: User, what: str, session: str, name: str) -> None:
    user.chat.audit.note(user.chat.millis(), what, user.name.text, session=session, user=name)
