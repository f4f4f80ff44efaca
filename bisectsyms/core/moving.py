"""What a move to another commit costs: an incremental build compiles what was made from the files that differ.

It is assumed that objects cost the same, that commits touch objects independently of each other, that all commits
between two places of the topological order differ between them, and that files nothing is known of (makefiles, new
ones) cost nothing. Never more than a build from scratch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bisectsyms.core.prior import Change
from bisectsyms.core.reach import Objects

Values = NDArray[np.float64]
ALL = 1e-9
"""What is left where every object is made anew; above 0, because its logarithm is summed."""


@dataclass(frozen=True, slots=True)
class Made:
    """An incremental build that was made."""

    here: int
    there: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Moves:
    """`between` of `search.Costs`; quick for 100 000 commits, because sums along the order are all it needs."""

    sums: Values
    """Up to each commit, inclusive: minus the logarithm of the share of objects that stay as they are."""
    compiling: float
    """Seconds that it takes to compile all objects."""
    fixed: float
    """Seconds of a move that compiles nothing."""

    def __call__(self, here: int, commits: NDArray[np.int64]) -> Values:
        """Seconds of the move from `here` to each of `commits`."""
        return self.fixed + self.compiling * self.share(here, commits)

    def share(self, here: int, commits: NDArray[np.int64]) -> Values:
        """Of the objects that are made anew."""
        return np.asarray(-np.expm1(-np.abs(self.sums[commits] - self.sums[here])), dtype=np.float64)


def sums_of(changes: Sequence[Change | None], objects: Objects) -> Values:
    """See `Moves.sums`."""
    total = len(objects.targets)
    touched = [
        sum(-np.log(max(ALL, 1.0 - objects.sources.get(path, 0) / total)) for path in change.paths) if change else 0.0
        for change in changes
    ]
    return np.cumsum(np.array(touched, dtype=np.float64))


def moves(sums: Values, made: Sequence[Made], scratch: Sequence[float], repeat: float) -> Moves | None:
    """Fitted to what was seen: builds from scratch and moves; None before there is one of each.

    The mean of what is expected of the moves made is the mean of what they took. So what goes beyond compiling (the
    kconfig, and make looking at every file) is the same for every move; if there is nothing beyond it, compiling is
    quicker than from scratch.
    """
    if not made or not scratch:
        return None
    plain = Moves(sums, max(0.0, float(np.mean(scratch)) - repeat), 0.0)
    expected = float(np.mean([plain(one.here, np.array([one.there]))[0] for one in made]))
    seen = float(np.mean([one.seconds for one in made]))
    if expected > seen:
        return Moves(sums, plain.compiling * seen / expected, 0.0)
    return Moves(sums, plain.compiling, seen - expected)
