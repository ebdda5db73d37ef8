"""Changing what was said: edits, redactions, reactions. Each is an entry of the log itself.

Whether the text is there, and whose it is, the log decides, in the order of the session: see
log/changing.py. So of an edit and a redaction that cross, the one that comes first wins.
"""

from __future__ import annotations

from twisted_chat.chat.asking import answers
from twisted_chat.chat.permissions import LEAST, check_speech, rank_of
from twisted_chat.chat.session import Session
from twisted_chat.chat.speaking import check_text
from twisted_chat.chat.user import User
from twisted_chat.log.contract import Entry, Kind
from twisted_chat.vocabulary.messages import Edit, React, Redact, Text
from twisted_chat.vocabulary.names import key_of


@answers(Edit)
async def edit(user: User, request: Edit) -> None:
    """Let one's own text read otherwise.

    Raises ChatError ``not-in-session``, ``empty``, ``too-long``; ``no-such-text`` and
    ``not-allowed`` come when the log has answered, as its echo does.
    """
    session = user.member(request.session).session
    check_text(request.data, user.chat.rules.max_text)
    check_speech(user, session)
    _change(user, session, Entry(user.name.text, request.data, request.id, "edit", request.of))


@answers(Redact)
async def redact(user: User, request: Redact) -> None:
    """Take back one's own text, or as who rules the session anybody's; see ``edit``."""
    session = user.member(request.session).session
    rules = rank_of(user, session) >= LEAST[Redact]
    if rules:
        await _note(user, session, request)
        session = user.member(session.name).session  # it may have been taken out meanwhile
    entry = Entry(
        user.name.text, request.reason or "", request.id, "redact", request.of, anyones=rules
    )
    _change(user, session, entry)


async def _note(user: User, session: Session, request: Redact) -> None:
    """Put it into the trail where the text is another's."""
    page = await user.chat.log.read(session.life.epoch, request.of - 1, request.of + 1, 1)
    found = [text for text in page.texts if isinstance(text, Text) and text.redacted is None]
    if found and key_of(found[0].source) != user.name.key:
        user.chat.audit.note(
            user.chat.millis(),
            "redact",
            user.name.text,
            user=found[0].source,
            session=session.name,
            of=request.of,
            reason=request.reason,
        )


@answers(React)
async def react(user: User, request: React) -> None:
    """Put a mark beside a text, or take one's own away; see ``edit``."""
    session = user.member(request.session).session
    check_speech(user, session)
    kind: Kind = "undo" if request.undo else "react"
    _change(user, session, Entry(user.name.text, request.data, request.id, kind, request.of))


def _change(user: User, session: Session, entry: Entry) -> None:
    session.change(user, entry)
    user.chat.speaking.spoke(user, session)
