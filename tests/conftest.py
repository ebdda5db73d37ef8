"""What test files share: a browser, and daemons for it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.kit.browser import WebDaemon, launched

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def pytest_configure() -> None:
    """Let programs be interrupted, also where a shell has started the tests in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers() -> int:
    """Return how many tests run side by side for ``-n auto``: two more than cores, as many wait."""
    return len(os.sched_getaffinity(0)) + 2


LONGEST = (
    *("test_nodes_endtoend.py", "test_soak.py", "test_durability.py", "test_power_cut.py"),
    "test_page_views.py",
)
"""Files whose tests wait long for others (a lease that ends, a disk, clients that come back), and
the one with the longest test of all."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: the rest is done beside it, and nothing long is the last."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A browser, for all tests of a process; each visitor has a profile of its own in it."""
    with launched() as found:
        yield found


@pytest.fixture
def daemon(browser: Browser) -> Iterator[WebDaemon]:  # no browser, no daemon
    """A daemon for one test."""
    with WebDaemon("--log", "sqlite:chat.db?synchronous=normal") as found:
        yield found


@pytest.fixture(scope="module")
def shared(browser: Browser) -> Iterator[WebDaemon]:
    """A daemon for tests that use names and sessions of their own."""
    with WebDaemon("--log", "memory:", "--rate", "0") as found:
        yield found
