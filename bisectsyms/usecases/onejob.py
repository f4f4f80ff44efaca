"""What the ledger has of attempts with one job of make: two verbs make them, each in cells of its own.

`calibrate` and `reproduce` make them under -j1, `diagnose --experiment jobs=1` gives make -j1 beside the cell's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from bisectsyms.kallsyms.conditions import ONE_JOB
from bisectsyms.model import Attempt, Cell, Draw, Kind, Observation


def one_job_seen(attempts: Iterable[Attempt], cell: Cell, kind: Kind, mine: Sequence[Observation]) -> list[Observation]:
    """Those of `attempts`, all at one revision, that differ from `mine` by -j1 alone.

    `mine` are the attempts of `cell` and `kind`. Only draws that failed there are compared: another one could pass
    because of its layout.
    """
    failed = {one.draw for one in mine if one.outcome.is_failure}
    found = []
    for one in attempts:
        plan, seen = one.plan, one.observation()
        alone = plan.cell.jobs == 1 or (ONE_JOB, "") in plan.draw.factors
        like = replace(plan.cell, jobs=cell.jobs, variation=cell.variation) == cell
        if (
            seen
            and seen.outcome.is_evidence
            and alone
            and like
            and cell.jobs != 1
            and plan.kind is kind
            and without(plan.draw) in failed
        ):
            found.append(seen)
    return found


def without(draw: Draw) -> Draw:
    """The draw but for that it has one job."""
    return replace(draw, factors=tuple(one for one in draw.factors if one != (ONE_JOB, "")))
