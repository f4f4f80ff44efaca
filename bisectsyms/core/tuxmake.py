"""The line of tuxmake that makes a build of ours again, where there is one.

Read in tuxmake 1.45.0 and tried with `--runtime null` on the small kernel, where it fails with the kernel's message.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bisectsyms.core.tools import Arch


def tuxmake_line(
    known: Sequence[Arch],
    *,
    arch: str,
    cross_compile: str,
    toolchain: str,
    kconfig: Sequence[str],
    jobs: int,
    variables: Sequence[tuple[str, str]],
) -> tuple[str, ...]:
    """The words, or none where tuxmake cannot say it.

    Which target means which compiler is in `known` (toolchains.yaml). `toolchain` is `gcc-12.2.0`; `kconfig` are
    targets of make that begin .config, and options that are laid over it. Variables and targets have to stand together
    at the end. The target `default` is make without one: its `kernel` builds zImage and the headers besides.
    """
    entry = next((one for one in known if one.is_for(arch)), None)
    target = dict(entry.tuxmake).get(cross_compile, "") if entry else ""
    another = entry is not None and entry.is_for(target) and target != arch  # x86_64 says ARCH=x86_64, armel ARCH=arm
    match = re.match(r"gcc-(\d+)", toolchain)
    if match is None or not target or another or not kconfig:  # for clang, LLVM= would have to be tried first
        return ()
    words = ["tuxmake", "--runtime", "null", "--target-arch", target, "--toolchain", f"gcc-{match[1]}"]
    first, *more = kconfig
    words += ["--kconfig", first, *(word for one in more for word in ("--kconfig-add", one)), "--jobs", str(jobs)]
    return (*words, *(f"{name}={value}" for name, value in variables), "default")
