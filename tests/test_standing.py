"""A verdict that git was told does not outlive what it rests on: an attempt that fails later ends a GOOD."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bisectsyms.core.direction import BisectState
from bisectsyms.effects.bisecting import read_bisect
from bisectsyms.model import Judged, Outcome, Verdict
from bisectsyms.usecases.judging import Judging, StepOptions
from bisectsyms.usecases.standing import outdated
from bisectsyms.usecases.status import described
from tests.conftest import git
from tests.ledgers import CLEAN, FAILED, judged, plan
from tests.scripted import Scripted
from tests.test_searching import write


@pytest.fixture
def bench(tmp_path: Path) -> Scripted:
    """In the middle of a bisect of which both ends were judged."""
    repo = write(tmp_path / "repo", ["true"] * 6)
    made = Scripted(repo, tmp_path / "aside", lambda plan: (Outcome.CLEAN, "x"))
    git(repo, "bisect", "start", "6", "1")
    for name, verdict, result in (("1", Verdict.GOOD, CLEAN), ("6", Verdict.BAD, FAILED)):
        attempt(made, name, result)
        made.ledger.judge(given(made, name, verdict), made.cell)
    return made


def attempt(bench: Scripted, name: str, result: object) -> int:
    one = replace(plan(cell=bench.cell), revision=bench.repository.resolve(name))
    number = bench.ledger.begin(one)
    bench.ledger.finish(number, result)  # type: ignore[arg-type]  # CLEAN or FAILED
    return number


def given(bench: Scripted, name: str, verdict: Verdict) -> Judged:
    """A verdict of now: what has ended is older."""
    ((last,),) = bench.ledger._db.execute("select max(ended) from attempts").fetchall()
    return replace(judged(bench.repository.resolve(name).commit, verdict, when=last), cell=bench.cell.key)


def seen(bench: Scripted) -> tuple[list[str], tuple[str, ...]]:
    """What the next step would look at again, and what `status` says is out of date."""
    state = read_bisect(bench.repository)
    assert isinstance(state, BisectState)
    titles = [bench.repository.resolve(one.commit).title for one in outdated(Judging(bench, StepOptions()), state)]
    stale = described(bench.repository, bench.ledger, rejudge=False).outdated
    return titles, tuple(bench.repository.resolve(one).title for one in stale)


def test_nothing_is_out_of_date_by_itself(bench: Scripted) -> None:
    assert seen(bench) == ([], ())
    attempt(bench, "1", CLEAN)
    attempt(bench, "6", CLEAN)
    assert seen(bench) == ([], ()), "a BAD stands by one failure"


def test_a_failure_after_a_good_takes_it_back(bench: Scripted) -> None:
    number = attempt(bench, "1", FAILED)
    (one,) = [each for each in bench.ledger.attempts() if each.number == number]
    assert seen(bench) == (["1"], ("1",))
    bench.ledger.exclude(one, "wrong compiler")
    assert seen(bench) == (["1"], ("1",)), "excluded or not, what is known has changed"
    bench.ledger.judge(replace(given(bench, "1", Verdict.GOOD), when=1e12), bench.cell)
    assert seen(bench) == ([], ()), "judged again"
