"""However a step ends by accident, git bisect run must stop and name nobody.

git takes 1 to 124 for "bad": an ImportError, a usage error or a stdout that cannot be flushed would each
name a commit. Every case here is run by the installed git.
"""

from __future__ import annotations

import contextlib
import os
import pty
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from bisectsyms.smallkernel.history import Failure, History
from tests.conftest import SCRIPTS, MakeHistory, User, named

PACKAGE = Path(__file__).resolve().parent.parent / "bisectsyms"


@pytest.fixture
def history(make_history: MakeHistory) -> History:
    return make_history(Failure.ALWAYS, commits=12, broken=False)


def stops(user: User, history: History, *command: str, env: dict[str, str] | None = None) -> str:
    """Run `command` under git bisect run, assert that it stops without an answer; all output."""
    user.run("git", "bisect", "start", history.bad, history.good, cwd=history.repo)
    done = user.run("git", "bisect", "run", *command, cwd=history.repo, env=env)
    output = done.stdout + done.stderr
    assert not named(done.stdout), output
    assert done.returncode == 128, output
    return output


@pytest.mark.parametrize(
    "words",
    [
        ("--version",),
        ("--help",),
        ("step", "--help"),
        ("doctor",),
        ("status",),
        ("demo",),
        ("tell", "HEAD", "clean"),
        ("ledger", "export"),
        ("no-such-verb",),
        ("--no-such-option",),
        ("--profile",),
        ("--profile", "no-such-profile"),
        ("--profile", "no/such/file.yaml"),
        ("--profile", "smallkernel", "--confidence", "2"),
        ("--profile", "smallkernel", "-j", "many"),
        ("step", "no-such-revision", "--profile", "smallkernel"),
        (),
    ],
)
def test_what_judges_nothing_stops_the_bisect(user: User, history: History, words: tuple[str, ...]) -> None:
    output = stops(user, history, "bisectsyms", *words)
    assert "Traceback" not in output
    assert "next:" in output, "every error names a next step"


def test_a_git_that_is_too_old(user: User, history: History, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    script = f'#!/bin/sh\ntest "$1" = --version && echo git version 2.31.8 || exec {shutil.which("git")} "$@"\n'
    (old / "git").write_text(script)
    (old / "git").chmod(0o755)
    command = f'PATH="{old}:$PATH" exec bisectsyms --profile smallkernel'
    assert "git version 2.31.8 is too old: 2.32 or newer is needed" in stops(user, history, "sh", "-c", command)


def test_a_typing_error_in_the_profile(user: User, history: History, tmp_path: Path) -> None:
    profile = tmp_path / "mine.yaml"
    profile.write_text("arch: x86\ndefconfg: smallkernel_defconfig\n")
    output = stops(user, history, "bisectsyms", "--profile", str(profile))
    assert f"{profile}:2:1: defconfg: no such key; did you mean defconfig?" in output


def test_a_profile_in_the_tree_under_test_is_not_used(user: User, history: History) -> None:
    (history.repo / "trap.yaml").write_text("arch: x86\ndefconfig: x\n")
    assert "no profile 'trap'" in stops(user, history, "bisectsyms", "--profile", "trap")


def test_a_missing_compiler(user: User, history: History, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("git", "sh", "make", "env"):
        (tools / tool).symlink_to(shutil.which(tool) or tool)
    output = stops(user, history, *user.step(), env={"PATH": f"{SCRIPTS}{os.pathsep}{tools}"})
    assert "gcc is not on PATH" in output


def _bugged(tmp_path: Path, file: str, old: str, new: str) -> str:
    """A copy of the package with a bug planted; returns what starts it."""
    shutil.copytree(PACKAGE, tmp_path / "copy" / "bisectsyms")
    shutil.copytree(PACKAGE.parent / "configs", tmp_path / "copy" / "configs")
    path = tmp_path / "copy" / "bisectsyms" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    script = tmp_path / "bugged"
    script.write_text(
        f"#!{SCRIPTS / 'python'}\nimport sys\nsys.path.insert(0, {str(tmp_path / 'copy')!r})\n"
        "from bisectsyms.entry import main\nmain()\n"
    )
    script.chmod(0o755)
    return str(script)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("core/classify.py", "    if seen.timed_out", "    raise ZeroDivisionError\n    if seen.timed_out"),
        ("core/belief.py", "import numpy as np", "import numpy_that_is_not_there as np"),
        ("cli/__init__.py", "import click", "import click_that_is_not_there as click"),
        ("core/decide.py", "def judge(", "def judge(("),
        ("usecases/step.py", "def step(", "import sys\nsys.exit(1)\ndef step("),
    ],
)
def test_a_bug_of_ours(user: User, history: History, tmp_path: Path, file: str, old: str, new: str) -> None:
    script = _bugged(tmp_path, file, old, new)
    stops(user, history, script, *user.step()[1:])


@pytest.mark.parametrize("place", ["    for number in (signal.SIGINT, signal.SIGTERM", "    fine = True\n"])
@pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_while_it_leaves(user: User, history: History, tmp_path: Path, place: str, number: str) -> None:
    """A second one, mostly: what its handler raises would end Python with 1."""
    script = _bugged(tmp_path, "entry.py", place, f"    os.kill(os.getpid(), signal.{number})\n{place}")
    stops(user, history, script, *user.step("--dry-run")[1:])


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_stdout_that_cannot_be_flushed(user: User, history: History, unbuffered: str) -> None:
    words = " ".join(user.step("--json", "--sweep", "1"))
    env = {"PYTHONUNBUFFERED": unbuffered} if unbuffered else {}
    stops(user, history, "sh", "-c", f"{words} > /dev/full", env=env)


def test_nobody_reads_to_the_end(user: User, history: History) -> None:
    """`bisectsyms toolchains | head` is no bug to report."""
    done = user.run("sh", "-c", "(bisectsyms toolchains; echo $? >&2) | true", cwd=history.repo)
    assert done.stderr.splitlines()[-1] == "128"
    assert "nobody reads" in done.stderr
    assert "internal error" not in done.stderr


def test_python_m_refuses(user: User, history: History) -> None:
    stops(user, history, str(SCRIPTS / "python"), "-m", "bisectsyms", env={"PYTHONPATH": str(PACKAGE.parent)})


@pytest.mark.parametrize("what", ["garbage", "newer"])
def test_a_ledger_that_is_none_of_ours(user: User, history: History, what: str) -> None:
    state = history.repo / ".git" / "bisectsyms"
    state.mkdir()
    file = state / "ledger.sqlite"
    if what == "garbage":
        file.write_bytes(b"no database at all, but long enough to look at" * 100)
    else:
        user.run("bisectsyms", "status", cwd=history.repo)
        with contextlib.closing(sqlite3.connect(file)) as db:
            db.execute("pragma user_version = 99")
    before = file.read_bytes()
    stops(user, history, *user.step())
    assert file.read_bytes() == before, "it is left as it is"


def test_at_a_terminal_outside_a_bisect_it_prints_help(user: User, history: History) -> None:
    ours, theirs = pty.openpty()
    done = subprocess.run(
        ["bisectsyms"], cwd=history.repo, env=user.env, stdin=theirs, capture_output=True, text=True, check=False
    )
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 128
    assert "git bisect run bisectsyms" in done.stdout


def test_a_step_outside_a_bisect_says_which_rate_it_takes(user: User, history: History) -> None:
    assumed = user.run(*user.step()[:1], "step", history.good, *user.step("--confidence", ".6")[1:], cwd=history.repo)
    assert assumed.returncode == 0, assumed.stderr
    assert "a rate of 0.25 is assumed" in assumed.stderr
    given = user.run("bisectsyms", "step", history.bad, *user.step("--rate", ".9", "--json")[1:], cwd=history.repo)
    assert given.returncode == 1, given.stderr
    assert '"verdict": "BAD"' in given.stdout


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("status",), 3),
        (("again", "7"), 128),
        (("clean",), 0),
        (("--version",), 0),
        (("--help",), 0),
        (("stauts",), 128),
    ],
)
def test_the_statuses_of_other_verbs(user: User, history: History, words: tuple[str, ...], status: int) -> None:
    done = user.run("bisectsyms", *words, cwd=history.repo)
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_outside_a_repository(user: User, tmp_path: Path) -> None:
    done = user.run("bisectsyms", "status", cwd=tmp_path)
    assert done.returncode == 128
    assert "next:" in done.stderr
