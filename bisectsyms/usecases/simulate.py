"""How long would this take? The search, driven on many made worlds, beside the least that any search needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, quantiles

from bisectsyms.search import Costs, Search
from bisectsyms.search.bounds import fano
from bisectsyms.search.worlds import Run, Setting, World, play

BINS = (0.0, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)
"""Edges of the calibration table; an answer is stated with at least the confidence that was asked for."""


@dataclass(frozen=True, slots=True)
class SimulateOptions:
    """What to simulate, and how often."""

    setting: Setting
    confidence: float = 0.95
    move: float = 0.0
    at_once: int = 1
    trials: int = 100
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Stated:
    """One line of the calibration: answers that were stated with about one probability."""

    low: float
    high: float
    answers: int
    stated: float
    """Their mean stated probability."""
    right: float
    """The share of them that was right."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """What came out."""

    options: SimulateOptions
    attempts: float
    """Means over the trials, from the first attempt to the answer; the ends are in them."""
    attempts_90: float
    """Nine of ten trials need no more."""
    moves: float
    cost: float
    rounds: float
    right: float
    """Share of the trials that ended with the true answer."""
    named: float
    """Share that named a commit."""
    right_of_named: float | None
    undecided: float
    bound: float | None
    """Attempts that a search needs on average even if it knows the rates; None where nothing is known of it."""
    calibration: tuple[Stated, ...]


def simulate(options: SimulateOptions, each: Callable[[int, Run], None] = lambda _number, _run: None) -> Simulated:
    """Search `trials` worlds; `each` is told when one has ended."""

    def standard(world: World) -> Search:
        last = options.setting.commits - 1
        layouts = options.setting.layouts or None
        costs = Costs(move=options.move)
        return Search(world.parents, [0], [last], options.confidence, costs, layouts=layouts)

    runs = []
    for number in range(options.trials):
        runs.append(play(World(options.setting, options.seed + number), standard, at_once=options.at_once))
        each(number, runs[-1])
    return summarise(options, runs)


def summarise(options: SimulateOptions, runs: list[Run]) -> Simulated:
    """The figures of some runs."""
    named = [run for run in runs if run.kind == "culprit"]
    attempts = sorted(run.attempts for run in runs)
    setting = options.setting
    known = setting.truth == "culprit" and setting.layouts is None
    return Simulated(
        options=options,
        attempts=fmean(attempts),
        attempts_90=quantiles(attempts, n=10)[-1] if len(attempts) > 1 else float(attempts[0]),
        moves=fmean(run.moves for run in runs),
        cost=fmean(run.cost for run in runs),
        rounds=fmean(run.rounds for run in runs),
        right=fmean(run.right for run in runs),
        named=len(named) / len(runs),
        right_of_named=fmean(run.right for run in named) if named else None,
        undecided=fmean(run.kind == "undecided" for run in runs),
        bound=fano(setting.commits - 1, setting.old, setting.new, options.confidence) if known else None,
        calibration=calibration(runs),
    )


def calibration(runs: list[Run]) -> tuple[Stated, ...]:
    """Stated and actual, for answers alike in what they state; bins without answers are left out."""
    found = []
    for low, high in pairwise(BINS):
        mine = [run for run in runs if low <= run.stated < high or run.stated == high == 1.0]
        if mine:
            stated, right = fmean(run.stated for run in mine), fmean(run.right for run in mine)
            found.append(Stated(low, high, len(mine), stated, right))
    return tuple(found)
