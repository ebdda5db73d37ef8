"""Keys of clients: each kind signs as it should, and a security key has to be touched."""

from __future__ import annotations

import base64
import struct
from hashlib import sha256
from typing import Any

from attrs import define
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from twisted.conch.ssh.common import MP, NS
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.transport import MSG_SERVICE_REQUEST
from twisted.conch.ssh.userauth import (
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_PK_OK,
    MSG_USERAUTH_REQUEST,
    MSG_USERAUTH_SUCCESS,
)
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.ssh_client import SshClient, ssh_factory
from tests.kit.world import ChatCase, World
from twisted_chat.accounts.attempts import MAX_FAILURES
from twisted_chat.accounts.keys import parse_key
from twisted_chat.doors.ssh.signatures import SIGNATURES, TOUCHED, verifies

APPLICATION = b"ssh:"
VERIFIED = 0x04
"""Among a security key's flags: it has been given its PIN too."""

SK_ED25519 = b"sk-ssh-ed25519@openssh.com"
SK_ECDSA = b"sk-ecdsa-sha2-nistp256@openssh.com"


@define(eq=False, slots=False)
class SecurityKey:
    """A security key in software: see OpenSSH's PROTOCOL.u2f."""

    kind: bytes
    flags: int = TOUCHED
    count: int = 7

    def __attrs_post_init__(self) -> None:
        self.ed25519 = ed25519.Ed25519PrivateKey.generate()
        self.ecdsa = ec.generate_private_key(ec.SECP256R1())

    @property
    def blob(self) -> bytes:
        """The public key, as it travels."""
        if self.kind == SK_ED25519:
            public = NS(self.ed25519.public_key().public_bytes_raw())
        else:
            point = (Encoding.X962, PublicFormat.UncompressedPoint)
            public = NS(b"nistp256") + NS(self.ecdsa.public_key().public_bytes(*point))
        return NS(self.kind) + public + NS(APPLICATION)

    def sign(self, data: bytes, kind: bytes = b"") -> bytes:
        """Return a signature."""
        state = struct.pack(">BL", self.flags, self.count)
        signed = sha256(APPLICATION).digest() + state + sha256(data).digest()
        if self.kind == SK_ED25519:
            raw = self.ed25519.sign(signed)
        else:
            r, s = decode_dss_signature(self.ecdsa.sign(signed, ec.ECDSA(hashes.SHA256())))
            raw = MP(r) + MP(s)
        return NS(kind or self.kind) + NS(raw) + state


RSA = rsa.generate_private_key(65_537, 2_048)
PLAIN = {
    b"ssh-ed25519": Key(ed25519.Ed25519PrivateKey.generate()),
    b"rsa-sha2-256": Key(RSA),
    b"rsa-sha2-512": Key(RSA),
    b"ecdsa-sha2-nistp256": Key(ec.generate_private_key(ec.SECP256R1())),
    b"ecdsa-sha2-nistp384": Key(ec.generate_private_key(ec.SECP384R1())),
    b"ecdsa-sha2-nistp521": Key(ec.generate_private_key(ec.SECP521R1())),
}


class SignatureTests(SynchronousTestCase):
    """What is a signature, and what is none."""

    def test_plain(self) -> None:
        """Each kind, and nothing that was signed otherwise."""
        for kind, key in PLAIN.items():
            blob, signature = key.public().blob(), key.sign(b"data", signatureType=kind)
            self.assertTrue(verifies(kind, blob, signature, b"data"), kind)
            self.assertFalse(verifies(kind, blob, signature, b"datA"), kind)
            self.assertFalse(verifies(kind, blob, signature + b"\1", b"data"), kind)
            for other in SIGNATURES:
                if other != kind:
                    self.assertFalse(verifies(other, blob, signature, b"data"), (kind, other))

    def test_sha1(self) -> None:
        """RSA with SHA-1 is not taken, whatever was said of it."""
        raw = RSA.sign(b"data", padding.PKCS1v15(), hashes.SHA1())
        signature, blob = NS(b"ssh-rsa") + NS(raw), Key(RSA).public().blob()
        for said in (b"ssh-rsa", b"rsa-sha2-256", b"rsa-sha2-512"):
            self.assertFalse(verifies(said, blob, signature, b"data"))

    def test_security_keys(self) -> None:
        """A security key's, with whatever more it says of who was there."""
        for kind in (SK_ED25519, SK_ECDSA):
            for flags in (TOUCHED, TOUCHED | VERIFIED):
                key = SecurityKey(kind, flags)
                self.assertTrue(verifies(kind, key.blob, key.sign(b"data"), b"data"))
                self.assertFalse(verifies(kind, key.blob, key.sign(b"data"), b"datA"))

    def test_not_touched(self) -> None:
        """Nobody was there: the signature is right, and not taken."""
        for kind in (SK_ED25519, SK_ECDSA):
            for flags in (0, VERIFIED):
                key = SecurityKey(kind, flags)
                self.assertFalse(verifies(kind, key.blob, key.sign(b"data"), b"data"))

    def test_flags_are_signed(self) -> None:
        """That somebody was there can not be said afterwards, nor the count be changed."""
        for kind in (SK_ED25519, SK_ECDSA):
            key = SecurityKey(kind, flags=0)
            signature = key.sign(b"data")
            for state in (struct.pack(">BL", TOUCHED, 7), struct.pack(">BL", 0, 8)):
                self.assertFalse(verifies(kind, key.blob, signature[:-5] + state, b"data"))

    def test_without_its_state(self) -> None:
        """A plain signature of the same key is none of a security key, and neither is more."""
        key = SecurityKey(SK_ED25519)
        plain = NS(SK_ED25519) + NS(key.ed25519.sign(b"data"))
        self.assertFalse(verifies(SK_ED25519, key.blob, plain, b"data"))
        whole = key.sign(b"data")
        for cut in range(len(whole)):
            self.assertFalse(verifies(SK_ED25519, key.blob, whole[:cut], b"data"))
        self.assertFalse(verifies(SK_ED25519, key.blob, whole + b"\0", b"data"))
        self.assertFalse(verifies(b"ssh-ed25519", key.blob, whole, b"data"))

    def test_key_file(self) -> None:
        """Their public keys are read as ``ssh-keygen`` writes them."""
        for kind in (SK_ED25519, SK_ECDSA):
            key = SecurityKey(kind)
            line = f"{kind.decode()} {base64.b64encode(key.blob).decode()} alice@token"
            self.assertEqual(parse_key("alice", line).blob, key.blob)


class Ring:
    """Keys of alice."""

    def __init__(self, *blobs: bytes) -> None:
        self.blobs = blobs

    def has(self, user: str, blob: bytes) -> bool:
        """See KeyRing."""
        return user == "alice" and blob in self.blobs

    def whose(self, blob: bytes) -> str | None:
        """See KeyRing."""
        return "alice" if blob in self.blobs else None


class LoginTests(ChatCase):
    """A login by a key."""

    def begin(self, *keys: Any, world: World | None = None) -> SshClient:
        world = world or self.world(users=["alice"])
        client = SshClient(world, ssh_factory(world, Ring(*(key.blob for key in keys))))
        client.begin()
        client.send(MSG_SERVICE_REQUEST, NS(b"ssh-userauth"))
        client.take()
        return client

    def attempt(
        self, client: SshClient, key: SecurityKey, user: str = "alice", kind: bytes = b""
    ) -> list[int]:
        """Sign what is to be signed, and send it."""
        said = kind or key.kind
        rest = b"\1" + NS(said) + NS(key.blob)
        request = NS(user.encode()) + NS(b"ssh-connection") + NS(b"publickey") + rest
        signed = NS(client.session) + bytes((MSG_USERAUTH_REQUEST,)) + request
        client.request(user, b"publickey", rest + NS(key.sign(signed)))
        return client.numbers()

    def test_security_key(self) -> None:
        """A security key lets in who touches it."""
        for kind in (SK_ED25519, SK_ECDSA):
            key = SecurityKey(kind, flags=0)
            client = self.begin(key)
            self.assertEqual(self.attempt(client, key), [MSG_USERAUTH_FAILURE])
            key.flags = TOUCHED
            self.assertEqual(self.attempt(client, key), [MSG_USERAUTH_SUCCESS])

    def test_a_name_before_it(self) -> None:
        """Clients say a name alone first: who then has its key has cost the address nothing."""
        key, world = SecurityKey(SK_ED25519), self.world(users=["alice"])
        for _ in range(2 * MAX_FAILURES):
            client = self.begin(key, world=world)
            client.request("alice", b"none")
            self.assertEqual(client.numbers(), [MSG_USERAUTH_FAILURE])
            self.assertEqual(self.attempt(client, key), [MSG_USERAUTH_SUCCESS])
        world.admission.attempts.check(client.pipe.host)

    def test_asked_first(self) -> None:
        """A client may ask whether a key would do, before anybody has to touch it."""
        key, other = SecurityKey(SK_ED25519), SecurityKey(SK_ED25519)
        client = self.begin(key)
        for one, answer in ((key, MSG_USERAUTH_PK_OK), (other, MSG_USERAUTH_FAILURE)):
            client.request("alice", b"publickey", b"\0" + NS(one.kind) + NS(one.blob))
            self.assertEqual(client.numbers(), [answer])

    def test_other_keys(self) -> None:
        """Another's key, another session's signature, and words that are none."""
        key, other = SecurityKey(SK_ED25519), SecurityKey(SK_ED25519)
        client = self.begin(key)
        self.assertEqual(self.attempt(client, other), [MSG_USERAUTH_FAILURE])
        self.assertEqual(self.attempt(client, key, kind=b"ssh-ed25519"), [MSG_USERAUTH_FAILURE])
        client.session = bytes(32)
        self.assertEqual(self.attempt(client, key), [MSG_USERAUTH_FAILURE])
        client.request("alice", b"publickey", b"\1" + NS(key.kind) + NS(key.blob) + NS(b"no"))
        self.assertEqual(client.numbers(), [MSG_USERAUTH_FAILURE])

    def test_other_service(self) -> None:
        """There is nothing to come in for but the chat."""
        client = self.begin()
        client.send(MSG_USERAUTH_REQUEST, NS(b"gus") + NS(b"shell") + NS(b"none"))
        self.assertEqual(client.numbers(), [MSG_USERAUTH_FAILURE])
