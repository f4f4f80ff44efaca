"""Which test tells most about the answer per second.

A plan is a run of attempts at one commit that ends with the first failure or after k clean ones. Its worth is the
information it gives about the answer (the culprit, or an ending), and with a small weight about the rates, because
what is known of the rates is worth something later. Single attempts are plans too (k = 1); longer ones make a
commit with a costly build, or a seldom failure, comparable with a cheap repeat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bisectsyms.search.history import Chain
from bisectsyms.search.likelihood import Likelihood, Seen
from bisectsyms.search.lineage import Lineage
from bisectsyms.search.partition import PREDATES, Partition
from bisectsyms.search.posterior import Posterior, Prior
from bisectsyms.search.rates import Values

RUNS = np.array([1, 2, 4, 8, 16, 32])
"""Lengths of the plans."""
UNTHREADED = 200_000
"""Multiplications of a matrix product below which OpenBLAS starts no threads (its threshold is 4 * 65 536)."""
MOST_BRANCHES = 16
"""Cases looked at for the outcomes of tests that are out."""
RATES_COUNT = 0.15
"""Weight of information about the rates beside information about the answer."""


def entropy(p: Values) -> Values:
    """Binary entropy in nats, elementwise; 0 at 0 and 1."""
    q = np.clip(p, 1e-300, 1.0)
    r = np.clip(1.0 - p, 1e-300, 1.0)
    return -(q * np.log(q) + r * np.log(r))


class Plans:
    """What every plan does in every cell; made once for a kind of attempts."""

    def __init__(self, likelihood: Likelihood, seen: Seen | None = None) -> None:
        """For commits of which nothing was seen, or one at which `seen` was."""
        sides = likelihood.clean_runs(int(RUNS[-1]), seen or Seen())
        self.clean: list[Values] = [side[:, RUNS - 1] for side in sides]
        """With the culprit and without: chance that the whole run is clean, shape (cells, plans)."""
        self.length: list[Values] = []
        """Expected attempts, same shape."""
        for side in sides:
            before = np.concatenate([np.ones((len(side), 1)), side[:, :-1]], axis=1)
            self.length.append(np.cumsum(before, axis=1)[:, RUNS - 1])
        self.stacked = np.concatenate(
            [part for side in (0, 1) for part in (self.clean[side], entropy(self.clean[side]), self.length[side])],
            axis=1,
        )

    def averaged(self, weights: Values) -> Sides:
        """Averages over the cells of each row; `weights` are of the shape (rows, cells)."""
        # In parts that OpenBLAS multiplies without threads: on a busy machine these cost ten times what they save.
        step = max(1, UNTHREADED // self.stacked.size)
        sums = [weights[low : low + step] @ self.stacked for low in range(0, len(weights), step)]
        means = np.concatenate(sums) / np.maximum(weights.sum(axis=1), 1e-300)[:, None]
        parts = np.split(means, 6, axis=1)
        return Sides(Outlook(*parts[:3]), Outlook(*parts[3:]))


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is to be expected of each plan if the culprit is of a row; shapes (rows, plans)."""

    clean: Values
    doubt: Values
    """Entropy of the outcome that remains when the rates are known, too."""
    length: Values

    def unexplained(self) -> Values:
        """Entropy of the outcome that says nothing of the answer; what says something of the rates counts a little."""
        return (1.0 - RATES_COUNT) * entropy(self.clean) + RATES_COUNT * self.doubt


@dataclass(frozen=True, slots=True)
class Branch:
    """A posterior that the tests that are out may lead to, and how likely they do."""

    density: Values
    """As in `Posterior`, shape (rows,)."""
    predates: float
    not_reproduced: float
    share: float


@dataclass(frozen=True, slots=True)
class Sides:
    """What is to be expected at a commit with the culprit behind it, and without."""

    new: Outlook
    old: Outlook

    def parts(self) -> tuple[tuple[Values, Values], ...]:
        """(with, without) for: a clean run, what the answer does not explain of it, its length."""
        return (
            (self.new.clean, self.old.clean),
            (self.new.unexplained(), self.old.unexplained()),
            (self.new.length, self.old.length),
        )


@dataclass(frozen=True, slots=True)
class Options:
    """Commits that could be tested, and what each plan there is worth."""

    commits: NDArray[np.int64]
    worth: Values
    """Expected information in nats, shape (options, plans)."""
    length: Values
    """Expected attempts, same shape."""

    def best(self, move: Values, repeat: float, attraction: Values) -> tuple[float, int]:
        """(information per second, commit); `move` has the seconds to each commit, shape (options,)."""
        score = (self.worth / (move[:, None] + repeat * self.length)).max(axis=1) * attraction
        where = int(np.argmax(score))
        return float(score[where]), int(self.commits[where])


def along(
    chain: Chain, lineage: Lineage, prior: Prior, partition: Partition, branches: Sequence[Branch], sides: Sides
) -> Options:
    """The worth of every commit of a chain; masses of what lies behind a commit are sums up to its position."""
    worth = np.zeros((len(chain.commits), len(RUNS)))
    length = np.zeros_like(worth)
    special = np.array(lineage.special, dtype=np.int64)
    weight = prior.commits[chain.behind]
    if len(special):
        weight[np.isin(chain.behind, special)] = 0.0
    row = partition.row[chain.behind]
    in_effect = lineage.along(chain).T.astype(np.float64) * prior.commits[special]
    for branch in branches:
        expected = []
        for failing, clean in sides.parts():
            inside, outside = (clean, failing) if lineage.find_fix else (failing, clean)
            # A candidate that comes to lie behind the test changes sides.
            change = branch.density[:, None] * (inside - outside)
            behind = np.cumsum(change[row] * weight[:, None], axis=0)[chain.until - 1]
            if len(special):
                behind += in_effect @ change[partition.row[special]]
            expected.append(behind + _none_behind(branch, partition.mass, failing, outside))
        _add(branch, expected, worth, length)
    return Options(chain.commits, worth, length)


def at_ends(
    ends: NDArray[np.int64], lineage: Lineage, partition: Partition, branches: Sequence[Branch], sides: Sides
) -> Options:
    """The worth of commits that have no candidate behind them."""
    worth, length = np.zeros((1, len(RUNS))), np.zeros((1, len(RUNS)))
    for branch in branches:
        expected = [
            _none_behind(branch, partition.mass, failing, failing if lineage.find_fix else clean)[None, :]
            for failing, clean in sides.parts()
        ]
        _add(branch, expected, worth, length)
    return Options(ends, worth.repeat(len(ends), axis=0), length.repeat(len(ends), axis=0))


def at_tested(commit: int, partition: Partition, branches: Sequence[Branch], sides: Sides) -> Options:
    """The worth of a tested commit, where what was seen there makes it unlike others."""
    worth, length = np.zeros((1, len(RUNS))), np.zeros((1, len(RUNS)))
    behind = partition.behind(commit)[:, None]
    for branch in branches:
        weights = partition.mass * branch.density
        weights[PREDATES] = branch.predates
        expected = [(weights @ np.where(behind, new, old))[None, :] for new, old in sides.parts()]
        _add(branch, expected, worth, length)
    return Options(np.array([commit]), worth, length)


def outcomes(now: Posterior, out: Sequence[int], partition: Partition, sides: Sides) -> list[Branch]:
    """What may be believed when the tests that are `out` have come back: the MOST_BRANCHES likeliest cases."""
    branches = [Branch(now.density, now.predates, now.not_reproduced, 1.0)]
    for commit in out:
        behind = partition.behind(commit)
        clean = np.where(behind, sides.new.clean[:, 0], sides.old.clean[:, 0])
        grown = []
        for branch in branches:
            for chance, never in ((clean, branch.not_reproduced), (1.0 - clean, 0.0)):
                density, older = branch.density * chance, branch.predates * float(chance[PREDATES])
                total = float(partition.mass @ density) + older + never
                if total > 0.0:
                    grown.append(Branch(density / total, older / total, never / total, branch.share * total))
        branches = sorted(grown, key=lambda branch: -branch.share)[:MOST_BRANCHES]
    return branches


def _none_behind(branch: Branch, mass: Values, failing: Values, outside: Values) -> Values:
    """An expectation where no candidate lies behind the test, shape (plans,).

    If no commit of the range changed anything, all of them are on the failing side.
    """
    return np.asarray((mass * branch.density) @ outside + branch.predates * failing[PREDATES], dtype=np.float64)


def _add(branch: Branch, expected: list[Values], worth: Values, length: Values) -> None:
    """Add what a branch is worth; where nothing ever fails every plan runs to its end and is clean."""
    clean, unexplained, attempts = expected
    doubt = entropy(np.minimum(clean + branch.not_reproduced, 1.0))
    worth += branch.share * np.maximum(doubt - unexplained, 0.0)
    length += branch.share * (attempts + branch.not_reproduced * RUNS)
