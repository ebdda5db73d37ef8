"""What somebody at a terminal has set, kept for its account: with the log, as all that outlives it.

The client on somebody's own machine has a file for that; who comes by SSH or by plain lines has
nothing there.
"""

from __future__ import annotations

from typing import Final

from msgspec.json import encode
from twisted.logger import Logger

from twisted_chat.chat.user import User
from twisted_chat.client.words.wishes import Kept, Wishes, read
from twisted_chat.log.contract import Record

KIND: Final = "wishes"

KEY: Final = "terminal"

_log: Final = Logger()


async def take_up(kept: Kept, user: User) -> None:
    """Let what an account has set hold, and keep what it sets; a guest's is gone with it."""
    if user.is_guest:
        return
    scope, log = f"user:{user.name.key}", user.chat.log

    def save(wishes: Wishes) -> None:
        keeping = log.keep([Record(KIND, scope, KEY, encode(wishes))])
        keeping.addErrback(lambda failure: _log.failure("Settings are not kept", failure))

    kept.save = save
    for record in await log.kept(KIND, scope, key=KEY):
        kept.wishes = read(record.value or b"{}")
