"""The doors that the operator asked for, listening."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from attrs import define, field
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.protocol import Factory

from twisted_chat.doors.irc import IrcFactory, Sts
from twisted_chat.doors.lines import LinesFactory
from twisted_chat.doors.native import ChatFactory
from twisted_chat.doors.ports import SessionPorts
from twisted_chat.doors.watch import Watch
from twisted_chat.operation.attachments import bounds_of, open_files
from twisted_chat.operation.listening import Listener, in_order
from twisted_chat.operation.parts import Parts, ssh_folder
from twisted_chat.operation.settings import Settings, SettingsError
from twisted_chat.vocabulary.messages import Bye

if TYPE_CHECKING:
    from twisted_chat.doors.web.files.uploads import Files


class Door(Protocol):
    """What listens, and is told when the daemon stops."""

    rate: float
    """Requests a second of a connection; 0 for any number."""

    @property
    def watch(self) -> Watch[Any]:
        """What looks after its connections."""

    def close(self, farewell: Bye) -> Deferred[None]:
        """Say farewell on every connection; fires when all of them are gone, in a while."""


@define(eq=False)
class Entrances:
    """Every way in. ``settings`` are those that hold for who comes from now on."""

    settings: Settings
    reactor: Any
    listener: Listener
    doors: dict[str, list[Door]] = field(init=False, factory=dict)
    ports: SessionPorts | None = field(init=False, default=None)
    files: Files | None = field(init=False, default=None)
    """What keeps files, where there is something."""
    posts: Counter[str] = field(init=False, factory=Counter)
    """What became of what programs posted to webhooks, by code."""
    _parts: Parts | None = field(init=False, default=None)
    _renew: Callable[[], Callable[[], None]] = field(init=False, default=lambda: lambda: None)

    @property
    def parts(self) -> Parts:
        """What they are ways into: known from ``open`` on."""
        if self._parts is None:
            raise RuntimeError("No door is open.")
        return self._parts

    def make_ports(self) -> SessionPorts | None:
        """Return the ports of sessions, where they are to have some. Raises SettingsError."""
        if self.settings.session_ports is not None:
            low, high = self.settings.session_ports
            self.ports = SessionPorts(
                low,
                high,
                self.reactor,
                self.listener.listen_like(self.settings.port),
                lambda name: self._native(lambda: name),
            )
        return self.ports

    def open(self, parts: Parts) -> None:
        """Listen; natively last: who is let in there finds all other doors open.

        Raises CannotListenError, SettingsError; what listens then, does so still.
        """
        self._parts = parts
        chosen = self.settings
        self.files = open_files(chosen, parts)
        if chosen.web:
            from twisted_chat.doors.web import web_door  # autobahn is an extra

            door = web_door(
                parts.admission,
                self.reactor,
                self._entry,
                lambda: parts.log.check(),
                origins=chosen.web_origin,
                proxies=chosen.trust_proxy,
                hosts=chosen.web_host,
                rate=chosen.rate,
                turnstile=parts.turnstile,
                files=self.files,
                sayer=parts.chat.webhooks,
                posts=self.posts,
                registration=chosen.registration,
            )
            self._open("web", door, chosen.web, cast(Factory, door.site))
        if chosen.lines:
            lines = LinesFactory(
                parts.prover,
                self.reactor,
                self._entry,
                rate=chosen.rate,
                turnstile=parts.turnstile,
            )
            self._open("lines", lines, chosen.lines)
        if chosen.irc:
            irc = IrcFactory(
                parts.admission,
                self.reactor,
                self._entry,
                rate=chosen.rate,
                turnstile=parts.turnstile,
                prover=parts.prover,
            )
            self._open("irc", irc, chosen.irc)
            irc.shared.played_back = chosen.irc_playback
            irc.shared.sts = Sts(self.listener.tls_port(chosen.irc), chosen.irc_sts)
        if chosen.ssh:
            self._open_ssh(chosen, parts)
        for description in in_order(chosen.port):
            self._open("native", self._native(self._entry), [description])

    def _open_ssh(self, chosen: Settings, parts: Parts) -> None:
        from twisted_chat.doors.ssh import HostKeyError, SshFactory, host_keys, renewed  # an extra

        try:
            keys = host_keys(ssh_folder(chosen))
        except HostKeyError as problem:
            raise SettingsError(str(problem)) from None
        ssh = SshFactory(
            parts.prover,
            self.reactor,
            self._entry,
            keys,
            rate=chosen.rate,
            turnstile=parts.turnstile,
        )

        def renew() -> Callable[[], None]:
            try:
                keys = renewed(ssh_folder(chosen))
            except HostKeyError as problem:
                raise SettingsError(str(problem)) from None
            return lambda: ssh.renew(keys)

        self._renew = renew
        self._open("ssh", ssh, chosen.ssh)

    def renewed(self) -> Callable[[], None]:
        """Read certificates and the SSH door's keys again; return what puts them in force.

        Raises SettingsError.
        """
        certificates, keys = self.listener.renewed(), self._renew()

        def renew() -> None:
            certificates()
            keys()

        return renew

    def take(self, chosen: Settings) -> None:
        """Let these settings hold, for who comes from now on."""
        self.settings = chosen
        if self.files is not None:
            self.files.store.bounds = bounds_of(chosen)
        for doors in self.doors.values():
            for door in doors:
                door.rate = chosen.rate

    async def close(self) -> None:
        """Listen no more."""
        for listening in self.listener.listening:
            await maybeDeferred(listening.stopListening)

    def dismiss(self, farewell: Bye) -> list[Deferred[None]]:
        """Say farewell to everybody; each fires when those of one door are gone."""
        ends = [door.close(farewell) for doors in self.doors.values() for door in doors]
        if self.ports is not None:
            ends.append(self.ports.stop(farewell))
        return ends

    def _open(
        self, name: str, door: Door, descriptions: Sequence[str], factory: Factory | None = None
    ) -> None:
        """Let a door listen, by a ``factory`` of its own where it is none itself."""
        self.doors.setdefault(name, []).append(door)
        for description in in_order(descriptions):
            self.listener.listen(description, factory or cast(Factory, door), name)

    def _entry(self) -> str | None:
        return self.settings.lobby or None

    def _native(self, entry: Callable[[], str | None]) -> ChatFactory:
        parts = self.parts
        return ChatFactory(
            parts.admission,
            self.reactor,
            entry,
            rate=self.settings.rate,
            turnstile=parts.turnstile,
        )
