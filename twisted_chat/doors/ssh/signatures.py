"""Signatures of clients' keys: of the kind that was said; a security key has to be touched for one.

See RFC 4253, section 6.6; RFC 8332 for RSA with SHA-2; OpenSSH's PROTOCOL.u2f for security keys.
"""

from __future__ import annotations

import struct
from hashlib import sha256
from typing import Final

from twisted.conch.ssh.common import NS, getNS
from twisted.conch.ssh.keys import BadKeyError, Key

SIGNATURES: Final = {
    b"ssh-ed25519": b"ssh-ed25519",
    b"rsa-sha2-256": b"ssh-rsa",
    b"rsa-sha2-512": b"ssh-rsa",
    b"ecdsa-sha2-nistp256": b"ecdsa-sha2-nistp256",
    b"ecdsa-sha2-nistp384": b"ecdsa-sha2-nistp384",
    b"ecdsa-sha2-nistp521": b"ecdsa-sha2-nistp521",
    b"sk-ssh-ed25519@openssh.com": b"sk-ssh-ed25519@openssh.com",
    b"sk-ecdsa-sha2-nistp256@openssh.com": b"sk-ecdsa-sha2-nistp256@openssh.com",
}
"""How a key may sign, and the kind of key that signs so: nothing with SHA-1."""

TOUCHED: Final = 0x01
"""Among a security key's flags: somebody was there and touched it."""

_STATE: Final = struct.Struct(">BL")
"""Flags and count behind the signature of a security key."""


def fits(algorithm: bytes, blob: bytes) -> bool:
    """Whether a key, as it travels, signs in that way, and the way is taken."""
    return algorithm in SIGNATURES and blob.startswith(NS(SIGNATURES[algorithm]))


def verifies(algorithm: bytes, blob: bytes, signature: bytes, data: bytes) -> bool:
    """Whether a key has signed ``data`` in that way. What can not be read is no signature."""
    try:
        kind, raw, rest = getNS(signature, 2)
        if not fits(algorithm, blob) or kind != algorithm:
            return False
        key = Key.fromString(blob, type="BLOB")
        if key.isSecurityKey():
            flags, _ = _STATE.unpack(rest)
            if not flags & TOUCHED:
                return False
            data = sha256(key.application).digest() + rest + sha256(data).digest()
        elif rest:
            return False
        return bool(key.verify(NS(kind) + NS(raw), data))
    except (struct.error, LookupError, ValueError, TypeError, BadKeyError):
        return False
