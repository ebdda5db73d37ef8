"""``users key``, ``users keys`` and ``users unkey``: public keys of accounts, for the SSH door."""

from __future__ import annotations

import argparse
import os

from twisted_chat.accounts import users_file
from twisted_chat.accounts.keys import SUFFIX, BadKey, PublicKey, parse_key, read_keys
from twisted_chat.accounts.users_edit import editing_text
from twisted_chat.accounts.users_file import AccountsError
from twisted_chat.vocabulary.names import key_of, user_name

MAX_KEYS = 50
"""Keys of one account."""


def add_key(args: argparse.Namespace) -> None:
    """``users key FILE USER KEYFILE``."""
    name = user_name(args.user)
    if users_file.read(args.file).find(name.key) is None:
        raise AccountsError(args.file, f"there is no user {name}")
    try:
        with open(args.keyfile, "rb") as file:
            text = file.read(65_536).decode()
        key = parse_key(name.text, text.strip())
    except (BadKey, UnicodeDecodeError) as wrong:
        raise AccountsError(args.keyfile, str(wrong).rstrip(".")) from None
    known = [one for one in _keys(args.file) if key_of(one.user) == name.key]
    if any(one.blob == key.blob for one in known):
        raise AccountsError(args.file, f"{name} has this key already")
    if len(known) >= MAX_KEYS:
        raise AccountsError(args.file, f"{name} has {MAX_KEYS} keys already")
    with editing_text(args.file + SUFFIX) as edit:
        edit.lines.append(key.line())
    print(f"{name} comes in with {key.fingerprint} too.")


def list_keys(args: argparse.Namespace) -> None:
    """``users keys FILE [USER]``."""
    wanted = user_name(args.user).key if args.user else None
    for one in _keys(args.file):
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
    if not os.path.exists(path + SUFFIX):
        return 0
    dropped = 0
    with editing_text(path + SUFFIX) as edit:
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


def _keys(path: str) -> list[PublicKey]:
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
