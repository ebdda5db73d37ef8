"""Files by HTTP: who may send them, how much, how they come back, and when they are put away."""

from __future__ import annotations

import json
import os
from typing import Any

from twisted.internet.defer import Deferred

from tests.kit.uploads import FilesCase, basic, token_of
from tests.kit.web import Web
from twisted_chat.chat.measures import Measure
from twisted_chat.chat.peers import Alone
from twisted_chat.chat.people import Person
from twisted_chat.doors.web.files.store import LEAST
from twisted_chat.doors.web.files.uploads import HEADERS, named
from twisted_chat.operation.sweeping import DAY, Sweeper
from twisted_chat.vocabulary.names import user_name


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
