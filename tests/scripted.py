"""A bench on a real repository whose attempts end as a test says, at once: for what is asked after the search."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from bisectsyms.core.variation import Variation
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.machine import LEAST_FREE_BYTES, Health
from bisectsyms.effects.objtree import Objtree
from bisectsyms.inputs.toolchains import load_toolchains
from bisectsyms.model import Attempt, Cell, Draw, Kind, Outcome, Plan, Result, Revision
from bisectsyms.usecases.bench import Bench, Options
from bisectsyms.usecases.desk import Reporter
from tests.ledgers import CELL, MEASURED

Shows = Callable[[Plan], tuple[Outcome, str]]
"""Outcome and layout key of an attempt."""


@dataclass
class Heard:
    """A reporter that remembers."""

    lines: list[str] = field(default_factory=list)
    made: list[Attempt] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.lines.append(text)

    def running(self, number: int, plan: Plan, why: str) -> AbstractContextManager[None]:
        return nullcontext()

    def ended(self, attempt: Attempt) -> None:
        self.made.append(attempt)


@dataclass
class Maker:
    """What makes the attempts: nothing is built."""

    cell: Cell
    slot: Path
    objtree: Objtree
    shows: Shows

    @property
    def log(self) -> Path:
        return self.slot / "log"

    def plan(self, revision: Revision, kind: Kind, draw: Draw) -> Plan:
        return Plan(revision, self.cell, kind, draw, self.slot.name, "bwrap", kind is Kind.CLEAN, "make")

    def carry_out(self, plan: Plan, number: int) -> Result:
        outcome, layout = self.shows(plan)
        self.objtree.path.mkdir(parents=True, exist_ok=True)
        self.objtree.arrived(plan.revision.tree)
        return Result(outcome, str(outcome), "as the test says", MEASURED, 0, layout)


class Scripted(Bench):
    """Relinks and clean builds, over `lengths` lengths of the version string, or what `vary` says."""

    kinds = (Kind.RELINK, Kind.CLEAN)

    def __init__(
        self,
        repo: Path,
        aside: Path,
        shows: Shows,
        lengths: int = 1,
        reporter: Reporter | None = None,
        vary: Variation | None = None,
        jobs: int = CELL.jobs,
    ) -> None:
        self.heard = Heard()
        variation = vary or Variation(lengths)
        cell = replace(CELL, variation=str(variation), jobs=jobs)
        options = Options(slots_dir=aside / "slots", toolchains=load_toolchains(aside))
        fine = Health(oom_kills=0, free_bytes=10 * LEAST_FREE_BYTES, load=0.0)
        repository = Repository.discover(repo, {})
        super().__init__(repository, cell, variation, options, reporter or self.heard, health=lambda folder: fine)
        self.builder = Maker(cell, self.slot.path, self.slot.objtree("scripted"), shows)
