"""What every log promises of lives and records: a part of LogTests."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from tests.kit.logs import DEV, OPS, LogCase
from twisted_chat.log.contract import KEPT, Entry, Life, Record, Settings, Unreadable


class KeepingSuite(LogCase):
    """Promises about what a log keeps beside texts. See LogTests."""

    # --- lives -----------------------------------------------------------------------------

    def test_a_life_is_kept_as_it_is(self) -> None:
        """All that a life says is there again, and its head and first are the log's."""
        self.assertEqual(list(self.log.lives()), [])
        direct = Life(
            epoch="é1", key="@ä,b", name="@Ä,B", direct=("ä", "b"), password="$argon2id$x"
        )
        self.begin(OPS, evolve(DEV, head=7, first=3), direct)
        self.say("one", "two")
        self.got(self.log.amend(DEV.epoch, topic="new \0 topic"))
        self.assertCountEqual(
            self.log.lives(), [evolve(OPS, head=2), evolve(DEV, topic="new \0 topic"), direct]
        )

    def test_settings(self) -> None:
        """Each setting can be changed, alone and with others, and the rest stays as it is."""
        changes: Settings = {
            "owner": "bob",
            "topic": "t",
            "keep": True,
            "password": "$argon2id$x",
            "invite": True,
            "moderated": True,
            "hidden": True,
            "open_topic": True,
            "limit": 7,
        }
        ops, dev = OPS, evolve(DEV, **changes)
        self.begin(ops, dev)
        for name, value in changes.items():
            change: Any = {name: value}
            self.got(self.log.amend(OPS.epoch, **change))
            ops = evolve(ops, **change)
            self.assertCountEqual(self.log.lives(), [ops, dev])
        self.got(self.log.amend(DEV.epoch, owner=None, password=None, limit=0, keep=False))
        self.got(self.log.amend(OPS.epoch))
        dev = evolve(dev, owner=None, password=None, limit=0, keep=False)
        self.log = self.reopened(self.log) or self.log
        self.assertCountEqual(self.log.lives(), [ops, dev])

    def test_a_life_begins_once(self) -> None:
        """Neither an epoch nor a key is there twice; what is there is left as it is."""
        self.begin()
        self.say("hello")
        self.refused(self.log.create(evolve(DEV, epoch=OPS.epoch)))
        self.refused(self.log.create(evolve(DEV, key=OPS.key)))
        self.assertEqual(list(self.log.lives()), [evolve(OPS, head=1)])

    def test_lives_of_a_key_follow_one_another(self) -> None:
        """A deleted session's texts are gone; the next of its name begins at 1, with nothing."""
        self.begin()
        self.say("old secret", "another")
        self.got(self.log.delete(OPS.epoch))
        self.assertEqual(list(self.log.lives()), [])
        self.refused(self.log.read(OPS.epoch, 0, 9), Unreadable)
        self.refused(self.append(OPS.epoch, [Entry("a", "too late")]))
        again = evolve(OPS, epoch="ops-2")
        self.begin(again)
        self.assertEqual(self.found("secret", again), [])
        (text,) = self.say("new", life=again)
        self.assertEqual(text.seq, 1)
        self.assertEqual(self.all_of(again), [text])

    # --- records ---------------------------------------------------------------------------

    def kept(self, kind: str, *args: Any, **kwargs: Any) -> list[tuple[str, str, bytes | None]]:
        found = self.got(self.log.kept(kind, *args, **kwargs))
        self.assertLessEqual({(record.kind, record.when) for record in found}, {(kind, "always")})
        return [(record.scope, record.key, record.value) for record in found]

    def keep(self, *records: Record) -> list[bool]:
        took: list[bool] = self.got(self.log.keep(records))
        return took

    def test_a_record_takes_effect_or_not(self) -> None:
        """Always, where there is none, or where it is more; and all of a call in its order."""
        self.begin()
        for when, value, takes, left in (
            ("rising", b"05", True, b"05"),
            ("rising", b"05", False, b"05"),
            ("rising", b"049", False, b"05"),
            ("rising", b"051", True, b"051"),
            ("absent", b"9", False, b"051"),
            ("always", b"\0\xff", True, b"\0\xff"),
            ("always", b"\0\xff", True, b"\0\xff"),
            ("rising", b"\xff", True, b"\xff"),
            ("always", b"", True, b""),
            ("absent", b"x", False, b""),
            ("rising", b"\0", True, b"\0"),
        ):
            record = Record("marker", OPS.epoch, "älice", value, when)  # type: ignore[arg-type]
            self.assertEqual(self.keep(record), [takes])
            self.assertEqual(self.kept("marker"), [(OPS.epoch, "älice", left)])
        self.assertEqual(self.keep(), [])
        at = ("token", "user:bob", "t1")
        self.assertEqual(
            self.keep(
                Record(*at, None),
                Record(*at, b"1", "absent"),
                Record(*at, b"2", "absent"),
                Record(*at, None, "rising"),
                Record(*at, None),
                Record(*at, b"3", "absent"),
            ),
            [False, True, False, True, False, True],
        )
        self.assertEqual(self.kept("token"), [("user:bob", "t1", b"3")])

    def test_records_are_found(self) -> None:
        """By kind, scope and key, in order, in pages; and they outlive a restart."""
        self.begin(OPS, DEV)
        self.got(self.log.keep([Record("other", "", "x", b"")]))
        everything = sorted(
            (scope, key)
            for scope in ("", OPS.epoch, DEV.epoch, "user:bob", "user:é")
            for key in ("a", "b", "é", "\U0001f600", "\uffff")
        )
        self.assertEqual(
            self.keep(*(Record("k", *at, b"v") for at in reversed(everything))), [True] * 25
        )
        self.log = self.reopened(self.log) or self.log

        def found(*args: Any, **kwargs: Any) -> list[tuple[str, str]]:
            return [(scope, key) for scope, key, _ in self.kept("k", *args, **kwargs)]

        self.assertEqual(found(), everything)
        for scope, key in [("", "a"), (OPS.epoch, "é"), ("user:é", "\uffff"), ("user:x", "a")]:
            of_scope = [at for at in everything if at[0] == scope]
            self.assertEqual(found(scope), of_scope)
            self.assertEqual(found(key=key), [at for at in everything if at[1] == key])
            self.assertEqual(found(scope, key=key), [at for at in of_scope if at[1] == key])
            self.assertEqual(found(scope, after=key), [at for at in of_scope if at[1] > key])
            beyond = [at for at in everything if at > (scope, key)]
            self.assertEqual(found(after=(scope, key)), beyond)
            self.assertEqual(
                found(after=(scope, key), limit=3),
                beyond[:3],
            )
        self.assertEqual(found(limit=7), everything[:7])
        self.assertEqual(found(limit=0), [])
        self.assertEqual(self.kept("none"), [])
        many = [Record("many", "", f"{n:05}", b"") for n in range(KEPT + 5)]
        self.keep(*many)
        self.assertEqual(len(self.kept("many")), KEPT)
        self.assertEqual(len(self.kept("many", limit=KEPT + 1)), KEPT)
        self.assertEqual(len(self.kept("many", "", after=f"{KEPT - 1:05}")), 5)

    def test_records_end_with_their_life(self) -> None:
        """A life's records go with it at once, and those of others and of the server stay."""
        self.begin(OPS, DEV)
        for scope in ("", OPS.epoch, DEV.epoch, "user:bob"):
            self.keep(*(Record("k", scope, f"{n:04}", b"v") for n in range(600)))
        self.got(self.log.delete(OPS.epoch))
        self.assertEqual(self.kept("k", OPS.epoch), [])
        self.assertEqual(
            [scope for scope, _, _ in self.kept("k", key="0001")], ["", DEV.epoch, "user:bob"]
        )
        self.refused(self.log.keep([Record("k", "", "z", b""), Record("k", OPS.epoch, "z", b"")]))
        self.assertEqual(self.kept("k", "", key="z"), [])
        self.begin(evolve(OPS, epoch="ops-2"))
        self.assertEqual(self.kept("k", "ops-2"), [])
