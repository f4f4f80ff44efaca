"""What is started is ended: grandchildren, runaways, time-outs, Ctrl-C; and what it took is counted."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from bisectsyms.effects.runner import MARK, Command, end_marked, run
from bisectsyms.errors import UserError

ENV = {"PATH": os.environ["PATH"]}


def sh(script: str, tmp_path: Path, **env: str) -> Command:
    return Command(("sh", "-c", script), tmp_path, ENV | env)


def alive(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TEST_MARK") == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


@pytest.mark.parametrize(
    "runaway", ["sleep 300 &", "setsid sleep 300 &", "(setsid sh -c 'trap \"\" TERM; sleep 300' &) &"]
)
def test_a_deadline_leaves_nothing(tmp_path: Path, runaway: str) -> None:
    mark = str(tmp_path)
    begun = time.monotonic()
    ended = run(sh(f"{runaway} sleep 300", tmp_path, TEST_MARK=mark), log=tmp_path / "log", timeout=0.5, grace=0.5)
    assert ended.timed_out
    assert time.monotonic() - begun < 30
    assert not alive(mark)


def test_what_outlives_a_normal_end_is_ended_too(tmp_path: Path) -> None:
    ended = run(sh("setsid sleep 300 & exit 3", tmp_path, TEST_MARK=str(tmp_path)), log=tmp_path / "log", timeout=30)
    assert ended.exit_status == 3
    assert not alive(str(tmp_path))


def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with pytest.raises(KeyboardInterrupt):
            run(sh("sleep 300 & sleep 300", tmp_path, TEST_MARK=str(tmp_path)), log=tmp_path / "log", timeout=60)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not alive(str(tmp_path))


def test_status_signal_log_and_cpu_time(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert run(sh("echo one; echo two >&2; exit 2", tmp_path), log=log, timeout=30).exit_status == 2
    assert run(sh("echo three; kill -9 $$", tmp_path), log=log, timeout=30).exit_status == -signal.SIGKILL
    assert log.read_text().splitlines() == ["one", "two", "three"]
    busy = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"
    ended = run(sh(f"({busy}) & wait", tmp_path), log=log, timeout=60)
    assert ended.cpu_seconds > 0.01, "the time of grandchildren counts"


def test_the_environment_is_exactly_what_was_given(tmp_path: Path) -> None:
    log = tmp_path / "log"
    run(Command(("env",), tmp_path, ENV | {"ODD": "a b'c\"$d"}), log=log, timeout=30)
    assert {line.split("=")[0] for line in log.read_text().splitlines()} == {"PATH", "ODD"}


def test_the_pasteable_line_repeats_it(tmp_path: Path) -> None:
    command = sh('printf "%s|%s" "$ODD" "$PWD"', tmp_path, ODD="a b'c\"$d")
    done = subprocess.run(["sh", "-c", command.pasteable()], capture_output=True, text=True, check=True)
    assert done.stdout == f"a b'c\"$d|{tmp_path}"


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no-such-program"):
        run(Command(("no-such-program",), tmp_path, ENV), log=tmp_path / "log", timeout=1)


def test_what_carries_the_mark_of_a_slot_is_found(tmp_path: Path) -> None:
    left = subprocess.Popen(["sleep", "300"], env=ENV | {MARK: str(tmp_path)}, start_new_session=True)
    try:
        assert end_marked(str(tmp_path)) == 1
        assert left.wait(10) == -signal.SIGKILL
    finally:
        left.kill()
    assert end_marked(str(tmp_path)) == 0
