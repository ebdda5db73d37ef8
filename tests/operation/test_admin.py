"""``twisted-chat users``: accounts are changed one at a time, and everything else is left alone."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import pty
import stat
import subprocess
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from getpass import GetPassWarning
from pathlib import Path
from unittest import skipUnless

from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.accounts.passwords import DECOY, is_hash, verify_password
from twisted_chat.accounts.users_file import parse
from twisted_chat.operation import admin

COMMAND = (
    sys.executable,
    "-c",
    "import sys; from twisted_chat.operation.admin import main; sys.exit(main(sys.argv[1:]))",
)
"""The program, for tests that need a process."""

# What people write: a byte order mark, CRLF, blank lines, quotes that are not needed, no last line
# end, a plain-text password, rows without a role.
ODD = f'\ufeffuser,password,role\r\n\r\n"alice",{DECOY!r},operator\r\nbob,plain\r\n ,\r\ncarol,"c"'
ODD = ODD.replace("'", '"')


class AdminTests(SynchronousTestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.file = self.folder / "users.csv"

    def run_main(self, *arguments: str, password: bytes | None = None) -> tuple[int, str, str]:
        """Run a command on the file; return the exit status, and what was said where."""
        argv = ["users", arguments[0], str(self.file), *arguments[1:]]
        if password is not None:
            argv.append("--password-stdin")
            self.patch(sys, "stdin", io.TextIOWrapper(io.BytesIO(password)))
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            status = admin.main(argv)
        return status, out.getvalue(), err.getvalue()

    def done(self, *arguments: str, password: bytes | None = None) -> str:
        status, out, err = self.run_main(*arguments, password=password)
        self.assertEqual((status, err), (0, ""))
        return out

    def refused(self, *arguments: str, password: bytes | None = None) -> str:
        """Run what has to fail: one line, status 1, and nothing is changed or left behind."""
        before = self.file.read_bytes() if self.file.is_file() else None
        status, out, err = self.run_main(*arguments, password=password)
        self.assertEqual((status, out), (1, ""))
        self.assertTrue(err.startswith("twisted-chat: "), err)
        self.assertEqual((err.count("\n"), err[-1:]), (1, "\n"))
        after = self.file.read_bytes() if self.file.is_file() else None
        self.assertEqual(before, after)
        self.assertEqual([one.name for one in self.folder.iterdir() if one.name[0] == "."], [])
        return err

    def accounts(self) -> dict[str, tuple[str, bool]]:
        found = parse(self.file.read_bytes(), "users.csv")
        return {one.name.text: (one.password, one.operator) for one in found.accounts}

    # --- what the commands do ----------------------------------------------------------------

    def test_first_account(self) -> None:
        """The first account makes the file, which its owner alone can read."""
        self.assertEqual(self.done("add", "Alice", password=b"s3cret-word\n"), "Alice is added.\n")
        self.assertEqual(self.file.stat().st_mode & 0o7777, 0o600)
        ((name, (password, operator)),) = self.accounts().items()
        self.assertEqual((name, operator), ("Alice", False))
        self.assertTrue(verify_password(password, "s3cret-word"))
        self.assertNotIn(b"s3cret-word", self.file.read_bytes())
        self.assertEqual([one.name for one in self.folder.iterdir()], ["users.csv"])

    def test_operator(self) -> None:
        """A role is given with the account, also in a file that had no roles yet."""
        self.file.write_text("user,password\nalice,a\n")
        self.done("add", "bob", "--role", "operator", password=b"correct horse")
        self.assertTrue(self.file.read_text().startswith("user,password,role\nalice,a\nbob,"))
        self.assertTrue(self.accounts()["bob"][1])
        self.assertFalse(self.accounts()["alice"][1])

    def test_others_are_left_alone(self) -> None:
        """Whatever is changed, every other row keeps its bytes, and the file its line ends."""
        self.file.write_bytes(ODD.encode())
        self.done("add", "dora", password=b"correct horse\r\n")
        text = self.file.read_bytes().decode()
        self.assertTrue(text.startswith(ODD + "\r\ndora,"), text)
        self.assertTrue(text.endswith(",\r\n"))
        self.done("remove", "DORA")
        self.assertEqual(self.file.read_bytes().decode(), ODD + "\r\n")
        self.done("passwd", "bob", password=b"correct horse")
        start, end = ODD.split("bob,plain\r\n")
        text = self.file.read_bytes().decode()
        self.assertTrue(text.startswith(start + "bob,"))
        self.assertTrue(text.endswith(",\r\n" + end + "\r\n"))

    def test_new_password(self) -> None:
        """A new password replaces the old one, plain text too; name and role stay."""
        self.file.write_bytes(ODD.encode())
        for user, password in (("ALICE", "äöü 1 äöü 2"), ("bob", 'a"b,c and more')):
            self.done("passwd", user, password=password.encode() + b"\n")
            hash, operator = self.accounts()[user.lower()]
            self.assertTrue(verify_password(hash, password))
            self.assertEqual(operator, user == "ALICE")
        self.assertEqual(list(self.accounts()), ["alice", "bob", "carol"])

    def test_remove(self) -> None:
        """What is removed is gone, and the file stays, though it is empty."""
        self.file.write_text("user,password\nalice,a\n")
        self.done("remove", "alice")
        self.assertEqual(self.file.read_text(), "user,password\n")

    def test_list(self) -> None:
        """The list has names, roles, and marks plain text; it never shows a password."""
        self.file.write_bytes(ODD.encode())
        lines = [line.split(maxsplit=2) for line in self.done("list").splitlines()]
        self.assertEqual(
            lines,
            [
                ["alice", "operator", "hash"],
                ["bob", "-", "plain text"],
                ["carol", "-", "plain text"],
            ],
        )

    # --- what can not be done ----------------------------------------------------------------

    def test_refusals(self) -> None:
        """What can not be done is one line that says why."""
        self.file.write_bytes(ODD.encode())
        for arguments, password, reason in (
            (("add", "ALICE"), b"correct horse", "There is a user ALICE"),
            (("add", "a b"), b"correct horse", "no spaces"),
            (("add", "a" * 33), b"correct horse", "at most 32 characters"),
            (("add", "dora"), b"", "can not be empty"),
            (("add", "dora"), b"\n", "can not be empty"),
            (("add", "dora"), b"\xff\n", "not UTF-8"),
            (("add", "dora"), b"correct horse" * 1_025, "at most 1024 characters"),
            (("add", "dora"), b"correct horse" * 100_000, "at most 1024 characters"),
            (("passwd", "dora"), b"correct horse", "There is no user dora"),
            (("remove", "dora"), None, "There is no user dora"),
        ):
            self.assertIn(reason, self.refused(*arguments, password=password))

    def test_no_file(self) -> None:
        """Only ``add`` makes a file, and no command makes a folder."""
        for arguments in (("passwd", "alice"), ("remove", "alice"), ("list",)):
            self.assertIn("No such file", self.refused(*arguments))
        self.file = self.folder / "none" / "users.csv"
        status, _, err = self.run_main("add", "alice", password=b"correct horse")
        self.assertEqual((status, err.count("\n")), (1, 1))
        self.assertIn("none", err)

    def test_broken_file(self) -> None:
        """A broken file is not made worse: file, line and reason are told."""
        self.file.write_text("user,password\nalice,a\nbob\n")
        for arguments in (("add", "dora"), ("passwd", "alice"), ("remove", "alice"), ("list",)):
            password = b"correct horse" if arguments[0] in ("add", "passwd") else None
            said = self.refused(*arguments, password=password)
            self.assertIn("users.csv, line 3: ", said)

    def test_usage(self) -> None:
        """A command that is none is answered with how they are used, and status 2."""
        for argv in ([], ["users"], ["users", "add"], ["users", "add", "f", "u", "--role", "x"]):
            with redirect_stderr(io.StringIO()) as err, self.assertRaises(SystemExit) as ended:
                admin.main(argv)
            self.assertEqual(ended.exception.code, 2)
            self.assertIn("usage: twisted-chat", err.getvalue())

    # --- asking ------------------------------------------------------------------------------

    def test_asked_twice(self) -> None:
        """A password is asked for twice, and both have to be the same."""
        answers = ["s3cret-word", "s3cret-word", "s3cret-word", "S3cret-word"]
        self.patch(admin, "getpass", lambda _: answers.pop(0))
        self.done("add", "alice")
        self.assertTrue(verify_password(self.accounts()["alice"][0], "s3cret-word"))
        self.assertIn("differ", self.refused("passwd", "alice"))
        self.assertEqual(answers, [])

    def test_not_asked_in_vain(self) -> None:
        """Nobody is asked for a password that could not be used."""
        self.file.write_bytes(ODD.encode())
        self.patch(admin, "getpass", lambda _: self.fail("it was asked for"))
        self.refused("add", "alice")
        self.refused("add", "#")
        self.refused("passwd", "dora")

    def test_interrupted(self) -> None:
        """Control-C at the question changes nothing."""

        def interrupted(_: str) -> str:
            raise KeyboardInterrupt

        self.patch(admin, "getpass", interrupted)
        self.assertIn("interrupted", self.refused("add", "alice"))

    def test_never_with_echo(self) -> None:
        """Where echo can not be turned off, nothing is asked: there is --password-stdin."""

        def with_echo(_: str) -> str:
            import warnings

            warnings.warn("Can not control echo on the terminal.", GetPassWarning, stacklevel=2)
            self.fail("it went on with echo")

        self.patch(admin, "getpass", with_echo)
        self.assertIn("--password-stdin", self.refused("add", "alice"))

    def test_terminal(self) -> None:
        """On a real terminal what is typed is not shown."""
        ours, theirs = pty.openpty()
        with open(ours, "r+b", buffering=0) as terminal:
            program = subprocess.Popen(
                [*_on_its_terminal(), "users", "add", str(self.file), "alice"],
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                start_new_session=True,
            )
            os.close(theirs)
            shown = b""
            for question in (b"Password: ", b"The same again: "):
                while not shown.endswith(question):
                    shown += terminal.read(1)
                terminal.write(b"s3cret-word\n")
            self.assertEqual(program.wait(60), 0)
            while not shown.endswith(b"added.\r\n"):
                shown += terminal.read(1)
        self.assertNotIn(b"s3cret-word", shown)
        self.assertTrue(verify_password(self.accounts()["alice"][0], "s3cret-word"))

    # --- the file ----------------------------------------------------------------------------

    def test_mode(self) -> None:
        """The mode stays, also one that an umask would not give."""
        self.file.write_text("user,password\n")
        for mode in (0o640, 0o666, 0o604):
            self.file.chmod(mode)
            self.done("add", f"user{mode}", password=b"correct horse")
            self.assertEqual(self.file.stat().st_mode & 0o7777, mode)

    @skipUnless(os.getuid() == 0, "giving a file away is for root")
    def test_owner(self) -> None:
        """The owner stays: root may change the file of the daemon's user."""
        self.file.write_text("user,password\n")
        os.chown(self.file, 1234, 4321)
        self.done("add", "alice", password=b"correct horse")
        found = self.file.stat()
        self.assertEqual((found.st_uid, found.st_gid), (1234, 4321))

    def test_owner_where_possible(self) -> None:
        """Who may not give files away still changes the file."""

        def refused(*_: object) -> None:
            raise PermissionError(errno.EPERM, "Operation not permitted")

        self.file.write_text("user,password\n")
        self.patch(os, "fchown", refused)
        self.done("add", "alice", password=b"correct horse")

    def test_link(self) -> None:
        """A link stays a link, and what it points to is changed."""
        real = self.folder / "real.csv"
        real.write_text("user,password\n")
        self.file.symlink_to("real.csv")
        self.done("add", "alice", password=b"correct horse")
        self.assertTrue(self.file.is_symlink())
        self.assertIn("alice,", real.read_text())

    def test_all_or_nothing(self) -> None:
        """A disk that is full, or fails at any step, leaves the old file and nothing else."""
        self.file.write_bytes(ODD.encode())

        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        for step in ("fsync", "fchmod", "replace"):
            patch = self.patch(os, step, full)
            self.assertIn("No space left", self.refused("add", "dora", password=b"correct horse"))
            patch.restore()

    def test_on_the_disk(self) -> None:
        """The new file is on the disk before it has the name, and then the name is too."""
        steps: list[str] = []
        fsync, replace = os.fsync, os.replace

        def synced(opened: int) -> None:
            steps.append("folder" if stat.S_ISDIR(os.fstat(opened).st_mode) else "file")
            fsync(opened)

        def replaced(old: str, new: str) -> None:
            steps.append("name")
            self.assertTrue(os.path.samefile(os.path.dirname(old), os.path.dirname(new)))
            replace(old, new)

        self.patch(os, "fsync", synced)
        self.patch(os, "replace", replaced)
        self.done("add", "alice", password=b"correct horse")
        self.assertEqual(steps, ["file", "name", "folder"])

    def test_waits_for_another(self) -> None:
        """While somebody else changes the file, it waits, and says so."""
        folder = os.open(self.folder, os.O_RDONLY)
        self.addCleanup(os.close, folder)
        fcntl.flock(folder, fcntl.LOCK_EX)
        arguments = ["users", "add", str(self.file), "alice", "--password-stdin"]
        with subprocess.Popen(
            [*COMMAND, *arguments], stdin=subprocess.PIPE, stdout=-1, stderr=subprocess.PIPE
        ) as program:
            assert program.stdin is not None
            assert program.stderr is not None
            program.stdin.write(b"correct horse\n")
            program.stdin.close()
            self.assertIn(b"waiting", program.stderr.readline())
            self.assertFalse(self.file.exists())
            fcntl.flock(folder, fcntl.LOCK_UN)
            self.assertEqual(program.wait(60), 0)
        self.assertIn("alice", self.accounts())

    def test_two_at_once(self) -> None:
        """Several who add an account at the same moment all do."""
        users = [f"user{number}" for number in range(4)]
        programs = [
            subprocess.Popen(
                [*COMMAND, "users", "add", str(self.file), user, "--password-stdin"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for user in users
        ]
        for program in programs:
            program.communicate(b"correct horse\n", timeout=120)
            self.assertEqual(program.returncode, 0)
        self.assertEqual(sorted(self.accounts()), users)
        self.assertTrue(all(is_hash(password) for password, _ in self.accounts().values()))


def _on_its_terminal() -> tuple[str, ...]:
    """Return the program that takes its standard input for its controlling terminal."""
    take = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    return (*COMMAND[:2], take + COMMAND[2])
