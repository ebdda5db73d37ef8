"""An SSH client through bytes, which can do what no client should.

Seals are the door's own, turned round: that they are what others take them for is shown with
OpenSSH's client (tests/doors/ssh/test_ssh_algorithms.py).
"""

from __future__ import annotations

import os
import struct
from hashlib import sha256
from typing import Any, Final, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from twisted.conch.ssh.common import MP, NS, getNS
from twisted.conch.ssh.connection import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_REQUEST,
    MSG_CHANNEL_WINDOW_ADJUST,
)
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.transport import (
    MSG_DISCONNECT,
    MSG_KEXDH_INIT,
    MSG_KEXINIT,
    MSG_NEWKEYS,
    MSG_SERVICE_ACCEPT,
    MSG_SERVICE_REQUEST,
)
from twisted.conch.ssh.userauth import MSG_USERAUTH_REQUEST, MSG_USERAUTH_SUCCESS

from tests.kit.pipe import Pipe
from tests.kit.world import ChatCase, World
from twisted_chat.accounts.proofs import KeyRing
from twisted_chat.doors.ssh import SshFactory
from twisted_chat.doors.ssh.agreeing import EXTENSIONS_CLIENT, STRICT_CLIENT, Offer
from twisted_chat.doors.ssh.door import SshTransport
from twisted_chat.doors.ssh.sealing import (
    CIPHERS,
    LENGTH,
    MACS,
    TAGGED,
    Clear,
    Material,
    Seal,
    Suite,
    made,
)

Message = tuple[int, bytes]

HOST_KEY: Final = Key(Ed25519PrivateKey.generate())

GCM: Final = Suite(b"aes256-gcm@openssh.com")

SUITES: Final = [Suite(cipher) for cipher in TAGGED] + [
    Suite(cipher, mac) for cipher in CIPHERS if cipher not in TAGGED for mac in MACS
]
"""All that the door can do."""


def ssh_factory(world: World, keys: KeyRing | None = None) -> SshFactory:
    """Return an SSH door of a chat."""
    prover = world.prover(keys)
    factory = SshFactory(prover, world.clock, lambda: "lobby", [HOST_KEY])
    factory.startFactory()
    return factory


class SshClient:
    """Somebody with a client, which has that ``suite`` alone; ``strict``: see agreeing.py."""

    def __init__(
        self,
        world: World,
        factory: SshFactory,
        suite: Suite = GCM,
        exchange: bytes = b"curve25519-sha256",
        strict: bool = True,
        version: bytes = b"SSH-2.0-test",
    ) -> None:
        self.world, self.suite, self.exchange, self.version = world, suite, exchange, version
        self.strict = strict
        self.pipe = Pipe(world.clock, 50_000)
        protocol = factory.buildProtocol(self.pipe.getPeer())
        assert isinstance(protocol, SshTransport)
        self.protocol = protocol
        self.pipe.protocol = cast(Any, protocol)
        self.incoming: Seal = Clear()
        self.outgoing: Seal = Clear()
        self.sent = self.read = 0
        """Numbers of the next packets."""
        self.session = b""
        self.host_key = b""
        self.exchanges = 0
        self.is_asked_for_keys = False
        self.got: list[Message] = []
        """What came, and was not taken."""
        self._received = b""
        self._theirs = self._ours = b""
        self.their_offer: Offer | None = None
        protocol.makeConnection(cast(Any, self.pipe))

    # --- packets -------------------------------------------------------------------------------

    def sealed(self, message: int, payload: bytes = b"") -> bytes:
        """Return a message as it goes out; its number is used then."""
        seal, body = self.outgoing, bytes((message,)) + payload
        padding = seal.block - (seal.counted + 1 + len(body)) % seal.block
        padding += seal.block if padding < 4 else 0
        packet = struct.pack(">LB", 1 + len(body) + padding, padding) + body + os.urandom(padding)
        done = seal.seal(self.sent, packet)
        self.sent += 1
        return done

    def send(self, message: int, payload: bytes = b"") -> None:
        """Send a message."""
        self.pipe.send(self.sealed(message, payload))

    def settle(self) -> None:
        """Let everything be done that is to be done now, and read what came of it."""
        for _ in range(30):
            self.world.settle()
            self._read()

    def take(self) -> list[Message]:
        """Return what came."""
        self.settle()
        got, self.got = self.got, []
        return got

    def numbers(self) -> list[int]:
        """Return the numbers of the messages that came."""
        return [message for message, _ in self.take()]

    @property
    def farewell(self) -> bytes:
        """Why the server has ended it; empty where it has not."""
        for message, payload in self.take():
            if message == MSG_DISCONNECT:
                return bytes(getNS(payload[4:])[0])
        return b""

    def _read(self) -> None:
        if not self.pipe.reading:
            return
        self._received += self.pipe.take()
        if self._received.startswith(b"SSH-"):
            self.their_version, found, rest = self._received.partition(b"\r\n")
            self._received = rest if found else self._received
        while len(self._received) >= LENGTH:
            length = self.incoming.length(self.read, self._received[:LENGTH])
            end = LENGTH + length + self.incoming.tag
            if len(self._received) < end:
                return
            packet = self.incoming.open(self.read, self._received[:end])
            self._received = self._received[end:]
            self.read += 1
            self._got(packet[1], packet[2 : length - packet[0]])

    def _got(self, message: int, payload: bytes) -> None:
        if message == MSG_KEXINIT:
            self._theirs = bytes((message,)) + payload
            self.their_offer = Offer.parse(payload)
            self.is_asked_for_keys = True
        elif message == MSG_NEWKEYS:
            self.incoming = self._next_incoming
            self.read = 0 if self.strict else self.read
        elif message == MSG_KEXDH_INIT + 1:
            self._keys(payload)
        self.got.append((message, payload))

    # --- keys ----------------------------------------------------------------------------------

    def greet(self) -> None:
        """Say the version."""
        self.pipe.send(self.version + b"\r\n")
        self.settle()

    def offer(self, guess: bytes = b"") -> None:
        """Say what it can do; with a ``guess`` something is to follow for another exchange."""
        markers = (EXTENSIONS_CLIENT, *((STRICT_CLIENT,) if self.strict else ()))
        ciphers, macs = (self.suite.cipher,), (self.suite.mac or b"none",)
        guesses = (guess,) if guess else ()
        exchanges = (*guesses, self.exchange, *(() if self.exchanges else markers))
        offer = Offer(
            exchanges, (b"ssh-ed25519",), ciphers, ciphers, macs, macs, guesses=bool(guess)
        )
        payload = offer.payload()
        self._ours = bytes((MSG_KEXINIT,)) + payload
        self.send(MSG_KEXINIT, payload)

    def half(self) -> None:
        """Send its half of the secret."""
        self._curve = X25519PrivateKey.generate()
        self._half = self._curve.public_key().public_bytes_raw()
        if self.exchange.startswith(b"mlkem"):
            self._lattice = MLKEM768PrivateKey.generate()
            self._half = self._lattice.public_key().public_bytes_raw() + self._half
        self.send(MSG_KEXDH_INIT, NS(self._half))
        self.settle()

    def _keys(self, payload: bytes) -> None:
        host_key, theirs, signature, _ = getNS(payload, 3)
        secret = self._curve.exchange(X25519PublicKey.from_public_bytes(theirs[-32:]))
        if self.exchange.startswith(b"mlkem"):
            secret = NS(sha256(self._lattice.decapsulate(theirs[:-32]) + secret).digest())
        else:
            secret = MP(int.from_bytes(secret, "big"))
        parts = (self.version, self.their_version, self._ours, self._theirs, host_key)
        hashed = b"".join(map(NS, (*parts, self._half, theirs))) + secret
        digest = sha256(hashed).digest()
        assert Key.fromString(host_key).verify(signature, digest)
        self.host_key = host_key
        self.session = self.session or digest

        def key(letter: bytes) -> bytes:
            made = sha256(secret + digest + letter + self.session).digest()
            return made + sha256(secret + digest + made).digest()

        self._next_outgoing = made(self.suite, Material(key(b"A"), key(b"C"), key(b"E")))
        self._next_incoming = made(self.suite, Material(key(b"B"), key(b"D"), key(b"F")))

    def new_keys(self) -> None:
        """Use the new keys from here on."""
        self.send(MSG_NEWKEYS)
        self.outgoing = self._next_outgoing
        self.sent = 0 if self.strict else self.sent
        self.exchanges += 1
        self.is_asked_for_keys = False
        self.settle()

    def exchange_keys(self) -> None:
        """Make keys; it begins, where the server has not begun."""
        self.offer()
        self.half()
        self.new_keys()

    def begin(self) -> None:
        """Come as far as there are keys."""
        self.greet()
        self.exchange_keys()

    # --- what it is for ------------------------------------------------------------------------

    def request(self, user: str, method: bytes = b"none", rest: bytes = b"") -> None:
        """Ask to be let in."""
        begin = NS(user.encode()) + NS(b"ssh-connection") + NS(method)
        self.send(MSG_USERAUTH_REQUEST, begin + rest)

    def come(self, user: str) -> None:
        """Come in as a guest."""
        self.begin()
        self.send(MSG_SERVICE_REQUEST, NS(b"ssh-userauth"))
        self.request(user)
        assert MSG_USERAUTH_SUCCESS in self.numbers()

    def open(self, window: int = 2**21, packet: int = 32_768, kind: bytes = b"session") -> None:
        """Ask for a channel, which has the number that this is counted with."""
        self.send(MSG_CHANNEL_OPEN, NS(kind) + struct.pack(">3L", 0, window, packet))

    def run(self, command: str, channel: int = 0) -> None:
        """Run a command on a channel."""
        begin = struct.pack(">L", channel) + NS(b"exec") + b"\1"
        self.send(MSG_CHANNEL_REQUEST, begin + NS(command.encode()))

    def terminal(self, kind: bytes, columns: int = 80, rows: int = 24, channel: int = 0) -> None:
        """Ask for a terminal."""
        size = struct.pack(">4L", columns, rows, 0, 0)
        begin = struct.pack(">L", channel) + NS(b"pty-req") + b"\1"
        self.send(MSG_CHANNEL_REQUEST, begin + NS(kind) + size + NS(b""))

    def shell(self, channel: int = 0) -> None:
        """Ask for a shell."""
        self.send(MSG_CHANNEL_REQUEST, struct.pack(">L", channel) + NS(b"shell") + b"\1")

    def type(self, data: bytes, channel: int = 0) -> None:
        """Send data on a channel."""
        self.send(MSG_CHANNEL_DATA, struct.pack(">L", channel) + NS(data))

    def widen(self, window: int, channel: int = 0) -> None:
        """Take more."""
        self.send(MSG_CHANNEL_WINDOW_ADJUST, struct.pack(">2L", channel, window))

    def close(self, channel: int = 0) -> None:
        """Close a channel."""
        self.send(MSG_CHANNEL_CLOSE, struct.pack(">L", channel))


def status(messages: list[Message]) -> int | None:
    """Return the exit status that was said."""
    for message, payload in messages:
        if message == MSG_CHANNEL_REQUEST and getNS(payload[4:])[0] == b"exit-status":
            return int.from_bytes(payload[-4:], "big")
    return None


def shown(messages: list[Message]) -> str:
    """Return what was written to a channel."""
    found = [getNS(payload[4:])[0] for message, payload in messages if message == MSG_CHANNEL_DATA]
    return b"".join(found).decode()


class TransportCase(ChatCase):
    """A test of SSH's transport, through bytes."""

    def begin(self, **named: Any) -> SshClient:
        """Return somebody who has connected to the door of a new chat."""
        self.chat = self.world()
        self.factory = ssh_factory(self.chat)
        return self.another(**named)

    def another(self, **named: Any) -> SshClient:
        """Return somebody else there."""
        return SshClient(self.chat, self.factory, **named)

    def is_served(self, client: SshClient) -> bool:
        """Whether the client may log in: there are keys, and nothing was wrong."""
        client.send(MSG_SERVICE_REQUEST, NS(b"ssh-userauth"))
        return MSG_SERVICE_ACCEPT in client.numbers()
