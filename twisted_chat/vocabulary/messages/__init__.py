"""The vocabulary: every request, reply and event, as they travel.

Each message is one JSON object with a ``type``. ``decode`` turns bytes into a closed union of
requests, once, or raises ChatError; ``encode`` turns a reply or an event into JSON. The schema in
``docs/protocol.schema.json`` is generated from these classes, and ``docs/protocol.md`` explains
them. Unknown fields are ignored; an unknown ``type`` is a ``bad-request``.
"""

from twisted_chat.vocabulary.messages.codec import *
from twisted_chat.vocabulary.messages.entries import *
from twisted_chat.vocabulary.messages.events import *
from twisted_chat.vocabulary.messages.limits import *
from twisted_chat.vocabulary.messages.replies import *
from twisted_chat.vocabulary.messages.requests import *
