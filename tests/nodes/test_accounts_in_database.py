"""``--users postgresql:``: accounts in the log's database, for all nodes, and for the commands."""

from __future__ import annotations

import io
from contextlib import ExitStack, redirect_stdout
from pathlib import Path

import pytest

from tests.kit.daemon import Daemon, RawClient
from tests.kit.postgres import postgres
from tests.kit.redis import Redis
from tests.kit.warm import ran
from twisted_chat.operation import doctor
from twisted_chat.operation.admin import main
from twisted_chat.operation.settings import Settings, SettingsError

pytestmark = pytest.mark.slow

PASSWORD = "correct horse 7 battery"


def command(*words: str, said: str = "") -> tuple[int, str]:
    """Run ``twisted-chat``, in a process of its own where it reads its input."""
    if said:
        found = ran("twisted-chat", *words, said=said)
        return found.returncode, found.stdout + found.stderr
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with redirect_stdout(out):
        status = main(list(words))
        out.flush()
    assert isinstance(out.buffer, io.BytesIO)
    return status, out.buffer.getvalue().decode()


def test_the_commands(tmp_path: Path) -> None:
    """``users`` does with a database what it does with a file, and copies one to the other."""
    url, file = postgres().url(), str(tmp_path / "users.csv")
    assert command("users", "add", url, "alice", "--password-stdin", said=PASSWORD)[0] == 0
    status, said = command("users", "add", url, "Alice", "--password-stdin", said=PASSWORD)
    assert (status, "already" in said) == (1, True)
    add = ("users", "add", url, "root", "--role", "operator", "--password-stdin")
    assert command(*add, said=PASSWORD)[0] == 0
    key = tmp_path / "id.pub"
    key.write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 42 + "E= laptop\n")
    if "damaged" in command("users", "key", url, "alice", str(key))[1]:
        pytest.fail("the key of this test is damaged")
    assert [line.split()[:2] for line in command("users", "list", url)[1].splitlines()] == [
        ["alice", "-"],
        ["root", "operator"],
    ]
    assert "2 accounts are copied" in command("users", "copy", url, file)[1]
    assert command("users", "keys", file)[1] == command("users", "keys", url)[1]
    assert "0 accounts are copied; 2 were" in command("users", "copy", file, url)[1]
    assert command("users", "list", file)[1] == command("users", "list", url)[1]
    assert command("users", "passwd", url, "alice", "--password-stdin", said=PASSWORD + "!")[0] == 0
    assert command("users", "remove", url, "alice")[0] == 0
    assert command("users", "keys", url)[1] == ""
    (found,) = doctor.accounts(Settings(log=url, users="postgresql:"))
    assert found.sentence == "The database has 1 accounts."
    other = postgres().url()
    plain = tmp_path / "plain.csv"
    plain.write_text("user,password,role\nalice,alice-changeme,\nbob,secret,\n")
    plain.chmod(0o600)
    with_plain = postgres().url()
    assert "2 accounts" in command("users", "copy", str(plain), with_plain)[1]
    told = [one.sentence for one in doctor.accounts(Settings(log=with_plain, users="postgresql:"))]
    for words in ("2 passwords are plain text", "knows the passwords of alice", "is an operator"):
        assert any(words in sentence for sentence in told), told
    assert "2 accounts" in command("users", "copy", file, other)[1]


def test_nodes_know_at_once() -> None:
    """An account that is made, changed or removed is so at every node, at once."""
    url = postgres().url()
    assert command("users", "add", url, "alice", "--password-stdin", said=PASSWORD)[0] == 0
    with ExitStack() as stack:
        broker = stack.enter_context(Redis())
        options = ("--log", url, "--hints", broker.url, "--users", "postgresql:")
        one, two = (
            stack.enter_context(Daemon(*options, "--registration", "open")) for _ in range(2)
        )
        there = stack.enter_context(RawClient(two.port))
        there.login("alice", password=PASSWORD)
        with RawClient(one.port) as client:
            assert client.ask("login", user="alice", password="wrong")["code"] == "bad-credentials"
        with RawClient(one.port) as client:
            made = client.ask("register", user="bob", password=PASSWORD)
            assert made["type"] in ("registered", "welcome"), made
        with RawClient(two.port) as client:
            client.login("bob", password=PASSWORD)
        with RawClient(one.port) as client:
            client.login("alice", password=PASSWORD)
            found = client.ask("passwd", old=PASSWORD, new=PASSWORD + "!")
            assert found["type"] != "error", found
            there.receive_until("bye")
        with RawClient(two.port) as client:
            client.login("alice", password=PASSWORD + "!")
            assert command("users", "remove", url, "alice")[0] == 0
            client.receive_until("bye")
        with RawClient(one.port) as client:
            found = client.ask("login", user="alice", password=PASSWORD + "!")
            assert found["code"] == "bad-credentials"


def test_what_can_not_be() -> None:
    """Accounts are in a database where the log is, and that is said."""
    from twisted_chat.operation.keeping import are_in_log

    for chosen in (
        Settings(users="postgresql:"),
        Settings(users="postgresql://other", log="postgresql://this"),
    ):
        with pytest.raises(SettingsError):
            are_in_log(chosen)
    assert not are_in_log(Settings(users="users.csv"))
