"""The chat and what it is made of, from the operator's settings: nothing listens yet."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, Self, cast

from attrs import define
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_chat.accounts.accounts import make_portal
from twisted_chat.accounts.admission import Admission
from twisted_chat.accounts.attempts import Attempts
from twisted_chat.accounts.devices import Devices
from twisted_chat.accounts.keeper import Keeper, Policy
from twisted_chat.accounts.known import KnownAddresses
from twisted_chat.accounts.passwords import NiceThreads, Passwords
from twisted_chat.accounts.proofs import Prover
from twisted_chat.accounts.refusals import Refusals
from twisted_chat.accounts.roll import Roll
from twisted_chat.chat.chat import Chat
from twisted_chat.chat.pace import Pace
from twisted_chat.chat.ports import Ports
from twisted_chat.chat.rules import Rules
from twisted_chat.chat.sparing import SparingLog
from twisted_chat.doors.turnstile import Turnstile
from twisted_chat.log.contract import Log
from twisted_chat.log.urls import open_log
from twisted_chat.nodes.node import Node
from twisted_chat.operation.console import Table
from twisted_chat.operation.joining import hear_accounts, join
from twisted_chat.operation.keeping import Keeping, are_in_log
from twisted_chat.operation.limits import SPARE_FILES, raise_descriptor_limit
from twisted_chat.operation.settings import Settings, SettingsError
from twisted_chat.operation.turning import end_of_turn
from twisted_chat.vocabulary.addresses import Blocks
from twisted_chat.vocabulary.lookalikes import Lookalikes
from twisted_chat.vocabulary.names import user_name

MAX_WELCOME = 8_192
"""Bytes of a text of welcome, at most."""

_logger = Logger()


def rules_of(chosen: Settings, connections: int, accounts: bool) -> Rules:
    """Return what the operator decided. Raises SettingsError."""
    return Rules(
        server=chosen.name,
        lobby=chosen.lobby,
        linger=chosen.linger,
        max_sessions=chosen.max_sessions,
        max_sessions_per_user=chosen.max_sessions_per_user,
        directs_per_minute=chosen.directs_per_minute,
        invites_per_minute=chosen.invites_per_minute,
        texts_per_second=chosen.texts_per_second,
        max_mentions=chosen.max_mentions,
        max_members=chosen.max_members,
        max_connections=connections,
        max_connections_per_user=chosen.max_connections_per_user,
        trusted=Blocks(chosen.trust),
        max_text=chosen.max_text,
        webhooks=bool(chosen.web),
        max_file=chosen.max_file if chosen.files is not None else 0,
        presence_limit=chosen.presence_limit,
        guests_keep=not accounts,
        greeting=_welcome(chosen.welcome),
    )


def reserved(chosen: Settings) -> Lookalikes:
    """Return the names that no guest may have."""
    names = Lookalikes()
    for name in chosen.reserved_names:
        names.add(user_name(name))
    return names


def _ended(chat: Chat, devices: Devices, keys: Collection[str]) -> None:
    """Accounts are gone, or have another password: their connections and devices end."""
    chat.end_accounts(keys)
    for key in keys:
        forgotten = Deferred.fromCoroutine(devices.forget(key))
        forgotten.addErrback(lambda failure: _logger.failure("Could not forget devices", failure))


def _welcome(path: str | None) -> str:
    if path is None:
        return ""
    try:
        with open(path, "rb") as file:
            read = file.read(MAX_WELCOME + 1)
        text = read.decode("utf-8-sig").strip()
    except OSError as problem:
        raise SettingsError(f"--welcome {path}: {problem.strerror}.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"--welcome {path}: it is not UTF-8.") from None
    if len(read) > MAX_WELCOME:
        raise SettingsError(f"--welcome {path}: it has more than {MAX_WELCOME} bytes.")
    return text


@define(eq=False)
class Parts:
    """What the doors are the ways into."""

    keeping: Keeping | None
    """The accounts, where there are some."""
    passwords: Passwords
    session_passwords: Passwords
    log: Log
    turnstile: Turnstile
    chat: Chat
    admission: Admission
    prover: Prover
    connections: int
    """How many the system allows; the operator may allow fewer."""
    known: KnownAddresses
    devices: Devices
    picture_threads: NiceThreads
    """Where pictures are written anew: apart, so that no login waits for them."""
    attempts: Sequence[Attempts]
    """Wrong passwords, of accounts and of sessions."""
    node: Node | None = None
    """What joins the chat to those of other nodes."""

    @classmethod
    def made(
        cls,
        chosen: Settings,
        reactor: Any,
        ports: Ports | None,
        around: Callable[[Log], Log],
        fail: Callable[[str], object],
    ) -> Self:
        """Open the accounts and the log. Raises AccountsError, LogError, SettingsError.

        ``around`` may put something around the log that measures it; ``fail`` ends the daemon.
        """
        threads = NiceThreads(reactor)
        kept = are_in_log(chosen)
        keeping = None if kept else Keeping.in_file(chosen, threads, reactor)
        passwords, session_passwords = Passwords(threads), Passwords(threads)
        allowed = raise_descriptor_limit()
        connections = chosen.max_connections or allowed
        rules = rules_of(chosen, connections, kept or keeping is not None)
        shared = open_log(chosen.log, reactor, reactor)
        log = around(shared)
        if kept:
            keeping = Keeping.in_log(log)
        accounts = None if keeping is None else keeping.accounts
        attempts, guesses = (
            Attempts(reactor, chosen.failed_logins_per_minute, chosen.max_logins) for _ in "12"
        )
        chat = Chat(
            log,
            reactor,
            session_passwords,
            guesses,
            rules,
            accounts,
            ports,
            now=time.time,
            at_end=end_of_turn(reactor),
        )
        node = join(chosen, chat, shared, reactor, fail)
        if chosen.table or (sys.__stdout__ is not None and sys.__stdout__.isatty()):
            chat.changed = Table(chat, reactor, _print).changed
        portal = make_portal(chat, passwords, accounts, chosen.guests, reserved(chosen))
        admission = Admission(
            portal,
            attempts,
            accounts=accounts is not None,
            told=SparingLog(reactor, _logger),
            refusals=Refusals(SparingLog(reactor, _logger)),
        )
        devices = Devices(log, time.time)
        if node is not None:
            hear_accounts(node, chat, devices, attempts, keeping)
        if keeping is not None and accounts is not None:
            keeper = Keeper(
                keeping.store,
                accounts,
                passwords,
                attempts,
                chat,
                devices,
                reactor,
                cast(Policy, chosen.registration),
                reserved(chosen),
                chosen.min_password,
            )
            accounts.ended = partial(_ended, chat, devices)
            chat.keeper = admission.keeper = keeper
            admission.devices = devices
        return cls(
            keeping,
            passwords,
            session_passwords,
            log,
            Turnstile(
                connections + SPARE_FILES // 2,
                chosen.max_waiting,
                chosen.max_connections_per_address,
                Blocks((*chosen.trust, *chosen.trust_proxy)),
                Pace(reactor, chosen.connects_per_minute),
            ),
            chat,
            admission,
            Prover(admission, accounts, None if keeping is None else keeping.keys),
            allowed,
            KnownAddresses(log, attempts),
            devices,
            NiceThreads(reactor, 1),
            (attempts, guesses),
            node,
        )

    async def open(self) -> None:
        """Take up what the log holds; logins wait until it is done."""
        if self.node is not None:
            await self.node.begin()
        if self.keeping is not None:
            await self.keeping.load()
        await self.known.load()
        await self.devices.load()
        await self.chat.open()
        if self.node is not None:
            self.node.start()

    @property
    def accounts(self) -> Roll | None:
        """Which accounts there are."""
        return None if self.keeping is None else self.keeping.accounts

    async def close(self) -> None:
        """Let the other nodes know that this one ends."""
        if self.node is not None:
            await self.node.end()

    def start(self) -> None:
        """Let passwords be hashed."""
        self.passwords.start()
        self.session_passwords.start()
        self.picture_threads.start()

    def stop(self) -> None:
        """Let no more passwords be hashed."""
        self.passwords.stop()
        self.session_passwords.stop()
        self.picture_threads.stop()


def ssh_folder(chosen: Settings) -> str:
    """Return where the SSH door's own keys are: beside the log, if nothing else is said."""
    file = chosen.log.removeprefix("sqlite:").partition("?")[0]
    beside = os.path.dirname(os.path.abspath(file)) if chosen.log.startswith("sqlite:") else "."
    return chosen.ssh_keys or beside


def _print(text: str) -> None:
    """Write to the real standard output: twistd's log has taken the other."""
    if sys.__stdout__ is not None:
        sys.__stdout__.write(text)
        sys.__stdout__.flush()
