"""Names: one rule for every door."""

from __future__ import annotations

import unicodedata

from hypothesis import assume, example, given
from hypothesis import strategies as st
from precis_i18n import get_profile
from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.names import (
    MAX_SESSION_NAME,
    MAX_USER_NAME,
    RESERVED,
    Name,
    _prepared,
    key_of,
    session_name,
    user_name,
)

LETTERS = "aZz09_-.+~|()[]{}^=;`éÉßẞİıſσςΣÅÅñﬁ中あア한اب٣אבกि🙂́‍ \t\n\0­"
likely = st.text(st.sampled_from(LETTERS), max_size=70)
"""Strings of the characters where rules begin and end: most of what st.text makes is no name."""

anything = st.text() | likely | st.text(st.characters(categories=("L", "N", "M")), max_size=40)

SHOWN = {
    "alice": ("alice", "alice"),
    "Alice": ("Alice", "alice"),
    "JÖRG": ("JÖRG", "jörg"),
    "Jo\u0308rg": ("J\u00f6rg", "j\u00f6rg"),  # composed: NFC
    "\uff22\uff4f\uff42": ("Bob", "bob"),  # full width becomes plain
    "ΣΊΣΥΦΟΣ": ("ΣΊΣΥΦΟΣ", "σίσυφος"),
    "中文": ("中文", "中文"),
    "אבג": ("אבג", "אבג"),
    "a.b-c+d_e": ("a.b-c+d_e", "a.b-c+d_e"),
    "~[x]{y}|^`=;()": ("~[x]{y}|^`=;()", "~[x]{y}|^`=;()"),
    "7": ("7", "7"),
}

REFUSED = (
    "",
    " ",
    "two words",
    "tab\there",
    "line\nbreak",
    "nul\0",
    "bell\a",
    "esc\x1b[31m",
    "del\x7f",
    "c1\x9b",
    "non\u00a0breaking",
    "wide\u3000space",
    "zero\u200bwidth",
    "soft\u00adhyphen",
    "bidi\u202eoverride",
    "bom\ufeff",
    "lone\ud800",
    "private\ue000",
    "smile🙂",
    "א1a",  # letters of both directions (RFC 5893)
    "\u0301alice",  # a mark without its letter
    "-alice",
    ".alice",
    "+alice",
    *(f"a{mark}b" for mark in sorted(RESERVED)),
    *(f"{mark}a" for mark in sorted(RESERVED)),
)


class NameTests(SynchronousTestCase):
    def test_shown_as_written(self) -> None:
        """A name is shown in its composed form with its case kept, and compared without case."""
        for raw, (text, key) in SHOWN.items():
            for make in (user_name, session_name):
                name = make(raw)
                self.assertEqual((name.text, name.key, str(name)), (text, key, text))

    def test_refused(self) -> None:
        """What some door could not carry, or a person could not tell from another, is no name."""
        for raw in REFUSED:
            for make in (user_name, session_name):
                with self.assertRaises(ChatError, msg=ascii(raw)) as refused:
                    make(raw)
                self.assertEqual(refused.exception.code, "invalid-name")

    def test_lengths(self) -> None:
        """32 characters for a user and 64 for a session; not one more."""
        for make, longest in ((user_name, MAX_USER_NAME), (session_name, MAX_SESSION_NAME)):
            for letter in "aÉ中":
                self.assertEqual(len(make(letter * longest).text), longest)
                with self.assertRaises(ChatError) as refused:
                    make(letter * (longest + 1))
                self.assertEqual(refused.exception.code, "invalid-name")

    def test_ascii_is_prepared_as_all_else(self) -> None:
        """The short way that ASCII takes gives what PRECIS gives."""
        preserved = get_profile("UsernameCasePreserved")
        mapped = get_profile("UsernameCaseMapped")
        for code in range(128):
            for raw in (chr(code), f"A{chr(code)}z", f"{chr(code)}1"):
                try:
                    expected = (preserved.enforce(raw), mapped.enforce(raw))
                except UnicodeError:
                    expected = None
                try:
                    found = _prepared(raw)
                except UnicodeError:
                    found = None
                self.assertEqual(found, expected, ascii(raw))

    def test_one_name_for_all_spellings(self) -> None:
        """Names that differ in case or composition only are one name, and one key of a dict."""
        spellings = ["Jörg", "JÖRG", "jo\u0308rg", "jörg"]
        self.assertEqual(len({user_name(spelling) for spelling in spellings}), 1)
        self.assertNotEqual(user_name("jorg"), user_name("jörg"))

    @given(anything)
    @example("x" * 100_000)
    def test_any_string(self, raw: str) -> None:
        """Any string at all is a name or is refused with ``invalid-name``; nothing else happens."""
        for make in (user_name, session_name):
            try:
                name = make(raw)
            except ChatError as refused:
                self.assertEqual(refused.code, "invalid-name")
            else:
                self.assert_sound(name)

    def assert_sound(self, name: Name) -> None:
        """What every door may rely on, whatever the name."""
        for form in (name.text, name.key):
            self.assertTrue(0 < len(form) <= MAX_SESSION_NAME)
            self.assertTrue(RESERVED.isdisjoint(form))
            self.assertNotIn(form[0], "-.+")
            kinds = {unicodedata.category(character) for character in form}
            self.assertEqual(kinds & {"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"}, set())
            form.encode()

    @given(anything)
    def test_idempotent(self, raw: str) -> None:
        """A name that comes back from another server, a file or a screen is still the same name."""
        name = self.name(raw)
        for again in (user_name(name.text), user_name(name.key), session_name(name.text)):
            self.assertEqual(again, name)
        self.assertEqual(user_name(name.text).text, name.text)
        self.assertEqual(user_name(name.key).text, name.key)

    @given(anything)
    def test_key_of(self, raw: str) -> None:
        """``key_of`` finds a name under every spelling of it, and never fails."""
        key = key_of(raw)
        name = self.name(raw)
        self.assertEqual(key, name.key)
        self.assertEqual(key_of(name.text), name.key)
        self.assertEqual(key_of(name.key), name.key)

    @given(anything)
    def test_key_of_nothing(self, raw: str) -> None:
        """``key_of`` of what is no name never looks like the key of a name."""
        key = key_of(raw)
        try:
            session_name(raw)
        except ChatError:
            if key is not None:
                with self.assertRaises(ChatError):
                    session_name(key)

    def name(self, raw: str) -> Name:
        """Return the name that ``raw`` is; hypothesis goes on where it is none."""
        try:
            return user_name(raw)
        except ChatError:
            assume(False)
            raise
