"""A node: how one chat is joined with the others, over the log that they share.

::

    chat --tell--> telling --(one line at a time)--> the log's feed --following--> the others' chats
    chat --stored, hint--> the hub --(may be lost)--> the others' chats
    every second: what is new in the feed, which heads have moved; every other: the lease

All that matters is in the log. A hint says it sooner, or says that it is time to look.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from attrs import define, field
from msgspec import DecodeError
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_chat import __version__
from twisted_chat.chat.acting import end_user
from twisted_chat.chat.chat import Chat
from twisted_chat.chat.hearing import Hearing
from twisted_chat.chat.notes import Hello, Hint, Note, Stored, decode_hint, encode_notes
from twisted_chat.chat.peers import Told
from twisted_chat.hints.contract import Hints
from twisted_chat.log.contract import Record, Unreadable
from twisted_chat.log.shared import CLAIM, SharedLog
from twisted_chat.nodes.following import Following
from twisted_chat.nodes.state import NodeState, Other, others, said
from twisted_chat.nodes.telling import Telling
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import AnyEntry, Bye

LOOK_SECONDS: Final = 1.0
"""How often the feed and the heads are looked at, whatever hints say."""

RENEW_SECONDS: Final = 2.5
"""How often the lease is renewed."""

FEED: Final = "feed"
"""The channel on which it is said that there is a new line."""

CATCH_UP_TURNS: Final = 200
"""Turns that somebody who comes from another node waits for what it has read there, at most."""


@define(eq=False)
class Node:
    """One node's side of what joins it to the others: see Peers.

    ``fail`` ends the daemon, which can not go on: the sentence is for the operator.
    """

    chat: Chat
    log: SharedLog
    hints: Hints
    clock: IReactorTime
    fail: Callable[[str], object]
    is_alone: bool = field(default=False, init=False)
    hearing: Hearing = field(init=False)
    following: Following = field(init=False)
    telling: Telling = field(init=False)
    others: Sequence[Other] = field(default=(), init=False)
    """The other nodes, as their leases said last."""
    lost_at: float | None = field(default=None, init=False)
    """Since when the log is out of reach, by the clock."""
    _looking: LoopingCall = field(init=False)
    _renewing: LoopingCall = field(init=False)
    _logger = Logger()

    def __attrs_post_init__(self) -> None:
        self.hearing = Hearing(self.chat, self.log.node, self._greet)
        self.following = Following(
            self.log, self.hearing, self.chat.sessions, self.clock, self._forgotten
        )
        self.telling = Telling(self.log, self.clock, self.hearing.everybody)
        self._looking = LoopingCall(self._look)
        self._renewing = LoopingCall(self._renew)
        self.log.wrote = self._told
        self._looking.clock = self._renewing.clock = self.clock

    @property
    def name(self) -> str:
        """The node's name."""
        return self.log.node

    def state(self) -> NodeState:
        """Return what operators may want to know of this node."""
        sessions, hints = self.chat.sessions.values(), self.hints
        return NodeState(
            version=__version__,
            users=sum(bool(person.users) for person in self.chat.people.here.values()),
            connections=self.chat.connections,
            lag=self.following.lag,
            repaired=sum(one.ordering.filled for one in sessions),
            heard=hints.heard,
            dropped=hints.dropped,
            hints=hints.is_connected,
            commit=round(self.log.commit_seconds, 4),
        )

    # --- beginning and ending ------------------------------------------------------------------

    async def begin(self) -> None:
        """Have a lease, and know where the feed is: before the chat takes up what the log holds.

        Raises ChatError ``not-stored``.
        """
        lease = await self.log.renew(said(self.state()))
        self.others = list(others(lease.others))
        await self.following.begin()
        self.hints.listen(self._hinted)
        self.hints.subscribe(FEED)

    def start(self) -> None:
        """Go on by itself: the chat is open."""
        self.tell(Hello())
        self._renewing.start(RENEW_SECONDS, now=False).addErrback(self._broken)
        self._looking.start(LOOK_SECONDS, now=True).addErrback(self._broken)

    async def end(self) -> None:
        """Say that this node is no more: as far as the log can be reached."""
        self._stop()
        try:
            await self.log.resign()
        except ChatError:
            pass  # its lease ends by itself
        else:
            self._told()
        await self.hints.close()

    def _stop(self) -> None:
        for call in (self._looking, self._renewing):
            if call.running:
                call.stop()
        self.telling.stop()

    def _greet(self) -> None:
        self.telling.tell_all(self.hearing.everybody)

    def _forgotten(self) -> None:
        self._stop()
        self.fail("This node was away for so long that it has to begin anew.")

    # --- see Peers -----------------------------------------------------------------------------

    def tell(self, note: Note) -> None:
        """See Peers."""
        self.telling.tell(note)

    async def write(self, note: Note) -> None:
        """See Peers."""
        await self.log.announce(encode_notes([note]))

    def stored(self, session: Told, entries: Sequence[AnyEntry]) -> None:
        """See Peers."""
        if session.roster.visiting:
            hint = Stored(session.life.epoch, list(entries))
            self.hints.publish(_channel(session), encode_notes(hint))

    def hint(self, session: Told, hint: Hint) -> None:
        """See Peers."""
        if session.roster.visiting:
            self.hints.publish(_channel(session), encode_notes(hint))

    def follow(self, session: Told) -> None:
        """See Peers."""
        self.hints.subscribe(_channel(session))

    def unfollow(self, session: Told) -> None:
        """See Peers."""
        self.hints.unsubscribe(_channel(session))

    async def claim(self, key: str, token: str | None) -> str:
        """See Peers."""
        wanted = token or secrets.token_urlsafe(16)
        (took,) = await self.log.keep([self._claim(key, wanted, absent=True)])
        if took:
            return wanted
        node, hashed = await self._held(key)
        is_same = token is not None and compare_digest(hashed, _hash(token))
        if is_same or not await self._lives(node):
            await self.log.keep([self._claim(key, wanted)])  # it is this node's from now on
            return wanted
        raise ChatError("name-in-use", "Somebody is here by that name already.")

    async def proves(self, key: str, token: str) -> bool:
        """See Peers."""
        _, hashed = await self._held(key)
        return compare_digest(hashed, _hash(token))

    def let_go(self, key: str) -> None:
        """See Peers."""
        Deferred.fromCoroutine(self._let_go(key)).addErrback(
            lambda _: self._logger.warn("The name {key} stays claimed for now", key=key)
        )

    async def _let_go(self, key: str) -> None:
        """Free a name, unless another node has it by now."""
        node, _ = await self._held(key)
        if node == self.name or not await self._lives(node):
            await self.log.keep([Record(CLAIM, "", key, None)])

    async def _held(self, key: str) -> tuple[str, bytes]:
        """Return which node has claimed a name, and the hash of its guest's token."""
        found = await self.log.kept(CLAIM, "", key=key)
        node, _, hashed = (found[0].value or b"" if found else b"").partition(b" ")
        return node.decode(), hashed

    async def _lives(self, node: str) -> bool:
        """Whether a node is there: one that has ended in an orderly way has left its claims."""
        if node == self.name:
            return True
        await self._renew()
        if self.lost_at is not None:
            raise Unreadable("which nodes there are is not known now")
        return any(other.name == node for other in self.others)

    def _claim(self, key: str, token: str, *, absent: bool = False) -> Record:
        value = f"{self.name} ".encode() + _hash(token)
        return Record(CLAIM, "", key, value, "absent" if absent else "always")

    async def look(self) -> None:
        """See Peers."""
        await self.following.read()

    async def catch_up(self, session: Told, seq: int) -> None:
        """See Peers."""
        await self.following.look_at_heads(strict=True)
        there = self.chat.sessions.by_epoch.get(session.life.epoch)
        if there is None:
            return
        await there.ordering.reached(seq)
        if there.ordering.is_lacking and there.ordering.taken < seq:
            raise Unreadable("what was said there lately is missing")
        for _ in range(CATCH_UP_TURNS):
            if there.head >= min(seq, there.ordering.taken):
                return
            await deferLater(self.clock, 0)  # until it is being given out

    # --- again and again -----------------------------------------------------------------------

    async def _look(self) -> None:
        await self.following.read()
        await self.following.look_at_heads()

    async def _renew(self) -> None:
        try:
            lease = await self.log.renew(said(self.state()))
        except ChatError as problem:
            if self.lost_at is None:
                self.lost_at = self.clock.seconds()
                self._logger.warn("The lease can not be renewed: {problem}", problem=problem)
            return
        self.lost_at = None
        self.others = list(others(lease.others))
        if lease.was_over:
            self._logger.warn("The lease was over: the others are told anew who is here")
            await self._claim_again()
            self._greet()

    async def _claim_again(self) -> None:
        """Hold the names of this node's guests again; who has lost its name to another goes."""
        for person in tuple(self.chat.people.here.values()):
            if not person.guest or not person.users or person.token is None:
                continue
            try:
                await self.claim(person.name.key, person.token)
            except ChatError as refused:
                if refused.code != "name-in-use":
                    self._logger.warn("{problem}", problem=refused)
                    continue
                end_user(person, Bye(data=f"{person.name.text} is another's name now."))
                person.token = None
                self.chat.directs.forget_guest(person.name)

    def _told(self) -> None:
        self.hints.publish(FEED, b"")

    def _hinted(self, channel: str, message: bytes) -> None:
        if channel == FEED:
            self.following.read_soon()
            return
        try:
            hint = decode_hint(message)
        except DecodeError:
            self._logger.warn("A hint is not understood")
            return
        self.hearing.hint(hint)

    def _broken(self, failure: Failure) -> None:
        self._logger.failure("What joins the nodes is broken", failure)
        self.fail("What joins this node to the others is broken.")


def _channel(session: Told) -> str:
    return f"s:{session.life.epoch}"


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest().encode()
