"""A copied objtree is as good as the one it was copied from, and a copy that may be torn is never used."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bisectsyms.core.decide import Ask
from bisectsyms.effects import boots, slots
from bisectsyms.effects.cloning import PAUSES, Cloned, clone, look
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.objtree import BUILT, BUSY, Objtree
from bisectsyms.effects.runner import Command, Ended, run
from bisectsyms.effects.sandbox import bwrap_works
from bisectsyms.effects.slots import Slot
from bisectsyms.inputs.profile import find_profile
from bisectsyms.inputs.toolchains import load_toolchains
from bisectsyms.model import Kind, Outcome, Plan
from bisectsyms.smallkernel.history import Failure, write_history
from bisectsyms.usecases.bench import Options
from bisectsyms.usecases.workbench import Workbench
from tests.test_workbench import Heard

needs_bwrap = pytest.mark.skipif(not bwrap_works(), reason="bubblewrap does not work here: apt-get install bubblewrap")


@dataclass
class Benches:
    """Benches on one history of a small kernel, each in a slot of its own."""

    folder: Path
    opened: ExitStack
    heard: list[Heard] = field(default_factory=list)

    def __post_init__(self) -> None:
        repo = self.folder / "linux"
        write_history(repo, Failure.NONE, seed=1, commits=12, broken=False, unrelated=False)
        self.repository = Repository.discover(repo, {})

    def open(self, profile: str = "smallkernel") -> Workbench:
        self.heard.append(Heard())
        return self.opened.enter_context(
            Workbench(
                self.repository,
                find_profile(profile, state_dir=self.folder, xdg_config_home=self.folder, cwd=self.folder),
                Options(slots_dir=self.folder / "slots", toolchains=load_toolchains(self.folder)),
                os.environ,
                self.heard[-1],
                sleep=lambda seconds: None,
            )
        )


@pytest.fixture
def benches(tmp_path: Path) -> Iterator[Benches]:
    with ExitStack() as opened:
        yield Benches(tmp_path, opened)


def attempt(bench: Workbench, name: str, kind: Kind) -> Plan:
    ended = bench.attempt(bench.repository.resolve(name), Ask(kind, "test"))
    assert ended.result is not None
    assert ended.result.outcome is Outcome.CLEAN, ended.result.why
    return ended.plan


def compiled(bench: Workbench, make: Callable[[], object]) -> set[str]:
    """Objects that are made from sources by what is done here."""

    def times() -> dict[str, int]:
        found = bench.objtree.path.rglob("*.o")
        return {str(path.relative_to(bench.objtree.path)): path.stat().st_mtime_ns for path in found}

    before = times()
    make()
    link = {"init/version.o", "init/version-timestamp.o", "vmlinux.o"}
    changed = {name for name, time in times().items() if before.get(name) != time}
    return {name for name in changed - link if not Path(name).name.startswith(".")}


@needs_bwrap
def test_a_copy_compiles_what_its_source_would_and_nothing_else(benches: Benches) -> None:
    first = benches.open()
    here, next_to_it = "bad~3", "bad~2"
    attempt(first, here, Kind.CLEAN)
    second = benches.open()
    assert second.arrival(benches.repository.resolve(here)) is None, "the objtree is at that revision"
    assert any("objtree copied from" in line for line in benches.heard[1].lines)
    assert compiled(second, lambda: attempt(second, here, Kind.RELINK)) == set()
    assert compiled(second, lambda: attempt(second, here, Kind.INCREMENTAL)) == set(), "kconfig and all"
    assert second.arrival(benches.repository.resolve(next_to_it)) is Kind.INCREMENTAL
    moved = compiled(second, lambda: attempt(second, next_to_it, Kind.INCREMENTAL))
    assert moved == compiled(first, lambda: attempt(first, next_to_it, Kind.INCREMENTAL))
    assert moved, "it differs"
    plans = [one.plan for one in second.ledger.attempts() if one.plan.slot == second.slot.path.name]
    assert not any(plan.from_scratch for plan in plans)
    assert not benches.repository.git("status", "--porcelain", cwd=second.slot.src)


@needs_bwrap
def test_files_that_differ_in_the_source_by_now_are_compiled_again(benches: Benches) -> None:
    """An objtree that was left for another cell: its worktree is elsewhere."""
    first, there = benches.open(), benches.repository.resolve("bad~3")
    attempt(first, "bad~3", Kind.CLEAN)
    first.slot.move_to(benches.repository.resolve("bad~1"))
    second = benches.open()
    assert second.arrival(there) is None
    back = compiled(second, lambda: attempt(second, "bad~3", Kind.RELINK))
    assert back == compiled(first, lambda: attempt(first, "bad~3", Kind.RELINK))
    assert 0 < len(back) < 5


@needs_bwrap
def test_an_empty_slot_builds_as_ever_where_nothing_can_be_copied(benches: Benches) -> None:
    first = benches.open()
    bad = benches.repository.resolve("bad")
    assert first.arrival(bad) is first.from_nothing, "there is no other slot"
    attempt(first, "bad", Kind.CLEAN)
    mark = first.objtree.path / BUILT
    mark.write_text(mark.read_text().partition("\n")[0])
    second = benches.open()
    assert second.arrival(bad) is first.from_nothing, "who built it did not note the commit"
    attempt(second, "bad", Kind.CLEAN)
    assert not any("copied" in line for line in benches.heard[1].lines)


@pytest.fixture
def two(benches: Benches) -> Iterator[tuple[Slot, Slot]]:
    """A slot with an objtree, in which one file was built, and an empty one."""
    full, empty = (slots.acquire(benches.folder / "slots", benches.repository) for _ in range(2))
    full.move_to(benches.repository.resolve("bad"))
    objtree = full.objtree("key")
    with objtree.in_use():
        (objtree.path / "vmlinux").touch()
    objtree.arrived("tree")
    yield full, empty
    full.release()
    empty.release()


def nothing() -> None:
    """Nothing happens."""


def copy(benches: Benches, slot: Slot, happens: Callable[[], object] = nothing) -> tuple[Cloned | None, list[float]]:
    """Clone, while something happens in the middle of the copy; and what was slept."""
    slept: list[float] = []

    def cp(command: Command, log: Path) -> Ended:
        ended = run(command, log=log, timeout=60.0)
        happens()
        return ended

    return clone(
        slot, "key", benches.repository, cp=cp, sleep=lambda seconds: slept.append(seconds) if seconds else None
    ), slept


def test_a_copy_keeps_times_modes_and_links(benches: Benches, two: tuple[Slot, Slot]) -> None:
    full, empty = two
    folder = full.objtree("key").path
    (folder / "tool").write_text("#!/bin/sh\n")
    (folder / "tool").chmod(0o755)
    (folder / "again").hardlink_to(folder / "tool")
    (folder / "source").symlink_to("/build/src")
    os.utime(folder / "tool", ns=(5, 1234567890123456789))
    made, slept = copy(benches, empty)
    assert made is not None
    assert (made.slot, slept) == (full.path.name, [])
    mine = empty.objtree("key")
    tool = (mine.path / "tool").stat()
    assert (mine.at(), tool.st_mode & 0o777, tool.st_mtime_ns) == ("tree", 0o755, 1234567890123456789)
    assert (mine.path / "again").samefile(mine.path / "tool")
    assert (mine.path / "source").readlink() == Path("/build/src")


def build(objtree: Objtree) -> None:
    """As an attempt that comes to nothing: it leaves the mark of the revision as it was."""
    with objtree.in_use():
        (objtree.path / "vmlinux").touch()


DISTURBANCES: dict[str, Callable[[Objtree], object]] = {
    "an attempt": build,
    "a build that runs": lambda objtree: objtree.path.with_name(f"key{BUSY}").touch(),
    "it leaves for another revision": lambda objtree: objtree.leave(),
    "a build from scratch": lambda objtree: objtree.set_aside(),
    "somebody was there": lambda objtree: objtree.suspect(),
    "it is removed": lambda objtree: shutil.rmtree(objtree.path),
}


@pytest.mark.parametrize("what", DISTURBANCES)
def test_a_copy_during_which_something_was_done_is_thrown_away(
    benches: Benches, two: tuple[Slot, Slot], what: str
) -> None:
    full, empty = two
    objtree = full.objtree("key")
    made, slept = copy(benches, empty, lambda: DISTURBANCES[what](objtree))
    assert made is None
    assert len(slept) <= len(PAUSES)
    assert not empty.objtree("key").exists()
    assert not list((empty.path / "obj").iterdir()), "and nothing is left of it"


def test_one_that_is_disturbed_once_is_tried_again(benches: Benches, two: tuple[Slot, Slot]) -> None:
    full, empty = two
    objtree, times = full.objtree("key"), iter([True])
    made, slept = copy(benches, empty, lambda: build(objtree) if next(times, False) else None)
    assert made is not None
    assert slept == [PAUSES[0]]


def test_the_worktree_of_other_objtrees_keeps_its_times(benches: Benches, two: tuple[Slot, Slot]) -> None:
    """They go by them: a file made older would hide from them that it has changed."""
    _, empty = two
    other = empty.objtree("other")
    other.path.mkdir(parents=True)
    other.arrived("tree")
    assert copy(benches, empty) == (None, [])


def test_a_source_whose_commit_is_gone_is_none(benches: Benches, two: tuple[Slot, Slot]) -> None:
    full, empty = two
    mark = full.objtree("key").path / BUILT
    mark.write_text(f"tree\n{'0' * 40}\n")
    assert copy(benches, empty)[0] is None
    assert not empty.objtree("key").exists()


def test_what_was_built_before_the_machine_came_up_is_not_copied(benches: Benches, two: tuple[Slot, Slot]) -> None:
    (two[0].path / boots.NAME).write_text("another boot")
    assert copy(benches, two[1]) == (None, [])


def test_what_is_looked_at(two: tuple[Slot, Slot], benches: Benches) -> None:
    full, _ = two
    objtree, bad = full.objtree("key"), benches.repository.resolve("bad")
    seen = look(objtree.path)
    assert seen is not None
    assert (seen.commit, seen.fixed) == (bad.commit, "")
    assert look(objtree.path) == seen
    with objtree.in_use():
        assert look(objtree.path) is None
    assert look(objtree.path) not in (None, seen)
    objtree.leave()
    assert look(objtree.path) is None


def test_fixups_that_were_built_are_in_the_worktree_of_the_copy(benches: Benches, two: tuple[Slot, Slot]) -> None:
    full, empty = two
    repository, bad = benches.repository, benches.repository.resolve("bad")
    env = {"GIT_INDEX_FILE": str(benches.folder / "index")}
    repository.git("read-tree", bad.commit, env=env)
    repository.git("update-index", "--force-remove", "lib/string.c", env=env)
    full.move_to(bad, repository.git("write-tree", env=env))
    full.objtree("key").arrived("with a fixup")
    assert copy(benches, empty)[0] is not None
    assert empty.objtree("key").at() == "with a fixup"
    assert not (empty.src / "lib/string.c").exists()
    assert (empty.src / "Makefile").stat().st_mtime_ns == (full.src / "Makefile").stat().st_mtime_ns
    empty.move_to(bad)
    assert (empty.src / "lib/string.c").exists()
