"""What it takes the slots of a search to come to a commit: from where each is, by what has been measured until now."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bisectsyms.core.pace import Pace
from bisectsyms.model import Kind, Seen
from bisectsyms.usecases.desk import Place

Seconds = NDArray[np.float64]
Between = Callable[[int, NDArray[np.int64]], Seconds]
"""(from, to) -> seconds of each move."""


class Ways:
    """The ways of one search, learnt from its attempts."""

    def __init__(self) -> None:
        self.pace = Pace()
        self.here: int | None = None
        """Where the last attempt was, whichever slot it was in."""
        self._commits: dict[str, int] = {}
        """Tree of an attempt -> the commit that it is told of."""

    def note(self, seen: Seen, commit: int | None) -> None:
        """Take in an attempt, and the commit that it is told of."""
        self.pace.note(seen)
        self.here = commit
        if commit is not None:
            self._commits[seen.revision.tree] = commit

    def seconds_to(
        self, commits: NDArray[np.int64], kind: Kind, places: Sequence[Place], between: Between | None
    ) -> Seconds:
        """From the nearest of these places; by default from where the last attempt was."""
        if not places:
            return self._seconds(self.here, commits, kind, between)
        ways = [self._from(place, commits, kind, between) for place in places]
        return np.asarray(np.min(ways, axis=0), dtype=np.float64)

    def _from(self, place: Place, commits: NDArray[np.int64], kind: Kind, between: Between | None) -> Seconds:
        if not place.warm:  # in an empty slot everything has to be built first
            return np.full(len(commits), self.pace.arrive(kind))
        return self._seconds(self._commits.get(place.tree), commits, kind, between)

    def _seconds(self, here: int | None, commits: NDArray[np.int64], kind: Kind, between: Between | None) -> Seconds:
        move = self.pace.move(kind)
        if between is None or here is None or not move:  # where every attempt is a clean build a move costs nothing
            seconds = np.full(len(commits), move)
        else:
            seconds = np.asarray(between(here, commits), dtype=np.float64)
        return np.where(commits == here, 0.0, seconds)
