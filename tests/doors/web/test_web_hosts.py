"""Who may come to the web door: pages by their origin, proxies, and the names it is known by."""

from __future__ import annotations

from typing import Any

from twisted.logger import capturedLogs, formatEvent

from tests.kit.web import WebCase
from tests.kit.world import ChatCase
from twisted_chat.operation import settings


class OriginTests(WebCase):
    """Who may open a WebSocket."""

    def opened(self, origin: str | None, host: str = "chat.test:8080", **settings: Any) -> bool:
        """Whether a page of that origin is let in."""
        headers = () if origin is None else (f"Origin: {origin}",)
        status = self.web(**settings).connect(*headers, host=host).handshake.status
        self.assertIn(status, (101, 403))
        return status == 101

    def test_own(self) -> None:
        """The door's own page may, and what is no page at all."""
        self.assertTrue(self.opened(None))
        self.assertTrue(self.opened("http://chat.test:8080"))
        self.assertTrue(self.opened("https://chat.test:8080"))
        self.assertTrue(self.opened("http://CHAT.test:8080"))
        self.assertTrue(self.opened("https://chat.test", host="chat.test"))
        self.assertTrue(self.opened("http://[2001:db8::1]:8080", host="[2001:db8::1]:8080"))

    def test_foreign(self) -> None:
        """Other pages may not."""
        for origin in (
            *("http://chat.test", "http://chat.test:8081", "http://evil.test:8080", "null", ""),
            *("http://chat.test:8080.evil.test", "http://chat.test:8080@evil.test", "file://"),
            *("chrome-extension://chat.test:8080", "http://chat.test:x", "http://sub.chat.test"),
        ):
            self.assertFalse(self.opened(origin), origin)
        self.assertFalse(self.opened("http://chat.test", host="chat.test:443"))

    def test_named(self) -> None:
        """Those may that the operator named."""
        origins = ["https://talk.example.org"]
        self.assertTrue(self.opened("https://talk.example.org", origins=origins))
        self.assertTrue(self.opened("https://talk.example.org:443", origins=origins))
        self.assertTrue(self.opened("http://chat.test:8080", origins=origins))
        self.assertFalse(self.opened("http://talk.example.org", origins=origins))


class ProxyTests(WebCase):
    """Where somebody comes from."""

    def origin_of(self, *forwarded: str, proxies: tuple[str, ...]) -> tuple[str, int]:
        """Return the address of a client that comes with these headers, from 192.0.2.1."""
        headers = [f"X-Forwarded-For: {one}" for one in forwarded]
        conversation = self.web(proxies=proxies).connect(*headers).protocol.conversation
        return conversation.host, conversation.port

    def test_nobody_is_trusted(self) -> None:
        """Anybody can write that header."""
        self.assertEqual(self.origin_of("203.0.113.9", proxies=()), ("192.0.2.1", 50_001))
        self.assertEqual(self.origin_of("203.0.113.9", proxies=("192.0.2.7",))[0], "192.0.2.1")

    def test_a_proxy(self) -> None:
        """What a trusted proxy added is true, and nothing before it."""
        proxies = ("192.0.2.1", "198.51.100.5")
        for forwarded, host in (
            (["203.0.113.9"], "203.0.113.9"),
            (["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
            (["6.6.6.6", "203.0.113.9"], "203.0.113.9"),
            (["203.0.113.9, 198.51.100.5"], "203.0.113.9"),
            (["::ffff:203.0.113.9"], "203.0.113.9"),
            (["2001:DB8:0::1"], "2001:db8::1"),
            (["203.0.113.5:4444"], "203.0.113.5"),
            (["[2001:db8::1]:443"], "2001:db8::1"),
            (['"[2001:DB8::1]:443"'], "2001:db8::1"),
            (["fe80::1%eth0"], "fe80::1"),
            (["[::FFFF:203.0.113.9]:1"], "203.0.113.9"),
            (["6.6.6.6, nonsense, 203.0.113.9"], "203.0.113.9"),
            ([""], "192.0.2.1"),
            ([], "192.0.2.1"),
        ):
            self.assertEqual(self.origin_of(*forwarded, proxies=proxies)[0], host, forwarded)

    def test_a_proxy_that_says_what_is_no_address(self) -> None:
        """Whoever that is comes in as nobody: it would share the proxy's address with all like it.

        The operator is told.
        """
        web = self.web(proxies=("192.0.2.1",))
        for forwarded in ("unknown", "\x1b[2J", "\u00ff", "_hidden", "203.0.113.256", "1.2.3.4:x"):
            with capturedLogs() as logs:
                answer = web.connect(f"X-Forwarded-For: 203.0.113.9, {forwarded}").handshake
            self.assertEqual(answer.status, 400, forwarded)
            said = formatEvent(logs[-1])
            self.assertIn("no address", said)
            self.assertNotIn("\x1b", said)


class HostTests(WebCase):
    """Under which names the door is known."""

    def test_rebinding(self) -> None:
        """A page of another name that points here for a moment lets nobody in."""
        web = self.web(origins=["https://talk.example.org"], hosts=["chat.test", "*.corp.test"])
        for host, known in (
            *(("chat.test", True), ("CHAT.test:8080", True), ("talk.example.org", True)),
            *(("127.0.0.1:8080", True), ("[::1]:8080", True), ("localhost", True)),
            *(("a.corp.test", True), ("a.b.corp.test", False), ("corp.test", False)),
            *(("evil.test", False), ("evil.test:8080", False), ("chat.test.evil.test", False)),
            *(("127.0.0.1.evil.test", False), ("[", False)),
        ):
            handshake = web.connect(f"Origin: http://{host}", host=host).handshake
            self.assertEqual(handshake.status, 101 if known else 421, host)


class SettingsTests(ChatCase):
    """What the operator may say."""

    def test_right(self) -> None:
        """Origins and addresses, several of each."""
        found = settings.read(
            {
                "web_origin": ["https://chat.example.org", "http://localhost:8080"],
                "trust_proxy": ["127.0.0.1", "2001:DB8::1", "local"],
            },
            None,
        )
        self.assertEqual(found.web_origin, ("https://chat.example.org", "http://localhost:8080"))
        self.assertEqual(found.trust_proxy, ("127.0.0.1", "2001:db8::1", "local"))

    def test_wrong(self) -> None:
        """What can not be meant is one clear sentence."""
        for name, value in (
            *(("web_origin", "chat.example.org"), ("web_origin", "https://chat.example.org/")),
            *(("web_origin", "*"), ("trust_proxy", "proxy.example.org"), ("trust_proxy", "")),
        ):
            problem = self.assertRaises(
                settings.SettingsError, settings.read, {name: [value]}, None
            )
            self.assertIn(f"--{name.replace('_', '-')} must be", str(problem))
