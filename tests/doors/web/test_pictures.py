"""Pictures by HTTP: what they say beside what they show is taken out, or they are refused."""

from __future__ import annotations

import json
import os
from io import BytesIO
from typing import Any

import pytest

from tests.kit.frames import Object
from tests.kit.uploads import FilesCase, basic, token_of
from tests.kit.web import Web
from twisted_chat.vocabulary.errors import ChatError

pytest.importorskip("PIL", reason="no Pillow: pip install pillow")

from PIL import Image, features
from PIL.PngImagePlugin import PngInfo

from twisted_chat.doors.web.files.pictures import clean, kind_of

GPS, MAKE, ORIENTATION = 0x8825, 0x010F, 0x0112
PLACE = b"Hidden Valley 47.11"


def photograph(width: int = 1_600, height: int = 900, *, turned: int = 6) -> bytes:
    """Return a JPEG as a telephone writes it: with a place, a device, and which way is up."""
    picture = Image.effect_noise((width, height), 40).convert("RGB")
    exif = Image.Exif()
    exif[MAKE] = "Acme Spy Camera"
    exif[ORIENTATION] = turned
    exif.get_ifd(GPS)[1] = "N"
    exif.get_ifd(GPS)[29] = PLACE.decode()
    out = BytesIO()
    picture.save(out, "JPEG", exif=exif, comment=PLACE, xmp=b"<x>" + PLACE + b"</x>")
    return out.getvalue()


class PictureTests(FilesCase):
    """What a picture says beside what it shows."""

    def sent(self, data: bytes, name: str = "p.jpg") -> tuple[Web, Object]:
        """Send a picture; return what became of it."""
        world = self.world()
        web, _ = self.web_of(world)
        bob = basic("bob", token_of(world.come("bob")))
        return web, self.stored(self.send(web, data, bob, name=name))

    def test_photograph(self) -> None:
        """Place and device are gone; which way is up, and every pixel, is not."""
        data = photograph()
        self.assertTrue(PLACE in data)
        web, found = self.sent(data)
        self.assertEqual((found["width"], found["height"]), (900, 1_600))  # as it is shown
        self.assertTrue(found["link"].endswith("#900x1600"))
        link = found["link"].partition("#")[0]
        answer = self.get(web, link)
        self.assertEqual(answer.headers["Content-Type"], "image/jpeg")
        self.assertTrue(answer.headers["Content-Disposition"].startswith("inline;"))
        self.assertFalse(b"Acme" in answer.body)
        self.assertFalse(PLACE in answer.body)
        cleaned = Image.open(BytesIO(answer.body))
        self.assertEqual(dict(cleaned.getexif()), {ORIENTATION: 6})
        before = Image.open(BytesIO(data)).convert("L").tobytes()
        after = cleaned.convert("L").tobytes()
        differences = [abs(a - b) for a, b in zip(before, after, strict=True)]
        self.assertLess(sum(differences) / len(differences), 1)
        small = self.get(web, f"{link}?small=1")
        self.assertEqual(small.headers["Content-Type"], "image/webp")
        shrunk = Image.open(BytesIO(small.body))
        self.assertLessEqual(shrunk.size, (720, 560))
        self.assertLess(shrunk.width, shrunk.height)  # it stands upright
        self.assertEqual(dict(shrunk.getexif()), {})
        download = self.get(web, f"{link}?download=1")
        self.assertTrue(download.headers["Content-Disposition"].startswith("attachment;"))

    def test_other_kinds(self) -> None:
        """PNG, WebP, and GIF that moves; with nothing of what they said beside."""
        info = PngInfo()
        info.add_text("Location", PLACE.decode())
        info.add_itxt("XML:com.adobe.xmp", PLACE.decode())
        exif = Image.Exif()
        exif[MAKE] = "Acme Spy Camera"
        frames = [Image.new("RGB", (60, 40), colour) for colour in ("red", "green", "blue")]
        made: list[tuple[str, dict[str, Any]]] = [
            ("PNG", {"pnginfo": info, "exif": exif}),
            ("WEBP", {"exif": exif, "xmp": PLACE}),
            ("GIF", {"comment": PLACE, "save_all": True, "append_images": frames[1:], "loop": 0}),
            ("JPEG", {"comment": PLACE, "exif": exif}),
        ]
        for format, options in made:
            out = BytesIO()
            frames[0].save(out, format, **options)
            self.assertTrue(PLACE in out.getvalue() or b"Acme" in out.getvalue(), format)
            web, found = self.sent(out.getvalue(), f"p.{format}")
            answer = self.get(web, found["link"].partition("#")[0])
            self.assertEqual(answer.headers["Content-Type"], f"image/{format.lower()}")
            self.assertFalse(PLACE in answer.body)
            self.assertFalse(b"Acme" in answer.body)
            picture: Any = Image.open(BytesIO(answer.body))
            self.assertEqual(picture.size, (60, 40))
            if format == "GIF":
                self.assertEqual((picture.n_frames, picture.info["loop"]), (3, 0))

    def test_boxed(self) -> None:
        """AVIF is shown as it is; HEIC, which browsers can not show, is a file to put away."""
        if not features.check("avif"):
            self.skipTest("this Pillow knows no AVIF")
        world = self.world()
        web, _ = self.web_of(world)
        bob = basic("bob", token_of(world.come("bob")))
        exif = Image.Exif()
        exif[MAKE], exif[ORIENTATION] = PLACE.decode(), 6
        out = BytesIO()
        Image.effect_noise((900, 600), 40).convert("RGB").save(out, "AVIF", exif=exif)
        heic = out.getvalue().replace(b"av01\0", b"hvc1\0").replace(b"avif", b"heic")
        for data, media, shape in (
            (out.getvalue(), "image/avif", "#600x900"),
            (heic, "image/heic", ""),
        ):
            self.assertIn(PLACE, data)
            stored = json.loads(self.send(web, data, bob, name="a").body)
            self.assertEqual(stored["media"], media)
            self.assertTrue(stored["link"].endswith(f"/a{shape}"), stored)
            link = stored["link"].partition("#")[0]
            answer = self.get(web, link)
            self.assertNotIn(PLACE, answer.body)
            self.assertEqual(len(answer.body), len(data))
            way = "inline" if shape else "attachment"
            self.assertTrue(answer.headers["Content-Disposition"].startswith(way))
            small = self.get(web, f"{link}?small=1")
            self.assertEqual(small.headers["Content-Type"], "image/webp" if shape else media)

    def test_refused(self) -> None:
        """What could not be cleaned, what is no picture, and what is larger than memory."""
        world = self.world()
        web, files = self.web_of(world)
        bob = basic("bob", token_of(world.come("bob")))
        out = BytesIO()
        Image.new("1", (20_000, 20_000)).save(out, "PNG")
        for data, sentence in (
            (b"\0\0\0\x18ftypheic" + b"x" * 50, "may say where"),
            (b"II*\0" + b"x" * 50, "may say where"),
            (b"\xff\xd8\xff\xe0" + os.urandom(500), "can not be read"),
            (photograph()[:3_000], "can not be read"),
            (b"\x89PNG\r\n\x1a\n" + b"\0" * 90, "can not be read"),
            (out.getvalue(), "too many pixels"),
        ):
            answer = self.send(web, data, bob)
            self.assertIn(answer.status, (400, 413))
            self.assertIn(sentence, json.loads(answer.body)["data"])
        self.assertEqual((self.left(), len(files.store), files.store.total), ([], 0, 0))

    def test_hostile_bytes(self) -> None:
        """Whatever is changed in a picture, it is cleaned or refused: nothing else happens."""
        data = photograph(64, 48)
        source, target, small = (self.folder.parent / one for one in ("a", "b", "c"))
        for seed in range(150):
            mangled = bytearray(data)
            for step in range(1 + seed % 5):
                mangled[(seed * 7919 + step * 104_729) % len(mangled)] = (seed * 31 + step) % 256
            source.write_bytes(mangled[: len(mangled) - seed % 40])
            try:
                kind = kind_of(bytes(mangled[:32]))
                if kind == "image/jpeg":
                    clean(source, kind, target, small)
                    self.assertFalse(PLACE in target.read_bytes())
            except ChatError:
                pass
        self.flushWarnings()  # Pillow's, about such pictures
