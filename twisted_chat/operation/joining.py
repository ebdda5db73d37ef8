"""Joining: a daemon with a log in PostgreSQL is a node, one of as many as have that log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from twisted.logger import Logger

from twisted_chat.accounts import devices, kept, known
from twisted_chat.accounts.attempts import Attempts
from twisted_chat.accounts.devices import Devices
from twisted_chat.accounts.kept import KeptAccounts, KeptKeys
from twisted_chat.chat.acting import end_device
from twisted_chat.chat.chat import Chat
from twisted_chat.hints.contract import Hints, NoHints
from twisted_chat.log.contract import Log, Record
from twisted_chat.log.shared import SharedLog, is_shared
from twisted_chat.nodes.node import Node
from twisted_chat.operation.keeping import Keeping
from twisted_chat.operation.settings import Settings, SettingsError

_logger = Logger()


def join(
    chosen: Settings, chat: Chat, log: Log, reactor: Any, fail: Callable[[str], object]
) -> Node | None:
    """Make the chat one of several nodes, where its log is one that they share.

    ``fail`` is told, once, where it has to begin anew. Raises SettingsError.
    """
    if not is_shared(chosen.log):
        if chosen.hints is not None:
            raise SettingsError("--hints joins nodes that share a log: --log postgresql://…")
        return None
    node = Node(chat, cast(SharedLog, log), _hints(chosen.hints, reactor), reactor, fail)
    chat.be_one_of(node)
    _logger.info("This is node {node}", node=node.name)
    return node


def hear_accounts(
    node: Node, chat: Chat, tokens: Devices, attempts: Attempts, keeping: Keeping | None
) -> None:
    """Let accounts, keys and devices that another node has changed be known here."""
    if keeping is not None and isinstance(keeping.accounts, KeptAccounts):
        node.hearing.kinds[kept.ACCOUNT] = keeping.accounts.take
        keeping.accounts.look = node.look
    if keeping is not None and isinstance(keeping.keys, KeptKeys):
        node.hearing.kinds[kept.PUBLIC_KEY] = keeping.keys.take

    def device(record: Record) -> None:
        key = tokens.take(record)
        person = chat.people.here.get(key)
        if record.value is None and person is not None:
            end_device(person, record.key)

    def seen(record: Record) -> None:
        user = record.scope.removeprefix("user:")
        if record.value is not None:
            attempts.know(record.key, user)
        else:
            attempts.forget(record.key, user)

    node.hearing.kinds[devices.KIND] = device
    node.hearing.kinds[known.KIND] = seen


def _hints(url: str | None, reactor: Any) -> Hints:
    if url is None:
        return NoHints()
    try:
        from twisted_chat.hints.redis import HintsError, RedisHints, parse_url
    except ImportError:
        raise SettingsError(
            "--hints needs txredisapi: pip install 'twisted-chat[cluster]'."
        ) from None
    try:
        hints = RedisHints(reactor, parse_url(url))
    except HintsError as problem:
        raise SettingsError(f"--hints: {problem}") from None
    hints.start()
    return hints
