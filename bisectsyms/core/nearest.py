"""Which of the compilers that are here comes nearest to the one of a report, and where the exact one is to be had.

Another compiler is another layout and another cell: what it shows is told with the difference, never as the report's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bisectsyms.core.tools import Arch, Llvm

CROSSTOOL = "https://mirrors.edge.kernel.org/pub/tools/crosstool/"
LLVM = "https://mirrors.edge.kernel.org/pub/tools/llvm/"
_CALLED = re.compile(r"(gcc|clang)(?:-(\d+(?:\.\d+)*))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Here:
    """A compiler of this machine."""

    name: str
    """What --toolchain calls it."""
    called: str
    """By family and version, `gcc-12.2.0`."""


@dataclass(frozen=True, slots=True)
class Match:
    """The compiler to build with."""

    here: Here
    difference: str
    """From the one of the report, for people; empty where there is none."""


def _parts(called: str) -> tuple[str, tuple[int, ...]]:
    """(family, version); the version is empty where none is named."""
    match = _CALLED.match(called)
    if match is None:
        return "", ()
    return match[1], tuple(int(part) for part in (match[2] or "").split(".") if part)


def nearest(wanted: str, here: Sequence[Here]) -> Match | None:
    """The one that is meant by `wanted` (`gcc`, `gcc-13.2.0`, `clang-17`), else the nearest of its family.

    Of a family, versions are near by their first number, then by the next; of two as near the newer one. None where
    there is no compiler of the family at all: gcc does not stand for clang.
    """
    family, version = _parts(wanted)
    mine = [one for one in here if _parts(one.called)[0] == (family or "gcc")]
    if not mine:
        return None
    if not version:
        return Match(mine[0], "")
    chosen = min(mine, key=lambda one: _distance(version, _parts(one.called)[1]))
    got = _parts(chosen.called)[1]
    if got[: len(version)] == version:
        return Match(chosen, "")
    return Match(chosen, f"the report has {wanted}, here it is {chosen.called}")


def _distance(wanted: tuple[int, ...], got: tuple[int, ...]) -> tuple[int, ...]:
    pairs = [(want, have) for want, have in zip(wanted, (*got, 0, 0, 0), strict=False)]
    return *(abs(want - have) for want, have in pairs), *(-have for have in got)


def exact_one(wanted: str, arch: Arch, llvm: Llvm) -> str:
    """Where the compiler of a report is to be had, for people: Debian's package, and kernel.org's archive.

    Archives are named as they stand there: gcc-13.2.0-nolibc-arm-linux-gnueabi (crosstool), llvm-17.0.6 (LLVM).
    Nothing is asked of any host, so a version may not be there.
    """
    family, version = _parts(wanted)
    first = str(version[0]) if version else ""
    number = ".".join(map(str, version))
    if family == "clang":
        if why := arch.without_llvm(number):
            return f"none is known that also links it ({why})"
        packages = " ".join(f"{one}-{first}" if first else one for one in llvm.packages)
        return f"apt-get install {packages}, or llvm-{number or '*'} of {LLVM} unpacked and --toolchain-dir FOLDER"
    package = arch.package
    if package and first:
        package = package.replace("gcc-", f"gcc-{first}-", 1)
    triple = arch.triples[0] if arch.triples else arch.arch
    archive = f"gcc-{number or '*'}-nolibc-{triple} of {CROSSTOOL} unpacked and --toolchain-dir FOLDER"
    return f"apt-get install {package}, or {archive}" if package else archive
