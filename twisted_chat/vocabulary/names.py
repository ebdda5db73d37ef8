"""Names of users and sessions: one rule for every door.

A name is prepared by PRECIS (RFC 8265): shown in its UsernameCasePreserved form, compared in its
UsernameCaseMapped form (its *key*). Beyond PRECIS, no name holds a character that some door uses
as punctuation, and none begins like an option, a hidden file or a mode, or with a combining mark,
which would be shown on whatever stands before it.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import lru_cache
from unicodedata import category

from attrs import field, frozen
from precis_i18n import get_profile

from twisted_chat.vocabulary.errors import ChatError

MAX_USER_NAME = 32
"""Characters in a user's name, at most."""

MAX_SESSION_NAME = 64
"""Characters in a session's name, at most."""

RESERVED = frozenset("#&@!:,*?/\\\"'<>$%")
"""Characters that some door needs for itself."""

RESERVED_FIRST = frozenset("-.+")
"""Characters that no name begins with."""

_WILD = re.compile(r"([*?]+)")

_preserved = get_profile("UsernameCasePreserved")
_mapped = get_profile("UsernameCaseMapped")


@frozen
class Name:
    """A valid name: ``text`` is what people see, ``key`` is what is compared."""

    text: str = field(eq=False)
    key: str

    def __str__(self) -> str:
        return self.text


def user_name(raw: str) -> Name:
    """Return the user's name that ``raw`` stands for.

    Raises ChatError ``invalid-name``.
    """
    return _name(raw, "user name", MAX_USER_NAME)


def user_names(raw: str) -> Name:
    """Return the user's name that ``raw`` stands for, or the pattern of names that it is.

    In a pattern ``*`` stands for any letters and ``?`` for one; its key fits keys: see ``fits``.
    Raises ChatError ``invalid-name``.
    """
    parts = _WILD.split(raw)
    if len(parts) == 1:
        return user_name(raw)
    user_name(f"x{''.join(parts[::2])}")  # what else is in it is in names, too
    keys = [key_of(part) or part for part in parts]
    return Name(raw, "".join(keys))


def fits(key: str, pattern: str) -> bool:
    """Whether the compared form of a name fits that of a pattern; a name fits itself alone."""
    if _WILD.search(pattern) is None:
        return key == pattern
    return fnmatchcase(key, pattern.replace("[", "[[]"))


def session_name(raw: str) -> Name:
    """Return the session's name that ``raw`` stands for.

    Raises ChatError ``invalid-name``.
    """
    return _name(raw, "session name", MAX_SESSION_NAME)


def key_of(raw: str) -> str | None:
    """Return the compared form of ``raw``, or None where no name has it: for looking up."""
    if raw.startswith("@"):
        match [key_of(name) for name in raw[1:].split(",", 2)]:
            case [str(one), str(other)] if one and other:
                return direct_key(one, other)
        return None
    if raw.isascii():
        return raw.lower()
    try:
        return _key(raw)
    except ChatError:
        return None


def direct_key(one: str, other: str) -> str:
    """Return the compared form of the name of the direct session of two users, given by key.

    No other session can have it: a name holds neither ``@`` nor ``,``.
    """
    return "@" + ",".join(sorted((one, other)))


@lru_cache(maxsize=1024)
def _key(raw: str) -> str:
    return session_name(raw).key


def _prepared(raw: str) -> tuple[str, str]:
    """Return the two forms of ``raw``. Raises UnicodeError where it is no identifier."""
    if raw.isascii() and raw.isprintable() and " " not in raw:
        return raw, raw.lower()  # as PRECIS has it, in a hundredth of the time
    return _preserved.enforce(raw), _mapped.enforce(raw)


def _name(raw: str, what: str, longest: int) -> Name:
    if not raw:
        raise ChatError("invalid-name", f"A {what} can not be empty.")
    if len(raw) > longest:  # before PRECIS, so that a huge name costs nothing
        raise ChatError("invalid-name", f"A {what} has at most {longest} characters.")
    try:
        text, key = _prepared(raw)
    except UnicodeError:
        raise ChatError(
            "invalid-name",
            f"A {what} has letters, digits and marks only: no spaces, control characters or symbols"
            " outside ASCII.",
        ) from None
    if not 0 < len(text) <= longest or len(key) > longest:
        raise ChatError("invalid-name", f"A {what} has at most {longest} characters.")
    if not RESERVED.isdisjoint(text):
        raise ChatError("invalid-name", f"A {what} has none of these: {' '.join(sorted(RESERVED))}")
    if text[0] in RESERVED_FIRST:
        raise ChatError("invalid-name", f"A {what} does not begin with '-', '.' or '+'.")
    if category(text[0]).startswith("M"):
        raise ChatError(
            "invalid-name", f"A {what} does not begin with a mark that belongs to a letter."
        )
    return Name(text, key)
