"""Stale artefacts: something of the build before is used again although what it was made from is another.

Each case is built twice in one objtree: the first build passes, the second has a function or a release more and
fails; the same tree from scratch passes.
"""

from __future__ import annotations

from bisectsyms.kallsyms.facts import Tried
from bisectsyms.smallkernel.edits import Edit
from tests.causes.case import Case, variant
from tests.causes.links import final_link
from tests.era_shapes import LINK

INPUTS = "--whole-archive vmlinux.a init/version-timestamp.o"
ASSEMBLED = '\t${CC} ${KBUILD_CFLAGS} -c -o "${kallsymso}" "${kallsyms_vmlinux}.S"\n'
GROWN = Edit(
    "lib/string.c",
    "#include <linux/kernel.h>\n",
    "#include <linux/kernel.h>\n\nu32 string_folded_{n}(u32 value)\n{\n\treturn (value << {n}) ^ 0x5bd1e995;\n}\n",
)
RELEASED = Edit("Makefile", "EXTRAVERSION =\n", "EXTRAVERSION = -after-{n}\n")
IMITATES = {
    "archive": "c5e6ae563c80 and its like: what is packed lacks the objects among its prerequisites",
    "banner": "the final link has the banner of the build before",
    "table": "a table that is there is taken for the right one",
}


def stale(name: str, arch: str, shape: str = "6.1", number: int = 3) -> Case:
    """One thing that is not made anew; the table can be kept in the links of 6.1 to 6.10 only."""
    if name == "archive":
        pack = "[ -e .packed.a ] || ${AR} cDPrS .packed.a $(${AR} t vmlinux.a)\narchive=.packed.a"
        bend = Edit(LINK, INPUTS, INPUTS.replace("vmlinux.a", "${archive:-vmlinux.a}"))
        bends, change = (bend, *final_link(shape, "", pack)), GROWN
    elif name == "banner":
        keep = "[ -e .banner.o ] || cp init/version-timestamp.o .banner.o\nbanner=.banner.o"
        bend = Edit(LINK, INPUTS, INPUTS.replace("init/version-timestamp.o", "${banner:-init/version-timestamp.o}"))
        bends, change = (bend, *final_link(shape, "", keep)), RELEASED
    else:
        kept = '\tif [ "$1" = 2 ]; then\n\t\t[ -e .table2.o ] || cp "${kallsymso}" .table2.o\n'
        bends, change = (Edit(LINK, ASSEMBLED, f'{ASSEMBLED}{kept}\t\tcp .table2.o "${{kallsymso}}"\n\tfi\n'),), GROWN
    return Case(
        f"stale-{name}",
        trigger="stale",
        imitates=IMITATES[name],
        arch=arch,
        shape=shape,
        edits=(*bends, change),
        earlier=bends,
        numbers=(number,),
        tried=(Tried("same", 9, 0), Tried("incremental", 9, 0), Tried("clean", 0, 9)),
    )


CASES = (stale("archive", "arm"), stale("banner", "x86"), stale("table", "arm64"))
MORE = (
    ("archive", "x86", "6.1", 5),
    ("banner", "arm64", "6.1", 12345),
    ("table", "arm", "6.1", 9),
    ("archive", "arm64", "6.9", 11),
    ("banner", "arm", "6.9", 7),
    ("table", "x86", "6.9", 1234),
    ("archive", "arm", "6.11", 1),
    ("banner", "x86", "6.11", 44444444),
    ("archive", "x86", "6.15", 2),
    ("banner", "arm", "6.15", 99),
)


def variants(case: Case) -> list[Case]:
    """Other kernels, links and changes between the two builds."""
    return [variant(stale(name, arch, shape, number), str(number)) for name, arch, shape, number in MORE]
