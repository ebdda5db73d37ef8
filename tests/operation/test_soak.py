"""The long measurements, short: that they run, and that they would notice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.checking import Wrong
from benchmarks.soak import Truth

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent


def ran(*words: str) -> str:
    """Run a benchmark; return what it said."""
    found = subprocess.run(
        [sys.executable, "-m", "benchmarks", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def test_soak() -> None:
    """Clients come, go, vanish, stall and flood for some seconds, and every promise holds."""
    said = ran("soak", "--minutes", "0.15", "--clients", "20", "--log", "memory:")
    assert "Every promise held" in said


def test_back() -> None:
    """All come back, each from its place."""
    assert "everybody is back" in ran("back", "--clients", "30")


def test_it_would_notice() -> None:
    """Another text of the same seq, and another seq of the same id, are wrong."""
    truth = Truth()
    text = {"seq": 1, "source": "ann", "data": "x", "id": "a"}
    truth.check(text, "bob")
    truth.check(text, "carol")
    with pytest.raises(Wrong, match="another one"):
        truth.check({**text, "data": "y"}, "dave")
    with pytest.raises(Wrong, match="two seqs"):
        truth.check({**text, "seq": 2}, "dave")
