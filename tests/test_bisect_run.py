"""The test that matters most: a real git bisect run of bisectsyms names the right commit, or none.

Real git, real compiler and linker, histories of the small kernel. `named` reads git's own answer.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time

import pytest

from bisectsyms.smallkernel.history import Failure
from tests.conftest import MakeHistory, User, named

SURE = ("--confidence", ".99")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("failure", [Failure.RACE, Failure.ALWAYS])
def test_names_the_culprit(user: User, make_history: MakeHistory, failure: Failure, seed: int) -> None:
    history = make_history(failure, seed=seed)
    done = user.bisect(history, *SURE, "-j2")
    assert named(done.stdout) == history.culprit, done.stdout + done.stderr
    status = user.run("bisectsyms", "status", "--json", cwd=history.repo)
    report = json.loads(status.stdout)
    assert report["schema"] == 1
    assert report["culprit"] == history.culprit
    assert report["confidence"] >= 0.99, "the budget is never overspent"
    assert not user.processes()


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "commits"), [(1, 40), (2, 20)])
def test_a_function_of_the_layout_is_never_blamed_on_another_commit(
    user: User, make_history: MakeHistory, seed: int, commits: int
) -> None:
    history = make_history(Failure.LAYOUT, seed=seed, commits=commits)
    done = user.bisect(history, *SURE)
    output = done.stdout + done.stderr
    if done.returncode == 0:
        assert named(done.stdout) == history.culprit, output
    else:
        assert not named(done.stdout)
        assert "next:" in output, "who stops without an answer says what to do"


@pytest.mark.slow
def test_the_users_tree_is_not_touched_and_nothing_of_theirs_runs(user: User, make_history: MakeHistory) -> None:
    history = make_history(Failure.ALWAYS, seed=3, commits=14)
    repo = history.repo
    ran = user.home / "hook-ran"
    for hook in ("post-checkout", "pre-commit", "post-index-change", "reference-transaction"):
        path = repo / ".git" / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'#!/bin/sh\ncase "$PWD" in {user.slots}*) echo {hook} >> {ran};; esac\n')
        path.chmod(0o755)
    user.run("git", "config", "core.fsmonitor", f"touch {ran}; false #", cwd=repo)
    user.run("git", "config", "alias.rev-parse", f"!touch {ran}", cwd=repo)
    user.run("git", "config", "--unset", "core.fsmonitor", cwd=repo)
    (repo / "notes.txt").write_text("mine\n")
    before = user.run("git", "status", "--porcelain", cwd=repo).stdout
    start = user.run("git", "bisect", "start", "--no-checkout", history.bad, history.good, cwd=repo)
    assert start.returncode == 0, start.stderr
    head = user.run("git", "rev-parse", "HEAD", cwd=repo).stdout

    done = user.run("git", "bisect", "run", *user.step(*SURE), cwd=repo)

    assert named(done.stdout) == history.culprit, done.stdout + done.stderr
    assert user.run("git", "rev-parse", "HEAD", cwd=repo).stdout == head
    assert user.run("git", "status", "--porcelain", cwd=repo).stdout == before
    assert not ran.exists(), ran.read_text()


@pytest.mark.slow
def test_from_a_linked_worktree(user: User, make_history: MakeHistory) -> None:
    history = make_history(Failure.ALWAYS, seed=4, commits=14)
    other = history.repo.parent / "other"
    user.run("git", "worktree", "add", "--detach", str(other), history.bad, cwd=history.repo)
    head = user.run("git", "rev-parse", "HEAD", cwd=history.repo).stdout
    done = user.bisect(history, *SURE, cwd=other)
    assert named(done.stdout) == history.culprit, done.stdout + done.stderr
    assert user.run("git", "rev-parse", "HEAD", cwd=history.repo).stdout == head
    assert (history.repo / ".git/bisectsyms/ledger.sqlite").exists(), "one ledger for all worktrees"


def test_a_bad_end_that_never_fails_names_nobody(user: User, make_history: MakeHistory) -> None:
    history = make_history(Failure.NONE, commits=12)
    done = user.bisect(history, "--min-rate", ".6", "--sweep", "1")
    assert done.returncode == 128
    assert not named(done.stdout)
    assert "never failed here" in done.stdout + done.stderr


def test_a_good_end_that_fails_names_nobody(user: User, make_history: MakeHistory) -> None:
    history = make_history(Failure.ALWAYS, seed=1, commits=12, broken=False)
    start = user.run("git", "bisect", "start", history.bad, history.culprit, cwd=history.repo)
    assert start.returncode == 0
    done = user.run("git", "bisect", "run", *user.step(), cwd=history.repo)
    if "first bad commit" not in start.stdout:
        assert done.returncode == 128
        assert not named(done.stdout)
        assert "older good end" in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_what_ended_before_a_kill_counts_after_it(
    user: User, make_history: MakeHistory, number: signal.Signals
) -> None:
    history = make_history(Failure.ALWAYS, seed=6, commits=14, broken=False)
    user.run("git", "bisect", "start", history.bad, history.good, cwd=history.repo)
    ledger = history.repo / ".git/bisectsyms/ledger.sqlite"

    def rows() -> list[tuple[int, str]]:
        with sqlite3.connect(ledger) as db:
            return db.execute("select number, outcome from attempts where ended is not null order by number").fetchall()

    running = user.start("git", "bisect", "run", *user.step(*SURE), cwd=history.repo)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if ledger.exists() and ledger.stat().st_size and _count(rows) >= 4:
            break
        time.sleep(0.05)
    os.killpg(running.pid, number)
    output, _ = running.communicate(timeout=60)
    assert not named(output)
    before = rows()
    assert len(before) >= 4

    done = user.run("git", "bisect", "run", *user.step(*SURE), cwd=history.repo)

    assert named(done.stdout) == history.culprit, done.stdout + done.stderr
    assert rows()[: len(before)] == before, "no row is lost or changed"
    assert not user.processes()


def _count(rows: object) -> int:
    try:
        return len(rows())  # type: ignore[operator]  # a callable of the test's own
    except sqlite3.Error:
        return 0
