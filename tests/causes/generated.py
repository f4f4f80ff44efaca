"""Symbols that no source has: a tool makes them up, for the final link others than for the one before."""

from __future__ import annotations

from dataclasses import dataclass

from bisectsyms.smallkernel.edits import Edit
from bisectsyms.smallkernel.history import TREE
from tests.causes.case import Case, variant
from tests.causes.links import KALLSYMS, each_link, final_link

MKSYSMAP = "scripts/mksysmap"


@dataclass(frozen=True, slots=True)
class Family:
    """Names of one tool, in an object that the final link alone is given."""

    name: str
    imitates: str
    source: str
    """Assembler text; empty: the symbols of lib/string.o by another name."""
    shows: str
    prefix: str = ""
    edits: tuple[Edit, ...] = ()
    flags: str = ""
    """For the assembler."""
    arches: tuple[str, ...] = ("x86", "arm", "arm64")


LOCAL_NAMES = (Edit(MKSYSMAP, " -e ' \\.L'", ""),)
MAPPING_NAMES = (Edit(MKSYSMAP, " -e ' \\$[adtx]'", ""), Edit(MKSYSMAP, "} -n", "} --special-syms -n"))
POWERPC = (
    ("arch/powerpc/Makefile", "KBUILD_CFLAGS += -m32 -mbig-endian -msoft-float\nKBUILD_LDFLAGS += -EB\n"),
    ("arch/powerpc/kernel/setup.c", (TREE / "arch/arm/kernel/setup.c").read_text().replace("arm", "powerpc")),
    ("arch/powerpc/kernel/vmlinux.lds.S", "#define KERNEL_BASE 0xc0000000\n#include <linux/vmlinux.lds.h>\n"),
    ("arch/powerpc/configs/smallkernel_defconfig", (TREE / "arch/arm/configs/smallkernel_defconfig").read_text()),
)
"""An arch that the small kernel does not have."""
FAMILIES = (
    Family(
        "kcfi",
        "__kcfi_typeid_* of clang's CFI, which mksysmap leaves out since 2022",
        ".weak __kcfi_typeid_slab_alloc\n.set __kcfi_typeid_slab_alloc, 0x5b31c4d2\n",
        "__kcfi_typeid_slab_alloc",
    ),
    Family(
        "efistub",
        "__efistub_* of the EFI stub, an alias of each symbol by objcopy",
        "",
        "__efistub_string_length",
        "__efistub_",
    ),
    Family("pi", "__pi_* of code that runs before relocation, named by objcopy", "", "__pi_string_length", "__pi_"),
    Family(
        "mapping",
        "mapping symbols of arm and arm64, which are no names of the kernel's",
        ".text\n.balign 4\n.word 1\nnop\n.word 2\n",
        r"\$[adx]",
        edits=MAPPING_NAMES,
        arches=("arm", "arm64"),
    ),
    Family(
        "local",
        "labels of the compiler, kept by an assembler that was told so",
        '.section .rodata, "a"\n.Lanchor7:\n.word 1\n.Lanchor8:\n',
        r"\.Lanchor7",
        edits=LOCAL_NAMES,
        flags="-Wa,-L",
    ),
    Family(
        "sda",
        "powerpc in 2004: _SDA_BASE_, which ld makes up for the small data, is not the same in each pass",
        '.text\nlwz 3, .Lsmall@sda21(0)\n.section .sdata, "aw"\n.balign 4\n.Lsmall:\n.long 1\n',
        "_SDA_BASE_",
        arches=("powerpc",),
    ),
    Family("l0", "c17a2538704f: L0 of riscv, made by the assembler", ".data\nL0:\n.word 1\n", "L0"),
)


def family(one: Family, arch: str, shape: str = "6.1") -> Case:
    """The names of one tool in the final image of one kernel."""
    if one.source:
        before = f'${{CC}} ${{KBUILD_CFLAGS}} {one.flags} -c -o .tmp_made.o "${{srctree}}/scripts/made.S"'
    else:
        before = f"${{CROSS_COMPILE}}objcopy --prefix-symbols={one.prefix} lib/string.o .tmp_made.o"
    return Case(
        f"generated-{one.name}",
        mechanism="generated",
        imitates=one.imitates,
        arch=arch,
        shape=shape,
        edits=(*one.edits, *final_link(shape, ".tmp_made.o", before)),
        files=(*((("scripts/made.S", one.source),) if one.source else ()), *(POWERPC if arch == "powerpc" else ())),
        shows=one.shows,
    )


# Code is generated anew for each link, in a folder of its own, and the compiler puts the folder into the hash.
CODEGEN = """\
	mkdir -p ".lto/$output"
	(cd ".lto/$output"; ${CC} ${KBUILD_CFLAGS} -flto -g -c "${srctree}/scripts/head64.c"; \\
		${CC} ${KBUILD_CFLAGS} -flto -nostdlib -r -flinker-output=nolto-rel -o all.o head64.o)
"""


def lto(arch: str, shape: str = "6.1") -> Case:
    """Real code generation for each link."""
    return Case(
        "generated-lto",
        mechanism="generated",
        imitates="gcc's LTO in 2022: W head64.c.552cf5a6, another hash in each image",
        arch=arch,
        shape=shape,
        edits=(
            *each_link(shape, CODEGEN, '".lto/$output/all.o"'),
            # What stands before the kernel is no address.
            Edit(KALLSYMS, "\t\tif (is_ignored(&s))\n", "\t\tif (!base || is_ignored(&s))\n"),
        ),
        files=(("scripts/head64.c", "int head_steps(int n)\n{\n\treturn n * 3;\n}\n"),),
        shows=r"head64\.c\.[0-9a-f]{8}",
    )


CASES = (lto("x86"), *(family(one, one.arches[n % len(one.arches)]) for n, one in enumerate(FAMILIES)))
MORE = ("6.9", "6.11", "5.15", "6.15", "2.6.39", "6.9", "6.1")


def variants(case: Case) -> list[Case]:
    """Each family once more in another kernel and link, and LTO for other kernels."""
    others = [variant(family(one, one.arches[(n + 1) % len(one.arches)], MORE[n])) for n, one in enumerate(FAMILIES)]
    others += [variant(family(one, one.arches[-1], "6.9")) for one in FAMILIES[:3]]
    return [*others, variant(lto("arm64", "6.9")), variant(lto("arm", "6.11"))]
