"""The handlers of requests, by what they are about. Importing this registers them all."""

from twisted_chat.chat.requests import (
    amending,
    choosing,
    measures,
    operating,
    presence,
    reading,
    registering,
    ruling,
    sessions,
    texts,
    webhooks,
)

__all__ = [
    "amending",
    "choosing",
    "measures",
    "operating",
    "presence",
    "reading",
    "registering",
    "ruling",
    "sessions",
    "texts",
    "webhooks",
]
