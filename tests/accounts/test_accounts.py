"""Accounts and guests: who is in the file, what proves it, and whose name may be taken."""

from __future__ import annotations

import builtins
import errno
import os
from pathlib import Path

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword, UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, formatEvent
from zope.interface.verify import verifyObject

from tests.kit.inline import HeldThreads, InlineThreads
from tests.kit.users_file import HASH, FileCase, is_operator
from twisted_chat.accounts import accounts as accounts_module
from twisted_chat.accounts import users_file
from twisted_chat.accounts.accounts import (
    SMALL,
    AccountChecker,
    Accounts,
    GuestChecker,
    GuestName,
    IGuestName,
)
from twisted_chat.accounts.kept import KeptAccounts, record_of
from twisted_chat.accounts.passwords import Passwords, is_hash
from twisted_chat.accounts.roll import RESERVED_SECONDS
from twisted_chat.accounts.users_file import Account, AccountsError, parse
from twisted_chat.chat.people import Guest
from twisted_chat.log.memory import MemoryLog
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.names import Name, user_name

ROOT = Path(__file__).parent.parent.parent


class AccountsTests(FileCase):
    """The accounts that are in force."""

    def test_get(self) -> None:
        """An account is found by its compared name, and shown as it was written."""
        accounts = self.accounts("user,password,role\nAlice,a,operator\nbob,b,\n")
        found = accounts.get("alice")
        assert found is not None
        self.assertEqual(found.name.text, "Alice")
        self.assertIsNone(accounts.get("Alice"))
        self.assertTrue(is_operator(accounts, "alice"))
        self.assertFalse(is_operator(accounts, "bob"))
        self.assertFalse(is_operator(accounts, "carol"))

    def test_first_reading(self) -> None:
        """A file that can not be used at the start is refused in one line that names it."""
        for path, reason in (
            (self.folder / "none", "No such file"),
            (self.folder, "not a regular file"),
            (Path("/dev/null"), "not a regular file"),
            (self.file / "x", "can not be read"),
            ("a\0b", "null"),
            ("a\nb", "No such file"),
        ):
            self.write("user,password\n")
            said = str(self.assertRaises(AccountsError, Accounts, path))
            self.assertIn(reason, said)
            self.assertNotIn("\n", said)

    def test_passwords_are_not_shown(self) -> None:
        """No representation of an account or of a refusal holds a password."""
        accounts = self.accounts("user,password\nalice,secret\n")
        self.assertNotIn("secret", repr(accounts.get("alice")))
        self.assertNotIn("secret", repr(parse(self.file.read_bytes(), "users.csv")))
        self.assertNotIn("secret", repr(GuestName("alice", "secret")))

    def test_plain_text_is_warned_about_once(self) -> None:
        """At the start, one warning names who has a plain-text password, and no password."""
        accounts = self.accounts(f"user,password\nalice,secret\nbob,{HASH!r}\ncarol,secret\n")
        (warning,) = self.logged
        self.assertEqual(warning["log_level"], LogLevel.warn)
        self.assertEqual((warning["count"], warning["users"]), (2, "alice, carol"))
        self.assertNotIn("secret", str(warning))
        self.write("user,password\nalice,secret2\n")
        with capturedLogs() as logged:
            accounts.refresh()
        self.assertEqual([one["log_level"] for one in logged], [LogLevel.info])
        self.accounts(f"user,password\nbob,{HASH!r}\n")
        self.assertEqual(list(self.logged), [])

    def test_plain_text_in_a_database_too(self) -> None:
        """Accounts that the log keeps are warned about when they are loaded."""
        log = MemoryLog(Clock())
        for name, password in (("alice", "secret"), ("bob", HASH)):
            self.successResultOf(log.keep([record_of(Account(user_name(name), password))]))
        with capturedLogs() as logged:
            self.successResultOf(Deferred.fromCoroutine(KeptAccounts(log).load()))
        (warning,) = (event for event in logged if event["log_level"] == LogLevel.warn)
        self.assertEqual((warning["count"], warning["users"]), (1, "alice"))
        self.assertNotIn("secret", str(warning))

    def test_changed(self) -> None:
        """A changed file is read again: replaced, or written in place."""
        accounts = self.accounts("user,password,role\nalice,a,operator\n")
        self.write("user,password,role\nalice,a,\nbob,b,\n")
        accounts.refresh()
        self.assertFalse(is_operator(accounts, "alice"))
        self.assertIsNotNone(accounts.get("bob"))
        with self.file.open("a") as file:
            file.write("carol,c,operator\n")
        accounts.refresh()
        self.assertTrue(is_operator(accounts, "carol"))

    def test_unchanged(self) -> None:
        """A file that has not changed is not read."""
        accounts = self.accounts()
        self.patch(users_file, "read", lambda *_: self.fail("it was read"))
        accounts.refresh()

    def test_broken(self) -> None:
        """A broken file is refused and logged once, with line and reason; the old is in force."""
        accounts = self.accounts("user,password,role\nalice,a,operator\n")
        for broken in ("user,password\nalice,a\nbob\n", "user,password\ncarol,c\nbob\n"):
            self.write(broken)
            with capturedLogs() as logged:
                accounts.refresh()
                accounts.refresh()
            (event,) = logged
            self.assertEqual(event["log_level"], LogLevel.error)
            self.assertEqual((event["file"], event["line"]), (str(self.file), 3))
            self.assertIn("columns is 1, not 2", event["reason"])
            self.assertTrue(is_operator(accounts, "alice"))
        self.write("user,password\nbob,b\n")
        accounts.refresh()
        self.assertIsNone(accounts.get("alice"))
        self.assertIsNotNone(accounts.get("bob"))

    def test_gone_and_back(self) -> None:
        """While the file is away, what was read is in force; that is said once."""
        accounts = self.accounts()
        self.file.rename(self.folder / "away")
        with capturedLogs() as logged:
            accounts.refresh()
            accounts.refresh()
        self.assertEqual(len(logged), 1)
        self.assertIsNotNone(accounts.get("alice"))
        self.write("user,password\nbob,b\n")
        accounts.refresh()
        self.assertIsNone(accounts.get("alice"))

    def test_not_readable_for_a_moment(self) -> None:
        """A changed file that the system did not give (no descriptor was left) is tried again."""
        accounts = self.accounts()
        self.write("user,password\nbob,b\n")
        real = open

        def no_descriptor(*_: object) -> None:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

        self.patch(builtins, "open", no_descriptor)
        with capturedLogs() as logged:
            accounts.refresh()
            accounts.refresh()
        self.patch(builtins, "open", real)
        self.assertEqual(len(logged), 1)
        self.assertIsNotNone(accounts.get("alice"))
        accounts.refresh()
        self.assertIsNotNone(accounts.get("bob"))

    def test_a_large_file(self) -> None:
        """A large file is read beside the reactor; until that is done the old one is in force."""
        self.accounts()
        threads = HeldThreads()
        accounts = Accounts(self.file, threads.run)
        rows = "".join(f"user{number},{'x' * 100}\n" for number in range(SMALL // 100))
        self.write(f"user,password\n{rows}")
        accounts.refresh()
        accounts.refresh()
        self.assertIsNotNone(accounts.get("alice"))
        self.assertEqual(len(threads.held), 1)
        self.write(f"user,password\n{rows}bob,b\n")
        threads.release()
        self.assertIsNone(accounts.get("alice"))
        accounts.refresh()
        threads.release()
        self.assertIsNotNone(accounts.get("bob"))
        self.write(f"user,password\n{rows}bob\n")
        with capturedLogs() as logged:
            accounts.refresh()
            threads.release()
            accounts.refresh()
        self.assertEqual(len(logged), 1)
        self.assertEqual(threads.held, [])
        self.assertIsNotNone(accounts.get("bob"))

    def test_readable_again(self) -> None:
        """A file that only becomes readable again has changed, though nothing in it has."""
        self.accounts()
        before = accounts_module._state(str(self.file))
        self.file.chmod(0o600 if self.file.stat().st_mode & 0o77 else 0o640)
        self.assertNotEqual(accounts_module._state(str(self.file)), before)

    def test_known_names_cost_nothing(self) -> None:
        """Reading a changed file again judges new names alone: 100,000 must not hold us up."""
        accounts = self.accounts("user,password\nalice,a\nbob,b\n")
        judged: list[str] = []

        def counted(raw: str) -> Name:
            judged.append(raw)
            return user_name(raw)

        self.patch(users_file, "user_name", counted)
        self.write("user,password\nalice,a2\nbob,b\ncarol,c\n")
        accounts.refresh()
        self.assertEqual(judged, ["carol"])

    def test_example(self) -> None:
        """etc/users.csv works as it is, with the passwords of etc/README.md, and a warning."""
        text = (ROOT / "etc" / "README.md").read_text(encoding="utf-8")
        with capturedLogs() as logged:
            accounts = Accounts(ROOT / "etc" / "users.csv")
        (warning,) = logged
        self.assertEqual(warning["log_level"], LogLevel.warn)
        self.assertIn("knows the passwords of alice, bob, carol", formatEvent(warning))
        checker = AccountChecker(accounts, Passwords(InlineThreads()))
        for name in ("alice", "bob", "carol"):
            account = accounts.get(name)
            assert account is not None
            self.assertTrue(is_hash(account.password))
            self.assertEqual(is_operator(accounts, name), name == "carol")
            self.assertIn(f"`{name}-changeme`", text)
            given = UsernamePassword(name.encode(), f"{name}-changeme".encode())
            self.assertEqual(self.successResultOf(checker.requestAvatarId(given)), name.encode())


class AccountCheckerTests(FileCase):
    """A name and a password."""

    def checker(self, text: str) -> AccountChecker:
        self.threads = InlineThreads()
        return AccountChecker(self.accounts(text), Passwords(self.threads))

    def test_interface(self) -> None:
        """It is what twisted.cred takes for a checker."""
        checker = self.checker("user,password\n")
        self.assertTrue(verifyObject(ICredentialsChecker, checker))
        self.assertEqual(list(checker.credentialInterfaces), [IUsernamePassword])

    def test_right(self) -> None:
        """The right password gives the name as the file has it; the case of a name is one."""
        checker = self.checker(f"user,password\nAlice,{HASH!r}\nÄnne,plän\n")
        for user, password, name in (
            ("Alice", "wonderland", "Alice"),
            ("aLICE", "wonderland", "Alice"),
            ("Änne", "plän", "Änne"),
            ("a\u0308nne", "pla\u0308n", "Änne"),
        ):
            given = UsernamePassword(user.encode(), password.encode())
            self.assertEqual(self.successResultOf(checker.requestAvatarId(given)), name.encode())

    def test_wrong(self) -> None:
        """Whatever is wrong is an UnauthorizedLogin that says no more than that."""
        checker = self.checker(f"user,password\nalice,{HASH!r}\nbob,plain\n")
        for user, password in (
            (b"alice", b"Wonderland"),
            (b"alice", b""),
            (b"alice", HASH.encode()),
            (b"alice", b"\xff"),
            (b"bob", b"plain "),
            (b"bob", b""),
            (b"bob", b"\xff\x00"),
            (b"carol", b"wonderland"),
            (b"", b""),
            (b"\xff", b"wonderland"),
            (b"al ice", b"wonderland"),
            (b"x" * 10_000, b"wonderland"),
        ):
            given = UsernamePassword(user, password)
            failure = self.failureResultOf(checker.requestAvatarId(given), UnauthorizedLogin)
            self.assertEqual(str(failure.value), "")

    def test_same_work(self) -> None:
        """Unknown, wrong, right, hashed, plain: each costs one verification of a real hash."""
        checker = self.checker(f"user,password\nbob,plain\nalice,{HASH!r}\n")
        verified: list[str] = []
        real = checker.passwords.verify

        def verify(hash: str, password: str) -> Deferred[bool]:
            verified.append(hash)
            return real(hash, password)

        self.patch(Passwords, "verify", lambda _, hash, password: verify(hash, password))
        asked = [(b"carol", b"x"), (b"alice", b"x"), (b"bob", b"x"), (b"\xff", b"\xff")]
        asked += [(b"alice", b"wonderland"), (b"bob", b"plain")]
        for user, password in asked:
            checker.requestAvatarId(UsernamePassword(user, password)).addErrback(lambda _: None)
        self.assertEqual(verified, [HASH] * len(asked))
        self.assertEqual(self.threads.ran, len(asked))

    def test_decoy(self) -> None:
        """Where the file has no hash at all, there is one all the same."""
        for text in ("user,password\n", "user,password\nbob,plain\n"):
            checker = self.checker(text)
            checker.requestAvatarId(UsernamePassword(b"x", b"x")).addErrback(lambda _: None)
            self.assertEqual(self.threads.ran, 1)
            self.assertTrue(is_hash(checker.accounts.decoy))

    def test_file_is_read_again(self) -> None:
        """A login sees the file as it is then."""
        checker = self.checker("user,password\nalice,a\n")
        self.write("user,password\nalice,b\n")
        for password, right in ((b"a", False), (b"b", True)):
            asked = checker.requestAvatarId(UsernamePassword(b"alice", password))
            if right:
                self.successResultOf(asked)
            else:
                self.failureResultOf(asked, UnauthorizedLogin)

    def test_too_many_wait(self) -> None:
        """When too many wait for their verification, the next is told so."""
        checker = AccountChecker(self.accounts(), Passwords(HeldThreads(), limit=1))
        asked = [checker.requestAvatarId(UsernamePassword(b"alice", b"x")) for _ in range(3)]
        self.assertNoResult(asked[1])
        problem: ChatError = self.failureResultOf(asked[2], ChatError).value
        self.assertEqual(problem.code, "server-full")


class GuestCheckerTests(FileCase):
    """A name alone."""

    def test_interface(self) -> None:
        """It is what twisted.cred takes for a checker."""
        self.assertTrue(verifyObject(ICredentialsChecker, GuestChecker(None)))
        self.assertTrue(verifyObject(IGuestName, GuestName("alice")))

    def test_guest(self) -> None:
        """A guest is its valid name and its token."""
        guest = GuestChecker(None).requestAvatarId(GuestName("Dora", "t"))
        self.assertEqual(guest, Guest(user_name("Dora"), "t"))
        self.assertEqual(str(guest.name), "Dora")
        with self.assertRaises(ChatError) as refused:
            GuestChecker(None).requestAvatarId(GuestName("a b"))
        self.assertEqual(refused.exception.code, "invalid-name")

    def test_names_of_accounts(self) -> None:
        """An account's name is not for guests, in whichever case; nor is a new account's."""
        checker = GuestChecker(self.accounts("user,password\nalice,a\n"))
        for name in ("alice", "ALICE"):
            with self.assertRaises(UnauthorizedLogin):
                checker.requestAvatarId(GuestName(name))
        checker.requestAvatarId(GuestName("bob"))
        self.write("user,password\nbob,b\n")
        with self.assertRaises(UnauthorizedLogin):
            checker.requestAvatarId(GuestName("bob"))

    def test_names_of_removed_accounts(self) -> None:
        """A file that is short for a moment gives no name away; ten minutes later it does."""
        now = [0.0]
        self.write("user,password\nalice,a\nbob,b\n")
        with capturedLogs():
            accounts = Accounts(self.file, seconds=lambda: now[0])
        checker = GuestChecker(accounts)
        self.write("user,password\n")
        for seconds in (0, RESERVED_SECONDS - 1):
            now[0] = seconds
            with self.assertRaises(UnauthorizedLogin):
                checker.requestAvatarId(GuestName("Alice"))
        self.assertIsNone(accounts.get("alice"))
        self.write("user,password\nbob,b\n")  # it was away, and has been seen again
        accounts.refresh()
        self.write("user,password\n")
        accounts.refresh()
        now[0] += 1
        checker.requestAvatarId(GuestName("alice"))
        with self.assertRaises(UnauthorizedLogin):
            checker.requestAvatarId(GuestName("bob"))
