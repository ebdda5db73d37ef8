"""Who comes in by SSH: a password, keyboard-interactive, a public key, or a guest's name alone.

The proofs, and with them the limits and delays of logins, are those of every door: see
``accounts/proofs.py``. Conch reads the packets.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.conch.error import ConchError, IgnoreAuthentication
from twisted.conch.ssh.common import NS, getNS
from twisted.conch.ssh.userauth import (
    MSG_USERAUTH_PK_OK,
    MSG_USERAUTH_REQUEST,
    SSHUserAuthServer,
)
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import CancelledError, Deferred, fail

from twisted_chat.accounts.proof import Proof
from twisted_chat.doors.ssh.quiet import QuietLogger
from twisted_chat.doors.ssh.signatures import fits, verifies
from twisted_chat.vocabulary.errors import ChatError

INFO_REQUEST: Final = 60
INFO_RESPONSE: Final = 61

TRIES: Final = 6
"""Failed attempts on one connection, at most: a client offers each of its keys."""

LOGIN_SECONDS: Final = 120
"""How long a login may take in all."""

CONNECTION: Final = b"ssh-connection"
"""What everybody comes in for."""


class Authentication(SSHUserAuthServer):
    """Settles whose a connection is."""

    _log = QuietLogger()
    transport: Any

    loginTimeout = LOGIN_SECONDS
    attemptsBeforeDisconnect = TRIES
    passwordDelay = 0  # wrong passwords are slowed by address and account, for all doors

    def serviceStarted(self) -> None:
        """Begin."""
        self.clock = self.transport.factory.clock
        self._asked: Deferred[bytes] | None = None
        super().serviceStarted()
        self.supportedAuthentications = [b"publickey", b"keyboard-interactive", b"password"]

    def serviceStopped(self) -> None:
        """Somebody is in, or has gone."""
        if self._asked is not None:
            self._asked.cancel()
        super().serviceStopped()

    def packetReceived(self, messageNum: int, packet: bytes) -> Any:
        """Take a packet; what answers a question is no message that Conch knows."""
        if messageNum == INFO_RESPONSE:
            asked, self._asked = self._asked, None
            if asked is not None:
                asked.callback(packet)
            return None
        self.transport.heard()
        if self._asked is not None:  # a new attempt takes the place of one that was not finished
            asked, self._asked = self._asked, None
            asked.cancel()
        return super().packetReceived(messageNum, packet)

    def tryAuth(self, kind: bytes, user: bytes, data: bytes) -> Any:
        """Try one way, when the one before has been judged; ``none`` is a guest's."""
        if self.transport.judging:
            return fail(ConchError("one at a time"))
        if self.nextService != CONNECTION:
            return fail(ConchError("there is nothing else to come in for"))
        self.transport.judging = True
        tried = self._guest(user) if kind == b"none" else super().tryAuth(kind, user, data)
        return tried.addBoth(self._judged)

    def _judged(self, result: Any) -> Any:
        self.transport.judging = False
        return result

    def _guest(self, user: bytes) -> Deferred[Any]:
        try:
            proof = self.transport.factory.prover.guest(named(user), self.transport.host)
        except ChatError as refused:
            return fail(UnauthorizedLogin(str(refused)))
        if proof is None:
            return fail(ConchError("a proof is wanted"))
        return Deferred.fromCoroutine(_let_in(self.transport, proof))

    def auth_keyboard_interactive(self, _packet: bytes) -> Deferred[Any]:
        """Ask for the password: see RFC 4256."""
        question = NS(b"") + NS(b"") + NS(b"") + b"\0\0\0\1" + NS(b"Password: ") + b"\0"
        self._asked = asked = Deferred[bytes]()
        self.transport.sendPacket(INFO_REQUEST, question)
        return Deferred.fromCoroutine(self._answered(asked, self.user or b""))

    async def _answered(self, asked: Deferred[bytes], user: bytes) -> Any:
        try:
            packet = await asked
        except CancelledError:
            raise IgnoreAuthentication from None  # something else is tried, or it has gone
        if packet[:4] != b"\0\0\0\1" or len(packet) < 8:
            raise UnauthorizedLogin("one answer is wanted")
        return await by_password(self.transport, user, getNS(packet[4:])[0])

    def auth_password(self, packet: bytes) -> Deferred[Any]:
        """Let a password prove it."""
        password = getNS(packet[1:])[0]
        return Deferred.fromCoroutine(by_password(self.transport, self.user or b"", password))

    def auth_publickey(self, packet: bytes) -> Deferred[Any]:
        """Let a key prove it, or say that it could (RFC 4252, section 7)."""
        algorithm, blob, rest = getNS(packet[1:], 2)
        signature = getNS(rest)[0] if packet[0] else None
        return Deferred.fromCoroutine(self._by_key(algorithm, blob, signature))

    async def _by_key(self, algorithm: bytes, blob: bytes, signature: bytes | None) -> Any:
        user = self.user or b""
        try:
            proof = self.transport.factory.prover.key(named(user), blob)
        except ChatError as refused:
            raise UnauthorizedLogin(str(refused)) from None
        if not fits(algorithm, blob):
            raise UnauthorizedLogin("a signature of this kind is not taken")
        if signature is None:
            self.transport.sendPacket(MSG_USERAUTH_PK_OK, NS(algorithm) + NS(blob))
            raise IgnoreAuthentication
        request = NS(user) + NS(CONNECTION) + NS(b"publickey") + b"\1" + NS(algorithm) + NS(blob)
        signed = NS(self.transport.sessionID) + bytes((MSG_USERAUTH_REQUEST,)) + request
        if not verifies(algorithm, blob, signature, signed):
            raise UnauthorizedLogin("the signature does not match")
        attempts = self.transport.factory.prover.admission.attempts
        attempts.succeeded(self.transport.host, proof.name.key)
        return await _let_in(self.transport, proof)


class NoWays:
    """What Conch is told of the ways in: nothing, for Authentication names them."""

    def listCredentialsInterfaces(self) -> list[Any]:
        """Return nothing."""
        return []


async def by_password(transport: Any, user: bytes, password: bytes) -> Any:
    """Let an account in by its password; a guest by any."""
    prover = transport.factory.prover
    try:
        name, secret = named(user), password.decode()
        proof = prover.guest(name, transport.host)
        if proof is None:
            proof = await prover.password(name, secret, transport.host, "ssh")
    except (ChatError, UnicodeDecodeError) as refused:
        raise UnauthorizedLogin(str(refused)) from None
    return await _let_in(transport, proof)


async def _let_in(transport: Any, proof: Proof) -> Any:
    avatar = transport.let_in(proof)
    return (None, avatar, avatar.logout)


def named(user: bytes) -> str:
    """Return a user's name as it was sent. Raises ChatError ``invalid-name``."""
    try:
        return user.decode()
    except UnicodeDecodeError:
        raise ChatError("invalid-name", "A name is UTF-8.") from None
