"""Sessions: to create, join, leave and delete them, and what they are about."""

from __future__ import annotations

from twisted_chat.chat.asking import answers
from twisted_chat.chat.permissions import Rank, check_muted, rank_of
from twisted_chat.chat.user import User
from twisted_chat.vocabulary.messages import (
    Create,
    Delete,
    Deleted,
    Join,
    Leave,
    Left,
    SetTopic,
    Snapshot,
    TopicChanged,
)


@answers(Create)
async def create(user: User, request: Create) -> Snapshot:
    """See User.create. Raises ChatError ``muted``: its topic is something that is said."""
    if request.topic:
        check_muted(user)
    return await user.create(request.session, request.password, request.keep, request.topic)


@answers(Join)
async def join(user: User, request: Join) -> Snapshot:
    """See User.join."""
    return await user.join(request.session, request.password, request.after, request.epoch)


@answers(Leave)
async def leave(user: User, request: Leave) -> Left:
    """See User.leave."""
    return user.leave(request.session)


@answers(Delete)
async def delete(user: User, request: Delete) -> Deleted:
    """See User.delete."""
    direct = user.find(request.session).life.direct
    deleted = await user.delete(request.session)
    if direct is None:
        _note(user, "delete", deleted.session)
    return deleted


@answers(SetTopic)
async def set_topic(user: User, request: SetTopic) -> TopicChanged:
    """See User.set_topic."""
    changed = await user.set_topic(request.topic, request.session)
    if rank_of(user, user.find(changed.session)) >= Rank.MODERATOR:
        _note(user, "topic", changed.session, topic=changed.topic)
    return changed


def _note(user: User, what: str, session: str, **more: str) -> None:
    user.chat.audit.note(user.chat.millis(), what, user.name.text, session=session, **more)
