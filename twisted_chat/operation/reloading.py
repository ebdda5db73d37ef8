"""SIGHUP and ``twisted-chat admin reload``: what the operator has changed holds from now on.

All that is wrong is found before anything is changed: a broken file is refused with one sentence,
and what was read before stays in force.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import define, evolve
from twisted.logger import Logger

from twisted_chat.operation import settings
from twisted_chat.operation.entrances import Entrances
from twisted_chat.operation.limits import SPARE_FILES
from twisted_chat.operation.parts import rules_of
from twisted_chat.operation.settings import Settings, SettingsError
from twisted_chat.vocabulary.addresses import Blocks

AT_ONCE: Final = frozenset(
    {
        *("linger", "max_sessions", "max_members", "max_connections", "max_text", "max_waiting"),
        *("rate", "presence_limit", "retain", "retain_texts", "name", "welcome"),
        *("max_connections_per_address", "max_connections_per_user", "max_sessions_per_user"),
        *("connects_per_minute", "directs_per_minute", "invites_per_minute", "texts_per_second"),
        *("failed_logins_per_minute", "max_logins", "max_mentions", "trust"),
        *("max_file", "max_files", "max_files_per_user"),
    }
)
"""Settings that can be changed while the daemon runs."""

_logger = Logger()


@define(eq=False)
class Reloading:
    """Reads the settings again. ``read`` returns them as they are now, or raises SettingsError."""

    read: Callable[[], Settings]
    entrances: Entrances

    def reload(self) -> list[str]:
        """Take up what has changed; return sentences that say what. Raises SettingsError."""
        before = self.entrances.settings
        parts = self.entrances.parts
        chosen = self.read()
        connections = chosen.max_connections or parts.connections
        rules = rules_of(chosen, connections, parts.accounts is not None)
        rules.lobby = parts.chat.rules.lobby
        renew = self.entrances.renewed()
        # Nothing below can fail.
        changed, waits = self._changed(before, chosen)
        renew()
        parts.chat.rules.take(rules)
        parts.turnstile.limit = connections + SPARE_FILES // 2
        parts.turnstile.max_waiting = chosen.max_waiting
        parts.turnstile.per_address = chosen.max_connections_per_address
        if parts.turnstile.pace is not None:
            parts.turnstile.pace.most = chosen.connects_per_minute
        parts.chat.inviting.most = chosen.invites_per_minute
        for attempts in parts.attempts:
            attempts.failures = chosen.failed_logins_per_minute
            attempts.at_once = chosen.max_logins
        parts.turnstile.trusted = Blocks((*chosen.trust, *chosen.trust_proxy))
        now = {name: getattr(chosen, name) for name in AT_ONCE}
        self.entrances.take(evolve(before, **now))
        if parts.accounts is not None:
            parts.accounts.refresh()
        said = [f"{', '.join(changed)}: changed." if changed else "The settings are as they were."]
        if waits:
            said.append(f"{', '.join(waits)}: this waits for a restart.")
        said.append("Certificates, keys, the text of welcome and accounts are read again.")
        return said

    def _changed(self, before: Settings, chosen: Settings) -> tuple[list[str], list[str]]:
        differ = [
            one.name
            for one in settings.table()
            if getattr(before, one.name) != getattr(chosen, one.name)
        ]
        changed = [settings.option(name) for name in differ if name in AT_ONCE]
        return changed, [settings.option(name) for name in differ if name not in AT_ONCE]

    def hear(self) -> None:
        """Reload, and tell the daemon's log how it went: SIGHUP asks."""
        try:
            for sentence in self.reload():
                _logger.info("Reload: {sentence}", sentence=sentence)
        except SettingsError as problem:
            _logger.error("Reload: {problem} Nothing is changed.", problem=str(problem))
        except Exception:
            _logger.failure("Could not reload")
