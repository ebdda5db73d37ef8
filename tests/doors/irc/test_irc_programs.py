"""irssi and weechat in real terminals: in, talk, the past, topic, kick, away, and back again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from tests.kit.daemon import Daemon, RawClient, free_port
from tests.kit.tmux import Tmux
from tests.kit.waiting import eventually

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux here"),
]

IRSSI = """
servers = ( {{ address = "127.0.0.1"; chatnet = "chat"; port = "{port}"; autoconnect = "yes"; }} );
chatnets = {{ chat = {{ type = "IRC"; nick = "alice"; sasl_mechanism = "PLAIN";
  sasl_username = "alice"; sasl_password = "wonderland9"; }}; }};
settings = {{ core = {{ real_name = "Alice"; user_name = "alice"; nick = "alice";
  server_reconnect_time = "2s"; }};
  "irc/core" = {{ cmd_queue_speed = "10msec"; cmds_max_at_once = "20"; }}; }};
"""
"""It would send a line in two seconds, once it has sent five."""


class IrcDaemon(Daemon):
    """A daemon with the IRC door, two accounts and guests."""

    def __init__(self) -> None:
        self.irc = free_port()
        super().__init__(
            *("--irc", f"tcp:{self.irc}:interface=127.0.0.1", "--guests"),
            *("--log", "sqlite:chat.db"),
            users=["alice,wonderland9,operator", "bob,looking-glass,"],
        )


def said(client: RawClient) -> list[str]:
    """Return what was said in ops."""
    return [text.get("data") for text in client.ask("history", session="ops")["texts"]]


@pytest.fixture
def daemon() -> Iterator[IrcDaemon]:
    """Run one."""
    with IrcDaemon() as running:
        yield running


@pytest.mark.skipif(shutil.which("irssi") is None, reason="there is no irssi here")
def test_irssi(daemon: IrcDaemon) -> None:
    """An account comes in by SASL; it talks, rules, is away; and comes back after a kill -9."""
    home = daemon.directory / "irssi"
    home.mkdir()
    (home / "config").write_text(IRSSI.format(port=daemon.irc))
    irssi = Tmux(["irssi", "--home", str(home)], 100)
    try:
        irssi.wait_for("SASL authentication succeeded")
        irssi.wait_for("Welcome to the chat, alice")
        irssi.type("/join #ops")
        irssi.wait_for("has joined #ops")
        irssi.type("/topic #ops what we do", "hello from irssi")
        irssi.wait_for("changed the topic of #ops to: what we do")
        irssi.wait_for("alice> hello from irssi")
        with RawClient(daemon.port) as carol:
            carol.login("carol")
            carol.ask("join", session="ops")
            eventually(lambda: said(carol) == ["hello from irssi"])
            irssi.wait_for("carol [carol@twisted-chat.invalid] has joined #ops")
            carol.ask("text", session="ops", data="hello from another door")
            irssi.wait_for("< carol> hello from another door")
            carol.ask("text", session="ops", data="/me dances")
            irssi.wait_for("* carol dances")
            irssi.type("/me waves", "/away gone fishing")
            irssi.wait_for("* alice waves")
            irssi.type("/kick carol no reason")
            irssi.wait_for("carol was kicked from #ops by alice [no reason]")
        assert not [row for row in irssi.shown() if "1970" in row]
        daemon.kill()
        daemon.start()
        with RawClient(daemon.port) as carol:
            carol.login("carol")
            carol.ask("join", session="ops")
            carol.ask("text", session="ops", data="while nobody was there")
            irssi.wait_for("< carol> while nobody was there")
    finally:
        irssi.end()


@pytest.mark.skipif(shutil.which("weechat") is None, reason="there is no weechat here")
def test_weechat(daemon: IrcDaemon) -> None:
    """A new member is given the past; it talks, changes a topic, writes to one user, is away."""
    with RawClient(daemon.port) as carol:
        carol.login("carol")
        carol.ask("create", session="ops")
        carol.ask("set", session="ops", open_topic=True)
        for number in range(3):
            carol.ask("text", session="ops", data=f"old words {number}")
        options = (
            f"/server add chat 127.0.0.1/{daemon.irc} -notls",
            "/set irc.server.chat.nicks bob",
            "/set irc.server.chat.sasl_username bob",
            "/set irc.server.chat.sasl_password looking-glass",
            "/set irc.server.chat.autojoin #ops",
            "/connect chat",
        )
        run = [part for option in options for part in ("-r", option)]
        weechat = Tmux(["weechat", "-d", str(daemon.directory / "weechat"), *run], 120)
        try:
            weechat.wait_for(" #ops")
            weechat.wait_for(" #lobby")
            weechat.wait(lambda rows: any("[irc/chat] " in row and "#" in row for row in rows))
            weechat.type("/buffer #ops")
            for number in range(3):
                weechat.wait_for(f"old words {number}")
            weechat.type("hello from weechat", "/topic new words", "/me nods")
            weechat.wait_for("bob nods")
            weechat.wait_for('to "new words"')
            carol.ask("text", to="bob", data="for you alone")
            weechat.type("/buffer carol")
            weechat.wait_for("for you alone")
            weechat.type("/away -all lunch")
            eventually(lambda: "lunch" in str(carol.ask("who", session="ops")))
            assert said(carol)[-2:] == ["hello from weechat", "/me nods"]
            weechat.type("/quit")
        finally:
            weechat.end()
    assert os.path.exists(daemon.directory / "weechat")
