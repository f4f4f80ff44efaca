"""A hunt that is killed three times with -9 and begun again; two flaky cells are planted in its matrix of 54.

After each kill and at the end every attempt that had ended is looked for: none may be gone, changed or there twice,
and the table may count nothing else. Nothing but the planted cells may have failed, and what is said of them should
hold the rate that as many builds without us show (`--rounds`, 300). The short form is the slow test of
tests/test_hunt.py.
"""

from __future__ import annotations

import contextlib
import json
import random
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.conftest import User
from tests.torture.outcome import Options, Row
from tests.torture.planted import PLAN, PLANTED, held, history, named

SECONDS, ROUNDS, KILLS = 600.0, 300, 3
LATE = 1800.0
"""Seconds that anything may take on a machine that is busy with something else."""
Ended = dict[int, tuple[str, ...]]
"""Number of an attempt -> uuid, outcome and when it ended."""


def run(options: Options) -> list[Row]:
    seconds, rounds = options.seconds or SECONDS, options.rounds or ROUNDS
    with tempfile.TemporaryDirectory(prefix="bisectsyms-hunt-") as name:
        folder = Path(name)
        home = folder / "home"
        home.mkdir()
        user, repo = User(home, folder / "slots"), history(folder / "linux")
        (folder / "plan.yaml").write_text(f"{PLAN}kind: relink\nslots: 2\n")
        ledger = repo / ".git/bisectsyms/ledger.sqlite"
        words = ("bisectsyms", "hunt", str(folder / "plan.yaml"), "--no-nice", "--slots-dir", str(user.slots))
        begun, before, lost = time.monotonic(), Ended(), 0
        for moment in _moments(seconds, options.seed):
            before, missing = _killed(user, repo, words, ledger, begun + moment, before)
            lost += missing
        rest = max(30.0, begun + seconds - time.monotonic())
        done = subprocess.run(
            [*words, "--for", f"{rest:.0f}s", "--json"],
            cwd=repo,
            env=user.env,
            capture_output=True,
            text=True,
            timeout=rest + LATE,
            check=False,
        )
        assert done.returncode in (0, 3), done.stderr
        answer = json.loads(done.stdout)
        after = _ended(ledger)
        gone = _gone(before, after)
        doubled = len(after) - len({uuid for uuid, *_ in after.values()})
        counted = _counted(answer) - _evidence(ledger)
        return [
            Row(
                "attempts of a hunt that was killed and begun again",
                len(after),
                "attempts",
                lost=lost + gone + doubled + abs(counted),
                note=f"{KILLS} kills in {seconds:.0f} s (seed {options.seed}), {lost + gone} missing, "
                f"{doubled} doubled, {abs(counted)} counted wrongly",
            ),
            named(answer),
            *(held(folder, answer, planted, rounds) for planted in PLANTED),
        ]


def _moments(seconds: float, seed: int) -> Iterator[float]:
    """When it is killed: once in each third, so that each time there is something to lose."""
    rng = random.Random(seed)
    third = seconds / KILLS
    for number in range(KILLS):
        yield third * (number + rng.uniform(0.4, 0.9))


def _killed(
    user: User, repo: Path, words: tuple[str, ...], ledger: Path, when: float, before: Ended
) -> tuple[Ended, int]:
    """What had ended when the hunt was killed, and how much of what had ended before is gone."""
    made = max(before, default=0)
    running = user.start(*words, "--for", "2h", cwd=repo)
    try:
        _wait(when, ledger, made, running)
        ended = _ended(ledger)
    finally:
        running.kill()
        running.communicate()
    return ended, _gone(before, ended)


def _wait(until: float, ledger: Path, made: int, running: subprocess.Popen[str]) -> None:
    """Until then, and at least until it has ended another attempt."""
    latest = time.monotonic() + LATE
    while time.monotonic() < until or max(_ended(ledger), default=0) <= made:
        assert running.poll() is None, f"the hunt has ended early: {running.communicate()[0]}"
        assert time.monotonic() < latest, "it makes no attempts"
        time.sleep(0.5)


def _ended(ledger: Path) -> Ended:
    """A ledger that is not there yet has none."""
    rows = _rows(ledger, "select number, uuid, outcome, ended from attempts where ended is not null")
    return {int(number): tuple(map(str, rest)) for number, *rest in rows}


def _gone(before: Ended, after: Ended) -> int:
    return sum(after.get(number) != one for number, one in before.items())


def _evidence(ledger: Path) -> int:
    outcomes = "('CLEAN', 'INCONSISTENT')"
    return len(_rows(ledger, f"select number from attempts where outcome in {outcomes}"))


def _counted(answer: dict[str, Any]) -> int:
    """Attempts in the table of the hunt."""
    rates = [each["rate"] for line in answer["lines"] for each in (line, *line["others"])]
    return sum(int(rate["attempts"]) for rate in rates)


def _rows(ledger: Path, query: str) -> list[tuple[Any, ...]]:
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)) as db,
    ):
        return db.execute(query).fetchall()
    return []
