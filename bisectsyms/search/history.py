"""The shape of a history: who is an ancestor of whom, and the chains of first parents along which tests are chosen.

A commit can fail only if the culprit is among its ancestors, so ancestors are all that a likelihood needs. Runs of
commits whose one parent stands directly before them are walked in one step: a million commits take a second.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Indices = NDArray[np.int64]
NO_CHILD, SEVERAL = -1, -2


@dataclass(frozen=True, slots=True)
class Chain:
    """Commits from old to new, each the first parent of the next; the first brings in all its ancestors."""

    commits: Indices
    """Shape (length,)."""
    behind: Indices
    """Every commit that is an ancestor of the last or is it, in the order in which the chain reaches them."""
    until: Indices
    """For each position how many of `behind` it reaches, shape (length,)."""

    def entry(self, position: int) -> Indices:
        """What the chain reaches at this position and not before: a commit, and what a merge brings in."""
        return self.behind[self.until[position - 1] if position else 0 : self.until[position]]


class History:
    """Parents by index, in topological order: every parent stands before its child."""

    def __init__(self, parents: Sequence[Sequence[int]]) -> None:
        """Read the parents of each commit; the first of them is the first parent.

        Raises:
            ValueError: a parent does not stand before its child.
        """
        self.size = len(parents)
        self._parents = parents
        self._child: Indices | None = None
        self._start: list[int] = []
        start = 0
        for commit, mine in enumerate(parents):
            if len(mine) != 1 or mine[0] != commit - 1:
                if any(not 0 <= parent < commit for parent in mine):
                    raise ValueError(f"commit {commit} has parents {list(mine)}: not in topological order")
                start = commit
            self._start.append(start)

    @property
    def linear(self) -> bool:
        """Whether every commit has the one before it as its only parent."""
        return self.size == 0 or self._start[-1] == 0

    def parents(self, commit: int) -> Sequence[int]:
        """Its parents, the first parent first."""
        return self._parents[commit]

    def first_not_in(self, commits: Collection[int], commit: int) -> int:
        """From `commit` up along only children, the first that is not in `commits`; or the last before a fork."""
        if self._child is None:
            self._child = np.full(self.size, NO_CHILD)
            for child, mine in enumerate(self._parents):
                for parent in mine:
                    self._child[parent] = child if self._child[parent] == NO_CHILD else SEVERAL
        while commit in commits and self._child[commit] >= 0:
            commit = int(self._child[commit])
        return commit

    def ancestors(self, commit: int) -> Mask:
        """The commit itself and all its ancestors, shape (commits,)."""
        mask = np.zeros(self.size, dtype=np.bool_)
        for low, high in self._reach(commit, {}):
            mask[low:high] = True
        return mask

    def chain(self, tip: int, among: Mask) -> Chain:
        """First parents from `tip` down, as long as they are in `among`.

        The oldest commit of the chain brings all its own ancestors in at position 0.
        """
        pieces: list[tuple[int, int]] = []
        at: int | None = tip
        while at is not None and among[at]:
            low = self._start[at]
            outside = np.flatnonzero(~among[low : at + 1])
            if len(outside):
                pieces.append((low + int(outside[-1]) + 1, at + 1))
                break
            pieces.append((low, at + 1))
            mine = self._parents[low]
            at = mine[0] if mine else None
        commits: list[Indices] = []
        behind: list[Indices] = []
        until: list[Indices] = []
        done: dict[int, int] = {}
        count = 0
        for low, high in reversed(pieces):
            # Only the first commit of a piece has parents elsewhere; the others bring in nothing but themselves.
            brought = [np.arange(below, above) for below, above in self._reach(low, done)]
            behind.extend(brought[::-1])
            behind.append(np.arange(low + 1, high))
            commits.append(np.arange(low, high))
            count += sum(len(part) for part in brought)
            until.append(np.arange(count, count + high - low))
            count += high - low - 1
            done[self._start[low]] = high
        nothing = np.empty(0, dtype=np.int64)
        return Chain(*(np.concatenate(parts) if parts else nothing for parts in (commits, behind, until)))

    def _reach(self, commit: int, done: dict[int, int]) -> Iterator[tuple[int, int]]:
        """Slices of commits reached from `commit` and not yet in `done`, which holds the end of each run's part."""
        waiting = [commit]
        while waiting:
            at = waiting.pop()
            start = self._start[at]
            reached = done.get(start, start)
            if reached > at:
                continue
            if reached == start:
                waiting.extend(self._parents[start])
            done[start] = at + 1
            yield reached, at + 1
