"""Toolchain: the same objects link with one ld or nm, and not with another.

What differs is real: lld calls its stubs otherwise than ld does, tails of strings are merged by lld alone, and llvm-nm
keeps to an order of its own.
"""

from __future__ import annotations

from dataclasses import replace

from bisectsyms.kallsyms.facts import Tried
from bisectsyms.smallkernel.edits import Edit
from tests.causes.case import CROSS, Case, variant
from tests.causes.links import final_link
from tests.causes.stubs import REACHES, Reach, stubs

MKSYSMAP = "scripts/mksysmap"
BY_NAME = {reach.name: reach for reach in REACHES}


def _others(case: Case, passes: str) -> Case:
    """The records of both tools at the same objects."""
    return replace(case, trigger="toolchain", tried=(Tried("same", 8, 0), Tried(passes, 0, 8)))


def unknown_stubs(reach: Reach, known: str, passes: str, shape: str = "6.1", far: int = 96) -> Case:
    """The filter knows the stubs of the one linker: of those of the other the table is never sure."""
    case = stubs(reach, shape, far)
    case = replace(
        case,
        id=f"toolchain-{reach.name}",
        imitates="ci2 #316 (2022), where LLVM 52a400d8e4c4 changed lld; efe6e3068067 names the stubs of lld",
        edits=(*case.edits, Edit(MKSYSMAP, "-e ' \\.L'", f"-e ' \\.L' -e '{known}'")),
    )
    return _others(case, passes)


def tails(arch: str, shape: str = "6.1", level: str = "-O2") -> Case:
    """Optimised in the final link only: ld takes no notice, lld merges the tails of strings."""
    case = Case(
        "toolchain-tails",
        mechanism="temporary-differs",
        imitates="ci2 #316 (2022): a flag to which two linkers give different meanings",
        arch=arch,
        shape=shape,
        edits=(
            *final_link(shape, level),
            Edit(
                "lib/errors.c",
                "#include <linux/kernel.h>\n",
                "#include <linux/kernel.h>\n\n"
                'const char *const error_tails[] = { "device is not ready", "is not ready", "not ready" };\n',
            ),
        ),
        make=("LD=ld.lld",),
        needs=("ld.lld",),
    )
    return _others(case, f"ld={CROSS[arch]}ld")


VENEERS = "_veneer$"
THUNKS = "Thunk_far_"
CASES = (unknown_stubs(BY_NAME["lld"], VENEERS, "ld=arm-linux-gnueabi-ld"), tails("x86"))
MORE = (
    (BY_NAME["arm64-lld"], VENEERS, "ld=aarch64-linux-gnu-ld", "6.1", 96),
    (BY_NAME["lld"], VENEERS, "ld=arm-linux-gnueabi-ld", "6.9", 96),
    (BY_NAME["lld"], VENEERS, "ld=arm-linux-gnueabi-ld", "6.11", 96),
    (BY_NAME["veneer"], THUNKS, "ld=ld.lld", "6.1", 96),
    (BY_NAME["veneer"], THUNKS, "ld=ld.lld", "6.15", 96),
    (BY_NAME["arm64"], THUNKS, "ld=ld.lld", "6.9", 96),
)


def variants(case: Case) -> list[Case]:
    """The other way round, other kernels and links."""
    found = [variant(unknown_stubs(*one)) for one in MORE]
    return [*found, *(variant(tails("x86", shape)) for shape in ("6.9", "6.11", "6.15", "5.15"))]
