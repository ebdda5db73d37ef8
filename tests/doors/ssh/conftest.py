"""A daemon with the SSH door, for all tests of one file."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.kit.ssh_daemon import SshDaemon


@pytest.fixture(scope="module")
def daemon() -> Iterator[SshDaemon]:
    """Run one for all."""
    if shutil.which("ssh") is None:
        pytest.skip("there is no OpenSSH client here")
    with SshDaemon() as running:
        yield running
