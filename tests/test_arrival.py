"""What an objtree is said to be at must be what it holds, whatever came to nothing in between."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bisectsyms.core.decide import Ask
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.objtree import InTree, Objtree
from bisectsyms.effects.runner import Ended
from bisectsyms.effects.seeds import Seeds
from bisectsyms.inputs.profile import find_profile
from bisectsyms.inputs.toolchains import load_toolchains
from bisectsyms.model import Kind, Outcome
from bisectsyms.smallkernel.history import Failure, write_history
from bisectsyms.usecases.bench import Options
from bisectsyms.usecases.workbench import Workbench
from tests.test_workbench import Heard


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    """On a small kernel; its branch `broken` does not compile."""
    history = write_history(tmp_path / "linux", Failure.NONE, seed=1, commits=12, broken=False, unrelated=False)

    def git(*words: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b.invalid", *words], cwd=history.repo, check=True
        )

    git("checkout", "-q", "-B", "broken", history.bad)
    with next(history.repo.glob("lib/*.c")).open("a") as source:
        source.write("this is no C;\n")
    git("commit", "-q", "-am", "broken")
    git("checkout", "-q", history.bad)
    with Workbench(
        Repository.discover(history.repo, {}),
        find_profile("smallkernel", state_dir=tmp_path, xdg_config_home=tmp_path, cwd=tmp_path),
        Options(slots_dir=tmp_path / "slots", toolchains=load_toolchains(tmp_path)),
        os.environ,
        Heard(),
        sleep=lambda seconds: None,
    ) as opened:
        yield opened


def attempt(bench: Workbench, name: str, kind: Kind) -> Outcome:
    ended = bench.attempt(bench.repository.resolve(name), Ask(kind, "test"))
    assert ended.result is not None
    return ended.result.outcome


def test_an_objtree_in_which_another_revision_broke_is_at_neither(bench: Workbench) -> None:
    good = bench.repository.resolve("good")
    assert attempt(bench, "good", Kind.CLEAN) is Outcome.CLEAN
    assert bench.arrival(good) is None
    assert attempt(bench, "broken", Kind.INCREMENTAL) is Outcome.BROKEN
    assert bench.arrival(good) is Kind.INCREMENTAL, "its .config and objects are the broken revision's"
    assert attempt(bench, "broken", Kind.CLEAN) is Outcome.BROKEN
    assert bench.arrival(good) is Kind.INCREMENTAL, "and that objtree was set aside and taken back"
    assert attempt(bench, "good", Kind.INCREMENTAL) is Outcome.CLEAN
    assert bench.arrival(good) is None


def test_a_clean_build_that_breaks_leaves_the_warm_objtree_where_it_was(bench: Workbench) -> None:
    assert attempt(bench, "good", Kind.CLEAN) is Outcome.CLEAN
    assert attempt(bench, "broken", Kind.CLEAN) is Outcome.BROKEN
    assert bench.arrival(bench.repository.resolve("good")) is None, "it was set aside before anything was done"


def test_a_killed_build_is_nowhere_and_a_set_aside_objtree_comes_back(bench: Workbench) -> None:
    good = bench.repository.resolve("good")
    assert attempt(bench, "good", Kind.CLEAN) is Outcome.CLEAN
    objtree = bench.builder.objtree
    objtree.set_aside()
    with objtree.in_use():
        pass
    objtree.suspect()
    assert bench.arrival(good) is bench.from_nothing
    objtree.repair()
    assert bench.arrival(good) is None


def test_what_was_killed_is_at_no_revision_before_it_is_repaired(tmp_path: Path) -> None:
    """Else a relink is asked for, and what is made after the repair is a build from scratch under that name."""
    objtree = Objtree(tmp_path / "obj")
    (tmp_path / "obj").mkdir()
    objtree.arrived("a")
    objtree.suspect()
    assert (objtree.at(), objtree.exists()) == ("", False)


def test_what_was_cut_short_in_a_worktree_has_it_checked_out_again(tmp_path: Path) -> None:
    done = list[str]()
    tree = InTree(tmp_path / "src", lambda: done.append("clean"), lambda: done.append("distrust"), lambda: True)
    (tmp_path / "src").mkdir()
    (tmp_path / "src/.git").touch()
    with pytest.raises(KeyboardInterrupt), tree.in_use():
        raise KeyboardInterrupt
    tree.repair()
    assert done == ["clean", "distrust"]
    tree.repair()
    assert len(done) == 2


def test_keys_of_a_build_that_broke_are_not_kept(bench: Workbench) -> None:
    made = "certs/x509.genkey"
    repository, builder = bench.repository, bench.builder
    seeds = repository.state_dir / "seeds"

    class Making(Seeds):
        """As if the build had begun to make a key."""

        def give(self, obj: Path) -> bool:
            (obj / made).parent.mkdir(parents=True, exist_ok=True)
            (obj / made).write_text("half")
            return False

    bench.builder = replace(builder, seeds=Making(seeds))
    assert attempt(bench, "broken", Kind.CLEAN) is Outcome.BROKEN
    assert not (seeds / made).exists()
    assert attempt(bench, "good", Kind.CLEAN) is Outcome.CLEAN
    assert (seeds / made).exists()


def test_a_signal_and_a_time_out_leave_half_an_output() -> None:
    killed = [Ended(status, 0.0, 0.0, 0).killed for status in (None, -signal.SIGKILL, 0, 2)]
    assert killed == [True, True, False, False]
