"""The web door beside the native one, in the same run; and the page in a real browser.

The first table is the fan-out's scenarios A and B at both doors in turn, for 1 to 1,000 members:
processor time of the daemon for each delivery, and the ratio of the two in each round of turns.
The second is what the page weighs, how long it takes from the login to the first text, how
smoothly 100,000 texts scroll and what memory that takes. It needs Chromium and Playwright for
Python; without them it is left out.
"""

from __future__ import annotations

import argparse
import json
import socket
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from threading import Thread
from typing import TYPE_CHECKING, Any

from benchmarks import machine
from benchmarks.fanout import Arena, Measured, Scenario, ratios
from benchmarks.report import short, spread, table
from benchmarks.servers import UNSLOWED, Daemon, NotThere, free_port

if TYPE_CHECKING:
    from playwright.sync_api import Page

GOAL = 1.2
"""How much dearer a delivery over a WebSocket may be."""

FRAME_MS = 1000 / 60
"""A frame's time, in milliseconds."""

WORDS = "what people say is mostly short and now and then it goes on for some lines"
"""What texts are made of."""


class WebDaemon(Daemon):
    """Our daemon, loaded through its web door; ``native`` is its other port."""

    kind = "web"

    def __init__(self, *options: str, log: str = "memory:", name: str | None = None) -> None:
        super().__init__(*options, log=log, name=name or "web door")
        self.native = free_port()

    def command(self) -> Sequence[str]:
        """Run the daemon with both doors."""
        door, self.port = self.port, self.native
        try:
            return [*super().command(), "--web", f"tcp:{door}:interface=127.0.0.1"]
        finally:
            self.port = door


# --- deliveries ------------------------------------------------------------------------------


def fan_out(counts: Sequence[int], runs: int, seconds: float, log: str) -> Iterator[list[str]]:
    """Run the scenarios for each number of members; yield the lines of the table."""
    for members in counts:
        crowd = (0, members, min(10, members))
        options = (*UNSLOWED, "--presence-limit", "0")
        servers = [
            Daemon(*options, log=log, name="native door"),
            WebDaemon(*options, log=log),
        ]
        with Arena(list(servers), crowd) as arena:
            for scenario in (
                Scenario("A", "one text at a time", *crowd, together=True),
                Scenario("B", "16 outstanding each", *crowd, 16),
            ):
                native, web = arena.measure(scenario, runs, seconds, 0)
                yield line(scenario, members, native, web)


def line(scenario: Scenario, members: int, native: Measured, web: Measured) -> list[str]:
    """Return the line of one scenario."""
    rates = [
        short(median(each["deliveries"] / each["seconds"] for each in one.rounds))
        for one in (native, web)
    ]
    return [
        f"{scenario.name}, {scenario.what}",
        f"{members:,}",
        spread(native.costs()),
        spread(web.costs()),
        spread(ratios(web, native)),
        *rates,
        *(f"{one.kib:.1f}" for one in (native, web)),
    ]


HEAD = (
    *("scenario", "members", "native us", "web us", "web / native"),
    *("native /s", "web /s", "native KiB", "web KiB"),
)


# --- the page --------------------------------------------------------------------------------


@contextmanager
def browsed() -> Iterator[Any]:
    """Start a browser. Raises NotThere."""
    try:
        from playwright.sync_api import sync_playwright

        from tests.kit.browser import ARGUMENTS, chromium
    except ImportError as problem:
        raise NotThere(f"the page is not measured: {problem}") from None
    path = chromium()
    if path is None:
        raise NotThere("the page is not measured: there is no Chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def fill(port: int, count: int, seconds: float = 0.0) -> None:
    """Say so many texts in the lobby, of lengths as people write them: in so long, or at once."""
    began = time.monotonic()
    link = socket.create_connection(("127.0.0.1", port))
    reader = link.makefile("rb")

    def frame(**message: object) -> bytes:
        body = json.dumps(message).encode()
        return struct.pack("!I", len(body)) + body

    def next_message() -> dict[str, Any]:
        (size,) = struct.unpack("!I", reader.read(4))
        found: dict[str, Any] = json.loads(reader.read(size))
        return found

    link.sendall(frame(type="login", user="author"))
    words = WORDS.split()
    size = 1 if seconds else 50
    for start in range(0, count, size):
        numbers = range(start, min(start + size, count))
        time.sleep(max(0.0, began + start * seconds / count - time.monotonic()))
        link.sendall(
            b"".join(
                frame(type="text", data=f"{number} " + " ".join(words[: number * 7 % 16]) * length)
                for number in numbers
                for length in (1 if number % 9 else 6,)
            )
        )
        seen = 0
        while seen < len(numbers):
            seen += next_message()["type"] == "text"
    link.close()


def page(texts: int, seconds: float) -> Iterator[list[str]]:
    """Measure the page; yield the lines of the table."""
    with browsed() as browser, WebDaemon(*UNSLOWED, name="page") as daemon:
        fill(daemon.native, texts)
        context = browser.new_context(viewport={"width": 1200, "height": 800})
        tab = context.new_page()
        devtools = context.new_cdp_session(tab)
        devtools.send("Network.enable")
        devtools.send("Performance.enable")
        sizes: list[float] = []
        devtools.on("Network.loadingFinished", lambda e: sizes.append(e["encodedDataLength"]))
        tab.goto(f"http://127.0.0.1:{daemon.port}/")
        tab.wait_for_load_state("networkidle")
        weight = sum(sizes) / 1000
        yield ["weight, all files with headers, KB", short(weight), "60"]
        trips: list[str] = []
        tab.on("websocket", lambda opened: _watch(opened, trips))
        began = time.monotonic()
        tab.fill("#login-user", "reader")
        tab.press("#login-user", "Enter")
        tab.wait_for_selector(".row")
        elapsed = (time.monotonic() - began) * 1000
        yield ["round trips from login to first text", str(_round_trips(trips)), "1"]
        yield ["from Enter to first text, ms", short(elapsed), ""]
        for speed in (2_000, 6_000, 20_000, 40_000):
            before = busy(devtools)
            gaps, moved = scroll(tab, speed, seconds)
            work = (busy(devtools) - before) / len(gaps)
            late = sum(gap > 1.5 * FRAME_MS for gap in gaps) / len(gaps)
            yield [
                f"scrolling back at {moved / seconds:,.0f} pixels/s, frames/s",
                f"{len(gaps) / sum(gaps) * 1000:.1f} ({100 * late:.1f} % late, longest"
                f" {max(gaps):.0f} ms; {work:.1f} ms of work each)",
                "60",
            ]
        tab.evaluate("document.querySelector('#newest').click()")
        yield from flood(tab, devtools, daemon.native)
        tab.evaluate("window.gc?.()")
        devtools.send("HeapProfiler.collectGarbage")
        yield ["rows in the page then", str(tab.locator(".row").count()), ""]
        yield ["JavaScript heap then, MB", short(heap(devtools)), ""]
        yield ["resident memory of the page's process, MB", short(resident(browser)), "100"]


def _watch(opened: Any, trips: list[str]) -> None:
    opened.on("framesent", lambda _: trips.append("sent"))
    opened.on("framereceived", lambda frame: trips.append(_kind(str(frame))))


def _kind(frame: str) -> str:
    return "history" if '"type":"history"' in frame else "came"


def _round_trips(trips: Sequence[str]) -> int:
    """Count how often something was sent after something had come, until the texts came."""
    until = trips[: trips.index("history")] if "history" in trips else trips
    turns = [kind for at, kind in enumerate(until) if at == 0 or kind != until[at - 1]]
    return turns.count("sent")


def scroll(tab: Page, speed: float, seconds: float) -> tuple[list[float], float]:
    """Scroll back; return the gaps between frames in milliseconds, and the pixels."""
    gaps, moved = tab.evaluate(
        """([speed, seconds]) => new Promise((done) => {
          const scroller = document.querySelector('#scroller');
          const began = performance.now();
          const gaps = [];
          let last = 0;
          let moved = 0;
          requestAnimationFrame(function frame(now) {
            if (last) gaps.push(now - last);
            last = now;
            const before = scroller.scrollTop;
            scroller.scrollTop -= speed / 60;
            moved += before - scroller.scrollTop;
            if (now - began < seconds * 1000) requestAnimationFrame(frame);
            else done([gaps, moved]);
          });
        })""",
        [speed, seconds],
    )
    return gaps, moved


FLOOD = 4_000
FLOOD_SECONDS = 20.0
"""Texts that come in while one reads the newest, and in how long."""


def flood(tab: Page, devtools: Any, port: int) -> Iterator[list[str]]:
    """Measure the page while many texts come in; yield lines of the table."""
    tab.evaluate(
        """() => {
          const seen = window.seen = { frames: 0, tasks: [] };
          const frame = () => { seen.frames += 1; requestAnimationFrame(frame); };
          requestAnimationFrame(frame);
          new PerformanceObserver((list) => {
            seen.tasks.push(...list.getEntries().map((task) => task.duration));
          }).observe({ type: "longtask" });
        }"""
    )
    before, began = busy(devtools), time.monotonic()
    saying = Thread(target=fill, args=(port, FLOOD, FLOOD_SECONDS))
    saying.start()
    while saying.is_alive():
        tab.wait_for_timeout(200)
    took = time.monotonic() - began
    seen = tab.evaluate("() => seen")
    what = f"{FLOOD:,} texts come in {took:.0f} s"
    yield [f"{what}: frames/s", short(seen["frames"] / took), "55"]
    longest = max(seen["tasks"], default=0)
    tasks = f"{len(seen['tasks'])} (longest {longest:.0f} ms)"
    yield [f"{what}: tasks over 50 ms", tasks, "0"]
    yield [f"{what}: main thread busy, %", short((busy(devtools) - before) / took / 10), ""]


def busy(devtools: Any) -> float:
    """Return how long the page's main thread has worked so far, in milliseconds."""
    metrics = devtools.send("Performance.getMetrics")["metrics"]
    seconds: float = sum(one["value"] for one in metrics if one["name"] == "TaskDuration")
    return 1000 * seconds


def heap(devtools: Any) -> float:
    """Return the bytes of JavaScript's heap in use, in MB."""
    used: float = devtools.send("Runtime.getHeapUsage")["usedSize"]
    return used / 1e6


def resident(browser: Any) -> float:
    """Return the memory of the process that shows the page, without what it shares, in MB."""
    devtools = browser.new_browser_cdp_session()
    processes = devtools.send("SystemInfo.getProcessInfo")["processInfo"]
    pages = [one["id"] for one in processes if one["type"] == "renderer"]
    return max(_private(pid) for pid in pages) / 1e6


def _private(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    kib = [line.split()[1] for line in lines if line.startswith(("Private_", "Swap:"))]
    return sum(map(int, kib)) * 1024


def main(argv: Sequence[str]) -> int:
    """Run ``python -m benchmarks web``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks web", description=__doc__)
    parser.add_argument("--members", type=int, nargs="+", default=[1, 10, 100, 1000])
    parser.add_argument("--log", default="memory:", help="memory: or sqlite:FILE")
    parser.add_argument("--runs", type=int, default=5, help="rounds at each door [5]")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a round [1]")
    parser.add_argument("--texts", type=int, default=100_000, help="texts to scroll [100000]")
    parser.add_argument("--only", choices=("doors", "page"), help="one of the two tables")
    options = parser.parse_args(argv)
    print(f"{machine.describe()}; medians of {options.runs} rounds (least to most)")
    if options.only != "page":
        lines = fan_out(options.members, options.runs, options.seconds, options.log)
        print(f"\n**The doors** (goal: web / native {GOAL} or less)\n\n{table(HEAD, list(lines))}")
    if options.only != "doors":
        try:
            found = table(("the page", "measured", "goal"), list(page(options.texts, 5.0)))
        except NotThere as problem:
            print(problem, file=sys.stderr)
        else:
            print(f"\n**The page**, {options.texts:,} texts\n\n{found}")
    return 0
