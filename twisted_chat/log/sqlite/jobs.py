"""What the writer of the durable log's file is asked for, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from twisted_chat.log.contract import Answered, Entry, Life, NotStored, Record, Settings


@frozen
class Append:
    """See Log.append; ``time`` is when it was called.

    ``is_plain``: texts that are no answers, and whose words are searched as they are.
    """

    epoch: str
    entries: Sequence[Entry]
    time: int
    is_plain: bool = True


@frozen
class Create:
    """See Log.create."""

    life: Life


@frozen
class Amend:
    """See Log.amend."""

    epoch: str
    changes: Settings


@frozen
class Keep:
    """See Log.keep."""

    records: Sequence[Record]


@frozen
class Delete:
    """See Log.delete."""

    epoch: str


@frozen
class Prune:
    """See Log.prune."""

    epoch: str
    texts: int | None
    older_than: int | None
    bite: int


@frozen
class Index:
    """Let the search index know a life's texts up to ``seq``: somebody is about to search them.

    Answered with whether it lacks some still: they are taken in bites, as all that is long.
    """

    epoch: str
    seq: int


@frozen
class Check:
    """See Log.check."""


Job = Append | Create | Amend | Keep | Delete | Prune | Index | Check

Answer = list[Answered] | list[bool] | bool | None | NotStored
"""What a job is answered with; the exception where it failed."""


@frozen
class Outcome:
    """What became of a batch: an answer for each job.

    ``unindexed`` texts are not in the search index yet; ``is_removable``: there are texts of
    deleted lives in the file. ``problem`` is why not all was stored. ``is_erasable``: what was
    edited away or redacted is still somewhere in the files; ``is_erasing``: and is being erased.
    """

    answers: Sequence[Answer]
    unindexed: int
    is_removable: bool
    problem: BaseException | None = None
    is_erasable: bool = False
    is_erasing: bool = False


def no_such_life() -> NotStored:
    """Return the answer to a job of a life that is not there."""
    return NotStored("there is no such session")
