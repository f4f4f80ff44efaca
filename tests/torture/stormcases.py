"""What the kill storm kills: four verbs on small repositories, with a witness outside of what the product writes.

The witness is one line in a file for each attempt that ran to its end: written by the tested command itself, or by a
make in front of the real one.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bisectsyms.smallkernel.history import Failure, write_history
from tests.torture.userfolder import UserFolder

SOMETIMES = "sleep 0.1; exit $(($(od -An -N1 -tu1 /dev/urandom) < 160))"
"""Fails in 62 of 100 runs."""
WITNESS = 'sh test.sh; s=$?; echo "$BISECTSYMS_ATTEMPT $s" >> "$HOME/witness"; exit $s'
MAKE = """\
{make} "$@"
s=$?
case " $* " in *" vmlinux "*) echo "make $s" >> "$HOME/witness";; esac
exit $s
"""


@dataclass(frozen=True)
class Case(UserFolder):
    """One repository of one user, and the one command that is killed and typed again until it has ended."""

    verb: str
    folder: Path
    words: tuple[str, ...]
    culprit: str = ""
    at_once: int = 1
    numbered: bool = False
    """Whether the witness tells which attempt has ended, and not only that one has."""
    moves: bool = False
    """Whether git itself moves HEAD and index of the user."""
    setup: tuple[str, ...] = ()
    """What is typed once before."""

    @property
    def witness(self) -> Path:
        return self.home / "witness"

    @property
    def env(self) -> dict[str, str]:
        """HOME is also the mark by which the processes of this case are found: builds are given it, too."""
        return super().env | {"TMPDIR": str(self.folder / "tmp"), "GIT_OPTIONAL_LOCKS": "0"}

    def git(self, *words: str) -> str:
        """What git says in the user's repository; it must not fail."""
        done = subprocess.run(
            ("git", *words), cwd=self.repo, env=self.env, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, f"git {' '.join(words)}: {done.stderr}"
        return done.stdout


def command(folder: Path, *, slots: int = 1) -> Case:
    """A flaky test under `bisect`."""
    words = ("bisectsyms", "bisect", "--slots-dir", str(folder / "slots"), "--confidence", ".999")
    tested = ("--slots", str(slots), "c1", "c16", "--", "sh", "-c", WITNESS)
    return Case("bisect", folder, (*words, *tested), at_once=slots, numbered=True)


def kernel(folder: Path) -> Case:
    """A small kernel under `bisect`."""
    words = ("bisectsyms", "bisect", "--slots-dir", str(folder / "slots"), "--confidence", ".8")
    return Case("bisect", folder, (*words, "--sweep", "2", "--profile", "smallkernel", "good", "bad"))


def step(folder: Path, *, moves: bool) -> Case:
    """`step` under a real git bisect run."""
    words = ("git", "bisect", "run", "bisectsyms", "--profile", "smallkernel", "--slots-dir", str(folder / "slots"))
    setup = ("git", "bisect", "start", *(() if moves else ("--no-checkout",)), "bad", "good")
    return Case("step", folder, (*words, "--sweep", "2", "--confidence", ".8"), moves=moves, setup=setup)


def hunt(folder: Path) -> Case:
    """A hunt over four spots."""
    plan = (
        "plan: hunt\nrevisions: [good, bad]\nprofiles: smallkernel\ntoolchains: gcc\njobs: [1, 2]\nvariations: pinned\n"
    )
    (folder / "plan.yaml").write_text(plan)
    words = ("bisectsyms", "hunt", str(folder / "plan.yaml"), "--json", "--slots-dir", str(folder / "slots"))
    return Case("hunt", folder, (*words, "--kind", "relink", "--no-nice", "--max-attempts", "16"))


def demo(folder: Path) -> Case:
    """The demo, which begins anew each time."""
    return Case("demo", folder, ("bisectsyms", "demo", "--failure", "always", "--commits", "20", "--confidence", ".8"))


CASES: dict[str, Callable[[Path], Case]] = {
    "bisect -- command": command,
    "bisect --slots 2 -- command": lambda folder: command(folder, slots=2),
    "bisect": kernel,
    "step under git bisect run": lambda folder: step(folder, moves=True),
    "step under git bisect run, --no-checkout": lambda folder: step(folder, moves=False),
    "hunt": hunt,
    "demo": demo,
}


class Templates:
    """The repositories, each written once and copied for every case."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._culprits: dict[str, str] = {}

    def make(self, what: str, folder: Path) -> Case:
        """A new case in `folder`, which must not exist."""
        for name in ("home", "tmp"):
            (folder / name).mkdir(parents=True)
        case = CASES[what](folder)
        case.tool("make", MAKE.format(make=shutil.which("make")))
        culprit = self._copy("command" if case.numbered else "kernel", case.repo)
        (case.repo / "notes.txt").write_text("of the user, and not git's\n")
        if case.setup:
            case.git(*case.setup[1:])
        return replace(case, culprit=culprit)

    def _copy(self, name: str, repo: Path) -> str:
        """The repository of this kind; its culprit."""
        origin = self._folder / name
        if name not in self._culprits:
            self._culprits[name] = _written(origin) if name == "command" else _kernels(origin)
        shutil.copytree(origin, repo, symlinks=True)
        subprocess.run(("git", "update-index", "-q", "--refresh"), cwd=repo, check=False)
        return self._culprits[name]


def _written(repo: Path) -> str:
    """Sixteen commits, tagged c1 to c16; the ninth brings the failure in."""
    repo.mkdir(parents=True)
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@kernel.invalid")
    subprocess.run((*git, "init", "-q", "-b", "main"), cwd=repo, check=True)
    for number in range(1, 17):
        (repo / "test.sh").write_text(f"# {number}\n{SOMETIMES if number > 8 else 'sleep 0.1; exit 0'}\n")
        for words in (("add", "."), ("commit", "-q", "-m", str(number)), ("tag", f"c{number}")):
            subprocess.run((*git, *words), cwd=repo, check=True)
    found = subprocess.run((*git, "rev-parse", "c9"), cwd=repo, check=True, capture_output=True, text=True)
    return found.stdout.strip()


def _kernels(repo: Path) -> str:
    return write_history(repo, Failure.ALWAYS, seed=1, commits=12, broken=False, unrelated=False).culprit
