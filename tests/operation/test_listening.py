"""Endpoints, as operators write them."""

from __future__ import annotations

import socket
from typing import Any, cast

from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.operation.listening import Listener, in_order, judge, split, understood
from twisted_chat.operation.settings import SettingsError


class UnderstoodTests(SynchronousTestCase):
    """What is meant."""

    def test_an_interface_of_ipv6(self) -> None:
        r"""Its colons need no ``\`` before them, wherever it stands, in whichever spelling."""
        for given, interface in (
            ("tcp6:1234:interface=::1", "::1"),
            (r"tcp6:1234:interface=\:\:1", "::1"),
            ("tcp6:1234:interface=[::1]", "::1"),
            ("tcp6:1234:interface=::1:backlog=5", "::1"),
            ("tcp6:1234:backlog=5:interface=2001:DB8::BAC", "2001:db8::bac"),
            ("tcp:1234:interface=fe80::1", "fe80::1"),
            ("tcp:1234:interface=127.0.0.1", "127.0.0.1"),
            ("tcp6:1234", ""),
        ):
            reactor = MemoryReactor()
            Listener(reactor).listen(given, cast(Any, Factory()), "native")
            self.assertEqual(reactor.tcpServers[0][0], 1234, given)
            self.assertEqual(
                reactor.tcpServers[0][3] or "", interface or "::"[: 2 * ("6" in given)]
            )

    def test_what_is_no_endpoint(self) -> None:
        """It is one sentence that names what was given."""
        for given, word in (
            ("tcp6:1234:interface=1:2", "interface"),
            ("tcp:x", "tcp:x"),
            ("nonsense:1", "nonsense"),
            ("tcp:1:2:3:4:5", r"\:"),
            ("ssl:1:privateKey=/nonexistent", "/nonexistent"),
        ):
            problem = self.assertRaises(SettingsError, judge, given)
            self.assertIn(word, str(problem))
            self.assertNotIn("\n", str(problem))

    def test_parts(self) -> None:
        r"""They are cut at colons without ``\``."""
        self.assertEqual(split(r"ssl:1:certKey=a\:b:c"), ["ssl", "1", "certKey=a:b", "c"])
        self.assertEqual(split("tcp"), ["tcp"])
        self.assertIn("backlog=1024", understood("tcp:1"))


class DualTests(SynchronousTestCase):
    """One socket of IPv6 serves IPv4 too."""

    def test_both(self) -> None:
        """``tcp:`` beside ``tcp6:`` of the same port is served already, in whichever order."""
        for given in (["tcp:1234", "tcp6:1234"], ["tcp6:1234", "tcp:1234"]):
            reactor = MemoryReactor()
            listener = Listener(reactor)
            for one in in_order(given):
                listener.listen(one, cast(Any, Factory()), "native")
            self.assertEqual([one[0] for one in reactor.tcpServers], [1234])

    def test_others(self) -> None:
        """What another socket serves, or an interface of its own, is listened on."""
        reactor = MemoryReactor()
        listener = Listener(reactor)
        given = ["tcp6:1234", "tcp:1235", "tcp:1234:interface=127.0.0.1", "tcp6:1236:interface=::1"]
        for one in in_order([*given, "tcp:1236"]):
            listener.listen(one, cast(Any, Factory()), "native")
        self.assertEqual(
            sorted(one[0] for one in reactor.tcpServers), [1234, 1234, 1235, 1236, 1236]
        )

    def test_for_real(self) -> None:
        """IPv4 reaches a socket of IPv6, as Twisted makes it."""
        if not socket.has_ipv6:
            return
        with socket.socket(socket.AF_INET6) as both:
            try:
                both.bind(("::", 0))
            except OSError:
                return  # no IPv6 here
            both.listen()
            socket.create_connection(("127.0.0.1", both.getsockname()[1]), 5).close()
