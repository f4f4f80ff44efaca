"""Take an attempt out of the evidence, or back into it: it stays in the ledger, and every verdict says so."""

from __future__ import annotations

from dataclasses import dataclass

from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import Ledger
from bisectsyms.errors import UserError
from bisectsyms.model import Attempt, Exclusion
from bisectsyms.usecases.again import find


@dataclass(frozen=True, slots=True)
class Excluded:
    """An attempt and the word that was written down about it."""

    attempt: Attempt
    exclusion: Exclusion
    counts: bool
    """Whether it is evidence again."""


def exclude(repository: Repository, number: int, why: str, *, undo: bool) -> Excluded:
    """Write the word down.

    Raises:
        UserError: there is no such attempt, it still runs, or there is nothing to undo.
    """
    attempt = find(repository, number)
    if attempt.result is None:
        raise UserError(f"attempt {number} has not ended", next_step="wait for its end: bisectsyms status")
    with Ledger.open(repository.state_dir) as ledger:
        if undo and ledger.exclusion(number) is None:
            raise UserError(f"attempt {number} is not excluded", next_step="bisectsyms status shows which are")
        return Excluded(attempt, ledger.exclude(attempt, why, undo=undo), undo)
