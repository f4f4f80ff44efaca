"""Filter lists disagree: both images have a name, and what writes the one map leaves it out."""

from __future__ import annotations

from dataclasses import dataclass

from bisectsyms.smallkernel.edits import Edit
from tests.causes.case import Case, variant

MKSYSMAP = "scripts/mksysmap"


@dataclass(frozen=True, slots=True)
class Left:
    """A name that one of the two filters leaves out."""

    name: str
    imitates: str
    symbol: str
    pattern: str
    """Of grep, as scripts/mksysmap would have it."""
    only: str
    """The image whose map lacks it: `final` or `temporary`."""


LEFT = (
    Left("l0", "c17a2538704f: L0 of riscv is left out on one side only", "L0", " L0$", "temporary"),
    Left(
        "crc", "checksums of exports, which one list has and the other has not", "__crc_slab_alloc", " __crc_", "final"
    ),
    Left("kstrtab", "the names of exports, in one list only", "__kstrtab_printk", " __kstrtab_", "final"),
    Left(
        "seqs",
        "ced0f245ed95: kallsyms_seqs_of_names, missing in one list",
        "seqs_of_names",
        " seqs_of_names$",
        "temporary",
    ),
)


def _other_filter(shape: str, left: Left) -> tuple[Edit, ...]:
    """The script that both maps are made by is told for which of them it works."""
    final = left.only == "final"
    test = '[ "$2" = System.map ]' if final else '[ "$2" != System.map ]'
    return (Edit(MKSYSMAP, '> "$2"\n', f'> "$2"\nif {test}; then\n\tsed -i -e \'/{left.pattern}/d\' "$2"\nfi\n'),)


def disagreement(left: Left, arch: str, shape: str = "6.1") -> Case:
    """A name in a section of its own, left out of one map of one kernel."""
    code = f'\nconst unsigned int {left.symbol.lower()}_kept __asm__("{left.symbol}") = 7;\n'
    return Case(
        f"filter-{left.name}",
        mechanism="filter",
        imitates=left.imitates,
        arch=arch,
        shape=shape,
        edits=(
            *_other_filter(shape, left),
            Edit("lib/errors.c", "#include <linux/kernel.h>\n", f"#include <linux/kernel.h>\n{code}"),
        ),
        shows=left.symbol,
    )


CASES = tuple(disagreement(left, arch) for left, arch in zip(LEFT, ("arm64", "x86", "arm", "x86"), strict=True))
MORE = (("x86", "6.15"), ("arm", "5.15"), ("arm64", "6.11"), ("arm", "2.6.39"), ("x86", "6.9"))


def variants(case: Case) -> list[Case]:
    """Other names, kernels and links."""
    return [variant(disagreement(LEFT[(n + k) % 4], *place)) for n, place in enumerate(MORE) for k in range(2)]
