"""Which commits fail if a candidate is the answer: ancestry, and what twins and reverts make of it.

A candidate takes effect in a commit that contains it, or a twin of it (another commit that makes the same change),
unless a later revert of that one is contained, too. Looking for a fix the same holds with failing and passing turned
round: a commit that contains the fix does not fail.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bisectsyms.search.history import Chain, History, Mask

NEVER = np.iinfo(np.int64).max


class Lineage:
    """The history as hypotheses see it."""

    def __init__(
        self,
        history: History,
        twins: Sequence[Sequence[int]] = (),
        reverts: Sequence[tuple[int, int]] = (),
        *,
        find_fix: bool = False,
    ) -> None:
        """`twins` are groups of equal changes, `reverts` are pairs (revert, what it reverts).

        Raises:
            ValueError: a commit is in two groups of twins.
        """
        self.find_fix = find_fix
        self._history = history
        self._same: dict[int, tuple[int, ...]] = {}
        self._ended: dict[int, list[int]] = {}
        for group in twins:
            ordered = tuple(sorted(set(group)))
            for commit in ordered:
                if commit in self._same:
                    raise ValueError(f"commit {commit} is in two groups of twins")
                self._same[commit] = ordered
        for revert, reverted in sorted(set(reverts)):
            # A revert ends only what it contains: the same change applied once more later on has its own.
            for twin in self._same.get(reverted, (reverted,)):
                if twin != revert and history.ancestors(revert)[twin]:
                    self._ended.setdefault(twin, []).append(revert)
        first = {group[0] for group in self._same.values()}
        alone = {twin for twin in self._ended if twin not in self._same}
        ended = {self._same[twin][0] for twin in self._ended if twin in self._same}
        self.special = tuple(sorted(first | alone | ended))
        """Candidates to which more than ancestry matters: the first of each group of twins, and what was reverted."""
        self.doubles = tuple(sorted(set(self._same) - first))
        """Twins of an earlier one; they are no candidates of their own."""

    def fails(self, commit: int) -> Mask:
        """For each candidate whether `commit` is on the failing side if it is the answer, shape (commits,)."""
        contained = self._history.ancestors(commit)
        effect = contained.copy()
        for candidate in self.special:
            effect[candidate] = any(
                contained[twin] and not any(contained[revert] for revert in self._ended.get(twin, ()))
                for twin in self._same.get(candidate, (candidate,))
            )
        return ~effect if self.find_fix else effect

    def along(self, chain: Chain) -> NDArray[np.bool_]:
        """For each special candidate where along a chain it is in effect, shape (special, length of the chain)."""
        if not self.special:
            return np.zeros((0, len(chain.commits)), dtype=np.bool_)
        reached = np.full(self._history.size, NEVER)
        reached[chain.behind] = np.searchsorted(chain.until, np.arange(len(chain.behind)), side="right")
        places = np.arange(len(chain.commits))
        effect = np.zeros((len(self.special), len(places)), dtype=np.bool_)
        for number, candidate in enumerate(self.special):
            for twin in self._same.get(candidate, (candidate,)):
                end = min((reached[revert] for revert in self._ended.get(twin, ())), default=NEVER)
                effect[number] |= (reached[twin] <= places) & (places < end)
        return effect
