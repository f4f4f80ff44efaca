"""Repeat one attempt of the ledger, draw and all: does it end the same way?"""

from __future__ import annotations

from dataclasses import dataclass

from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import Ledger
from bisectsyms.errors import UserError
from bisectsyms.model import Attempt
from bisectsyms.usecases.workbench import Workbench


@dataclass(frozen=True, slots=True)
class Repeated:
    """An attempt and its repetition."""

    first: Attempt
    second: Attempt
    same_outcome: bool


def find(repository: Repository, number: int) -> Attempt:
    """Attempt `number` of the ledger.

    Raises:
        UserError: there is no such attempt.
    """
    with Ledger.open(repository.state_dir) as ledger:
        found, total = ledger.get(number), ledger.count()
    if found is None:
        raise UserError(f"there is no attempt {number}; the ledger holds {total}", next_step="bisectsyms status")
    return found


def again(bench: Workbench, first: Attempt) -> Repeated:
    """Make it once more and compare. A profile or compiler that changed since is another cell, and said."""
    if first.plan.cell.key != bench.cell.key:
        bench.reporter.say(
            f"attempt {first.number} was made in another cell ({first.plan.cell}): the profile or the compiler changed"
        )
    second = bench.again(first)
    outcomes = {one.result.outcome for one in (first, second) if one.result}
    return Repeated(first, second, len(outcomes) == 1)
