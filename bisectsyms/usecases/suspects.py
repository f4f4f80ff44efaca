"""The verb that tells what the search holds for possible, from the ledger alone: nothing is built."""

from __future__ import annotations

from dataclasses import dataclass

from bisectsyms.effects.dag import Range
from bisectsyms.effects.fixups import known
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.ledger.queries import Queries
from bisectsyms.inputs.variations import variation_of
from bisectsyms.model import Cell, Kind
from bisectsyms.search import Search
from bisectsyms.usecases.answering import Suspect, suspects_of
from bisectsyms.usecases.before import Before
from bisectsyms.usecases.commandbench import ARCH, CommandBench
from bisectsyms.usecases.learning import Basis, Learning, SearchOptions
from bisectsyms.usecases.workbench import Workbench


@dataclass(frozen=True, slots=True)
class Suspected:
    """How a search stands."""

    kind: str
    """culprit, predates, not-reproduced or undecided; not looked at once more."""
    probability: float
    suspects: tuple[Suspect, ...]
    endings: dict[str, float]
    candidates: int


def kinds_of(cell: Cell) -> tuple[Kind, ...]:
    """Those of the bench of this cell, without one."""
    return CommandBench.kinds if cell.arch == ARCH else Workbench.kinds


def search_of(repository: Repository, ledger: Queries, cell: Cell, commits: Range, options: SearchOptions) -> Search:
    """A search over a range that was told what the ledger knows of it in this cell."""
    basis = Basis(
        ledger,
        cell,
        kinds_of(cell),
        variation_of(cell.variation).layouts,
        lambda revision: known(repository, cell.fixups, revision),
    )
    return Learning(basis, commits, options, Before(basis, repository, commits, options)).search()


def suspects(repository: Repository, cell: Cell, commits: Range, options: SearchOptions) -> Suspected:
    """What the attempts of `cell` say of a range."""
    with Ledger.open(repository.state_dir) as ledger:
        result = search_of(repository, ledger, cell, commits, options).result
    found = () if result.kind in ("predates", "not-reproduced") else suspects_of(repository, commits, result)
    return Suspected(result.kind, result.probability, found, result.endings, commits.candidates)
