"""Whatever an operator, a proxy or a browser writes: it is taken, or refused in one sentence."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.doors.web.hosts import Hosts
from twisted_chat.operation import settings
from twisted_chat.operation.listening import judge, split, understood
from twisted_chat.operation.logging import observer
from twisted_chat.operation.orders import shown
from twisted_chat.operation.settings import SettingsError

ENDPOINTS = st.builds(
    lambda kind, rest: f"{kind}:{rest}",
    st.sampled_from(["tcp", "tcp6", "ssl", "unix", "systemd", "nonsense", ""]),
    st.text(alphabet=":\\=[]%/.0123456789abcdefinterfacebacklog \n\0é", max_size=40),
)


class EndpointTests(SynchronousTestCase):
    @given(ENDPOINTS)
    @example("tcp:1:interface=::")
    @example("tcp:1:backlog=x")
    @example("tcp6:1:interface=[::1")
    def test_any(self, description: str) -> None:
        """An endpoint is one, or one sentence says that it is none."""
        understood(description)
        split(description)
        try:
            judge(description)
        except SettingsError as problem:
            self.assertNotIn("Traceback", str(problem))

    @given(st.sampled_from([one.name for one in settings.table()]), st.text(max_size=30))
    def test_settings(self, name: str, value: str) -> None:
        """Any value of any setting is read, or refused with the setting's name."""
        try:
            settings.read({name: [value]}, None)
        except SettingsError as problem:
            self.assertIn(settings.option(name), str(problem))


class HostTests(SynchronousTestCase):
    @given(st.text())
    def test_any(self, host: str) -> None:
        """Any header is judged, and what is no name of ours is none with anything around it."""
        known = Hosts.of(["chat.test"], [])
        known.has(host)
        self.assertFalse(known.has(f"evil{host.strip()}.test".replace("@", "").replace("/", "")))


class Odd:
    """What can not be shown."""

    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__


class LogTests(SynchronousTestCase):
    @given(
        st.dictionaries(
            st.text(min_size=1, max_size=10),
            st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.builds(Odd)),
            max_size=5,
        )
    )
    def test_any_event(self, fields: dict[str, Any]) -> None:
        """Each event is one line, and that is one object."""
        out = StringIO()

        observer(out)({"log_format": "{x}", "log_time": 0.0, **fields})
        lines = out.getvalue().split("\n")
        self.assertEqual(len(lines), 2)
        self.assertIn("message", json.loads(lines[0]))

    @given(st.text())
    def test_shown(self, text: str) -> None:
        """What is shown to an operator can do nothing at a terminal."""
        self.assertTrue(shown(text).isprintable())
