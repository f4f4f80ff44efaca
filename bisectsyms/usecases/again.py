"""Repeat one attempt of the ledger, draw and all: does it end the same way?"""

from __future__ import annotations

from dataclasses import dataclass

from bisectsyms.core.words import plain
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import Ledger
from bisectsyms.errors import UserError
from bisectsyms.model import Attempt
from bisectsyms.usecases.bench import Bench


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


def find_here(repository: Repository, number: int) -> Attempt:
    """As `find`, for an attempt whose revision is to be checked out.

    Raises:
        UserError: there is no such attempt, or its revision is not in this repository.
    """
    attempt = find(repository, number)
    try:
        repository.resolve(attempt.plan.revision.commit)
    except UserError as error:
        with Ledger.open(repository.state_dir) as ledger:
            origin = ledger.origin(number) or "this host"
        raise UserError(
            f"attempt {number} was made on {plain(origin)}, and its commit {attempt.plan.revision.commit} is not here",
            next_step="git fetch it, then the same command again",
        ) from error
    return attempt


def refuse_foreign(repository: Repository, attempt: Attempt) -> None:
    """What others put into a ledger is not run.

    Raises:
        UserError: the attempt was taken over from another host.
    """
    with Ledger.open(repository.state_dir) as ledger:
        origin = ledger.origin(attempt.number)
    if origin:
        raise UserError(
            f"attempt {attempt.number} ran a command on {plain(origin)}, and commands of other ledgers are not run",
            next_step=f"if you know it: {plain(attempt.plan.command)}",
        )


def tell_cell(bench: Bench, first: Attempt) -> None:
    """Say so if a profile or compiler has changed since: that is another cell."""
    if first.plan.cell.key != bench.cell.key:
        bench.reporter.say(
            f"attempt {first.number} was made in another cell ({first.plan.cell}): "
            "the profile, the compiler, or a script of the command changed"
        )


def again(bench: Bench, first: Attempt) -> Repeated:
    """Make it once more and compare."""
    tell_cell(bench, first)
    second = bench.again(first)
    outcomes = {one.result.outcome for one in (first, second) if one.result}
    return Repeated(first, second, len(outcomes) == 1)
