"""A hunt through four workers of Dask, one of which is killed and one added; two flaky cells are planted in its matrix.

54 spots: gcc, clang and arm gcc; -j 1, 2, 3; three variations; two revisions. Afterwards no attempt that ended on any
worker may be missing here or be here twice, nothing but the planted cells may have failed, and what is said of them
should hold the rate that as many builds without us show (`--rounds`, 300).
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bisectsyms.smallkernel.edits import Edit
from bisectsyms.smallkernel.history import TREE
from tests.conftest import User
from tests.dasklab import Lab
from tests.torture.outcome import Options, Row

SECONDS, ROUNDS = 600.0, 300
LATE = 1800.0
"""Seconds that anything may take on a machine that is busy with something else."""
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


def run(options: Options) -> list[Row]:
    seconds, rounds = options.seconds or SECONDS, options.rounds or ROUNDS
    with tempfile.TemporaryDirectory(prefix="bisectsyms-cluster-") as name:
        folder = Path(name)
        home = folder / "home"
        home.mkdir()
        user, repo = User(home, folder / "slots"), _history(folder / "linux")
        (folder / "plan.yaml").write_text(PLAN)
        with contextlib.closing(Lab(user, folder)) as lab:
            answer = _hunt(lab, user, repo, seconds)
            lost, doubled, made = _missing(lab, repo)
        return [
            Row(
                "attempts of a hunt whose workers were killed and added",
                made,
                "attempts",
                lost=lost + doubled,
                note=f"{seconds:.0f} s, {len(answer['lines'])} spots, {lost} missing, {doubled} doubled",
            ),
            _named(answer),
            *(_held(folder, answer, planted, rounds) for planted in PLANTED),
        ]


def _history(repo: Path) -> Path:
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


def _hunt(lab: Lab, user: User, repo: Path, seconds: float) -> dict[str, Any]:
    """For so long: a worker is killed after a third of it, while it builds, and another comes after a half."""
    lab.scheduler()
    workers = {name: lab.worker(name) for name in ("one", "two", "three", "four")}
    words = ("bisectsyms", "hunt", "--cluster", lab.address, "--kind", "relink", "--no-nice", "--floor", "1M", "--json")
    said = lab.folder / "said"
    begun = time.monotonic()
    with said.open("w") as log:
        running = subprocess.Popen(
            [*words, str(lab.folder / "plan.yaml"), "--for", f"{seconds:.0f}s"],
            cwd=repo,
            env=user.env,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            _wait(begun + seconds / 3, lambda: lab.builds("one"), running)
            workers["one"].kill()
            _wait(begun + seconds / 2, lambda: True, running)
            lab.worker("five")
            answer = running.communicate(timeout=seconds + LATE)[0]
        finally:
            if running.poll() is None:
                running.kill()
                running.wait()
    text = said.read_text()
    assert running.returncode in (0, 3), text
    assert "is lost; what it was making" in text, text
    # The host of the one that was killed comes back, and with it what had ended there and was never told.
    lab.worker("one")
    again = user.run(*words, "--resume", "--for", f"{max(30.0, seconds / 10):.0f}s", cwd=repo)
    assert again.returncode in (0, 3), again.stderr
    return dict(json.loads(again.stdout or answer))


def _wait(until: float, ready: Callable[[], bool], running: subprocess.Popen[str]) -> None:
    latest = time.monotonic() + LATE
    while time.monotonic() < until or not ready():
        assert running.poll() is None, "the hunt has ended early"
        assert time.monotonic() < latest, "that did not happen"
        time.sleep(0.05)


def _missing(lab: Lab, repo: Path) -> tuple[int, int, int]:
    """Attempts that ended on a worker and are not here, that are here twice, and how many are here."""
    ours = _uuids(repo / ".git" / "bisectsyms" / "ledger.sqlite")
    theirs = [one for path in lab.folder.iterdir() for ledger in lab.ledgers(path.name) for one in _uuids(ledger)]
    return len({*theirs} - {*ours}), len(ours) - len({*ours}), len(ours)


def _uuids(ledger: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)) as db:
        return [str(uuid) for (uuid,) in db.execute("select uuid from attempts where ended is not null")]


def _named(answer: dict[str, Any]) -> Row:
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


def _held(folder: Path, answer: dict[str, Any], planted: Planted, rounds: int) -> Row:
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
