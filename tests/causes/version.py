"""Version string: nothing else is other than in a build that passes, and its length decides.

What it wakes is a mechanism of its own: a table whose size follows from addresses, or a boundary that ties.
"""

from __future__ import annotations

from dataclasses import replace

from bisectsyms.kallsyms.facts import Tried
from bisectsyms.smallkernel.causes import LAYOUT
from bisectsyms.smallkernel.edits import Edit
from tests.causes.case import Case, variant
from tests.causes.links import LDS
from tests.causes.ties import ALIASES

LENGTHS = tuple(10**n for n in range(17))
"""Values of KBUILD_BUILD_VERSION, one character longer each."""
SWEPT = (Tried("same", 6, 0), *(Tried(f"length={n}", 6 * (n == 3), 6 * (n != 3)) for n in range(1, 9)))


def version(name: str, arch: str, shape: str = "6.1") -> Case:
    """A mechanism that some lengths wake."""
    case = Case(
        f"version-{name}",
        trigger="version-string",
        imitates="Linus in 2012: with a dirty tree, that is another version string, a sure failure was gone",
        arch=arch,
        shape=shape,
        make=("KBUILD_BUILD_VERSION={n}",),
        numbers=LENGTHS,
        tried=SWEPT,
    )
    if name == "distances":
        return replace(case, mechanism="oscillation", edits=LAYOUT.edits)
    end = "\t\t__start___modver = .;\n\t\t*(__modver)\n\t\t__stop___modver = .;\n"
    return replace(
        case,
        mechanism="tie",
        edits=(
            *ALIASES,
            Edit(LDS, "\t\t*(.kallsyms)\n", ""),
            Edit(
                LDS,
                "\t\t*(.messages.end)\n\t}\n\t. = ALIGN(64);\n",
                f"\t\t*(.messages.end)\n\t\t*(.kallsyms)\n{end}\t}}\n\t. = ALIGN(16);\n",
            ),
        ),
    )


CASES = (version("distances", "arm"), variant(version("distances", "x86", "6.11")))
MORE = (
    ("x86", "6.1"),
    ("arm64", "6.1"),
    ("arm", "6.9"),
    ("arm64", "6.9"),
    ("arm", "6.11"),
    ("arm64", "6.11"),
    ("x86", "6.15"),
    ("arm", "6.15"),
    ("x86", "5.15"),
    ("arm", "5.15"),
)


def variants(case: Case) -> list[Case]:
    """The lengths that fail in other kernels and links."""
    return [variant(version("distances", *place)) for place in MORE]
