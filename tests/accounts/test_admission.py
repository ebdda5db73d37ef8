"""The one way in: who comes, who does not, and how often one may try."""

from __future__ import annotations

from typing import Any

from twisted.cred.portal import IRealm
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from zope.interface import implementer

from tests.kit.inline import HeldThreads, InlineThreads
from tests.kit.users_file import HASH, FileCase
from twisted_chat.accounts.accounts import make_portal
from twisted_chat.accounts.admission import Admission
from twisted_chat.accounts.attempts import Attempts
from twisted_chat.accounts.passwords import Passwords
from twisted_chat.chat.people import Guest
from twisted_chat.chat.user import IUser
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.names import user_name


class FakeMind:
    """A Mind as far as a login needs one."""

    def __init__(self, host: str = "192.0.2.1") -> None:
        self.host = host
        self.port = 4321
        self.door = "test"


@implementer(IRealm)
class FakeRealm:
    """Gives who asks for it: the avatar is the avatar id."""

    refusal: ChatError | None = None

    def requestAvatar(self, avatarId: Any, mind: object, *interfaces: Any) -> Any:
        if self.refusal is not None:
            raise self.refusal
        return interfaces[0], avatarId, lambda: None


class AdmissionTests(FileCase):
    """The one way in."""

    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.realm = FakeRealm()
        self.threads: InlineThreads = InlineThreads()

    def admission(
        self, text: str | None = f"user,password\nalice,{HASH!r}\n", *, guests: bool = False
    ) -> Admission:
        accounts = None if text is None else self.accounts(text)
        portal = make_portal(self.realm, Passwords(self.threads), accounts, guests)
        return Admission(portal, Attempts(self.clock), accounts=accounts is not None)

    def admit(
        self, admission: Admission, user: str, password: str | None = None, token: str | None = None
    ) -> Any:
        mind: Any = FakeMind()
        return self.successResultOf(
            Deferred.fromCoroutine(admission.admit(user, password, token, mind))
        )

    def refused(
        self, admission: Admission, user: str, password: str | None = None, host: str = "192.0.2.1"
    ) -> str:
        mind: Any = FakeMind(host)
        asked = Deferred.fromCoroutine(admission.admit(user, password, None, mind))
        problem: ChatError = self.failureResultOf(asked, ChatError).value
        return problem.code

    def test_accounts(self) -> None:
        """With accounts alone: a password is needed, and has to be right."""
        admission = self.admission()
        self.assertEqual(self.admit(admission, "ALICE", "wonderland"), b"alice")
        for user, password in (
            ("alice", "x"),
            ("alice", ""),
            ("alice", "\ud800"),
            ("bob", "wonderland"),
            ("alice", None),
            ("bob", None),
        ):
            self.clock.advance(60)
            self.assertEqual(self.refused(admission, user, password), "bad-credentials")

    def test_accounts_and_guests(self) -> None:
        """With guests beside accounts: a name of one's own is enough, an account's is not."""
        admission = self.admission(guests=True)
        self.assertEqual(self.admit(admission, "alice", "wonderland"), b"alice")
        self.assertEqual(self.admit(admission, "bob", None, "t"), Guest(user_name("bob"), "t"))
        self.assertEqual(self.refused(admission, "Alice"), "bad-credentials")
        self.assertEqual(self.refused(admission, "bob", "wonderland"), "bad-credentials")

    def test_guests(self) -> None:
        """With guests alone: a password says nothing."""
        admission = self.admission(None)
        self.assertEqual(self.admit(admission, "alice", "x"), Guest(user_name("alice")))
        self.assertEqual(self.threads.ran, 0)

    def test_names(self) -> None:
        """A name that is none is refused before anything is verified or counted."""
        admission = self.admission(guests=True)
        for _ in range(10):
            for password in ("wonderland", None):
                for name in ("", "a b", "#a", "a" * 33, "\ud800"):
                    self.assertEqual(self.refused(admission, name, password), "invalid-name")
        self.assertEqual(self.threads.ran, 0)

    def test_too_many_attempts(self) -> None:
        """After five failures nothing from that address is verified; others get in."""
        admission = self.admission(guests=True)
        for _ in range(5):
            self.assertEqual(self.refused(admission, "alice", "x"), "bad-credentials")
        for password in ("x", "wonderland", None):
            self.assertEqual(self.refused(admission, "alice", password), "too-many-attempts")
        self.assertEqual(self.threads.ran, 5)
        self.assertEqual(self.refused(admission, "alice", "x", "192.0.2.2"), "bad-credentials")
        self.clock.advance(60)
        self.admit(admission, "alice", "wonderland")

    def test_a_typist(self) -> None:
        """Who gets in at the fifth try may mistype four times again."""
        admission = self.admission()
        for _ in range(3):
            for _ in range(4):
                self.assertEqual(self.refused(admission, "alice", "x"), "bad-credentials")
            self.admit(admission, "alice", "wonderland")

    def test_looking_for_accounts(self) -> None:
        """A guest who tries the names of accounts is slowed like who tries passwords."""
        admission = self.admission(guests=True)
        for _ in range(5):
            self.assertEqual(self.refused(admission, "alice"), "bad-credentials")
        self.assertEqual(self.refused(admission, "bob"), "too-many-attempts")

    def test_refused_by_the_chat(self) -> None:
        """What the chat refuses is told as it is, and is no failure."""
        admission = self.admission(guests=True)
        self.realm.refusal = ChatError("name-in-use", "Somebody is here.")
        for _ in range(10):
            self.assertEqual(self.refused(admission, "bob"), "name-in-use")
            self.assertEqual(self.refused(admission, "alice", "wonderland"), "name-in-use")

    def test_parallel_guesses(self) -> None:
        """Guesses at the same moment on many connections are verified five at most."""
        self.threads = threads = HeldThreads()
        admission = self.admission()
        mind: Any = FakeMind()
        asked = [
            Deferred.fromCoroutine(admission.admit("alice", f"{number}", None, mind))
            for number in range(50)
        ]
        while threads.held:
            threads.release()
        codes = [self.failureResultOf(one, ChatError).value.code for one in asked]
        self.assertEqual(codes, ["bad-credentials"] * 5 + ["too-many-attempts"] * 45)
        self.assertEqual(threads.ran, 5)

    def test_gone_while_waiting(self) -> None:
        """A login that is given up before its turn counts for nothing, and leaves nothing."""
        self.threads = threads = HeldThreads()
        admission = self.admission()
        mind: Any = FakeMind()
        asked = [
            Deferred.fromCoroutine(admission.admit("alice", "wonderland", None, mind))
            for _ in range(10)
        ]
        for one in asked:
            one.cancel()
            self.failureResultOf(one, CancelledError)
        while threads.held:
            threads.release()
        self.assertEqual(threads.ran, 1)
        self.assertEqual(admission.attempts._lines, {})
        later = Deferred.fromCoroutine(admission.admit("alice", "wonderland", None, mind))
        threads.release()
        self.assertEqual(self.successResultOf(later), b"alice")

    def test_gone_while_verified(self) -> None:
        """Who hangs up before each answer has guessed all the same, and no more than others."""
        self.threads = threads = HeldThreads()
        admission = self.admission()
        mind: Any = FakeMind()
        for _ in range(10):
            asked = Deferred.fromCoroutine(admission.admit("alice", "x", None, mind))
            asked.addErrback(lambda _: None)
            asked.cancel()
            while threads.held:
                threads.release()
        self.assertEqual(threads.ran, 5)
        self.assertEqual(self.refused(admission, "alice", "wonderland"), "too-many-attempts")

    def test_interface_asked_for(self) -> None:
        """What is asked of the realm is a User."""
        asked: list[Any] = []

        def request(avatar: Any, mind: object, *interfaces: Any) -> Any:
            asked.append((avatar, mind, interfaces))
            return interfaces[0], avatar, lambda: None

        self.patch(self.realm, "requestAvatar", request)
        self.admit(self.admission(None), "alice")
        ((_, mind, interfaces),) = asked
        self.assertIsInstance(mind, FakeMind)
        self.assertEqual(interfaces, (IUser,))
