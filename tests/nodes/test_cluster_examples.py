"""etc/cluster: what it starts could start, and its proxy serves both doors of real nodes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.daemon import Daemon, RawClient, free_port
from tests.kit.postgres import postgres
from twisted_chat.hints.redis import parse_url
from twisted_chat.operation import steering
from twisted_chat.operation.options import Options

ETC = Path(__file__).parent.parent.parent / "etc"
FOLDER = ETC / "cluster"


def compose() -> dict[str, Any]:
    """Return the compose file, as it is read."""
    yaml = pytest.importorskip("yaml")
    found: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    return found


class ComposeTests(SynchronousTestCase):
    """There need be nothing here that runs containers."""

    def test_nodes_take_their_options(self) -> None:
        """Each node is started with options that it takes, and hints and a log that it finds."""
        services = compose()["services"]
        found = re.search(
            r"^ENTRYPOINT (\[.*\])$",
            (ETC / "Containerfile").read_text().replace("\\\n", " "),
            re.MULTILINE,
        )
        assert found is not None
        entry = json.loads(found[1])
        for name in ("chat1", "chat2", "chat3"):
            options = Options()
            options.understand([*entry[entry.index("chat") + 1 :], *services[name]["command"]])
            chosen = options.settings
            self.assertEqual(chosen.users, "postgresql:")
            broker = parse_url(chosen.hints or "")
            self.assertTrue({host for host, _ in broker.places} <= set(services))
            sentinel = services["sentinel1"]["command"][-1]
            self.assertIn(f"monitor {broker.master} redis1", sentinel)
            hosts = re.search(r"@([^/]+)/", chosen.log)
            assert hosts is not None
            self.assertTrue(set(hosts[1].split(",")) <= set(services))
            address = services["haproxy"]["networks"]["inside"]["ipv4_address"]
            self.assertEqual(chosen.trust_proxy, (address,))

    def test_stored_is_on_both_disks(self) -> None:
        """The standby is a synchronous one, by the name that it gives."""
        services = compose()["services"]
        self.assertIn("synchronous_standby_names=standby", services["db"]["command"])
        self.assertIn("application_name=standby", services["standby"]["command"][-1])

    def test_the_proxy_finds_the_nodes(self) -> None:
        """The proxy's servers are the nodes, at ports that they listen on."""
        services = compose()["services"]
        config = (FOLDER / "haproxy.cfg").read_text()
        found = re.findall(r"server (\w+) (\w+):(\d+)", config)
        self.assertEqual({host for _, host, _ in found}, {"chat1", "chat2", "chat3"})
        self.assertTrue({host for _, host, _ in found} <= set(services))
        ports = {"8080", *re.findall(r"haproxy:tcp:(\d+)", str(services["chat1"]["command"]))}
        self.assertEqual({port for *_, port in found}, ports)


@pytest.mark.slow
def test_the_proxy_serves_both_doors(tmp_path: Path) -> None:
    """HAProxy takes the example, passes both doors on, and tells each node who comes."""
    program = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
    if program is None:
        pytest.skip("there is no HAProxy on this machine")
    url, native, web = postgres().url(), free_port(), free_port()
    with ExitStack() as stack:
        config = (FOLDER / "haproxy.cfg").read_text().replace("maxconn 100000", "maxconn 100")
        for bind, port in (("bind :1234", native), ("bind :80", web)):
            config = config.replace(f"{bind}\n", f"bind 127.0.0.1:{port}\n")
        daemons = []
        for number in (1, 2, 3):
            from_proxy, door = free_port(), free_port()
            daemons.append(
                stack.enter_context(
                    Daemon(
                        *("--log", url, "--admin", "admin.sock", "--trust-proxy", "127.0.0.1"),
                        *("--port", f"haproxy:tcp:{from_proxy}:interface=127.0.0.1"),
                        *("--web", f"tcp:{door}:interface=127.0.0.1"),
                    )
                )
            )
            config = config.replace(f" chat{number}:1235", f" 127.0.0.1:{from_proxy}")
            config = config.replace(f" chat{number}:8080", f" 127.0.0.1:{door}")
        (tmp_path / "haproxy.cfg").write_text(config)
        proxy = subprocess.Popen(
            [program, "-f", str(tmp_path / "haproxy.cfg")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        stack.callback(proxy.wait)
        stack.callback(proxy.kill)
        _eventually(lambda: _comes(native, "first"))
        clients = [stack.enter_context(RawClient(native)) for _ in range(6)]
        for number, client in enumerate(clients):
            client.login(f"guest{number}")
        clients[0].send({"type": "text", "session": "lobby", "data": "hi", "id": "1"})
        for client in clients:
            assert client.receive_until("text")["data"] == "hi"
        with urllib.request.urlopen(f"http://127.0.0.1:{web}/health", timeout=60) as answer:
            assert answer.status == 200
        everywhere = [
            steering.ask(str(daemon.directory / "admin.sock"), "who", {}) for daemon in daemons
        ]
        here = [line for found in everywhere for line in found[1:] if "node " not in line]
        assert len(here) >= 6
        # Each is known by the address of its client, not of the proxy's connection.
        ports = {client.socket.getsockname()[1] for client in clients}
        assert ports <= {int(line.split()[2]) for line in here}
        victim = next(d for d, found in zip(daemons, everywhere, strict=True) if len(found) > 1)
        victim.kill()
        _eventually(lambda: _comes(native, "again"))


def _comes(port: int, name: str) -> bool:
    with RawClient(port) as client:
        return bool(client.login(name)["user"] == name)


def _eventually(happens: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if happens():
                return
        except (OSError, EOFError, RuntimeError):
            pass
        assert time.monotonic() < deadline
        time.sleep(0.2)
