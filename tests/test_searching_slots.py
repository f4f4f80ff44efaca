"""`bisectsyms bisect --slots K`: the same answers with several attempts at once, whatever ends the run in between."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.sandbox import bwrap_works
from bisectsyms.smallkernel.history import Failure
from tests.conftest import MakeHistory, User, git
from tests.test_searching import CHANCE, bisect, found, write

Row = tuple[int, str, str, str, int]


def rows(repo: Path) -> list[Row]:
    """(number, outcome, signature, slot, slots in use) of every attempt that has ended."""
    ledger = repo / ".git/bisectsyms/ledger.sqlite"
    if not ledger.exists() or not ledger.stat().st_size:
        return []
    db = sqlite3.connect(ledger)
    try:
        query = "select number, outcome, signature, slot, slots_in_use from attempts where ended is not null"
        return db.execute(f"{query} order by number").fetchall()
    except sqlite3.OperationalError:
        return []  # its tables are being made
    finally:
        db.close()


def running(repo: Path) -> int:
    """Attempts that were begun and have not ended."""
    db = sqlite3.connect(repo / ".git/bisectsyms/ledger.sqlite")
    try:
        return int(db.execute("select count(*) from attempts where ended is null").fetchone()[0])
    finally:
        db.close()


def wait_for(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90
    while not ready():
        assert time.monotonic() < deadline, "that did not happen"
        time.sleep(0.02)


def test_two_at_once_name_the_commit_and_what_ran_beside_what_is_told(user: User, tmp_path: Path) -> None:
    repo = write(tmp_path / "repo", ["exit 0"] * 12 + [CHANCE.format(of_256=128)] * 12)
    words = ("--confidence", "0.99", "1", "24", "--", "sh", "test.sh")
    done = bisect(user, repo, "--json", "--slots", "2", *words)
    assert found(done) == ("culprit", "13"), done.stderr
    answer = json.loads(done.stdout)
    assert {row[3][-2:] for row in rows(repo)} == {"-0", "-1"}, "both slots worked"
    assert answer["side_by_side"] == {"2": answer["attempts"]}
    assert len(rows(repo)) == answer["attempts"]
    replayed = user.run("git", "bisect", "replay", answer["log"], cwd=repo)
    assert f"{git(repo, 'rev-parse', '13')} is the first bad commit" in replayed.stdout
    status = user.run("bisectsyms", "status", cwd=repo).stdout
    assert f"side by side: {answer['attempts']} attempts with 2 slots in use" in status
    alone = bisect(user, repo, "--slots", "1", *words)
    assert "beside more or fewer a race has another rate" in alone.stderr
    assert "0 attempts in" in alone.stdout, "everything is in the ledger"


@pytest.mark.parametrize("most", [1, 5])
def test_no_more_attempts_than_allowed_and_the_slots_are_remembered(user: User, tmp_path: Path, most: int) -> None:
    repo = write(tmp_path / "repo", ["exit 0"] * 6 + [CHANCE.format(of_256=128)] * 6)
    done = bisect(user, repo, "--slots", "3", "--max-attempts", str(most), "1", "12", "--", "sh", "test.sh")
    assert done.returncode == 3, done.stderr
    assert len(rows(repo)) == most
    answer = json.loads(bisect(user, repo, "--json").stdout)
    assert (answer["kind"], answer["side_by_side"]["3"]) == ("culprit", most + answer["attempts"])


def test_a_setup_runs_once_per_move_of_each_slot(user: User, tmp_path: Path) -> None:
    repo = write(tmp_path / "repo", ["exit 0"] * 6 + [CHANCE.format(of_256=128)] * 6)
    log = tmp_path / "log"
    setup = f'echo "setup $BISECTSYMS_SLOT $BISECTSYMS_REVISION" >> {log}'
    command = f'echo "test $BISECTSYMS_SLOT $BISECTSYMS_REVISION" >> {log}; sh test.sh'
    done = bisect(user, repo, "--json", "--slots", "2", "--setup", setup, "1", "12", "--", "sh", "-c", command)
    assert found(done)[0] == "culprit", done.stderr
    at: dict[str, str] = {}
    for what, slot, revision in (line.split() for line in log.read_text().splitlines()):
        assert (what == "setup") == (at.get(slot) != revision), (what, slot)
        at[slot] = revision
    assert len(at) == 2


def test_the_next_move_begins_while_tests_of_the_commit_before_still_run(user: User, tmp_path: Path) -> None:
    repo = write(tmp_path / "repo", ["exit 0"] * 12 + [CHANCE.format(of_256=128)] * 12)
    log = tmp_path / "log"
    say = f'echo "%s $BISECTSYMS_SLOT $BISECTSYMS_REVISION" >> {log}'
    command = f"{say % 'begun'}; sleep 0.3; sh test.sh; ended=$?; {say % 'ended'}; exit $ended"
    words = ("--setup", say % "setup", "1", "24", "--", "sh", "-c", command)
    done = bisect(user, repo, "--json", "--slots", "2", *words)
    assert found(done) == ("culprit", "13"), done.stderr
    runs: dict[str, str] = {}
    ahead = 0
    for what, slot, revision in (line.split() for line in log.read_text().splitlines()):
        if what == "begun":
            runs[slot] = revision
        elif what == "ended":
            del runs[slot]
        else:
            ahead += any(other != revision for other in runs.values())
    assert ahead, "a slot with nothing left to do at the old commit goes ahead"


def start(user: User, repo: Path, *words: str) -> subprocess.Popen[str]:
    return user.start("bisectsyms", "bisect", "--slots-dir", str(user.slots), "--slots", "2", *words, cwd=repo)


def test_killed_with_all_its_processes_it_goes_on_with_nothing_repeated(user: User, tmp_path: Path) -> None:
    repo = write(tmp_path / "repo", ["sleep 0.1; exit 0"] * 8 + ["sleep 0.1; exit 1"] * 8)
    words = ("--json", "1", "16", "--", "sh", "test.sh")
    process = start(user, repo, *words)
    wait_for(lambda: len(rows(repo)) >= 3)
    for one in (psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):  # an attempt may end by itself meanwhile
            one.kill()
    process.wait()
    before = rows(repo)
    done = bisect(user, repo, "--slots", "2", *words)
    assert found(done) == ("culprit", "9"), done.stderr
    after = rows(repo)
    assert set(before) <= set(after), "no row is lost or changed"
    died = [row for row in after if row[2] == "died"]
    assert len(after) - len(before) - len(died) == json.loads(done.stdout)["attempts"]
    assert len(died) <= 2
    last = bisect(user, repo, *words)
    assert (found(last), json.loads(last.stdout)["attempts"]) == (("culprit", "9"), 0)
    assert not user.processes()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_what_runs_ends_with_the_run_and_is_written_down(user: User, tmp_path: Path, number: signal.Signals) -> None:
    repo = write(tmp_path / "repo", ["exit 0"] + ["sleep 60 & sleep 60"] * 7)
    process = start(user, repo, "1", "8", "--", "sh", "test.sh")
    wait_for(lambda: (repo / ".git/bisectsyms/ledger.sqlite").exists() and len(user.processes()) >= 6)
    os.kill(process.pid, number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == {signal.SIGKILL: -9, signal.SIGTERM: 128, signal.SIGINT: 130}[number], output
    wait_for(lambda: running(repo) == 0)
    assert {row[2] for row in rows(repo)} == {"cut-short"}
    assert len(rows(repo)) == 2
    wait_for(lambda: not user.processes())
    assert "Traceback" not in output


def test_an_error_in_one_slot_stops_all_and_what_ran_beside_it_counts(user: User, tmp_path: Path) -> None:
    """The first attempt waits for the one beside it, which outlives it."""
    first, second = tmp_path / "first", tmp_path / "second"
    script = (
        f"mkdir {first} 2>/dev/null || {{ touch {second}; sleep 1; exit 0; }}; "
        f"until [ -e {second} ]; do sleep 0.1; done; exit 127"
    )
    repo = write(tmp_path / "repo", [script] * 8)
    done = bisect(user, repo, "--slots", "2", "1", "8", "--", "sh", "test.sh")
    assert done.returncode == 128
    assert "ended with 127 at" in done.stderr
    assert "mend it and run the same command again" in done.stderr
    assert [row[1] for row in rows(repo)].count("CLEAN") == 1, done.stderr
    assert running(repo) == 0


def test_a_kernel_in_two_slots(user: User, make_history: MakeHistory) -> None:
    history = make_history(Failure.ALWAYS, seed=1, commits=12)
    words = ("--json", "--slots", "2", "good", "bad", "--profile", "smallkernel")
    done = bisect(user, history.repo, *words)
    assert json.loads(done.stdout)["culprit"]["commit"] == history.culprit, done.stderr
    assert {row[3][-2:] for row in rows(history.repo)} == {"-0", "-1"}
    assert done.stderr.count("not passed on to the build") <= 1, "what all have to say is said once"
    if bwrap_works():
        with Ledger.open(history.repo / ".git/bisectsyms") as ledger:
            made = [one.plan for one in ledger.attempts()]
        # Not those that look twice at what does not build, or once more at the culprit.
        at_first = [plan for plan in made if plan.from_scratch and plan.revision.commit == history.bad]
        assert len(at_first) == 1, "the other slot got a copy"
        assert "objtree copied from" in done.stderr
    assert not user.processes()


@pytest.mark.slow
@pytest.mark.parametrize("slots", ["2", "3"])
@pytest.mark.parametrize("failure", [Failure.RACE, Failure.LAYOUT], ids=str)
def test_it_names_the_planted_commit(user: User, make_history: MakeHistory, failure: Failure, slots: str) -> None:
    history = make_history(failure, seed=3, commits=24)
    words = ("--json", "--slots", slots, "--confidence", "0.99", "good", "bad", "--profile", "smallkernel")
    done = bisect(user, history.repo, *words)
    answer = json.loads(done.stdout)
    assert (answer["culprit"] or {}).get("commit") == history.culprit, done.stderr
