"""What an operator does at a shell: ``twisted-chat users …``, ``export``, ``import``, ``backup``.

Each command is one function that takes the parsed arguments and raises Refused, or another of
the exceptions in ``main``, with one clear sentence.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from getpass import GetPassWarning, getpass
from typing import Final

from attrs import evolve

from twisted_chat.accounts.passwords import hash_password, is_hash, weakness_of
from twisted_chat.accounts.users_edit import Edit
from twisted_chat.accounts.users_file import OPERATOR, Account, AccountsError, UsersFile
from twisted_chat.client.terminal.output import lenient
from twisted_chat.log import files
from twisted_chat.log.contract import LogError
from twisted_chat.log.releasing import release
from twisted_chat.operation import doctor, steering
from twisted_chat.operation.steering import NoDaemon
from twisted_chat.operation.user_keys import (
    add_certificate,
    add_key,
    drop_keys,
    keys_of,
    list_keys,
    remove_key,
)
from twisted_chat.operation.users_database import (
    editing_keys,
    editing_users,
    read_users,
    read_users_or_empty,
)
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.names import Name, user_name

MAX_PASSWORD: Final = 1_024
"""Characters in a password, at most: no login can bear more."""


class Refused(Exception):
    """What was asked for can not be done; one sentence."""


def main(argv: list[str]) -> int:
    """Run one command; return the exit status: 0, or 1 after one line on standard error."""
    lenient()
    parser = argparse.ArgumentParser(prog="twisted-chat", description="Administer a chat server.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    add_commands(commands)
    files.add_commands(commands)
    steering.add_commands(commands)
    doctor.add_commands(commands)
    args, rest = parser.parse_known_args(argv)
    if rest and args.run is not doctor.run:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    args.rest = rest
    try:
        return args.run(args) or 0
    except (Refused, AccountsError, ChatError, LogError, NoDaemon) as problem:
        print(f"twisted-chat: {problem}", file=sys.stderr)
        return 1
    except OSError as problem:
        where = f"{problem.filename}: " if problem.filename else ""
        print(f"twisted-chat: {where}{problem.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("twisted-chat: interrupted; nothing is changed.", file=sys.stderr)
        return 1


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``users`` and its commands."""
    users = commands.add_parser("users", help="accounts in a users file")
    actions = users.add_subparsers(metavar="ACTION", required=True)

    def action(name: str, help: str, run: Callable[[argparse.Namespace], None]) -> None:
        parser = actions.add_parser(name, help=help, description=f"{help.capitalize()}.")
        parser.add_argument(
            "file", metavar="FILE", help="the users file, such as etc/users.csv, or postgresql://…"
        )
        parser.set_defaults(run=run)
        if run is list_keys:
            parser.add_argument("user", metavar="USER", nargs="?", help="the user's name")
        elif run is copy_users:
            parser.add_argument("to", metavar="TO", help="another of either kind")
        elif run is not list_users:
            parser.add_argument("user", metavar="USER", help="the user's name")
        if run is add_key:
            parser.add_argument("keyfile", metavar="KEYFILE", help="such as id_ed25519.pub")
        if run is add_certificate:
            parser.add_argument("keyfile", metavar="CERTFILE", help="the certificate (PEM)")
        if run is remove_key:
            parser.add_argument("fingerprint", metavar="FINGERPRINT", help="as keys shows it")
        if run is release_name:
            parser.add_argument("--log", metavar="LOG", required=True, help="such as chat.db")
        if run in (add_user, change_password):
            parser.add_argument(
                "--password-stdin",
                action="store_true",
                help="read the password from a line of standard input instead of asking",
            )
            parser.add_argument(
                "--force", action="store_true", help="take a password that is easily guessed"
            )
        if run is add_user:
            parser.add_argument("--role", choices=[OPERATOR], help="may delete any session")

    action("add", "add an account (and make the file, where there is none)", add_user)
    action("passwd", "change an account's password", change_password)
    action("remove", "remove an account", remove_user)
    action("release", "let anybody have the name of an account that was removed", release_name)
    action("list", "list the accounts", list_users)
    action("copy", "copy all accounts and keys, from a file to a database or back", copy_users)
    action("key", "let an account come in by SSH with a public key", add_key)
    action("cert", "let an account come in by IRC with a client's certificate", add_certificate)
    action("keys", "list the public keys of accounts", list_keys)
    action("unkey", "take a public key away", remove_key)


# --- users ---------------------------------------------------------------------------------


def add_user(args: argparse.Namespace) -> None:
    """``users add FILE USER [--role operator]``."""
    name = user_name(args.user)
    _must_be_new(read_users_or_empty(args.file), name, args.file)  # before asking for a password
    account = Account(name, hash_password(_new_password(args)), args.role == OPERATOR)
    with _editing(args.file, new=True) as edit:
        _must_be_new(edit.file, name, args.file)
        edit.file = edit.file.with_account(account)
    print(f"{name} is added.")


def change_password(args: argparse.Namespace) -> None:
    """``users passwd FILE USER``: the role stays."""
    name = user_name(args.user)
    _must_be_there(read_users(args.file), name, args.file)
    password = hash_password(_new_password(args))
    with _editing(args.file) as edit:
        account = _must_be_there(edit.file, name, args.file)
        edit.file = edit.file.with_account(evolve(account, password=password))
    print(f"{account.name} has a new password.")


def remove_user(args: argparse.Namespace) -> None:
    """``users remove FILE USER``."""
    name = user_name(args.user)
    with _editing(args.file) as edit:
        account = _must_be_there(edit.file, name, args.file)
        edit.file = edit.file.without(name.key)
    drop_keys(args.file, name.key)
    print(f"{account.name} is removed.")


def release_name(args: argparse.Namespace) -> None:
    """``users release FILE USER --log LOG``, where no daemon runs: see ``admin release``."""
    name = user_name(args.user)
    if read_users_or_empty(args.file).find(name.key) is not None:
        raise Refused(f"{name} has an account in {args.file}: remove it first.")
    if not os.path.exists(args.log):
        raise Refused(f"There is no log {args.log}.")
    try:
        kept, sessions = release(args.log, name.key)
    except LogError as problem:
        if "in use" in str(problem):
            raise Refused(f"{problem} While the daemon runs: twisted-chat admin release") from None
        raise
    if not kept and not sessions:
        raise Refused(f"{args.log} keeps nothing for {name}.")
    print(f"{name} is anybody's name now; {sessions} direct sessions ended.")


def list_users(args: argparse.Namespace) -> None:
    """``users list FILE``: names, roles, and whose password is plain text."""
    accounts = list(read_users(args.file).accounts)
    width = max((len(account.name.text) for account in accounts), default=0)
    for account in accounts:
        role = OPERATOR if account.operator else "-"
        kept = "hash" if is_hash(account.password) else "plain text"
        print(f"{account.name.text:{width}}  {role:{len(OPERATOR)}}  {kept}")


def copy_users(args: argparse.Namespace) -> None:
    """``users copy FILE TO``: of accounts that are there already nothing is changed."""
    accounts, keys = list(read_users(args.file).accounts), keys_of(args.file)
    count = 0
    with editing_users(args.to, new=True, waits=_waits) as edit:
        known = {account.name.key for account in edit.file.accounts}
        for account in accounts:
            if account.name.key not in known:
                edit.file = edit.file.with_account(account)
                count += 1
    if keys:
        with editing_keys(args.to) as text:
            text.lines += [line for key in keys if (line := key.line()) not in text.lines]
    print(f"{count:,} accounts are copied; {len(accounts) - count:,} were there.")


def _must_be_new(file: UsersFile, name: Name, path: str) -> None:
    if file.find(name.key) is not None:
        raise Refused(f"There is a user {name} in {path} already; 'passwd' changes the password.")


def _must_be_there(file: UsersFile, name: Name, path: str) -> Account:
    account = file.find(name.key)
    if account is None:
        raise Refused(f"There is no user {name} in {path}.")
    return account


def _new_password(args: argparse.Namespace) -> str:
    """Return the new password, from standard input or asked for twice, never with echo."""
    if args.password_stdin:
        line = sys.stdin.buffer.readline(4 * MAX_PASSWORD + 5)
        try:
            password = line.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise Refused("The password on standard input is not UTF-8.") from None
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("error", GetPassWarning)  # it would go on with echo
            try:
                password = getpass("Password: ")
                again = getpass("The same again: ")
            except (GetPassWarning, EOFError):
                raise Refused(
                    "There is no terminal to ask for a password; use --password-stdin."
                ) from None
        if password != again:
            raise Refused("The two passwords differ; nothing is changed.")
    if not password:
        raise Refused("A password can not be empty.")
    if len(password) > MAX_PASSWORD:
        raise Refused(f"A password has at most {MAX_PASSWORD} characters.")
    if (weakness := weakness_of(password, args.user)) is not None:
        if not args.force:
            raise Refused(f"{weakness} (--force takes it all the same.)")
        print(f"twisted-chat: {weakness}", file=sys.stderr)
    return password


def _editing(path: str, *, new: bool = False) -> AbstractContextManager[Edit]:
    return editing_users(path, new=new, waits=_waits)


def _waits() -> None:
    print("twisted-chat: waiting for another program to finish …", file=sys.stderr)
