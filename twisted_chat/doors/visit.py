"""Somebody at a terminal and nothing else: the client's words, in the server.

What is typed there becomes what ``client/words`` makes of it, whichever door it came through.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from twisted_chat.accounts.proof import Proof
from twisted_chat.accounts.proofs import Prover
from twisted_chat.client.address import Address
from twisted_chat.client.chatclient import ChatClient
from twisted_chat.client.events import Event, Online
from twisted_chat.client.words import Desk, Screen
from twisted_chat.doors.conversation import Conversation
from twisted_chat.doors.inside import Inside
from twisted_chat.doors.wishing import take_up

HERE = Address("here")
"""The one server that there is."""


def way_in(
    door: str,
    address: tuple[str, int],
    clock: IReactorTime,
    prover: Prover,
    proof: Proof,
    entry: Callable[[], str | None],
    rate: float,
) -> Inside:
    """Return the way to a conversation of somebody who has proved who it is."""
    host, port = address
    admission = prover.admission_of(proof)
    return Inside(
        door, host, port, clock, lambda line: Conversation(line, admission, clock, entry, rate)
    )


def client_of(inside: Inside, proof: Proof) -> ChatClient:
    """Return a client that goes that way."""
    return ChatClient(inside.clock, inside, proof.name.text)


def seat(screen: Screen, inside: Inside, proof: Proof) -> Desk:
    """Give somebody a desk, and let it come in."""
    desk = Desk(screen, lambda *_: client_of(inside, proof), proof.name.text, alone=True)
    server = desk.connect(HERE, proof.name.text)

    def told(event: Event) -> None:
        user = inside.conversation.user if inside.conversation is not None else None
        if isinstance(event, Online) and user is not None:
            desk.view.run(take_up(desk.kept, user))
            no_more()  # one comes in once

    no_more = server.client.listen(told)
    return desk
