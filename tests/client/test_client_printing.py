"""What the client prints and reads is safe whatever a terminal can show and an editor wrote."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
from codecs import BOM_UTF8
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_twisted import ensureDeferred
from twisted.internet import reactor
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.certificates import make_certificate
from tests.kit.command_line import COMMAND
from tests.kit.daemon import Daemon, free_port
from twisted_chat.client import ChatClient
from twisted_chat.client.reaching import Unreachable, described, over_tls
from twisted_chat.client.terminal import main, output
from twisted_chat.client.terminal.pipe import as_json
from twisted_chat.client.terminal.plain import LinePipe
from twisted_chat.client.words import render
from twisted_chat.vocabulary import messages as m


class MarkTests(SynchronousTestCase):
    """A byte order mark is an editor's, and nobody said it."""

    def read(self, *pieces: bytes) -> list[str]:
        lines: list[str] = []
        pipe = LinePipe(lines.append, lambda: None, lines.append)
        pipe.makeConnection(StringTransport())
        for piece in pieces:
            pipe.dataReceived(piece)
        pipe.readConnectionLost()
        return lines

    def test_on_a_pipe(self) -> None:
        """It is dropped before the first line, however it arrives, and nowhere else."""
        line = BOM_UTF8 + b"/msg bob only for you\n"
        self.assertEqual(self.read(line), ["/msg bob only for you"])
        self.assertEqual(self.read(line[:2], line[2:]), ["/msg bob only for you"])
        self.assertEqual(self.read(BOM_UTF8 + b"no end"), ["no end"])
        self.assertEqual(self.read(b"\n" + line), ["", "\ufeff/msg bob only for you"])
        self.assertEqual(self.read(BOM_UTF8), [""])

    def test_in_a_password_file(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "password"
            path.write_bytes(BOM_UTF8 + "grün\r\n".encode())
            options = main.read_options(["home", "--password-file", str(path)])
            self.assertEqual(options.password, "grün")

    def test_in_utf_16(self) -> None:
        """What is in another encoding is refused: it is not guessed at."""
        refused = self.read("hello\n".encode("utf-16"))
        self.assertIn("a line is not in UTF-8", refused)
        self.assertNotIn("hello", refused)


class EncodingTests(SynchronousTestCase):
    """What a terminal can't show is escaped, and never an error."""

    def test_lines(self) -> None:
        transport = StringTransport()
        pipe = LinePipe(lambda _: None, lambda: None, lambda _: None)
        pipe.makeConnection(transport)
        pipe.encoding = "cp1252"
        pipe.write("é иван")
        self.assertEqual(transport.value(), "é \\u0438\\u0432\\u0430\\u043d\n".encode("cp1252"))

    @given(
        st.text(alphabet=st.characters(exclude_categories=["Cs"])),
        st.sampled_from(["utf-8", "cp1252", "ascii", "koi8-r"]),
    )
    def test_json(self, data: str, encoding: str) -> None:
        """A line of JSON is plain characters of the encoding, and says what was said."""
        said = m.Text(session="ops", seq=1, time=0, source="bob", data=data)
        line = as_json(said, encoding)
        self.assertTrue(line.isprintable())
        self.assertEqual(json.loads(line.encode(encoding).decode(encoding))["data"], data)

    def test_complaints(self) -> None:
        """What servers say of an error is shown harmlessly too."""
        self.patch(sys, "stderr", said := io.StringIO())
        output.complain("home: \x1b[2J\u202e")
        self.assertEqual(said.getvalue(), "twisted-chat: home: \\x1b[2J\\u202e\n")

    def test_joiners(self) -> None:
        """In JSON even what a script needs is escaped: programs read it back as it was."""
        self.assertIn("\\u200d", render.escaped_json('"a\u200db"'))


@pytest.mark.slow
def test_what_is_not_in_the_code_page(tmp_path: Path) -> None:
    """An account whose name the terminal can't show is added, shown, and it exits 0."""
    for words in (
        ["users", "add", "users.csv", "иван", "--password-stdin"],
        ["users", "list", "users.csv"],
    ):
        done = subprocess.run(
            [*COMMAND, *words],
            input=BOM_UTF8 + b"correct horse\n",
            capture_output=True,
            env={**os.environ, "PYTHONIOENCODING": "cp1252"},
            cwd=tmp_path,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b""), done
        assert b"\\u0438\\u0432\\u0430\\u043d" in done.stdout


# --- TLS -----------------------------------------------------------------------------------------


class VerifiedTests(SynchronousTestCase):
    """No certificate goes unverified."""

    def test_ssl(self) -> None:
        """``ssl:`` verifies nothing, and is refused, in the library too; ``tls:`` is named."""
        for description in (
            "ssl:home:1234",
            "SSL:home:1234",
            "ssl:host=home:port=1234:timeout=3",
            r"ssl:home:1234:caCertsDir=a\:hostname=b",
            "ssl:home:1234:hostname=",
        ):
            refused = self.assertRaises(Unreachable, described, MemoryReactorClock(), description)
            self.assertIn("tls:HOST:PORT", str(refused))
            self.assertRaises(ValueError, ChatClient.to, MemoryReactorClock(), description, "alice")

    def test_others(self) -> None:
        for description in ("tcp:home:1", "tls:home:1", "ssl:home:1:hostname=home", "unix:/x"):
            described(MemoryReactorClock(), description)
        refused = self.assertRaises(Unreachable, described, MemoryReactorClock(), "nothing:1")
        self.assertIn("nothing:1", str(refused))

    def test_cafile(self) -> None:
        """A file without a certificate is one line, and ``--cafile`` alone is a mistake."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "ca.pem"
            for content in (
                None,
                b"",
                b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----",
            ):
                if content is not None:
                    path.write_bytes(content)
                refused = self.assertRaises(
                    Unreachable, over_tls, MemoryReactorClock(), "home", 1, path
                )
                self.assertIn(str(path), str(refused))
        self.patch(sys, "stderr", said := io.StringIO())
        self.assertRaises(SystemExit, main.read_options, ["home", "--cafile", "x"])
        self.assertIn("--cafile is for --tls", said.getvalue())


@pytest.mark.slow
@ensureDeferred
async def test_own_authority(tmp_path: Path) -> None:
    """A server with a certificate of one's own is verified by it, and without it refused."""
    certificate = make_certificate(tmp_path)
    port = free_port()
    listening = f"ssl:{port}:interface=127.0.0.1:privateKey={certificate}"
    with Daemon("--log", "memory:", "--port", listening, directory=tmp_path):
        endpoint = over_tls(reactor, "localhost", port, certificate)
        async with ChatClient(reactor, endpoint, "alice") as client:
            said = await client.say("lobby", "verified")
            assert said.seq == 1
        done = subprocess.run(
            [*COMMAND, f"bob@localhost:{port}", "--tls"],
            input=b"hello\n",
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 1
        assert b"TLS: " in done.stderr
