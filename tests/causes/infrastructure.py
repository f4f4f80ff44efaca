"""Infrastructure: the machine failed. A program of the build dies of a real signal, a real limit, a real full disk.

Where nm dies in a pipe, the map is cut short and the kernel's script takes it for an inconsistent one.
"""

from __future__ import annotations

from tests.causes.case import CROSS, MESSAGE, Case, variant

NEXT = "PATH=${PATH#*:}\n"
"""The rest of PATH, without the folder of the tool."""


def _only(pattern: str, then: str, name: str) -> str:
    """A tool that does something else for some of its calls."""
    return f'#!/bin/sh\n{NEXT}case "$*" in\n*"{pattern}"*)\n{then}\t;;\nesac\nexec {name} "$@"\n'


def machine(name: str, arch: str, shape: str = "6.1", lines: int = 40) -> Case:
    """One way of a machine to fail: `killed` with some lines of the map written, `memory` or `disk`."""
    says, why = MESSAGE, "killed"
    numbers: tuple[int, ...] = (lines,)
    if name == "killed":
        tool = CROSS[arch] + "nm"
        text = _only(" vmlinux", f"\t{tool} \"$@\" | head -n {{n}}\n\tsh -c 'kill -KILL $$'\n\texit\n", tool)
    elif name == "memory":
        tool, says, why = CROSS[arch] + "gcc", "out of memory allocating|virtual memory exhausted", "out-of-memory"
        text = _only("version-timestamp.c", "\tulimit -v {n}\n", tool)
        numbers = tuple(range(46000, 30000, -1000))
    else:
        tool, says, why = "grep", "No space left on device", "disk-full"
        text = _only("[aNUw]", '\tgrep "$@" > /dev/full\n\texit\n', tool)
    return Case(
        f"infrastructure-{name}",
        trigger="infrastructure",
        imitates="a machine under pressure: nothing of the kernel's",
        arch=arch,
        shape=shape,
        tools=((tool, text),),
        numbers=numbers,
        says=says,
        why=why,
    )


CASES = (machine("killed", "x86"), machine("memory", "arm"), machine("disk", "arm64"))
MORE = (
    ("killed", "arm", "6.1", 20),
    ("killed", "arm64", "6.9", 60),
    ("killed", "x86", "5.15", 75),
    ("killed", "arm", "2.6.39", 40),
    ("memory", "x86", "6.1", 0),
    ("memory", "arm64", "6.11", 0),
    ("memory", "arm", "6.9", 0),
    ("disk", "x86", "6.9", 0),
    ("disk", "arm", "6.11", 0),
    ("disk", "arm", "5.15", 0),
)


def variants(case: Case) -> list[Case]:
    """Other kernels and links, and where it is cut."""
    return [variant(machine(*one), *((str(one[3]),) if one[3] else ())) for one in MORE]
