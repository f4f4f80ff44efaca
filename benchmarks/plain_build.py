"""Builds of a kernel by make alone, without bisectsyms: what its answers are compared with.

All that could differ between two builds of a commit is pinned but for the length of the version string, so equal
commits and lengths have to end alike; that they do is part of what is measured.
"""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bisect_run import git
from bisectsyms.core.words import count
from bisectsyms.effects.makelines import PINNED
from bisectsyms.model import Draw

INCONSISTENT = "Inconsistent kallsyms data"
NATURAL = 1
"""The length of the version that nobody varies: KBUILD_BUILD_VERSION=1."""
OUTPUTS = ("vmlinux", "System.map", ".tmp_vmlinux*")


@dataclass(frozen=True, slots=True)
class PlainBuild:
    """An objtree beside a repository, whose checkout is moved."""

    repo: Path
    obj: Path
    arch: str
    cross_compile: str
    kconfig: tuple[str, ...]
    """Lines laid over tinyconfig."""

    def make(self, length: int, *targets: str) -> list[str]:
        variables = {"O": str(self.obj), "ARCH": self.arch, "CROSS_COMPILE": self.cross_compile, **PINNED}
        variables["KBUILD_BUILD_VERSION"] = Draw(length).build_version
        return ["make", "-C", str(self.repo), *(f"{name}={value}" for name, value in variables.items()), *targets]

    def configure(self) -> None:
        """Make .config, by the revision that is checked out."""
        subprocess.run(self.make(NATURAL, "tinyconfig"), check=True, capture_output=True)
        with (self.obj / ".config").open("a") as file:
            file.write("".join(f"{line}\n" for line in self.kconfig))
        subprocess.run(self.make(NATURAL, "olddefconfig"), check=True, capture_output=True)

    def fails(self, commit: str, length: int = NATURAL) -> bool:
        """Whether the link of `commit` ends with inconsistent data at this length.

        Raises:
            RuntimeError: it ended in another way.
        """
        git(self.repo, "checkout", "--quiet", "--detach", commit)
        if not (self.obj / ".config").exists():
            self.configure()
        for pattern in OUTPUTS:
            for path in self.obj.glob(pattern):
                path.unlink()
        ended = subprocess.run(self.make(length, "-j2", "vmlinux"), capture_output=True, text=True, check=False)
        failed = INCONSISTENT in ended.stderr
        if failed is (ended.returncode == 0):
            raise RuntimeError(f"{commit} at length {length} is neither clean nor inconsistent:\n{ended.stderr}")
        return failed

    def repeats(self, times: int, counted: Path) -> str:
        """A script for `git bisect run`: bad if one of `times` links fails; each leaves a line in `counted`."""
        link = shlex.join(self.make(NATURAL, "-s", "-j2", "vmlinux"))
        return (
            f"#!/bin/sh\n# {count(times, 'build')} at one layout, the first failure is bad.\n"
            f"cd {shlex.quote(str(self.obj))} || exit 128\n"
            f"for attempt in $(seq {times}); do\n"
            f"\trm -f {' '.join(OUTPUTS)}\n\techo >> {shlex.quote(str(counted))}\n\t{link} || exit 1\ndone\n"
        )
