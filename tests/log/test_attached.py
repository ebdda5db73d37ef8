"""Files go with a backup: those that its texts name, and no others."""

from __future__ import annotations

from tests.kit.logs import OPS, Commands
from twisted_chat.log.attached import KEY, SUFFIXES, place_of
from twisted_chat.log.contract import Entry

ONE, TWO, UNSAID = "1a" * 16, "2b" * 16, "3c" * 16


class AttachedTests(Commands):
    """A folder of files beside a log, and ``backup --files``."""

    def setUp(self) -> None:
        super().setUp()
        self.files = self.folder / "files"
        self.files.mkdir()
        (self.files / KEY).write_bytes(b"secret")
        for id in (ONE, TWO, UNSAID):
            self.put(id)
        self.copy = self.folder / "copy.db"
        self.copied = self.folder / "copy.db.files"

    def put(self, id: str) -> None:
        """Put something into the folder."""
        place_of(self.files, id, "").parent.mkdir()
        for suffix in SUFFIXES:
            if (id, suffix) != (TWO, "small"):
                place_of(self.files, id, suffix).write_text(f"{id} {suffix}")

    def back_up(self) -> str:
        """Call the command, as an operator does."""
        words = ("backup", str(self.path), str(self.copy), "--files", str(self.files))
        return self.run_command(*words)

    def in_copy(self) -> set[str]:
        """Return what is in the copy."""
        return {str(one.relative_to(self.copied)) for one in self.copied.rglob("*.*")}

    def named(self, *ids: str) -> set[str]:
        """Return what belongs to these files."""
        found = (place_of(self.files, id, suffix) for id in ids for suffix in SUFFIXES)
        return {str(path.relative_to(self.files)) for path in found if path.exists()}

    def test_what_texts_name(self) -> None:
        """It is copied as it is, for its owner alone; what is in no text is not."""
        log = self.open()
        self.successResultOf(log.create(OPS))
        said = [Entry("ann", f"files/{ONE}/boat.jpg#9x9"), Entry("bob", f"see files/{TWO}/b")]
        self.successResultOf(log.append(OPS.epoch, said))
        told = self.back_up()
        self.assertEqual(told, f"2 texts are in {self.copy}.\n2 files are in {self.copied}.\n")
        self.assertEqual(self.in_copy(), self.named(ONE, TWO))
        self.assertEqual((self.copied / KEY).read_bytes(), b"secret")
        for name in self.in_copy():
            path = self.copied / name
            self.assertEqual(path.read_bytes(), (self.files / name).read_bytes())
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.copied.stat().st_mode & 0o777, 0o700)
        self.successResultOf(log.close())

    def test_the_next_one(self) -> None:
        """Only what is new is copied again; what was taken back or edited away is gone."""
        log = self.open()
        self.successResultOf(log.create(OPS))
        said = [Entry("ann", f"files/{id}/a") for id in (ONE, TWO, UNSAID)]
        self.successResultOf(log.append(OPS.epoch, said))
        self.back_up()
        self.assertEqual(self.in_copy(), self.named(ONE, TWO, UNSAID))
        kept = place_of(self.copied, ONE, "data")
        before = kept.stat()
        changes = [Entry("ann", "", None, "redact", 2), Entry("ann", "none", None, "edit", 3)]
        self.successResultOf(log.append(OPS.epoch, changes))
        self.back_up()
        self.assertEqual(self.in_copy(), self.named(ONE))
        self.assertEqual(kept.stat().st_ino, before.st_ino)
        self.successResultOf(log.close())

    def test_no_folder_of_files(self) -> None:
        """It is refused, and neither the copy nor a folder of another kind is touched."""
        self.begun(3)
        self.copy.write_text("an older copy")
        (self.files / KEY).unlink()
        self.assertIn("no folder of files", self.refused())
        (self.files / KEY).write_bytes(b"secret")
        self.copied.symlink_to(self.files)
        self.assertIn("itself", self.refused())
        self.copied.unlink()
        self.copied.write_text("a file")
        self.assertIn("no folder", self.refused())
        self.assertEqual(self.copy.read_text(), "an older copy")
        self.assertEqual(self.in_folder(), self.named(ONE, TWO, UNSAID))

    def refused(self) -> str:
        """Call the command; it must be refused."""
        words = ("backup", str(self.path), str(self.copy), "--files", str(self.files))
        return self.not_done(*words)

    def in_folder(self) -> set[str]:
        """Return what is in the folder of files."""
        return {str(one.relative_to(self.files)) for one in self.files.rglob("*.*")}
