"""The link script by itself gives what make gives, and another draw where another one is asked for."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bisectsyms.core.decide import Ask
from bisectsyms.core.makeflags import rewritten
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.replay import CAUGHT, shows
from bisectsyms.inputs.profile import find_profile
from bisectsyms.inputs.toolchains import load_toolchains
from bisectsyms.model import Attempt, Draw, Kind, Outcome
from bisectsyms.smallkernel.history import Failure, write_history
from bisectsyms.usecases.bench import Options
from bisectsyms.usecases.workbench import Workbench
from tests.test_workbench import Heard


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("rR --no-print-directory -j2 --jobserver-auth=3,4 -- A=1 V=old", "rR --no-print-directory -- A=1 V=new"),
        ("rs -j --jobserver-fds=3,4 -- V=old B=x\\ y", "rs -- B=x\\ y V=new"),
        ("s", "s -- V=new"),
        ("", " -- V=new"),
    ],
)
def test_variables_of_the_command_line_are_replaced(before: str, after: str) -> None:
    assert rewritten(before, {"V": "new"}) == after


def test_a_value_comes_through_make(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("all:\n\t@printf '%s\\n' '$(V)' '$(W)'\n")
    env = {"PATH": os.environ["PATH"], "MAKEFLAGS": rewritten("s -- W=kept\\ too", {"V": "a b \\d"})}
    found = os.popen(f"cd {tmp_path} && env -i {' '.join(f'{k}={_quoted(v)}' for k, v in env.items())} make").read()
    assert found == "a b \\d\nkept too\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


@pytest.fixture
def open_bench(tmp_path: Path) -> Iterator[Callable[[Failure], Workbench]]:
    opened: list[Workbench] = []

    def build(failure: Failure) -> Workbench:
        history = write_history(tmp_path / "linux", failure, seed=1, commits=12, unrelated=False)
        bench = Workbench(
            Repository.discover(history.repo, {}),
            find_profile("smallkernel", state_dir=tmp_path, xdg_config_home=tmp_path, cwd=tmp_path),
            Options(slots_dir=tmp_path / "slots", toolchains=load_toolchains(tmp_path)),
            os.environ,
            Heard(),
        )
        opened.append(bench)
        return bench

    yield build
    for bench in opened:
        bench.close()


@pytest.fixture
def bench(open_bench: Callable[[Failure], Workbench]) -> Workbench:
    return open_bench(Failure.NONE)


def _made(bench: Workbench, kind: Kind, length: int) -> Attempt:
    return bench.attempt(bench.repository.head(), Ask(kind, "test", Draw(length)))


def _told(attempt: Attempt) -> tuple[Outcome, str, str]:
    assert attempt.result is not None
    return attempt.result.outcome, attempt.result.layout, attempt.result.inputs


def test_a_replay_is_the_link_of_make(bench: Workbench) -> None:
    _made(bench, bench.from_nothing, 3)
    replayed = _made(bench, Kind.REPLAY, 9)
    assert _told(replayed)[0] is Outcome.CLEAN
    assert shows(bench.objtree.path / "vmlinux", Draw(9).build_version)
    assert _told(_made(bench, Kind.REPLAY, 9)) == _told(replayed)
    assert _told(_made(bench, Kind.REPLAY, 20))[1] != _told(replayed)[1], "another length is another layout"
    assert _told(_made(bench, Kind.RELINK, 9)) == _told(replayed), "make links the same"


def test_a_long_version_is_cut_off(tmp_path: Path) -> None:
    image = tmp_path / "vmlinux"
    image.write_bytes(f"Linux version 6.1 (gcc) #{Draw(64).build_version}"[:-1].encode() + b"\n")
    assert shows(image, Draw(64).build_version)
    assert not shows(image, Draw(5).build_version)
    assert shows(tmp_path / "none", Draw(5).build_version)


def test_what_was_caught_belongs_to_one_revision(bench: Workbench) -> None:
    _made(bench, bench.from_nothing, 3)
    parent = bench.repository.resolve("HEAD~1")
    replayed = bench.attempt(parent, Ask(Kind.REPLAY, "test", Draw(3)))
    assert replayed.result is not None
    assert (replayed.result.outcome, replayed.result.signature) == (Outcome.BROKEN, "no-link-script")
    assert bench.arrival(parent) is Kind.INCREMENTAL
    (bench.objtree.path / CAUGHT).unlink()
    assert _told(_made(bench, Kind.REPLAY, 3))[0] is Outcome.BROKEN


def test_a_race_is_named_by_the_input_that_did_not_hold_still(open_bench: Callable[[Failure], Workbench]) -> None:
    bench = open_bench(Failure.RACE)
    _made(bench, bench.from_nothing, 3)
    assert all(_told(_made(bench, Kind.REPLAY, 9))[0] is Outcome.CLEAN for _ in range(4)), "it is in make's targets"
    for _ in range(60):
        result = _made(bench, Kind.RELINK, 9).result
        assert result is not None
        if result.outcome.is_failure:
            assert "init/version-timestamp.o changed between" in result.why
            moved = bench.store.open(dict(result.evidence)["link-moved"]).read()
            assert moved.startswith(b"init/version-timestamp.o changed between .tmp_vmlinux")
            return
    pytest.fail("the race never showed in 60 relinks")


def test_an_object_that_is_another_one_than_where_it_passed_is_named(
    open_bench: Callable[[Failure], Workbench], tmp_path: Path
) -> None:
    bench = open_bench(Failure.RACE)
    repo = tmp_path / "linux"
    with (repo / "fs/inode.c").open("a") as file:
        file.write("\nconst char inode_built_at[] = __TIME__;\n")
    me = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    bench.repository.git(*me, "commit", "--quiet", "--all", "--message", "an object that is never the same", cwd=repo)
    _made(bench, Kind.CLEAN, 9)
    passed = False
    for _ in range(30):
        time.sleep(1)  # or two builds are of one __TIME__
        result = _made(bench, Kind.CLEAN, 9).result
        assert result is not None
        if passed and result.outcome.is_failure:
            assert "unlike the last attempt here that passed: fs/inode.o" in result.why
            assert bench.store.open(dict(result.evidence)["link-unlike"]).read() == b"fs/inode.o\n"
            return
        passed = passed or result.outcome is Outcome.CLEAN
    pytest.fail("the race never showed in 30 clean builds")
