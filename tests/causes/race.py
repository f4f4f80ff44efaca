"""Races: a second target makes an input of the link anew while the link goes on, and the last link reads another file.

The second writer waits for a file that the last pass leaves, and not for a time: it hits at nearly every try. It looks
each 2 ms: a machine with nothing else to do links soon after it. With -j1
make runs it when the link is over.
"""

from __future__ import annotations

from dataclasses import dataclass

from bisectsyms.kallsyms.facts import Tried
from bisectsyms.smallkernel.edits import Edit
from tests.causes.case import Case, variant
from tests.causes.links import MAKEFILE, NUMBERED

BANNER = "init/version-timestamp.c"
MAKEFILE_VMLINUX = "scripts/Makefile.vmlinux"


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes what behind the back of the link."""

    name: str
    imitates: str
    file: str
    """In words of make."""
    command: str
    """Makes the file .again from what is there."""
    shown: str
    """The line of the log, as the first writer has it."""
    edits: tuple[Edit, ...] = ()


WRITERS = (
    Writer(
        "banner",
        "the 2011 report as it shows on 6.1: init/version-timestamp.o is compiled by two makes",
        "init/version-timestamp.o",
        """while [ ! -e init/version-timestamp.o ]; do sleep 0.02; done; \\
	$(CC) $(c_flags) -DUTS_AGAIN='" with a mark of its own"' -c -o .again $(srctree)/init/version-timestamp.c""",
        "CC",
        (
            Edit(BANNER, '\tUTS_VERSION "\\n";', '\tUTS_VERSION UTS_AGAIN "\\n";'),
            Edit(BANNER, "\nconst char", '\n#ifndef UTS_AGAIN\n#define UTS_AGAIN ""\n#endif\n\nconst char'),
        ),
    ),
    Writer(
        "archive",
        "cf87dcd14064: make -j in the chain of the link; here the archive is packed twice, in two orders",
        "vmlinux.a",
        "rm -f .again; $(AR) cDPrST .again $$($(AR) t vmlinux.a | sort -r)",
        "AR",
    ),
    Writer(
        "script",
        "c5e6ae563c80: two rules that write one file, here the linker script",
        "$(KBUILD_LDS)",
        "sed -e 's/ALIGN(64)/ALIGN(256)/' -e t -e 's/ALIGN(256)/ALIGN(64)/' $(KBUILD_LDS) > .again",
        "LDS",
    ),
)


def race(writer: Writer, arch: str, shape: str = "6.1", jobs: int = 2) -> Case:
    """One second writer beside the link of one kernel."""
    place, goal = (MAKEFILE_VMLINUX, "__default: vmlinux\n")
    if shape in MAKEFILE or shape == "5.15":
        place, goal = "Makefile", "__all: vmlinux\n"
    last = ".tmp_vmlinux2.syms" if shape in NUMBERED else ".tmp_vmlinux.kallsyms2.syms"
    if shape == "5.15":  # nm writes into a pipe
        last = ".tmp_vmlinux.kallsyms2.S"
    rule = f"""{goal.rstrip()} again

PHONY += again
again: vmlinux.a $(KBUILD_LDS)
	@echo '  {writer.shown:<7} {writer.file}'; \\
	{writer.command}; \\
	n=0; while [ ! -e {last} ] && [ ! -e System.map ] && [ $$n -lt 15000 ]; do sleep 0.002; n=$$((n + 1)); done; \\
	mv -f .again {writer.file}
"""
    return Case(
        f"race-{writer.name}",
        trigger="race",
        imitates=writer.imitates,
        arch=arch,
        shape=shape,
        edits=(*writer.edits, Edit(place, goal, rule)),
        jobs=jobs,
        once_more=True,
        tried=(Tried("same", 14, 2), Tried("jobs=1", 0, 12)),
    )


CASES = tuple(race(writer, arch) for writer, arch in zip(WRITERS, ("arm", "x86", "arm64"), strict=True))
MORE = (
    (0, "x86", "6.1", 4),
    (1, "arm", "6.1", 3),
    (2, "arm", "6.9", 2),
    (0, "arm64", "6.9", 2),
    (1, "x86", "6.11", 5),
    (2, "x86", "6.11", 4),
    (0, "arm", "6.11", 3),
    (1, "arm64", "6.15", 2),
    (2, "x86", "5.15", 2),
    (0, "x86", "5.15", 8),
)


def variants(case: Case) -> list[Case]:
    """Other files, kernels and links, and more jobs."""
    return [variant(race(WRITERS[n], arch, shape, jobs), f"j{jobs}") for n, arch, shape, jobs in MORE]
