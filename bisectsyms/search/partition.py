"""Candidates that no test so far can tell apart, kept as one row.

Two candidates of which the same tested commits would fail have the same likelihood. A search of a hundred tests has
so about a hundred rows, however long the history is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bisectsyms.search.history import Mask

PREDATES = 0
"""The row of the hypothesis that no commit of the range changed anything: all of them fail."""


class Partition:
    """Rows of candidates, refined by each newly tested commit."""

    def __init__(self, candidates: Mask, weights: NDArray[np.float64]) -> None:
        """`weights` are the prior probabilities of the commits, 0 for what is no candidate."""
        self._weights = weights
        self.row: NDArray[np.int64] = candidates.astype(np.int64)
        """The row of each commit, shape (commits,); what is no candidate shares the row of the older culprits."""
        self.rows = 2
        self.tested: dict[int, int] = {}
        """Commit -> its column of `behind`."""
        self.mass = self._masses()
        """The prior probability of each row's candidates, 0 for the older culprits; shape (rows,)."""
        self._behind: NDArray[np.bool_] = np.zeros((8, 8), dtype=np.bool_)

    def behind(self, commit: int) -> Mask:
        """For each row whether the tested `commit` is on its failing side, shape (rows,)."""
        return self._behind[: self.rows, self.tested[commit]]

    def add(self, commit: int, fails: Mask, *, alone: bool) -> NDArray[np.int64]:
        """Note a tested commit; the former row of every row, shape (rows,).

        `fails` says of which candidates it is on the failing side, shape (commits,).
        With `alone` the commit gets a row for itself: a layout of it that failed says that it is not the first bad
        commit by a different measure than for others.
        """
        origin = np.arange(self.rows)
        column = self.tested[commit] = len(self.tested)
        origin = self._split(fails, origin)
        if alone:
            mine = np.zeros(len(self.row), dtype=np.bool_)
            mine[commit] = True
            origin = self._split(mine, origin)
        self._grow(column + 1)
        known = self._behind[origin, :column].copy()
        self._behind[: self.rows, :column] = known
        inside = np.zeros(self.rows, dtype=np.bool_)
        inside[self.row[fails]] = True
        inside[PREDATES] = True
        self._behind[: self.rows, column] = inside
        self.mass = self._masses()
        return origin

    def _masses(self) -> NDArray[np.float64]:
        mass: NDArray[np.float64] = np.zeros(self.rows)
        mass += np.bincount(self.row, weights=self._weights, minlength=self.rows)
        mass[PREDATES] = 0.0
        return mass

    def _split(self, mask: Mask, origin: NDArray[np.int64]) -> NDArray[np.int64]:
        """Give the part of each row that lies in `mask` a row of its own, unless it is all of the row."""
        inside = np.bincount(self.row[mask], minlength=self.rows)
        total = np.bincount(self.row, minlength=self.rows)
        split = np.flatnonzero((inside > 0) & (inside < total))
        split = split[split != PREDATES]
        name = np.arange(self.rows)
        name[split] = np.arange(self.rows, self.rows + len(split))
        self.row[mask] = name[self.row[mask]]
        self.rows += len(split)
        return np.concatenate([origin, origin[split]])

    def _grow(self, columns: int) -> None:
        rows, width = self._behind.shape
        if self.rows > rows or columns > width:
            larger = np.zeros((max(rows, 2 * self.rows), max(width, 2 * columns)), dtype=np.bool_)
            larger[:rows, :width] = self._behind
            self._behind = larger
