"""``users key``, ``cert``, ``keys`` and ``unkey``: public keys of accounts, and certificates."""

from __future__ import annotations

import argparse
import os
import re
from base64 import b64decode
from hashlib import sha256

from twisted_chat.accounts.keys import (
    CERTIFICATE,
    SUFFIX,
    BadKey,
    PublicKey,
    certificate_blob,
    parse_key,
    read_keys,
)
from twisted_chat.accounts.users_file import AccountsError
from twisted_chat.log.shared import is_shared
from twisted_chat.operation.users_database import editing_keys, keys_in, read_users
from twisted_chat.vocabulary.names import Name, key_of, user_name

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----")

MAX_KEYS = 50
"""Keys of one account."""


def add_key(args: argparse.Namespace) -> None:
    """``users key FILE USER KEYFILE``."""
    name = user_name(args.user)
    if read_users(args.file).find(name.key) is None:
        raise AccountsError(args.file, f"there is no user {name}")
    try:
        with open(args.keyfile, "rb") as file:
            text = file.read(65_536).decode()
        key = parse_key(name.text, text.strip())
    except (BadKey, UnicodeDecodeError) as wrong:
        raise AccountsError(args.keyfile, str(wrong).rstrip(".")) from None
    _add(args.file, name, key)


def add_certificate(args: argparse.Namespace) -> None:
    """``users cert FILE USER CERTFILE``: a client's certificate (PEM), by its fingerprint."""
    name = user_name(args.user)
    if read_users(args.file).find(name.key) is None:
        raise AccountsError(args.file, f"there is no user {name}")
    with open(args.keyfile, "rb") as file:
        found = _PEM.search(file.read(65_536).decode("ascii", "replace"))
    try:
        if found is None:
            raise BadKey("there is no certificate (PEM) in it")
        der = b64decode("".join(found[1].split()), validate=True)
    except (BadKey, ValueError) as wrong:
        raise AccountsError(args.keyfile, str(wrong)) from None
    blob = certificate_blob(sha256(der).digest())
    _add(args.file, name, PublicKey(name.text, CERTIFICATE, blob))


def _add(path: str, name: Name, key: PublicKey) -> None:
    known = [one for one in keys_of(path) if key_of(one.user) == name.key]
    if any(one.blob == key.blob for one in known):
        raise AccountsError(path, f"{name} has this key already")
    if len(known) >= MAX_KEYS:
        raise AccountsError(path, f"{name} has {MAX_KEYS} keys already")
    with editing_keys(path) as edit:
        edit.lines.append(key.line())
    print(f"{name} comes in with {key.fingerprint} too.")


def list_keys(args: argparse.Namespace) -> None:
    """``users keys FILE [USER]``."""
    wanted = user_name(args.user).key if args.user else None
    for one in keys_of(args.file):
        if wanted is None or key_of(one.user) == wanted:
            print(" ".join((one.user, one.kind, one.fingerprint, one.comment)).rstrip())


def remove_key(args: argparse.Namespace) -> None:
    """``users unkey FILE USER FINGERPRINT``."""
    name = user_name(args.user)
    found = drop_keys(args.file, name.key, args.fingerprint)
    if not found:
        raise AccountsError(args.file, f"{name} has no key {args.fingerprint}")
    print(f"{name} comes in with {args.fingerprint} no more.")


def drop_keys(path: str, key: str, fingerprint: str | None = None) -> int:
    """Take keys of an account away: one of them, or all; return how many they were."""
    if not is_shared(path) and not os.path.exists(path + SUFFIX):
        return 0
    dropped = 0
    with editing_keys(path) as edit:
        kept = []
        for line in edit.lines:
            one = _key_in(line)
            if (
                one is not None
                and key_of(one.user) == key
                and fingerprint in (None, one.fingerprint)
            ):
                dropped += 1
            else:
                kept.append(line)
        edit.lines = kept
    return dropped


def keys_of(path: str) -> list[PublicKey]:
    """Return all keys beside a users file, or in a database."""
    if is_shared(path):
        return keys_in(path)
    try:
        return list(read_keys(path + SUFFIX))
    except BadKey as wrong:
        raise AccountsError(path + SUFFIX, str(wrong).rstrip(".")) from None


def _key_in(line: str) -> PublicKey | None:
    user, _, rest = line.strip().partition(" ")
    try:
        return parse_key(user, rest)
    except BadKey:
        return None
