"""Public keys of accounts: a file beside the users file, ``users.csv.keys``.

Each line is a user's name and one key as OpenSSH writes it: ``alice ssh-ed25519 AAAA… laptop``; or
in the same form the fingerprint of a client's certificate, ``alice x509-sha256 AAAA… phone``.
Lines that begin with ``#`` are comments. It is read again when it has changed.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from attrs import define, field, frozen
from twisted.logger import Logger

from twisted_chat.vocabulary.names import key_of

SUFFIX: Final = ".keys"

MAX_FILE: Final = 4 * 1024 * 1024

CERTIFICATE: Final = "x509-sha256"
"""The kind of what stands for a client's certificate: its fingerprint, SHA-256."""

KINDS: Final = frozenset(
    {
        CERTIFICATE,
        "ssh-ed25519",
        "ssh-rsa",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    }
)
"""What a key may be; one of RSA signs with SHA-2 alone."""

DIGEST: Final = 32
"""Bytes of a certificate's fingerprint."""

MIN_RSA: Final = 256
"""Bytes of an RSA key's blob, at least: 2,048 bits."""


class BadKey(Exception):
    """A key, or a file of keys, that can not be used: a sentence."""


@frozen
class PublicKey:
    """A user's key."""

    user: str
    kind: str
    blob: bytes = field(repr=False)
    comment: str = ""

    @property
    def fingerprint(self) -> str:
        """What ``ssh-keygen -l`` shows, or ``openssl x509 -fingerprint`` without its colons."""
        if self.kind == CERTIFICATE:
            return self.blob[-DIGEST:].hex()
        digest = base64.b64encode(sha256(self.blob).digest()).decode().rstrip("=")
        return f"SHA256:{digest}"

    def line(self) -> str:
        """Return the key as a line of the file."""
        words = (self.user, self.kind, base64.b64encode(self.blob).decode(), self.comment)
        return " ".join(words).rstrip()


def parse_key(user: str, text: str) -> PublicKey:
    """Read a key as OpenSSH writes it in ``id_ed25519.pub``. Raises BadKey."""
    words = text.split(None, 2)
    if len(words) < 2 or words[0] not in KINDS:
        raise BadKey("This is no public key of a kind that is taken (ed25519, RSA, ECDSA, sk-).")
    try:
        blob = base64.b64decode(words[1], validate=True)
    except binascii.Error:
        raise BadKey("This key is damaged.") from None
    kind = words[0].encode()
    if blob[:4] != len(kind).to_bytes(4, "big") or blob[4 : 4 + len(kind)] != kind:
        raise BadKey("This key is damaged.")
    if words[0] == CERTIFICATE and len(blob) != len(certificate_blob(bytes(DIGEST))):
        raise BadKey("This key is damaged.")
    if words[0] == "ssh-rsa" and len(blob) < MIN_RSA:
        raise BadKey("An RSA key has at least 2,048 bits.")
    comment = words[2].strip() if len(words) > 2 else ""
    return PublicKey(user, words[0], blob, "".join(c for c in comment if c.isprintable()))


def certificate_blob(digest: bytes) -> bytes:
    """Return what stands for a certificate among keys; ``digest`` is the SHA-256 of its DER."""
    kind = CERTIFICATE.encode()
    return len(kind).to_bytes(4, "big") + kind + digest


def read_keys(path: str) -> Iterator[PublicKey]:
    """Yield the keys of a file, which need not be there. Raises BadKey."""
    try:
        with open(path, "rb") as file:
            text = file.read(MAX_FILE).decode("utf-8-sig")
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as problem:
        raise BadKey(f"it can not be read ({problem}).") from None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        user, _, rest = line.strip().partition(" ")
        try:
            yield parse_key(user, rest)
        except BadKey as wrong:
            raise BadKey(f"line {number}: {wrong}") from None


@define(eq=False)
class FileKeys:
    """Which public keys accounts have: see ``proofs.KeyRing``."""

    path: str
    _seen: tuple[int, int, int] | None = None
    _keys: dict[str, frozenset[bytes]] = field(factory=dict)
    _users: dict[bytes, set[str]] = field(factory=dict)
    _log = Logger()

    def has(self, user: str, blob: bytes) -> bool:
        """Whether the account with the compared name ``user`` has that key."""
        self.refresh()
        return blob in self._keys.get(user, frozenset())

    def whose(self, blob: bytes) -> str | None:
        """Return the compared name of the one account that has that key."""
        self.refresh()
        users = self._users.get(blob, set())
        return next(iter(users)) if len(users) == 1 else None

    def refresh(self) -> None:
        """Read the file again where it has changed; what is wrong with it is logged once."""
        try:
            found = os.stat(self.path)
            seen = (found.st_mtime_ns, found.st_size, found.st_ino)
        except OSError:
            seen = (0, 0, 0)
        if seen == self._seen:
            return
        self._seen = seen
        keys: dict[str, set[bytes]] = {}
        try:
            for one in read_keys(self.path):
                keys.setdefault(key_of(one.user) or one.user, set()).add(one.blob)
        except BadKey as wrong:
            self._log.error(
                "{path}: {wrong} Keys are as they were.", path=self.path, wrong=str(wrong)
            )
            return
        self._keys = {user: frozenset(blobs) for user, blobs in keys.items()}
        self._users = {}
        for user, blobs in keys.items():
            for blob in blobs:
                self._users.setdefault(blob, set()).add(user)
