"""The client: ``ChatClient``, a library for bots, and the line client that is made of it."""

from twisted_chat.client.chatclient import ChatClient, Place, TextStream, Unanswered
from twisted_chat.client.events import Ended, Event, Offline, Online

__all__ = [
    "ChatClient",
    "Ended",
    "Event",
    "Offline",
    "Online",
    "Place",
    "TextStream",
    "Unanswered",
]
