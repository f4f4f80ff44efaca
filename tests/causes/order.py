"""Order: every link puts the objects in another order, because nobody tells the linker which.

Two ways to it that are real: lld draws it for whoever asks for layouts by chance, and a link script makes its list anew
for each pass, of what has no order.
"""

from __future__ import annotations

from bisectsyms.smallkernel.edits import Edit
from tests.causes.case import Case, variant
from tests.era_shapes import LINK

INPUTS = "--whole-archive vmlinux.a init/version-timestamp.o"
FLAGS = "LDFLAGS_vmlinux := --build-id=none"
BY_CHANCE = "--shuffle-sections=*=0"
"""0 draws a seed for each link; a glob in front of it since lld 13 (https://reviews.llvm.org/D98679)."""
LISTED = "$(${AR} t vmlinux.a | sort -R)"


def order(name: str, arch: str, shape: str = "6.1") -> Case:
    """The order `drawn` by lld, or of a list that the link script has `listed` anew."""
    drawn = name == "drawn"
    return Case(
        f"order-{name}",
        mechanism="order",
        imitates="--shuffle-sections of lld without a seed (https://reviews.llvm.org/D74791)"
        if drawn
        else "a list of objects in the order of a folder, of a hash or of chance, made for each pass",
        arch=arch,
        shape=shape,
        edits=(
            Edit("Makefile", FLAGS, f"{FLAGS} {BY_CHANCE}")
            if drawn
            else Edit(LINK, INPUTS, INPUTS.replace("vmlinux.a", LISTED)),
        ),
        make=("LD=ld.lld",) if drawn else (),
        needs=("ld.lld",) if drawn else (),
    )


CASES = (order("drawn", "x86"), order("listed", "arm"))
MORE = (
    ("drawn", "arm", "6.1"),
    ("drawn", "arm64", "6.9"),
    ("drawn", "x86", "5.15"),
    ("drawn", "arm", "6.11"),
    ("drawn", "x86", "6.15"),
    ("listed", "x86", "6.1"),
    ("listed", "arm", "6.9"),
    ("listed", "x86", "5.15"),
    ("listed", "arm64", "6.1"),
    ("listed", "arm64", "6.11"),
    ("listed", "arm", "6.15"),
)


def variants(case: Case) -> list[Case]:
    """Both ways for other kernels and links."""
    return [variant(order(*one)) for one in MORE]
