"""The daemon's settings: one table of them, for the command line and for the configuration file.

A value is text on the command line and may be a number, a truth or a list in TOML; both are read
by the same rule. What is wrong is one sentence.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from attrs import Attribute, field, fields, frozen

from twisted_chat.accounts.attempts import MAX_ACTIVE, MAX_FAILURES, MOST
from twisted_chat.accounts.passwords import MIN_REGISTERED
from twisted_chat.operation import values
from twisted_chat.operation.values import BACKLOG
from twisted_chat.vocabulary.addresses import LOCAL
from twisted_chat.vocabulary.messages import MAX_FRAME, MAX_HISTORY, MAX_TEXT

USERS: Final = "etc/users.csv"
"""The users file that is taken where it exists and no other is named."""

LOG: Final = "sqlite:chat.db"
"""Where texts are kept unless the operator says otherwise: a file in the working directory."""

T = TypeVar("T")


class SettingsError(Exception):
    """A setting is wrong; the sentence names it."""


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
        values.endpoint,
        "where the native door listens: a port, or an endpoint such as"
        " tcp:1234:interface=127.0.0.1 or ssl:...; may be given several times [1234]",
        (f"tcp:1234:{BACKLOG}",),
        many=True,
    )
    web: tuple[str, ...] = _setting(
        values.endpoint, "where the web door listens: a port or an endpoint [off]", (), many=True
    )
    lines: tuple[str, ...] = _setting(
        values.endpoint,
        "where the lines door (telnet, netcat) listens: a port or an endpoint [off]",
        (),
        many=True,
    )
    irc: tuple[str, ...] = _setting(
        values.endpoint,
        "where the IRC door listens: a port or an endpoint [off]",
        (),
        many=True,
    )
    irc_playback: int = _setting(
        values.whole(0, MAX_HISTORY, f"a number of texts, at most {MAX_HISTORY}"),
        "texts that a client of IRC is given when it joins and can not ask for them, at most [50]",
        50,
    )
    irc_sts: int = _setting(
        values.whole(0, 365, "a number of days, at most 365"),
        "days for which clients of the IRC door are to use TLS alone, where it has a certificate"
        " of an authority; 0 for not at all [7]",
        7,
    )
    ssh: tuple[str, ...] = _setting(
        values.endpoint, "where the SSH door listens: a port or an endpoint [off]", (), many=True
    )
    ssh_keys: str = _setting(values.text, "where the SSH door keeps its own keys [by the log]", "")
    web_origin: tuple[str, ...] = _setting(
        values.origin,
        "an origin, such as https://chat.example.org, whose pages may use the web door"
        " besides the door's own; may be given several times",
        (),
        many=True,
    )
    web_host: tuple[str, ...] = _setting(
        values.host,
        "a name under which the web door is reached (*.example.org: every name of one more label),"
        " besides its addresses, localhost, this machine's name and those of --web-origin;"
        " may be given several times",
        (),
        many=True,
    )
    files: str | None = _setting(
        values.text, "the folder in which the web door keeps the files that people send [off]", None
    )
    max_file: int = _setting(
        values.whole(1, 10**12 - 1, "a number of bytes"),
        "bytes of one file, at most [10485760]",
        10_485_760,
    )
    max_files: int = _setting(
        values.whole(1, 10**12 - 1, "a number of bytes"),
        "bytes of all files together, at most [1073741824]",
        1_073_741_824,
    )
    max_files_per_user: int = _setting(
        values.whole(1, 10**12 - 1, "a number of bytes"),
        "bytes of the files of one user (of all guests of an address), at most [104857600]",
        104_857_600,
    )
    certificate: tuple[str, ...] = _setting(
        values.text,
        "a file of a key, its certificate and the chain, for clients that ask a TLS endpoint for"
        " one of the names in it; may be given several times",
        (),
        many=True,
    )
    trust_proxy: tuple[str, ...] = _setting(
        values.proxy,
        "the address or network of a proxy whose X-Forwarded-For is believed (local: behind a"
        " UNIX socket); may be given several times",
        (),
        many=True,
    )
    users: str | None = _setting(
        values.text,
        "the users file, or postgresql: for accounts in the log's database"
        f" [{USERS}, where it exists; else guests only]",
        None,
    )
    registration: str = _setting(
        values.registration,
        "who may make an account: closed, invite (with a code of 'twisted-chat admin invite') or"
        " open [closed]",
        "closed",
    )
    min_password: int = _setting(
        values.whole(1, 256, "a number of characters"),
        "characters of a password with which somebody makes an account, at least"
        f" [{MIN_REGISTERED}]",
        MIN_REGISTERED,
    )
    guests: bool = _setting(
        values.truth, "let guests in beside the accounts, without a password", False
    )
    reserved_names: tuple[str, ...] = _setting(
        values.name,
        "a name that no guest may have, nor one that looks like it; may be given several times,"
        " and then stands for all of these [" + ", ".join(RESERVED_NAMES) + "]",
        RESERVED_NAMES,
        many=True,
    )
    log: str = _setting(
        values.text,
        "where texts are kept: sqlite:FILE[?synchronous=normal], memory:, or for several nodes"
        f" postgresql://… [{LOG}]",
        LOG,
    )
    hints: str | None = _setting(
        values.text,
        "the broker by which nodes with one log in PostgreSQL tell one another at once what they"
        " stored: redis://HOST[:PORT] [none: within a second]",
        None,
    )
    workers: int = _setting(
        values.whole(1, 64, "a number"),
        "nodes to start on this machine, behind the same ports; they need a log in PostgreSQL [1]",
        1,
    )
    lobby: str = _setting(
        values.lobby, "the session that everyone is in after login; '' for none [lobby]", "lobby"
    )
    linger: float = _setting(
        values.amount("a number of seconds"),
        "seconds after which an empty session closes, 0 for at once [60]",
        60.0,
    )
    max_sessions: int = _setting(
        values.whole(1, 1_000_000, "a number"), "sessions at once, at most [1000]", 1_000
    )
    max_sessions_per_user: int = _setting(
        values.whole(0, 1_000_000, "a number"),
        "sessions that one user may own, and half of those that one address may; 0 for no limit"
        " [100]",
        100,
    )
    directs_per_minute: int = _setting(
        values.whole(0, 1_000_000, "a number"),
        "direct sessions that an account, or the guests of one address, may begin in a minute; 0"
        " for no limit [30]",
        30,
    )
    invites_per_minute: int = _setting(
        values.whole(0, 1_000_000, "a number"),
        "invitations that one user may give in a minute; 0 for no limit [20]",
        20,
    )
    failed_logins_per_minute: int = _setting(
        values.whole(1, MOST, f"a number, at most {MOST}"),
        "wrong passwords that one address (IPv6: each /64) may give in a minute, and then in ever"
        " more; ten times as many are of one account, from everywhere [5]",
        MAX_FAILURES,
    )
    max_logins: int = _setting(
        values.whole(1, 1_000, "a number"),
        "logins with a password that are under way at once, at most: others wait for their turn"
        " [16]",
        MAX_ACTIVE,
    )
    max_mentions: int = _setting(
        values.whole(1, 1_000_000, "a number"),
        "accounts that one text may mention, at most: others are not told of it [50]",
        50,
    )
    texts_per_second: float = _setting(
        values.amount("a number of texts a second"),
        "texts a second that a user is read for in one session, by all connections, and five times"
        " as many at once; 0 for no limit [20]",
        20.0,
    )
    connects_per_minute: int = _setting(
        values.whole(0, 1_000_000, "a number"),
        "connections that one address (IPv6: each /64) may open in a minute; 0 for no limit [300]",
        300,
    )
    max_members: int = _setting(
        values.whole(1, 1_000_000, "a number"),
        "members of a session at once, at most; the lobby has no limit [1000]",
        1_000,
    )
    max_connections: int = _setting(
        values.whole(1, 1_000_000, "a number"),
        "connections at once, at most [what the system allows]",
        0,
    )
    max_connections_per_address: int = _setting(
        values.whole(0, 1_000_000, "a number"),
        "connections from one address (IPv6: from each /64) at once, at most; 0 for no limit [32]",
        32,
    )
    max_connections_per_user: int = _setting(
        values.whole(0, 1_000_000, "a number"),
        "connections of one user at once, at most; 0 for no limit [16]",
        16,
    )
    trust: tuple[str, ...] = _setting(
        values.trusted,
        "an address or a network (local: who comes through a UNIX socket) for which the limits of"
        " each address and user do not hold; '' for none; may be given several times, and then"
        " stands for all of these [127.0.0.1, ::1, local]",
        ("127.0.0.1", "::1", LOCAL),
        many=True,
    )
    max_text: int = _setting(
        values.whole(1, MAX_FRAME - 4_096, "a number of bytes"),
        f"bytes of one text, at most [{MAX_TEXT}]",
        MAX_TEXT,
    )
    rate: float = _setting(
        values.amount("a number of requests a second"),
        "requests a second that a user is read for, by all connections, and twice as many at once;"
        " 0 for no limit [1000]",
        1_000.0,
    )
    max_waiting: int = _setting(
        values.whole(1, 10**12 - 1, "a number of bytes"),
        "bytes that wait for all clients together, at most: past it those who read least get"
        " what they miss from the log, and nobody new comes in [268435456]",
        268_435_456,
    )
    presence_limit: int = _setting(
        values.whole(0, 1_000_000, "a number"),
        "users of a session above which comings and goings are told gathered [200]",
        200,
    )
    retain: float = _setting(
        values.amount("a number of days"), "days after which texts are forgotten [0: never]", 0.0
    )
    retain_texts: int = _setting(
        values.whole(0, 10**12 - 1, "a number"), "texts kept of each session [0: all]", 0
    )
    session_ports: tuple[int, int] | None = _setting(
        values.ports, "give each session a port of its own, LOW-HIGH [off]", None
    )
    name: str = _setting(values.text, "what the server calls itself [twisted-chat]", "twisted-chat")
    welcome: str | None = _setting(
        values.text,
        "a file with what everyone is told after login, read again at SIGHUP [none]",
        None,
    )
    metrics: tuple[str, ...] = _setting(
        values.endpoint,
        "where figures for Prometheus are served, at /metrics: a port or an endpoint [off]",
        (),
        many=True,
    )
    admin: str | None = _setting(
        values.text, "the UNIX socket by which 'twisted-chat admin' reaches the daemon [off]", None
    )
    log_format: str = _setting(
        values.log_format, "how the daemon's own log is written: text or json [text]", "text"
    )
    table: bool = _setting(
        values.truth,
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
    chosen: dict[str, object] = {}
    for setting in table():
        if setting.name not in raw:
            continue
        where, texts = raw[setting.name]
        try:
            parsed = tuple(setting.metadata["parse"](text) for text in texts)
        except ValueError as problem:
            raise SettingsError(f"{where} {problem}.".replace("..", ".")) from None
        chosen[setting.name] = parsed if setting.metadata["many"] else parsed[-1]
    return Settings(**chosen)  # type: ignore[arg-type]


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
