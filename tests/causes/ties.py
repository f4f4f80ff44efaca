"""Ties: two labels of the linker script have one address in one image and not in the next, so nm gives them in
another order.

The table lists the aliases of an address and is thus as long as there are ties. A boundary that is aligned behind it
then never rests: with the tie the table grows, which undoes the tie, which makes it shrink. In 2012 it was the
compression that made the size of the table follow the order of its symbols.
"""

from __future__ import annotations

from dataclasses import dataclass

from bisectsyms.smallkernel.edits import Edit
from tests.causes.case import Case, variant
from tests.causes.links import LDS, more_table

ALIASES = more_table(
    "aliases",
    """\
\tfor (i = 1; i < count; i++)
\t\tif (table[i].address == table[i - 1].address)
\t\t\tprintf("\\t.long %u, %u\\n", i - 1, i);
""",
    align=16,
    last=True,
)


@dataclass(frozen=True, slots=True)
class Boundary:
    """Two labels between which a padding comes and goes."""

    name: str
    imitates: str
    last: str
    first: str
    shows: str
    edits: tuple[Edit, ...] = ()


BOUNDARIES = (
    Boundary(
        "per-cpu",
        "9973290ce20a: the per-cpu section is empty without SMP",
        "\t\t__per_cpu_start = .;\n\t\t*(.data..percpu)\n\t\t__per_cpu_end = .;\n",
        "\t__data_loc = .;\n",
        "__data_loc",
    ),
    Boundary(
        "modver",
        "arm64 in 2019: __stop___modver and __end_rodata",
        "\t\t__start___modver = .;\n\t\t*(__modver)\n\t\t__stop___modver = .;\n",
        "",
        "__end_rodata",
    ),
    Boundary(
        "swapper",
        "arm64 in 2019: swapper_pg_end and __init_begin",
        "\t\tswapper_pg_dir = .;\n\t\t. = . + 16;\n\t\tswapper_pg_end = .;\n",
        "\t__init_begin = .;\n",
        "__init_begin",
    ),
    Boundary(
        "bss",
        "ARM in 2005: _edata and __bss_start",
        "\t\t_edata = .;\n",
        "\t__bss_start = .;\n",
        "__bss_start",
        (Edit(LDS, " _edata = .; }", " }"), Edit(LDS, " __bss_start = .;", "")),
    ),
)


def tie(boundary: Boundary, arch: str, shape: str = "6.1") -> Case:
    """One boundary right behind the tables, as one kernel and its link have it."""
    messages = "\t\t*(.banner)\n\t\t*(.messages)\n\t\t*(.messages.end)\n"
    place = f"\t\t. = ALIGN(16);\n\t\t*(.kallsyms)\n\t\t. = . + 8 * {{n}};\n{boundary.last}\t}}\n"
    return Case(
        f"tie-{boundary.name}",
        mechanism="tie",
        imitates=boundary.imitates,
        arch=arch,
        shape=shape,
        edits=(
            *ALIASES,
            Edit(LDS, "\t\t*(.kallsyms)\n", ""),
            Edit(LDS, f"{messages}\t}}\n\t. = ALIGN(64);\n", f"{messages}{place}\t. = ALIGN(16);\n{boundary.first}"),
            *boundary.edits,
        ),
        numbers=(0, 1),
        shows=boundary.shows,
    )


CASES = tuple(tie(boundary, arch) for boundary, arch in zip(BOUNDARIES, ("arm", "arm64", "x86", "arm"), strict=True))
MORE = (("x86", "6.1"), ("x86", "6.15"), ("arm64", "6.11"), ("arm", "6.9"), ("arm", "5.15"), ("x86", "2.6.39"))


def variants(case: Case) -> list[Case]:
    """The other boundaries for other kernels and links."""
    return [variant(tie(boundary, *place)) for place in MORE for boundary in BOUNDARIES[:2]]
