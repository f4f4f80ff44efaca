"""Where the machine is made hostile: the small kernel, small disks, a compiler that obeys, and what must hold after."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bisectsyms.effects.ledger.file import NAME
from bisectsyms.smallkernel.history import Failure, History, write_history
from tests.torture.userfolder import UserFolder

STOPPED = 128
SKIPPED = 125
TRUTH = {"good": 0, "bad": 1}
"""What a step on these sides of the culprit must end with, if it ends with a verdict."""
COMMITS = 24
PATIENCE = 900.0
"""Seconds; a machine with much else to do is slow."""
COMPILER = """\
# gcc, unless it was told otherwise; a question about itself is always answered.
case $* in *--version* | *-dumpmachine* | *-print-*) exec {gcc} "$@" ;; esac
[ -e {orders} ] && case $* in *.c*) . {orders} ;; esac
exec {gcc} "$@"
"""


@dataclass
class Told:
    """What one hostility did."""

    times: int = 0
    stopped: int = 0
    """Of these, how often the command stopped with 128 and a next step."""
    lost: list[str] = field(default_factory=list)
    """What must never be: a wrong verdict, an attempt that is gone, a ledger that is damaged, a traceback."""
    note: str = ""


@dataclass
class Yard(UserFolder):
    """A folder with a repository, and a user who types commands in it."""

    folder: Path
    told: Told = field(default_factory=Told)
    environ: dict[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    """Further options of every step."""
    fresh: dict[str, Iterator[str]] = field(default_factory=dict)
    """Tags of each side that nothing is known of: the ledger would answer for the others."""
    open: dict[str, str] = field(default_factory=dict)
    """The tag of each side at which a step has stopped; the same command goes on there."""

    @classmethod
    def at(cls, folder: Path, template: Path) -> Yard:
        """A new one, its repository a copy of `template`."""
        folder.mkdir(parents=True)
        yard = cls(folder, fresh={side: iter([f"{side}{number}" for number in range(COMMITS)]) for side in TRUTH})
        shutil.copytree(template, yard.repo, symlinks=True)
        for path in (yard.home, yard.slots, yard.tools):
            path.mkdir()
        return yard

    @property
    def env(self) -> dict[str, str]:
        return super().env | self.environ

    def run(self, *argv: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv, cwd=cwd or self.repo, env=self.env, capture_output=True, text=True, errors="surrogateescape",
            stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False,
        )  # fmt: skip

    def name(self, side: str) -> str:
        """The revision of a side that is to be judged next."""
        if side not in self.open:
            self.open[side] = next(self.fresh[side])
        return self.open[side]

    def start(self, side: str) -> subprocess.Popen[str]:
        """A step, beside what comes next."""
        return subprocess.Popen(
            self.command(self.name(side)), cwd=self.repo, env=self.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def command(self, rev: str) -> tuple[str, ...]:
        """The line that is typed before, during and after the trouble."""
        options = ("--slots-dir", str(self.slots), "--infra-wait", "1s", "--rate", "0.9", *self.words)
        return "bisectsyms", "step", rev, "--profile", "smallkernel", *options

    def step(self, side: str, *before: str, may_skip: bool = False) -> int:
        """Type it in the middle of the trouble: the truth, or a stop that says what to do."""
        done = self.run(*before, *self.command(self.name(side)))
        self.told.times += 1
        output = done.stdout + done.stderr
        allowed = {TRUTH[side], STOPPED, *([SKIPPED] if may_skip else [])}
        if done.returncode != STOPPED:
            del self.open[side]
        if done.returncode not in allowed:
            self.lost(f"{side} ended with {done.returncode}: {output[-1500:]}")
        if "Traceback" in output:
            self.lost(f"a traceback: {output[-1500:]}")
        if done.returncode == STOPPED:
            self.told.stopped += 1
            if "next:" not in output and "ABORT" not in output:
                self.lost(f"no next step: {output[-800:]}")
        self.last = output
        return done.returncode

    last: str = ""
    """What the last step printed."""

    def goes_on(self, side: str) -> None:
        """The trouble is over: the same command gives the right answer, and nothing of before is lost."""
        before = self.ended()
        self.told.times += 1
        done = self.run(*self.command(self.name(side)))
        del self.open[side]
        if done.returncode != TRUTH[side]:
            self.lost(f"does not go on: {side} ended with {done.returncode}: {(done.stdout + done.stderr)[-1500:]}")
        if gone := before - self.ended():
            self.lost(f"{len(gone)} attempts that had ended are gone")
        if status := self.run("bisectsyms", "status").returncode:
            self.lost(f"status ends with {status}")
        self.sound()

    def sound(self) -> None:
        """SQLite's own check, every attempt ended once, and no process of the slots is left."""
        if (self.state / NAME).exists():
            with contextlib.closing(sqlite3.connect(self.state / NAME)) as db:
                if (said := db.execute("pragma integrity_check").fetchone()[0]) != "ok":
                    self.lost(f"the ledger: {said}")
                if db.execute("select count(*) from attempts where ended is null").fetchone()[0]:
                    self.lost("an attempt has no end although nothing runs")
        if left := self.processes():
            self.lost(f"still running: {left}")

    def ended(self) -> set[str]:
        """What the ledger has of attempts that ended with evidence."""
        if not (self.state / NAME).exists():
            return set()
        with contextlib.closing(sqlite3.connect(f"file:{self.state / NAME}?mode=ro", uri=True)) as db:
            try:
                words = "select uuid || outcome from attempts where outcome in ('CLEAN', 'INCONSISTENT')"
                return {row[0] for row in db.execute(words)}
            except sqlite3.OperationalError:  # it was not made yet
                return set()

    def outcomes(self) -> list[str]:
        """Of all attempts, in their order."""
        with contextlib.closing(sqlite3.connect(self.state / NAME)) as db:
            return [row[0] for row in db.execute("select outcome from attempts order by number")]

    def processes(self) -> list[str]:
        """What runs with the mark of this yard."""
        found = []
        for process in psutil.process_iter():
            try:
                marks = process.environ()
                ours = marks.get("BISECTSYMS_SLOT", "").startswith(str(self.slots))
                if (ours or marks.get("YARD") == str(self.folder)) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(f"{process.pid} {' '.join(process.cmdline())}")
            except (psutil.Error, OSError):
                continue
        return found

    def lost(self, what: str) -> None:
        self.told.lost.append(what)

    def small_disk(self, folder: Path, size: str) -> None:
        """An empty file system of this size at `folder`; we are in a mount namespace of our own."""
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)], check=True)

    def remount(self, folder: Path, options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)

    def obedient(self) -> Callable[[str], None]:
        """A compiler in front of PATH; the answer takes the shell lines that it runs instead, empty for none."""
        orders = self.tools / "orders"
        self.tool("gcc", COMPILER.format(gcc=shutil.which("gcc"), orders=orders))

        def order(lines: str) -> None:
            orders.unlink(missing_ok=True)
            if lines:
                orders.write_text(lines)

        return order


def template(folder: Path) -> History:
    """The history of every yard, with a tag for each commit: from the culprit on it always fails, before never."""
    history = write_history(folder, Failure.ALWAYS, seed=1, commits=COMMITS, broken=False, unrelated=False)
    words = ("git", "rev-list", "--all", "--ancestry-path", f"^{history.culprit}")
    listed = subprocess.run(words, cwd=history.repo, capture_output=True, text=True, check=True).stdout
    bad, sides = {history.culprit, *listed.split()}, dict.fromkeys(TRUTH, 0)
    for commit, _ in sorted(history.numbers.items(), key=lambda pair: pair[1]):
        side = "bad" if commit in bad else "good"
        tag = history.repo / f".git/refs/tags/{side}{sides[side]}"
        tag.write_text(f"{commit}\n")
        sides[side] += 1
    return history
