"""A small kernel in which two cells of a matrix of 54 fail, and what a hunt over it has to say of them.

gcc, clang and arm gcc; -j 1, 2, 3; three variations; two revisions. The second revision brings both failing cells in;
make alone shows their rates.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bisectsyms.smallkernel.edits import Edit
from bisectsyms.smallkernel.history import TREE
from tests.conftest import User
from tests.torture.outcome import Row

Spot = tuple[str, str, int, str]
"""Revision, toolchain as asked for, -j, variation."""


@dataclass(frozen=True, slots=True)
class Planted:
    """A cell whose final link has, with a chance of `of_256`, a symbol that no pass before it had."""

    toolchain: str
    compiler: str
    jobs: int
    variation: str
    test: str
    of_256: int

    @property
    def spot(self) -> Spot:
        return "bad", self.toolchain, self.jobs, self.variation

    def clause(self) -> str:
        return (
            f'case "${{CC##*/}} $MAKEFLAGS " in {self.compiler}*" -j{self.jobs} "*) if {self.test} && '
            f"[ $(od -An -N1 -tu1 /dev/urandom) -lt {self.of_256} ]; then more=--defsym=odd=1; fi;; esac\n"
        )


PLANTED = (
    Planted("x86-llvm", "clang", 2, "umask=0077", '[ "$(umask)" = 0077 ]', 77),
    Planted("arm-gcc", "arm-linux-gnueabi-gcc", 3, "timezone=UTC12", '[ "$TZ" = UTC12 ]', 154),
)
PLAN = """\
plan: hunt
revisions: [good, bad]
profiles: [smallkernel, smallkernel-arm]
toolchains: [x86-gcc, x86-llvm, arm-gcc]
jobs: [1, 2, 3]
variations: [pinned, umask=0077, timezone=UTC12]
"""


def history(repo: Path) -> Path:
    """Two commits of the small kernel; the second brings both flaky cells in."""
    shutil.copytree(TREE, repo)
    last = "vmlinux_link vmlinux ${kallsymso}\n"
    edit = Edit(
        "scripts/link-vmlinux.sh",
        last,
        "more=\n" + "".join(one.clause() for one in PLANTED) + "vmlinux_link vmlinux ${kallsymso} $more\n",
    )
    _git(repo, "init", "--quiet")
    for tag in ("good", "bad"):
        _git(repo, "add", "--all")
        _git(repo, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "--message", tag)
        _git(repo, "tag", tag)
        script = repo / edit.path
        text = script.read_text()
        assert text.count(edit.old) == 1 or tag == "bad"
        script.write_text(text.replace(edit.old, edit.new))
    _git(repo, "checkout", "--quiet", "--force", "bad")
    return repo


def _git(repo: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=repo, check=True, capture_output=True)


def named(answer: dict[str, Any]) -> Row:
    """Whether the failing cells are the planted ones."""
    failing = {_spot(line) for line in answer["lines"] if line["rate"]["failed"]}
    planted = {one.spot for one in PLANTED}
    settled = sum(str(line["state"]).lower() == "settled" for line in answer["lines"])
    others = ", ".join(map(str, sorted(failing - planted))) or "none"
    named = f"{len(failing & planted)} of the {len(planted)} planted"
    return Row(
        "cells of it that failed",
        len(failing),
        "cells",
        lost=len(failing - planted),
        note=f"{named}; others: {others}; {settled} spots settled",
    )


def _spot(line: dict[str, Any]) -> Spot:
    return str(line["revision"]), f"{line['arch']}-{line['asked']}", int(line["jobs"]), str(line["variation"])


def held(folder: Path, answer: dict[str, Any], planted: Planted, rounds: int) -> Row:
    """The interval of a planted cell, and what as many builds without us show."""
    failed = _reference(folder, planted, rounds)
    rate = next((line["rate"] for line in answer["lines"] if _spot(line) == planted.spot), None)
    what = f"builds of {planted.toolchain} -j{planted.jobs} {planted.variation} by make alone"
    if rate is None or not rate["attempts"]:
        return Row(what, rounds, "builds", note=f"{failed} failed; the hunt did not come to this cell")
    holds = rate["low"] <= failed / rounds <= rate["high"]
    told = f"{rate['failed']} of {rate['attempts']}, {rate['low']:.2f} to {rate['high']:.2f}"
    note = f"{failed} failed; the hunt says {told}, which {'holds' if holds else 'does not hold'} that"
    return Row(what, rounds, "builds", note=note)


def _reference(folder: Path, planted: Planted, rounds: int) -> int:
    """How many of so many links fail, with nothing of ours but the tree."""
    out = folder / f"reference-{planted.toolchain}"
    out.mkdir()
    tree = folder / "reference"
    if not tree.exists():
        _git(folder / "linux", "worktree", "add", "--quiet", "--detach", str(tree), "bad")
    arm = planted.toolchain.startswith("arm")
    which = ["ARCH=arm", "CROSS_COMPILE=arm-linux-gnueabi-"] if arm else ["ARCH=x86", "LLVM=1"]
    make = f'umask {"0077" if "umask" in planted.variation else "0022"}; exec make -s -j{planted.jobs} "$@"'
    env = {"PATH": User(folder, folder).env["PATH"], "TZ": planted.variation.partition("timezone=")[2] or "UTC"}
    words = ["sh", "-c", make, "sh", "-C", str(tree), f"O={out}", *which]
    subprocess.run([*words, "smallkernel_defconfig"], check=True, env=env, capture_output=True)
    subprocess.run(words, env=env, capture_output=True, check=False)  # it may fail already
    failed = 0
    for _ in range(rounds):
        (out / "vmlinux").unlink(missing_ok=True)
        done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or "Inconsistent kallsyms data" in done.stdout + done.stderr, done.stderr
        failed += done.returncode != 0
    return failed
