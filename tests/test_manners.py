"""How a hunt lives with the machine: awake, by turns with other hunts, within its disk, and heard from."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bisectsyms.effects import manners, thinning
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.notify import notify, words_of
from bisectsyms.effects.objtree import BUILT
from bisectsyms.effects.slots import acquire
from bisectsyms.effects.stopping import Stopping
from bisectsyms.effects.turns import Turns
from bisectsyms.errors import UserError
from tests.test_searching import write

HOUR = 3600.0


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def until(true: Callable[[], bool], seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


def test_the_machine_is_kept_awake_as_long_as_the_hunt_runs(tmp_path: Path) -> None:
    state, said = tmp_path / "state", list[str]()
    fake = script(
        tmp_path / "inhibit", f'while [ "$1" != cat ]; do shift; done; echo held > {state}; "$@"; echo free > {state}'
    )
    with manners.awake("a test", said.append, fake):
        assert until(lambda: state.exists() and state.read_text() == "held\n")
    assert until(lambda: state.read_text() == "free\n")
    assert said == []


def test_a_refused_inhibitor_is_said_once_and_no_error(tmp_path: Path) -> None:
    said = list[str]()
    with manners.awake("a test", said.append, script(tmp_path / "inhibit", "exit 1"), soon=60.0):
        pass
    assert len(said) == 1
    assert "may go to sleep" in said[0]


def test_why_no_attempt_should_begin(tmp_path: Path) -> None:
    assert manners.trouble(tmp_path / "not" / "there", 1, battery=lambda: False) == ""
    assert manners.trouble(tmp_path, 1, battery=lambda: True) == "on battery"
    assert "are to stay free" in manners.trouble(tmp_path, 1 << 62, battery=lambda: False)


def test_two_hunts_share_the_places_of_a_host(tmp_path: Path) -> None:
    waited = list[float]()
    one, other = Turns(tmp_path, 3), Turns(tmp_path, 3, sleep=waited.append)
    with one.taken(2) as got:
        assert got
        with other.taken(1) as beside:
            assert beside
        asked = iter([True, True, False])
        with other.taken(2, lambda: next(asked)) as too_many:
            assert not too_many
        assert len(waited) == 2
        with other.taken(1) as beside:
            assert beside, "whoever waited in vain holds nothing"
    with other.taken(9) as all_of_them:
        assert all_of_them, "more than there are places is all of them"


def objtree(slot: Path, name: str, kilobytes: int, age: float) -> Path:
    tree = slot / "obj" / name
    tree.mkdir(parents=True)
    (tree / "vmlinux").write_bytes(os.urandom(1024 * kilobytes))
    (tree / BUILT).write_text("")
    os.utime(tree / BUILT, (time.time() - age, time.time() - age))
    return tree


def test_objtrees_used_least_lately_go_first(tmp_path: Path) -> None:
    repository = Repository.discover(write(tmp_path / "repo", ["true"]), {})
    slots = tmp_path / "slots"
    slot = acquire(slots, repository)
    old, middle, new = (objtree(slot.path, name, 400, age * HOUR) for name, age in (("a", 3), ("b", 2), ("c", 1)))
    assert thinning.thin(slots, repository, 0, 0, set()).trees == 0, "a slot that is worked in is left alone"
    slot.release()
    assert thinning.thin(slots, repository, 1 << 40, 0, set()).trees == 0
    assert thinning.thin(slots, repository, None, 0, set()).trees == 0
    thinned = thinning.thin(slots, repository, 1_000_000, 0, {"a"})
    assert (thinned.trees, old.exists(), middle.exists(), new.exists()) == (1, True, False, True)
    assert thinned.freed >= 400 * 1024
    thinning.thin(slots, repository, 1 << 40, 1 << 62, {"a"})
    assert (old.exists(), new.exists()) == (True, False), "the floor asks for more than the budget"


def test_news_come_on_stdin_and_in_the_environment(tmp_path: Path) -> None:
    said, out = list[str](), tmp_path / "out of $(this)"
    tell = script(tmp_path / "tell", 'printf "%s %s\\n" "$BISECTSYMS_EVENT" "$BISECTSYMS_TEXT" > "$1"; cat >> "$1"')
    notify(words_of(f"{tell} '{out}'"), {"event": "end", "text": "all is done"}, "a table\n", said.append)
    assert out.read_text() == "end all is done\na table\n"
    assert said == []


def test_a_notice_that_fails_or_hangs_is_said_and_no_error(tmp_path: Path) -> None:
    said = list[str]()
    notify((script(tmp_path / "fail", "echo no mail here; exit 3"),), {}, "", said.append)
    notify((script(tmp_path / "hang", "sleep 300"),), {}, "", said.append, patience=0.2)
    assert "ended with 3 no mail here" in said[0]
    assert "took longer" in said[1]


@pytest.mark.parametrize("command", ["", "'unclosed", "no-such-program-of-anybody x"])
def test_a_command_that_cannot_be_run_is_refused_before_the_night(command: str) -> None:
    with pytest.raises(UserError, match="--notify"):
        words_of(command)


def test_the_first_signal_asks_and_the_second_ends(tmp_path: Path) -> None:
    said = list[str]()
    stopping = Stopping(said.append)
    before = signal.getsignal(signal.SIGINT)
    with stopping.heard():
        os.kill(os.getpid(), signal.SIGINT)
        assert until(lambda: bool(stopping.asked))
        assert stopping.asked == "Ctrl-C"
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
    assert signal.getsignal(signal.SIGINT) is before
    assert len(said) == 1
