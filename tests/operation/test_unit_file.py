"""The systemd units in ``etc``: what systemd itself says of them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ETC = Path(__file__).parent.parent.parent / "etc"
UNIT = ETC / "twisted-chat.service"


def prepared(folder: Path) -> Path:
    """Copy the units; the programs need not be where the service says."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    for unit in (*ETC.glob("*.service"), *ETC.glob("*.socket")):
        text = re.sub(r"/opt/twisted-chat/bin/\S+", "/bin/true", unit.read_text())
        (folder / unit.name).write_text(text)
    return folder / UNIT.name


@pytest.mark.parametrize("name", sorted(path.name for path in ETC.glob("twisted-chat*.s*")))
def test_unit_file(name: str, tmp_path: Path) -> None:
    """Every word of it is known to systemd."""
    prepared(tmp_path)
    found = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / name], capture_output=True, text=True
    )
    assert (found.returncode, found.stderr) == (0, "")


def test_hardened(tmp_path: Path) -> None:
    """Systemd finds little that the daemon could do beside its work: under 2.0 of 10."""
    found = subprocess.run(
        [
            *("systemd-analyze", "security", "--offline=yes", "--json=short", "--threshold=20"),
            prepared(tmp_path),
        ],
        capture_output=True,
        text=True,
    )
    if "unrecognized option" in found.stderr:
        pytest.skip("systemd is too old to look at a file")
    assert found.returncode == 0, [one for one in json.loads(found.stdout) if not one["set"]]
