"""HEIC and AVIF (ISO/IEC 23008-12): what such a file says beside what it shows, overwritten.

It is a tree of boxes: which items there are, where each one's bytes are, and the bytes. What is
known to be part of a picture stays where it is, and all else is made into nothing of the same
length: so no decoder is needed, and what can be seen is not changed at all.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import islice
from operator import itemgetter
from typing import Final

from attrs import define, field, frozen

NOTHING: Final = b"free"
"""The type of a box (and, for readers an unknown one, of an item) that says nothing."""

IN_FILE: Final = frozenset({b"ftyp", b"meta", b"mdat"})
IN_META: Final = frozenset(
    {*(b"hdlr", b"pitm", b"iloc", b"iinf", b"iref", b"iprp", b"idat", b"grpl")}
)
PROPERTIES: Final = frozenset(
    {
        *(b"ispe", b"pixi", b"pasp", b"colr", b"clap", b"irot", b"imir", b"auxC", b"lsel"),
        *(b"hvcC", b"lhvC", b"av1C", b"a1op", b"a1lx", b"clli", b"mdcv", b"cclv", b"amve", b"rloc"),
    }
)
ITEMS: Final = frozenset({b"hvc1", b"lhv1", b"av01", b"grid", b"iovl", b"iden", b"tmap"})
"""Items that are pictures, or say how one is put together."""

MOST: Final = 100_000
"""Boxes and items of one file, at most."""


def joined(places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return them in their order, and those that overlap as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


class NotUnderstood(Exception):
    """The file is not as the standard has it, or has what is not known here."""


@frozen
class Box:
    """A box: where it begins, where what is in it does, and where it ends."""

    kind: bytes
    start: int
    body: int
    end: int


@define
class Boxes:
    """A file, and what becomes of it. Raises NotUnderstood."""

    data: bytearray
    _seen: int = field(init=False, default=0)

    def strip(self) -> None:
        """Overwrite all that is not part of a picture."""
        top = list(self._boxes(0, len(self.data)))
        metas = [box for box in top if box.kind == b"meta"]
        if len(metas) != 1 or any(box.kind == b"moov" for box in top):
            raise NotUnderstood
        (meta,) = metas
        inside = {box.kind: box for box in self._boxes(meta.body + 4, meta.end)}
        if not {b"iloc", b"iinf", b"iprp"} <= inside.keys():
            raise NotUnderstood
        pictures = set(self._pictures(inside[b"iinf"]))
        shown = joined(self._places(inside[b"iloc"], inside.get(b"idat"), pictures))
        for box in top:
            if box.kind not in IN_FILE:
                self._drop(box)
            elif box.kind == b"mdat":
                self._keep(shown, box)
        for box in self._boxes(meta.body + 4, meta.end):
            if box.kind not in IN_META:
                self._drop(box)
            elif box.kind == b"idat":
                self._keep(shown, box)
            elif box.kind == b"hdlr":
                self._blank(box.body + 12, box.end)  # it has a name
        for container in self._boxes(inside[b"iprp"].body, inside[b"iprp"].end):
            if container.kind == b"ipco":
                for known in self._boxes(container.body, container.end):
                    if known.kind not in PROPERTIES:
                        self._drop(known)

    # --- what there is -----------------------------------------------------------------------

    def _boxes(self, at: int, end: int) -> Iterator[Box]:
        while at < end:
            self._seen += 1
            size, body = self._number(at, 4), at + 8
            if size == 1:
                size, body = self._number(at + 8, 8), at + 16
            elif size == 0:
                size = end - at
            if at + size < body or at + size > end or self._seen > MOST:
                raise NotUnderstood
            yield Box(bytes(self.data[at + 4 : at + 8]), at, body, at + size)
            at += size

    def _pictures(self, iinf: Box) -> Iterator[int]:
        """Yield the items that are pictures; all others are known by nothing any more."""
        at = iinf.body + (8 if self._number(iinf.body, 1) else 6)
        for box in self._boxes(at, iinf.end):
            version = self._number(box.body, 1)
            if box.kind != b"infe" or version not in (2, 3):
                raise NotUnderstood
            width = 2 if version == 2 else 4
            kind_at = box.body + 4 + width + 2
            if kind_at + 4 > box.end:
                raise NotUnderstood
            if bytes(self.data[kind_at : kind_at + 4]) in ITEMS:
                yield self._number(box.body + 4, width)
            else:
                self.data[kind_at : kind_at + 4] = NOTHING
            self._blank(kind_at + 4, box.end)  # a name, and what else is said of it

    def _places(self, iloc: Box, idat: Box | None, wanted: set[int]) -> Iterator[tuple[int, int]]:
        """Yield where the bytes of items are: from where to where in the file."""
        version, at = self._number(iloc.body, 1), iloc.body + 4
        if version > 2:
            raise NotUnderstood
        sizes = self._number(at, 2)
        offset_size, length_size = sizes >> 12, sizes >> 8 & 15
        base_size, index_size = sizes >> 4 & 15, sizes & 15 if version else 0
        width = 4 if version == 2 else 2
        count, at = self._number(at + 2, width), at + 2 + width
        for _ in range(count):
            item, at = self._number(at, width), at + width
            method = 0
            if version:
                method, at = self._number(at, 2) & 15, at + 2
            at += 2
            base, at = self._number(at, base_size), at + base_size
            extents, at = self._number(at, 2), at + 2
            for _ in range(extents):
                self._seen += 1
                at += index_size
                offset, at = self._number(at, offset_size), at + offset_size
                length, at = self._number(at, length_size), at + length_size
                if at > iloc.end or self._seen > MOST:
                    raise NotUnderstood
                if item in wanted:
                    yield self._extent(method, base + offset, length, idat)

    def _extent(self, method: int, start: int, length: int, idat: Box | None) -> tuple[int, int]:
        if method == 1 and idat is not None:
            start, most = start + idat.body, idat.end
        elif method == 0:
            most = len(self.data)
        else:
            raise NotUnderstood
        if not length or start + length > most:
            raise NotUnderstood
        return start, start + length

    def _number(self, at: int, width: int) -> int:
        if at + width > len(self.data):
            raise NotUnderstood
        return int.from_bytes(self.data[at : at + width], "big")

    # --- what is done to it ------------------------------------------------------------------

    def _blank(self, start: int, end: int) -> None:
        if end > start:
            self.data[start:end] = bytes(end - start)

    def _drop(self, box: Box) -> None:
        self.data[box.start + 4 : box.start + 8] = NOTHING
        self._blank(box.body, box.end)

    def _keep(self, shown: list[tuple[int, int]], box: Box) -> None:
        """Overwrite what is in a box, but for what is shown."""
        at = box.body
        for start, end in islice(shown, bisect_right(shown, at, key=itemgetter(1)), None):
            if start >= box.end:
                break
            self._blank(at, start)
            at = min(end, box.end)
        self._blank(at, box.end)
