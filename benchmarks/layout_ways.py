"""The four ways of searching that benchmarks/kernel_layout.py compares, each to its answer."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from benchmarks import report
from benchmarks.bisect_run import BIN, git, logged
from benchmarks.layout_history import KCONFIG, History
from benchmarks.layout_measured import Measured, Way
from benchmarks.plain_build import PlainBuild
from bisectsyms.core.words import percent

NAME = "kernel-layout"
LOG = report.RESULTS / f"{NAME}.log"
REPEATS = 5
SCRIPT = f"git bisect run, {REPEATS} builds at one layout"
OURS, REPLAY = "bisectsyms bisect", "git bisect replay of its log"
STEPS = "git bisect run bisectsyms"
DRAWS = (
    "select count(distinct outcome) from attempts where outcome in ('CLEAN', 'INCONSISTENT') "
    "group by cell, tree, draw_length having count(*) > 1"
)


@dataclass(frozen=True, slots=True)
class Ways:
    """Each way gives None if its time was over first; another call goes on."""

    folder: Path
    found: History
    measured: Measured
    build: PlainBuild
    confidence: float
    left: Callable[[], float]
    """Seconds until all has to end."""

    def all(self) -> dict[str, Callable[[str], Way | None]]:
        return {SCRIPT: self._repeats, OURS: self._bisect, REPLAY: self._replay, STEPS: self._run}

    def _repeats(self, name: str) -> Way | None:
        script, counted = self.folder / "repeats.sh", self.folder / "repeats"
        script.write_text(self.build.repeats(REPEATS, counted))
        counted.write_text("")
        self._start(self.build.repo)
        if self._logged(name, ["git", "bisect", "run", "sh", str(script)]) != 0:
            return None
        return Way(*_told(self.build.repo), attempts=len(counted.read_text().splitlines()))

    def _bisect(self, name: str) -> Way | None:
        result = self.folder / "bisect.json"
        ends = (self.found.commits[0], self._bad())
        self._logged(name, ["bisectsyms", "bisect", *ends, *self._words("slots"), "--json"], result=result)
        told = json.loads(result.read_text() or "{}")
        if told.get("kind", "undecided") == "undecided":
            return None
        meaning = told["about"]["meaning"] if told["about"] else told["kind"]
        commit = told["culprit"]["commit"] if told["culprit"] else ""
        return _counted(self.build.repo, Way(commit, sure=f"{percent(told['probability'])}, {meaning}"))

    def _replay(self, name: str) -> Way | None:
        log = self.build.repo / ".git/bisectsyms/bisect.log"
        if OURS not in self.measured.ways or not log.exists():
            return None
        git(self.build.repo, "bisect", "reset")
        self._logged(name, ["git", "bisect", "replay", str(log)])
        return Way(*_told(self.build.repo))

    def _run(self, name: str) -> Way | None:
        """In a clone, so that it has no attempts of the others in its ledger."""
        clone = self.folder / "clone"
        if not (clone / ".git/BISECT_START").exists():
            shutil.rmtree(clone, ignore_errors=True)
            git(self.folder, "clone", "--quiet", str(self.build.repo), str(clone))
            self._start(clone)
        argv = ["git", "bisect", "run", "bisectsyms", *self._words("clone-slots")]
        self._logged(name, argv, repo=clone)
        if self.left() <= 0:
            return None
        status = subprocess.run([BIN / "bisectsyms", "status", "--json"], cwd=clone, capture_output=True, check=True)
        confidence = json.loads(status.stdout)["confidence"]
        sure = "" if confidence is None else percent(confidence)
        return _counted(clone, Way(*_told(clone), sure=sure))

    def _bad(self) -> str:
        return self.found.commits[self.measured.bad_end(self.found)]

    def _start(self, repo: Path) -> None:
        git(repo, "bisect", "reset")
        git(repo, "bisect", "start", self._bad(), self.found.commits[0])

    def _words(self, slots: str) -> list[str]:
        profile = self.folder / "layout.yaml"
        keys = {"arch": "arm", "toolchain": "gcc", "defconfig": "tinyconfig", "kconfig": list(KCONFIG)}
        profile.write_text(yaml.safe_dump(keys, sort_keys=False))
        words = ["--profile", str(profile), "--confidence", str(self.confidence), "-j2"]
        return [*words, "--slots-dir", str(self.folder / slots)]

    def _logged(self, name: str, argv: list[str], *, repo: Path | None = None, result: Path | None = None) -> int:
        begun = time.monotonic()
        try:
            seconds = max(1.0, self.left())
            return logged(argv, repo or self.build.repo, LOG, hide=self.folder, seconds=seconds, result=result)
        finally:
            self.measured.seconds[name] = self.measured.seconds.get(name, 0.0) + time.monotonic() - begun
            self.measured.save()


def _told(repo: Path) -> tuple[str, tuple[str, ...]]:
    """The commit that git bisect named, or an empty text, and those it was told to be good."""
    lines = subprocess.run(["git", "bisect", "log"], cwd=repo, capture_output=True, text=True, check=True).stdout
    named, good = "", list[str]()
    for line in lines.splitlines():
        if line.startswith("# first bad commit:"):
            named = _commit(line)
        if line.startswith("# good:"):
            good.append(_commit(line))
    return named, tuple(good)


def _commit(line: str) -> str:
    return line.partition("[")[2].partition("]")[0]


def _counted(repo: Path, way: Way) -> Way:
    """With what the ledger says of its attempts."""
    with closing(sqlite3.connect(repo / ".git/bisectsyms/ledger.sqlite")) as db:
        attempts, load = db.execute("select count(*), avg(load) from attempts where ended is not null").fetchone()
        outcomes = [different for (different,) in db.execute(DRAWS)]
    differed = sum(different > 1 for different in outcomes)
    return replace(way, attempts=attempts, twice=len(outcomes), differed=differed, load=round(load, 1))
