"""A short form of the kill storm, and what it has found."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest

from tests.conftest import User
from tests.torture.storm import storm


@pytest.mark.slow
@pytest.mark.parametrize(("what", "kills"), [("bisect -- command", 5), ("step under git bisect run, --no-checkout", 3)])
def test_nothing_is_lost_whatever_is_killed(tmp_path: Path, what: str, kills: int) -> None:
    said: list[str] = []
    tally = storm(tmp_path, what, kills, 3, said.append, per_case=kills)
    assert not tally.findings, "\n".join(said)
    assert tally.ended, "\n".join(said)


@pytest.mark.slow
def test_a_demo_that_is_told_to_end_leaves_nothing_running(user: User, tmp_path: Path) -> None:
    """git's helper goes on with a bisect when git alone is ended."""
    words = ("demo", "--keep", str(tmp_path / "kept"), "--failure", "always", "--commits", "20")
    demo = user.start("bisectsyms", *words, cwd=tmp_path)
    patience = time.monotonic() + 200
    while not (tmp_path / "kept/linux/.git/bisectsyms/ledger.sqlite").exists():
        assert demo.poll() is None
        assert time.monotonic() < patience
        time.sleep(0.05)
    demo.terminate()
    output, _ = demo.communicate(timeout=200)
    assert demo.returncode == 128, output
    left = [one for one in psutil.process_iter() if _home(one) == str(user.home)]
    assert not left


def _home(process: psutil.Process) -> str:
    try:
        return process.environ().get("HOME", "") if process.status() != psutil.STATUS_ZOMBIE else ""
    except (psutil.Error, OSError):
        return ""
