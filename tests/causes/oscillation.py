"""Oscillation: the size of the table follows from addresses that follow from its size, and no pass is the last."""

from __future__ import annotations

from dataclasses import replace

from bisectsyms.smallkernel.causes import LAYOUT
from tests.causes.case import Case, variant
from tests.causes.links import more_table
from tests.era_shapes import OSCILLATES

# A word of the index for each word of the image: every pass makes the image longer than the table knows.
SHADOW = more_table(
    "shadow",
    """\
\tfor (i = 0; count && i < (table[count - 1].address - base) / {step}; i++)
\t\tprintf("\\t.long %u\\n", i);
""",
)
DISTANCES = Case(
    "oscillation-distances",
    mechanism="oscillation",
    imitates="powerpc in 6.1-rc3: the table has one size, then another, then the first",
    edits=LAYOUT.edits,
    make=("KBUILD_BUILD_VERSION={n}",),
    numbers=tuple(10**n for n in range(16)),
)
ODD = Case(
    "oscillation-odd",
    mechanism="oscillation",
    imitates="powerpc in 6.1-rc3, where the extra pass is no help",
    arch="arm",
    edits=OSCILLATES,
)
GROWS = Case(
    "oscillation-grows",
    mechanism="oscillation",
    imitates="7e2b37c971a2: each pass needs more than the one before, without an end",
    arch="arm64",
    edits=tuple(replace(edit, new=edit.new.replace("{step}", "4")) for edit in SHADOW),
)
CASES = (DISTANCES, ODD, GROWS)
MORE = (("x86", "6.11"), ("arm", "6.12.117"), ("arm", "6.15"), ("arm", "5.15"), ("arm64", "6.9"))


def variants(case: Case) -> list[Case]:
    """Other kernels and links, with and without the extra pass, which does not help."""
    found = []
    for n, (arch, shape) in enumerate(MORE):
        for k in (n, n + 1):
            one = CASES[k % len(CASES)]
            extra = k % 2 == 0
            words = (*one.make, *(("KALLSYMS_EXTRA_PASS=1",) if extra else ()))
            found.append(variant(replace(one, arch=arch, shape=shape, make=words), *(("extra",) if extra else ())))
    return found
