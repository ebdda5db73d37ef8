"""Listening: from an endpoint's description, as the operator writes it, to a bound socket.

What Twisted's own descriptions leave to be stumbled over is dealt with here: an IPv6 interface
needs no backslashes, ``tcp:N`` beside ``tcp6:N`` is served by the one socket of the latter, a
certificate file is sent with its whole chain, and a renewed one can be taken up.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from ipaddress import IPv6Address
from pathlib import Path
from socket import SO_REUSEPORT, SOL_SOCKET
from typing import Any, Final, cast

from attrs import define, field
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory
from twisted.internet.tcp import Port
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_chat.operation.settings import SettingsError
from twisted_chat.operation.values import BACKLOG

NETWORK: Final = ("tcp", "tcp6", "ssl")
"""Kinds of endpoints that are a port of the network."""

MAX_PORT: Final = 65_535

_ONLY_V6 = Path("/proc/sys/net/ipv6/bindv6only")
_INTERFACE = re.compile(r"(?<=:interface=)\[?([0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)\]?(?=$|:[A-Za-z]+=)")


def split(description: str) -> list[str]:
    r"""Return the parts of a description, cut at every colon that has no ``\`` before it."""
    parts = re.findall(r"(?:^|:)((?:\\.|[^:\\])*)", description)
    return [re.sub(r"\\(.)", r"\1", one) for one in parts]


def kind_of(description: str) -> str:
    """Return what stands before the first colon."""
    return description.partition(":")[0]


def understood(description: str) -> str:
    r"""Return a description with ``interface=::1`` as Twisted needs it, ``interface=\:\:1``."""

    def escaped(found: re.Match[str]) -> str:
        try:
            return str(IPv6Address(found[1])).replace(":", r"\:")
        except ValueError:
            return found[0]

    description = _INTERFACE.sub(escaped, description)
    if kind_of(description) in NETWORK and "backlog=" not in description:
        description += f":{BACKLOG}"
    return description


def reason(problem: BaseException) -> str:
    """Return in one line what ``problem`` says."""
    return " ".join(str(problem).split()) or type(problem).__name__


class SharedPort(Port):
    """A TCP port that several processes listen on: the system deals connections out to them."""

    def createInternetSocket(self) -> Any:
        """See Port."""
        made = super().createInternetSocket()
        made.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1)
        return made


@define
class Way:
    """How an endpoint of the network listens: what a reactor is told."""

    port: int = 0
    backlog: int = 50
    interface: str = ""
    tls: Any = None
    """A context factory."""

    def listenTCP(self, port: int, factory: Factory, backlog: int, interface: str) -> None:
        """See IReactorTCP: an endpoint takes this for a reactor."""
        self.port, self.backlog, self.interface = port, backlog, interface

    def listenSSL(
        self, port: int, factory: Factory, contextFactory: Any, backlog: int, interface: str
    ) -> None:
        """See IReactorSSL."""
        self.tls = contextFactory
        self.listenTCP(port, factory, backlog, interface)


def way_of(description: str) -> Way:
    """Return how a description of the network listens. Raises SettingsError.

    Of a certificate its files are read.
    """
    way = Way()
    try:
        serverFromString(cast(Any, way), understood(description)).listen(Factory())
        if way.tls is not None and "extraCertChain=" not in description:
            way.tls.extraCertChain = _chain(description)
        if not 0 <= way.port <= MAX_PORT:
            raise ValueError(f"a port is at most {MAX_PORT}")
    except Exception as problem:  # each kind of endpoint has its own ways to complain
        raise _no_endpoint(description, problem) from None
    return way


def _chain(description: str) -> list[Any]:
    from twisted_chat.operation.certificates import chain_in

    given = dict(one.partition("=")[::2] for one in split(description) if "=" in one)
    return chain_in(given.get("certKey") or given.get("privateKey") or "server.pem")


def judge(description: str) -> None:
    """Raise SettingsError where a description is no endpoint."""
    if kind_of(description) in NETWORK:
        way_of(description)
        return
    try:
        serverFromString(cast(Any, None), description)
    except Exception as problem:
        raise _no_endpoint(description, problem) from None


def _no_endpoint(description: str, problem: Exception) -> SettingsError:
    why = reason(problem)
    if isinstance(problem, ImportError) or ("OpenSSL" in why and find_spec("OpenSSL") is None):
        why = "TLS needs the extra twisted-chat[tls]"
    elif "multiple values" in why or "takes from" in why:
        why = r"a colon within a part is written \:"
    return SettingsError(f"{description} is no endpoint that can be listened on ({why}).")


def in_order(descriptions: Sequence[str]) -> list[str]:
    """Return descriptions so that those of ``tcp6:``, which serve IPv4 too, come first."""
    return sorted(descriptions, key=lambda one: kind_of(one) != "tcp6")


@define(eq=False)
class Listener:
    """Listens, and knows what it listens with: certificates can be renewed.

    ``certificates`` are files of a key, its certificate and the chain, for clients of a TLS
    endpoint that ask for a name of theirs.
    """

    reactor: Any
    """IReactorTCP, IReactorSSL, IReactorUNIX, IReactorSocket."""
    certificates: Sequence[str] = ()
    shares: bool = False
    """Whether other processes of this machine listen on the same ports."""
    listening: list[IListeningPort] = field(init=False, factory=list)
    _renewables: dict[str, Any] = field(init=False, factory=dict)
    _dual: set[int] = field(init=False, factory=set)
    """Ports that a socket of ours serves for IPv6 and IPv4."""

    _logger = Logger()

    def listen(self, description: str, factory: Factory, door: str) -> None:
        """Listen. Raises CannotListenError, SettingsError."""
        if kind_of(description) in NETWORK:
            way = way_of(description)
            if self._serves_already(description, way):
                self._logger.info(
                    "{door} door: {port} is served for IPv4 by tcp6:{port} already",
                    door=door,
                    port=way.port,
                )
                return
            listening = self._bind(description, way, way.port, factory, asks=door == "irc")
            if kind_of(description) == "tcp6" and way.interface in ("", "::") and _is_dual():
                self._dual.add(way.port)
        else:
            listening = self._adopt(description, factory)
        self.listening.append(listening)
        address = listening.getHost()
        self._logger.info(
            "{door} door on {host}:{port}",
            door=door,
            host=getattr(address, "host", description),
            port=getattr(address, "port", ""),
        )

    def _serves_already(self, description: str, way: Way) -> bool:
        return kind_of(description) == "tcp" and not way.interface and way.port in self._dual

    def _bind(
        self, description: str, way: Way, port: int, factory: Factory, *, asks: bool = False
    ) -> IListeningPort:
        how = {"backlog": way.backlog, "interface": way.interface}
        listening: IListeningPort
        if self.shares:
            if way.tls is not None:
                from twisted.protocols.tls import TLSMemoryBIOFactory

                context = self._renewable(description, way, asks=asks)
                factory = cast(Factory, TLSMemoryBIOFactory(context, False, factory))
            shared = SharedPort(port, factory, way.backlog, way.interface, self.reactor)
            shared.startListening()
            listening = cast(IListeningPort, shared)
        elif way.tls is None:
            listening = self.reactor.listenTCP(port, factory, **how)
        else:
            context = self._renewable(description, way, asks=asks)
            listening = self.reactor.listenSSL(port, factory, context, **how)
        return listening

    def _renewable(self, description: str, way: Way, *, asks: bool) -> Any:
        from twisted_chat.operation.certificates import Renewable

        if description not in self._renewables:
            self._renewables[description] = Renewable(way.tls, self._named(), asks)
        return self._renewables[description]

    def _named(self) -> dict[str, Any]:
        from twisted_chat.operation.certificates import named

        try:
            return named(self.certificates)
        except Exception as problem:
            where = getattr(problem, "filename", None) or ", ".join(self.certificates)
            raise SettingsError(f"--certificate {where}: {reason(problem)}.") from None

    def _adopt(self, description: str, factory: Factory) -> IListeningPort:
        failures: list[Failure] = []
        listening: list[IListeningPort] = []
        endpoint = serverFromString(self.reactor, description)
        endpoint.listen(factory).addCallbacks(listening.append, failures.append)
        if failures:
            if failures[0].check(CannotListenError) is None:
                why = reason(cast(Exception, failures[0].value))
                raise SettingsError(f"{description} can not be listened on ({why}).")
            failures[0].raiseException()
        return listening[0]

    def listen_like(self, descriptions: Sequence[str]) -> Callable[[int, Factory], IListeningPort]:
        """Return what listens on any port as the first of these does that is in clear.

        Where all of them are ``ssl:``, as the first of them: with its interface and its
        certificate. What is no TCP endpoint is passed by; with none, it is plain TCP.
        """
        found = [one for one in descriptions if kind_of(one) in NETWORK]
        clear = [one for one in found if kind_of(one) != "ssl"]
        description = (clear or found or ["tcp:0"])[0]
        way = way_of(description)
        return lambda port, factory: self._bind(description, way, port, factory)

    def tls_port(self, descriptions: Sequence[str]) -> int | None:
        """Return the port of the first of these that speaks TLS with an authority's certificate."""
        for description in descriptions:
            found = self._renewables.get(description)
            if found is not None and not found.is_self_signed:
                return way_of(description).port
        return None

    def expiries(self) -> list[tuple[str, float]]:
        """Return when the certificate of each TLS endpoint expires, in seconds since 1970."""
        return [
            (":".join(split(description)[:2]), renewable.expires)
            for description, renewable in self._renewables.items()
        ]

    def renewed(self) -> Callable[[], None]:
        """Read all certificates again; return what puts them in force. Raises SettingsError."""
        if not self._renewables:
            return lambda: None
        ways = {description: way_of(description) for description in self._renewables}
        others = self._named()

        def take() -> None:
            for description, way in ways.items():
                self._renewables[description].replace(way.tls, others)
                way.tls.getContext()

        for way in ways.values():
            try:
                way.tls.getContext()
            except Exception as problem:
                raise SettingsError(
                    f"A certificate does not fit its key ({reason(problem)})."
                ) from None
        return take


def explained(problem: CannotListenError) -> str:
    """Return in one line why a port can not be listened on."""
    code = getattr(problem.socketError, "errno", None)
    why = reason(problem)
    if code == errno.EACCES and isinstance(problem.port, int) and problem.port < 1024:
        why += " Ports below 1024 need CAP_NET_BIND_SERVICE, or a socket unit of systemd."
    return why


def _is_dual() -> bool:
    """Whether a socket of IPv6 serves IPv4 too, as it does unless the system was told not to."""
    try:
        return _ONLY_V6.read_text().strip() != "1"
    except OSError:
        return True
