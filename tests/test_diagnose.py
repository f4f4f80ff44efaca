"""`bisectsyms diagnose` as people type it: of maps, of folders that nobody knows, of attempts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bisectsyms.effects.evidence import EvidenceStore
from bisectsyms.effects.ledger import Ledger
from bisectsyms.kallsyms.naming import State
from bisectsyms.model import Outcome
from bisectsyms.smallkernel.history import Failure
from tests.conftest import MakeHistory, User
from tests.ledgers import FAILED, plan

BEFORE = "c0008000 T start\nc0008010 R _edata\nc0008010 B __bss_start\nc0008020 B _end\n"
TIED = "c0008000 T start\nc0008010 B __bss_start\nc0008010 R _edata\nc0008020 B _end\n"
MOVED = "c0008000 T start\nc0008014 R _edata\nc0008014 B __bss_start\nc0008024 B _end\n"
EVIL = "c0008000 T start\nc0008008 T \x1b[31m<b>evil</b>\x1b]0;title\x07_veneer\nc0008010 R _edata\n"


def maps(folder: Path, before: str, after: str) -> tuple[str, str]:
    (folder / "before.map").write_text(before)
    (folder / "after.map").write_text(after)
    return "before.map", "after.map"


def test_two_maps_are_enough_outside_any_repository(user: User, tmp_path: Path) -> None:
    done = user.run("bisectsyms", "diagnose", "--maps", *maps(tmp_path, BEFORE, TIED), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "mechanism tie" in done.stdout
    assert "(certain)" in done.stdout
    assert "9973290ce20a" in done.stdout
    assert 10 <= len(done.stdout.splitlines()) <= 40
    assert "\x1b" not in done.stdout
    told = json.loads(
        user.run("bisectsyms", "diagnose", "--maps", "before.map", "after.map", "--json", cwd=tmp_path).stdout
    )
    assert told["diagnosis"]["mechanism"]["id"] == "tie"
    assert told["facts"]["final"]["swaps"][0]["before"] == ["_edata", "__bss_start"]


def test_what_is_not_explained_ends_with_3_and_the_facts(user: User, tmp_path: Path) -> None:
    done = user.run("bisectsyms", "diagnose", "--maps", *maps(tmp_path, BEFORE, MOVED), cwd=tmp_path)
    assert done.returncode == 3
    assert "unexplained" in done.stdout
    assert "_edata moved by +4 bytes" in done.stdout
    same = user.run("bisectsyms", "diagnose", "--maps", *maps(tmp_path, BEFORE, BEFORE), cwd=tmp_path)
    assert (same.returncode, "no failure" in same.stdout) == (3, True)


def test_names_of_symbols_are_no_commands_to_a_terminal(user: User, tmp_path: Path) -> None:
    done = user.run("bisectsyms", "diagnose", "--maps", *maps(tmp_path, BEFORE, EVIL), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "<b>evil</b>_veneer" in done.stdout
    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--maps", "none", "none"), "none"),
        (("--maps", "rubbish", "rubbish"), "line 1"),
        (("no-such-folder",), "no-such-folder"),
        (("empty",), "empty"),
        (("empty", "--maps", "a", "b"), "leave out"),
        ((), "next:"),
        (("empty", "--log", "none"), "none"),
    ],
)
def test_what_cannot_be_looked_at_is_an_error_with_its_next_step(
    user: User, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "rubbish").write_bytes(bytes(range(256)) * 40)
    done = user.run("bisectsyms", "diagnose", *words, cwd=tmp_path)
    assert done.returncode == 128
    assert says in done.stderr
    assert "next:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_log_alone_tells_that_the_machine_failed(user: User, tmp_path: Path) -> None:
    (tmp_path / "obj").mkdir()
    (tmp_path / "log").write_text(
        "  CC      a.o\ncc1: out of memory allocating 65536 bytes after a total of 4096 bytes\n"
    )
    done = user.run("bisectsyms", "diagnose", "obj", "--log", "log", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "infrastructure" in done.stdout


def test_an_attempt_is_told_by_its_evidence_and_by_the_others(
    user: User, make_history: MakeHistory, tmp_path: Path
) -> None:
    history = make_history(Failure.ALWAYS, commits=12, broken=False)
    state = history.repo / ".git/bisectsyms"
    files = {
        ".tmp_vmlinux.kallsyms2.syms": BEFORE,
        "System.map": MOVED,
        "link-inputs": f"{'0' * 64}  (arguments of ld)\n",
        "link-moved": "init/version-timestamp.o changed between .tmp_vmlinux.kallsyms2 and vmlinux\n",
        "log": "  FPRINT  init/version-timestamp.o\n  CC      init/version-timestamp.o\nInconsistent kallsyms data\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    kept = EvidenceStore(state / "evidence").keep([(name, tmp_path / name) for name in files])
    with Ledger.open(state) as ledger:
        number = ledger.begin(plan())
        ledger.finish(number, replace(FAILED, evidence=kept))
        ledger.finish(ledger.begin(plan()), replace(FAILED, outcome=Outcome.INFRA, why="cc1 was killed"))
        gone = ledger.begin(plan())
        ledger.finish(gone, replace(FAILED, evidence=(("System.map", "0" * 64),)))
    done = user.run("bisectsyms", "diagnose", str(number), cwd=history.repo)
    assert done.returncode == 0, done.stderr
    assert "trigger race" in done.stdout
    assert "FPRINT init/version-timestamp.o, CC init/version-timestamp.o" in done.stdout
    assert f"bisectsyms again {number}" in done.stdout
    spoilt = user.run("bisectsyms", "diagnose", str(number + 1), cwd=history.repo)
    assert "infrastructure" in spoilt.stdout
    last = user.run("bisectsyms", "diagnose", "--json", cwd=history.repo)
    told = json.loads(last.stdout)
    assert (last.returncode, told["attempt"]) == (3, gone)
    assert told["diagnosis"]["state"] == State.UNEXPLAINED
    assert any("System.map is not kept any more" in note for note in told["notes"])
    wrong = user.run("bisectsyms", "diagnose", "77", cwd=history.repo)
    assert (wrong.returncode, "no attempt 77" in wrong.stderr) == (128, True)
    nothing = user.run("bisectsyms", "diagnose", str(number), "--experiment", "magic", cwd=history.repo)
    assert (nothing.returncode, "extra-pass" in nothing.stderr) == (128, True)


@pytest.mark.slow
def test_a_race_of_a_real_ledger_is_named_with_its_second_writer(user: User, make_history: MakeHistory) -> None:
    history = make_history(Failure.RACE, commits=12, broken=False)
    user.run("bisectsyms", "step", history.bad, *user.step("--failures", "2", "-j2")[1:], cwd=history.repo)
    done = user.run("bisectsyms", "diagnose", cwd=history.repo)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "race: two targets of make" in done.stdout
    assert "init/version-timestamp.o" in done.stdout
    answer = user.run(
        *("bisectsyms", "diagnose", "--experiment", "extra-pass", "--max-attempts", "1"),
        *("--slots-dir", str(user.slots), "--json"),
        cwd=history.repo,
    )
    assert answer.returncode in (0, 3), answer.stderr
    told = json.loads(answer.stdout)
    assert told["conducted"]["experiment"] == "extra-pass"
    assert told["conducted"]["attempts"] >= 1
