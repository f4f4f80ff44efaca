"""A map of symbols, as `nm -n` and scripts/mksysmap write it: one type for System.map and the maps of all passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SymbolMap:
    """The symbols of one image in the order of the file: three columns of equal length."""

    addresses: Sequence[int]
    types: Sequence[str]
    """The letters of nm(1)."""
    names: Sequence[str]
    """Not unique; may hold spaces where LTO made them."""
