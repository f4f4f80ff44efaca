"""What a test costs: a repeat where one stands, or a move to another commit and its build."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bisectsyms.search.rates import Values


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds, or any other unit in which the budget is given."""

    repeat: float = 1.0
    """One attempt at the commit that was tested last."""
    move: float = 0.0
    """What an attempt at another commit costs more."""
    between: Callable[[int, NDArray[np.int64]], Values] | None = None
    """(from, to) -> what each move costs more, where that is known for each; staying has to be 0 in it."""

    def moves(self, here: int | None, commits: NDArray[np.int64]) -> Values:
        """Seconds to come to each of `commits`; nothing for the one where the last test was."""
        if here is not None and self.between is not None:
            return np.asarray(self.between(here, commits), dtype=np.float64)
        seconds = np.full(len(commits), self.move)
        return seconds if here is None else np.where(commits == here, 0.0, seconds)
