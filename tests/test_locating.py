"""The commit of a report is found by all that reports say, and where it is not here nothing else is taken for it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.locating import Clues, fetch_line, locate
from bisectsyms.errors import UserError

ENV = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "A B",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "C",
    "GIT_COMMITTER_EMAIL": "c@example.org",
}
TITLES = ("kbuild: link", "mm: scale", "mm: scale", "-O is no option")


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    folder = tmp_path / "linux"
    folder.mkdir()
    _git(folder, "init", "-q", "-b", "master")
    for day, title in enumerate(TITLES, 10):
        _git(folder, "commit", "-q", "--allow-empty", "-m", title, day=f"2011-07-{day}T12:00:00Z")
    _git(folder, "tag", "v3.0", "HEAD~3")
    _git(folder, "tag", "v3.1-rc1", "HEAD~2")
    _git(folder, "tag", "next-20110712", "HEAD~1")
    _git(folder, "tag", "v2.6.39.3", "HEAD")
    return Repository.discover(folder, {})


def _git(folder: Path, *words: str, day: str = "2011-07-20T12:00:00Z") -> str:
    env = ENV | {"GIT_AUTHOR_DATE": day, "GIT_COMMITTER_DATE": day}
    return subprocess.run(("git", *words), cwd=folder, env=env, check=True, capture_output=True, text=True).stdout


def ids(repo: Repository) -> list[str]:
    return _git(repo.top, "rev-list", "--reverse", "HEAD").split()


@pytest.mark.parametrize(
    ("clues", "number", "sure"),
    [
        (Clues(revision="v3.0"), 0, True),
        (Clues(describe="next-20110712"), 2, True),
        (Clues(describe="v3.1-rc1"), 1, True),
        (Clues(kernel_version="3.0.0-rc7-next-20110712"), 2, True),
        (Clues(kernel_version="2.6.39.3"), 3, True),
        (Clues(kernel_version="3.0.0"), 0, True),
        (Clues(kernel_version="3.1.0-rc1+"), 1, True),
        (Clues(subject="kbuild: link", author="A B <a@example.org>"), 0, True),
        (Clues(subject="mm: scale"), 2, False),
        (Clues(subject="-O is no option"), 3, True),
        (Clues(date="2011-07-11"), 1, False),
        (Clues(date="2011-08-02"), 3, False),
    ],
)
def test_it_is_found(repo: Repository, clues: Clues, number: int, sure: bool) -> None:
    found = locate(repo, clues)
    assert (found.revision.commit, found.sure) == (ids(repo)[number], sure)


def test_ids_are_found_alone_and_inside_a_describe_string(repo: Repository) -> None:
    commit = ids(repo)[1]
    assert locate(repo, Clues(commit=commit[:12])).revision.commit == commit
    assert locate(repo, Clues(describe=f"v3.0-1-g{commit[:10]}-dirty")).revision.commit == commit


@pytest.mark.parametrize(
    ("clues", "line"),
    [
        (
            Clues(commit="f" * 40, tree="https://example.org/x.git", date="2011-07-11"),
            f"git fetch https://example.org/x.git {'f' * 40}",
        ),
        (Clues(commit="f" * 12, tree="https://example.org/x.git", branch="for-next"), "x.git for-next"),
        (Clues(describe="next-20200101", date="2011-07-11"), "linux-next.git tag next-20200101"),
        (Clues(kernel_version="6.1", date="2011-07-11"), "stable/linux.git tag v6.1"),
        (Clues(kernel_version="6.1.0-rc2+", tree="https://example.org/x.git"), "stable/linux.git tag v6.1-rc2"),
        (Clues(kernel_version="3.0.0-13-generic", date="2011-07-11"), "stable/linux.git HEAD"),
        (Clues(describe="v6.1-12-g0123456789ab", tree="https://example.org/x.git"), "https://example.org/x.git HEAD"),
        (Clues(subject="no such", date="2011-07-11"), "stable/linux.git HEAD"),
    ],
)
def test_what_is_not_here_is_not_replaced_by_something_else(repo: Repository, clues: Clues, line: str) -> None:
    with pytest.raises(UserError) as raised:
        locate(repo, clues)
    assert line in raised.value.next_step


def test_an_author_must_fit(repo: Repository) -> None:
    with pytest.raises(UserError, match="is not in this repository"):
        locate(repo, Clues(subject="kbuild: link", author="Somebody Else <e@example.org>"))


def test_a_day_long_after_the_newest_commit_names_none(repo: Repository) -> None:
    with pytest.raises(UserError, match="the newest here before it is of 2011-07-13"):
        locate(repo, Clues(date="2022-01-01"))
    with pytest.raises(UserError, match="none as old as 2001-01-01"):
        locate(repo, Clues(date="2001-01-01"))


def test_a_branch_that_looks_like_an_id_is_no_commit(repo: Repository) -> None:
    _git(repo.top, "branch", "abcdef1", "HEAD~1")
    with pytest.raises(UserError):
        locate(repo, Clues(commit="abcdef1"))


def test_the_line_is_for_a_shell_and_every_word_is_quoted() -> None:
    assert "'$(x)'" in fetch_line(Clues(tree="$(x)"))
