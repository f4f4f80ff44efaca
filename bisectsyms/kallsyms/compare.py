"""Compares two maps of one kernel: which symbols moved, appeared, vanished, changed places; linear but for one sort.

Names come first, for addresses are noise: one byte more in front of ten thousand symbols moves all of them and says one
thing. Symbols of both maps are paired (kallsyms/pairing.py). Pairs that are in one order in both maps stayed where they
were among the others, the rest changed places; and neighbours that moved by the same distance are one shift.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress, count
from operator import ne

import numpy as np
import numpy.typing as npt

from bisectsyms.kallsyms.difference import Difference, Divergence, Shift, Swap
from bisectsyms.kallsyms.pairing import pair
from bisectsyms.kallsyms.symbols import UNDEFINED, SymbolMap

Ints = npt.NDArray[np.int64]
MOST_JUMP = 1024
"""Symbols that one may pass and still be among its neighbours. A tie of a small 6.1 kernel for ARM has 254."""


@dataclass(frozen=True, slots=True)
class _Side:
    """A map, its columns as arrays."""

    symbols: SymbolMap
    addresses: npt.NDArray[np.uint64]
    letters: npt.NDArray[np.uint32]
    placed: npt.NDArray[np.bool_]
    """What has a place in the image."""

    @classmethod
    def of(cls, symbols: SymbolMap) -> _Side:
        letters = np.frombuffer("".join(symbols.types).encode("utf-32-le"), np.uint32)
        placed = ~np.isin(letters, [ord(letter) for letter in UNDEFINED])
        return cls(symbols, np.array(symbols.addresses, np.uint64), letters, placed)

    def names(self, places: Ints) -> tuple[str, ...]:
        return tuple(self.symbols.names[at] for at in places.tolist())


def compare(before: SymbolMap, after: SymbolMap) -> Difference:
    """How the later map differs from the earlier; total on any two maps that `read_map` gives."""
    one, two = _Side.of(before), _Side.of(after)
    paired = pair(before.names, after.names)
    old, new = paired.before, paired.after
    far = _strays(new)
    still = ~far & one.placed[old] & two.placed[new]
    return Difference(
        first=_first(before, after),
        appeared=two.names(paired.appeared),
        vanished=one.names(paired.vanished),
        retyped=one.names(old[one.letters[old] != two.letters[new]]),
        swaps=tuple(_swaps(one, two, old[~far], new[~far])),
        shifts=tuple(_shifts(one, two, old[still], new[still])),
        moved=int(np.count_nonzero(one.addresses[old] != two.addresses[new])),
        ties=sum(1 for _ in _tied(two)),
        strayed=one.names(old[far]),
    )


def tied(symbols: SymbolMap) -> Iterator[tuple[int, tuple[str, ...]]]:
    """(address, names in the order of the map) where several symbols have one address, by address.

    GNU nm -n orders these by name (numeric_forward in binutils/nm.c), so that which is tied in one pass only changes
    its place.
    """
    side = _Side.of(symbols)
    for places in _tied(side):
        yield symbols.addresses[places[0]], side.names(places)


def _tied(side: _Side) -> Iterator[Ints]:
    placed = np.flatnonzero(side.placed)
    placed = placed[np.argsort(side.addresses[placed], kind="stable")]
    ordered = side.addresses[placed]
    starts = np.flatnonzero(np.concatenate((np.ones(min(len(ordered), 1), bool), ordered[1:] != ordered[:-1])))
    sizes = np.diff(starts, append=len(ordered))
    for start, size in zip(starts[sizes > 1].tolist(), sizes[sizes > 1].tolist(), strict=True):
        yield placed[start : start + size]


def _first(before: SymbolMap, after: SymbolMap) -> Divergence | None:
    columns = ((before.names, after.names), (before.types, after.types), (before.addresses, after.addresses))
    shorter = min(len(before.names), len(after.names))
    at = min(next(compress(count(), map(ne, *both)), shorter) for both in columns)
    if at == len(before.names) == len(after.names):
        return None
    old = before.names[at] if at < len(before.names) else ""
    new = after.names[at] if at < len(after.names) else ""
    both_have_it = at < shorter and old == new
    return Divergence(at + 1, old, new, after.addresses[at] - before.addresses[at] if both_have_it else None)


def _unsorted(order: Ints) -> Iterator[tuple[int, int]]:
    """The smallest slices of `order` that must be sorted for all of it to be sorted; (start, end) of each."""
    ends = np.flatnonzero(np.maximum.accumulate(order) == np.sort(order)) + 1
    starts = np.concatenate(([0], ends[:-1]))
    several = ends - starts > 1
    yield from zip(starts[several].tolist(), ends[several].tolist(), strict=True)


def _strays(order: Ints) -> npt.NDArray[np.bool_]:
    """Which symbols, given by their places in the later map in the order of the earlier, have jumped out of sight.

    Those that jumped far, and then in runs that are still long all that jumped: no swap is longer than MOST_JUMP.
    """
    far = np.zeros(len(order), bool)
    for jump in (MOST_JUMP, 0):
        near = np.flatnonzero(~far)
        for start, end in _unsorted(order[near]):
            if end - start > MOST_JUMP:
                run = near[start:end]
                far[run] = _jumps(order[run]) > jump
    return far


def _jumps(order: Ints) -> Ints:
    """How many symbols that have kept their order each of the others has passed; 0 for those that have kept it."""
    stayed = np.zeros(len(order), bool)
    stayed[_rising(order.tolist())] = True
    passed = np.searchsorted(order[stayed], order) - np.cumsum(stayed)
    return np.where(stayed, 0, np.abs(passed))


def _rising(places: Sequence[int]) -> list[int]:
    """Indices of a longest rising subsequence, by patience sorting (Fredman 1975)."""
    tops, at = list[int](), list[int]()
    left = list[int]()
    for index, place in enumerate(places):
        pile = bisect_left(tops, place)
        left.append(at[pile - 1] if pile else -1)
        if pile == len(tops):
            tops.append(place)
            at.append(index)
        else:
            tops[pile] = place
            at[pile] = index
    chain, index = list[int](), at[-1]
    while index >= 0:
        chain.append(index)
        index = left[index]
    return chain


def _swaps(one: _Side, two: _Side, old: Ints, new: Ints) -> Iterator[Swap]:
    for start, end in _unsorted(new):
        was, now = old[start:end].tolist(), sorted(new[start:end].tolist())
        before, after = (tuple(side.symbols.names[at] for at in places) for side, places in ((one, was), (two, now)))
        if before != after:  # else it is one name many times
            old_places = {one.symbols.addresses[at] for at in was}
            new_places = {two.symbols.addresses[at] for at in now}
            yield Swap(one.symbols.addresses[was[0]], before, after, 1 in (len(old_places), len(new_places)))


def _shifts(one: _Side, two: _Side, old: Ints, new: Ints) -> Iterator[Shift]:
    """Runs of one distance between the places in both maps."""
    was, now = one.addresses[old], two.addresses[new]
    distances, down = now - was, now < was  # the first modulo 2 ** 64
    changes = (distances[1:] != distances[:-1]) | (down[1:] != down[:-1])
    starts = np.flatnonzero(np.concatenate((np.ones(min(len(old), 1), bool), changes)))
    sizes = np.diff(starts, append=len(old))
    shifted = distances[starts] != 0
    for start, size in zip(starts[shifted].tolist(), sizes[shifted].tolist(), strict=True):
        yield Shift(one.symbols.names[old[start]], size, int(now[start]) - int(was[start]))
