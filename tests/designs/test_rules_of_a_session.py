"""Section 8 of the design, row by row, at the daemon: by frames and JSON alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.kit.daemon import Daemon, RawClient

pytestmark = pytest.mark.slow

USERS = "user,password,role\nroot,r00t-secret,operator\nann,ann-secret,\nben,ben-secret,\n"
PASSWORDS = {"root": "r00t-secret", "ann": "ann-secret", "ben": "ben-secret"}

Found = dict[str, Any]


class Den:
    """A daemon with a session of ann's, in which ben and gus, a guest, are too."""

    def __init__(self, folder: Path) -> None:
        (folder / "users.csv").write_text(USERS)
        (folder / "users.csv").chmod(0o600)
        options = ("--users", "users.csv", "--guests", "--log", "sqlite:chat.db")
        self.daemon = Daemon(*options, directory=folder)
        self.clients = ExitStack()

    def come(self, user: str, *, places: bool = False) -> RawClient:
        """Return somebody who has logged in."""
        client = self.clients.enter_context(RawClient(self.daemon.port))
        given = {"password": PASSWORDS[user]} if user in PASSWORDS else {}
        welcome = client.ask("login", user=user, places=places, **given)
        assert welcome["type"] == "welcome", welcome
        return client

    def begin(self) -> None:
        """Let everybody in."""
        self.root, self.ann, self.ben, self.gus = map(self.come, ("root", "ann", "ben", "gus"))
        self.ann.ask("create", session="den", keep=True)
        for client in (self.ben, self.gus):
            client.ask("join", session="den")


@pytest.fixture
def den(tmp_path: Path) -> Iterator[Den]:
    """A session, and those in it."""
    found = Den(tmp_path)
    with found.daemon, found.clients:
        found.begin()
        yield found


def told(found: Found, **fields: Any) -> None:
    """Hold that a message is that; ``count``, ``time`` and the like may be there, too."""
    assert {name: found.get(name) for name in fields} == fields, found


def refused(client: RawClient, code: str, request: str, **fields: Any) -> None:
    """Hold that something is refused, with a sentence."""
    reply = client.ask(request, **fields)
    told(reply, type="error", code=code)
    assert reply["data"]


def test_set(den: Den) -> None:
    """All members are told what is new, and ``locked`` for a password; for those who rule alone."""
    reply = den.ann.ask("set", session="den", moderated=True, limit=9, password="sesame")
    for found in (reply, den.ben.receive_until("changed")):
        told(found, session="den", moderated=True, limit=9, locked=True)
        assert "password" not in found
    refused(den.ben, "muted", "text", session="den", data="x")
    refused(den.ben, "not-allowed", "set", session="den", moderated=False)
    told(den.ann.ask("set", session="den", password=None, moderated=False), locked=False)
    den.ann.ask("set", session="den", hidden=True, open_topic=True)
    told(den.ben.ask("topic", session="den", topic="Mine"), type="topic", topic="Mine")
    other = den.come("zoe")
    assert "den" not in {one["session"] for one in other.ask("list")["sessions"]}
    refused(other, "no-such-session", "who", session="den")
    told(other.ask("join", session="den"), type="session", session="den", hidden=True)


def test_roles(den: Den) -> None:
    """The owner gives and hands over, moderators give ``voice``; of a guest while it is here."""
    for found in (
        den.ann.ask("role", session="den", user="ben", role="moderator"),
        den.gus.receive_until("role"),
    ):
        told(found, session="den", user="ben", role="moderator", by="ann")
    told(den.ben.ask("role", session="den", user="gus", role="voice"), role="voice", by="ben")
    refused(den.ben, "not-allowed", "role", session="den", user="gus", role="moderator")
    refused(den.gus, "not-allowed", "role", session="den", user="ben", role="none")
    told(den.ann.ask("role", session="den", user="ben", role="owner"), role="owner")
    refused(den.ann, "not-allowed", "role", session="den", user="ben", role="none")
    told(den.ann.ask("who", session="den"), type="who")
    told(den.root.ask("role", session="den", user="ann", role="owner"), by="root")


def test_kick(den: Den) -> None:
    """All are told, who is kicked too; it is no member any more. Not of the same rank or above."""
    refused(den.gus, "not-allowed", "kick", session="den", user="ben")
    den.ann.ask("role", session="den", user="ben", role="moderator")
    refused(den.ben, "not-allowed", "kick", session="den", user="ann")
    for found in (
        den.ben.ask("kick", session="den", user="gus", reason="spam"),
        den.ann.receive_until("kicked"),
        den.gus.receive_until("kicked"),
    ):
        told(found, session="den", user="gus", by="ben", reason="spam", count=2)
    refused(den.gus, "not-in-session", "text", session="den", data="x")
    told(den.gus.ask("join", session="den"), type="session")


def test_bans_and_mutes(den: Den) -> None:
    """Who asked is told; whom a ban fits is kicked; a mute is nobody else's to notice."""
    told(den.ann.ask("mute", session="den", user="gus", seconds=3_600), type="muted", user="gus")
    refused(den.gus, "muted", "text", session="den", data="x")
    found = den.ann.ask("ban", session="den", user="ben", reason="loud")
    told(found, type="banned", session="den", user="ben", reason="loud")
    told(den.ben.receive_until("kicked"), user="ben", by="ann", reason="loud", count=2)
    refused(den.ben, "banned", "join", session="den")
    den.ann.ask("ban", session="den", address="198.51.100.7/24")
    refused(den.gus, "not-allowed", "bans", session="den")
    entries = den.ann.ask("bans", session="den")["entries"]
    told(entries[0], kind="mute", user="gus", by="ann")
    assert entries[0]["until"] - entries[0]["since"] == 3_600_000
    told(entries[1], kind="ban", user="ben", by="ann", reason="loud", until=None)
    told(entries[2], kind="ban", address="198.51.100.0/24", user=None)
    told(den.ann.ask("unmute", session="den", user="GUS"), type="unmuted")
    told(den.gus.ask("text", session="den", data="x"), type="text", seq=1)
    told(den.ann.ask("unban", session="den", user="ben"), type="unbanned", user="ben")
    told(den.ben.ask("join", session="den"), type="session")


def test_invite(den: Den) -> None:
    """The invited is told, and comes in once: past ``invite``, a password and a ban."""
    den.ann.ask("set", session="den", invite=True, password="sesame")
    den.ann.ask("ban", session="den", user="ben")
    zoe = den.come("zoe")
    refused(zoe, "invite-only", "join", session="den", password="sesame")
    refused(den.gus, "not-allowed", "invite", session="den", user="zoe")
    for name, client in (("zoe", zoe), ("ben", den.ben)):
        den.ann.ask("invite", session="den", user=name)
        told(client.receive_until("invited"), session="den", user=name, by="ann")
        told(client.ask("join", session="den"), type="session")
        client.ask("leave", session="den")
    refused(zoe, "invite-only", "join", session="den", password="sesame")
    refused(den.ben, "banned", "join", session="den", password="sesame")


def test_of_the_server(den: Den) -> None:
    """Operators alone; who is banned is told why and comes in no more, by name or by address."""
    for kind in ("ban", "unban", "mute", "unmute"):
        refused(den.ann, "not-allowed", kind, user="gus", server=True)
    refused(den.ann, "not-allowed", "bans", server=True)
    refused(den.ann, "not-allowed", "notice", data="x")
    refused(den.ann, "not-allowed", "disconnect", user="gus")
    den.root.ask("mute", server=True, user="ben", reason="spam")
    refused(den.ben, "muted", "text", session="den", data="x")
    den.root.ask("notice", data="Down at ten.")
    told(den.ben.receive_until("notice"), data="Down at ten.", by="root")
    den.root.ask("notice", data="Here.", session="den")
    told(den.gus.receive_until("notice", session="den"), data="Here.", by="root")
    den.root.ask("disconnect", user="gus", reason="once")
    assert "once" in den.gus.receive_until("bye")["data"]
    assert den.gus.at_end()
    den.gus = den.come("gus")
    den.root.ask("ban", server=True, user="gus", reason="for good")
    assert "for good" in den.gus.receive_until("bye")["data"]
    assert den.gus.at_end()
    with RawClient(den.daemon.port) as again:
        refused(again, "banned", "login", user="Gus")
        den.root.ask("ban", server=True, address="127.0.0.1")
        refused(again, "banned", "login", user="zoe")
        assert den.ann.receive_until("bye")
    kinds = [(one["kind"], one.get("user")) for one in den.root.ask("bans", server=True)["entries"]]
    assert kinds == [("mute", "ben"), ("ban", "gus"), ("ban", None)]


def test_all_of_it_is_kept(den: Den) -> None:
    """What was decided holds after a kill -9: acknowledged means stored."""
    den.ann.ask("set", session="den", invite=True, open_topic=True, limit=7)
    den.ann.ask("role", session="den", user="ben", role="voice")
    den.ann.ask("ban", session="den", user="eve", reason="spam")
    den.ann.ask("invite", session="den", user="root")
    den.root.ask("mute", server=True, user="ann")
    den.daemon.kill()
    den.daemon.start()
    ann, ben, root = den.come("ann", places=True), den.come("ben"), den.come("root")
    told(ben.ask("join", session="den"), role="voice", invite=True, open_topic=True, limit=7)
    told(root.ask("bans", session="den")["entries"][0], kind="ban", user="eve", reason="spam")
    told(root.ask("join", session="den"), type="session")
    refused(ann, "muted", "text", session="den", data="x")
