"""A call in a process beside us: what it answers, and what becomes of it when somebody is killed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from bisectsyms.effects.forked import call
from bisectsyms.errors import InfraError, UserError


def test_what_it_answers_and_what_it_raises() -> None:
    assert call(os.getpid) != os.getpid()

    def wrong() -> None:
        raise UserError("no such thing", next_step="another one")

    with pytest.raises(UserError, match="no such thing\n  next: another one"):
        call(wrong)
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        call(lambda: 1 // 0)


def test_one_that_is_killed_has_no_answer() -> None:
    with pytest.raises(InfraError, match="killed"):
        call(lambda: os.kill(os.getpid(), signal.SIGKILL))


def test_it_cleans_up_when_we_are_killed(tmp_path: Path) -> None:
    there = tmp_path / "there"

    def work() -> None:
        there.touch()
        try:
            time.sleep(60)
        finally:
            there.unlink()

    pid = os.fork()
    if not pid:
        try:
            call(work)
        finally:
            os._exit(0)
    _until(there, is_there=True)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    _until(there, is_there=False)


def _until(path: Path, *, is_there: bool) -> None:
    patience = time.monotonic() + 30
    while path.exists() is not is_there:
        assert time.monotonic() < patience
        time.sleep(0.01)
