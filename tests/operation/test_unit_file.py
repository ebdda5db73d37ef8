"""The systemd unit in ``etc``: what systemd itself says of it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parent.parent.parent / "etc" / "twisted-chat.service"


def test_unit_file(tmp_path: Path) -> None:
    """Every word of it is known to systemd; the program need not be where it says."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/twisted-chat/bin/twistd", "/bin/true"))
    found = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "")
