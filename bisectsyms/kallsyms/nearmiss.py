"""How close a build that passed came to "Inconsistent kallsyms data": measures, and what each of them means.

A build passes when the map of its last temporary link is that of the final one. What may make them differ is there in
passing builds as well: symbols at one address, which change places once padding parts them; tables that change their
size from pass to pass; a table that grows up to what lies behind it; code as long as a branch can reach.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from bisectsyms.kallsyms.facts import Image, Section, TableSizes
from bisectsyms.kallsyms.symbols import SymbolMap

ABSOLUTE = frozenset("aA")
MB = 1 << 20
PAGE = 4096
"""Bytes; the ends of what is protected alike are aligned to pages, of 4 kB or of larger ones."""
WIDE = 64
"""Bytes: an alignment of so much is no matter of one word; a cache line of most machines."""
NEAR = 0.9
"""Of the reach of a branch."""

REACH: Mapping[str, tuple[int, str]] = {
    "ARM": (32 * MB, "BL, 24 bits of words: Arm ARM, DDI 0406"),
    "AARCH64": (128 * MB, "BL, 26 bits of words: Arm ARM, DDI 0487"),
    "PPC": (32 * MB, "I-form branch, 24 bits of words: Power ISA, Book I"),
    "PPC64": (32 * MB, "I-form branch, 24 bits of words: Power ISA, Book I"),
}
"""e_machine -> bytes that a call reaches in each direction, and where that is from."""
THUMB = (16 * MB, "BL of Thumb-2, 24 bits of halfwords: Arm ARM, DDI 0406")


@dataclass(frozen=True, slots=True)
class Tie:
    """Several names at one address, labels of boundaries among them: nm orders them by name for as long as they are."""

    address: int
    labels: tuple[str, ...]
    """Those that the linker's script makes, which have no size; in the order of the map."""
    others: int
    """Functions and data at the same address."""


@dataclass(frozen=True, slots=True)
class Flip:
    """Symbols of one address that stand in another order in the map of the next pass."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    maps: tuple[str, str]
    """Names of the two maps."""


@dataclass(frozen=True, slots=True)
class Growth:
    """How a part of the tables changed its size from one pass to the next; bytes."""

    part: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Slack:
    """Bytes by which the tables may grow before the next section at a boundary moves: the padding in front of it.

    A lower bound, because smaller paddings on the way take up something, too.
    """

    section: str
    """That holds the tables."""
    behind: str
    """The next section whose begin is aligned to more than its content needs."""
    free: int
    symbols: int
    """Between the tables and that section: they move at once, by steps of their own alignment."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How long the code is, against the range of a branch; bytes."""

    text: int
    branch: int
    source: str

    @property
    def left(self) -> int:
        """Bytes by which the code may grow until it is as long as a branch reaches; negative beyond."""
        return self.branch - self.text


@dataclass(frozen=True, slots=True)
class NearMiss:
    """The measures of one build. What could not be found out is None or empty, and then counts for nothing."""

    symbols: int
    ties: tuple[Tie, ...]
    flips: tuple[Flip, ...]
    passes: int
    """Maps of passes that were compared, that of the final link among them."""
    growth: tuple[Growth, ...]
    """Between the first object of the tables and the second: what asks for a third pass."""
    settled: bool | None
    """Whether the last two objects have one size; None where there are fewer than two."""
    third_pass: bool | None
    slack: Slack | None
    reach: Reach | None
    table_wrong: tuple[str, ...] = ()
    """Symbols at which the table in the image is not true to it: worse than a failure, because nobody sees it."""


def near_miss(
    final: SymbolMap,
    passes: Sequence[tuple[str, SymbolMap]] = (),
    tables: Sequence[TableSizes] = (),
    image: Image | None = None,
    *,
    labels: Mapping[str, int] | None = None,
    thumb: bool = False,
) -> NearMiss:
    """Measure a build by its final map, the maps of its passes (name, map), its kallsyms objects and its image.

    `labels` are the addresses of kallsyms_* in the image, which the maps of most kernels leave out. `thumb`:
    CONFIG_THUMB2_KERNEL, where a branch reaches half as far.
    """
    maps = [*passes, ("System.map", final)]
    return NearMiss(
        symbols=len(final.names),
        ties=tuple(ties(final)),
        flips=tuple(flip for one, other in pairwise(maps) for flip in flips(one, other)) if passes else (),
        passes=len(maps),
        growth=tuple(growth(tables[0], tables[1])) if len(tables) > 1 else (),
        settled=_total(tables[-2]) == _total(tables[-1]) if len(tables) > 1 else None,
        third_pass=len(tables) > 2 if tables else None,
        slack=slack(final, tables[-1], image, labels or {}) if tables and image else None,
        reach=reach(image, thumb=thumb) if image else None,
        table_wrong=image.table_wrong if image else (),
    )


def ties(symbols: SymbolMap) -> Iterator[Tie]:
    """Addresses that a label of a boundary shares, in their order.

    Two names of one function or object are no tie in this sense: one object file holds both, and they keep their order.
    """
    for address, at in _by_address(symbols):
        labels = tuple(name for name in at if is_boundary(name))
        if labels and len(at) > 1:
            yield Tie(address, labels, len(at) - len(labels))


def is_boundary(name: str) -> bool:
    """Whether the linker's script makes it, by how include/asm-generic/vmlinux.lds.h calls begins and ends."""
    if name in RUN_TOGETHER:
        return True
    words = name.strip("_").split("_")
    return name.startswith("__") and (words[0] in EDGES or words[-1] in EDGES)


EDGES = frozenset(("start", "stop", "begin", "end", "highest", "lowest", "load"))
"""Words that the name of a boundary begins or ends with."""
RUN_TOGETHER = frozenset(
    ("_text", "stext", "_stext", "_etext", "_sdata", "_edata", "_data", "_sinittext", "_einittext", "_end", "_start")
)
"""Boundaries that are one word."""


def flips(one: tuple[str, SymbolMap], other: tuple[str, SymbolMap]) -> Iterator[Flip]:
    """Groups of one address that have the same names in both maps, in another order."""
    groups = {frozenset(at): at for _, at in _by_address(one[1]) if len(at) > 1}
    for _, at in _by_address(other[1]):
        before = groups.get(frozenset(at)) if len(at) > 1 else None
        if before is not None and before != at and sorted(before) == sorted(at):
            yield Flip(before, at, (one[0], other[0]))


def growth(one: TableSizes, other: TableSizes) -> Iterator[Growth]:
    """Parts whose size differs between two objects; a part that one of them lacks has no bytes there."""
    before, after = dict(one.parts), dict(other.parts)
    for part in {**before, **after}:
        if before.get(part, 0) != after.get(part, 0):
            yield Growth(part, before.get(part, 0), after.get(part, 0))


def slack(symbols: SymbolMap, table: TableSizes, image: Image, labels: Mapping[str, int]) -> Slack | None:
    """The room behind the tables, the addresses of whose `labels` are known; None where they are not in the image."""
    found = [(labels[name], size) for name, size in table.parts if name in labels]
    if not found:
        return None
    last, size = max(found)
    loaded = sorted((one for one in image.sections if "A" in one.flags and one.size), key=lambda one: one.address)
    mine = next((one for one in loaded if one.address <= last < one.address + one.size), None)
    if mine is None:
        return None
    end = mine.address + mine.size
    for one in loaded:
        if one.address >= end and _is_aligned(one, one.address - end):
            moving = sum(last + size <= at < end for at in symbols.addresses)
            return Slack(mine.name, one.name, one.address - end, moving)
        end = max(end, one.address + one.size)
    return None


def _is_aligned(section: Section, padding: int) -> bool:
    """Whether the linker's script aligns its begin: to a page, or by more padding than the section itself asks for."""
    return section.address % PAGE == 0 or section.align >= WIDE or padding >= max(section.align, 1)


def reach(image: Image, *, thumb: bool = False) -> Reach | None:
    """The size of .text against the range of a branch; None for a machine without such a limit."""
    text = next((one for one in image.sections if one.name == ".text"), None)
    if image.machine not in REACH or text is None:
        return None
    branch, source = THUMB if thumb and image.machine == "ARM" else REACH[image.machine]
    return Reach(text.size, branch, source)


def _total(table: TableSizes) -> int:
    """Bytes of the tables; of the file where its parts are not known."""
    return sum(size for _, size in table.parts) or table.size


def _by_address(symbols: SymbolMap) -> Iterable[tuple[int, tuple[str, ...]]]:
    """Neighbours of one address, in the order of the map."""
    pairs = zip(symbols.addresses, symbols.names, strict=True)
    return ((address, tuple(name for _, name in at)) for address, at in groupby(pairs, key=lambda pair: pair[0]))


def close(near: NearMiss) -> Iterator[str]:
    """What of it is no mere possibility: it has happened in this very build, or nearly."""
    if near.table_wrong:
        yield f"the table in the image is not true to it: {near.table_wrong[0]}"
    if near.flips:
        names = ", ".join(near.flips[0].after[:3])
        yield f"the order of {len(near.flips)} groups at one address changed between two passes: {names} …"
    if near.growth:
        parts = ", ".join(f"{one.part} {one.after - one.before:+d}" for one in near.growth)
        yield f"the tables changed their size between two passes ({parts})"
    if near.settled is False:
        yield "the last two tables are not of one size: they had not settled when the link ended"
    if near.reach and near.reach.text > NEAR * near.reach.branch:
        yield f"{near.reach.left} bytes more of code, and branches need veneers"
