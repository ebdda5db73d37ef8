"""The command line of ``twisted-chat``."""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.client.address import Address
from twisted_chat.client.terminal import main
from twisted_chat.client.terminal.plain import Failed


class MainTests(SynchronousTestCase):
    def run_main(self, *words: str) -> tuple[object, list[str]]:
        """Return the exit status and the lines on standard error."""
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors), self.assertRaises(SystemExit) as end:
            main.main(words)
        return end.exception.code, errors.getvalue().splitlines()

    def test_usage(self) -> None:
        """What is wrong with the command line is one line, and status 2."""
        with tempfile.TemporaryDirectory() as folder:
            binary = Path(folder) / "binary"
            binary.write_bytes(b"\xff\xfe")
            for words in (
                ("home:x",),
                ("@home",),
                ("home", "--timeout", "x"),
                ("home", "--timeout", "0"),
                ("home", "--timeout", "nan"),
                ("home", "other"),
                ("home", "--nothing"),
                ("home", "--password-file", f"{folder}/missing"),
                ("home", "--password-file", str(binary)),
                ("home", "--session-password-file", str(binary)),
                ("home", "--session", "ops", "--session-password-file", f"{folder}/missing"),
                ("home", "--tls", "--endpoint", "tcp:home:1"),
                ("--json",),
            ):
                status, errors = self.run_main(*words)
                self.assertEqual((status, len(errors)), (2, 1), (words, errors))
                self.assertTrue(errors[0].startswith("twisted-chat: "), errors)

    def test_options(self) -> None:
        """The command line is understood."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "password"
            path.write_text("secret\nmore\n")
            options = main.read_options(
                ["bob@home:99", "--session", "ops", "--password-file", str(path), "--follow"]
            )
        self.assertEqual(options.address, Address("home", 99, "bob"))
        self.assertEqual((options.user, options.password), ("bob", "secret"))
        self.assertEqual((options.session, options.follow, options.json), ("ops", True, False))
        self.assertTrue(main.read_options(["home"]).user)

    def test_operators(self) -> None:
        """The operator's commands are another program's, which is not loaded for a chat."""
        admin = mock.Mock(main=mock.Mock(return_value=3))
        with mock.patch.dict(sys.modules, {"twisted_chat.operation.admin": admin}):
            for word in ("users", "export", "import", "backup"):
                self.assertEqual(self.run_main(word, "x"), (3, []))
        self.assertEqual(admin.main.call_args_list[0], mock.call(["users", "x"]))

    def test_endpoints(self) -> None:
        """A server is reached by its name, or by any endpoint."""
        reactor = self.fixture_reactor()
        options = main.read_options(["bob@home", "--endpoint", "unix:/run/chat.sock"])
        assert options.address is not None
        found = main.endpoint(reactor, options, options.address)
        self.assertEqual(type(found).__name__, "UNIXClientEndpoint")
        other = main.endpoint(reactor, options, Address("other"))
        self.assertEqual(type(other).__name__, "HostnameEndpoint")
        options = main.read_options(["--endpoint", "nonsense:1"])
        assert options.address is not None
        self.assertRaises(Failed, main.endpoint, reactor, options, options.address)
        options = main.read_options(["home", "--tls"])
        self.assertEqual(
            type(main.endpoint(reactor, options, Address("home"))).__name__, "_WrapperEndpoint"
        )

    def fixture_reactor(self) -> Any:
        from twisted.internet.testing import MemoryReactorClock

        return MemoryReactorClock()
