"""The daemon's settings: one table of them, for the command line and for the configuration file.

A value is text on the command line and may be a number, a truth or a list in TOML; both are read
by the same rule. What is wrong is one sentence.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from attrs import Attribute, field, fields, frozen

from twisted_chat.vocabulary.addresses import LOCAL, block
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import MAX_FRAME, MAX_TEXT
from twisted_chat.vocabulary.names import session_name, user_name

USERS: Final = "etc/users.csv"
"""The users file that is taken where it exists and no other is named."""

LOG: Final = "sqlite:chat.db"
"""Where texts are kept unless the operator says otherwise: a file in the working directory."""

BACKLOG: Final = "backlog=1024"
"""A storm of clients that come back finds room to wait in, wherever TCP is listened on."""

T = TypeVar("T")


class SettingsError(Exception):
    """A setting is wrong; the sentence names it."""


def _text(raw: str) -> str:
    return raw


def _whole(low: int, high: int, what: str) -> Callable[[str], int]:
    def parse(raw: str) -> int:
        if re.fullmatch(r"[0-9]{1,12}", raw) and low <= int(raw) <= high:
            return int(raw)
        raise ValueError(f"must be {what} from {low} to {high}, not {raw!r}")

    return parse


def _amount(what: str) -> Callable[[str], float]:
    def parse(raw: str) -> float:
        if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", raw):
            return float(raw)
        raise ValueError(f"must be {what}, not {raw!r}")

    return parse


def _lobby(raw: str) -> str:
    try:
        return session_name(raw).text if raw else ""
    except ChatError as problem:
        raise ValueError(str(problem)) from None


def _name(raw: str) -> str:
    try:
        return user_name(raw).text
    except ChatError as problem:
        raise ValueError(str(problem)) from None


def _endpoint(raw: str) -> str:
    """A port number, or a Twisted endpoint description, which tap.py judges."""
    if raw.isdecimal() and raw.isascii():
        return f"tcp:{_whole(0, 65_535, 'a port')(raw)}:{BACKLOG}"
    if ":" not in raw:
        raise ValueError(f"must be a port number or an endpoint such as tcp:1234, not {raw!r}")
    return raw


def _origin(raw: str) -> str:
    if re.fullmatch(r"https?://[^/?#@\s]+", raw) is None:
        raise ValueError(f"must be an origin such as https://chat.example.org, not {raw!r}")
    return raw


def _proxy(raw: str) -> str:
    """An address or a network; or ``local``, which is whoever comes through a UNIX socket."""
    found = raw if raw == LOCAL else block(raw)
    if found is None:
        raise ValueError(
            f"must be an address such as 127.0.0.1, a network such as 10.0.0.0/8, or local,"
            f" not {raw!r}"
        )
    return found


def _trusted(raw: str) -> str:
    """As _proxy; or nothing."""
    return _proxy(raw) if raw else raw


def _registration(raw: str) -> str:
    if raw not in ("closed", "invite", "open"):
        raise ValueError(f"must be closed, invite or open, not {raw!r}")
    return raw


def _host(raw: str) -> str:
    if re.fullmatch(r"(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?", raw) is None:
        raise ValueError(f"must be a host name such as chat.example.org, not {raw!r}")
    return raw.lower()


def _log_format(raw: str) -> str:
    if raw not in ("text", "json"):
        raise ValueError(f"must be text or json, not {raw!r}")
    return raw


def _ports(raw: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]{1,5})-([0-9]{1,5})", raw)
    if found is not None:
        low, high = int(found[1]), int(found[2])
        if 0 < low <= high <= 65_535:
            return low, high
    raise ValueError(f"must be two ports, LOW-HIGH, such as 4000-4063, not {raw!r}")


def _truth(raw: str) -> bool:
    if raw not in ("true", "false"):
        raise ValueError(f"must be true or false, not {raw!r}")
    return raw == "true"


def _setting(parse: Callable[[str], T], help: str, default: Any, many: bool = False) -> Any:
    return field(default=default, metadata={"parse": parse, "help": help, "many": many})


RESERVED_NAMES = (
    *("server", "system", "root", "admin", "administrator", "operator", "moderator", "owner"),
    *("service", "services", "NickServ", "ChanServ", "you", "me", "all", "everyone", "here"),
    *("nobody", "anonymous"),
)
"""Names that people would take for the server, or for somebody who may do more, or for a word."""


@frozen(kw_only=True)
class Settings:
    """What the operator chose."""

    port: tuple[str, ...] = _setting(
        _endpoint,
        "where the native door listens: a port, or an endpoint such as"
        " tcp:1234:interface=127.0.0.1 or ssl:...; may be given several times [1234]",
        (f"tcp:1234:{BACKLOG}",),
        many=True,
    )
    web: tuple[str, ...] = _setting(
        _endpoint, "where the web door listens: a port or an endpoint [off]", (), many=True
    )
    lines: tuple[str, ...] = _setting(
        _endpoint,
        "where the lines door (telnet, netcat) listens: a port or an endpoint [off]",
        (),
        many=True,
    )
    irc: tuple[str, ...] = _setting(
        _endpoint,
        "where the IRC door listens: a port or an endpoint [off]",
        (),
        many=True,
    )
    ssh: tuple[str, ...] = _setting(
        _endpoint, "where the SSH door listens: a port or an endpoint [off]", (), many=True
    )
    ssh_keys: str = _setting(_text, "where the SSH door keeps its own keys [by the log]", "")
    web_origin: tuple[str, ...] = _setting(
        _origin,
        "an origin, such as https://chat.example.org, whose pages may use the web door"
        " besides the door's own; may be given several times",
        (),
        many=True,
    )
    web_host: tuple[str, ...] = _setting(
        _host,
        "a name under which the web door is reached (*.example.org: every name of one more label),"
        " besides its addresses, localhost, this machine's name and those of --web-origin;"
        " may be given several times",
        (),
        many=True,
    )
    certificate: tuple[str, ...] = _setting(
        _text,
        "a file of a key, its certificate and the chain, for clients that ask a TLS endpoint for"
        " one of the names in it; may be given several times",
        (),
        many=True,
    )
    trust_proxy: tuple[str, ...] = _setting(
        _proxy,
        "the address or network of a proxy whose X-Forwarded-For is believed (local: behind a"
        " UNIX socket); may be given several times",
        (),
        many=True,
    )
    users: str | None = _setting(
        _text, f"the users file [{USERS}, where it exists; else guests only]", None
    )
    registration: str = _setting(
        _registration,
        "who may make an account: closed, invite (with a code of 'twisted-chat admin invite') or"
        " open [closed]",
        "closed",
    )
    guests: bool = _setting(_truth, "let guests in beside the accounts, without a password", False)
    reserved_names: tuple[str, ...] = _setting(
        _name,
        "a name that no guest may have, nor one that looks like it; may be given several times,"
        " and then stands for all of these [" + ", ".join(RESERVED_NAMES) + "]",
        RESERVED_NAMES,
        many=True,
    )
    log: str = _setting(
        _text, f"where texts are kept: sqlite:FILE[?synchronous=normal] or memory: [{LOG}]", LOG
    )
    lobby: str = _setting(
        _lobby, "the session that everyone is in after login; '' for none [lobby]", "lobby"
    )
    linger: float = _setting(
        _amount("a number of seconds"),
        "seconds after which an empty session closes, 0 for at once [60]",
        60.0,
    )
    max_sessions: int = _setting(
        _whole(1, 1_000_000, "a number"), "sessions at once, at most [1000]", 1_000
    )
    max_sessions_per_user: int = _setting(
        _whole(0, 1_000_000, "a number"),
        "sessions that one user may own, and half of those that one address may; 0 for no limit"
        " [100]",
        100,
    )
    directs_per_minute: int = _setting(
        _whole(0, 1_000_000, "a number"),
        "direct sessions that guests of one address may begin in a minute; 0 for no limit [30]",
        30,
    )
    max_members: int = _setting(
        _whole(1, 1_000_000, "a number"),
        "members of a session at once, at most; the lobby has no limit [1000]",
        1_000,
    )
    max_connections: int = _setting(
        _whole(1, 1_000_000, "a number"),
        "connections at once, at most [what the system allows]",
        0,
    )
    max_connections_per_address: int = _setting(
        _whole(0, 1_000_000, "a number"),
        "connections from one address (IPv6: from each /64) at once, at most; 0 for no limit [32]",
        32,
    )
    max_connections_per_user: int = _setting(
        _whole(0, 1_000_000, "a number"),
        "connections of one user at once, at most; 0 for no limit [16]",
        16,
    )
    trust: tuple[str, ...] = _setting(
        _trusted,
        "an address or a network (local: who comes through a UNIX socket) for which the limits of"
        " each address and user do not hold; '' for none; may be given several times, and then"
        " stands for all of these [127.0.0.1, ::1, local]",
        ("127.0.0.1", "::1", LOCAL),
        many=True,
    )
    max_text: int = _setting(
        _whole(1, MAX_FRAME - 4_096, "a number of bytes"),
        f"bytes of one text, at most [{MAX_TEXT}]",
        MAX_TEXT,
    )
    rate: float = _setting(
        _amount("a number of requests a second"),
        "requests a second that a connection is read for, and twice as many at once;"
        " 0 for no limit [1000]",
        1_000.0,
    )
    max_waiting: int = _setting(
        _whole(1, 10**12 - 1, "a number of bytes"),
        "bytes that wait for all clients together, at most: past it those who read least get"
        " what they miss from the log, and nobody new comes in [268435456]",
        268_435_456,
    )
    presence_limit: int = _setting(
        _whole(0, 1_000_000, "a number"),
        "users of a session above which comings and goings are told gathered [200]",
        200,
    )
    retain: float = _setting(
        _amount("a number of days"), "days after which texts are forgotten [0: never]", 0.0
    )
    retain_texts: int = _setting(
        _whole(0, 10**12 - 1, "a number"), "texts kept of each session [0: all]", 0
    )
    session_ports: tuple[int, int] | None = _setting(
        _ports, "give each session a port of its own, LOW-HIGH [off]", None
    )
    name: str = _setting(_text, "what the server calls itself [twisted-chat]", "twisted-chat")
    welcome: str | None = _setting(
        _text, "a file with what everyone is told after login, read again at SIGHUP [none]", None
    )
    metrics: tuple[str, ...] = _setting(
        _endpoint,
        "where figures for Prometheus are served, at /metrics: a port or an endpoint [off]",
        (),
        many=True,
    )
    admin: str | None = _setting(
        _text, "the UNIX socket by which 'twisted-chat admin' reaches the daemon [off]", None
    )
    log_format: str = _setting(
        _log_format, "how the daemon's own log is written: text or json [text]", "text"
    )
    table: bool = _setting(
        _truth,
        "draw the table of connected clients also where standard output is no terminal",
        False,
    )

    @property
    def listening(self) -> Sequence[str]:
        """Everything that listens."""
        return (*self.port, *self.web, *self.lines, *self.irc, *self.ssh, *self.metrics)


def table() -> Sequence[Attribute[Any]]:
    """Return the settings, in order; a name's underscores are dashes for the operator."""
    return fields(Settings)


def option(name: str) -> str:
    """Return a setting's name as the operator writes it."""
    return name.replace("_", "-")


def read(given: Mapping[str, Sequence[str]], config: str | None) -> Settings:
    """Return the settings: those ``given`` on the command line win over those of ``config``.

    Raises SettingsError.
    """
    raw = _configured(config) if config is not None else {}
    raw.update({name: (f"--{option(name)}", values) for name, values in given.items()})
    values: dict[str, object] = {}
    for setting in table():
        if setting.name not in raw:
            continue
        where, texts = raw[setting.name]
        try:
            parsed = tuple(setting.metadata["parse"](text) for text in texts)
        except ValueError as problem:
            raise SettingsError(f"{where} {problem}.".replace("..", ".")) from None
        values[setting.name] = parsed if setting.metadata["many"] else parsed[-1]
    return Settings(**values)  # type: ignore[arg-type]


def _configured(path: str) -> dict[str, tuple[str, Sequence[str]]]:
    try:
        found = tomllib.loads(Path(path).read_text("utf-8-sig"))
    except OSError as problem:
        raise SettingsError(f"--config {path}: {problem.strerror}.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise SettingsError(f"--config {path}: {problem}.") from None
    known = {option(setting.name): setting for setting in table()}
    raw: dict[str, tuple[str, Sequence[str]]] = {}
    for key, value in found.items():
        where = f"{path}: {key}"
        if key not in known:
            raise SettingsError(f"{where} is no setting.")
        values = value if isinstance(value, list) and known[key].metadata["many"] else [value]
        if not values:
            continue
        raw[known[key].name] = (where, [_as_text(one, where) for one in values])
    return raw


def _as_text(value: object, where: str) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float() | str():
            return str(value)
        case _:
            raise SettingsError(f"{where} must be text, a number, true or false.")
