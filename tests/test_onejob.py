"""What counts as the same attempt with one job of make, wherever the ledger has it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bisectsyms.model import Attempt, Cell, Draw, Kind, Outcome
from bisectsyms.usecases.onejob import one_job_seen
from tests.ledgers import CELL, FAILED, plan

FIVE = replace(CELL, jobs=5)
ONE = replace(CELL, jobs=1)
DRAW = Draw(7)
ADDED = Draw(7, (("jobs-one", ""),))


def attempt(cell: Cell, draw: Draw, kind: Kind = Kind.RELINK, outcome: Outcome = Outcome.CLEAN) -> Attempt:
    return Attempt(1, replace(plan(), cell=cell, draw=draw, kind=kind), 0.0, replace(FAILED, outcome=outcome))


@pytest.mark.parametrize(
    ("one", "counts"),
    [
        (attempt(ONE, DRAW), True),
        (attempt(replace(FIVE, variation="jobs-one"), ADDED), True),
        (attempt(FIVE, DRAW), False),
        (attempt(ONE, Draw(8)), False),
        (attempt(ONE, DRAW, outcome=Outcome.INFRA), False),
        (attempt(ONE, DRAW, Kind.CLEAN), False),
        (attempt(replace(ONE, kconfig="other"), DRAW), False),
    ],
)
def test_one_job_counts_where_nothing_else_differs(one: Attempt, counts: bool) -> None:
    failed = attempt(FIVE, DRAW, outcome=Outcome.INCONSISTENT).observation()
    assert failed
    assert bool(one_job_seen([one], FIVE, Kind.RELINK, [failed])) is counts
    assert not one_job_seen([one], ONE, Kind.RELINK, [failed]), "there is no fewer"
