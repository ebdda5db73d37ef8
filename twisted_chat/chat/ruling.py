"""What was decided in a session, or for the server: roles, bans, mutes and invitations.

It is kept with the log, as records of the session's life (of the server: without one), and taken up
at start. Roles and invitations of guests are with the guest, for as long as it is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from attrs import define, field
from msgspec import DecodeError
from msgspec.json import Decoder, encode

from twisted_chat.chat.measures import Measure, Measures
from twisted_chat.log.contract import Log, Record
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.names import fits

Role = Literal["owner", "moderator", "voice", "none"]

MAX_ROLES: Final = 1_000
"""Roles of accounts in one session, at most; and invitations."""

_measure: Final = Decoder(Measure)


@define(eq=False)
class Ruling:
    """What was decided in a session whose life is ``scope`` (the server: "")."""

    scope: str
    roles: dict[str, tuple[Role, str]] = field(factory=dict, init=False)
    """By the key of an account: its role, and its name."""
    bans: Measures = field(factory=Measures, init=False)
    mutes: Measures = field(factory=Measures, init=False)
    invited: dict[str, str] = field(factory=dict, init=False)
    """By the key of an account: who has invited it."""
    standing: dict[str, str] = field(factory=dict, init=False)
    """By its key: the name, or a pattern of the names, of who may come in as often as it likes."""

    def role_of(self, key: str) -> Role:
        """Return the role of an account, but for the owner's."""
        return self.roles.get(key, ("none", ""))[0]

    def lets_in(self, key: str) -> bool:
        """Whether who is called so may come in as often as it likes."""
        return any(fits(key, pattern) for pattern in self.standing)

    # --- what is kept, as records ------------------------------------------------------------

    def measured(self, measure: Measure) -> Record:
        """Return what keeps a ban or a mute."""
        return Record(measure.kind, self.scope, measure.key, encode(measure))

    def lifted(self, measure: Measure) -> Record:
        """Return what keeps it no longer."""
        return Record(measure.kind, self.scope, measure.key, None)

    def given(self, key: str, role: Role, name: str) -> Record:
        """Return what keeps the role of an account."""
        return Record(
            "role", self.scope, key, None if role == "none" else f"{role} {name}".encode()
        )

    def asked_in(self, key: str, by: str | None) -> Record:
        """Return what keeps an invitation, or with None keeps it no longer."""
        return Record("invitation", self.scope, key, None if by is None else by.encode())

    def let_in(self, key: str, name: str | None) -> Record:
        """Return what keeps that who has a name may come in, or with None keeps it no longer."""
        return Record("standing", self.scope, key, None if name is None else name.encode())

    def take(self, record: Record) -> Measure | None:
        """Take up what was kept, at the start or by another node; without a value it is so no more.

        What can not be read is left out. Returns the ban or mute that it is.
        """
        value = record.value or b""
        try:
            if record.value is None:
                self._drop(record)
                return None
            if record.kind == "role":
                role, _, name = value.decode().partition(" ")
                if role in ("moderator", "voice"):
                    self.roles[record.key] = (role, name)  # type: ignore[assignment]
            elif record.kind == "invitation":
                self.invited[record.key] = value.decode()
            elif record.kind == "standing":
                self.standing[record.key] = value.decode()
            else:
                measure = _measure.decode(value)
                measures = self.bans if measure.kind == "ban" else self.mutes
                measures.remove(measure.key)
                measures.add(measure)
                return measure
        except (DecodeError, UnicodeDecodeError, ChatError):
            pass
        return None

    def _drop(self, record: Record) -> None:
        if record.kind == "role":
            self.roles.pop(record.key, None)
        elif record.kind == "invitation":
            self.invited.pop(record.key, None)
        elif record.kind == "standing":
            self.standing.pop(record.key, None)
        else:
            (self.bans if record.kind == "ban" else self.mutes).remove(record.key)


async def load(log: Log, rulings: Mapping[str, Ruling]) -> None:
    """Take up what the log holds of these, by their scopes. Raises ChatError."""
    for kind in ("role", "ban", "mute", "invitation", "standing"):
        after: str | tuple[str, str] = ""
        while records := await log.kept(kind, after=after):
            for record in records:
                if (ruling := rulings.get(record.scope)) is not None:
                    ruling.take(record)
            after = (records[-1].scope, records[-1].key)
