"""`bisectsyms bisect` turned round, limited, gone on with, looked at, and under a load that goes away."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.conftest import User, git
from tests.test_searching import CHANCE, bisect, found, write


def suspects(user: User, repo: Path) -> list[str]:
    """Their titles, as `git log` reads them from a pipe."""
    line = "bisectsyms suspects | git log --no-walk=unsorted --stdin --format=%s"
    return user.run("sh", "-c", line, cwd=repo).stdout.splitlines()


@pytest.mark.parametrize(
    "words", [("--find-fix",), ("--terms", "broken,fixed"), ("--find-fix", "--terms", "slow,fast")]
)
def test_the_commit_that_fixed_it_and_its_log_replays(user: User, tmp_path: Path, words: tuple[str, ...]) -> None:
    repo = write(tmp_path / "repo", ["exit 1"] * 5 + ["exit 0"] * 5)
    done = bisect(user, repo, "--json", *words, "10", "1", "--", "sh", "test.sh")
    assert found(done) == ("culprit", "6"), done.stderr
    answer = json.loads(done.stdout)
    assert [one["verdict"] for one in answer["confirmed"]] == ["GOOD", "BAD"]
    replayed = user.run("git", "bisect", "replay", answer["log"], cwd=repo)
    new = "fast" if "slow,fast" in words else "fixed"
    assert f"{git(repo, 'rev-parse', '6')} is the first {new} commit" in replayed.stdout
    wrong = bisect(user, repo, *words, "1", "10", "--", "sh", "test.sh")
    assert "without --find-fix" in wrong.stderr


def test_a_log_from_end_to_end_replays(user: User, tmp_path: Path) -> None:
    """The culprit is the bad end itself and its parent the good one: git learns both from the line of start."""
    repo = write(tmp_path / "repo", ["exit 0", "exit 1"])
    (repo / "other").write_text("")
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "left out by the path")
    done = bisect(user, repo, "--json", "--first-parent", "--path", "test.sh", "1", "2", "--", "sh", "test.sh")
    assert found(done) == ("culprit", "2")
    replayed = user.run("git", "bisect", "replay", json.loads(done.stdout)["log"], cwd=repo)
    assert f"{git(repo, 'rev-parse', '2')} is the first bad commit" in replayed.stdout


def test_it_goes_on_without_arguments_and_suspects_are_told_without_building(user: User, tmp_path: Path) -> None:
    repo = write(tmp_path / "repo", ["exit 0"] * 4 + ["exit 1"] * 4)
    early = bisect(user, repo)
    assert (early.returncode, "no search here yet" in early.stderr) == (128, True)
    words = ("--skip", "6", "1", "8", "--", "sh", "test.sh")
    assert bisect(user, repo, "--max-attempts", "3", *words).returncode == 3
    assert len(suspects(user, repo)) > 1
    assert user.run("git", "status", "--short", cwd=repo).stdout == ""
    done = bisect(user, repo, "--json")
    assert found(done) == ("culprit", "5"), done.stderr
    export = user.run("bisectsyms", "ledger", "export", "-", cwd=repo).stdout
    assert sum(json.loads(line)["record"] == "attempt" for line in export.splitlines()) > 3
    assert suspects(user, repo) == ["5"]
    other = user.run("bisectsyms", "suspects", "--json", "1", "4", "--", "sh", "test.sh", cwd=repo)
    assert len(json.loads(other.stdout)["suspects"]) >= 2, "the attempts are the same, the range is another"


def test_a_word_is_about_the_last_search_where_there_are_two(user: User, tmp_path: Path) -> None:
    repo = write(tmp_path / "repo", ["exit 0"] * 3 + ["exit 1"] * 3)
    words = ("--json", "--max-attempts", "2", "1", "6", "--", "sh", "-c")
    for command in ("exit 0", "sh test.sh"):
        assert bisect(user, repo, *words, command).returncode == 3
    told = user.run("bisectsyms", "tell", "3", "untestable", cwd=repo)
    assert told.returncode == 0, told.stderr
    done = bisect(user, repo, "--json")
    suspected = {one["revision"]["title"] for one in json.loads(done.stdout)["suspects"]}
    assert suspected == {"3", "4"}, "the word came to the second search"


@pytest.mark.parametrize("most", [5, 8, 11])
def test_limits_hold_for_the_confirmation_as_well(user: User, tmp_path: Path, most: int) -> None:
    repo = write(tmp_path / "repo", ["exit 0"] * 3 + [CHANCE.format(of_256=200)] * 3)
    done = bisect(user, repo, "--json", "--max-attempts", str(most), "1", "6", "--", "sh", "test.sh")
    answer = json.loads(done.stdout)
    assert answer["attempts"] <= most
    assert (answer["kind"] == "undecided") == bool(answer["stopped"])


def test_cleans_of_a_time_without_the_failure_do_not_decide(user: User, tmp_path: Path) -> None:
    """The failure shows in every second attempt, and after the tenth attempt not at all."""
    count = tmp_path / "count"
    drawn = f"n=$(cat {count} 2>/dev/null || echo 0); echo $((n + 1)) > {count}; [ $n -ge 10 ] || exit $((n % 2))"
    repo = write(tmp_path / "repo", [f"{drawn}; exit 0"] * 12)
    done = bisect(user, repo, "--json", "--max-attempts", "200", "1", "12", "--", "sh", "test.sh")
    answer = json.loads(done.stdout)
    assert answer["kind"] != "culprit", done.stderr
    assert "control at" in done.stderr, done.stderr
    assert "count no more" in done.stderr
    assert "give the machine the load" in answer["stopped"]
    assert answer["log"] is None or "first bad commit" not in Path(answer["log"]).read_text()


def test_the_plan_is_told_once_the_rate_is_known(user: User, tmp_path: Path) -> None:
    """At a rate that no run of luck takes for one of 1: such a search is over before there is anything to plan."""
    repo = write(tmp_path / "repo", ["exit 0"] * 4 + [CHANCE.format(of_256=64)] * 20)
    done = bisect(user, repo, "--json", "--confidence", "0.99", "1", "24", "--", "sh", "test.sh")
    plan = re.findall(r"bisectsyms: rate [\d.]+ \([\d.]+-[\d.]+\): about \d+ tests? and \d+ moves?, ", done.stderr)
    assert len(plan) == 1, done.stderr


def test_commits_of_one_tree_do_not_hold_the_search_up(user: User, tmp_path: Path) -> None:
    repo = write(tmp_path / "repo", ["exit 0"] * 3)
    for _ in range(2):
        git(repo, "commit", "-q", "--allow-empty", "-m", "empty")
    (repo / "test.sh").write_text("exit 125\n")
    git(repo, "commit", "-q", "-a", "-m", "does not build")
    git(repo, "commit", "-q", "--allow-empty", "-m", "does not build either")
    (repo / "test.sh").write_text("exit 1\n")
    git(repo, "commit", "-q", "-a", "-m", "culprit or before")
    for _ in range(2):
        git(repo, "commit", "-q", "--allow-empty", "-m", "empty")
    done = bisect(user, repo, "--json", "--max-attempts", "100", "1", "main", "--", "sh", "test.sh")
    answer = json.loads(done.stdout)
    titles = {one["revision"]["title"] for one in answer["suspects"]}
    assert not answer["stopped"], done.stderr
    assert titles == {"does not build", "culprit or before"}, "not those that change nothing"
