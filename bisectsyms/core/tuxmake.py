"""The line of tuxmake that makes a build of ours again, where there is one.

Read in tuxmake 1.45.0 and tried with `--runtime null` on the small kernel, where it fails with the kernel's message.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

TARGET_ARCHES = {
    "": "x86_64",
    "aarch64-linux-gnu-": "arm64",
    "arm-linux-gnueabi-": "armel",
    "arm-linux-gnueabihf-": "armhf",
    "hppa-linux-gnu-": "parisc",
    "i686-linux-gnu-": "i386",
    "mips-linux-gnu-": "mips",
    "powerpc64le-linux-gnu-": "powerpc",
    "riscv64-linux-gnu-": "riscv",
    "s390x-linux-gnu-": "s390",
    "sh4-linux-gnu-": "sh",
    "sparc64-linux-gnu-": "sparc",
    "x86_64-linux-gnu-": "x86_64",
}
"""CROSS_COMPILE= -> --target-arch that sets it (tuxmake/arch/*.ini); its `arm` is armhf, which has another compiler."""


def tuxmake_line(
    *,
    arch: str,
    cross_compile: str,
    toolchain: str,
    kconfig: Sequence[str],
    jobs: int,
    variables: Sequence[tuple[str, str]],
) -> tuple[str, ...]:
    """The words, or none where tuxmake cannot say it.

    `toolchain` is `gcc-12.2.0`; `kconfig` are targets of make that begin .config, and options that are laid over it.
    Variables and targets have to stand together at the end. The target `default` is make without one: its `kernel`
    builds zImage and the headers besides.
    """
    target = TARGET_ARCHES.get(cross_compile, "")
    match = re.match(r"gcc-(\d+)", toolchain)
    named = {"armel": "arm", "armhf": "arm"}.get(target, target)
    if match is None or named != arch or not kconfig:  # for clang, LLVM= would have to be tried first
        return ()
    words = ["tuxmake", "--runtime", "null", "--target-arch", target, "--toolchain", f"gcc-{match[1]}"]
    first, *more = kconfig
    words += ["--kconfig", first, *(word for one in more for word in ("--kconfig-add", one)), "--jobs", str(jobs)]
    return (*words, *(f"{name}={value}" for name, value in variables), "default")
