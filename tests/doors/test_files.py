"""Files by HTTP: who may send them, how much, what is taken out of them, how they come back."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from twisted.internet.defer import Deferred, execute

from tests.kit.support import ChatCase, Client, Object, Pipe, World
from tests.kit.web import Answer, Web, answer_in
from twisted_chat.accounts.bearers import Bearers
from twisted_chat.chat.measures import Measure
from twisted_chat.chat.peers import Alone
from twisted_chat.chat.people import Person
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.names import user_name

pytest.importorskip("PIL", reason="no Pillow: pip install pillow")

from PIL import Image, features
from PIL.PngImagePlugin import PngInfo

from twisted_chat.doors.web.files.pictures import Picture, clean, kind_of
from twisted_chat.doors.web.files.store import LEAST, Bounds, Store
from twisted_chat.doors.web.files.uploads import HEADERS, Files, named
from twisted_chat.operation.sweeping import DAY, Sweeper

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


def basic(user: str, secret: str) -> str:
    """Return a header that says who asks."""
    return f"Authorization: Basic {b64encode(f'{user}:{secret}'.encode()).decode()}"


def token_of(client: Client) -> str:
    """Return the token of somebody's welcome."""
    assert client.token is not None
    return client.token


class FilesCase(ChatCase):
    def setUp(self) -> None:
        super().setUp()
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name) / "files"

    def files(self, world: World, **bounds: int) -> Files:
        """Return what keeps files, with a folder of its own."""
        room = {"file": 4_000_000, "user": 10_000_000, "all": 20_000_000, **bounds}
        store = Store(self.folder, Bounds(**room))
        store.open()
        prover = world.prover()
        run: Callable[[Callable[[], Picture]], Deferred[Picture]] = execute
        return Files(store, Bearers(world.chat, prover), run, world.clock.seconds)

    def web_of(self, world: World, **bounds: int) -> tuple[Web, Files]:
        """Return a web door that takes files."""
        files = self.files(world, **bounds)
        return Web(world, files=files), files

    def send(
        self, web: Web, data: bytes, *headers: str, name: str = "a.bin", at_once: bool = True
    ) -> Answer:
        """Send a file, in pieces, and return the answer."""
        pipe = web.pipe()
        lines = [
            f"POST /files?name={name} HTTP/1.1",
            "Host: chat.test:8080",
            f"Content-Length: {len(data)}",
            *headers,
            "",
            "",
        ]
        pipe.send("\r\n".join(lines).encode())
        web.world.settle()
        for start in range(0, len(data), 65_536):
            pipe.send(data[start : start + 65_536])
            web.world.settle()
        return self.answer(web, pipe)

    def answer(self, web: Web, pipe: Pipe) -> Answer:
        """Return what was answered, all of it."""
        data = b""
        for _ in range(400):
            web.world.settle()
            new = pipe.take()
            data += new
            if not new and data:
                break
        return answer_in(data)

    def get(self, web: Web, path: str, *headers: str) -> Answer:
        """Ask for a file, as a browser does."""
        pipe = web.pipe()
        lines = [f"GET /{path} HTTP/1.1", "Host: chat.test:8080", *headers, "", ""]
        pipe.send("\r\n".join(lines).encode())
        return self.answer(web, pipe)

    def stored(self, answer: Answer) -> Object:
        """Return what the answer says of a file that is kept."""
        self.assertEqual(answer.status, 201, answer.body)
        found: Object = json.loads(answer.body)
        return found

    def left(self) -> list[str]:
        """Return what is still being sent, as far as the disk knows."""
        return os.listdir(self.folder / "incoming")


class UploadTests(FilesCase):
    """Over HTTP."""

    def test_there_and_back(self) -> None:
        """A guest sends a file with its token; whoever has the link gets the same bytes."""
        world = self.world()
        web, files = self.web_of(world)
        token = token_of(world.come("bob"))
        data = os.urandom(200_000)
        found = self.stored(self.send(web, data, basic("bob", token), name="r%C3%A9sum%C3%A9.exe"))
        self.assertEqual((found["name"], found["size"]), ("résumé.exe", len(data)))
        self.assertRegex(found["link"], r"^files/[0-9a-f]{32}/r%C3%A9sum%C3%A9\.exe$")
        answer = self.get(web, found["link"])
        self.assertEqual(answer.body, data)
        self.assertEqual(answer.headers["Content-Type"], "application/octet-stream")
        self.assertTrue(answer.headers["Content-Disposition"].startswith("attachment;"))
        for header, value in HEADERS.items():
            self.assertEqual(answer.headers[header], value)
        self.assertEqual((self.left(), len(files.store)), ([], 1))
        again = self.stored(self.send(web, data, basic("bob", token), name="other"))
        self.assertEqual(again["link"].split("/")[1], found["link"].split("/")[1])
        self.assertEqual((len(files.store), files.store.total), (1, len(data)))
        self.assertEqual(self.get(web, f"files/{'0' * 32}/x").status, 404)
        self.assertEqual(self.get(web, "files/../secret").status, 404)
        self.assertEqual(self.get(web, "files").status, 404)

    def test_nothing_runs(self) -> None:
        """What a browser could run is put away, never shown, whatever it is called."""
        world = self.world()
        web, _ = self.web_of(world)
        token = token_of(world.come("bob"))
        for name in ("a.html", "a.svg", "a.js", "a.xml", "photo.jpg"):
            data = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
            found = self.stored(self.send(web, data, basic("bob", token), name=name))
            answer = self.get(web, found["link"])
            self.assertEqual(answer.headers["Content-Type"], "application/octet-stream")
            self.assertTrue(answer.headers["Content-Disposition"].startswith("attachment;"))
            self.assertIn("sandbox", answer.headers["Content-Security-Policy"])

    def test_who_may(self) -> None:
        """A token or a password of somebody: nobody else, and nobody who is kept out or muted."""
        world = self.world(users=["ada", "eve"])
        web, files = self.web_of(world)
        guest = token_of(world.come("bob"))
        self.assertEqual(self.send(web, b"x" * 99, basic("ada", "secret")).status, 201)
        for header in (
            "X-None: 1",
            "Authorization: Bearer x",
            "Authorization: Basic %%%",
            basic("ada", "wrong"),
            basic("bob", "wrong"),
            basic("ada", guest),
            basic("nobody", guest),
        ):
            answer = self.send(web, b"x" * 99, header)
            self.assertEqual(answer.status, 401, header)
            self.assertNotIn("WWW-Authenticate", answer.headers)  # a browser would ask, over all
        self.assertEqual(
            self.send(web, b"y", basic("bob", guest), "Origin: http://e.test").status, 403
        )
        kinds: list[tuple[Any, str]] = [("ban", "banned"), ("mute", "muted")]
        for kind, code in kinds:
            measures = world.chat.ruling.bans if kind == "ban" else world.chat.ruling.mutes
            measures.add(Measure(kind=kind, by="op", since=0, user="eve"))
            answer = self.send(web, b"z", basic("eve", "secret"))
            self.assertEqual((answer.status, json.loads(answer.body)["code"]), (403, code))
            measures.remove(Measure(kind=kind, by="op", since=0, user="eve").key)
        self.assertEqual((self.left(), len(files.store)), ([], 1))

    def test_a_guest_of_another_node(self) -> None:
        """Who is at another node sends files here, with the token that its name is claimed with."""

        class Others(Alone):
            async def proves(self, key: str, token: str) -> bool:
                return (key, token) == ("far", "right")

        world = self.world()
        web, _ = self.web_of(world)
        world.chat.people.add(Person(user_name("far"), guest=True))
        self.assertEqual(self.send(web, b"x", basic("far", "right")).status, 401)
        world.chat.peers = Others()
        self.assertEqual(self.send(web, b"x", basic("far", "right")).status, 201)
        self.assertEqual(self.send(web, b"x", basic("far", "wrong")).status, 401)

    def test_bounds(self) -> None:
        """Of a file, of a user, of the server; each at its edge, and nothing of it stays."""
        world = self.world(users=["cid"])
        web, files = self.web_of(world, file=20_000, user=60_000, all=100_000)
        bob = basic("bob", token_of(world.come("bob")))
        self.assertEqual(self.send(web, b"x" * 20_001, bob).status, 413)
        for fill in b"abc":
            self.assertEqual(self.send(web, bytes([fill]) * 20_000, bob).status, 201)
        answer = self.send(web, b"d", bob)
        self.assertEqual((answer.status, json.loads(answer.body)["code"]), (507, "not-stored"))
        again = basic("dora", token_of(world.come("dora")))  # guests of one address are one user
        self.assertEqual(self.send(web, b"d", again).status, 507)
        cid = basic("cid", "secret")
        self.assertEqual(files.store.total, 60_000)
        room = 40_000 // LEAST
        for number in range(room):
            self.assertEqual(self.send(web, b"%d" % number, cid).status, 201)
        self.assertEqual(self.send(web, b"more", cid).status, 507)
        self.assertEqual(files.store.total, 60_000 + room * LEAST)

    def test_stopped(self) -> None:
        """What is stopped half-way, or never ends, leaves nothing and takes no room."""
        world = self.world()
        web, files = self.web_of(world)
        bob = basic("bob", token_of(world.come("bob")))
        for how in ("gone", "silent"):
            pipe = web.pipe()
            pipe.send(
                f"POST /files?name=x HTTP/1.1\r\nHost: chat.test\r\n{bob}\r\n"
                "Content-Length: 100000\r\n\r\n".encode()
            )
            pipe.send(b"x" * 50_000)
            world.settle()
            self.assertEqual((len(self.left()), files.store.total), (1, 100_000))
            if how == "gone":
                pipe.lose()
            else:
                world.pass_time(30 + 100_000 / 8_192 + 20)
            world.settle()
            self.assertEqual((self.left(), files.store.total), ([], 0), how)

    def test_other_bodies(self) -> None:
        """No other place takes a body, and none takes one whose length is not told."""
        world = self.world()
        web, _ = self.web_of(world)
        bob = basic("bob", token_of(world.come("bob")))
        for path, method in (("/", "POST"), ("/files", "PUT"), ("/filesx", "POST")):
            answer = web.ask(path, bob, "Content-Length: 3", method=method, body=b"abc")
            self.assertEqual(answer.status, 413)
        answer = web.ask(
            "/files", bob, "Transfer-Encoding: chunked", method="POST", body=b"0\r\n\r\n"
        )
        self.assertEqual(answer.status, 413)
        self.assertEqual(web.ask("/files", bob, method="POST").status, 400)
        self.assertEqual(Web(world).ask("/files", bob, method="POST").status, 405)

    def test_names(self) -> None:
        """A name is no path, and nothing in it is hidden."""
        for raw, name in (
            ("../../etc/passwd", "passwd"),
            ("C:\\x\\y.txt", "y.txt"),
            ("a\r\nSet-Cookie: b", "aSet-Cookie: b"),
            ("\u202egpj.exe", "gpj.exe"),
            ("...", "file"),
            ("", "file"),
            ("x" * 200 + ".png", "x" * 96 + ".png"),
        ):
            self.assertEqual(named(raw), name)

    def test_restart(self) -> None:
        """What is kept is there after a restart; what was half done is not."""
        world = self.world()
        web, files = self.web_of(world)
        bob = basic("bob", token_of(world.come("bob")))
        found = self.stored(self.send(web, b"kept" * 5_000, bob))
        total = files.store.total
        (self.folder / "incoming" / "left").write_bytes(b"x")
        (self.folder / "ab").mkdir(exist_ok=True)
        (self.folder / "ab" / "abcd.data").write_bytes(b"x")
        (self.folder / "incoming" / "new").write_bytes(b"x")
        for old in ("incoming/left", "ab/abcd.data"):
            os.utime(self.folder / old, (0, 0))
        web, files = self.web_of(world)
        self.assertEqual(self.get(web, found["link"]).body, b"kept" * 5_000)
        self.assertEqual((self.left(), files.store.total), (["new"], total))
        self.assertFalse((self.folder / "ab" / "abcd.data").exists())
        self.assertEqual(os.stat(self.folder / "secret").st_mode & 0o077, 0)

    def test_several_processes(self) -> None:
        """What one has put into the folder the other serves, counts, and misses when it is gone."""
        world = self.world()
        web, files = self.web_of(world)
        other_web, others = self.web_of(world)
        bob = basic("bob", token_of(world.come("bob")))
        found = self.stored(self.send(web, b"shared" * 999, bob))
        self.assertEqual(self.get(other_web, found["link"]).body, b"shared" * 999)
        self.assertEqual(others.store.total, files.store.total)
        again = self.stored(self.send(other_web, b"shared" * 999, bob))
        self.assertEqual(again["link"], found["link"])
        files.store.remove(found["link"].split("/")[1])
        self.assertEqual(self.get(other_web, found["link"]).status, 404)
        others.store.refresh()
        self.assertEqual((others.store.total, len(others.store)), (0, 0))


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


class SweepTests(FilesCase):
    """What is in no text any more."""

    def test_a_day(self) -> None:
        """It stays for a day, and as long as a text has it; edits and redactions count."""
        world = self.world()
        web, files = self.web_of(world)
        bob = world.come("bob")
        header = basic("bob", token_of(bob))
        links = [self.stored(self.send(web, b"%d" % n * 9, header))["link"] for n in range(4)]
        sweeper = Sweeper(files.store, world.log, world.chat.sessions, world.clock.seconds)
        for link in links[:3]:
            bob.ask("text", session="lobby", data=f"See http://chat.test/{link} there")
        bob.ask("edit", session="lobby", of=1, data="Nothing to see")
        bob.ask("redact", session="lobby", of=2)

        def there() -> list[bool]:
            self.successResultOf(Deferred.fromCoroutine(sweeper.sweep()))
            return [self.get(web, link).status == 200 for link in links]

        world.clock.advance(DAY - 60)
        self.assertEqual(there(), [True] * 4)
        world.clock.advance(120)
        self.assertEqual(there(), [False, False, True, False])
        for _ in range(3):  # where it was found last is looked at first
            world.clock.advance(DAY + 1)
            self.assertEqual(there(), [False, False, True, False])
        kept = files.store.get(links[2].split("/")[1])
        self.assertEqual((kept and kept.seq, files.store.total), (3, LEAST))
        session = world.chat.sessions["lobby"]
        world.log.prune(session.life.epoch, texts=1)
        world.clock.advance(DAY + 1)
        self.assertEqual(there(), [False] * 4)
        self.assertEqual((files.store.total, len(list(self.folder.glob("??/*")))), (0, 0))
