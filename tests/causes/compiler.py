"""Compiler: one command, two objects, and the link compiles in between.

What a compiler takes from outside is the clock, or chance that a plugin asks for: the salt of latent_entropy and of
randstruct without its seed.
"""

from __future__ import annotations

from dataclasses import replace

from bisectsyms.kallsyms.facts import Tried
from bisectsyms.smallkernel.edits import Edit
from tests.causes.case import Case, variant
from tests.causes.links import final_link

BANNER = "init/version-timestamp.c"
# The object of the banner is compiled once more before the last link, so that it tells when the image was complete;
# in another second, for __TIME__ knows no less.
AGAIN = 'sleep 1; ${MAKE} -f "${srctree}/scripts/Makefile.build" obj=init init/version-timestamp.o'
CLOCK = """
void boot_salt(void)
{
	/* As much as the clock says, in steps that no alignment swallows. */
	__asm__ volatile(".pushsection .messages, \\"a\\"; .skip 64 * %c0; .popsection" : : "i"(__TIME__[7] + {n} - '0'));
}
"""
SALTED = r"""#!/bin/sh
# gcc-salted GCC ARG…: a compiler with a plugin that draws the size of its salt.
cc=$1
shift
exec "$cc" -D__SALT__=$(($(od -An -N2 -tu2 /dev/urandom) % 509)) "$@"
"""
DRAWN = """
#ifdef __SALT__
const char latent_entropy[__SALT__ * 4 + {n}] __packed_in(".messages") = "";
#endif
"""


def again(name: str, arch: str, shape: str = "6.1", number: int = 1) -> Case:
    """An object of the final link that is other than the one of the pass before, by `clock` or `plugin`."""
    case = Case(
        f"compiler-{name}",
        trigger="compiler",
        arch=arch,
        shape=shape,
        numbers=(number,),
        once_more=True,
        tried=(Tried("same", 12, 1), Tried("recompile", 4, 0)),
    )
    banner = Edit(BANNER, "\nconst char", (CLOCK if name == "clock" else DRAWN) + "\nconst char")
    edits = (*final_link(shape, "", AGAIN), banner)
    if name == "clock":
        return replace(case, edits=edits, imitates="__TIME__ in an object of the kernel, until fe7c36c7bde1")
    compiled = "$(CC) $(c_flags)"
    return replace(
        case,
        edits=(
            *edits,
            Edit(
                "scripts/Kbuild.include",
                f"cmd_cc_o_c = {compiled}",
                f"cmd_cc_o_c = $(srctree)/scripts/gcc-salted {compiled}",
            ),
        ),
        files=(("scripts/gcc-salted", SALTED),),
        imitates="plugins of gcc that draw: latent_entropy, and randstruct without its seed",
    )


CASES = (again("clock", "x86"), again("plugin", "arm"))
MORE = (
    ("clock", "arm", "6.1", 3),
    ("clock", "arm64", "6.9", 2),
    ("plugin", "x86", "6.1", 7),
    ("plugin", "arm64", "6.9", 64),
    ("clock", "x86", "6.11", 5),
    ("plugin", "arm", "6.11", 13),
    ("clock", "arm", "6.15", 1),
    ("plugin", "x86", "6.15", 2),
    ("plugin", "x86", "5.15", 20),
    ("plugin", "arm64", "5.15", 4),
)


def variants(case: Case) -> list[Case]:
    """Other kernels, links and sizes."""
    return [variant(again(name, arch, shape, number), str(number)) for name, arch, shape, number in MORE]
