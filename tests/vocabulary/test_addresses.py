"""Addresses: however one is written, it is one address."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.vocabulary.addresses import Blocks, block, network, spelled

PORTS = st.integers(0, 65_535)


class SpellingTests(SynchronousTestCase):
    """One way to write each."""

    @given(st.ip_addresses(v=4), PORTS)
    def test_v4(self, address: IPv4Address, port: int) -> None:
        """With a port, inside an IPv6 address, quoted: one IPv4 address."""
        for text in (
            f"{address}",
            f" {address}\t",
            f"{address}:{port}",
            f'"{address}:{port}"',
            f"::ffff:{address}",
            f"::FFFF:{address}",
            f"[::ffff:{address}]:{port}",
        ):
            self.assertEqual(spelled(text), str(address), text)
            self.assertEqual(network(text), str(address), text)

    @given(st.integers(2**64, 2**128 - 1).map(IPv6Address), PORTS)
    def test_v6(self, address: IPv6Address, port: int) -> None:
        """Long, short, with capitals, in brackets, with a port or a zone: one address."""
        for text in (
            f"{address}",
            f"{address.exploded}",
            f"{address.exploded.upper()}",
            f"[{address}]",
            f"[{address.exploded}]:{port}",
            f'"[{address}]:{port}"',
            f"{address}%eth0",
        ):
            self.assertEqual(spelled(text), str(address), text)
            self.assertEqual(network(text), network(str(address)), text)
        self.assertEqual(network(str(address)), network(str(IPv6Address(int(address) ^ 1))))

    def test_none(self) -> None:
        """What is no address is none, and stays what it is."""
        for text in (
            *("", "local", "unknown", "_hidden", "for=1.2.3.4", "1.2.3", "1.2.3.4.5", "1.2.3.256"),
            *("01.2.3.4", "1.2.3.4:", "1.2.3.4:x", "1.2.3.4:123456", "[1.2.3.4", "::1]", "[]"),
            *("[::1]x", ":::", "1::2::3", "\u0661.2.3.4", "1.2.3.4, 5.6.7.8", "1.2.3.4\n", "%eth0"),
        ):
            self.assertIsNone(spelled(text), text)
            self.assertEqual(network(text), text)

    def test_networks(self) -> None:
        """A network has one spelling too, and whoever is in it is, in whichever spelling."""
        for text, found in (
            *(("10.1.2.3/8", "10.0.0.0/8"), ("10.1.2.3", "10.1.2.3"), ("10.1.2.3/32", "10.1.2.3")),
            *(("2001:DB8::1/32", "2001:db8::/32"), ("[2001:db8::]/32", "2001:db8::/32")),
            *(
                ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
                ("::1/128", "::1"),
                ("0.0.0.0/0", "0.0.0.0/0"),
            ),
            *(("10.0.0.0/33", None), ("10.0.0.0/", None), ("x/8", None), ("10.0.0.0/-1", None)),
            *(("10.0.0.0/255.0.0.0", None), ("local", None), ("", None)),
        ):
            self.assertEqual(block(text), found, text)
        blocks = Blocks(["10.0.0.0/8", "2001:db8::/32", "192.0.2.1", "local"])
        for host in (
            *("10.9.8.7", "::ffff:10.9.8.7", "[2001:DB8::7]:443", "192.0.2.1:5", "local"),
            "2001:db8::1%eth0",
        ):
            self.assertIn(host, blocks)
        for host in ("11.0.0.1", "2001:db9::1", "192.0.2.2", "unknown", ""):
            self.assertNotIn(host, blocks)

    @given(st.text())
    def test_anything(self, text: str) -> None:
        """Nothing breaks it, and what it answers it answers again."""
        for way in (spelled, block):
            found = way(text)
            if found is not None:
                self.assertEqual(way(found), found)
