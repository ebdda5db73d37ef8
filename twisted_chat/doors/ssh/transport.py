"""SSH's transport: packets, and the keys that they are sealed with.

Conch reads the client's version, computes the exchanges of keys and hands messages on. What is new
here: seals that authenticate what is encrypted (sealing.py), the strict exchange of keys, new keys
when the old ones have done enough, a bound for what waits meanwhile, and no message that is not to
come now.

::

    SETTLED -- one side asks (KEXINIT) --> ASKED -- the other too --> EXCHANGING
       ^                                                                  | its half of the secret
       '--- the client's NEWKEYS ---------- CHANGING <-- our NEWKEYS -----'
"""

from __future__ import annotations

import os
import struct
from enum import Enum, auto
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.transport import (
    DISCONNECT_KEY_EXCHANGE_FAILED,
    DISCONNECT_MAC_ERROR,
    DISCONNECT_PROTOCOL_ERROR,
    MSG_DEBUG,
    MSG_DISCONNECT,
    MSG_IGNORE,
    MSG_KEXINIT,
    MSG_NEWKEYS,
    MSG_UNIMPLEMENTED,
    SSHServerTransport,
)
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from twisted_chat.chat.pace import Rate
from twisted_chat.doors.ssh.agreeing import (
    EXTENSIONS_CLIENT,
    EXTENSIONS_SERVER,
    STRICT_CLIENT,
    STRICT_SERVER,
    Agreement,
    Offer,
    agree,
)
from twisted_chat.doors.ssh.sealing import (
    CHACHA,
    CIPHERS,
    LENGTH,
    MACS,
    Clear,
    Material,
    Seal,
    Tampered,
    made,
)

EXCHANGES: Final = tuple(
    name
    for name in (b"mlkem768x25519-sha256", b"curve25519-sha256", b"curve25519-sha256@libssh.org")
    if name in SSHServerTransport.supportedKeyExchanges  # as the library beneath has it
)
"""How keys are made, the best first."""

AFFORDABLE: Final = tuple(name for name in CIPHERS if name != CHACHA)
"""What OpenSSH's clients are offered: they have AES in all its ways, but would take ChaCha20 before
it, which costs several times as much here (docs/performance.md)."""

KEY_BYTES: Final = 1024**3
"""Bytes in both directions after which there are new keys (RFC 4253, section 9): far below what
any of the ciphers can bear (RFC 4344, section 3)."""

KEY_SECONDS: Final = 3600.0
"""Seconds after which there are new keys: looked at with each packet, and one goes each minute."""

EXCHANGES_A_SECOND: Final = 5.0
EXCHANGES_AT_ONCE: Final = 50.0
"""How often a client may ask for new keys: each costs 0.2 ms. Then it is read more slowly."""

MAX_PACKET: Final = 65_536
"""Bytes of a packet. A channel's have 32 KiB and its numbers, at most."""

MAX_HELD_BACK: Final = 1024**2
"""Bytes that wait for new keys. Channels are told to stop, so that only answers wait."""

NUMBERS: Final = 2**32
"""Packets have numbers below this."""

MIN_PADDING: Final = 4

CHATTER: Final = frozenset({MSG_IGNORE, MSG_UNIMPLEMENTED, MSG_DEBUG})
"""What may come at any time, but not in a strict exchange before there are keys."""

KEY_EXCHANGE_INIT: Final = 30
"""The client's half of the secret, in each of the exchanges."""

MALFORMED: Final = (struct.error, LookupError, ValueError, TypeError, UnsupportedAlgorithm)
"""What Conch raises for a message that it can not read."""

_BEGIN: Final = struct.Struct(">LBB")


class Stage(Enum):
    """Where an exchange of keys is."""

    SETTLED = auto()
    ASKED = auto()
    EXCHANGING = auto()
    CHANGING = auto()


class Transport(SSHServerTransport):
    """A connection's packets."""

    factory: Any
    transport: Any
    _agreed: Agreement
    """What was agreed on last: from EXCHANGING on."""
    supportedKeyExchanges = list(EXCHANGES)  # noqa: RUF012

    key_bytes = KEY_BYTES
    """See KEY_BYTES."""

    def __init__(self) -> None:
        self._stage = Stage.SETTLED
        self._incoming: Seal = Clear()
        self._outgoing: Seal = Clear()
        self._next: Seal = self._incoming
        """What the client's packets have after its NEWKEYS."""
        self._is_first = True
        """Whether there never were keys."""
        self._is_strict = False
        self._over = False
        self._used = 0
        """Bytes that the keys were used for, and since when they are used."""
        self._since = 0.0
        self._asked_at = 0
        """What ``_used`` was when new ones were asked for."""
        self._held_back: list[tuple[int, bytes]] = []
        self._size_held_back = 0
        self._asked = Rate(EXCHANGES_A_SECOND, EXCHANGES_AT_ONCE)
        self._slowed: IDelayedCall | None = None
        """When it is read on, where it has asked for keys too often."""

    def _getHostKeys(self, keyAlg: bytes) -> tuple[Key, Key]:
        """Return the server's key: the one that it began with, as the client has judged that."""
        public, private = self._host_keys
        return public[keyAlg], private[keyAlg]

    def connectionMade(self) -> None:
        """Begin: what the server can do is said when the client's version is known."""
        self._host_keys = self.factory.publicKeys, self.factory.privateKeys
        self.transport.write(self.ourVersionString + b"\r\n")

    # --- packets -------------------------------------------------------------------------------

    def sendPacket(self, messageType: int, payload: bytes) -> None:
        """Send a message, or hold it back until there are new keys."""
        if self._stage is not Stage.SETTLED and not self._allowedKeyExchangeMessageType(
            messageType
        ):
            self._hold_back(messageType, payload)
            return
        self._send(messageType, payload)
        if self._is_worn:
            self.sendKexInit()

    def _send(self, message: int, payload: bytes) -> None:
        seal = self._outgoing
        size = 2 + len(payload)  # the padding's length, and the message's number
        padding = seal.block - (seal.counted + size) % seal.block
        if padding < MIN_PADDING:
            padding += seal.block
        packet = _BEGIN.pack(size + padding, padding, message) + payload + os.urandom(padding)
        self.transport.write(seal.seal(self.outgoingPacketSequence, packet))
        self.outgoingPacketSequence = (self.outgoingPacketSequence + 1) % NUMBERS
        self._used += len(packet)

    def _hold_back(self, message: int, payload: bytes) -> None:
        self._held_back.append((message, payload))
        self._size_held_back += len(payload)
        if self._size_held_back > MAX_HELD_BACK and not self._over:
            self._over = True
            self.transport.abortConnection()

    def getPacket(self) -> bytes | None:
        """Return the next message that is there, with its number before it."""
        if self._is_first and self._stage is Stage.SETTLED:
            self.sendKexInit()
        received: bytes = self.buf
        if self._over or self.is_slowed or len(received) < LENGTH:
            return None
        seal, number = self._incoming, self.incomingPacketSequence
        length = seal.length(number, received[:LENGTH])
        if not seal.block <= seal.counted + length <= MAX_PACKET or (
            (seal.counted + length) % seal.block
        ):
            self.sendDisconnect(DISCONNECT_PROTOCOL_ERROR, b"no packet has this length")
            return None
        end = LENGTH + length + seal.tag
        if len(received) < end:
            return None
        try:
            packet = seal.open(number, received[:end])
        except Tampered:
            self.sendDisconnect(DISCONNECT_MAC_ERROR, b"a packet is not what was sent")
            return None
        self.buf = received[end:]
        self.incomingPacketSequence = (number + 1) % NUMBERS
        self._used += length
        padding = packet[0]
        message = packet[1 : max(0, length - padding)]
        if padding < MIN_PADDING or not message:
            self.sendDisconnect(DISCONNECT_PROTOCOL_ERROR, b"a packet without a message")
            return None
        return message

    def dispatchMessage(self, messageNum: int, payload: bytes) -> None:
        """Do what a message says, where it may come now."""
        if not self._is_expected(messageNum):
            self.sendDisconnect(DISCONNECT_PROTOCOL_ERROR, b"this message is not to come now")
            return
        if self.ignoreNextPacket and messageNum >= KEY_EXCHANGE_INIT:
            self.ignoreNextPacket = False
            return
        try:
            super().dispatchMessage(messageNum, payload)
        except MALFORMED:
            self.sendDisconnect(DISCONNECT_PROTOCOL_ERROR, b"a message can not be read")
        if self._is_worn:
            self.sendKexInit()

    def _is_expected(self, message: int) -> bool:
        is_of_exchange = MSG_KEXINIT <= message < 50
        match self._stage:
            case Stage.SETTLED:
                return message == MSG_KEXINIT or not is_of_exchange
            case Stage.ASKED if not self._is_first:  # what was sent before our KEXINIT came
                if self._used > self._asked_at + MAX_HELD_BACK:
                    return message == MSG_KEXINIT  # it is long since
                return message == MSG_KEXINIT or not is_of_exchange
            case Stage.ASKED:
                wanted = message == MSG_KEXINIT
            case Stage.EXCHANGING if self.ignoreNextPacket:
                wanted = KEY_EXCHANGE_INIT <= message < 50
            case Stage.EXCHANGING:
                wanted = message == KEY_EXCHANGE_INIT
            case Stage.CHANGING:
                wanted = message == MSG_NEWKEYS
        is_chatter = message in CHATTER and not (self._is_first and self._is_strict)
        return wanted or is_chatter or message == MSG_DISCONNECT

    def ssh_SERVICE_REQUEST(self, packet: bytes) -> None:
        """Begin a login, once: a second one would have its tries and its time anew."""
        if self.service is not None:
            self.sendDisconnect(DISCONNECT_PROTOCOL_ERROR, b"a login has begun already")
            return
        super().ssh_SERVICE_REQUEST(packet)

    def sendUnimplemented(self) -> None:
        """Say that a message means nothing here, by the number of its packet."""
        number = (self.incomingPacketSequence - 1) % NUMBERS
        self.sendPacket(MSG_UNIMPLEMENTED, struct.pack(">L", number))

    def sendDisconnect(self, reason: int, desc: bytes) -> None:
        """Say why it ends, and end."""
        if not self._over:
            self._over = True
            super().sendDisconnect(reason, desc)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """End."""
        self._over = True
        self._held_back.clear()
        if self._slowed is not None:
            self._slowed.cancel()
        super().connectionLost(reason)

    def isEncrypted(self, direction: str = "out") -> bool:
        """Whether there are keys."""
        seals = {"in": [self._incoming], "out": [self._outgoing]}
        return not any(isinstance(seal, Clear) for seal in seals[direction])

    isVerified = isEncrypted

    # --- a client that wants too much ----------------------------------------------------------

    @property
    def is_slowed(self) -> bool:
        """Whether it is not read for a while."""
        return self._slowed is not None

    def _slow(self, seconds: float) -> None:
        if seconds:
            self._slowed = self.factory.clock.callLater(seconds, self._read_on)
            self.transport.pauseProducing()

    def _read_on(self) -> None:
        self._slowed = None
        self.resume_reading()
        self.dataReceived(b"")

    def resume_reading(self) -> None:
        """Read on."""
        self.transport.resumeProducing()

    # --- keys ----------------------------------------------------------------------------------

    @property
    def _is_worn(self) -> bool:
        """Whether there should be new keys: not before somebody is in, as old clients want it."""
        if self.service is None or self.service.name != b"ssh-connection" or self._over:
            return False
        if self._stage is not Stage.SETTLED:
            return False
        lasted: float = self.factory.clock.seconds() - self._since
        return self._used > self.key_bytes or lasted > KEY_SECONDS

    def exchanging(self) -> None:
        """New keys are being made: what is sent has to wait."""

    def exchanged(self) -> None:
        """They are there."""

    @property
    def _offer(self) -> Offer:
        """What the server can do."""
        exchanges = (*self.supportedKeyExchanges, EXTENSIONS_SERVER, STRICT_SERVER)
        keys, macs = tuple(self.supportedPublicKeys), tuple(MACS)
        ciphers = AFFORDABLE if b"OpenSSH" in self.otherVersionString else CIPHERS
        return Offer(exchanges, keys, ciphers, ciphers, macs, macs)

    def sendKexInit(self) -> None:
        """Ask for keys, or answer who asks."""
        self._stage = Stage.ASKED
        self._asked_at = self._used
        payload = self._offer.payload()
        self.ourKexInitPayload = bytes((MSG_KEXINIT,)) + payload
        self._send(MSG_KEXINIT, payload)
        if not self._is_first:
            self.exchanging()

    def ssh_KEXINIT(self, packet: bytes) -> None:
        """The client asks for keys, or answers."""
        offer = Offer.parse(packet)
        if self._is_first:
            self._is_strict = STRICT_CLIENT in offer.exchanges
            self._peerSupportsExtensions = EXTENSIONS_CLIENT in offer.exchanges
            if self._is_strict and self.incomingPacketSequence != 1:
                self.sendDisconnect(DISCONNECT_PROTOCOL_ERROR, b"something came before KEXINIT")
                return
        if self._stage is Stage.SETTLED:
            self._slow(self._asked.wait(self.factory.clock.seconds()))
            self.sendKexInit()
        agreed = agree(offer, self._offer, self._is_strict)
        if agreed is None:
            self.sendDisconnect(DISCONNECT_KEY_EXCHANGE_FAILED, b"there is nothing in common")
            return
        self._agreed = agreed
        self.otherKexInitPayload = bytes((MSG_KEXINIT,)) + packet
        self.kexAlg, self.keyAlg = agreed.exchange, agreed.key
        self.ignoreNextPacket = agreed.guessed_wrong
        self._stage = Stage.EXCHANGING

    def _keySetup(self, sharedSecret: bytes, exchangeHash: bytes) -> None:
        """The secret is there: make keys of it, and use ours from here on (RFC 4253, 7.2)."""
        if self.sessionID is None:
            self.sessionID = exchangeHash
        incoming, outgoing = (
            Material(*(self._getKey(letter, sharedSecret, exchangeHash) for letter in letters))
            for letters in ((b"A", b"C", b"E"), (b"B", b"D", b"F"))
        )
        self._next = made(self._agreed.incoming, incoming)
        self._send(MSG_NEWKEYS, b"")
        self._outgoing = made(self._agreed.outgoing, outgoing)
        if self._is_strict:
            self.outgoingPacketSequence = 0
        self._stage = Stage.CHANGING
        if self._is_first:
            self.sendExtInfo([])

    def ssh_NEWKEYS(self, packet: bytes) -> None:
        """The client uses its new keys from here on; go on with what waited."""
        if packet:
            raise ValueError("NEWKEYS says nothing.")
        self._incoming = self._next
        if self._is_strict:
            self.incomingPacketSequence = 0
        self._is_first, self._stage = False, Stage.SETTLED
        self._used, self._since = 0, self.factory.clock.seconds()
        held_back, self._held_back = self._held_back, []
        self._size_held_back = 0
        for message, payload in held_back:
            self.sendPacket(message, payload)
        if self._stage is Stage.SETTLED:
            self.exchanged()
