"""The attempts of a cell are read once, and what was known is forgotten when it has become something else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bisectsyms.core.belief import Belief, Sample, prior
from bisectsyms.effects.ledger import Ledger
from bisectsyms.model import Draw, Kind, Outcome, Result, Word
from bisectsyms.usecases.following import Following
from bisectsyms.usecases.judging import Judging, StepOptions
from tests.ledgers import CELL, CLEAN, FAILED, plan
from tests.scripted import Scripted
from tests.test_searching import write

NUMBERS = tuple[list[int], bool]


def made(ledger: Ledger, revision: int, result: Result, draw: int = 1, commit: str = "") -> int:
    here = plan(revision, cell=CELL, draw=Draw(draw))
    if commit:
        here = replace(here, revision=replace(here.revision, commit=commit))
    number = ledger.begin(here)
    ledger.finish(number, replace(result, layout=f"layout{draw}"))
    return number


def numbers(following: Following) -> NUMBERS:
    fresh, anew = following.fresh()
    return [one.number for one in fresh], anew


def test_attempts_are_told_once_in_whatever_order_they_end(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        following = Following(ledger, CELL.key)
        assert numbers(following) == ([], True)
        first, second = ledger.begin(plan(1)), ledger.begin(plan(2))
        ledger.finish(second, CLEAN)
        assert numbers(following) == ([second], False)
        ledger.finish(first, FAILED)
        assert numbers(following) == ([first], False)
        assert numbers(following) == ([], False)
        following.forget()
        assert numbers(following) == ([first, second], True)


def excluded(ledger: Ledger) -> None:
    attempt = ledger.get(1)
    assert attempt is not None
    ledger.exclude(attempt, "another compiler")


def told(ledger: Ledger) -> None:
    ledger.tell(plan(2).revision, CELL, Word.CLEAN, "seen")


@pytest.mark.parametrize("change", [excluded, told])
@pytest.mark.parametrize("others", [False, True], ids=["by us", "by another process"])
def test_a_word_of_people_makes_it_void_whoever_writes_it(
    tmp_path: Path, change: Callable[[Ledger], None], others: bool
) -> None:
    with Ledger.open(tmp_path) as ledger, Ledger.open(tmp_path) as other:
        made(ledger, 1, FAILED)
        following = Following(ledger, CELL.key)
        assert numbers(following) == ([1], True)
        made(other, 2, CLEAN)
        assert not following.is_stale(), "an attempt changes nothing of what is known"
        change(other if others else ledger)
        assert following.is_stale()
        assert numbers(following) == ([2] if change is excluded else [1, 2], True)
        assert not following.is_stale()


def plainly(ledger: Ledger, varied: bool) -> tuple[Belief, int]:
    belief, failing = prior(varied=varied), 0
    for tree in dict.fromkeys(one.tree for one in ledger.revisions(CELL.key)):
        said = ledger.told(tree, CELL.key)
        sample = Sample.of(one for one in ledger.observations(tree, CELL.key) if one.kind is Kind.RELINK)
        if sample.failed and (said is None or said.word is Word.FAILED):
            belief, failing = belief.given(sample), failing + 1
    return belief, failing


def test_what_failed_in_a_cell_teaches_the_same_and_is_read_once(tmp_path: Path) -> None:
    repo = write(tmp_path / "repo", ["true"])
    with Scripted(repo, tmp_path, lambda _: (Outcome.CLEAN, "")) as bench:
        bench.cell, ledger, judging = CELL, bench.ledger, Judging(bench, StepOptions())
        asked, statements = list[int](), list[str]()

        def learnt() -> int:
            ledger._db.set_trace_callback(statements.append)
            belief, failing = judging.learnt_from_failures(Kind.RELINK)
            ledger._db.set_trace_callback(None)
            asked.append(len(statements))
            statements.clear()
            expected, count = plainly(ledger, judging.draws > 1)
            assert failing == count
            assert np.allclose(belief.schedule, expected.schedule) and np.allclose(belief.layout, expected.layout)
            return failing

        assert learnt() == 0
        for revision in range(1, 13):
            for draw in range(1, 4):
                made(ledger, revision, FAILED if (revision * draw) % 5 == 0 else CLEAN, draw)
        assert learnt() == 2
        made(ledger, 5, FAILED, 4, commit="f" * 40)
        assert learnt() == 2, "two commits with one tree have the same attempts"
        excluded(ledger)
        ledger.tell(plan(10).revision, CELL, Word.CLEAN, "")
        assert learnt() == 1
        made(ledger, 1, FAILED)
        assert learnt() == 2
        assert max(asked) <= asked[0] + 1, "whatever it has, a cell is asked the same questions"
