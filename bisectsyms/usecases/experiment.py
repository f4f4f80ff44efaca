"""One experiment at one revision: two arms on the same objects, attempt by attempt, until they differ or do not.

`core/experiments.py` says what is set against what, `core/comparing.py` which attempt is next. Every attempt is in the
ledger, in the cell of what it drew, and those that are there already count: so an experiment goes on where it ended.
But not all of them: the failure that an experiment is about was chosen because it failed. What was made before it, and
itself, would make the arm that it is in look worse, or better, than it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from bisectsyms.core.comparing import MOST, More, Ruling, Turn, compare, constant
from bisectsyms.core.decide import MOST_FRUITLESS, Ask
from bisectsyms.core.experiments import EXPERIMENTS, Design, Experiment
from bisectsyms.core.rated import Rate
from bisectsyms.core.words import count, duration
from bisectsyms.errors import UserError
from bisectsyms.model import Attempt, Kind, Observation, Revision
from bisectsyms.usecases.arms import About, Arm, Made, arms_of, failure_at, failures, outcomes
from bisectsyms.usecases.bench import Bench
from bisectsyms.usecases.calibrate import rate_seen
from bisectsyms.usecases.limits import Limits


@dataclass(frozen=True, slots=True)
class ArmSeen:
    """What one arm showed."""

    name: str
    how: str
    """The draw, or what is drawn from."""
    failed: int
    clean: int
    seen: Rate
    before: int
    """Of these attempts so many were in the ledger already."""


@dataclass(frozen=True, slots=True)
class Conducted:
    """How an experiment ended."""

    experiment: str
    question: str
    revision: Revision
    cell: str
    kind: Kind
    failure: int
    """Number of the attempt whose failure it is about."""
    arms: tuple[ArmSeen, ...]
    turn: Turn
    why: str
    """In counts."""
    p: float | None
    """Of Fisher's exact test at the last look; None where none was taken."""
    meaning: str
    speaks_for: tuple[str, ...]
    """Causes, by their ids."""
    speaks_against: tuple[str, ...]
    attempts: int
    """Of this call."""
    stopped: str
    """Why it ended before it was decided; empty if it did not."""
    next_step: str

    @property
    def answered(self) -> bool:
        """Whether it settled its question."""
        return self.turn.answers


def run_experiment(
    bench: Bench, revision: Revision, name: str, limits: Limits, *, failure: Attempt | None = None, most: int = MOST
) -> Conducted:
    """Make the attempts at `revision` that are missing until the experiment is decided, or the limits are over.

    `failure` is an attempt of this cell with the draw that it is about; by default the first that failed there, of the
    cheapest kind that can be repeated. What was made after the first failure of that draw counts, `most` attempts of
    each arm.

    Raises:
        UserError: there is no such experiment, nothing failed there, or this machine lacks what it takes.
        InfraError: see `Bench`.
    """
    experiment = find(name)
    about = failure_at(bench, revision, experiment, failure)
    if why := _known(bench, revision, experiment, about):
        return _conducted(bench, revision, experiment, about, (), Ruling(Turn.SAME, why), "")
    return _Running(bench, revision, experiment, about, arms_of(bench, experiment, about), limits, most).run()


def _known(bench: Bench, revision: Revision, experiment: Experiment, about: About) -> str:
    """What answers it without an attempt, because of the kinds that failed; empty if nothing does."""
    if experiment.needs_make and about.attempt.plan.kind is Kind.REPLAY:
        return f"attempt {about.attempt.number} failed, a replay: no make runs there"
    scratch = next((one for one in failures(bench, revision) if one.plan.from_scratch), None)
    if experiment.design is Design.TREES and scratch:
        return f"attempt {scratch.number} failed, which began with an empty objtree"
    return ""


def _conducted(
    bench: Bench,
    revision: Revision,
    experiment: Experiment,
    about: About,
    arms: tuple[ArmSeen, ...],
    ruling: Ruling,
    stopped: str,
) -> Conducted:
    meaning = experiment.meaning(ruling.turn)
    if ruling.turn.answers:
        next_step = f"bisectsyms again {about.attempt.number} repeats the failure"
    elif stopped:
        next_step = "the same command goes on"
    else:
        next_step = "bisectsyms calibrate for the rate as it is now, or another experiment"
    return Conducted(
        experiment=experiment.name,
        question=experiment.question,
        revision=revision,
        cell=str(bench.cell),
        kind=about.kind,
        failure=about.attempt.number,
        arms=arms,
        turn=ruling.turn,
        why=ruling.why,
        p=ruling.p,
        meaning=meaning.text,
        speaks_for=meaning.speaks_for,
        speaks_against=meaning.speaks_against,
        attempts=bench.made,
        stopped=stopped,
        next_step=next_step,
    )


def find(name: str) -> Experiment:
    """The experiment of this name that makes attempts.

    Raises:
        UserError: there is none.
    """
    listed = [one for one, it in EXPERIMENTS.items() if it.design is not Design.RECOMPILE]
    if name not in listed:
        raise UserError(f"there is no experiment {name!r}", next_step=f"one of {', '.join(listed)}")
    return EXPERIMENTS[name]


@dataclass(slots=True)
class _Running:
    bench: Bench
    revision: Revision
    experiment: Experiment
    about: About
    arms: tuple[Arm, ...]
    limits: Limits
    most: int
    told: int = 0
    fruitless: int = 0
    """Attempts in a row that were no evidence."""
    spoilt: str = ""
    """Why the last of them was none."""

    def run(self) -> Conducted:
        had = [len(arm.counted(self._made())) for arm in self.arms]
        stopped = ""
        while isinstance(answer := self._ask(), More):
            if stopped := self.limits.over() or self._nothing_shown():
                break
            self._outlook(answer)
            self._make(self.arms[answer.arm], answer)
        ruling = Ruling(Turn.UNDECIDED, f"not decided yet: {stopped}") if isinstance(answer, More) else answer
        arms = tuple(self._arm(arm, before) for arm, before in zip(self.arms, had, strict=True))
        return _conducted(self.bench, self.revision, self.experiment, self.about, arms, ruling, stopped)

    def _made(self) -> list[Made]:
        return outcomes(self.bench, self.revision, self.about)

    def _ask(self) -> More | Ruling:
        made = self._made()
        counted = [arm.counted(made) for arm in self.arms]
        seen = [[_observed(one).outcome.is_failure for one in mine] for mine in counted]
        if len(self.arms) == 1:
            return constant(seen[0], self.most)
        there = [len(mine) for arm, mine in zip(self.arms, counted, strict=True) if arm.is_exhausted(made)]
        # An objtree from scratch takes the place of the one that may hold what is stale, so that one comes first.
        in_turn = self.experiment.design is not Design.TREES
        return compare(*seen, never=self.experiment.never, most=min([self.most, *there]), in_turn=in_turn)

    def _make(self, arm: Arm, answer: More) -> None:
        while way := arm.way_to(self.bench, self.revision, self.about.kind):
            if not self._is_evidence(self.bench.attempt(way[0], Ask(way[1], f"{self.experiment.name}: to {arm.name}"))):
                return
        why = f"{self.experiment.name}: {arm.name}, up to {answer.left} to go"
        self._is_evidence(self.bench.attempt(self.revision, Ask(self.about.kind, why, arm.next_draw(self._made()))))

    def _is_evidence(self, attempt: Attempt) -> bool:
        observation = _observed(attempt)
        shown = observation.outcome.is_evidence
        self.fruitless = 0 if shown else self.fruitless + 1
        self.spoilt = "" if shown or attempt.result is None else attempt.result.why
        return shown

    def _nothing_shown(self) -> str:
        if self.fruitless < MOST_FRUITLESS:
            return ""
        return f"{count(self.fruitless, 'attempt')} in a row were no evidence, the last: {self.spoilt}"

    def _outlook(self, answer: More) -> None:
        """Say how long it will take, when that changes by more than what was made."""
        if not self.told or answer.left > self.told:
            pace = self.bench.ledger.mean_seconds(self.bench.cell.key, self.about.kind)
            lasts = f", about {duration(pace * answer.left)}" if pace else ""
            self.bench.reporter.say(
                f"experiment {self.experiment.name}: {self.experiment.question} "
                f"Up to {count(answer.left, 'attempt')} ({self.about.kind}){lasts}"
            )
        self.told = answer.left

    def _arm(self, arm: Arm, before: int) -> ArmSeen:
        seen = [_observed(one) for one in arm.counted(self._made())]
        failed = sum(one.outcome.is_failure for one in seen)
        return ArmSeen(arm.name, arm.how, failed, len(seen) - failed, rate_seen(seen), before)


def _observed(attempt: Attempt) -> Observation:
    observation = attempt.observation()
    assert observation is not None, "it has ended"
    return observation
