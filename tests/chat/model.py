"""What test_state_machine holds a chat to: sessions as they should be, and clients that keep count.

``Room`` is what should be stored, and who should be where. A ``Seat`` is a client that keeps what a
real one keeps: its places, and what it has not seen acknowledged; it holds each text that it is
shown to what was said.
"""

from __future__ import annotations

from attrs import Factory, define

from tests.kit.frames import Object
from tests.kit.world import Client

USERS = ("alice", "bob", "carol")
NAMES = ("lobby", "ops", "kept")
LINGER = 60.0
FLOOD = 12
"""Texts in a burst: nearly a transport's buffer, and nearly what may be unanswered."""


@define(eq=False, repr=False)
class Room:
    """One life of a session, as it should be."""

    epoch: str
    owner: str | None
    keep: bool
    texts: list[tuple[str, str, str]] = Factory(list)
    by_id: dict[tuple[str, str], int] = Factory(dict)
    members: set[Seat] = Factory(set)
    empty_since: float = 0.0

    def say(self, source: str, data: str, id: str) -> None:
        """Store a text, once."""
        if (source, id) not in self.by_id:
            self.texts.append((source, data, id))
            self.by_id[source, id] = len(self.texts)


@define(eq=False, repr=False)
class Place:
    """Where a client is in a session: what it would come back with."""

    room: Room
    last: int


@define(eq=False, repr=False)
class Seat:
    """A user's client, over all its connections."""

    user: str
    client: Client | None = None
    places: dict[str, Place] = Factory(dict)
    pending: dict[str, tuple[str, str]] = Factory(dict)
    seqs: dict[tuple[str, str], int] = Factory(dict)
    reading: bool = True

    def absorb(self, message: Object) -> None:
        """Take one message, as a client does, and hold it to the promises."""
        match message["type"]:
            case "text":
                self.see(message)
            case "deleted":
                self.places.pop(message["session"])
            case "error":
                assert message["code"] == "not-stored", message
                del self.pending[message["id"]]
            case "session":  # after it has read slowly
                place = self.places[message["session"]]
                assert (message["epoch"], message["head"]) == (place.room.epoch, place.last)
                assert "reset" not in message
            case kind:
                assert kind in ("joined", "left", "presence"), message

    def see(self, text: Object) -> None:
        """Take a text: the next one in its session, or an acknowledgement."""
        place = self.places[text["session"]]
        stored = place.room.texts[text["seq"] - 1]
        assert stored == (text["source"], text["data"], text["id"])
        assert text["seq"] <= place.last + 1, (text["seq"], place.last)
        if text["source"] == self.user:
            seq = self.seqs.setdefault((place.room.epoch, text["id"]), text["seq"])
            assert seq == text["seq"]
            self.pending.pop(text["id"], None)
        else:
            assert text["seq"] == place.last + 1
        place.last = max(place.last, text["seq"])
