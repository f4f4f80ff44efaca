"""A hunt through four workers of Dask, one of which is killed and one added; two flaky cells are planted in its matrix.

54 spots: gcc, clang and arm gcc; -j 1, 2, 3; three variations; two revisions. Afterwards no attempt that ended on any
worker may be missing here or be here twice, nothing but the planted cells may have failed, and what is said of them
should hold the rate that as many builds without us show (`--rounds`, 300).
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conftest import User
from tests.dasklab import Lab
from tests.torture.outcome import Options, Row
from tests.torture.planted import PLAN, PLANTED, held, history, named

SECONDS, ROUNDS = 600.0, 300
LATE = 1800.0
"""Seconds that anything may take on a machine that is busy with something else."""


def run(options: Options) -> list[Row]:
    seconds, rounds = options.seconds or SECONDS, options.rounds or ROUNDS
    with tempfile.TemporaryDirectory(prefix="bisectsyms-cluster-") as name:
        folder = Path(name)
        home = folder / "home"
        home.mkdir()
        user, repo = User(home, folder / "slots"), history(folder / "linux")
        (folder / "plan.yaml").write_text(PLAN)
        with contextlib.closing(Lab(user, folder)) as lab:
            answer = _hunt(lab, user, repo, seconds)
            lost, doubled, made = _missing(lab, repo)
        return [
            Row(
                "attempts of a hunt whose workers were killed and added",
                made,
                "attempts",
                lost=lost + doubled,
                note=f"{seconds:.0f} s, {len(answer['lines'])} spots, {lost} missing, {doubled} doubled",
            ),
            named(answer),
            *(held(folder, answer, planted, rounds) for planted in PLANTED),
        ]


def _hunt(lab: Lab, user: User, repo: Path, seconds: float) -> dict[str, Any]:
    """For so long: a worker is killed after a third of it, while it builds, and another comes after a half."""
    lab.scheduler()
    workers = {name: lab.worker(name) for name in ("one", "two", "three", "four")}
    words = ("bisectsyms", "hunt", "--cluster", lab.address, "--kind", "relink", "--no-nice", "--floor", "1M", "--json")
    said = lab.folder / "said"
    begun = time.monotonic()
    with said.open("w") as log:
        running = subprocess.Popen(
            [*words, str(lab.folder / "plan.yaml"), "--for", f"{seconds:.0f}s"],
            cwd=repo,
            env=user.env,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            _wait(begun + seconds / 3, lambda: lab.builds("one"), running)
            workers["one"].kill()
            _wait(begun + seconds / 2, lambda: True, running)
            lab.worker("five")
            answer = running.communicate(timeout=seconds + LATE)[0]
        finally:
            if running.poll() is None:
                running.kill()
                running.wait()
    text = said.read_text()
    assert running.returncode in (0, 3), text
    assert "is lost; what it was making" in text, text
    # The host of the one that was killed comes back, and with it what had ended there and was never told.
    lab.worker("one")
    again = user.run(*words, "--resume", "--for", f"{max(30.0, seconds / 10):.0f}s", cwd=repo)
    assert again.returncode in (0, 3), again.stderr
    return dict(json.loads(again.stdout or answer))


def _wait(until: float, ready: Callable[[], bool], running: subprocess.Popen[str]) -> None:
    latest = time.monotonic() + LATE
    while time.monotonic() < until or not ready():
        assert running.poll() is None, "the hunt has ended early"
        assert time.monotonic() < latest, "that did not happen"
        time.sleep(0.05)


def _missing(lab: Lab, repo: Path) -> tuple[int, int, int]:
    """Attempts that ended on a worker and are not here, that are here twice, and how many are here."""
    ours = _uuids(repo / ".git" / "bisectsyms" / "ledger.sqlite")
    theirs = [one for path in lab.folder.iterdir() for ledger in lab.ledgers(path.name) for one in _uuids(ledger)]
    return len({*theirs} - {*ours}), len(ours) - len({*ours}), len(ours)


def _uuids(ledger: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)) as db:
        return [str(uuid) for (uuid,) in db.execute("select uuid from attempts where ended is not null")]
