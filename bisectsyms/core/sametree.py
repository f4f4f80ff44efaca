"""Commits with one tree: what an attempt shows at one of them, it shows at all of them.

An empty commit, a merge that brings in nothing, a commit and the revert of its child. One of them stands for the
others, so that no attempt counts twice. And what lies between two of them is out of question: it would be there at the
one and not at the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Same:
    """Which commits of a history are the same to a test."""

    stands_for: dict[int, int]
    """Commit -> the newest of its descendants with the same tree; only where there is one."""
    impossible: Mask
    """Commits that one of two equals contains and the other does not, shape (commits,)."""


def same_trees(trees: Sequence[str], ancestors: Callable[[int], Mask], twins: Iterable[Sequence[int]] = ()) -> Same:
    """Compare `trees`, an id for each commit; `ancestors` tells which commits a commit contains, itself included.

    Commits of one change (`twins`) stay possible: it may have been taken back and have come again. Equals of which
    none contains the other stay apart for the same reason.
    """
    groups: dict[str, list[int]] = {}
    for commit, tree in enumerate(trees):
        groups.setdefault(tree, []).append(commit)
    stands_for, impossible = dict[int, int](), np.zeros(len(trees), dtype=np.bool_)
    for mine in groups.values():
        while len(mine) > 1:
            newest = mine.pop()
            behind = ancestors(newest)
            for one in (one for one in mine if behind[one]):
                stands_for[one] = newest
                impossible |= behind & ~ancestors(one)
            mine[:] = [one for one in mine if not behind[one]]
    impossible[[commit for mine in twins for commit in mine]] = False
    return Same(stands_for, impossible)
