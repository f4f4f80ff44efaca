"""The verb that gathers the answer to a report: what was tried, how often it failed, why, and since which commit.

All of it is asked of the ledger anew, so that what was made after the report was tried is in it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bisectsyms.core.ladder import Choice, climb
from bisectsyms.core.nature import Nature, nature, one_job_not_asked
from bisectsyms.core.rated import Rate
from bisectsyms.effects.dag import find_ends
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.question import read_question
from bisectsyms.effects.reproductions import Reproduction
from bisectsyms.errors import BisectsymsError
from bisectsyms.inputs.variations import variation_of
from bisectsyms.kallsyms.naming import State
from bisectsyms.model import Attempt, Cell, Kind, Observation, Revision, Verdict
from bisectsyms.usecases import diagnose
from bisectsyms.usecases.calibrate import rate_seen
from bisectsyms.usecases.onejob import one_job_seen
from bisectsyms.usecases.suspects import Suspected
from bisectsyms.usecases.trying import OF_AN_ARRIVAL, layouts_of
from bisectsyms.usecases.workbench import Workbench


@dataclass(frozen=True, slots=True)
class InCell:
    """What was tried in one cell."""

    cell: Cell
    rates: tuple[tuple[Kind, Rate], ...]
    """Of the kinds that were tried."""
    chosen: Kind | None
    """The kind that shows the failure best; None where none does."""
    nature: Nature
    why: tuple[str, ...]
    """By what the class was seen."""
    layouts: int
    """How many different ones were seen."""
    broken: int
    """Attempts that say nothing of this failure."""
    draw: str
    """Of an attempt that failed."""

    @property
    def failed(self) -> bool:
        """Whether a build did that stale or cached objects cannot explain."""
        return any(rate.failed for kind, rate in self.rates if kind not in OF_AN_ARRIVAL)

    @property
    def artefact(self) -> bool:
        """Whether only others did."""
        return not self.failed and any(rate.failed for _, rate in self.rates)


@dataclass(frozen=True, slots=True)
class Since:
    """What a bisect has found."""

    good: Revision
    culprit: Revision
    author: str
    fixes: str
    """`Fixes: 0123456789ab ("subject")`."""
    contains: str
    """The first tag that has it."""
    probability: float
    means: str
    """What it is to the failure."""
    exposing: bool = False
    """Whether it may only show what was there before."""
    warnings: tuple[str, ...] = ()
    """What speaks against it."""
    likely_wrong: bool = False
    gone: str = ""
    """Why the failure is held for gone when the commit is taken back; empty where it is not."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything that the mail says."""

    about: Reproduction
    revision: Revision | None
    """None where nothing could be tried."""
    cells: tuple[InCell, ...]
    attempt: int | None
    """One that failed."""
    cause: str
    """What explains it; empty where nothing known does."""
    cause_why: tuple[str, ...]
    since: Since | None


def answer(repository: Repository, about: Reproduction, suspected: Callable[[], Suspected] | None = None) -> Answer:
    """What is known of a report now; `suspected` asks how the last search stands.

    Raises:
        UserError: the commit that was tried is not here any more.
    """
    if not about.commit:
        return Answer(about, None, (), None, "", (), None)
    revision = repository.resolve(about.commit)
    with Ledger.open(repository.state_dir) as ledger:
        cells = [cell for key in about.cells if (cell := ledger.cell(key))]
        made = [one for one in ledger.attempts(tree=revision.tree) if ledger.exclusion(one.number) is None]
        shown = tuple(_in_cell(cell, ledger.observations(revision.tree, cell.key), made) for cell in cells)
        tried = {cell.key for cell in cells}
        failed = [
            one.number for one in made if one.plan.cell.key in tried and one.result and one.result.outcome.is_failure
        ]
        here = [one for one in failed if not ledger.origin(one)]  # what others' attempts left stayed with them
    attempt = (here or failed)[-1] if failed else None
    cause, why = _cause(repository, attempt) if attempt else ("", ())
    since = _since(repository, about, suspected) if attempt and suspected else None
    return Answer(about, revision, shown, attempt, cause, why, since)


def _in_cell(cell: Cell, seen: tuple[Observation, ...], made: Sequence[Attempt]) -> InCell:
    """`made` are all attempts at the revision."""
    rates = []
    for kind in Kind:
        mine = [one for one in seen if one.kind is kind and one.outcome.is_evidence]
        if mine:
            rates.append((kind, rate_seen(mine)))
    standing = climb(seen, Workbench.kinds, 0.05)
    failed = [one for one in seen if one.outcome.is_failure]
    chosen = standing.kind if isinstance(standing, Choice) else failed[-1].kind if failed else None
    draws = variation_of(cell.variation).layouts
    shown, alone = None, list[Observation]()
    if chosen:
        mine = [one for one in seen if one.kind is chosen]
        alone = one_job_seen(made, cell, chosen, mine)
        shown = nature(chosen, mine, draws, cell.jobs, alone)
    broken = sum(not one.outcome.is_evidence for one in seen)
    why = shown.experiments if shown else ()
    if shown and chosen and shown.nature is Nature.SCHEDULE and not alone:
        why = (*why, one_job_not_asked(shown, chosen) or "whether it fails with -j1, too, is not known")
    return InCell(
        cell,
        tuple(rates),
        chosen,
        shown.nature if shown else Nature.UNKNOWN,
        why,
        len(layouts_of(seen)),
        broken,
        str(failed[-1].draw) if failed else "",
    )


def _cause(repository: Repository, attempt: int) -> tuple[str, tuple[str, ...]]:
    """What explains a failed attempt, by its maps; nothing where its evidence is gone or explains nothing."""
    with contextlib.suppress(BisectsymsError):
        told = diagnose.of_attempt(repository, attempt).diagnosis
        if told.state is State.EXPLAINED:
            return told.summary, tuple(why for one in told.named for why in one.evidence_for)
    return "", ()


def _since(repository: Repository, about: Reproduction, suspected: Callable[[], Suspected]) -> Since | None:
    """The culprit that the last search has told, if it is of this report and stands; else nothing.

    The ledger has what was told after the proof, and what speaks against it. People's words may have changed since
    then what the search itself says, so that is asked again.
    """
    with contextlib.suppress(BisectsymsError, OSError):
        question = read_question(repository.state_dir)
        if question.profile != about.profile or question.find_fix:
            return None
        ends = find_ends(repository, question.good, question.bad, find_fix=False)
        with Ledger.open(repository.state_dir) as ledger:
            told = ledger.search_answer(question.cell, ends.good, ends.bad, own=True)  # we answer for it
        if told is None or told.ending != "culprit":
            return None
        now = suspected()
        if now.kind != "culprit" or not now.suspects or now.suspects[0].revision.commit != told.commit:
            return None
        culprit = now.suspects[0].revision
        return Since(
            repository.resolve(question.good),
            culprit,
            repository.author(culprit.commit),
            f'Fixes: {repository.short(culprit.commit)} ("{culprit.title}")',
            repository.contained_in(culprit.commit),
            now.suspects[0].probability,
            told.means,
            told.exposing,
            told.warnings,
            told.likely_wrong,
            told.reverted_why if told.reverted == Verdict.GOOD.name else "",
        )
    return None
