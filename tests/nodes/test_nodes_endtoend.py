"""Three nodes, a PostgreSQL and a Redis, all real; and what can happen to each of them."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.kit.crowd import Reader, Writer, at_work
from tests.kit.daemon import Daemon, RawClient
from tests.kit.postgres import Postgres, new_postgres
from tests.kit.proxy import Wire
from tests.kit.redis import Redis
from tests.kit.waiting import Stopwatch, eventually
from twisted_chat.operation import doctor, steering
from twisted_chat.operation.settings import Settings

pytestmark = pytest.mark.slow

WRITERS = [f"w{number}" for number in range(4)]
READERS = [f"r{number}" for number in range(4)]


class Nodes:
    """Three daemons with one log and one hub; the last has a wire to the database of its own."""

    def __init__(self, folder: Path, database: Postgres, broker: Redis, wire: Wire) -> None:
        users = folder / "users.csv"
        names = (*WRITERS, *READERS, "alice")
        users.write_text("user,password\n" + "".join(f"{name},secret\n" for name in names))
        users.chmod(0o600)
        url = database.url()
        self.url, self.database, self.broker, self.wire = url, database, broker, wire
        through = url.replace(f":{database.port}/", f":{wire.port}/")
        self.daemons = [
            Daemon(
                *("--log", log, "--hints", broker.url, "--users", str(users), "--guests"),
                *("--admin", "admin.sock"),
            )
            for log in (url, url, through)
        ]
        self.up = [True] * 3

    def ports(self) -> Sequence[int]:
        """Where one may come in now."""
        found = [d.port for d, up in zip(self.daemons, self.up, strict=True) if up]
        return found or [self.daemons[0].port]


@contextmanager
def three_nodes(folder: Path) -> Iterator[Nodes]:
    with ExitStack() as stack:
        database = new_postgres("fsync=on")
        stack.callback(database.remove)
        broker = stack.enter_context(Redis())
        wire = stack.enter_context(Wire(database.port))
        nodes = Nodes(folder, database, broker, wire)
        for daemon in nodes.daemons:
            stack.enter_context(daemon)
        yield nodes


def test_three_nodes_are_one_chat(tmp_path: Path) -> None:
    """Who is at one node meets who is at the others, and a node that is killed is gone in 10 s."""
    with three_nodes(tmp_path) as nodes, ExitStack() as stack:
        alice, bob, carol = (
            stack.enter_context(RawClient(daemon.port)) for daemon in nodes.daemons
        )
        alice.login("alice", password="secret")
        bob.login("bob")
        carol.login("carol")
        alice.receive_until("joined", user="carol")
        bob.send({"type": "text", "session": "lobby", "data": "hello", "id": "1"})
        assert alice.receive_until("text")["data"] == "hello"
        assert carol.receive_until("text")["seq"] == 1
        with RawClient(nodes.daemons[0].port) as other:
            assert other.ask("login", user="carol")["code"] == "name-in-use"
        admin = str(nodes.daemons[0].directory / "admin.sock")
        wanted = [["(this)", "1"], ["1", "1"], ["1", "1"]]  # users and connections
        eventually(
            lambda: [line.split()[1:3] for line in steering.ask(admin, "nodes", {})[1:]] == wanted,
            each=0.2,
        )
        here = {line.split()[0] for line in steering.ask(admin, "who", {})[1:]}
        assert here == {"alice", "bob", "carol"}
        chosen = Settings(log=nodes.url, hints=nodes.broker.url)
        sentences = [one.sentence for one in (*doctor.log(chosen), *doctor.hints(chosen))]
        assert sentences[0] == "The log's database answers."
        assert sentences[1].endswith("can be reached.")
        assert alice.ask("create", session="den", topic="tea")["type"] == "session"
        assert carol.ask("join", session="den")["topic"] == "tea"
        left = [one.pid for one in nodes.daemons[:2]] + [nodes.database.pid]
        with Stopwatch(*left) as gone:
            nodes.daemons[2].kill()
            assert alice.receive_until("left", session="lobby")["user"] == "carol"
        assert gone.seconds < 11
        with RawClient(nodes.daemons[0].port) as other:
            assert other.ask("login", user="carol")["type"] == "welcome"
        assert nodes.daemons[0].stop() == 0  # in an orderly way: at once
        with Stopwatch(*left[1:]) as gone:
            bob.receive_until("left", user="alice")
        assert gone.seconds < 5


def test_whatever_happens(tmp_path: Path) -> None:
    """Nothing acknowledged is lost, repeated or reordered, whatever is killed, stopped or cut."""
    with three_nodes(tmp_path) as nodes:
        writers = [Writer(name, nodes.ports) for name in WRITERS]
        readers = [Reader(name, nodes.ports) for name in READERS]
        with at_work([*readers, *writers]):
            time.sleep(2)
            _kill_a_node(nodes, random.randrange(3))
            _kill_the_broker(nodes)
            _kill_the_database(nodes)
            _stop_a_node(nodes, 1, seconds=11)
            _cut_the_wire(nodes, seconds=11)
            time.sleep(2)
            _all_have_all(nodes.url, writers, readers)
        assert min(writer.moves for writer in writers) > 3
        for daemon in nodes.daemons:
            assert "Traceback" not in daemon.output, daemon.output


def test_the_databases_machine_is_lost(tmp_path: Path) -> None:
    """With a synchronous standby the loss of the database itself loses nothing acknowledged."""
    with ExitStack() as stack:
        first = new_postgres("fsync=on")
        stack.callback(first.remove)
        url = first.url()
        second = first.standby("standby")
        stack.callback(second.remove)
        first.execute(
            "ALTER SYSTEM SET synchronous_standby_names = 'standby'", "SELECT pg_reload_conf()"
        )
        database = url.rsplit("/", 1)[1]
        hosts = f"127.0.0.1:{first.port},127.0.0.1:{second.port}"
        both = f"postgresql://chat@{hosts}/{database}?target_session_attrs=read-write"
        users = tmp_path / "users.csv"
        names = (*WRITERS, *READERS)
        users.write_text("user,password\n" + "".join(f"{name},secret\n" for name in names))
        users.chmod(0o600)
        daemons = [
            stack.enter_context(Daemon("--log", both, "--users", str(users))) for _ in range(2)
        ]
        ports = [daemon.port for daemon in daemons]
        writers = [Writer(name, lambda: ports) for name in WRITERS]
        readers = [Reader(name, lambda: ports) for name in READERS]
        with at_work([*readers, *writers]):
            time.sleep(3)
            counts = [writer.count for writer in writers]
            first.stop(signal.SIGKILL)
            second.promote()
            eventually(
                lambda: all(
                    writer.count >= count + 20
                    for writer, count in zip(writers, counts, strict=True)
                ),
                "nothing is stored after the change",
                seconds=120,
            )
            _all_have_all(second.url_of(database), writers, readers)


def _all_have_all(url: str, writers: Sequence[Writer], readers: Sequence[Reader]) -> None:
    """Let the writers end; what they were told is stored, and every reader has all of it."""
    # Each has said much, and goes on.
    eventually(lambda: all(writer.count > 50 for writer in writers), seconds=180)
    for writer in writers:
        writer.over.set()
    for writer in writers:
        writer.join(150)
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT seq, id FROM chat.texts WHERE life ="
            " (SELECT n FROM chat.lives WHERE key = 'lobby') ORDER BY seq"
        ).fetchall()
    stored = {seq: bytes(id).decode() for seq, id in rows}
    eventually(lambda: all(reader.last >= len(stored) for reader in readers), seconds=120)
    for reader in readers:
        reader.over.set()
    for member in (*writers, *readers):
        member.join(60)
        assert not member.wrong, (member.name, member.wrong[:5])
    assert list(stored) == list(range(1, len(stored) + 1))
    assert len(set(stored.values())) == len(stored), "a text was stored twice"
    for writer in writers:
        for id, seq in writer.acknowledged.items():
            assert stored[seq] == id
    for reader in readers:
        assert reader.texts == {seq: stored[seq] for seq in reader.texts}
        first = min(reader.texts)
        assert sorted(reader.texts) == list(range(first, len(stored) + 1))


def _kill_a_node(nodes: Nodes, number: int) -> None:
    nodes.up[number] = False
    nodes.daemons[number].kill()
    time.sleep(1)
    nodes.daemons[number].start()
    nodes.up[number] = True
    time.sleep(2)


def _kill_the_broker(nodes: Nodes) -> None:
    nodes.broker.kill()
    time.sleep(3)
    nodes.broker.start()
    time.sleep(1)


def _kill_the_database(nodes: Nodes) -> None:
    nodes.database.stop(signal.SIGQUIT)  # as with -m immediate
    time.sleep(1)
    nodes.database.start()
    time.sleep(3)


def _stop_a_node(nodes: Nodes, number: int, seconds: float) -> None:
    """Stop it for longer than its lease: whoever is there waits, or goes elsewhere."""
    nodes.daemons[number].signal(signal.SIGSTOP)
    time.sleep(seconds)
    nodes.daemons[number].signal(signal.SIGCONT)
    time.sleep(3)


def _cut_the_wire(nodes: Nodes, seconds: float) -> None:
    """Let the third node not reach the database, for longer than its lease."""
    nodes.wire.cut()
    time.sleep(seconds)
    nodes.wire.mend()
    time.sleep(3)
