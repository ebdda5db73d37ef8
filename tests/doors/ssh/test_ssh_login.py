"""Who comes in by SSH: passwords, questions, guests, and how often and how long one may try."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from twisted.conch.ssh.common import NS, getNS
from twisted.conch.ssh.transport import MSG_SERVICE_REQUEST
from twisted.conch.ssh.userauth import MSG_USERAUTH_FAILURE, MSG_USERAUTH_SUCCESS
from twisted.internet.defer import Deferred

from tests.kit.ssh_client import SshClient, shown, ssh_factory, status
from tests.kit.world import ChatCase
from twisted_chat.accounts.proof import Proof
from twisted_chat.accounts.proofs import Prover
from twisted_chat.doors.ssh.authentication import INFO_REQUEST, INFO_RESPONSE, TRIES
from twisted_chat.doors.watch import LOGIN_SECONDS, STRANGER_SECONDS
from twisted_chat.vocabulary.names import user_name

OTHERS = b"publickey,keyboard-interactive,password"


class LoginCase(ChatCase):
    def setUp(self) -> None:
        self.chat = self.world(users=["alice"])
        self.factory = ssh_factory(self.chat)

    def connect(self) -> SshClient:
        client = SshClient(self.chat, self.factory)
        client.begin()
        client.send(MSG_SERVICE_REQUEST, NS(b"ssh-userauth"))
        client.take()
        return client

    def attempt(self, client: SshClient, user: str, method: bytes, rest: bytes = b"") -> list[int]:
        client.request(user, method, rest)
        return client.numbers()

    def by_password(self, client: SshClient, password: str, user: str = "alice") -> list[int]:
        return self.attempt(client, user, b"password", b"\0" + NS(password.encode()))

    def ask(self, client: SshClient, user: str = "alice") -> None:
        asked = self.attempt(client, user, b"keyboard-interactive", NS(b"") + NS(b""))
        self.assertEqual(asked, [INFO_REQUEST])

    def answer(self, client: SshClient, *answers: str) -> list[int]:
        count = len(answers).to_bytes(4, "big")
        client.send(INFO_RESPONSE, count + b"".join(NS(one.encode()) for one in answers))
        return client.numbers()


class PasswordTests(LoginCase):
    """An account's password, said or asked for."""

    def test_said(self) -> None:
        """A wrong one is refused, with what else there is; the right one lets in."""
        client = self.connect()
        client.request("alice", b"password", b"\0" + NS(b"wrong"))
        ((message, payload),) = client.take()
        self.assertEqual((message, getNS(payload)[0]), (MSG_USERAUTH_FAILURE, OTHERS))
        self.assertEqual(self.by_password(client, "secret"), [MSG_USERAUTH_SUCCESS])

    def test_asked(self) -> None:
        """The same as an answer; what is no answer is a wrong one."""
        client = self.connect()
        for wrong in (("wrong",), (), ("secret", "secret")):
            self.ask(client)
            self.assertEqual(self.answer(client, *wrong), [MSG_USERAUTH_FAILURE], wrong)
        self.ask(client)
        self.assertEqual(self.answer(client, "secret"), [MSG_USERAUTH_SUCCESS])

    def test_cut_off(self) -> None:
        """An answer that is cut off is a wrong one."""
        for rest in (b"", b"\0\0\0\1", b"\0\0\0\1\0\0"):
            client = self.connect()
            self.ask(client)
            client.send(INFO_RESPONSE, rest)
            self.assertEqual(client.numbers(), [MSG_USERAUTH_FAILURE], rest)

    def test_another_way(self) -> None:
        """A question that is not answered gives way to the next attempt."""
        client = self.connect()
        self.ask(client)
        self.ask(client)
        self.assertEqual(self.by_password(client, "secret"), [MSG_USERAUTH_SUCCESS])

    def test_unasked(self) -> None:
        """An answer that nobody asked for is nothing."""
        client = self.connect()
        self.assertEqual(self.answer(client, "secret"), [])
        self.assertEqual(self.by_password(client, "secret"), [MSG_USERAUTH_SUCCESS])

    def test_one_at_a_time(self) -> None:
        """While a password is judged nothing else is, and the one that is judged counts."""
        judged: Deferred[Proof] = Deferred()
        with patch.object(Prover, "password", lambda *_: judged):
            client = self.connect()
            for _ in range(2):
                client.request("alice", b"password", b"\0" + NS(b"secret"))
            self.assertEqual(client.numbers(), [MSG_USERAUTH_FAILURE])
            judged.callback(Proof(user_name("alice"), account=True))
        self.assertEqual(client.numbers(), [MSG_USERAUTH_SUCCESS])

    def test_counted_everywhere(self) -> None:
        """Wrong passwords here count at every door, and theirs here."""
        for _ in range(2):
            client = self.connect()
            for _ in range(3):
                self.by_password(client, "wrong")
        self.assertIn(MSG_USERAUTH_FAILURE, self.by_password(self.connect(), "secret"))
        native = self.chat.connect()
        native.send("login", user="alice", password="secret", id="1")
        self.assert_refused("too-many-attempts", native.got()[-1])


class GuestTests(LoginCase):
    """A name alone."""

    def test_guest(self) -> None:
        """A guest's name is enough, an account's is not, and what is no name is none."""
        for user, answer in (
            ("gus", MSG_USERAUTH_SUCCESS),
            ("alice", MSG_USERAUTH_FAILURE),
            ("ALICE", MSG_USERAUTH_FAILURE),
            ("a b", MSG_USERAUTH_FAILURE),
            ("", MSG_USERAUTH_FAILURE),
        ):
            self.assertEqual(self.attempt(self.connect(), user, b"none"), [answer], user)

    def test_names_cost(self) -> None:
        """Five names of accounts are told to an address, and then free ones look the same.

        Whose account has come in from there before comes in all the same.
        """
        users = [f"u{number}" for number in range(5)]
        self.chat = self.world(users=["alice", *users])
        self.factory = ssh_factory(self.chat)
        self.assertEqual(self.by_password(self.connect(), "secret"), [MSG_USERAUTH_SUCCESS])
        for user in users:
            self.assertEqual(self.attempt(self.connect(), "gus", b"none"), [MSG_USERAUTH_SUCCESS])
            self.assertEqual(self.attempt(self.connect(), user, b"none"), [MSG_USERAUTH_FAILURE])
        for user in ("gus", users[0]):
            self.assertEqual(self.attempt(self.connect(), user, b"none"), [MSG_USERAUTH_FAILURE])
        alice = self.connect()
        self.assertEqual(self.attempt(alice, "alice", b"none"), [MSG_USERAUTH_FAILURE])
        self.assertEqual(self.by_password(alice, "secret"), [MSG_USERAUTH_SUCCESS])

    def test_no_guests(self) -> None:
        """Where guests may not come a name is not enough."""
        self.chat = self.world(users=["alice"], guests=False)
        self.factory = ssh_factory(self.chat)
        self.assertEqual(self.attempt(self.connect(), "gus", b"none"), [MSG_USERAUTH_FAILURE])

    def test_taken(self) -> None:
        """Whose name somebody else has is told so where it would be in, with status 1."""
        self.chat.come("gus")
        client = self.connect()
        self.assertEqual(self.attempt(client, "gus", b"none"), [MSG_USERAUTH_SUCCESS])
        client.open()
        client.run("say lobby hello")
        got = client.take()
        self.assertIn(b"gus", b"".join(payload for message, payload in got if message == 95))
        self.assertEqual(shown(got), "")
        self.assertEqual(status(got), 1)


class BoundsTests(LoginCase):
    """How often, and how long."""

    def test_tries(self) -> None:
        """So many attempts on one connection, whatever they are."""
        client = self.connect()
        for _ in range(TRIES):
            self.assertEqual(self.attempt(client, "alice", b"hostbased"), [MSG_USERAUTH_FAILURE])
        client.request("alice", b"hostbased")
        self.assertEqual(client.farewell, b"too many bad auths")
        self.assertTrue(client.pipe.gone)

    def test_silence(self) -> None:
        """Who says nothing is let go, and who keeps saying something too, later."""
        client = self.connect()
        self.chat.pass_time(LOGIN_SECONDS + 2)
        client.settle()
        self.assertTrue(client.pipe.gone)
        client = self.connect()
        for second in range(int(STRANGER_SECONDS) + 2):
            if not client.pipe.gone and second % 20 == 0:
                client.request("alice", b"none")
            self.chat.pass_time(1)
            client.settle()
        self.assertTrue(client.pipe.gone)

    def test_before_keys(self) -> None:
        """Who does not even make keys is let go as well."""
        client: Any = SshClient(self.chat, self.factory)
        client.greet()
        self.chat.pass_time(LOGIN_SECONDS + 2)
        client.settle()
        self.assertTrue(client.pipe.gone)
