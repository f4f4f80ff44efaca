"""What an attempt of a user's command shows is of its revision: scripts, setups and leftovers of no other one."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from bisectsyms.core.classify import Ruling
from bisectsyms.core.commandrule import rule, unless_spoilt
from bisectsyms.model import Outcome
from tests.conftest import User, git
from tests.test_searching import bisect, found


def commit(repo: Path, title: str, **files: str) -> None:
    """Write files (`name__sh` is name.sh, and executable) and commit them under a tag of that title."""
    for name, text in files.items():
        path = repo / name.replace("__", ".")
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    git(repo, "add", ".")
    git(repo, "commit", "-q", "--allow-empty", "-m", title)
    git(repo, "tag", title)


def history(repo: Path, *texts: str, name: str = "t__sh") -> Path:
    """One commit for each text of t.sh, tagged by number from 1; the checkout is at the last."""
    repo.mkdir()
    git(repo, "init", "-q", "-b", "main")
    for number, text in enumerate(texts, 1):
        commit(repo, str(number), **{name: f"#!/bin/sh\n{text}\n", "number": str(number)})
    return repo


def ledger(user: User, repo: Path) -> list[dict[str, str]]:
    """Every attempt as it was exported."""
    export = user.run("bisectsyms", "ledger", "export", "-", cwd=repo).stdout
    records = [json.loads(line) for line in export.splitlines()]
    return [one for one in records if one["record"] == "attempt"]


def outcomes(user: User, repo: Path) -> list[str]:
    return [one["outcome"] for one in ledger(user, repo)]


def test_a_script_of_gits_is_the_one_of_the_revision(user: User, tmp_path: Path) -> None:
    repo = history(tmp_path / "repo", *["exit 0"] * 3, *["exit 1"] * 3)
    assert found(bisect(user, repo, "--json", "1", "6", "--", "./t.sh")) == ("culprit", "4")


@pytest.mark.parametrize("checkout", ["main", "1"])
def test_a_revision_without_the_script_is_not_tested(user: User, tmp_path: Path, checkout: str) -> None:
    """An interpreter ends with 2 then, which would be a failure; wherever the checkout is."""
    repo = tmp_path / "repo"
    history(repo, "", "", name="other")
    for number, text in ((3, "exit 0"), (4, "exit 0"), (5, "exit 1")):
        commit(repo, str(number), t__sh=text)
    git(repo, "checkout", "-q", checkout)
    script = "sh -c '" + "true; " * 100 + "'"  # too long for the name of a file
    done = bisect(user, repo, "--json", "1", "5", "--", "sh", "t.sh", script)
    assert found(done) == ("culprit", "5"), done.stderr
    by = {one["title"]: one["outcome"] for one in ledger(user, repo)}
    assert by["5"] == "FAILED"
    assert by["4"] == "CLEAN"
    assert by.get("1", by.get("2", "BROKEN")) == "BROKEN"


@pytest.mark.parametrize("words", [("./mine.sh",), ("sh", "./mine.sh"), ("sh", "../mine.sh")], ids=" ".join)
def test_an_edited_script_of_the_users_own_begins_anew(user: User, tmp_path: Path, words: tuple[str, ...]) -> None:
    repo = history(tmp_path / "repo", *[""] * 6)
    script = repo / words[-1]
    script.write_text("#!/bin/sh\ntest $(cat number) -lt 3\n")
    script.chmod(0o755)
    assert found(bisect(user, repo, "--json", "1", "6", "--", *words)) == ("culprit", "3")
    script.write_text("#!/bin/sh\ntest $(cat number) -lt 5\n")
    done = bisect(user, repo, "--json", "1", "6", "--", *words)
    assert found(done) == ("culprit", "5"), "not one word of the old script's"
    assert "begins a new cell" in done.stderr


def test_a_bare_name_of_an_untracked_script_is_asked_about(user: User, tmp_path: Path) -> None:
    repo = history(tmp_path / "repo", *[""] * 3)
    (repo / "mine.sh").write_text("exit 0")
    done = bisect(user, repo, "1", "3", "--", "sh", "mine.sh")
    assert done.returncode == 128
    assert "./mine.sh" in done.stderr
    assert not outcomes(user, repo)


def test_what_the_setup_builds_is_not_taken_from_the_users_checkout(user: User, tmp_path: Path) -> None:
    repo = history(tmp_path / "repo", *["exit 0"] * 3, *["exit 1"] * 3)
    (repo / "built").write_text("#!/bin/sh\nexit 1\n")
    (repo / "built").chmod(0o755)
    words = ("--json", "--setup", "cp t.sh built", "1", "6", "--", "./built")
    done = bisect(user, repo, *words)
    assert done.returncode == 128
    assert "there is another one" in done.stderr
    (repo / ".git/info/exclude").write_text("built\n")
    assert found(bisect(user, repo, *words)) == ("culprit", "4")


def test_a_command_is_run_from_the_top_only(user: User, tmp_path: Path) -> None:
    repo = history(tmp_path / "repo", *[""] * 3)
    (repo / "sub").mkdir()
    done = bisect(user, repo / "sub", "1", "3", "--", "true")
    assert done.returncode == 128
    assert f"cd {repo}" in done.stderr


@pytest.mark.parametrize("status", [1, 126, 127, 137])
def test_a_setup_that_did_not_pass_has_not_been_done(user: User, tmp_path: Path, status: int) -> None:
    """Neither for its revision nor for the one before, of which it has left nothing."""
    repo, stop = history(tmp_path / "repo", *[""] * 6), tmp_path / "stop"
    stop.write_text("3\n")
    setup = f"cat number >> seen; if grep -qx $(cat number) {stop}; then exit {status}; fi; cp number made"
    words = ("--json", "--setup", setup, "1", "6", "--", "sh", "-c", "test $(cat made) = $(cat number) || exit 9")
    bisect(user, repo, *words)
    stop.write_text("")
    bisect(user, repo, *words)
    assert "FAILED" not in outcomes(user, repo)
    assert "CLEAN" in outcomes(user, repo)


def test_a_setup_that_is_cut_short_begins_anew_with_gits_own_files(user: User, tmp_path: Path) -> None:
    """kill -9 in the middle of it: what it has made so far is gone, what it has changed is as it was."""
    repo, wait = history(tmp_path / "repo", *["exit 0"] * 4), tmp_path / "wait"
    wait.touch()
    setup = f"echo more >> number; echo x >> made; touch {tmp_path}/there; while test -e {wait}; do sleep .05; done"
    check = "test $(wc -l < number) = 1 && test $(wc -l < made) = 1"
    begin = ("bisectsyms", "bisect", "--slots-dir", str(user.slots), "--json", "--max-attempts", "6")
    words = (*begin, "--setup", setup, "1", "4", "--", "sh", "-c", check)
    process = user.start(*words, cwd=repo)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (tmp_path / "there").exists():
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    wait.unlink()
    user.run(*words, cwd=repo)
    assert set(outcomes(user, repo)) == {"INFRA", "CLEAN"}


def test_nothing_of_another_revision_is_left_where_there_is_no_setup(user: User, tmp_path: Path) -> None:
    repo = history(tmp_path / "repo", *[""] * 6)
    check = "test ! -e left || test $(cat left) = $(cat number); status=$?; cp number left; exit $status"
    done = bisect(user, repo, "--json", "--min-rate", "0.2", "1", "6", "--", "sh", "-c", check)
    assert found(done)[0] == "not-reproduced", done.stderr


def test_python_never_runs_what_it_compiled_of_another_revision(user: User, tmp_path: Path) -> None:
    """It tells by size and second; two checkouts in one second look alike."""
    repo = tmp_path / "repo"
    repo.mkdir()
    git(repo, "init", "-q", "-b", "main")
    for number in range(1, 9):
        commit(repo, str(number), mod__py=f"fails = {int(number >= 5)}\n", number=str(number))
    words = ("--setup", "true", "1", "8", "--", "python3", "-c", "import sys, mod; sys.exit(mod.fails)")
    done = bisect(user, repo, "--json", *words)
    assert found(done) == ("culprit", "5"), done.stderr
    assert {(one["title"] >= "5", one["outcome"]) for one in ledger(user, repo)} == {(True, "FAILED"), (False, "CLEAN")}


def test_a_command_that_changes_gits_files_sees_them_as_they_were(user: User, tmp_path: Path) -> None:
    """And with what the setup has changed in them, which is not the command's doing."""
    repo = history(tmp_path / "repo", *[""] * 6)
    check = "test $(wc -l < number) = 1 || exit 9; echo more >> number; git add number"
    done = bisect(user, repo, "--min-rate", "0.2", "--setup", "echo >> number", "1", "6", "--", "sh", "-c", check)
    assert set(outcomes(user, repo)) == {"CLEAN"}, done.stderr
    assert "changes files that are git's" in done.stderr


def test_each_attempt_knows_its_number(user: User, tmp_path: Path) -> None:
    repo, seen = history(tmp_path / "repo", *["exit 0"] * 2, *["exit 1"] * 2), tmp_path / "seen"
    note = f'echo "$BISECTSYMS_ATTEMPT" >> {seen}'
    bisect(user, repo, "--setup", note, "1", "4", "--", "sh", "-c", f"{note}; sh t.sh")
    numbers = [int(line) for line in seen.read_text().splitlines()]
    assert sorted(set(numbers)) == list(range(1, len(ledger(user, repo)) + 1))


def test_a_command_reads_nothing_and_leaves_nothing_running(user: User, tmp_path: Path) -> None:
    repo = history(tmp_path / "repo", *["exit 0"] * 2, *["exit 1"] * 2)
    check = "cat > /dev/null; (env -i setsid sleep 300 &) ; sh t.sh"
    assert found(bisect(user, repo, "--json", "1", "4", "--", "sh", "-c", check)) == ("culprit", "3")
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert "sleep 300" not in listed.splitlines()


def test_an_attempt_of_a_command_is_repeated(user: User, tmp_path: Path) -> None:
    repo = history(tmp_path / "repo", *["exit 0"] * 2, *["exit 1"] * 2)
    words = ("--failure-line", ".", "--setup", "echo x > made", "1", "4", "--", "sh", "-c", "cat made; sh t.sh")
    bisect(user, repo, *words)
    for number, one in enumerate(ledger(user, repo)[:2], 1):
        again = ("bisectsyms", "again", str(number), "--slots-dir", str(user.slots), "--json")
        done = user.run(*again, cwd=repo)
        assert done.returncode == 0, done.stderr
        repeated = json.loads(done.stdout)
        assert repeated["second"]["plan"]["cell"] == repeated["first"]["plan"]["cell"]
        assert repeated["second"]["result"]["outcome"] == one["outcome"]
    refused = user.run("bisectsyms", "shell", "1", cwd=repo)
    assert (refused.returncode, "bisectsyms again 1" in refused.stderr) == (128, True)


def test_a_command_of_another_hosts_ledger_is_not_run(user: User, tmp_path: Path) -> None:
    repo = history(tmp_path / "repo", *["exit 0"] * 2, *["exit 1"] * 2)
    bisect(user, repo, "1", "4", "--", "sh", "-c", f"touch {tmp_path}/ran; sh t.sh")
    export = user.run("bisectsyms", "ledger", "export", "-", cwd=repo).stdout
    other = tmp_path / "other"
    git(tmp_path, "clone", "-q", str(repo), str(other))
    (tmp_path / "export").write_text(export)
    assert user.run("bisectsyms", "ledger", "import", str(tmp_path / "export"), cwd=other).returncode == 0
    (tmp_path / "ran").unlink()
    refused = user.run("bisectsyms", "again", "1", "--slots-dir", str(user.slots), cwd=other)
    assert (refused.returncode, "are not run" in refused.stderr) == (128, True)
    assert not (tmp_path / "ran").exists()


def test_silence_is_told_in_time_also_in_a_search_that_goes_on(user: User, tmp_path: Path) -> None:
    repo = history(tmp_path / "repo", *["exit 0"] * 12)
    words = ("1", "12", "--", "env", "--no-such-option")
    assert bisect(user, repo, "--max-attempts", "3", *words).returncode == 3
    done = bisect(user, repo, *words)
    assert (done.returncode, "none of 5 attempts" in done.stderr) == (128, True), done.stderr
    done = bisect(user, repo, *words)
    assert (done.returncode, "none of 10 attempts" in done.stderr) == (128, True), done.stderr


def test_a_setup_that_never_passes_is_told_in_time(user: User, tmp_path: Path) -> None:
    repo = history(tmp_path / "repo", *["exit 0"] * 12)
    done = bisect(user, repo, "--setup", "exit 2", "1", "12", "--", "true")
    assert (done.returncode, "setup-2" in done.stderr) == (128, True), done.stderr


def test_what_124_means_is_told_before_a_night_is_lost(user: User, tmp_path: Path) -> None:
    repo = history(tmp_path / "repo", *["exit 0"] * 2, *["exit 124"] * 2)
    words = ("--json", "--max-attempts", "2", "1", "4", "--", "sh", "t.sh")
    assert "|| exit 125" in bisect(user, repo, *words).stderr
    assert "|| exit 125" in bisect(user, repo, *words).stderr, "also where the failures are of before"
    first = bisect(user, repo, "--max-attempts", "1", "1", "4", "--", "timeout", "9", "true")
    assert "|| exit 125" in first.stderr


@pytest.mark.parametrize(
    ("status", "oom", "trouble", "outcome"),
    [
        (1, 0, "", Outcome.FAILED),
        (1, 1, "", Outcome.INFRA),
        (1, 0, "only 1 MB free", Outcome.INFRA),
        (125, 1, "", Outcome.INFRA),
        (0, 1, "only 1 MB free", Outcome.CLEAN),
    ],
)
def test_a_machine_without_memory_or_space_says_nothing(status: int, oom: int, trouble: str, outcome: Outcome) -> None:
    ruling: Ruling = unless_spoilt(rule(status, line=None), oom, trouble)
    assert ruling.outcome is outcome
