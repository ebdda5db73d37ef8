"""What may be asked of a server: a method for each request."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from msgspec import convert
from twisted.internet.defer import Deferred

from twisted_chat.client.outbox import Fate
from twisted_chat.vocabulary import messages as m

T = TypeVar("T")


class Requests(ABC):
    """The requests of a ChatClient.

    Every one returns a Deferred and takes effect in the order in which it was made, also when
    it is made before the login is done or while the connection is down: it waits then. Each fails
    with ChatError where the server refuses, and at once, with the code ``not-stored``, where
    1,000 requests wait already. Texts that are in flight when the connection goes are sent again,
    as is what may be asked twice; ``create``, ``delete`` and ``topic`` fail with Unanswered.
    A Deferred that is cancelled (``addTimeout``) takes back a request that has not been sent.
    """

    @abstractmethod
    def ask(self, request: m.Request, expects: type[T], fate: Fate = "again") -> Deferred[T]:
        """Ask for something; fire with the answer, which is to be of the type ``expects``."""

    def say(self, session: str, data: str, *, reply: int | None = None) -> Deferred[m.Text]:
        """Say something in a session; fires with the text as it is stored, once it is.

        ``reply`` is the seq of the text that it answers.
        """
        return self.ask(m.Say(session=session, data=data, reply=reply), m.Text)

    def edit(self, session: str, of: int, data: str) -> Deferred[m.Edited]:
        """Let one's own text, whose seq is ``of``, read ``data``."""
        return self.ask(m.Edit(session=session, of=of, data=data), m.Edited)

    def redact(self, session: str, of: int, reason: str | None = None) -> Deferred[m.Redacted]:
        """Take a text back: one's own, or as an owner, a moderator or an operator any."""
        return self.ask(m.Redact(session=session, of=of, reason=reason), m.Redacted)

    def react(self, session: str, of: int, data: str, *, undo: bool = False) -> Deferred[m.Reacted]:
        """Put a mark beside a text, or take one's own away."""
        return self.ask(m.React(session=session, of=of, data=data, undo=undo), m.Reacted)

    def message(self, to: str, data: str) -> Deferred[m.Text]:
        """Say something to one user alone, in the direct session of the two."""
        return self.ask(m.Say(to=to, data=data), m.Text)

    def create(
        self, session: str, password: str | None = None, *, keep: bool = False, topic: str = ""
    ) -> Deferred[m.Snapshot]:
        """Create a session, and be its owner and first member."""
        request = m.Create(session=session, password=password, keep=keep, topic=topic)
        return self.ask(request, m.Snapshot, "fail")

    def join(
        self,
        session: str,
        password: str | None = None,
        *,
        after: int | None = None,
        epoch: str | None = None,
    ) -> Deferred[m.Snapshot]:
        """Become a member; with ``after`` a seq, the texts after it are told first."""
        request = m.Join(session=session, password=password, after=after, epoch=epoch)
        return self.ask(request, m.Snapshot)

    def leave(self, session: str) -> Deferred[m.Left]:
        """Stop being a member."""
        return self.ask(m.Leave(session=session), m.Left)

    def delete(self, session: str) -> Deferred[m.Deleted]:
        """End a session, and its texts: for its owner and for operators."""
        return self.ask(m.Delete(session=session), m.Deleted, "fail")

    def topic(self, session: str, topic: str) -> Deferred[m.TopicChanged]:
        """Change a session's topic: for its owner and for operators."""
        return self.ask(m.SetTopic(session=session, topic=topic), m.TopicChanged, "fail")

    def kick(self, session: str, user: str, reason: str | None = None) -> Deferred[m.Kicked]:
        """Take a user out of a session, who may come back."""
        return self.ask(m.Kick(session=session, user=user, reason=reason), m.Kicked, "fail")

    def role(self, session: str, user: str, role: m.RoleName) -> Deferred[m.RoleGiven]:
        """Give a user a role in a session."""
        return self.ask(m.SetRole(session=session, user=user, role=role), m.RoleGiven, "fail")

    def roles(self, session: str, *, after: int = 0) -> Deferred[m.RoleList]:
        """Ask who has a role in a session: 200 at most, after so many of them."""
        return self.ask(m.Roles(session=session, after=after), m.RoleList)

    def set(self, session: str, **settings: Any) -> Deferred[m.Changed]:
        """Change settings of a session: those of ``m.SetSettings``."""
        return self.ask(m.SetSettings(session=session, **settings), m.Changed, "fail")

    def invite(
        self, session: str, user: str, *, lasting: bool = False, undo: bool = False
    ) -> Deferred[m.Invited]:
        """Let a user join a session once, or with ``lasting`` always; with ``undo`` no more."""
        request = m.Invite(session=session, user=user, lasting=lasting, undo=undo)
        return self.ask(request, m.Invited, "fail")

    def list(self) -> Deferred[m.Listing]:
        """Ask which sessions there are and who is here."""
        return self.ask(m.List(), m.Listing)

    def who(self, session: str, *, after: str | None = None) -> Deferred[m.Members]:
        """Ask who is in a session: 1,000 names at most, those after the name ``after``."""
        return self.ask(m.Who(session=session, after=after), m.Members)

    def history(
        self, session: str, *, before: int | None = None, after: int | None = None, limit: int = 50
    ) -> Deferred[m.Texts]:
        """Read stored texts, 200 at most: those before a seq, after one, or the latest.

        They are not told to listeners, and may have been told before.
        """
        request = m.History(session=session, before=before, after=after, limit=limit)
        return self.ask(request, m.Texts)

    def search(
        self, session: str | None, query: str, *, before: int | None = None, limit: int = 50
    ) -> Deferred[m.Found]:
        """Find stored texts, the newest of those before the seq ``before``; None: everywhere."""
        request = m.Search(session=session, query=query, before=before, limit=limit)
        return self.ask(request, m.Found)

    def read(self, session: str, seq: int) -> Deferred[m.ReadTo]:
        """Say how far one has read; an account's other connections are told."""
        return self.ask(m.Read(session=session, seq=seq), m.ReadTo)

    def away(self, data: str = "") -> Deferred[m.WentAway]:
        """Say that one is away, and why; or with nothing that one is back."""
        return self.ask(m.Away(data=data), m.WentAway)

    def choose(
        self,
        *,
        ignore: Iterable[str] = (),
        unignore: Iterable[str] = (),
        levels: Mapping[str, str] = MappingProxyType({}),
    ) -> Deferred[m.Chosen]:
        """Set something for oneself, as an account; return all that is set.

        ``levels``: of what one is told in sessions: ``all``, ``mentions``, ``none``, ``usual``.
        """
        chosen = [{"session": session, "level": level} for session, level in levels.items()]
        request = convert(
            {"ignore": list(ignore), "unignore": list(unignore), "levels": chosen}, m.Choose
        )
        return self.ask(request, m.Chosen)

    def ping(self) -> Deferred[m.Pong]:
        """Ask for a sign of life."""
        return self.ask(m.Ping(), m.Pong)
