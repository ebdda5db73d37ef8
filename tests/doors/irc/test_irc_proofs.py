"""Who somebody is at the IRC door: what is offered, certificates, and what names tell."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from base64 import b64encode
from pathlib import Path
from typing import Any, cast

import pytest

from tests.kit.certificates import make_certificate
from tests.kit.daemon import Daemon, free_port
from tests.kit.irc import Irc, IrcCase
from tests.kit.world import World
from twisted_chat.accounts.keys import FileKeys, certificate_blob, read_keys
from twisted_chat.doors.irc import IrcFactory, Sts
from twisted_chat.operation import admin

DIGEST = bytes(range(32))


class Certificate:
    """What a client has shown."""

    def digest(self, kind: str) -> bytes:
        """Return its fingerprint as OpenSSL writes it."""
        assert kind == "sha256"
        return ":".join(f"{byte:02X}" for byte in DIGEST).encode()


class Keys:
    """Alice has a certificate."""

    def has(self, user: str, blob: bytes) -> bool:
        """See KeyRing."""
        return user == "alice" and blob == certificate_blob(DIGEST)

    def whose(self, blob: bytes) -> str | None:
        """See KeyRing."""
        return "alice" if self.has("alice", blob) else None


class ProofTests(IrcCase):
    """What is offered is so, and what is proved holds."""

    def over_tls(self, world: World, shown: Certificate | None) -> Irc:
        """Return a client that is here by TLS."""
        prover = world.prover(Keys())
        factory = IrcFactory(world.admission, world.clock, lambda: None, prover=prover)
        factory.shared.sts = Sts(6697, 7)
        irc = Irc(world, factory)
        cast(Any, irc.pipe).getPeerCertificate = lambda: shown
        return irc

    def test_whois_says_so(self) -> None:
        """Who is here by TLS is said to be; who is not, is not."""
        world = self.world()
        secure = self.over_tls(world, None)
        secure.ask("NICK bob", "USER b 0 * :x")
        self.assertIn(" 671 bob bob :", " ".join(secure.ask("WHOIS bob")))
        clear = self.come(world, self.factory(world), "dave")
        self.assertNotIn(" 671 ", " ".join(clear.ask("WHOIS dave")))

    def test_external(self) -> None:
        """A certificate is a proof, with the account's name and without."""
        for said in ("+", b64encode(b"alice").decode()):
            irc = self.over_tls(self.world(users=["alice"]), Certificate())
            shown = "\n".join(irc.ask("CAP LS 302"))
            self.assertIn(" sasl=PLAIN,EXTERNAL ", shown)
            irc.ask("CAP REQ sasl", "NICK a", "USER a 0 * :x", "AUTHENTICATE EXTERNAL")
            self.assertIn(" 903 ", irc.ask(f"AUTHENTICATE {said}")[1])
            self.assertIn(" 001 alice ", irc.ask("CAP END")[0])

    def test_not_external(self) -> None:
        """No certificate, or another's name, is refused, and counts as a wrong password does."""
        irc = self.over_tls(self.world(users=["alice"]), None)
        irc.ask("CAP REQ sasl", "AUTHENTICATE EXTERNAL")
        self.assertIn(" 904 ", irc.ask("AUTHENTICATE +")[0])
        irc = self.over_tls(self.world(users=["alice", "bob"]), Certificate())
        bob = b64encode(b"bob").decode()
        irc.ask("CAP REQ sasl")
        for _ in range(5):
            irc.ask("AUTHENTICATE EXTERNAL")
            self.assertIn("do not match", irc.ask(f"AUTHENTICATE {bob}")[0])
        irc.ask("AUTHENTICATE EXTERNAL")
        self.assertIn("too many", irc.ask("AUTHENTICATE +")[0].lower())

    def test_in_clear(self) -> None:
        """Without TLS there is no EXTERNAL; there is word of where TLS is."""
        world = self.world(users=["alice"])
        factory = self.factory(world)
        irc = Irc(world, factory)
        self.assertNotIn("sts", irc.ask("CAP LS 302")[0])
        factory.shared.sts = Sts(6697, 7)
        self.assertIn(" sts=port=6697 ", " ".join(irc.ask("CAP LS 302")) + " ")
        self.assertIn(" NAK sts", irc.ask("CAP REQ sts")[0])
        self.assertNotIn("sts", " ".join(irc.ask("CAP LS")))
        irc.ask("CAP REQ sasl")
        self.assertIn(" 908 ", irc.ask("AUTHENTICATE EXTERNAL")[0])
        secure = self.over_tls(self.world(users=["alice"]), None)
        self.assertIn(" sts=duration=604800 ", " ".join(secure.ask("CAP LS 302")) + " ")

    def test_offered(self) -> None:
        """SASL and registration are offered where there are accounts, and where one may."""
        world = self.world()
        irc = Irc(world, self.factory(world))
        if not world.admission.accounts:
            self.assertNotIn(" sasl", irc.ask("CAP LS 302")[0])
        self.assertNotIn("account-registration", " ".join(irc.ask("CAP LS 302")))
        self.assertIn(" NAK ", irc.ask("CAP REQ draft/account-registration")[0])

    def test_names_cost(self) -> None:
        """Which names have accounts is told five times a minute to an address, and no more."""
        users = [f"u{number}" for number in range(10)]
        world = self.world(users=users)
        factory = self.factory(world)
        told = 0
        for name in users:
            irc = Irc(world, factory)
            shown = irc.ask(f"NICK {name}")
            told += " 433 " in shown[0]
            self.assertTrue(" 433 " in shown[0] or " 437 " in shown[0])
        self.assertEqual(told, 5)
        # And then a free name looks the same.
        self.assertIn(" 437 ", Irc(world, factory).ask("NICK free")[0])

    def test_aborted(self) -> None:
        """A registration that does not wait for SASL ends it, and goes on without."""
        world = self.world(users=["alice"])
        irc = Irc(world, self.factory(world))
        irc.ask("CAP REQ sasl", "AUTHENTICATE PLAIN", "NICK bob", "USER b 0 * :x")
        shown = irc.ask("CAP END")
        self.assertIn(" 906 ", shown[0])
        self.assertIn(" 001 bob ", shown[1])

    def test_pages_are_full(self) -> None:
        """What was done to texts does not make a page of them short."""
        world = self.world()
        factory = self.factory(world)
        caps = "batch message-tags draft/chathistory"
        carol = self.come(world, factory, "carol", caps)
        alice = world.come("alice")
        alice.ask("join", session="ops")
        for number in range(3):
            alice.say(f"n{number}", session="ops")
        for mark in "abcdefgh":
            alice.ask("react", session="ops", of=1, data=mark)
        alice.ask("edit", session="ops", of=2, data="better")
        alice.ask("redact", session="ops", of=3)
        carol.got()
        shown = carol.ask("CHATHISTORY LATEST #ops * 2")[1:-1]
        self.assertEqual([line.rsplit(" ", 1)[1] for line in shown], ["better"])


def reach(port: int) -> socket.socket:
    """Connect to a door."""
    return socket.create_connection(("127.0.0.1", port), 60)


@pytest.mark.slow
def test_certificate_over_tls(tmp_path: Path) -> None:
    """A client's certificate comes in over a real socket; it is listed, and taken away again."""
    (tmp_path / "server").mkdir()
    (tmp_path / "client").mkdir()
    server = make_certificate(tmp_path / "server")
    client = make_certificate(tmp_path / "client", 2, "alice")
    port = free_port()
    door = ("--irc", f"ssl:{port}:privateKey={server}:interface=127.0.0.1", "--log", "memory:")
    daemon = Daemon(*door, directory=tmp_path, users=["alice,wonderland9,"])
    users = str(tmp_path / "users.csv")
    assert admin.main(["users", "cert", users, "alice", str(client)]) == 0
    (key,) = read_keys(users + ".keys")
    assert FileKeys(users + ".keys").whose(key.blob) == "alice"
    with daemon:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(client)
        with (
            reach(port) as plain,
            context.wrap_socket(plain) as secure,
        ):
            secure.sendall(b"CAP REQ sasl\r\nNICK x\r\nUSER x 0 * :x\r\n")
            secure.sendall(b"AUTHENTICATE EXTERNAL\r\nAUTHENTICATE +\r\nCAP END\r\n")
            got = b""
            while b" 001 " not in got:
                more = secure.recv(65_536)
                assert more, got
                got += more
            assert b" 900 " in got
            assert b" 001 alice " in got
    assert admin.main(["users", "unkey", users, "alice", key.fingerprint]) == 0
    assert FileKeys(users + ".keys").whose(key.blob) is None


def make_signed(folder: Path) -> Path:
    """Write a certificate that an authority has signed, and its key, into one file."""
    commands = (
        "req -x509 -newkey ed25519 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.crt",
        "req -newkey ed25519 -nodes -subj /CN=localhost -keyout leaf.key -out leaf.csr",
        "x509 -req -in leaf.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out leaf.crt",
    )
    for words in commands:
        subprocess.run(["openssl", *words.split()], cwd=folder, check=True, capture_output=True)
    made = folder / "leaf.pem"
    made.write_bytes((folder / "leaf.key").read_bytes() + (folder / "leaf.crt").read_bytes())
    return made


def capabilities(port: int, context: ssl.SSLContext | None = None) -> str:
    """Return what is offered to a client."""
    with reach(port) as plain:
        line = context.wrap_socket(plain) if context is not None else plain
        line.sendall(b"CAP LS 302\r\n")
        got = b""
        while b" LS :" not in got and b"userhost-in-names" not in got:
            more = line.recv(65_536)
            assert more, got
            got += more
        if context is not None:
            line.close()
    return got.decode()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl here")
def test_told_of_tls(tmp_path: Path) -> None:
    """Clients are told of TLS where an authority has signed for it, and not otherwise."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for file, days, is_told in (
        (make_signed(tmp_path), 7, True),
        (make_signed(tmp_path), 0, False),
        (make_certificate(tmp_path), 7, False),
    ):
        clear, secure = free_port(), free_port()
        options = (
            *("--irc", f"tcp:{clear}:interface=127.0.0.1", "--irc-sts", str(days)),
            *("--irc", f"ssl:{secure}:privateKey={file}:interface=127.0.0.1"),
        )
        with Daemon(*options, "--log", "memory:", directory=tmp_path):
            said, over_tls = capabilities(clear), capabilities(secure, context)
        assert (f"sts=port={secure}" in said) is is_told
        assert ("sts=duration=604800" in over_tls) is is_told
