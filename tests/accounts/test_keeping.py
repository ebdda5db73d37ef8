"""Accounts as their users keep them: made, remembered by devices, with another password."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.kit.daemon import Daemon, RawClient
from twisted_chat.operation.steering import NoDaemon, ask

pytestmark = pytest.mark.slow

GOOD = "correct horse battery"
BETTER = "staple another one"


def make(folder: Path, *options: str) -> Daemon:
    users = ("--users", str(folder / "users.csv"), "--guests")
    return Daemon(
        "--log", "sqlite:chat.db", *users, "--admin", "admin.sock", *options, directory=folder
    )


def test_registering(tmp_path: Path) -> None:
    """Where it is open anybody makes an account, once; it is in the file, and lets in at once."""
    before = "user,password,role,phone\n# kept as it is, too\nalice,secret,,555\n"
    (tmp_path / "users.csv").write_text(before)
    with make(tmp_path, "--registration", "open") as daemon, RawClient(daemon.port) as client:
        for code, fields in (
            ("bad-request", {"user": "bob", "password": "no"}),
            ("bad-request", {"user": "bob", "password": "bob"}),
            ("name-in-use", {"user": "Alice", "password": GOOD}),
            ("name-in-use", {"user": "al1ce", "password": GOOD}),
            ("invalid-name", {"user": "a b", "password": GOOD}),
            ("invalid-name", {"user": "admin", "password": GOOD}),
        ):
            answer = client.ask("register", **fields)
            assert (answer["type"], answer["code"]) == ("error", code), (fields, answer)
        made = client.ask("register", user="Bob", password=GOOD)
        assert (made["type"], made["user"]) == ("registered", "Bob")
        assert client.ask("register", user="bob", password=GOOD)["code"] == "name-in-use"
        daemon.kill()
        text = (tmp_path / "users.csv").read_text()
        assert text.startswith(before)
        assert '\nBob,"$argon2id$' in text
        assert GOOD not in text
        daemon.start()
        with RawClient(daemon.port) as bob:
            welcome = bob.ask("login", user="bob", password=GOOD)
            assert (welcome["user"], welcome.get("guest")) == ("Bob", None)
            assert bob.ask("register", user="x1", password=GOOD)["code"] == "already-logged-in"


def test_invitations(tmp_path: Path) -> None:
    """A code is good for one account; without one, or closed, nothing is made."""
    with make(tmp_path, "--registration", "invite") as daemon, RawClient(daemon.port) as client:
        (code,) = ask(str(tmp_path / "admin.sock"), "invite", {})
        for wrong in ({}, {"invite": "guess"}):
            answer = client.ask("register", user="carol", password=GOOD, **wrong)
            assert answer["code"] == "bad-credentials"
        weak = client.ask("register", user="carol", password="x", invite=code)
        assert weak["code"] == "bad-request"  # the code is still good
        made = client.ask("register", user="carol", password=GOOD, invite=code)
        assert made["type"] == "registered", made
        again = client.ask("register", user="dora", password=GOOD, invite=code)
        assert again["code"] == "bad-credentials"
    with make(tmp_path) as daemon, RawClient(daemon.port) as client:
        assert client.ask("register", user="eve", password=GOOD)["code"] == "not-allowed"
        with pytest.raises(NoDaemon, match="closed"):
            ask(str(tmp_path / "admin.sock"), "invite", {})


def test_devices(tmp_path: Path) -> None:
    """A token lets in without the password, over kill -9, until it is forgotten."""
    with make(tmp_path, "--registration", "open") as daemon:
        with RawClient(daemon.port) as client:
            client.ask("register", user="bob", password=GOOD)
            welcome = client.ask("login", user="bob", password=GOOD, remember=True)
            token = welcome["token"]
        with RawClient(daemon.port) as other:
            assert "token" not in other.ask("login", user="bob", password=GOOD)
        daemon.kill()
        assert token.encode() not in (tmp_path / "chat.db").read_bytes()
        daemon.start()
        with RawClient(daemon.port) as phone, RawClient(daemon.port) as client:
            welcome = phone.ask("login", user="Bob", token=token)
            assert (welcome["type"], welcome["user"]) == ("welcome", "bob")
            for wrong in (token + "x", token.partition(".")[0] + ".", "x.y", ""):
                refused = client.ask("login", user="bob", token=wrong)
                assert refused["code"] in ("bad-credentials", "too-many-attempts"), wrong
            time.sleep(0.1)
        with RawClient(daemon.port) as phone, RawClient(daemon.port) as client:
            assert phone.ask("login", user="bob", token=token)["type"] == "welcome"
            assert client.ask("login", user="bob", password=GOOD)["type"] == "welcome"
            (device,) = client.ask("devices")["devices"]
            assert (device["door"], device["address"]) == ("native", "127.0.0.1")
            assert client.ask("forget", device="none")["code"] == "bad-request"
            forgotten = client.ask("forget", device=device["device"])
            assert forgotten["device"] == device["device"]
            assert "forgotten" in phone.receive_until("bye")["data"]
            assert client.ask("devices")["devices"] == []
        with RawClient(daemon.port) as phone:
            assert phone.ask("login", user="bob", token=token)["code"] == "bad-credentials"
        with RawClient(daemon.port) as guest:
            guest.login("guest")
            for request in ("devices", "forget", "passwd"):
                fields = {"devices": {}, "forget": {"device": "x"}}.get(
                    request, {"old": "x", "new": GOOD}
                )
                assert guest.ask(request, **fields)["code"] == "not-allowed"


def test_another_password(tmp_path: Path) -> None:
    """It ends all other connections and devices of the account; one's own goes on."""
    with make(tmp_path, "--registration", "open") as daemon:
        with RawClient(daemon.port) as client:
            client.ask("register", user="bob", password=GOOD)
        with RawClient(daemon.port) as bob, RawClient(daemon.port) as other:
            bob.ask("login", user="bob", password=GOOD)
            token = other.ask("login", user="bob", password=GOOD, remember=True)["token"]
            assert bob.ask("passwd", old="wrong", new=BETTER)["code"] == "bad-credentials"
            assert bob.ask("passwd", old=GOOD, new="short")["code"] == "bad-request"
            assert bob.ask("passwd", old=GOOD, new=BETTER)["type"] == "passwd"
            assert other.receive_until("bye")["type"] == "bye"
            assert bob.ask("ping")["type"] == "pong"
            assert bob.ask("text", session="lobby", data="still here")["type"] == "text"
        daemon.kill()
        daemon.start()
        with RawClient(daemon.port) as client:
            assert client.ask("login", user="bob", token=token)["code"] == "bad-credentials"
            assert client.ask("login", user="bob", password=GOOD)["code"] == "bad-credentials"
            assert client.ask("login", user="bob", password=BETTER)["type"] == "welcome"


def test_a_removed_account(tmp_path: Path) -> None:
    """Its connections end, and its devices let nobody in, also where it is made again."""
    with make(tmp_path, "--registration", "open") as daemon, RawClient(daemon.port) as client:
        client.ask("register", user="bob", password=GOOD)
        token = client.ask("login", user="bob", password=GOOD, remember=True)["token"]
        users = tmp_path / "users.csv"
        kept = users.read_text()
        users.write_text("user,password,role\n")
        ask(str(tmp_path / "admin.sock"), "reload", {})
        assert client.receive_until("bye")["type"] == "bye"
        users.write_text(kept)
        ask(str(tmp_path / "admin.sock"), "reload", {})
        with RawClient(daemon.port) as again:
            assert again.ask("login", user="bob", token=token)["code"] == "bad-credentials"
            assert again.ask("login", user="bob", password=GOOD)["type"] == "welcome"


def test_from_a_banned_address(tmp_path: Path) -> None:
    """Who is kept out of the server makes no account on it either."""
    (tmp_path / "users.csv").write_text("user,password,role\nalice,secret,operator\n")
    with (
        make(tmp_path, "--registration", "open") as daemon,
        RawClient(daemon.port) as alice,
        RawClient(daemon.port) as other,
    ):
        alice.ask("login", user="alice", password="secret")
        alice.ask("ban", server=True, address="127.0.0.1")
        assert other.ask("register", user="bob", password=GOOD)["code"] == "banned"
        alice.ask("unban", server=True, address="::ffff:127.0.0.1")
        assert other.ask("register", user="bob", password=GOOD)["type"] == "registered"


def test_a_name_that_owns_something(tmp_path: Path) -> None:
    """A guest's sessions are not inherited by whoever makes an account of its name."""
    (tmp_path / "users.csv").write_text("user,password\nalice,secret\n")
    with (
        make(tmp_path, "--registration", "open") as daemon,
        RawClient(daemon.port) as bob,
        RawClient(daemon.port) as alice,
        RawClient(daemon.port) as mallory,
    ):
        bob.login("bob")
        alice.ask("login", user="alice", password="secret")
        bob.ask("create", session="den")
        alice.ask("join", session="den")
        bob.close()
        alice.receive_until("left", user="bob", session="den")
        assert mallory.ask("register", user="bob", password=GOOD)["code"] == "name-in-use"
        alice.ask("leave", session="den")
        daemon.stop()
