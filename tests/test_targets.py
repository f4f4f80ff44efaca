"""Builds as they were reported: of more than vmlinux, in the tree itself, of trees that are not clean."""

from __future__ import annotations

import shutil

import pytest

from bisectsyms.model import Outcome
from bisectsyms.smallkernel.history import Failure, History
from tests.conftest import MakeHistory, User, git, named

FROM_NOTHING = "cached" if shutil.which("ccache") else "clean"

SURE = ("--rate", "0.9", "--confidence", "0.5", "--json")
CLEAN = "make passed, the link ran, and the two maps are equal"
MODULES = """
PHONY += all modules
all: vmlinux modules
modules: vmlinux
	$(Q)echo '  CC [M]  drivers/net/loopback.o'
	$(Q)echo >&2 "drivers/net/loopback.c:3:1: error: unknown type name 'u128'"; exit 1
"""


def step(user: User, history: History, profile: str, name: str = "HEAD") -> tuple[int, str, str]:
    """Judge a revision: exit status, JSON, stderr."""
    path = history.repo.parent / "mine.yaml"
    path.write_text(f"arch: x86\nhosttools: no\ndefconfig: smallkernel_defconfig\n{profile}")
    words = ("bisectsyms", "step", name, "--profile", str(path), "--slots-dir", str(user.slots), *SURE)
    done = user.run(*words, cwd=history.repo)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def modular(make_history: MakeHistory) -> History:
    """HEAD has a target `all`, whose modules do not compile."""
    history = make_history(Failure.ALWAYS, seed=1, commits=12, broken=False, unrelated=False)
    git(history.repo, "checkout", "-q", history.good)
    makefile = history.repo / "Makefile"
    text = makefile.read_text()
    makefile.write_text(text.replace("\nPHONY += clean mrproper", f"{MODULES}\nPHONY += clean mrproper", 1))
    git(history.repo, "commit", "-q", "-a", "-m", "kbuild: modules")
    return history


def test_a_module_that_does_not_compile_says_nothing_of_the_link(user: User, modular: History) -> None:
    status, _, told = step(user, modular, "targets: [all]\n")
    assert status == 0, told
    made = user.attempts(modular.repo)
    assert {one["outcome"] for one in made} == {Outcome.CLEAN}
    assert {one["exit_status"] for one in made} == {2}
    assert "failed at another target" in str(made[0]["why"])
    assert "u128" in str(made[0]["why"])
    status, _, told = step(user, modular, "targets: [all, nothing_of_the_sort]\n")
    assert status == 125, "make did not begin"


def test_the_failing_link_counts_whatever_else_is_made(user: User, modular: History) -> None:
    git(modular.repo, "cherry-pick", "-n", modular.culprit)
    git(modular.repo, "commit", "-q", "-m", "the culprit here")
    status, _, told = step(user, modular, "targets: [all]\n")
    assert status == 1, told


def test_it_is_built_in_the_tree(user: User, make_history: MakeHistory) -> None:
    history = make_history(Failure.ALWAYS, seed=1, commits=12, broken=False, unrelated=False)
    status, _, told = step(user, history, "in_tree: yes\n", "good")
    assert status == 0, told
    made = user.attempts(history.repo)
    assert [one["kind"] for one in made] == [FROM_NOTHING, "relink"]
    assert not any(" O=" in str(one["command"]) for one in made)
    (tree,) = user.slots.glob("*/*/tree/*/vmlinux")
    assert (tree.parent / "init/main.o").exists()
    assert not list(user.slots.glob("*/*/src"))
    status, _, told = step(user, history, "", "good")
    assert status == 0, told
    both = user.attempts(history.repo)
    assert len({one["cell"] for one in both}) == 2, "another cell"
    status, _, told = step(user, history, "in_tree: yes\n", "good")
    assert status == 0, told
    assert len(user.attempts(history.repo)) == len(both), "what was seen is known again"


def test_a_whole_bisect_in_the_tree(user: User, make_history: MakeHistory) -> None:
    history = make_history(Failure.ALWAYS, seed=2, commits=12, broken=True)
    path = history.repo.parent / "mine.yaml"
    path.write_text("arch: x86\nhosttools: no\ndefconfig: smallkernel_defconfig\nin_tree: yes\nvariation: pinned\n")
    git(history.repo, "bisect", "start", history.bad, history.good)
    words = ("bisectsyms", "--profile", str(path), "--slots-dir", str(user.slots))
    done = user.run("git", "bisect", "run", *words, cwd=history.repo)
    assert named(done.stdout) == history.culprit, done.stdout + done.stderr
    assert not (history.repo / ".config").exists(), "the user's tree is never built in"


def test_what_a_killed_build_left_in_the_tree_is_removed(user: User, make_history: MakeHistory) -> None:
    history = make_history(Failure.NONE, seed=1, commits=12, broken=False, unrelated=False)
    assert step(user, history, "in_tree: yes\n", "good")[0] == 0
    (tree,) = user.slots.glob("*/*/tree/*/vmlinux")
    busy = tree.parent.with_name(tree.parent.name + ".bisectsyms-busy")
    busy.touch()
    (tree.parent / "init/main.o").write_text("half an object")
    status, _, told = step(user, history, "in_tree: yes\n", "bad")
    assert status == 0, told
    assert [one["kind"] for one in user.attempts(history.repo)][2:] == [FROM_NOTHING, "relink"]


def test_a_tree_that_was_committed_after_a_build_is_built(user: User, make_history: MakeHistory) -> None:
    """Vendors commit their .config; kbuild then refuses O=."""
    history = make_history(Failure.NONE, seed=1, commits=12, broken=False, unrelated=False)
    (history.repo / ".config").write_text("CONFIG_KALLSYMS=y\n")
    (history.repo / "include/config").mkdir()
    (history.repo / "include/config/auto.conf").write_text("CONFIG_KALLSYMS=y\n")
    git(history.repo, "add", "-f", ".config", "include/config/auto.conf")
    git(history.repo, "commit", "-q", "-m", "vendor drop")
    for profile in ("", "in_tree: yes\n"):
        status, _, told = step(user, history, profile)
        assert status == 0, told
        assert "not clean" not in told
    assert {(one["outcome"], one["why"]) for one in user.attempts(history.repo)} == {(Outcome.CLEAN, CLEAN)}
