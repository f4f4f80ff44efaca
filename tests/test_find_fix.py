"""A search for the commit that fixed the failure: git's terms, its exit status and ours turned round."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bisectsyms.core.direction import BisectState, terms_tell
from bisectsyms.model import Verdict
from bisectsyms.smallkernel.history import Failure, History
from tests.conftest import MakeHistory, User

SURE = ("--confidence", ".99", "-j2")
STATE = BisectState("good", "bad", new="n2", news=("n1", "n2"), olds=("o1", "o2"), culprit="", find_fix=False)


@pytest.mark.parametrize(
    ("old", "new", "fix"),
    [
        ("good", "bad", False),
        ("broken", "fixed", True),
        ("bad", "good", True),
        ("unfixed", "after", True),
        ("before", "clean", True),
        ("before", "broken", False),
        ("old", "new", None),
        ("fast", "slow", None),
        ("broken", "bad", None),
    ],
)
def test_terms_tell_the_direction_or_nothing(old: str, new: str, fix: bool | None) -> None:
    assert terms_tell(old, new) is fix


@pytest.mark.parametrize(
    ("fix", "statuses", "failing", "nearest", "clean"),
    [(False, [0, 1, 125, 128], "n1", "n2", ("o1", "o2")), (True, [1, 0, 125, 128], "o1", "o2", ("n1", "n2"))],
)
def test_only_good_and_bad_change_places(
    fix: bool, statuses: list[int], failing: str, nearest: str, clean: tuple[str, ...]
) -> None:
    state = replace(STATE, find_fix=fix)
    assert [state.tells(verdict) for verdict in Verdict] == statuses
    assert (state.failing_end, state.nearest_failing, state.clean_ends) == (failing, nearest, clean)


@pytest.mark.parametrize(
    ("fix", "held"),
    [
        (False, {"o1": Verdict.GOOD, "o2": Verdict.GOOD, "n2": Verdict.BAD}),
        (True, {"n1": Verdict.GOOD, "n2": Verdict.GOOD, "o1": Verdict.BAD, "o2": Verdict.BAD}),
    ],
)
def test_what_git_holds_of_its_ends_in_our_words(fix: bool, held: dict[str, Verdict]) -> None:
    assert replace(STATE, find_fix=fix).held == held


@pytest.mark.parametrize(("word", "status"), [("clean", 1), ("failed", 0), ("untestable", 125)])
def test_a_word_is_turned_for_git_as_a_verdict_is(
    user: User, make_history: MakeHistory, word: str, status: int
) -> None:
    history = make_history(Failure.ALWAYS, seed=3, commits=12)
    ends = (history.bad, history.good)
    user.run("git", "bisect", "start", "--term-old", "broken", "--term-new", "fixed", *ends, cwd=history.repo)
    told = user.run("bisectsyms", "tell", "HEAD", word, "--profile", "smallkernel", cwd=history.repo)
    assert told.returncode == 0, told.stderr
    done = user.run("bisectsyms", "--profile", "smallkernel", cwd=history.repo)
    assert done.returncode == status, done.stderr
    assert "attempt 1 " not in done.stderr


def fixed_later(user: User, history: History) -> tuple[str, str]:
    """Go on after the bad end: three commits, one that reverts the culprit, three more; (the fix, the tip)."""
    who = ("git", "-c", "user.name=a", "-c", "user.email=a@kernel.invalid")
    fix = ""
    for number in range(7):
        if number == 3:
            done = user.run(*who, "revert", "--no-edit", history.culprit, cwd=history.repo)
        else:
            (history.repo / "notes.txt").write_text(f"{number}\n")
            user.run("git", "add", "notes.txt", cwd=history.repo)
            done = user.run(*who, "commit", "-q", "-m", f"notes: {number}", cwd=history.repo)
        assert done.returncode == 0, done.stderr
        tip = user.run("git", "rev-parse", "HEAD", cwd=history.repo).stdout.strip()
        fix = tip if number == 3 else fix
    return fix, tip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("failure", "terms", "option"),
    [(Failure.RACE, ("broken", "fixed"), ()), (Failure.ALWAYS, ("good", "bad"), ("--find-fix",))],
)
def test_names_the_commit_that_fixed_it(
    user: User, make_history: MakeHistory, failure: Failure, terms: tuple[str, str], option: tuple[str, ...]
) -> None:
    history = make_history(failure, seed=2, commits=12, broken=False)
    fix, tip = fixed_later(user, history)
    old, new = terms
    start = ("git", "bisect", "start", f"--term-old={old}", f"--term-new={new}", tip, history.bad)
    assert user.run(*start, cwd=history.repo).returncode == 0

    done = user.run("git", "bisect", "run", *user.step(*SURE, *option), cwd=history.repo)

    assert f"{fix} is the first {new} commit" in done.stdout, done.stdout + done.stderr
    assert f"the {old} end fails, the {new} end passes" in done.stderr
    assert f"BAD (git: {old})" in done.stderr or failure is Failure.RACE
    report = json.loads(user.run("bisectsyms", "status", "--json", cwd=history.repo).stdout)
    assert report["culprit"] == fix
    assert report["find_fix"] is True
    assert 0.99 <= report["confidence"] < 1.0, "what the clean revisions spent is known, earlier new ends included"
    assert "first fixed commit" in user.run("bisectsyms", "status", cwd=history.repo).stdout


@pytest.mark.slow
def test_a_fix_that_is_none_and_terms_that_do_not_tell(user: User, make_history: MakeHistory) -> None:
    history = make_history(Failure.ALWAYS, seed=2, commits=12, broken=False)
    parent = user.run("git", "rev-parse", f"{history.bad}~3", cwd=history.repo).stdout.strip()
    user.run("git", "bisect", "start", "--term-old=old", "--term-new=new", history.bad, parent, cwd=history.repo)
    assumed = user.run("git", "bisect", "run", *user.step(), cwd=history.repo)
    assert assumed.returncode == 128
    assert "if it is the other way round: --find-fix" in assumed.stderr
    told = user.run("git", "bisect", "run", *user.step("--find-fix"), cwd=history.repo)
    assert told.returncode == 128
    assert "with a newer new end" in told.stderr


@pytest.mark.slow
@pytest.mark.parametrize("fix", [False, True])
def test_a_merge_base_at_which_git_stops_is_explained(user: User, make_history: MakeHistory, fix: bool) -> None:
    """The bad end and the good end stand on two branches, and their common ancestor is like the new end."""
    history = make_history(Failure.ALWAYS, seed=2, commits=12, broken=False)
    at = history.bad if not fix else f"{history.culprit}~1"
    side = side_branch(user, history, at, history.culprit)
    base, new, old = (history.bad, f"{side}~1", side) if not fix else (at, history.good, side)
    terms = ("--term-old=broken", "--term-new=fixed") if fix else ()
    if fix:
        user.run("git", "checkout", "-q", "--detach", at, cwd=history.repo)
        new = commit(user, history.repo, "work on the clean side")
    else:
        user.run("git", "checkout", "-q", "--detach", at, cwd=history.repo)
        new = commit(user, history.repo, "work on the failing side")
    assert user.run("git", "bisect", "start", *terms, new, old, cwd=history.repo).returncode == 0
    done = user.run("git", "bisect", "run", *user.step(), cwd=history.repo)
    base = user.run("git", "rev-parse", base, cwd=history.repo).stdout.strip()
    assert f"The merge base {base} is" in done.stdout + done.stderr
    why = re.search(r"is the merge base of both ends.*\n.*next: (.*)", done.stderr)
    assert why, done.stderr
    for command in re.findall(r"git bisect (?:reset|start [^;\n]*)", why[1]):
        followed = user.run(*command.split(), cwd=history.repo)
        assert followed.returncode == 0, f"{command}: {followed.stderr}"
    assert user.run("git", "bisect", "log", cwd=history.repo).stdout.count("# ") >= 2, "the next step starts a bisect"


def commit(user: User, repo: Path, title: str, *words: str) -> str:
    (repo / "notes.txt").write_text(f"{title}\n")
    user.run("git", "add", "notes.txt", cwd=repo)
    who = ("git", "-c", "user.name=a", "-c", "user.email=a@kernel.invalid")
    done = user.run(*who, "commit", "-q", "-m", title, *words, cwd=repo)
    assert done.returncode == 0, done.stderr
    return user.run("git", "rev-parse", "HEAD", cwd=repo).stdout.strip()


def side_branch(user: User, history: History, at: str, culprit: str) -> str:
    """A branch from `at` of one commit: it reverts the culprit, or brings it in where it is not there yet."""
    user.run("git", "checkout", "-q", "--detach", at, cwd=history.repo)
    verb = ("cherry-pick",) if at.endswith("~1") else ("revert", "--no-edit")
    who = ("git", "-c", "user.name=a", "-c", "user.email=a@kernel.invalid")
    done = user.run(*who, *verb, culprit, cwd=history.repo)
    assert done.returncode == 0, done.stderr
    return commit(user, history.repo, "side")
