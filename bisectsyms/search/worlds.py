"""Made worlds, to measure a search on: a history, a culprit, and what every attempt would show.

A world is drawn from a seed and answers attempts; it knows nothing of the search, and the search only sees outcomes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from bisectsyms.search.search import Search

Truth = Literal["culprit", "predates", "not-reproduced"]
Parents = list[list[int]]


@dataclass(frozen=True, slots=True)
class Setting:
    """What worlds are drawn from."""

    commits: int = 64
    old: float = 0.0
    """Failure rate of commits without the culprit."""
    new: float = 0.2
    """Failure rate of commits with it; with layouts the mean of the failing fractions."""
    layouts: int | None = None
    """How many layouts a commit has; 0 for as many as anybody draws; None: every attempt stands for itself."""
    spread: float | None = None
    """Kappa of the Beta distribution of the failing fractions; None: all commits alike."""
    truth: Truth = "culprit"
    merges: float = 0.0
    """Share of commits that are merges; 0 is a linear history."""


@dataclass
class World:
    """One world, drawn with a seed: `attempt` says what an attempt shows."""

    setting: Setting
    seed: int
    parents: Parents = field(init=False)
    planted: int | None = field(init=False)
    """The commit from which on commits are bad; None if it is older than the range, or nothing ever fails."""
    culprit: int | None = field(init=False)
    """The first commit that can fail: the planted one, unless all of its few layouts happen to be clean."""

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)
        self.parents = make_parents(self.setting.commits, self.setting.merges, self._rng)
        drawn = int(self._rng.integers(1, self.setting.commits))
        self.planted = self.culprit = drawn if self.setting.truth == "culprit" else None
        self._descends: list[bool] = self._descendants()
        self._fractions: dict[int, float] = {}
        self._shown: dict[tuple[int, int], bool] = {}
        self._drawn: dict[int, int] = {}
        if self.setting.layouts and not self.setting.merges:
            self.culprit = self._first_failing(self.setting.layouts)

    def attempt(self, commit: int, repeat: int | None = None) -> tuple[bool, int | None]:
        """Whether an attempt at `commit` fails, and its layout: `repeat`, or the next one not drawn there yet."""
        layouts = self.setting.layouts
        if layouts is None:
            rate = self._fraction(commit) if self._descends[commit] else self.setting.old
            return self._rng.random() < rate, None
        layout = repeat
        if layout is None:
            drawn = self._drawn.get(commit, 0)
            self._drawn[commit] = drawn + 1
            layout = drawn % layouts if layouts else drawn
        return self._shows(commit, layout), layout

    def _first_failing(self, layouts: int) -> int | None:
        for commit, bad in enumerate(self._descends):
            if bad and any(self._shows(commit, layout) for layout in range(layouts)):
                return commit
        return None

    def _shows(self, commit: int, layout: int) -> bool:
        if (commit, layout) not in self._shown:
            rate = self._fraction(commit) if self._descends[commit] else self.setting.old
            self._shown[commit, layout] = bool(self._rng.random() < rate)
        return self._shown[commit, layout]

    def _fraction(self, commit: int) -> float:
        if self.setting.spread is None:
            return self.setting.new
        if commit not in self._fractions:
            alpha = self.setting.new * self.setting.spread
            self._fractions[commit] = float(self._rng.beta(alpha, self.setting.spread - alpha))
        return self._fractions[commit]

    def _descendants(self) -> list[bool]:
        if self.planted is None:
            return [self.setting.truth == "predates"] * self.setting.commits
        found = [False] * self.setting.commits
        for commit, mine in enumerate(self.parents):
            found[commit] = commit == self.planted or any(found[parent] for parent in mine)
        return found


@dataclass(frozen=True, slots=True)
class Run:
    """How one search of one world ended."""

    attempts: int
    moves: int
    cost: float
    rounds: int
    """Batches; attempts of one batch run at once."""
    kind: str
    right: bool
    """The ending is the true one and, if it is a culprit, the commit, too."""
    planted: bool
    """As `right`, but held against the planted commit even if no layout of it fails."""
    stated: float
    """Probability that the search gave to its answer."""


def play(world: World, make: Callable[[World], Search], *, at_once: int = 1, most: int = 20_000) -> Run:
    """Search one world to its end, `at_once` attempts at a time."""
    search = make(world)
    attempts = moves = rounds = 0
    here: list[int] = []
    """Where the slots are in which attempts run at once."""
    while attempts < most and (batch := search.next_batch(at_once)):
        rounds += 1
        stay = Counter(here) & Counter(batch)
        moves += len(batch) - stay.total()
        left = Counter(here) - Counter(batch)
        here = [*batch, *left.elements()][:at_once]
        for commit in batch:
            repeat = search.repeat_of(commit)
            failed, layout = world.attempt(commit, repeat if isinstance(repeat, int) else None)
            search.tell(commit, "failed" if failed else "clean", layout=layout)
            attempts += 1
    result = search.result
    ended = result.kind == world.setting.truth
    right, planted = (ended and result.commit == one for one in (world.culprit, world.planted))
    return Run(attempts, moves, search.spent, rounds, result.kind, right, planted, result.probability)


def make_parents(commits: int, merges: float, rng: np.random.Generator) -> Parents:
    """A history of so many commits in which about a share `merges` of them are merges of side branches.

    `merges` is at most .1. Branches are written one after another, as `git rev-list --topo-order --reverse` does.
    """
    parents: Parents = [[]]
    tip = 0
    while len(parents) < commits:
        # A block of a branch, what the trunk does meanwhile, and the merge has nine commits on average.
        if merges and rng.random() < merges / (1.0 - 8.0 * merges):
            side, trunk = int(rng.geometric(0.25)), int(rng.integers(1, 8))
            if len(parents) + side + trunk + 1 <= commits:
                at = tip
                for _ in range(side):
                    parents.append([at])
                    at = len(parents) - 1
                for _ in range(trunk):
                    parents.append([tip])
                    tip = len(parents) - 1
                parents.append([tip, at])
                tip = len(parents) - 1
                continue
        parents.append([tip])
        tip = len(parents) - 1
    return parents
