"""The words: what a person types, and what is shown of what happens, as lines.

They know neither terminal nor socket: a ``Screen`` is told lines, ``take`` is given what was typed,
``complete`` says what a word may become. So they are the same in the line client and behind each
door for people who have a terminal and nothing else.

::

    what is typed -> take -> commands/ or saying -> ChatClient
    lines on a Screen <- view <- telling, desk <- ChatClient's events
"""

from twisted_chat.client.words.completion import complete
from twisted_chat.client.words.desk import Desk
from twisted_chat.client.words.taking import take
from twisted_chat.client.words.view import Screen

__all__ = ["Desk", "Screen", "complete", "take"]
