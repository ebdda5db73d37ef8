"""Who somebody is, settled before anything is opened: for doors whose protocol asks first.

SSH and a terminal's prompt want the name and its proof before there is a conversation. A door gets
a ``Proof`` from here, and comes in with it as often as it has a connection to open: nothing is
verified twice, and what counts against an address is what always counts.
"""

from __future__ import annotations

from typing import Any, Protocol, cast

from attrs import define, field, frozen
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword, UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import maybeDeferred
from zope.interface import implementer

from twisted_chat.accounts.accounts import GuestName, IGuestName
from twisted_chat.accounts.admission import Admission
from twisted_chat.accounts.keys import certificate_blob
from twisted_chat.accounts.passwords import TooLate
from twisted_chat.accounts.proof import IProof, Proof
from twisted_chat.chat.member import Mind
from twisted_chat.chat.user import User
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.names import Name, user_name


class KnownAccount(Protocol):
    """An account."""

    @property
    def name(self) -> Name:
        """Whose it is."""


class Directory(Protocol):
    """The accounts that there are now."""

    def get(self, key: str) -> KnownAccount | None:
        """Return the account whose name compares as ``key``."""

    def refresh(self) -> None:
        """Look whether they have changed."""


@implementer(ICredentialsChecker)
@frozen(eq=False)
class ProofChecker:
    """Lets in who has a proof, as long as there is such an account."""

    accounts: Directory
    credentialInterfaces = (IProof,)

    def requestAvatarId(self, credentials: Proof) -> bytes:  # type: ignore[override]
        """Return the account's name in UTF-8. Raises UnauthorizedLogin."""
        self.accounts.refresh()
        account = self.accounts.get(credentials.name.key)
        if account is None:
            raise UnauthorizedLogin
        return account.name.text.encode()


class KeyRing(Protocol):
    """Which public keys accounts have."""

    def has(self, user: str, blob: bytes) -> bool:
        """Whether the account with the compared name ``user`` has that key."""

    def whose(self, blob: bytes) -> str | None:
        """Return the compared name of the one account that has that key."""


@define(eq=False)
class Prover:
    """Proves who somebody is, by the checkers of an ``admission``'s portal.

    ``accounts`` are those that there are, None where everybody is a guest; ``keys`` are theirs.
    """

    admission: Admission
    accounts: Directory | None = None
    keys: KeyRing | None = None

    def __attrs_post_init__(self) -> None:
        if self.accounts is not None:
            self.admission.portal.registerChecker(cast(Any, ProofChecker(self.accounts)))

    def guest(self, user: str, host: str) -> Proof | None:
        """Return the proof of a guest; None where the name needs another one: that counts.

        Raises ChatError ``invalid-name``, ``too-many-attempts``.
        """
        name = user_name(user)
        checker = self.admission.portal.checkers.get(IGuestName)
        if checker is None:
            return None
        self.admission.attempts.check(host, name.key)
        try:
            checker.requestAvatarId(GuestName(user))
        except UnauthorizedLogin:
            self.admission.attempts.asked(host, name.key)
            return None
        return Proof(name, account=False)

    async def password(self, user: str, password: str, host: str, door: str = "lines") -> Proof:
        """Verify a password.

        Raises ChatError ``invalid-name``, ``too-many-attempts``, ``bad-credentials``,
        ``server-full``.
        """
        name, attempts = user_name(user), self.admission.attempts
        key = name.key
        checker = self.admission.portal.checkers.get(IUsernamePassword)
        given = UsernamePassword(name.text.encode(), password.encode("utf-8", "surrogatepass"))
        await attempts.begin(host, key)
        try:
            if checker is None:
                raise UnauthorizedLogin
            await maybeDeferred(checker.requestAvatarId, given)
        except (UnauthorizedLogin, TooLate) as problem:
            self.admission.failed(name.text, host, door)
            if isinstance(problem, TooLate):
                raise
            raise _wrong() from None
        else:
            attempts.succeeded(host, key)
        finally:
            attempts.end(host, key)
        return Proof(name, account=True)

    def key(self, user: str, blob: bytes) -> Proof:
        """Return the proof of who has a public key; its signature is the door's to verify.

        Raises ChatError ``invalid-name``, ``bad-credentials``.
        """
        name = user_name(user)
        if self.accounts is None or self.keys is None:
            raise _wrong()
        self.accounts.refresh()
        account = self.accounts.get(name.key)
        if account is None or not self.keys.has(name.key, blob):
            raise _wrong()
        return Proof(account.name, account=True)

    def certificate(self, user: str, digest: bytes, host: str, door: str) -> Proof:
        """Return the proof of who has shown a certificate: its key the transport has verified.

        ``digest`` is the SHA-256 of its DER. Without ``user`` it is the one account that has it.
        Raises ChatError ``invalid-name``, ``bad-credentials``, ``too-many-attempts``.
        """
        self.admission.attempts.check(host)
        blob = certificate_blob(digest)
        named = user or (self.keys.whose(blob) if self.keys is not None else None)
        try:
            if named is None:
                raise _wrong()
            return self.key(named, blob)
        except ChatError:
            self.admission.failed(named or "*", host, door)
            raise

    def admission_of(self, proof: Proof) -> Proven:
        """Return the way in for who has proved who it is."""
        admission = self.admission
        return Proven(
            admission.portal, admission.attempts, accounts=admission.accounts, proof=proof
        )


@define(eq=False)
class Proven(Admission):
    """The way in for somebody, whatever is said at a login."""

    proof: Proof = field(kw_only=True)

    async def admit(self, user: str, password: str | None, token: str | None, mind: Mind) -> User:
        """Log in. Raises ChatError as ``Admission.admit``."""
        name = self.proof.name
        credentials = self.proof if self.proof.account else GuestName(name.text, token)
        return await self._login(name.key, credentials, mind)


def _wrong() -> ChatError:
    return ChatError("bad-credentials", "The name and the password do not match an account.")
