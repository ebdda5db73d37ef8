"""Names that look alike: a Cyrillic ``аlice``, a ``aIice`` with a capital i.

By Unicode Technical Standard 39, section 4: two names are confusable where their *skeletons* are
the same; and section 5.2: a name is written in one script, or in those that are written together
(it is *highly restrictive*). The tables are those of ``confusable-homoglyphs``.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Final
from unicodedata import category, normalize

from attrs import Factory, define

from twisted_chat.vocabulary.names import Name

TOGETHER: Final = (
    frozenset({"LATIN", "HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "HAN", "BOPOMOFO"}),
    frozenset({"LATIN", "HAN", "HANGUL"}),
)
"""Scripts that one name may be written in, besides a single one."""

_MARKS: Final = "\u200e\u200f"
"""What the tables put around letters that are written from right to left."""


def skeletons(name: Name) -> frozenset[str]:
    """Return what the name looks like: as it is shown, in small letters, and in capitals."""
    return frozenset({skeleton(name.text), skeleton(name.key), skeleton(name.text.upper())})


@define(eq=False)
class Lookalikes:
    """Some names, found by what they look like."""

    _names: dict[str, dict[str, Name]] = Factory(dict)

    def add(self, name: Name) -> None:
        """Have that name among them; fine where it is."""
        for looks in skeletons(name):
            self._names.setdefault(looks, {})[name.key] = name

    def discard(self, name: Name) -> None:
        """Have it no longer among them; fine where it is not."""
        for looks in skeletons(name):
            if (names := self._names.get(looks)) is not None:
                names.pop(name.key, None)
                if not names:
                    del self._names[looks]

    def has(self, name: Name) -> bool:
        """Whether ``name`` or one that looks like it is among them."""
        return any(looks in self._names for looks in skeletons(name))

    def of(self, name: Name) -> Name | None:
        """Return one of them that looks like ``name`` and is another."""
        for looks in skeletons(name):
            for key, found in self._names.get(looks, {}).items():
                if key != name.key:
                    return found
        return None


@lru_cache(maxsize=4_096)
def skeleton(text: str) -> str:
    """Return the same for all texts that look like ``text``."""
    looks = _looks()
    prepared = normalize("NFD", text)
    return normalize("NFD", "".join(looks.get(character, character) for character in prepared))


def is_mixed(text: str) -> bool:
    """Whether ``text`` is written in scripts that are not written together."""
    if text.isascii():
        return False
    scripts = {_script(character) for character in text} - {"COMMON", "INHERITED", "UNKNOWN"}
    return len(scripts) > 1 and not any(scripts <= some for some in TOGETHER)


def _script(character: str) -> str:
    from confusable_homoglyphs import categories

    if category(character)[0] not in "LM":
        return "COMMON"
    return str(categories.alias(character)).upper()


@cache
def _looks() -> dict[str, str]:
    """Return what stands for each character: one of those that look like it.

    The tables say which look alike; all that are alike in some steps are one class.
    """
    from confusable_homoglyphs import confusables

    alike: dict[str, set[str]] = {}
    for one, others in confusables.confusables_data.items():
        for other in others:
            pair = one.strip(_MARKS), other["c"].strip(_MARKS)
            alike.setdefault(pair[0], set()).add(pair[1])
            alike.setdefault(pair[1], set()).add(pair[0])
    looks: dict[str, str] = {}
    seen: set[str] = set()
    for start in sorted(alike):
        if start in seen:
            continue
        found, waiting = {start}, [start]
        while waiting:
            for other in alike[waiting.pop()] - found:
                found.add(other)
                waiting.append(other)
        seen |= found
        # Several characters may look like one (rn like m): the class is called by them.
        chosen = min(found, key=lambda text: (len(text) == 1, not text.isascii(), text))
        looks.update((text, chosen) for text in found if len(text) == 1)
    return {character: _settled(looks, chosen) for character, chosen in looks.items()}


def _settled(looks: dict[str, str], text: str) -> str:
    """Return ``text`` with each of its characters called by its own class."""
    if len(text) == 1:
        return text
    parts = (looks.get(character, character) for character in text)
    return "".join(part if len(part) == 1 else part[0] for part in parts)
