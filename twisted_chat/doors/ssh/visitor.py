"""Somebody who is in by SSH, and what may be opened: sessions, and nothing else."""

from __future__ import annotations

import struct
from typing import Any, Final, Protocol

from twisted.conch.avatar import ConchUser
from twisted.conch.ssh.common import NS, getNS
from twisted.conch.ssh.connection import (
    MSG_CHANNEL_OPEN_FAILURE,
    OPEN_ADMINISTRATIVELY_PROHIBITED,
    OPEN_RESOURCE_SHORTAGE,
    SSHConnection,
)
from twisted.internet.interfaces import IReactorTime

from twisted_chat.accounts.proof import Proof
from twisted_chat.doors.inside import Inside
from twisted_chat.doors.ssh.channel import Session
from twisted_chat.doors.ssh.quiet import QuietLogger

MAX_CHANNELS: Final = 8
"""Channels of one connection at once."""

MIN_CHANNEL_PACKET: Final = 1_024
"""Bytes that a client takes in one packet of a channel, at least: each packet costs the same."""


class Carrier(Protocol):
    """The connection that somebody is on."""

    @property
    def clock(self) -> IReactorTime:
        """What time is measured with."""

    @property
    def takes_output(self) -> bool:
        """Whether what is written goes out, and does not wait there."""

    def way_in(self, proof: Proof) -> Inside:
        """Return the way to a conversation of its own."""

    def hold(self, held: bool) -> None:
        """Read no further, or read on."""

    def emptied(self) -> None:
        """There is no channel any more."""


class Visitor(ConchUser):
    """Somebody who is in: its proof, and its channels. There is nothing but sessions."""

    def __init__(self, transport: Carrier, proof: Proof) -> None:
        super().__init__()
        self.transport = transport
        self.proof = proof
        self.clock = transport.clock
        self.channels: dict[Session, None] = {}
        self.channelLookup = {b"session": Session}
        self.subsystemLookup = {}

    def gotGlobalRequest(self, _kind: bytes, _data: bytes) -> int:
        """Refuse: nothing is forwarded."""
        return 0

    def way_in(self) -> Inside:
        """Return the way to a conversation of its own, for a channel."""
        return self.transport.way_in(self.proof)

    @property
    def takes_output(self) -> bool:
        """Whether what is written goes out."""
        return self.transport.takes_output

    def check_input(self) -> None:
        """Read on, or not, as its channels can do what was typed."""
        self.transport.hold(any(channel.holds_input for channel in self.channels))

    def left(self, channel: Session) -> None:
        """A channel is gone."""
        self.channels.pop(channel, None)
        self.check_input()
        if not self.channels:
            self.transport.emptied()

    def logout(self) -> None:
        """The connection is gone: its channels are told so by Conch."""


class Channels(SSHConnection):
    """The channels of one connection."""

    _log = QuietLogger()
    transport: Any

    def ssh_CHANNEL_OPEN(self, packet: bytes) -> None:
        """Open a channel, where it is a session's."""
        kind, rest = getNS(packet)
        number, _, size = struct.unpack(">3L", rest[:12])
        if kind != b"session":
            reason, words = OPEN_ADMINISTRATIVELY_PROHIBITED, b"There is nothing but sessions."
        elif len(self.transport.avatar.channels) >= MAX_CHANNELS:
            reason, words = OPEN_RESOURCE_SHORTAGE, b"There are too many channels."
        elif size < MIN_CHANNEL_PACKET:
            reason, words = OPEN_RESOURCE_SHORTAGE, b"Packets of a channel are too short."
        else:
            super().ssh_CHANNEL_OPEN(packet)
            return
        refused = struct.pack(">2L", number, reason) + NS(words) + NS(b"")
        self.transport.sendPacket(MSG_CHANNEL_OPEN_FAILURE, refused)

    def ssh_CHANNEL_OPEN_CONFIRMATION(self, packet: bytes) -> None:
        """Refuse: the server opens no channel. Raises ValueError."""
        raise ValueError("No channel was asked for.")

    ssh_CHANNEL_OPEN_FAILURE = ssh_CHANNEL_OPEN_CONFIRMATION
