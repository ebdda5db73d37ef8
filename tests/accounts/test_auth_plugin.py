"""``--auth chatusers:FILE`` of other Twisted programs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pytest_twisted import ensureDeferred
from twisted.cred.credentials import IUsernamePassword, UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.strcred import AuthOptionMixin, findCheckerFactory, makeChecker
from twisted.plugin import getPlugins
from twisted.python.usage import Options, UsageError

from tests.kit.users_file import HASH, FileCase


class PluginTests(FileCase):
    """``--auth chatusers:FILE`` in other Twisted programs."""

    def test_found(self) -> None:
        """Twisted finds it by its name, and it tells how it is used."""
        factory = findCheckerFactory("chatusers")
        self.assertEqual(list(factory.credentialInterfaces), [IUsernamePassword])
        self.assertIn("users add", factory.authHelp)
        self.assertIn("users file", factory.argStringFormat)

    def test_option(self) -> None:
        """A program's ``--auth`` takes it, and says in one line what is wrong with a file."""

        class Program(Options, AuthOptionMixin):
            supportedInterfaces = (IUsernamePassword,)

        self.write("user,password\nalice,a\n")
        options = Program()
        options.parseOptions(["--auth", f"chatusers:{self.file}"])
        self.assertEqual(len(options["credCheckers"]), 1)
        for argument in ("chatusers:", "chatusers", f"chatusers:{self.folder}/none"):
            with self.assertRaises(UsageError) as refused:
                Program().parseOptions(["--auth", argument])
            self.assertNotIn("\n", str(refused.exception))

    def test_daemon_is_found(self) -> None:
        """The daemon's plugin stands beside it."""
        from twisted.application.service import IServiceMaker

        found: list[Any] = [one for one in getPlugins(IServiceMaker) if one.tapname == "chat"]
        self.assertEqual([one.module for one in found], ["twisted_chat.tap"])


@ensureDeferred
async def test_plugin_checks(tmp_path: Path) -> None:
    """What makeChecker makes works by itself, in the reactor's own threads."""
    file = tmp_path / "users.csv"
    file.write_text(f'user,password\nalice,"{HASH}"\nbob,plain\n', encoding="utf-8")
    checker = makeChecker(f"chatusers:{file}")
    assert await checker.requestAvatarId(UsernamePassword(b"Alice", b"wonderland")) == b"alice"
    assert await checker.requestAvatarId(UsernamePassword(b"bob", b"plain")) == b"bob"
    for user, password in ((b"alice", b"x"), (b"bob", b"x"), (b"carol", b"x")):
        try:
            await checker.requestAvatarId(UsernamePassword(user, password))
        except UnauthorizedLogin:
            continue
        raise AssertionError((user, password))
    file.write_text("user,password\ncarol,x\n", encoding="utf-8")
    os.utime(file, ns=(1, 1))
    assert await checker.requestAvatarId(UsernamePassword(b"carol", b"x")) == b"carol"
