"""What a users file may look like, and what is said of one that can not be used."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.accounts import users_file
from twisted_chat.accounts.passwords import DECOY as HASH
from twisted_chat.accounts.users_file import Account, AccountsError, parse
from twisted_chat.vocabulary.names import user_name


class ParseTests(SynchronousTestCase):
    """What a users file may look like."""

    def parsed(self, data: str | bytes) -> list[tuple[str, str, bool]]:
        found = parse(data.encode() if isinstance(data, str) else data, "users.csv")
        return [(one.name.text, one.password, one.operator) for one in found.accounts]

    def refused(self, data: str | bytes) -> str:
        problem = self.assertRaises(AccountsError, self.parsed, data)
        return str(problem)

    def test_columns(self) -> None:
        """The role may be empty or left out, in a row or in the whole file."""
        self.assertEqual(
            self.parsed("user,password,role\nalice,a,operator\nbob,b,\ncarol,c\n"),
            [("alice", "a", True), ("bob", "b", False), ("carol", "c", False)],
        )
        self.assertEqual(self.parsed("user,password\nalice,a"), [("alice", "a", False)])

    def test_what_programs_write(self) -> None:
        """A byte order mark, CRLF, blank rows, capitals and spaces in the header are fine."""
        self.assertEqual(
            self.parsed(b'\xef\xbb\xbf\r\nUser, Password ,ROLE\r\n\r\nalice,"a"\r\n,,\r\n \r\n'),
            [("alice", "a", False)],
        )
        self.assertEqual(self.parsed("user,password\n"), [])

    def test_passwords(self) -> None:
        """A password is taken as it is: spaces, quotes, commas, lines and all."""
        self.assertEqual(
            self.parsed('user,password\na, b \nb,"c,""d"""\nc,"e\nf"\nd,#$%\n'),
            [("a", " b ", False), ("b", 'c,"d"', False), ("c", "e\nf", False), ("d", "#$%", False)],
        )

    def test_refusals(self) -> None:
        """One line says which file, which line, and why; and it never quotes a cell."""
        for data, line, reason in (
            ("", 1, "no header"),
            ("\n\n", 1, "no header"),
            ("alice,secret\n", 1, "first line has to be user,password or user,password,role"),
            ("\nuser,secret\n", 2, "first line has to be"),
            ("user,password,secret\n", 1, "first line has to be"),
            ("user,password\nalice\n", 2, "columns is 1, not 2"),
            ("user,password\nalice,se,cret\n", 2, "columns is 3, not 2"),
            ("user,password\nalice,'secret'\n'', secret\n", 3, "not valid: A user name can not"),
            ("user,password\nal ice,secret\n", 2, "not valid: A user name has letters"),
            ("user,password\n#alice,secret\n", 2, "not valid: A user name has none of these"),
            ("user,password\n" + "a" * 33 + ",secret\n", 2, "at most 32 characters"),
            ("user,password\nalice,secret\n\nAlice,secret\n", 4, "Alice is on line 2 already"),
            ("user,password\nalice,''\n", 2, "alice has no password"),
            ("user,password,role\nalice,x,secret\n", 2, "neither empty nor operator"),
            ("user,password\nalice,$2b$12$" + "x" * 53 + "\n", 2, "damaged hash or one of another"),
            (f"user,password\nalice,{HASH[:-50]!r}\n", 2, "damaged hash or one of another"),
            ("user,password\nalice,'secret\n", 2, "not well-formed CSV"),
            ("user,password\nalice,'secret'secret\n", 2, "not well-formed CSV"),
            ("user,password\nalice,'a\nb'\nbob,\n", 4, "bob has no password"),
            ("user,password\ralice,secret\r", 1, "not well-formed CSV"),
            (b"user,password\nalice,a\nbob,\xff\n", 3, "not UTF-8"),
            ("user,password\n".encode("utf-16"), 1, "not UTF-8"),
        ):
            text = data.replace("'", '"') if isinstance(data, str) else data
            said = self.refused(text)
            self.assertTrue(said.startswith(f"users.csv, line {line}: "), (text, said))
            self.assertIn(reason, said)
            self.assertNotIn("secret", said)
            self.assertNotIn("\n", said)

    def test_too_large(self) -> None:
        """A file without end is refused, whatever is in it."""
        self.assertIn("larger than", self.refused(b"\n" * (users_file.MAX_FILE + 1)))

    @given(
        st.binary(max_size=200)
        | st.text(alphabet=st.sampled_from('user,password\n\r"al $\0\ufeff'), max_size=60).map(
            lambda text: text.encode("utf-8")
        )
        | st.binary(max_size=100).map(lambda data: b"user,password,role\n" + data)
        | st.lists(st.lists(st.text(max_size=8), max_size=4), max_size=5).map(
            lambda rows: ("user,password\n" + "\n".join(map(",".join, rows))).encode(
                "utf-8", "surrogatepass"
            )
        )
    )
    def test_any_bytes(self, data: bytes) -> None:
        """Any bytes are accounts with valid, different names, or one line that says why not."""
        try:
            found = parse(data, "users.csv")
        except AccountsError as problem:
            self.assertRegex(str(problem), r"\Ausers\.csv(, line [1-9]\d*)?: [^\n\r]+\.\Z")
            return
        self.assertEqual(found.encode(), data)
        accounts = list(found.accounts)
        self.assertEqual(len({one.name.key for one in accounts}), len(accounts))
        for one in accounts:
            self.assertEqual(user_name(one.name.text), one.name)
            self.assertTrue(one.password)

    @given(
        st.dictionaries(
            st.from_regex(r"[a-z]{1,4}", fullmatch=True),
            st.tuples(
                st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
                    lambda text: text[0] != "$"
                ),
                st.booleans(),
            ),
            min_size=1,
            max_size=5,
        ),
        st.sampled_from(["\n", "\r\n"]),
        st.data(),
    )
    def test_changing_one(
        self, users: dict[str, tuple[str, bool]], newline: str, data: st.DataObject
    ) -> None:
        """Whatever passwords are: what is written is read, and one change changes one account."""
        file = parse(f"user,password{newline}".encode(), "users.csv")
        for name, (password, operator) in users.items():
            file = file.with_account(Account(user_name(name), password, operator))
        file = parse(file.encode(), "users.csv")
        self.assertEqual(
            {one.name.text: (one.password, one.operator) for one in file.accounts}, users
        )
        one = data.draw(st.sampled_from(sorted(users)))
        changed = parse(file.with_account(Account(user_name(one), "new")).encode(), "users.csv")
        removed = parse(file.without(one).encode(), "users.csv")
        self.assertEqual([a.name.text for a in changed.accounts], list(users))
        self.assertEqual([a.name.text for a in removed.accounts], [n for n in users if n != one])
        for account in changed.accounts:
            kept = users[account.name.text] if account.name.text != one else ("new", False)
            self.assertEqual((account.password, account.operator), kept)
