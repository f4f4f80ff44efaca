"""Hunts and searches by real schedulers and workers of Dask: one is killed, one added, one has another compiler."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bisectsyms.effects.cluster import Cluster
from bisectsyms.errors import UserError
from bisectsyms.smallkernel.history import Failure, History
from tests.conftest import MakeHistory, User
from tests.dasklab import Lab, attempts

PATIENCE = 1800.0
"""Seconds; a small kernel takes a second where the machine has nothing else to do."""


@pytest.fixture
def lab(user: User, tmp_path: Path) -> Iterator[Lab]:
    pytest.importorskip("distributed", reason="pip install 'bisectsyms[cluster]'")
    with contextlib.closing(Lab(user, tmp_path)) as lab:
        yield lab


@pytest.fixture
def history(make_history: MakeHistory) -> History:
    return make_history(Failure.RACE, broken=False, unrelated=False)


WORDS = ("bisectsyms", "hunt", "--rev", "good,bad", "--profile", "smallkernel", "--kind", "relink", "--vary", "pinned")


def _until(wanted: Callable[[], object], running: subprocess.Popen[str]) -> None:
    patience = time.monotonic() + PATIENCE
    while not wanted():
        assert running.poll() is None, running.communicate()[0]
        if time.monotonic() > patience:
            running.kill()
            pytest.fail(running.communicate()[0])
        time.sleep(0.1)


def _ledger(history: History) -> Path:
    return history.repo / ".git" / "bisectsyms" / "ledger.sqlite"


def _rows(history: History, query: str) -> list[Any]:
    with contextlib.closing(sqlite3.connect(_ledger(history))) as db:
        return db.execute(query).fetchall()


@pytest.mark.slow
def test_a_worker_is_killed_and_one_added_and_every_attempt_counts_once(lab: Lab, user: User, history: History) -> None:
    lab.scheduler()
    workers = {name: lab.worker(name) for name in ("one", "two")}
    words = (*WORDS, "-j", "1,2", "--cluster", lab.address, "--max-attempts", "14", "--no-nice", "--floor", "1M")
    running = user.start(*words, cwd=history.repo)
    _until(lambda: lab.builds("one"), running)
    workers["one"].kill()
    lab.worker("three")
    said = running.communicate(timeout=PATIENCE)[0]
    assert running.returncode in (0, 3), said
    assert "is lost; what it was making" in said
    assert said.count(" is there, with 2 cells") == 3
    rows = _rows(history, "select number, uuid, outcome, imported from attempts order by number")
    assert [number for number, *_ in rows] == list(range(1, len(rows) + 1))
    assert len({uuid for _, uuid, *_ in rows}) == len(rows)
    assert len(rows) == 14
    assert {outcome for *_, outcome, _ in rows} <= {"CLEAN", "INCONSISTENT"}
    assert _rows(history, "select count(*) from attempts where revision is null or ended is null") == [(0,)]
    logs = history.repo / ".git" / "bisectsyms" / "evidence"
    assert any(logs.rglob("*.gz")), "evidence came with it"
    shown = user.run("bisectsyms", "log", "1", cwd=history.repo)
    assert "LD" in shown.stdout or "ld" in shown.stdout, shown
    assert not lab.builds("two")


@pytest.mark.slow
def test_a_worker_with_another_compiler_has_another_cell(lab: Lab, user: User, history: History) -> None:
    fake = lab.folder / "bin"
    fake.mkdir()
    gcc = fake / "gcc"
    gcc.write_text(
        '#!/bin/sh\ncase "$*" in --version) echo "gcc (elsewhere) 99.1.0";; *) exec /usr/bin/gcc "$@";; esac\n'
    )
    gcc.chmod(0o755)
    lab.scheduler()
    lab.worker("one")
    words = (*WORDS, "-j", "1", "--cluster", lab.address, "--max-attempts", "8", "--no-nice", "--floor", "1M", "--json")
    running = user.start(*words, cwd=history.repo)
    _until(lambda: lab.builds("one"), running)
    lab.worker("two", path=str(fake))
    said = running.communicate(timeout=PATIENCE)[0]
    assert "is gcc (elsewhere) 99.1.0" in said
    assert "another cell" in said
    cells = _rows(history, "select compiler, count(*) from attempts join cells on key = cell group by key")
    assert len(cells) == 2, said
    answer = json.loads(said[said.index("\n{") :])
    assert len(answer["lines"]) == 4, "each revision in each cell"


@pytest.mark.slow
@pytest.mark.parametrize("away", [0, 45])
def test_a_scheduler_that_is_restarted_ends_no_hunt(lab: Lab, user: User, history: History, away: int) -> None:
    """At once, or after so many seconds that Dask's client has given up."""
    scheduler = lab.scheduler()
    lab.worker("one")
    words = (*WORDS, "-j", "1", "--cluster", lab.address, "--max-attempts", "8", "--no-nice", "--floor", "1M")
    running = user.start(*words, cwd=history.repo)
    _until(lambda: attempts(_ledger(history)) >= 2, running)
    scheduler.kill()
    scheduler.wait()
    time.sleep(away)
    lab.scheduler()
    lab.worker("two")
    said = running.communicate(timeout=PATIENCE)[0]
    assert running.returncode == 3, said
    assert "is lost" in said or "has forgotten its call" in said, said
    assert "rests" not in said, said
    if away:
        assert "does not answer; waiting for it" in said, said
        assert "is there again" in said, said
    rows = _rows(history, "select uuid, outcome from attempts")
    assert len(rows) == 8
    assert len({uuid for uuid, _ in rows}) == len(rows)


@pytest.mark.slow
def test_ctrl_c_twice_ends_what_workers_make_and_leaves_nothing(lab: Lab, user: User, history: History) -> None:
    words = (*WORDS, "-j", "1", "--cluster", "local:1", "--no-nice", "--floor", "1M", "--slots-dir", str(user.slots))
    running = user.start(*words, cwd=history.repo)
    _until(user.processes, running)
    os.killpg(running.pid, signal.SIGINT)
    time.sleep(0.5)
    os.killpg(running.pid, signal.SIGINT)
    said = running.communicate(timeout=PATIENCE)[0]
    assert running.returncode == 130, said
    assert not user.processes()
    rows = _rows(history, "select outcome, signature from attempts")
    assert rows[-1] == ("INFRA", "cut-short"), "it is written down, and no evidence"


BISECT = ("bisectsyms", "bisect", "good", "bad", "--profile", "smallkernel", "-j", "1", "--sweep", "1", "--json")


@pytest.mark.slow
def test_a_search_by_two_workers_names_the_commit(user: User, make_history: MakeHistory) -> None:
    history = make_history(Failure.ALWAYS, commits=12, broken=False, unrelated=False)
    words = (*BISECT, "--cluster", "local:2", "--slots-dir", str(user.slots), "--confidence", ".9")
    running = user.start(*words, cwd=history.repo)
    said = running.communicate(timeout=PATIENCE)[0]
    assert running.returncode == 0, said
    answer = json.loads(said[said.index("\n{") :])
    assert (answer["kind"], answer["culprit"]["commit"]) == ("culprit", history.culprit), said
    rows = _rows(history, "select uuid, slot from attempts")
    assert len({uuid for uuid, _ in rows}) == len(rows)
    assert len({slot for _, slot in rows}) == 2, "both have worked"
    assert not user.processes()
    suspected = user.run("bisectsyms", "suspects", cwd=history.repo)
    assert suspected.stdout.split()[:1] == [history.culprit], "in the cell that the workers had"


@pytest.mark.slow
def test_a_search_goes_on_without_a_worker_that_is_killed(lab: Lab, user: User, make_history: MakeHistory) -> None:
    history = make_history(Failure.ALWAYS, commits=12, broken=False, unrelated=False)
    lab.scheduler()
    workers = {name: lab.worker(name) for name in ("one", "two")}
    running = user.start(*BISECT, "--cluster", lab.address, "--confidence", ".9", cwd=history.repo)
    _until(lambda: lab.builds("one"), running)
    workers["one"].kill()
    said = running.communicate(timeout=PATIENCE)[0]
    assert running.returncode == 0, said
    assert "is lost; what it was making" in said
    answer = json.loads(said[said.index("\n{") :])
    assert (answer["kind"], answer["culprit"]["commit"]) == ("culprit", history.culprit), said
    rows = _rows(history, "select uuid from attempts")
    assert len(set(rows)) == len(rows)


def test_an_address_that_is_none_and_a_scheduler_that_is_not_there(lab: Lab) -> None:
    none = (
        "local:0",
        "local:",
        "host",
        "tcp://host",
        "ssh:",
        "tcp://host:65536",
        "tcp://a b:1",
        "tcp://::1:8786",
        "ssh:\0",
    )
    for address in none:
        with pytest.raises(UserError, match="no address"):
            Cluster(address, print)


def test_nothing_of_dask_is_imported_without_a_cluster(user: User) -> None:
    code = "import bisectsyms.cli.hunting, bisectsyms.usecases.fleet, sys; sys.exit('distributed' in sys.modules)"
    assert user.run(sys.executable, "-c", code, cwd=user.home).returncode == 0


@pytest.mark.slow
def test_a_scheduler_that_is_not_there(lab: Lab, user: User, history: History) -> None:
    done = user.run(*WORDS, "--cluster", lab.address, cwd=history.repo)
    assert done.returncode == 128
    assert "no scheduler answers" in done.stderr
    assert "dask scheduler" in done.stderr


@pytest.mark.slow
def test_a_search_waits_for_workers_no_longer_than_it_may_go_on(lab: Lab, user: User, history: History) -> None:
    """Ten minutes without a worker would end it, too."""
    lab.scheduler()
    words = ("bisectsyms", "bisect", "good", "bad", "--profile", "smallkernel", "--cluster", lab.address, "--for", "1s")
    done = user.run(*words, cwd=history.repo)
    assert done.returncode == 128
    assert "no worker has come before the time was over" in done.stderr
    assert "with more time" in done.stderr
