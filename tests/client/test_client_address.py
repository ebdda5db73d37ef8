"""Where a server is, as people write it."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.client.address import Address, parse_address


class AddressTests(SynchronousTestCase):
    def test_good(self) -> None:
        """``[USER@]HOST[:PORT]``, with IPv6 in brackets."""
        for raw, address in (
            ("home", Address("home")),
            ("bob@home:99", Address("home", 99, "bob")),
            ("[::1]:99", Address("::1", 99)),
            ("bob@[::1]", Address("::1", user="bob")),
            ("::1", Address("::1")),
            ("a@b@home", Address("home", user="a@b")),
        ):
            self.assertEqual(parse_address(raw), address)
        self.assertEqual(str(parse_address("[::1]:99")), "[::1]:99")
        self.assertEqual(str(parse_address("bob@home:1234")), "home")

    def test_bad(self) -> None:
        """Anything else is refused, with a sentence."""
        for raw in ("", "@home", "bob@", "home:", "home:x", "home:0", "home:70000", "[::1", "a b"):
            self.assertRaises(ValueError, parse_address, raw)

    @given(st.text(max_size=20))
    def test_anything(self, raw: str) -> None:
        """Whatever is written, there is an address or a ValueError."""
        with contextlib.suppress(ValueError):
            self.assertTrue(parse_address(raw).host)
