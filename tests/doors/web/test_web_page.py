"""The page's files on the disk."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.kit.world import ChatCase
from twisted_chat import page


class PageTests(ChatCase):
    """The page's files on the disk."""

    folder = Path(page.__file__).parent

    def test_everything_is_preloaded(self) -> None:
        """The browser learns of all modules at once: none has to be found by reading another."""
        index = (self.folder / "index.html").read_text("utf-8")
        named = set(re.findall(r'rel="modulepreload" href="assets/([^"]+)"', index))
        modules = {path.name for path in (self.folder / "assets").glob("*.js")}
        self.assertEqual(named, modules - {"main.js"})

    def test_nothing_is_inline(self) -> None:
        """There is no script or style in the page itself, nor anything of somebody else's."""
        index = (self.folder / "index.html").read_text("utf-8")
        self.assertEqual(re.findall(r"<script(?![^>]* src=)|<style| style=| on\w+=", index), [])
        for path in self.folder.rglob("*"):
            if path.suffix in (".html", ".css", ".js", ".svg"):
                source = path.read_text("utf-8").replace("http://www.w3.org/", "")
                self.assertEqual(re.findall(r"https?://\w|@import url|url\(", source), [], path)

    def test_text_stays_text(self) -> None:
        """No module has a way to make markup or code of a text."""
        for path in (self.folder / "assets").glob("*.js"):
            found = re.findall(
                r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b"
                r"|new Function|createContextualFragment|srcdoc|setHTML",
                path.read_text("utf-8"),
            )
            self.assertEqual(found, [], path)

    def test_small_files(self) -> None:
        """Each file is under 300 lines."""
        for path in self.folder.rglob("*"):
            if path.suffix in (".html", ".css", ".js"):
                self.assertLess(path.read_text("utf-8").count("\n"), 300, path)

    def test_comments(self) -> None:
        """Comments stay here; lines keep their numbers, and code is not touched."""
        source = "/** one\n * two */\na(/* in */ b); // c\n  /* three */\nconst d = `/* e */`;\n"
        self.assertEqual(
            page.without_comments(source), "\n\na(/* in */ b); // c\n\nconst d = `/* e */`;\n"
        )
        for path in (self.folder / "assets").glob("*.js"):
            stripped = page.without_comments(path.read_text("utf-8"))
            self.assertEqual(stripped.count("\n"), path.read_text("utf-8").count("\n"))
            self.assertNotIn("/**\n", stripped)

    def test_another_page_another_folder(self) -> None:
        """A change in any asset changes where all of them are: none is ever out of date."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        copy = Path(folder.name)
        (copy / "assets").mkdir()
        (copy / "index.html").write_text('<script src="assets/a.js"></script>')
        (copy / "assets" / "a.js").write_text("1")
        first = page.load(copy)
        self.assertIn(f'src="assets/{first.folder}/a.js"'.encode(), first.index.body)
        (copy / "assets" / "a.js").write_text("2")
        self.assertNotEqual(page.load(copy).folder, first.folder)
