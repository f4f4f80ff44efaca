"""Whole bisects in simulated worlds: is the claimed confidence true, and what does it cost?

The pure functions are asked as `bisectsyms step` asks them under `git bisect run`; only make is replaced
by a world that knows the culprit. Every run has its own seed, so a failing one can be repeated alone.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

import pytest

from bisectsyms.core.belief import Belief, Sample, drifting, prior
from bisectsyms.core.decide import Ask, Decision, GaugeRules, Rules, depends_on_layout, judge, steady, sweep, watch
from bisectsyms.core.gauging import Gauge, gauge
from bisectsyms.core.variation import Variation
from bisectsyms.effects.gitrepo import steps_left
from bisectsyms.model import Draw, Kind, Observation, Outcome, Verdict
from bisectsyms.usecases.ends import SPREAD
from bisectsyms.usecases.judging import StepOptions

COMMITS = 64
DRAWS = 64
OPTIONS = StepOptions()
BUDGET = 1.0 - OPTIONS.confidence

World = Callable[[random.Random], Callable[[int, int], float]]
"""Makes, for one run, the function (distance behind the culprit, length) -> chance that an attempt fails."""


def by_chance(new: float, old: float = 0.0) -> World:
    """A race: every attempt fails with the same chance."""
    return lambda rng: lambda behind, length: new if behind >= 0 else old


def by_layout(mean: float, kappa: float) -> World:
    """A function of (commit, length); its failing fraction is drawn anew for every bad commit."""

    def make(rng: random.Random) -> Callable[[int, int], float]:
        fails: dict[int, list[bool]] = {}

        def chance(behind: int, length: int) -> float:
            if behind < 0:
                return 0.0
            if behind not in fails:
                fraction = rng.betavariate(mean * kappa, (1.0 - mean) * kappa)
                fails[behind] = [rng.random() < fraction for _ in range(DRAWS)]
            return float(fails[behind][length - 1])

        return chance

    return make


class Remembering(Belief):
    """A belief that works out every question once; the same is asked before every attempt."""

    __slots__ = ("_asked",)

    @classmethod
    def of(cls, belief: Belief) -> Remembering:
        made = cls(belief.rate, belief.schedule, belief.mean, belief.layout)
        object.__setattr__(made, "_asked", {})
        return made

    def _once(self, question: object, answer: Callable[[], float | int | None]) -> float | int | None:
        asked: dict[object, float | int | None] = getattr(self, "_asked")  # noqa: B009 - set past the frozen guard
        if question not in asked:
            asked[question] = answer()
        return asked[question]

    def miss(self, sample: Sample) -> float:
        value = self._once((sample.clean, sample.clean_layouts), lambda: Belief.miss(self, sample))
        assert value is not None
        return value

    def attempts_for(self, share: float, *, layouts: int, most: int = 2000) -> int | None:
        known = self._once((share, layouts, most), lambda: Belief.attempts_for(self, share, layouts=layouts, most=most))
        return None if known is None else int(known)


class RefusedError(Exception):
    """The step would end with 128: nothing is named, nothing is wrong."""


@dataclass
class Bisect:
    """One `git bisect run` over commits 1..COMMITS, 0 being the good end; follows usecases/step.py and ends.py."""

    fails: Callable[[int, int], float]
    culprit: int
    rng: random.Random
    seen: dict[int, list[Observation]] = field(default_factory=dict)
    at: int | None = None
    attempts: int = 0
    spent: float = 0.0
    verdicts: dict[int, Verdict] = field(default_factory=dict)

    def run(self) -> int | None:
        """The commit that git names; None when only skipped ones are left."""
        bad, good = COMMITS, 0
        skipped: set[int] = set()
        while True:
            candidates = [one for one in range(good + 1, bad) if one not in skipped]
            if not candidates:
                return bad if bad - good == 1 else None
            middle = (good + bad) / 2
            commit = min(candidates, key=lambda one: (abs(one - middle), one))
            verdict = self.step(commit, bad, good)
            self.verdicts[commit] = verdict
            if verdict is Verdict.BAD:
                bad = commit
            elif verdict is Verdict.GOOD:
                good = commit
            else:
                assert verdict is Verdict.SKIP
                skipped.add(commit)

    def step(self, commit: int, bad: int, good: int) -> Verdict:
        """As `usecases.step.step`."""
        measured = self.measure()
        by_layout = depends_on_layout(measured.belief, measured.sample)
        if by_layout:
            measured = replace(measured, belief=self.learn_spread(measured))
        belief = Remembering.of(measured.belief)
        share = max(0.0, BUDGET - self.spent) / steps_left(bad - good)
        most = Sample(clean=OPTIONS.max_attempts, clean_layouts=DRAWS)
        if share <= 0.0 or belief.miss(most) > share:
            raise RefusedError("cannot be reached")
        end = self.judge(0, belief, measured.kind, share)
        if end.verdict is not Verdict.GOOD and not end.weak:
            raise RefusedError("the good end fails")
        decision = self.judge(commit, belief, measured.kind, share)
        if decision.verdict is Verdict.GOOD and not by_layout and not steady(belief):
            now = Remembering.of(self.control(bad, measured))
            decision = self.judge(commit, now, measured.kind, share)
        if decision.verdict is Verdict.GOOD:
            self.spent += decision.miss
        return decision.verdict

    def measure(self) -> Gauge:
        """As `usecases.ends.measure`."""
        while True:
            rules = GaugeRules(
                draws=DRAWS,
                arrival=self.arrival(COMMITS),
                failures=OPTIONS.failures,
                lowest_rate=OPTIONS.lowest_rate,
                max_attempts=OPTIONS.max_attempts,
            )
            answer = gauge(self.seen.get(COMMITS, []), rules)
            if isinstance(answer, Gauge):
                return answer
            if isinstance(answer, Decision):
                raise RefusedError(answer.rationale)
            self.attempt(COMMITS, answer)

    def learn_spread(self, measured: Gauge) -> Belief:
        """As `usecases.ends.learn_spread` and `Judging.learnt_from_failures`."""
        for commit in range(COMMITS - 1, max(0, COMMITS - 1 - SPREAD), -1):
            while ask := sweep(
                self.seen.get(commit, []), self.rules(commit, Remembering.of(measured.belief), measured.kind, 0.0)
            ):
                self.attempt(commit, ask)
            if not any(one.outcome is Outcome.INCONSISTENT for one in self.seen[commit]):
                break
        belief = prior(varied=True)
        for commit in sorted(self.seen):
            sample = Sample.of(one for one in self.seen[commit] if one.kind is measured.kind)
            if sample.failed:
                belief = belief.given(sample)
        return belief

    def judge(self, commit: int, belief: Remembering, kind: Kind, share: float) -> Decision:
        """As `Judging.judge`."""
        while True:
            answer = judge(self.seen.get(commit, []), self.rules(commit, belief, kind, share))
            if isinstance(answer, Decision):
                return answer
            self.attempt(commit, answer)

    def control(self, bad: int, measured: Gauge) -> Belief:
        """As `usecases.ends.control`."""
        window: list[Observation] = []
        while True:
            rules = GaugeRules(DRAWS, self.arrival(bad), lowest_rate=OPTIONS.lowest_rate)
            answer = watch(window, rules, measured.kind)
            if isinstance(answer, Sample):
                return drifting(measured.sample, answer)
            if isinstance(answer, Decision):
                raise RefusedError(answer.rationale)
            window.append(self.attempt(bad, answer))

    def rules(self, commit: int, belief: Remembering, kind: Kind, share: float) -> Rules:
        return Rules(
            belief=belief,
            kind=kind,
            share=share,
            draws=DRAWS,
            arrival=self.arrival(commit),
            max_attempts=OPTIONS.max_attempts,
        )

    def arrival(self, commit: int) -> Kind | None:
        if self.at == commit:
            return None
        return Kind.CLEAN if self.at is None else Kind.INCREMENTAL

    def attempt(self, commit: int, ask: Ask) -> Observation:
        """What make would have shown."""
        made = self.seen.setdefault(commit, [])
        drawn = [one.draw for one in made if one.kind is ask.kind]
        draw: Draw = ask.draw or Variation(DRAWS).next_draw(f"tree {commit}", drawn)
        failed = self.rng.random() < self.fails(commit - self.culprit, draw.length)
        made.append(Observation(ask.kind, Outcome.INCONSISTENT if failed else Outcome.CLEAN, draw=draw))
        self.at = commit
        self.attempts += 1
        return made[-1]


@dataclass(frozen=True)
class Run:
    """How one bisect ended."""

    seed: int
    named: int | None
    culprit: int
    refused: str
    attempts: int
    spent: float

    @property
    def right(self) -> bool:
        return self.named == self.culprit

    @property
    def wrong(self) -> bool:
        return self.named is not None and not self.right


def simulate(world: World, seed: int) -> Run:
    rng = random.Random(f"bisect {seed}")
    bisect = Bisect(fails=world(rng), culprit=rng.randint(1, COMMITS), rng=rng)
    named, refused = None, ""
    try:
        named = bisect.run()
    except RefusedError as reason:
        refused = str(reason)
    return Run(seed, named, bisect.culprit, refused, bisect.attempts, bisect.spent)


def summary(name: str, runs: Sequence[Run]) -> str:
    """`schedule .5: 98 right, 2 wrong, 0 unanswered of 100; 43 attempts on average`."""
    right, wrong = sum(run.right for run in runs), sum(run.wrong for run in runs)
    attempts = fmean(run.attempts for run in runs)
    return (
        f"{name}: {right} right, {wrong} wrong, {len(runs) - right - wrong} unanswered of {len(runs)}; "
        f"{attempts:.0f} attempts on average, {fmean(run.spent for run in runs):.4f} spent"
    )


CELLS = {
    "schedule 1": by_chance(1.0),
    "schedule .5": by_chance(0.5),
    "schedule .2": by_chance(0.2),
    "schedule .05": by_chance(0.05),
    "layout .25 (alike)": by_layout(0.25, 50.0),
    "layout .25 (unlike)": by_layout(0.25, 10.0),
    "old .01, new .2": by_chance(0.2, 0.01),
}


def least_right(runs: int) -> int:
    """So few right answers, and a true accuracy of the wanted confidence is excluded at 1 % (one-sided)."""
    heights, chance = 0.0, OPTIONS.confidence
    for right in range(runs + 1):
        heights += math.comb(runs, right) * chance**right * (1.0 - chance) ** (runs - right)
        if heights > 0.01:
            return right
    raise AssertionError("a distribution sums to 1")


def check(name: str, runs: Sequence[Run], answered: float) -> None:
    """The claim holds for the runs that named a commit, and most of them did."""
    print(summary(name, runs))
    assert all(run.spent <= BUDGET for run in runs), [run.seed for run in runs if run.spent > BUDGET]
    named = [run for run in runs if run.named is not None]
    assert len(named) >= answered * len(runs), [(run.seed, run.refused) for run in runs if run.named is None]
    wrong = [run for run in named if run.wrong]
    assert len(named) - len(wrong) >= least_right(len(named)), wrong


def test_the_bound_is_the_one_of_the_binomial_table() -> None:
    # P(X <= 90) = .028, P(X <= 89) = .011, P(X <= 88) = .0043 for X ~ Binomial(100, .95).
    assert least_right(100) == 89


@pytest.mark.parametrize(
    ("name", "runs", "answered"),
    [("schedule 1", 40, 1.0), ("schedule .5", 40, 1.0), ("schedule .2", 30, 0.95), ("layout .25 (alike)", 30, 0.6)],
)
def test_the_claimed_confidence_is_true(name: str, runs: int, answered: float) -> None:
    check(name, [simulate(CELLS[name], seed) for seed in range(runs)], answered)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "runs", "answered"),
    [
        ("schedule 1", 150, 1.0),
        ("schedule .5", 150, 1.0),
        ("schedule .2", 100, 0.95),
        ("schedule .05", 25, 0.6),
        ("layout .25 (alike)", 150, 0.7),
        ("layout .25 (unlike)", 300, 0.2),
    ],
)
def test_the_claimed_confidence_is_true_in_more_runs(name: str, runs: int, answered: float) -> None:
    check(name, [simulate(CELLS[name], 1000 + seed) for seed in range(runs)], answered)


def test_a_good_end_that_fails_now_and_then_stops_more_often_than_it_misleads() -> None:
    runs = [simulate(CELLS["old .01, new .2"], seed) for seed in range(30)]
    print(summary("old .01, new .2", runs))
    assert sum(run.wrong for run in runs) < sum(run.named is None for run in runs)
    assert {run.refused.split(" (")[0] for run in runs if run.named is None} <= {
        "the good end fails",
        "the failure hardly shows any more at a revision that is known to be bad",
    }


def test_nothing_is_named_when_nothing_fails() -> None:
    runs = [simulate(by_chance(0.0), seed) for seed in range(3)]
    assert all(run.named is None and "the bad end never failed here" in run.refused for run in runs)


def test_a_rate_that_falls_to_nothing_is_noticed_by_the_control() -> None:
    """The load goes down after the bad end was measured: every clean attempt since then is worthless."""

    def fading(rng: random.Random) -> Callable[[int, int], float]:
        made = 0

        def chance(behind: int, length: int) -> float:
            nonlocal made
            made += 1
            return 0.5 if behind >= 0 and made < 25 else 0.0

        return chance

    runs = [simulate(fading, seed) for seed in range(20)]
    print(summary("fading", runs))
    assert not any(run.wrong for run in runs)
    assert sum("hardly shows any more" in run.refused for run in runs) > 10


def test_the_same_seed_is_the_same_bisect() -> None:
    assert simulate(CELLS["schedule .5"], 7) == simulate(CELLS["schedule .5"], 7)
