"""How well every hypothesis explains the attempts of one kind: a table of rows (culprits) times cells (rates).

A schedule cell counts every attempt. A layout cell counts every layout of a commit once, as a draw from a Polya urn
(the beta-binomial); a repeat adds nothing, and a layout that both failed and passed ends the class. Commits that have
the same layouts share what was seen of them, and in these cells no culprit stands between them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bisectsyms.search.partition import PREDATES, Partition
from bisectsyms.search.rates import Cells, Values

REPEATS = 12
"""Repeats of failing layouts that are asked for at most."""
SURE = 0.9
"""A failure that chance brings as often as this says nothing of the class when it shows again."""
UNDECIDED = 0.02
"""A class of a smaller probability is ruled out."""
IMPOSSIBLE = -700.0
"""In place of the logarithm of 0 where it may be taken back: more layouts may be told than a commit can have."""


@dataclass(slots=True)
class Seen:
    """Attempts of one kind at one commit."""

    failed: int = 0
    clean: int = 0
    layouts: dict[object, bool] = field(default_factory=dict)
    """Layout -> whether it failed; an attempt without a layout is taken as a fresh one."""
    failed_layouts: int = 0
    clean_layouts: int = 0
    named: bool = False
    """Whether the layouts were told, so that one of them can be repeated."""


class Likelihood:
    """Joint log weights of rows and cells, attempt by attempt."""

    def __init__(
        self,
        cells: Cells,
        partition: Partition,
        reach: int | None,
        *,
        alike: Sequence[Sequence[int]] = (),
        find_fix: bool = False,
    ) -> None:
        """Before the first attempt.

        Args:
            reach: how many layouts a commit can have; None if nobody knows.
            alike: groups of commits with the same layouts; all of them are in the partition.
            find_fix: the culprit is the first commit that does not fail.
        """
        self.cells = cells
        self.reach = reach
        self._find_fix = find_fix
        self.seen: dict[int, Seen] = {}
        self._alike: dict[int, Sequence[int]] = {}
        self.failed = 0
        self.repeated = 0
        """Repeats of layouts that had failed."""
        self.log: Values = np.tile(cells.log_weight, (partition.rows, 1))
        schedule = slice(0, cells.schedule)
        self._weights: Values | None = None
        with np.errstate(divide="ignore"):
            self._new = {True: np.log(cells.new), False: np.log1p(-cells.new)}
            self._old = {True: np.log(cells.old), False: np.log1p(-cells.old)}
        self._schedule = schedule
        layout = slice(cells.schedule, None)
        self._layout = layout
        self._kappa = cells.kappa[layout]
        self._alpha = cells.new[layout] * self._kappa
        self._beta = self._kappa - self._alpha
        for group in alike:
            self._share(group, partition)

    def _share(self, group: Sequence[int], partition: Partition) -> None:
        """Commits of a group have their layouts together, and are on one side."""
        shared, first = Seen(), partition.behind(group[0])
        for commit in group:
            self.seen[commit], self._alike[commit] = shared, group
            apart = np.flatnonzero(partition.behind(commit) != first)
            self.log[apart[:, None], np.arange(self.cells.schedule, self.log.shape[1])] = -np.inf

    @property
    def by_layout(self) -> bool:
        """Whether the layout class is held."""
        return self.cells.schedule < len(self.cells.new)

    def regroup(self, origin: NDArray[np.int64]) -> None:
        """Rows were split: every new row begins as its former one."""
        if len(origin) != len(self.log):
            self.log = self.log[origin]
            self._weights = None

    def tell(self, commit: int, failed: bool, layout: object, partition: Partition) -> None:
        """Weigh one attempt; `commit` must be in the partition."""
        behind = partition.behind(commit)
        seen = self.seen.setdefault(commit, Seen())
        new, old = self._new[failed].copy(), self._old[failed].copy()
        if self.by_layout:
            self._layouts(commit, seen, failed, layout, new, old, partition)
        self.log += np.where(behind[:, None], new, old)
        self._weights = None
        seen.failed += failed
        seen.clean += not failed
        self.failed += failed

    def _layouts(
        self, commit: int, seen: Seen, failed: bool, layout: object, new: Values, old: Values, partition: Partition
    ) -> None:
        """Fill in what the attempt says in the layout cells."""
        key = layout if layout is not None else ("fresh", seen.failed + seen.clean)
        if key in seen.layouts:
            both = seen.layouts[key] != failed
            self.repeated += seen.layouts[key]
            new[self._layout] = old[self._layout] = -np.inf if both else 0.0
            return
        drawn = seen.failed_layouts + seen.clean_layouts
        urn = self._alpha + seen.failed_layouts if failed else self._beta + seen.clean_layouts
        new[self._layout] = np.log(urn / (self._kappa + drawn))
        before = self._first(seen)
        seen.named = layout is not None
        seen.layouts[key] = failed
        seen.failed_layouts += failed
        seen.clean_layouts += not failed
        if self._find_fix:
            return
        for row in {int(partition.row[one]) for one in self._alike.get(commit, (commit,))} - {PREDATES}:
            # Its own hypothesis: that it is the first commit at which some layout fails.
            self.log[row, self._layout] += self._first(seen) - before

    def _first(self, seen: Seen) -> Values:
        """Logarithm of what the layouts of a commit weigh more if one of all its layouts is known to fail."""
        if self.reach is None:
            return np.zeros(len(self._kappa))
        none = np.exp(self.log_clean(0, 0, self.reach))
        if seen.failed_layouts:
            return np.asarray(-np.log1p(-none), dtype=np.float64)
        rest = self.log_clean(0, seen.clean_layouts, max(0, self.reach - seen.clean_layouts))
        with np.errstate(divide="ignore"):
            return np.asarray(np.maximum(np.log(-np.expm1(rest)), IMPOSSIBLE) - np.log1p(-none), dtype=np.float64)

    def log_clean(self, failed: int, clean: int, more: int) -> Values:
        """Logarithm of the chance that `more` further layouts of a bad commit are clean, shape (layout cells,)."""
        steps = np.arange(more)[:, None]
        fractions = (self._beta + clean + steps) / (self._kappa + failed + clean + steps)
        return np.asarray(np.log(fractions).sum(axis=0), dtype=np.float64)

    def row_log(self) -> Values:
        """Logarithm of the marginal likelihood of each row, shape (rows,)."""
        largest = np.maximum(self.log.max(axis=1), -1e300)
        return np.asarray(largest + np.log(self.weights().sum(axis=1)), dtype=np.float64)

    def weights(self) -> Values:
        """Weights of the cells in each row, the largest of a row being 1; shape (rows, cells)."""
        if self._weights is None:
            largest = np.maximum(self.log.max(axis=1), -1e300)
            self._weights = np.exp(self.log - largest[:, None])
        return self._weights

    def clean_runs(self, most: int, seen: Seen) -> tuple[Values, Values]:
        """Chance of 1, 2, … `most` clean attempts in a row at a commit, with the culprit behind it and without.

        Both of shape (cells, most). `seen` is what the commit has shown: it tells which fresh layouts are left.
        """
        every = np.arange(1, most + 1)
        new = (1.0 - self.cells.new)[:, None] ** every
        if self.by_layout:
            drawn = len(seen.layouts)
            left = most if self.reach is None else min(most, max(0, self.reach - drawn))
            chance = np.ones((len(self._kappa), most))
            if left:
                steps = np.arange(left)
                urn = (self._beta[:, None] + seen.clean_layouts + steps) / (self._kappa[:, None] + drawn + steps)
                chance[:, :left] = np.cumprod(urn, axis=1)
                chance[:, left:] = chance[:, left - 1 : left]
            new[self._layout] = chance
        return new, (1.0 - self.cells.old)[:, None] ** every

    def _alive(self) -> Values:
        """The weights of the rows that count, shape (some rows, cells)."""
        return np.asarray(self.weights()[self.log.max(axis=1) > self.log.max() - 10.0], dtype=np.float64)

    def _chance_rate(self) -> float:
        """How often the failure shows at a bad commit if it hangs on the schedule; approximate, as `layout_share`."""
        weights = self._alive()[:, self._schedule]
        return float(weights.sum(axis=0) @ self.cells.new[self._schedule] / max(weights.sum(), 1e-300))

    def layout_share(self) -> float:
        """Probability of the layout class, all rows taken alike; an approximation that chooses, but never judges."""
        if not self.by_layout:
            return 0.0
        weights = self._alive()
        return float((weights[:, self._layout].sum(axis=1) / weights.sum(axis=1)).mean())

    def layout_to_repeat(self, here: int | None, without: Collection[int] = ()) -> tuple[int, object] | None:
        """(commit, layout) whose repeat would tell the classes apart; None if nothing failed, or enough is known.

        One at `here` costs no move. `without` are commits that cannot be tested.
        """
        if not self.by_layout or self.repeated >= REPEATS or not UNDECIDED < self.layout_share() < 1.0 - UNDECIDED:
            return None
        if self._chance_rate() > SURE:
            return None
        failing = (
            (commit, layout)
            for commit, seen in self.seen.items()
            for layout, failed in seen.layouts.items()
            if failed and seen.named and commit not in without
        )
        return min(failing, key=lambda one: one[0] != here, default=None)
