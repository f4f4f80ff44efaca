"""Bisects as people start them: what is read of them is what git goes by."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bisectsyms.effects.bisecting import candidates, is_merge_base, read_bisect, refuse_cut_history
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.errors import UserError
from bisectsyms.smallkernel.history import Failure, History
from tests.conftest import MakeHistory, User

SURE = ("--confidence", ".99")


@pytest.fixture
def history(make_history: MakeHistory) -> History:
    return make_history(Failure.ALWAYS, commits=16, broken=False)


def git(repo: Path, *args: str) -> str:
    return subprocess.run(["git", "-C", str(repo), *args], check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize(
    ("options", "paths"),
    [((), ()), (("--first-parent",), ()), ((), ("scripts", "Makefile", "mm/a b.c")), (("--first-parent",), ("mm",))],
)
def test_candidates_are_those_of_git(history: History, options: tuple[str, ...], paths: tuple[str, ...]) -> None:
    git(history.repo, "bisect", "start", *options, "bad", "good", "--", *paths)
    repository = Repository.discover(history.repo, {})
    state = read_bisect(repository)
    assert state
    assert (state.news, state.olds) == ((history.bad,), (history.good,))
    left = git(history.repo, "rev-list", "--bisect-all", *options, "bad", "^good", "--", *paths).splitlines()
    assert candidates(repository, state) == len(left)
    assert state.paths == paths


def test_ends_keep_the_order_in_which_they_were_named(history: History) -> None:
    older, newer = git(history.repo, "rev-parse", "bad~3"), git(history.repo, "rev-parse", "bad~1")
    git(history.repo, "bisect", "start", "--term-old=was", "--term-new=is.now", "bad", "good")
    git(history.repo, "bisect", "is.now", newer)
    git(history.repo, "bisect", "was", older)
    state = read_bisect(Repository.discover(history.repo, {}))
    assert state
    assert state.news == (history.bad, newer)
    assert state.olds == (history.good, older)
    assert state.new == newer


def test_a_merge_base_is_told_from_a_step(history: History) -> None:
    git(history.repo, "checkout", "-q", "--detach", "good")
    git(history.repo, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "side")
    side = git(history.repo, "rev-parse", "HEAD")
    repository = Repository.discover(history.repo, {})
    git(history.repo, "bisect", "start", "bad", side)
    assert git(history.repo, "rev-parse", "HEAD") == history.good
    state = read_bisect(repository)
    assert state
    assert is_merge_base(repository, state, history.good)
    assert not is_merge_base(repository, state, history.culprit)
    git(history.repo, "bisect", "good")
    state = read_bisect(repository)
    assert state
    assert not is_merge_base(repository, state, git(history.repo, "rev-parse", "HEAD"))


def test_a_history_cut_between_the_ends_is_refused(history: History, tmp_path: Path) -> None:
    clone = tmp_path / "shallow"
    subprocess.run(["git", "clone", "-q", "--depth", "5", f"file://{history.repo}", str(clone)], check=True)
    git(clone, "fetch", "-q", "--depth", "1", "origin", "tag", "good")
    git(clone, "bisect", "start", "origin/main", "good")
    repository = Repository.discover(clone, {})
    state = read_bisect(repository)
    assert state
    with pytest.raises(UserError, match="shallow") as refused:
        refuse_cut_history(repository, state)
    assert "git fetch --unshallow" in refused.value.next_step
    git(clone, "fetch", "-q", "--unshallow")
    refuse_cut_history(repository, state)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["first parent", "paths", "skipped"])
def test_names_the_culprit(user: User, make_history: MakeHistory, form: str) -> None:
    """Seed 1 has its culprit on the topic branch, which a bisect of first parents sees as its merge."""
    history = make_history(Failure.ALWAYS, seed=1, commits=16, broken=False)
    merge = git(history.repo, "rev-list", "--merges", "good..bad")
    assert history.culprit in git(history.repo, "rev-list", f"{merge}^1..{merge}^2").split()
    options = ("--first-parent",) if form == "first parent" else ()
    paths = git(history.repo, "show", "--format=", "--name-only", history.culprit).split() if form == "paths" else ()
    git(history.repo, "bisect", "start", *options, "bad", "good", "--", *paths)
    if form == "skipped":
        git(history.repo, "bisect", "skip", "bad~1", "good..bad~12")
    done = user.run("git", "bisect", "run", *user.step(*SURE), cwd=history.repo)
    expected = merge if form == "first parent" else history.culprit
    assert f"{expected} is the first bad commit" in done.stdout, done.stdout + done.stderr
