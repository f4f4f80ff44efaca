"""What one pass of a link has and the next has not, beside their maps: parts of the tables, sections of the images."""

from __future__ import annotations

from collections.abc import Sequence

from bisectsyms.kallsyms.evidence import few
from bisectsyms.kallsyms.facts import Image, TableSizes

ALLOCATED = "A"
"""Flag of sections that take room in memory: only these move symbols (elf(5), SHF_ALLOC)."""


def part_changes(before: TableSizes, after: TableSizes) -> tuple[str, ...]:
    """Parts of a table that are larger or smaller in the next: `kallsyms_markers +8`; `kallsyms_new appeared`."""
    old, new = dict(before.parts), dict(after.parts)
    return (
        *(f"{name} {new[name] - size:+d}" for name, size in before.parts if name in new and new[name] != size),
        *(f"{name} appeared" for name in new if name not in old),
        *(f"{name} vanished" for name in old if name not in new),
    )


def section_changes(before: Image, after: Image) -> list[str]:
    """Sections in memory that only one of two images has, or that are aligned otherwise.

    Nothing where those of one are not known: they stayed on another host, or were given up for space.
    """
    if not before.sections or not after.sections:
        return []
    old = {one.name: one for one in before.sections if ALLOCATED in one.flags and one.size}
    new = {one.name: one for one in after.sections if ALLOCATED in one.flags and one.size}
    found = []
    if extra := [name for name in new if name not in old]:
        found.append(f"{after.name} has sections that the temporary image has not: {few(extra)}")
    if missing := [name for name in old if name not in new]:
        found.append(f"{after.name} lacks sections of the temporary image: {few(missing)}")
    if other := [name for name in new if name in old and new[name].align != old[name].align]:
        found.append(f"sections are aligned otherwise: {few(other)}")
    return found


def room(table: TableSizes) -> int:
    """The size of the object, or of all its parts where only its source is there."""
    return table.size or sum(size for _, size in table.parts)


def same_size(tables: Sequence[TableSizes]) -> bool:
    """Whether the last two tables, of the passes in their order, are of one size; False where there are not two."""
    return len(tables) >= 2 and room(tables[-2]) == room(tables[-1])


def laid_out_alike(tables: Sequence[TableSizes]) -> bool:
    """Whether the last two tables have the same parts of the same sizes; False where there are not two."""
    return same_size(tables) and not part_changes(tables[-2], tables[-1])


def sizes(tables: Sequence[TableSizes]) -> str:
    """For people: the size of each table in bytes, in the order of the passes."""
    return "the tables are of " + ", ".join(str(room(one)) for one in tables) + " bytes"
