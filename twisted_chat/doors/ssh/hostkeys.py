"""The server's own keys: made at the first start, kept beside the log, read by nobody else."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from twisted.conch.ssh.keys import FingerprintFormats, Key
from twisted.logger import Logger

KINDS: Final = ("ed25519", "ecdsa")

_log = Logger()


class HostKeyError(Exception):
    """A host key that can not be used: a sentence that names the file."""


def paths(folder: str) -> Sequence[str]:
    """Return where the keys are."""
    return [os.path.join(folder, f"ssh_host_{kind}_key") for kind in KINDS]


def host_keys(folder: str) -> Sequence[Key]:
    """Return the server's keys in ``folder``; those that are not there yet are made.

    Raises HostKeyError.
    """
    found = []
    for path, kind in zip(paths(folder), KINDS, strict=True):
        try:
            if not os.path.lexists(path):
                _make(path, kind)
        except OSError as problem:
            raise HostKeyError(f"{path}: {problem.strerror}.") from None
        key = read(path)
        _log.info("The host key {path} is {fingerprint}", path=path, fingerprint=fingerprint(key))
        found.append(key)
    return found


def renewed(folder: str) -> Sequence[Key]:
    """Return the server's keys as they are now; none is made. Raises HostKeyError."""
    return [read(path) for path in paths(folder)]


def fingerprint(key: Key) -> str:
    """Return what a client shows of a key."""
    shown: str = key.fingerprint(FingerprintFormats.SHA256_BASE64)
    return f"SHA256:{shown.rstrip('=')}"


def read(path: str) -> Key:
    """Read a private key. Raises HostKeyError."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read(65_536)
        key: Key = Key.fromString(data)
    except OSError as problem:
        raise HostKeyError(f"{path}: {problem.strerror}.") from None
    except Exception:
        raise HostKeyError(f"{path}: it is no private key.") from None
    if mode & 0o077:
        raise HostKeyError(f"{path}: others can read it (mode {mode:o}); it has to be 0600.")
    return key


def _make(path: str, kind: str) -> None:
    new = (
        ed25519.Ed25519PrivateKey.generate()
        if kind == "ed25519"
        else ec.generate_private_key(ec.SECP256R1())
    )
    data = new.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    # It is there whole, or not at all; where others start at the same time the first one's stays.
    new_path = f"{path}.{os.getpid()}"
    opened = os.open(new_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with open(opened, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(opened)
        os.link(new_path, path)
    except FileExistsError:
        return
    finally:
        os.unlink(new_path)
    _log.info("A host key for SSH was made: {path}", path=path)
