"""Stubs: a branch comes out of range as the tables push its target away, and ld puts a stub of its own name between.

The stubs are symbols, so the table grows by them, which pushes more targets away. There are enough branches close to
the limit that three passes are not enough. A gap of addresses takes the place of megabytes of code.
"""

from __future__ import annotations

from dataclasses import dataclass

from bisectsyms.smallkernel.edits import Edit
from tests.causes.case import Case, variant
from tests.causes.links import LDS

FAR = 96
"""Branches close to the limit; their functions lie 16 bytes apart."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a branch goes, and what the linker calls the stub behind it."""

    name: str
    imitates: str
    arch: str
    limit: int
    branch: str
    """Instruction of the assembler."""
    shows: str
    head: str = ""
    """What the assembler is told in front of the code."""
    tail: str = ""
    make: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


LLD = ("LD=ld.lld",)
REACHES = (
    Reach("veneer", "2013: __*_veneer of arm in the table", "arm", 1 << 25, "bl", "__far_[0-9]+_veneer"),
    Reach("arm64", "arm64: veneers beyond 128 MB", "arm64", 1 << 27, "bl", "__far_[0-9]+_veneer"),
    Reach(
        "lld",
        "2024: __ARMv4PILongThunk_ and its like of lld",
        "arm",
        1 << 25,
        "bl",
        "__ARM[A-Za-z0-9]*LongThunk_far_",
        make=LLD,
        needs=("ld.lld",),
    ),
    Reach(
        "thumb",
        "efe6e3068067: __ThumbV7PILongThunk_ of lld",
        "arm",
        1 << 24,
        "bl",
        "__Thumb[A-Za-z0-9]*LongThunk_far_",
        head=".arch armv7-a; .thumb",
        tail=".arm",
        make=LLD,
        needs=("ld.lld",),
    ),
    Reach(
        "arm64-lld",
        "__AArch64AbsLongThunk_ of lld",
        "arm64",
        1 << 27,
        "bl",
        "__AArch64[A-Za-z0-9]*Thunk_far_",
        make=LLD,
        needs=("ld.lld",),
    ),
)


def stubs(reach: Reach, shape: str = "6.1", far: int = FAR) -> Case:
    """Calls from the first text across the tables to functions that are just in reach."""
    lines = [reach.head, '.section .text.near, "ax"', ".balign 4", ".globl far_calls", "far_calls:"]
    lines += [f"{reach.branch} far_{n}" for n in range(far)]
    lines.append('.section .far, "ax"')
    for n in range(far):
        lines += [".balign 16", f".globl far_{n}", f".type far_{n}, %function", f"far_{n}: nop"]
    code = "".join(
        f'\t"{line.replace(chr(34), chr(92) + chr(34))}\\n"\n' for line in [*lines, reach.tail, ".text"] if line
    )
    centre = 74 - far * 10 // 32
    gap = f"\t. = ALIGN(16) + {reach.limit} - 0x2000 + 64 * {{n}};\n\t.far : {{ *(.far) }}\n"
    return Case(
        f"stubs-{reach.name}",
        mechanism="stubs",
        imitates=reach.imitates,
        arch=reach.arch,
        shape=shape,
        edits=(
            Edit("Kbuild", "lib/errors.o\n", "lib/errors.o lib/far.o\n"),
            Edit(LDS, "\t. = ALIGN(64);\n\t__end_rodata = .;\n", f"{gap}\t. = ALIGN(64);\n\t__end_rodata = .;\n"),
        ),
        files=(("lib/far.c", f"/* Code that is far away. */\n__asm__(\n{code});\n"),),
        make=reach.make,
        numbers=tuple(sorted(range(24, 64), key=lambda number: abs(number - centre))),
        shows=reach.shows,
        needs=reach.needs,
    )


CASES = tuple(stubs(reach) for reach in REACHES)
MORE = ((0, "6.9"), (0, "6.11"), (1, "6.15"), (2, "6.9"), (3, "6.11"), (4, "6.15"), (0, "5.15"), (1, "6.9"))


def variants(case: Case) -> list[Case]:
    """Other links, and more branches and fewer."""
    found = [variant(stubs(REACHES[reach], shape)) for reach, shape in MORE]
    return [*found, variant(stubs(REACHES[0], far=64), "64"), variant(stubs(REACHES[2], far=128), "128")]
