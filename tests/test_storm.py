"""A short form of the kill storm, and what it has found."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.conftest import User
from tests.torture.storm import AFTERGLOW, storm


@pytest.mark.slow
@pytest.mark.parametrize(("what", "kills"), [("bisect -- command", 5), ("step under git bisect run, --no-checkout", 3)])
def test_nothing_is_lost_whatever_is_killed(tmp_path: Path, what: str, kills: int) -> None:
    said: list[str] = []
    tally = storm(tmp_path, what, kills, 3, said.append, per_case=kills)
    assert not tally.findings, "\n".join(said)
    assert tally.ended, "\n".join(said)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 128), (signal.SIGKILL, -9)])
def test_a_demo_that_is_ended_alone_leaves_what_is_to_be_kept(
    user: User, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    """git's helper goes on with a bisect when git alone is ended; and a demo that was killed removes nothing."""
    aside = tmp_path / "aside"
    aside.mkdir()
    kept = ("--keep", str(aside / "kept")) if number == signal.SIGTERM else ()
    words = ("demo", "--failure", "always", "--commits", "20", *kept)
    demo = user.start("bisectsyms", *words, cwd=tmp_path, env={"TMPDIR": str(aside)})
    patience = time.monotonic() + 200
    while not list(aside.glob("*/linux/.git/bisectsyms/ledger.sqlite")):
        assert demo.poll() is None
        assert time.monotonic() < patience
        time.sleep(0.05)
    demo.send_signal(number)
    output, _ = demo.communicate(timeout=200)
    assert demo.returncode == status, output
    patience = time.monotonic() + AFTERGLOW
    while left := [one for one in psutil.process_iter() if _home(one) == str(user.home)]:
        assert time.monotonic() < patience, left
        time.sleep(0.05)
    assert [path.name for path in aside.iterdir()] == (["kept"] if kept else [])


def _home(process: psutil.Process) -> str:
    try:
        return process.environ().get("HOME", "") if process.status() != psutil.STATUS_ZOMBIE else ""
    except (psutil.Error, OSError):
        return ""
