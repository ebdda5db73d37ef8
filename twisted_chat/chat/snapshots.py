"""Snapshots: a session as it is now, for one user."""

from __future__ import annotations

from twisted_chat.chat.roster import Roster
from twisted_chat.log.contract import Life
from twisted_chat.vocabulary.messages import Snapshot


def snapshot_of(
    life: Life,
    roster: Roster,
    head: int,
    read: int | None,
    role: str,
    port: int | None,
    *,
    reset: bool,
) -> Snapshot:
    """Return what somebody is told who joins; ``head`` is what was given out."""
    return Snapshot(
        session=life.name,
        epoch=life.epoch,
        head=head,
        users=list(roster.first_names()),
        count=roster.count,
        topic=life.topic,
        owner=life.owner,
        keep=life.keep,
        locked=life.password is not None,
        invite=life.invite,
        moderated=life.moderated,
        hidden=life.hidden,
        open_topic=life.open_topic,
        limit=life.limit,
        role=role,
        port=port,
        read=read,
        reset=reset,
    )
