"""Where a client is: in which sessions, and up to which text it has been told each."""

from __future__ import annotations

from attrs import define, field
from msgspec.structs import replace

from twisted_chat.vocabulary import messages as m


@define(eq=False)
class Place:
    """A client's place in a session: ``seen`` is the ``seq`` of the last text it was told.

    ``epoch`` is None in a direct session whose life is not known yet. Of a place that is
    ``behind``, the server is being asked for what was missed: live texts wait for that, lest they
    overtake it.
    """

    session: str
    epoch: str | None = None
    seen: int = 0
    password: str | None = field(default=None, repr=False)
    behind: bool = False

    @property
    def direct(self) -> bool:
        """Whether it is a session of two users, who are there without joining."""
        return is_direct(self.session)


def is_direct(session: str) -> bool:
    """Whether a session's name is that of a direct one."""
    return session.startswith("@")


def peer(session: str, user: str) -> str:
    """Return the other one of a direct session's two users (oneself where one is alone in it)."""
    first, _, second = session.removeprefix("@").partition(",")
    return second if first == user else first


@define(eq=False)
class Places:
    """All places of one client, by the sessions' shown names.

    ``remembered``: there was a login before, so that what is not known is new.
    """

    known: dict[str, Place] = field(factory=dict)
    remembered: bool = False
    _named: set[str] = field(factory=set)

    def named_in(self, login: m.Login, before: m.Welcome | None) -> m.Login:
        """Return a login that names as many places as it holds; ``before`` answered the last."""
        lobby = before.lobby if before is not None else None
        room = m.MAX_FRAME_BEFORE_LOGIN - len(m.encode(login)) - len(',"resume":[]')
        return replace(login, resume=self.resume(room, lobby))

    def resume(self, room: int, lobby: str | None) -> list[m.Place]:
        """Return the places that a login names in ``room`` bytes; from now on all are behind.

        The lobby is first, because one is in it anyway, and live texts come from it at once.
        """
        named: list[m.Place] = []
        for place in sorted(self.known.values(), key=lambda place: place.session != lobby):
            place.behind = True
            entry = m.Place(
                session=place.session,
                after=place.seen,
                epoch=place.epoch,
                password=place.password,
            )
            room -= len(m.encode(entry)) + 1  # and a comma
            if room >= 0 and len(named) < m.MAX_RESUMED:
                named.append(entry)
        self._named = {entry.session for entry in named}
        return named

    def rejoin(self) -> list[m.Join]:
        """Return requests for the places that the login could not name."""
        return [
            m.Join(
                session=place.session,
                after=place.seen,
                epoch=place.epoch,
                password=place.password,
            )
            for place in self.known.values()
            if place.behind and place.session not in self._named
        ]

    def welcomed(self, direct: list[m.Direct]) -> None:
        """Take note of the direct sessions: what is said in them comes without a join.

        One that began while the client was away is behind, from its first text on.
        """
        for life in direct:
            if life.session not in self.known:
                missed = self.remembered and life.head > 0
                seen = 0 if missed else life.head
                self.known[life.session] = Place(life.session, life.epoch, seen, behind=missed)
        self.remembered = True

    def snapshot(self, snapshot: m.Snapshot, asked: m.Request | None) -> None:
        """Take note of where one is now; ``asked`` is the request that it answers."""
        place = self.known.get(snapshot.session)
        after = asked.after if isinstance(asked, m.Join) else None
        if place is None:
            place = self.known[snapshot.session] = Place(snapshot.session, seen=snapshot.head)
        moved = place.epoch is not None and place.epoch != snapshot.epoch
        if snapshot.reset or moved:
            place.seen = snapshot.head
        elif after is not None:
            place.seen = after
        place.epoch = snapshot.epoch
        place.behind = False
        if isinstance(asked, m.Join | m.Create):
            place.password = asked.password

    def heard(self, text: m.AnyEntry) -> bool:
        """Return whether an entry is to be told: it is new, and in its turn."""
        place = self.known.get(text.session)
        if place is None:
            if not is_direct(text.session):
                return False
            place = self.known[text.session] = Place(text.session)
        if place.behind or text.seq <= place.seen:
            return False
        place.seen = text.seq
        return True

    def left(self, session: str) -> None:
        """Forget a session."""
        self.known.pop(session, None)
