"""Which symbol of one map is which of another: a name is not enough, for a kernel has hundreds of `__func__.0`.

A name that both maps have once is its own pair. The others go by their company: to the same pair before them, else to
the same pair behind them, and what is left over by its turn. Nothing here is quadratic, however many names are new.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
NONE = -1


@dataclass(frozen=True, slots=True)
class Pairing:
    """Positions in two lists of names, each of which is in exactly one of the pairs or of what has no partner."""

    before: Ints
    """Ascending; its symbol is that of `after` at the same index."""
    after: Ints
    vanished: Ints
    """Without a partner, in the earlier list, ascending."""
    appeared: Ints


def pair(before: Sequence[str], after: Sequence[str]) -> Pairing:
    """Pair equal names; of a name that is there a times before and b times after, min(a, b)."""
    none = np.empty(0, np.int64)
    if tuple(before) == tuple(after):
        every = np.arange(len(before))
        return Pairing(every, every, none, none)
    last = dict(zip(before, range(len(before)), strict=True))  # a name is known by the last place that has it
    old = np.fromiter(map(last.__getitem__, before), np.int64, len(before))
    new = np.fromiter(map(last.get, after, repeat(NONE)), np.int64, len(after))
    partners = np.full(len(old), NONE)
    place = np.empty(len(old), np.int64)
    known = np.flatnonzero(new != NONE)
    place[new[known]] = known
    once = (np.bincount(old, minlength=len(old)) == 1) & (np.bincount(new[known], minlength=len(old)) == 1)
    partners[once[old]] = place[old[once[old]]]
    for company in (_in_front, _behind, _nobody):
        _pair_by(company, old, new, partners)
    paired = np.flatnonzero(partners != NONE)
    has_partner = _reverse(partners, len(new)) != NONE
    return Pairing(paired, partners[paired], np.flatnonzero(partners == NONE), np.flatnonzero(~has_partner))


def _pair_by(company: Callable[[Ints], Ints], old: Ints, new: Ints, partners: Ints) -> None:
    """Pair what is left of one name in the same company, in order."""
    reverse = _reverse(partners, len(new))
    here, there = company(partners), company(reverse)
    there = np.where(there == NONE, NONE, reverse[there])  # both name a pair by its place in the earlier list
    waiting = defaultdict[tuple[int, int], list[int]](list)
    left = np.flatnonzero((reverse == NONE) & (new != NONE))[::-1]
    for at, name, beside in zip(left.tolist(), new[left].tolist(), there[left].tolist(), strict=True):
        waiting[name, beside].append(at)
    left = np.flatnonzero(partners == NONE)
    for at, name, beside in zip(left.tolist(), old[left].tolist(), here[left].tolist(), strict=True):
        if places := waiting.get((name, beside)):
            partners[at] = places.pop()


def _reverse(partners: Ints, size: int) -> Ints:
    reverse = np.full(size, NONE)
    paired = np.flatnonzero(partners != NONE)
    reverse[partners[paired]] = paired
    return reverse


def _in_front(partners: Ints) -> Ints:
    """The nearest position before each that has a partner, or NONE."""
    return np.maximum.accumulate(np.where(partners == NONE, NONE, np.arange(len(partners))), dtype=np.int64)


def _behind(partners: Ints) -> Ints:
    last = len(partners) - 1
    behind = _in_front(partners[::-1])[::-1]
    return np.where(behind == NONE, NONE, last - behind)


def _nobody(partners: Ints) -> Ints:
    return np.full(len(partners), NONE)
