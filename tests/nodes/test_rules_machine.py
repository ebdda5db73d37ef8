"""Section 8 of the contract as a state machine, over two nodes: what is allowed, and what follows.

The model is written from the contract alone. Whoever asks is at one node or the other, by the
native or the web door, and all must see the same members after each step.
"""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from attrs import Factory, define
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.machines import examples
from tests.kit.nodes import Cluster
from tests.kit.web import Socket, Web
from tests.kit.world import Client

USERS = ("alice", "bob", "carol", "dan", "root")
RANKS = {"none": 0, "voice": 1, "moderator": 2, "owner": 3, "operator": 4}

users = st.sampled_from(USERS)
targets = st.sampled_from(USERS[:-1])


@define
class Den:
    """The session, as it should be."""

    owner: str | None = "alice"
    roles: dict[str, str] = Factory(dict)
    members: set[str] = Factory(lambda: {"alice"})
    banned: set[str] = Factory(set)
    muted: set[str] = Factory(set)
    silenced: set[str] = Factory(set)
    """Muted on the whole server."""
    invited: set[str] = Factory(set)
    password: str | None = None
    limit: int = 0
    invite: bool = False
    moderated: bool = False
    open_topic: bool = False

    def rank(self, user: str) -> int:
        """Return what a user may do."""
        if user == "root":
            return RANKS["operator"]
        return RANKS["owner" if user == self.owner else self.roles.get(user, "none")]

    def rules(self, user: str, least: int) -> str | None:
        """Return with which code something is refused that wants a rank; None: it is not."""
        if user not in self.members and not self.rank(user):
            return "not-in-session"
        return "not-allowed" if self.rank(user) < least else None

    def speech(self, user: str) -> str | None:
        """The same, of a text."""
        if user not in self.members:
            return "not-in-session"
        if self.moderated and not self.rank(user):
            return "muted"
        return "muted" if self.is_mute(user) else None

    def is_mute(self, user: str) -> bool:
        """Whether a user says nothing here; by name, it is meant whatever its role."""
        return self.rank(user) < RANKS["operator"] and user in self.muted | self.silenced

    def entry(self, user: str, password: str | None) -> str | None:
        """The same, of a join; an invitation is used up where it is needed."""
        if user in self.members:
            return None
        rank = self.rank(user)
        is_banned = user in self.banned  # by name: it is meant, whatever its role
        is_barred = is_banned or self.invite or self.password is not None
        is_let_in = rank == RANKS["operator"]
        if is_barred and (rank < RANKS["moderator"] or (is_banned and not is_let_in)):
            if user in self.invited:
                self.invited.discard(user)
                is_let_in = True
            elif is_banned:
                return "banned"
            elif self.invite and not rank:
                return "invite-only"
        if self.password is not None and not is_let_in and password != self.password:
            return "bad-password"
        if self.limit and len(self.members) >= self.limit:
            return "session-full"
        return None


class RulesMachine(RuleBasedStateMachine):
    """What anybody may ask for, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.cluster = Cluster(users=USERS[:-1], operators=["root"], invites_per_minute=0)
        one, two = self.cluster.worlds
        self.clients: dict[str, Client | Socket] = {
            "alice": one.come("alice"),
            "bob": two.come("bob"),
            "carol": Web(one).come("carol", password="secret"),
            "dan": Web(two).come("dan", password="secret"),
            "root": one.come("root"),
        }
        self.den = Den()
        self.ask("alice", "create", keep=True)

    def ask(self, by: str, type: str, /, **fields: Any) -> str | None:
        """Ask for something in the session; return the code of a refusal."""
        server = fields.get("server")
        found = self.clients[by].ask(type, **({} if server else {"session": "den"}), **fields)
        self.cluster.settle()
        return found.get("code")

    # --- what may be asked for ---------------------------------------------------------------

    @rule(user=users, password=st.sampled_from([None, "right", "wrong"]))
    def join(self, user: str, password: str | None) -> None:
        """Come in."""
        wanted = self.den.entry(user, password)
        given = {} if password is None else {"password": password}
        code = self.ask(user, "join", **given)
        if code == "too-many-attempts":  # wrong passwords have a limit of their own
            assert wanted == "bad-password" or password is not None
            self.cluster.pass_time(61)
            return
        assert code == wanted, (code, wanted)
        if wanted is None:
            self.den.members.add(user)

    @rule(user=users)
    def leave(self, user: str) -> None:
        """Go."""
        wanted = None if user in self.den.members else "not-in-session"
        assert self.ask(user, "leave") == wanted
        self.den.members.discard(user)

    @rule(user=users)
    def say(self, user: str) -> None:
        """Say something."""
        wanted = self.den.speech(user)
        assert self.ask(user, "text", data="x") == wanted

    @rule(user=users)
    def topic(self, user: str) -> None:
        """Change the topic."""
        wanted = None
        if user not in self.den.members:
            wanted = "not-in-session"
        elif not self.den.open_topic and self.den.rank(user) < RANKS["moderator"]:
            wanted = "not-allowed"
        elif self.den.is_mute(user):
            wanted = "muted"
        assert self.ask(user, "topic", topic="x") == wanted

    @rule(
        user=users,
        what=st.sampled_from(["invite", "moderated", "open_topic"]),
        value=st.booleans(),
    )
    def switch(self, user: str, what: str, value: bool) -> None:
        """Change a setting."""
        wanted = self.den.rules(user, RANKS["moderator"])
        assert self.ask(user, "set", **{what: value}) == wanted
        if wanted is None:
            setattr(self.den, what, value)

    @rule(user=users, limit=st.integers(0, 4))
    def set_limit(self, user: str, limit: int) -> None:
        """Change how many may be here."""
        wanted = self.den.rules(user, RANKS["moderator"])
        assert self.ask(user, "set", limit=limit) == wanted
        if wanted is None:
            self.den.limit = limit

    @rule(user=users, password=st.sampled_from(["right", ""]))
    def lock(self, user: str, password: str) -> None:
        """Set a password, or take it away."""
        wanted = self.den.rules(user, RANKS["moderator"])
        assert self.ask(user, "set", password=password) == wanted
        if wanted is None:
            self.den.password = password or None

    @rule(user=users, other=targets, role=st.sampled_from(["owner", "moderator", "voice", "none"]))
    def give(self, user: str, other: str, role: str) -> None:
        """Give a role, or take it away."""
        is_voice = role in ("voice", "none") and self.den.rank(other) <= RANKS["voice"]
        wanted = self.den.rules(user, RANKS["moderator" if is_voice else "owner"])
        assert self.ask(user, "role", user=other, role=role) == wanted
        if wanted is not None:
            return
        if role == "owner":
            self.den.owner = other
        elif self.den.owner == other:
            self.den.owner = None
        self.den.roles.pop(other, None)
        if role in ("moderator", "voice"):
            self.den.roles[other] = role

    @rule(user=users, other=targets)
    def kick(self, user: str, other: str) -> None:
        """Take somebody out."""
        wanted = self.den.rules(user, RANKS["moderator"])
        if wanted is None and other not in self.den.members:
            wanted = "no-such-user"
        if wanted is None and self.den.rank(other) >= self.den.rank(user):
            wanted = "not-allowed"
        assert self.ask(user, "kick", user=other) == wanted
        if wanted is None:
            self.den.members.discard(other)

    @rule(user=users, other=targets, kind=st.sampled_from(["ban", "mute"]))
    def measure(self, user: str, other: str, kind: str) -> None:
        """Keep somebody out, or quiet."""
        wanted = self.den.rules(user, RANKS["moderator"])
        if wanted is None and self.den.rank(other) >= self.den.rank(user):
            wanted = "not-allowed"
        assert self.ask(user, kind, user=other) == wanted
        if wanted is None and kind == "mute":
            self.den.muted.add(other)
        elif wanted is None:
            self.den.banned.add(other)
            self.den.members.discard(other)

    @rule(user=users, other=targets, kind=st.sampled_from(["ban", "mute"]))
    def lift(self, user: str, other: str, kind: str) -> None:
        """Take that back."""
        wanted = self.den.rules(user, RANKS["moderator"])
        assert self.ask(user, f"un{kind}", user=other) == wanted
        if wanted is None:
            (self.den.banned if kind == "ban" else self.den.muted).discard(other)

    @rule(user=users, other=targets, on=st.booleans())
    def silence(self, user: str, other: str, on: bool) -> None:
        """Mute somebody on the whole server, or take that back."""
        wanted = None if user == "root" else "not-allowed"
        assert self.ask(user, "mute" if on else "unmute", user=other, server=True) == wanted
        if wanted is None:
            (self.den.silenced.add if on else self.den.silenced.discard)(other)

    @rule(user=users, other=targets)
    def ask_in(self, user: str, other: str) -> None:
        """Invite somebody."""
        wanted = self.den.rules(user, RANKS["moderator" if self.den.invite else "none"])
        if wanted is None and user != "root" and user in self.den.silenced:
            wanted = "muted"
        if wanted is None and other == user:
            wanted = "no-such-user"
        assert self.ask(user, "invite", user=other) == wanted
        if wanted is None:
            self.den.invited.add(other)

    # --- what is so --------------------------------------------------------------------------

    @invariant()
    def all_see_the_same(self) -> None:
        """Both nodes know who is there, by what role and settings."""
        for world in self.cluster.worlds:
            session = world.chat.sessions["den"]
            assert {name.lower() for name in session.who("").users} == self.den.members
            assert session.life.owner == self.den.owner
            assert session.life.limit == self.den.limit
            assert {k: role for k, (role, _) in session.ruling.roles.items()} == self.den.roles
            assert {one.user for one in session.ruling.bans} == self.den.banned
            assert {one.user for one in session.ruling.mutes} == self.den.muted
        for client in self.clients.values():
            client.got()


class RulesMachineTests(SynchronousTestCase):
    """The machine, for a while."""

    def test_rules_hold_over_nodes(self) -> None:
        """Whatever is asked for by whomever, it is as section 8 says, at both nodes."""
        run_state_machine_as_test(RulesMachine, settings=examples(25, 40))
