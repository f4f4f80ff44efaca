"""How two maps of one kernel differ, with the noise of a shift removed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first place at which two maps are not the same, symbol by symbol."""

    line: int
    """1-based, in the map of before."""
    before: str
    """Name in the map of before; empty where that has ended."""
    after: str
    delta: int | None
    """Address after less address before in bytes, where both have this name; else None."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A run of neighbouring symbols that moved together: what lies behind something that grew."""

    first: str
    """Where it begins."""
    symbols: int
    delta: int
    """Bytes; negative towards lower addresses."""


@dataclass(frozen=True, slots=True)
class Swap:
    """Symbols that changed places among themselves at one address, or that a boundary put in another order."""

    address: int
    """In the map of before."""
    before: tuple[str, ...]
    after: tuple[str, ...]
    tied: bool = True
    """All of them have one address, in one of the maps at least: there nm orders them by name, elsewhere by address."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Two maps, the later one against the earlier; names are given in the order of their map."""

    first: Divergence | None
    """None: the maps are equal."""
    appeared: tuple[str, ...]
    """In the later map only; a name that is there twice and was once appears once."""
    vanished: tuple[str, ...]
    retyped: tuple[str, ...]
    """Same name, another letter."""
    swaps: tuple[Swap, ...]
    """In the order of addresses; symbols are never in two of them."""
    shifts: tuple[Shift, ...]
    """In the order of addresses; a symbol is where its distance from the one before it changed, so that ten thousand
    symbols behind one that grew by 8 are one shift."""
    moved: int
    """Symbols of both maps whose address differs."""
    ties: int
    """Addresses of the later map that more than one symbol has."""
    strayed: tuple[str, ...] = ()
    """Symbols of both maps that went far away from their neighbours, and so are in no swap and no shift."""

    @property
    def is_equal(self) -> bool:
        """Whether the maps are equal: names, types, addresses and their order."""
        return self.first is None

    @property
    def ends_early(self) -> bool:
        """Whether the later map is the same as the earlier as far as it goes, and then ends."""
        return self.first is not None and not self.first.after

    @property
    def same_names(self) -> bool:
        """Whether both maps have the same names, each as often."""
        return not self.appeared and not self.vanished
