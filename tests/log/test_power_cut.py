"""A power cut loses nothing that somebody was shown, whenever it comes and whatever it leaves."""

from __future__ import annotations

import random
import shutil
import time
from itertools import chain
from pathlib import Path

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet.task import Clock

from tests.kit.daemon import PATIENCE
from tests.kit.logs import InlineWorker, check
from tests.kit.powercut import SECTOR, WHOLE, Call, Disk, TracedDaemon, calls, untraceable
from tests.kit.talkers import Client, Writer
from tests.kit.waiting import eventually
from twisted_chat.log.sqlite import open_sqlite
from twisted_chat.log.sqlite.steps import MAX_SEQ

pytestmark = pytest.mark.slow

COMMITS = 30
"""After so many the first daemon is killed: the next one is written then, and not forced."""


def talk(folder: Path, synchronous: str) -> list[Path]:
    """Let four talk and one listen over three lives of a daemon; return what it did in each."""
    log = f"sqlite:chat.db?synchronous={synchronous}"
    daemon = TracedDaemon("--log", log, "--rate", "0", directory=folder)
    daemon.hangs_from = COMMITS
    with daemon:
        writers = [Writer(daemon, f"writer{number}") for number in range(4)]
        reader = Client(daemon, "reader")
        try:
            time.sleep(0.7)
            daemon.kill()
            daemon.hangs_from = None
            daemon.start()
            time.sleep(0.4)
            daemon.stop()
            daemon.start()
            eventually(lambda: min(len(one.told) for one in writers) >= 60, seconds=180)
        finally:
            for writer in writers:
                writer.stopping = True
            for writer in writers:
                writer.thread.join(PATIENCE)
            reader.stopping = True
            daemon.kill()
            reader.thread.join(PATIENCE)
    for client in (*writers, reader):
        assert client.failure is None, (client.user, client.failure)
    return daemon.traces


def moments(folder: Path, lives: list[list[Call]], count: int, chance: random.Random) -> set[int]:
    """Choose after which calls the power is cut: those that show a text, and that change a file.

    The first of these after each start are among them: nothing needs to have been stored yet in
    this life, and what is shown was stored in the one before.
    """
    disk = Disk(folder)
    showing: list[int] = []
    changing: list[int] = []
    cuts: list[int] = []
    number = 0
    for life in lives:
        first = len(showing)
        for call in life:
            known = len(disk.shown)
            disk.play(call)
            if len(disk.shown) > known:
                showing.append(number)
            elif call.name not in ("openat", "sendto"):
                changing.append(number)
            number += 1
        cuts += showing[first : first + 3]
    cuts += chance.choices(showing, k=count // 2) + chance.choices(changing, k=count // 2)
    return set(cuts)


async def stored(folder: Path, left: dict[str, bytes]) -> dict[int, tuple[str, str]]:
    """Start a log on what is left, and return all that it has."""
    folder.mkdir()
    for name, content in left.items():
        (folder / name).write_bytes(content)
    path = str(folder / "chat.db")
    log = open_sqlite(path, Clock(), InlineWorker)
    found: dict[int, tuple[str, str]] = {}
    for life in log.lives():
        while len(found) < life.head:
            page = await log.read(life.epoch, len(found), MAX_SEQ)
            for text in page.texts:
                assert text.seq == len(found) + 1
                found[text.seq] = (text.source, text.id or "")
    await log.close()
    check(path)
    shutil.rmtree(folder)
    return found


@pytest.mark.parametrize(("synchronous", "count"), [("full", 50), ("normal", 10)])
@ensureDeferred
async def test_power_cut(tmp_path: Path, synchronous: str, count: int) -> None:
    """What somebody was shown is there, as it was. With ``normal`` the newest of it may be lost.

    That texts are lost then shows that this would see it.
    """
    if why := untraceable():
        pytest.skip(why)
    chance = random.Random(7)
    lives = [calls(trace) for trace in talk(tmp_path, synchronous)]
    cuts = moments(tmp_path, lives, count, chance)
    disk = Disk(tmp_path)
    lost = 0
    for number, call in enumerate(chain.from_iterable(lives)):
        disk.play(call)
        if number not in cuts:
            continue
        coin, piece = (lambda: chance.random() < 0.5), chance.choice((WHOLE, SECTOR))
        # The disk did nothing that it was not made to do; and it did some things.
        for left in (disk.left(lambda: False), disk.left(coin, piece)):
            found = await stored(tmp_path / "left", left)
            kept = {seq: said for seq, said in disk.shown.items() if seq in found}
            assert kept.items() <= found.items()
            lost += len(disk.shown) - len(kept)
    assert len(disk.shown) >= 240
    assert (lost > 0) == (synchronous == "normal"), lost
