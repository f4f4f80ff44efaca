"""`bisectsyms bisect`: from two ends to the commit, or to another true ending; kernels and any command."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from bisectsyms.core.bisectlog import Answer, log_lines, suspects_answer
from bisectsyms.core.commandrule import rule, setup_rule
from bisectsyms.core.decide import Ask, Decision
from bisectsyms.core.probing import probe
from bisectsyms.effects.dag import find_ends, read_range
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.errors import UserError
from bisectsyms.model import Kind, Observation, Outcome
from bisectsyms.smallkernel.history import Failure
from tests.conftest import MakeHistory, User, git

CHANCE = "exit $(($(od -An -N1 -tu1 /dev/urandom) < {of_256}))"
"""A shell script that fails in so many of 256 runs."""


def write(repo: Path, scripts: list[str]) -> Path:
    """A history of as many commits, tagged by number from 1; each has its script as test.sh."""
    repo.mkdir()
    git(repo, "init", "-q", "-b", "main")
    for number, script in enumerate(scripts, 1):
        (repo / "test.sh").write_text(f"# {number}\n{script}\n")
        git(repo, "add", ".")
        git(repo, "commit", "-q", "-m", str(number))
        git(repo, "tag", str(number))
    return repo


def bisect(user: User, repo: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return user.run("bisectsyms", "bisect", "--slots-dir", str(user.slots), *words, cwd=repo)


def found(done: subprocess.CompletedProcess[str]) -> tuple[str, str]:
    """Kind of the ending, and the title of the commit that was named."""
    assert done.stdout, done.stderr
    answer = json.loads(done.stdout)
    return answer["kind"], answer["culprit"]["title"] if answer["culprit"] else ""


# The pure parts


@pytest.mark.parametrize(
    ("status", "line", "wanted", "outcome"),
    [
        (0, None, "", Outcome.CLEAN),
        (0, "boom", "boom", Outcome.CLEAN),
        (1, None, "", Outcome.FAILED),
        (124, None, "", Outcome.FAILED),
        (1, "boom", "boom", Outcome.FAILED),
        (1, None, "boom", Outcome.BROKEN),
        (125, "boom", "boom", Outcome.BROKEN),
        (126, None, "", Outcome.INFRA),
        (127, None, "", Outcome.INFRA),
        (128, None, "", Outcome.INFRA),
        (-9, None, "", Outcome.INFRA),
        (None, None, "", Outcome.TIMEOUT),
    ],
)
def test_what_an_exit_status_says(status: int | None, line: str | None, wanted: str, outcome: Outcome) -> None:
    assert rule(status, line=line, wanted=wanted).outcome is outcome


@pytest.mark.parametrize(
    ("status", "outcome"), [(1, Outcome.BROKEN), (125, Outcome.BROKEN), (127, Outcome.INFRA), (None, Outcome.TIMEOUT)]
)
def test_a_setup_that_does_not_pass_is_never_evidence(status: int | None, outcome: Outcome) -> None:
    ruling = setup_rule(status)
    assert ruling
    assert ruling.outcome is outcome


def test_how_one_gets_an_attempt() -> None:
    broken = Observation(Kind.INCREMENTAL, Outcome.BROKEN, "x")
    scratch = Observation(Kind.CLEAN, Outcome.BROKEN, "x", from_scratch=True)
    untestable = Observation(Kind.TEST, Outcome.BROKEN, "exit-125")
    assert probe([], Kind.RELINK, Kind.INCREMENTAL) == Ask(Kind.INCREMENTAL, "arrival")
    asked = probe([broken], Kind.RELINK, Kind.INCREMENTAL)
    assert isinstance(asked, Ask)
    assert asked.kind is Kind.CLEAN, "from scratch before it is called untestable"
    assert isinstance(probe([broken, scratch], Kind.RELINK, None), Decision)
    assert isinstance(probe([untestable], Kind.TEST, None), Decision), "it says so itself"


@pytest.mark.parametrize(
    ("suspects", "expected"),
    [([3], (3, (2,), ())), ([2, 3], (3, (1,), (2,))), ([2, 4], (4, (1,), (2, 3))), ([1], (1, (0,), ()))],
)
def test_suspects_of_a_line_as_git_can_hold_them(suspects: list[int], expected: tuple[object, ...]) -> None:
    assert suspects_answer(suspects, [(), (0,), (1,), (2,), (3,), (4,)], 5) == expected


def test_suspects_on_two_sides_of_a_merge() -> None:
    """0 - 1 - 2 - 4 (merge) - 5, and 3 beside 2."""
    parents = [(), (0,), (1,), (1,), (2, 3), (4,)]
    assert suspects_answer([2, 3], parents, 5) == (5, (1,), (2, 3, 4))


def test_paths_and_first_parent_stand_in_the_log() -> None:
    answer = Answer("b" * 40, ("a" * 40,), "c" * 40, ("d" * 40,), first_parent=True, paths=("kernel/my file",))
    lines = log_lines(answer, lambda commit: commit[:2])
    assert lines[0] == f"git bisect start '--first-parent' '{'b' * 40}' '{'a' * 40}' '--' 'kernel/my file'"
    assert lines[-1] == f"# first bad commit: [{'c' * 40}] cc"


# The history


def test_a_merge_base_takes_the_place_of_a_good_end_on_another_branch(tmp_path: Path) -> None:
    repo = write(tmp_path / "repo", ["true"] * 6)
    git(repo, "checkout", "-q", "-b", "stable", "3")
    git(repo, "commit", "-q", "--allow-empty", "-m", "stable")
    repository = Repository.discover(repo, {})
    ends = find_ends(repository, "stable", "6")
    assert [git(repo, "log", "-1", "--format=%s", one) for one in ends.olds] == ["3"]
    assert "merge base" in ends.said
    commits = read_range(repository, ends)
    assert commits.candidates == 3
    assert commits.parents == ((), (0,), (1,), (2,))
    with pytest.raises(UserError, match="is an ancestor"):
        find_ends(repository, "6", "3")
    with pytest.raises(UserError, match="are one commit"):
        find_ends(repository, "6", "main")
    git(repo, "checkout", "-q", "--orphan", "other")
    git(repo, "commit", "-q", "--allow-empty", "-m", "other")
    with pytest.raises(UserError, match="no common history"):
        find_ends(repository, "other", "6")


def test_paths_leave_commits_out_and_keep_the_bad_end(tmp_path: Path) -> None:
    repo = write(tmp_path / "repo", ["true"] * 4)
    (repo / "README").write_text("x")
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "5")
    repository = Repository.discover(repo, {})
    commits = read_range(repository, find_ends(repository, "1", "main"), paths=["test.sh"])
    titles = [git(repo, "log", "-1", "--format=%s", one) for one in commits.commits]
    assert titles == ["1", "2", "3", "4", "5"]
    with pytest.raises(UserError, match="touches"):
        read_range(repository, find_ends(repository, "1", "3"), paths=["README"])


# Any command


def test_a_flaky_command_is_bisected_and_the_log_replays(user: User, tmp_path: Path) -> None:
    repo = write(tmp_path / "repo", ["exit 0"] * 12 + [CHANCE.format(of_256=100)] * 12)
    done = bisect(user, repo, "--json", "--confidence", "0.999", "1", "24", "--", "sh", "test.sh")
    assert done.returncode == 0, done.stderr
    assert found(done) == ("culprit", "13")
    answer = json.loads(done.stdout)
    assert [one["verdict"] for one in answer["confirmed"]] == ["BAD", "GOOD"]
    replayed = user.run("git", "bisect", "replay", answer["log"], cwd=repo)
    assert f"{git(repo, 'rev-parse', '13')} is the first bad commit" in replayed.stdout
    again = bisect(user, repo, "--json", "--confidence", "0.999", "1", "24", "--", "sh", "test.sh")
    assert json.loads(again.stdout)["attempts"] == 0, "everything is in the ledger"


def test_a_setup_runs_once_per_move_and_the_environment_names_the_revision(user: User, tmp_path: Path) -> None:
    repo = write(tmp_path / "repo", ["exit 0"] * 3 + ["exit 1"] * 3)
    log = tmp_path / "log"
    setup = f'echo "setup $BISECTSYMS_REVISION" >> {log}; echo made > made'
    command = f'echo "test $BISECTSYMS_REVISION" >> {log}; test -f made && sh test.sh'
    done = bisect(user, repo, "--json", "1", "6", "--setup", setup, "--", "sh", "-c", command)
    assert found(done) == ("culprit", "4"), done.stderr
    lines = [line.split() for line in log.read_text().splitlines()]
    for (what, revision), (_, before) in zip(lines[1:], lines, strict=False):
        assert (what == "setup") == (revision != before and what == "setup")
    assert lines[0][0] == "setup"
    moves = [number for number in range(1, len(lines)) if lines[number][1] != lines[number - 1][1]]
    assert all(lines[number][0] == "setup" for number in moves)
    assert sum(line[0] == "setup" for line in lines) == len(moves) + 1
    assert not (repo / "made").exists(), "the user's tree is not worked in"


def test_untestable_commits_and_other_failures_never_decide(user: User, tmp_path: Path) -> None:
    scripts = ["exit 0"] * 4 + ["exit 125"] * 2 + ["echo other; exit 3"] * 2 + ["echo boom; exit 1"] * 4
    repo = write(tmp_path / "repo", scripts)
    words = ("--failure-line", "^boom", "1", "12", "--", "sh", "test.sh")
    done = bisect(user, repo, "--json", *words)
    kind, title = found(done)
    answer = json.loads(done.stdout)
    suspects = {one["revision"]["title"] for one in answer["suspects"]}
    assert (kind, title) == ("undecided", ""), "5 to 9 cannot be told apart"
    assert done.returncode == 3
    assert suspects == {"5", "6", "7", "8", "9"}
    replayed = user.run("git", "bisect", "replay", answer["log"], cwd=repo)
    text = replayed.stdout + replayed.stderr
    if "only 'skip'ped commits" not in text:  # git says so when it is asked for the next one
        text += user.run("git", "bisect", "next", cwd=repo).stdout
    assert set(re.findall(r"^([0-9a-f]{40})$", text, re.MULTILINE)) == {
        git(repo, "rev-parse", name) for name in ("5", "6", "7", "8", "9")
    }


@pytest.mark.parametrize(("status", "says"), [(127, "127"), (200, "200"), (126, "126")])
def test_a_command_that_cannot_run_stops_the_search(user: User, tmp_path: Path, status: int, says: str) -> None:
    repo = write(tmp_path / "repo", ["exit 0"] * 4)
    done = bisect(user, repo, "1", "4", "--", "sh", "-c", f"exit {status}")
    assert done.returncode == 128
    assert says in done.stderr
    assert "bisectsyms log 1" in done.stderr
    missing = bisect(user, repo, "1", "4", "--", "no-such-command")
    assert missing.returncode == 128
    assert "no-such-command" in missing.stderr


def test_what_is_written_down_has_nothing_of_the_callers_environment(user: User, tmp_path: Path) -> None:
    repo = write(tmp_path / "repo", ["exit 0"] * 2 + ["exit 1"] * 2)
    words = ("bisectsyms", "bisect", "--slots-dir", str(user.slots), "--json", "1", "4", "--", "sh", "test.sh")
    done = user.run(*words, cwd=repo, env={"TOKEN": "s3cr3t"})
    assert found(done) == ("culprit", "3")
    export = user.run("bisectsyms", "ledger", "export", "-", cwd=repo).stdout
    assert "BISECTSYMS_REVISION" in export
    assert "s3cr3t" not in export
    assert "s3cr3t" not in (repo / ".git/bisectsyms/log").read_text()


def test_ends_that_cannot_be_tested_end_it_undecided(user: User, tmp_path: Path) -> None:
    repo = write(tmp_path / "repo", ["exit 125"] + ["exit 0"] * 3 + ["exit 1"] * 3 + ["exit 125"])
    done = bisect(user, repo, "--json", "1", "8", "--", "sh", "test.sh")
    assert found(done) in (("culprit", "5"), ("undecided", "")), done.stderr
    silent = write(tmp_path / "silent", ["exit 0"] + ["exit 125"] * 3)
    done = bisect(user, silent, "--json", "1", "4", "--", "sh", "test.sh")
    assert (found(done), done.returncode) == (("undecided", ""), 3)


def test_a_commit_that_breaks_again_and_again_does_not_hold_the_search_up(user: User, tmp_path: Path) -> None:
    """One with evidence and then nothing but other failures is left, not asked for ever."""
    count = tmp_path / "count"
    odd = f"n=$(cat {count} 2>/dev/null || echo 0); echo $((n + 1)) > {count}; [ $n -lt 1 ] && exit 0; echo $n; exit 3"
    repo = write(tmp_path / "repo", ["exit 0"] * 3 + [odd] + ["echo boom; exit 1"] * 3)
    words = ("--failure-line", "boom", "--max-attempts", "150", "1", "7", "--", "sh", "test.sh")
    done = bisect(user, repo, "--json", *words)
    assert found(done)[0] in ("culprit", "undecided"), done.stderr
    assert not json.loads(done.stdout)["stopped"]


def test_all_untestable_stops_before_a_set_is_named(user: User, tmp_path: Path) -> None:
    repo = write(tmp_path / "repo", ["exit 0"] * 8)
    done = bisect(user, repo, "1", "8", "--", "env", "--no-such-option")
    assert done.returncode == 128
    assert "125" in done.stderr


def test_what_never_fails_and_what_always_did(user: User, tmp_path: Path) -> None:
    repo = write(tmp_path / "repo", ["exit 0"] * 8)
    never = bisect(user, repo, "--json", "--min-rate", "0.2", "1", "8", "--", "sh", "-c", "exit 0")
    assert (found(never), never.returncode) == (("not-reproduced", ""), 3)
    always = bisect(user, repo, "--json", "1", "8", "--", "sh", "-c", "exit 1")
    assert (found(always), always.returncode) == (("predates", ""), 0)


def test_limits_end_it_undecided_and_the_same_command_goes_on(user: User, tmp_path: Path) -> None:
    repo = write(tmp_path / "repo", ["exit 0"] * 6 + [CHANCE.format(of_256=128)] * 6)
    words = ("--json", "--confidence", "0.999", "1", "12", "--", "sh", "test.sh")
    first = bisect(user, repo, "--max-attempts", "3", *words)
    assert first.returncode == 3
    assert json.loads(first.stdout)["stopped"] == "--max-attempts 3"
    second = bisect(user, repo, *words)
    assert found(second) == ("culprit", "7")
    export = user.run("bisectsyms", "ledger", "export", "-", cwd=repo).stdout
    made = sum(json.loads(line)["record"] == "attempt" for line in export.splitlines())
    assert made == 3 + json.loads(second.stdout)["attempts"]
    assert bisect(user, repo, "--for", "0s", *words).returncode in (0, 3)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("1", "3", "--until", "25:00"), "--until"),
        (("1", "3", "--setup", "true"), "are for a command"),
        (("1", "3", "--profile", "smallkernel", "--", "true"), "one of the two"),
        (("1", "3", "--failure-line", "(", "--", "true"), "--failure-line"),
        (("3", "1", "--", "true"), "is an ancestor"),
        (("1", "none", "--", "true"), "no such commit"),
        (("1", "3"), "no profile was named"),
    ],
)
def test_wrong_input_is_told_and_nothing_is_run(user: User, tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    repo = write(tmp_path / "repo", ["exit 0"] * 3)
    done = bisect(user, repo, *words)
    assert done.returncode == 128
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not (repo / ".git/bisectsyms/ledger.sqlite").exists()


def test_killed_half_way_it_goes_on_with_nothing_repeated(user: User, tmp_path: Path) -> None:
    repo = write(tmp_path / "repo", ["exit 0"] * 8 + ["sleep 0.05; exit 1"] * 8)
    words = ("bisectsyms", "bisect", "--slots-dir", str(user.slots), "--json", "1", "16", "--", "sh", "test.sh")
    process = user.start(*words, cwd=repo)
    ledger = repo / ".git/bisectsyms/ledger.sqlite"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and attempts(user, repo, ledger) < 2:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = attempts(user, repo, ledger)
    done = user.run(*words, cwd=repo)
    assert found(done) == ("culprit", "9")
    again = json.loads(done.stdout)["attempts"]
    assert attempts(user, repo, ledger) - before - again in (0, 1), "one died with its driver"
    last = user.run(*words, cwd=repo)
    assert (found(last), json.loads(last.stdout)["attempts"]) == (("culprit", "9"), 0)


def attempts(user: User, repo: Path, ledger: Path) -> int:
    """Those in the ledger that have ended."""
    if not ledger.exists():
        return 0
    export = user.run("bisectsyms", "ledger", "export", "-", cwd=repo).stdout
    return sum(json.loads(line)["record"] == "attempt" for line in export.splitlines())


def test_a_word_of_people_counts_as_an_end(user: User, make_history: MakeHistory) -> None:
    history = make_history(Failure.ALWAYS, seed=1, commits=12, broken=False, unrelated=False)
    words = ("tell", history.culprit, "failed", "--why", "seen on a board", "--profile", "smallkernel")
    assert user.run("bisectsyms", *words, cwd=history.repo).returncode == 0
    done = bisect(user, history.repo, "--json", "good", "bad", "--profile", "smallkernel")
    assert json.loads(done.stdout)["culprit"]["commit"] == history.culprit, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("failure", list(Failure)[:3], ids=str)
def test_it_names_the_planted_commit(user: User, make_history: MakeHistory, failure: Failure) -> None:
    history = make_history(failure, seed=3, commits=24)
    done = bisect(user, history.repo, "--json", "--confidence", "0.99", "good", "bad", "--profile", "smallkernel")
    expected = history.culprit if failure is not Failure.NONE else None
    answer = json.loads(done.stdout)
    assert (answer["culprit"] or {}).get("commit") == expected, done.stderr
