"""The demo: a history of a small kernel with a flaky commit, solved as a user would solve it.

Nothing is staged: the history is written by git, the kernels are linked by the real toolchain, and the
search is `git bisect run bisectsyms`. The demo knows the answer and compares. All of it happens in a process beside
ours: if we are killed, git would go on with the bisect, and nobody would remove the folder.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from subprocess import DEVNULL

from plumbum import local

from bisectsyms.effects.forked import call
from bisectsyms.effects.gitrepo import Repository, check_git
from bisectsyms.effects.runner import adopt, end_descendants, shielded
from bisectsyms.errors import InfraError, UserError
from bisectsyms.smallkernel.history import Failure, History, write_history
from bisectsyms.usecases.status import Status, status

ARM_PREFIX = "arm-linux-gnueabi-"


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What to write and how sure to be."""

    failure: str = "race"
    seed: int = 1
    commits: int = 40
    confidence: float = 0.95
    keep: Path | None = None


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What git bisect named, beside the truth."""

    right: bool
    found: str
    culprit: str
    title: str
    confidence: float | None
    attempts: int
    seconds: float
    folder: Path


def demo(options: DemoOptions, *, say: Callable[[str], None]) -> DemoResult:
    """Write the history, run the bisect, compare.

    Raises:
        UserError: the folder to keep exists already, or there is no git.
        InfraError: git bisect run stopped.
    """
    check_git()
    return call(partial(_in_folder, options, say))


def _in_folder(options: DemoOptions, say: Callable[[str], None]) -> DemoResult:
    """The demo; a folder that is not to be kept goes, however it ends."""
    folder = _folder(options.keep)
    try:
        return _demo(options, folder, say)
    except BaseException:
        if options.keep is None:  # what others tell of their ledger, the guard tells here, too
            say("the demo's own ledger goes with its folder: typed again it begins anew; --keep FOLDER keeps it")
        raise
    finally:
        if options.keep is None:
            with shielded():
                shutil.rmtree(folder, ignore_errors=True)


def _folder(keep: Path | None) -> Path:
    if keep is None:
        return Path(tempfile.mkdtemp(prefix="bisectsyms-demo-"))
    if keep.exists() and any(keep.iterdir()):
        raise UserError(f"{keep} is not empty", next_step="--keep with a new folder")
    keep.mkdir(parents=True, exist_ok=True)
    return keep.absolute()


def _demo(options: DemoOptions, folder: Path, say: Callable[[str], None]) -> DemoResult:
    begun = time.monotonic()
    history = write_history(folder / "linux", Failure(options.failure), seed=options.seed, commits=options.commits)
    profile = "smallkernel-arm" if shutil.which(f"{ARM_PREFIX}gcc") else "smallkernel"
    say(f"A history of {options.commits} commits of a small kernel is in {history.repo}.")
    say(f"Its last commit fails now and then with inconsistent kallsyms data ({options.failure}); some do not compile.")
    say("An attempt is a build or a part of one; INCONSISTENT is the failure, INFRA is the machine's fault.")
    say("First it is tried which kind shows the failure: a replay of the link script, a relink, a clean build.")
    say(f"Which commit brought the failure in? This is what you would type ({profile} is the profile):\n")
    _bisect(history, profile, folder / "slots", options, say)
    report = status(Repository.discover(history.repo, {}), rejudge=False)
    return _compare(history, report, time.monotonic() - begun, folder)


def _bisect(history: History, profile: str, slots_dir: Path, options: DemoOptions, say: Callable[[str], None]) -> None:
    """Run git bisect as a person would, in the foreground."""
    words = ["--profile", profile, "--confidence", str(options.confidence)]
    say(f"  $ git bisect start {history.bad[:12]} {history.good[:12]}")
    say(f"  $ git bisect run bisectsyms {' '.join(words)}\n")
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    git = local["git"].with_cwd(str(history.repo))
    git("bisect", "start", history.bad, history.good, env=env)
    command = [_ourselves(), *words, "--slots-dir", str(slots_dir)]
    adopt()
    # A plain child in our own process group: Ctrl-C reaches git and the step that it runs as well.
    child = git["bisect", "run", *command].popen(stdin=DEVNULL, stdout=sys.stderr, stderr=sys.stderr, env=env)
    try:
        ended = child.wait()
    except BaseException:
        end_descendants()  # to end git alone would leave its helper, which goes on with the bisect
        child.returncode = 0  # reaped there: Popen must not wait for the pid again
        raise
    if ended:
        raise InfraError(f"git bisect run ended with {ended}", next_step="see the lines above")


def _ourselves() -> str:
    """The console script that is running, so that a virtual environment need not be on PATH."""
    script = Path(sys.argv[0])
    return str(script.absolute()) if script.name == "bisectsyms" else shutil.which("bisectsyms") or "bisectsyms"


def _compare(history: History, report: Status, seconds: float, folder: Path) -> DemoResult:
    return DemoResult(
        right=report.culprit == history.culprit,
        found=report.culprit,
        culprit=history.culprit,
        title=report.culprit_title,
        confidence=report.confidence,
        attempts=report.attempts,
        seconds=seconds,
        folder=folder,
    )
