"""HEIC and AVIF pictures: what they say of place and device is gone, and what they show is not."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

pytest.importorskip("PIL", reason="no Pillow: pip install pillow")

from PIL import Image, features

from twisted_chat.doors.web.files.boxes import Box, Boxes, NotUnderstood, joined

PLACE = b"Hidden Valley 47.11"


def box(kind: bytes, *inside: bytes) -> bytes:
    """Return a box."""
    body = b"".join(inside)
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def item(number: int, kind: bytes, name: bytes = b"") -> bytes:
    """Return what says that there is an item."""
    return box(b"infe", b"\2\0\0\0", number.to_bytes(2, "big"), b"\0\0", kind, name, b"\0")


def picture(*, beside: bytes = b"", within: bytes = b"", known: bytes = b"") -> bytes:
    """Return a HEIC picture: four bytes of pixels, and a place in every place there is for one."""
    head = box(b"ftyp", b"heic\0\0\0\0mif1heic")
    pixels, exif = b"PIXL", b"Exif" + PLACE

    def meta(start: int) -> bytes:
        extents = (
            (number, at, size)
            for number, at, size in (
                (1, start, len(pixels)),
                (2, start + len(pixels), len(exif)),
            )
        )
        places = b"".join(
            number.to_bytes(2, "big")
            + b"\0\0\0\1"
            + at.to_bytes(4, "big")
            + size.to_bytes(4, "big")
            for number, at, size in extents
        )
        return box(
            b"meta",
            b"\0\0\0\0",
            box(b"hdlr", b"\0\0\0\0\0\0\0\0pict", bytes(12), PLACE, b"\0"),
            box(b"pitm", b"\0\0\0\0\0\1"),
            box(b"iloc", b"\0\0\0\0\x44\0\0\2", places),
            box(b"iinf", b"\0\0\0\0\0\2", item(1, b"hvc1", PLACE), item(2, b"Exif")),
            box(b"iprp", box(b"ipco", box(b"ispe", bytes(12)), known), box(b"ipma", bytes(8))),
            within,
        )

    start = len(head) + len(meta(0)) + 8
    return head + meta(start) + box(b"mdat", pixels, exif, PLACE) + beside


def stripped(data: bytes) -> bytes:
    """Return what becomes of a file."""
    boxes = Boxes(bytearray(data))
    boxes.strip()
    return bytes(boxes.data)


class BoxesTests(SynchronousTestCase):
    """What is taken out of the boxes, and that all else stays where it is."""

    def test_no_place_is_left(self) -> None:
        """Neither in an item, nor in a name, nor in a box of any other kind, nor in no item."""
        said = picture(
            beside=box(b"uuid", bytes(16), PLACE) + box(b"free", PLACE),
            within=box(b"xml ", PLACE),
            known=box(b"udes", PLACE),
        )
        self.assertEqual(said.count(PLACE), 8)
        left = stripped(said)
        self.assertEqual(len(left), len(said))
        self.assertNotIn(PLACE, left)
        self.assertNotIn(b"Exif", left)
        self.assertIn(b"PIXL", left)
        self.assertEqual(stripped(left), left)

    def test_what_is_not_understood(self) -> None:
        """It is refused: a film, a file without items, one that is cut off."""
        whole = picture()
        for wrong in (
            b"",
            whole[:-1],
            whole[:100],
            box(b"ftyp", b"heic"),
            whole + box(b"moov"),
            whole + whole,
            whole.replace(b"iloc", b"Iloc"),
            whole.replace(b"infe\2", b"infe\1"),
            whole.replace(b"iloc\0", b"iloc\7"),
            whole.replace(b"PIXL", b"", 1),
        ):
            with self.assertRaises(NotUnderstood):
                stripped(wrong)

    def test_what_overlaps(self) -> None:
        """Places that overlap are one, and a box looks at those alone that are in it."""
        places = [(5, 6)] * 1_000 + [(1, 3), (2, 4), (9, 12), (4, 5)]
        self.assertEqual(joined(places), [(1, 6), (9, 12)])
        boxes = Boxes(bytearray(range(32)))
        boxes._keep([(1, 3), (8, 10), (12, 14), (15, 30)], Box(b"mdat", 1, 9, 16))
        kept = {0, *range(1, 10), *(9, 12, 13, 15), *range(16, 32)}
        self.assertEqual(boxes.data, bytes(n if n in kept else 0 for n in range(32)))

    @given(st.integers(0, 400), st.binary(min_size=1, max_size=40))
    def test_any_bytes(self, at: int, strange: bytes) -> None:
        """They are refused, or changed in place; nothing else happens."""
        whole = picture()
        for data in (strange, whole[:at] + strange + whole[at + len(strange) :]):
            try:
                left = stripped(data)
            except NotUnderstood:
                continue
            self.assertEqual(len(left), len(data))

    def test_avif(self) -> None:
        """A real one shows the same, to the pixel, and the same way up."""
        if not features.check("avif"):
            self.skipTest("this Pillow knows no AVIF")
        exif = Image.Exif()
        exif[0x010F], exif[0x0112] = PLACE.decode(), 6
        out = BytesIO()
        gradient = Image.radial_gradient("L").convert("RGB")
        gradient.save(out, "AVIF", exif=exif, xmp=b"<x>" + PLACE + b"</x>")
        self.assertEqual(out.getvalue().count(PLACE), 2)
        left = stripped(out.getvalue())
        self.assertNotIn(PLACE, left)
        with Image.open(BytesIO(left)) as now, Image.open(out) as before:
            self.assertEqual(now.tobytes(), before.tobytes())
            self.assertEqual(now.getexif().get(0x0112), 6)
            self.assertNotIn("xmp", now.info)
