"""The small kernel must fail as promised: every other test leans on it.

Real builds. Rates are asked for with room: where a test could fail by chance, the chance is said.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bisectsyms.smallkernel import Failure, History, write_history

MISMATCH = "Inconsistent kallsyms data\nTry make KALLSYMS_EXTRA_PASS=1 as a workaround\n"
ARM = ("ARCH=arm", "CROSS_COMPILE=arm-linux-gnueabi-")
STEADY = ("KBUILD_BUILD_TIMESTAMP=Thu Jan  1 00:00:00 UTC 2026", "KBUILD_BUILD_USER=u", "KBUILD_BUILD_HOST=h")

if platform.machine() not in ("x86_64", "aarch64"):
    pytest.skip("the small kernel is made for x86_64, aarch64 and arm", allow_module_level=True)
for tool, package in (("make", "make"), ("gcc", "gcc"), ("ld", "binutils"), ("git", "git")):
    if shutil.which(tool) is None:
        pytest.skip(f"apt-get install {package}", allow_module_level=True)


class Objtree:
    """A worktree of one commit with an O= of its own."""

    def __init__(self, history: History, commit: str, folder: Path, *args: str) -> None:
        self.source, self.out, self.args = folder / "source", folder / "out", args
        run("git", "-C", str(history.repo), "worktree", "add", "-q", "--detach", str(self.source), commit)
        assert self.make("smallkernel_defconfig").returncode == 0

    def make(self, *args: str, jobs: int = 2) -> subprocess.CompletedProcess[str]:
        command = ["make", "-C", str(self.source), f"O={self.out}", f"-j{jobs}", *self.args, *STEADY, *args]
        keep = {"PATH": os.environ["PATH"], "LANG": "C"}
        return subprocess.run(command, env=keep, capture_output=True, text=True, check=False)

    def consistent(self, length: int = 1, jobs: int = 2) -> bool:
        """Link anew; whether the two maps agree, which make and our own comparison must say alike."""
        (self.out / "vmlinux").unlink(missing_ok=True)
        done = self.make("KBUILD_BUILD_VERSION=1" + "0" * (length - 1), "vmlinux", jobs=jobs)
        assert done.returncode == 0 or MISMATCH in done.stderr, done.stderr
        last = max(self.out.glob(".tmp_vmlinux.kallsyms?.syms"))
        same = (self.out / "System.map").read_bytes() == last.read_bytes()
        assert same == (done.returncode == 0) == (self.out / "vmlinux").exists()
        return same

    def from_scratch(self, jobs: int = 2) -> bool:
        """As `consistent`, after everything that was built is gone."""
        shutil.rmtree(self.out)
        assert self.make("smallkernel_defconfig").returncode == 0
        return self.consistent(jobs=jobs)


Make = Callable[..., Objtree]


def run(*command: str) -> str:
    keep = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    return subprocess.run(command, env=keep, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def objtree(tmp_path: Path) -> Make:
    """Make an objtree of the end (or another commit) of a history without the dying compiler."""

    def make(
        failure: Failure, *args: str, commit: Callable[[History], str] = lambda h: h.bad, folder: str = "."
    ) -> Objtree:
        history = write_history(tmp_path / folder / "repo", failure, seed=1, commits=16, unrelated=False)
        return Objtree(history, commit(history), tmp_path / folder, *args)

    return make


@pytest.mark.parametrize("failure", list(Failure))
def test_a_history_is_reproducible_and_has_what_real_ones_have(tmp_path: Path, failure: Failure) -> None:
    first = write_history(tmp_path / "a", failure, seed=3)
    again = write_history(tmp_path / "b", failure, seed=3)
    other = write_history(tmp_path / "c", failure, seed=4)
    assert first.numbers == again.numbers
    assert first.bad != other.bad
    assert sorted(first.numbers.values()) == list(range(41))

    git = ("git", "-C", str(first.repo))
    assert run(*git, "rev-list", "--count", "good..bad").strip() == "40"
    assert len(run(*git, "rev-list", "--merges", "good..bad").split()) == 1
    assert run(*git, "status", "--porcelain") == ""
    assert run(*git, "ls-files", "-s", "scripts/kconfig/merge_config.sh").startswith("100755")
    for line in run(*git, "log", "--format=%H %s", "good..bad").splitlines():
        commit, title = line.split(" ", 1)
        assert str(first.numbers[commit]) in title.split()
    kbuild = run(*git, "log", "--format=%H", "--grep=^kbuild:", "bad").split()
    assert len(kbuild) >= 4
    assert (first.culprit in kbuild) == (failure is not Failure.NONE)
    assert 2 <= len(first.broken) <= 3
    assert first.culprit not in first.broken


@pytest.mark.parametrize("seed", range(60))
def test_every_plan_that_can_be_drawn_is_sound(tmp_path: Path, seed: int) -> None:
    history = write_history(tmp_path / "repo", Failure.ALWAYS, seed=seed, commits=12 + seed % 9)
    culprit = history.numbers[history.culprit]
    for commit in history.broken:
        assert abs(history.numbers[commit] - culprit) >= 2


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError, match="not empty"):
        write_history(tmp_path, Failure.NONE, seed=1)
    with pytest.raises(ValueError, match="12 or more"):
        write_history(tmp_path / "new", Failure.NONE, seed=1, commits=3)


def test_a_good_commit_never_fails(objtree: Make) -> None:
    tree = objtree(Failure.NONE)
    assert all(tree.consistent(length) for length in (*range(1, 9), 17, 31, 32, 33, 64))


def test_the_race_needs_a_second_job(objtree: Make) -> None:
    """At about one in two, 20 links without a failure (or with nothing else) are one in a million."""
    tree = objtree(Failure.RACE, commit=lambda h: h.culprit)
    assert all(tree.consistent(jobs=1) for _ in range(6))
    results = {tree.consistent() for _ in range(20)}
    assert results == {True, False}


def test_the_header_race_shows_in_builds_from_scratch_alone(objtree: Make) -> None:
    """At three in four, 30 builds of one outcome are two in ten thousand."""
    tree = objtree(Failure.HEADER, commit=lambda h: h.culprit)
    results = list[bool]()
    while len(set(results)) < 2 and len(results) < 30:
        results.append(tree.from_scratch())
        assert all(tree.consistent(length) for length in (1, 7, 64)), f"a link again, after {results[-1]}"
    assert set(results) == {True, False}
    assert all(tree.from_scratch(jobs=1) for _ in range(3))
    parent = objtree(Failure.HEADER, commit=lambda h: h.culprit + "~1", folder="parent")
    assert all(parent.from_scratch() for _ in range(3))


def test_the_layout_follows_from_the_length(objtree: Make) -> None:
    tree = objtree(Failure.LAYOUT)
    failing, maps = [], set()
    for length in range(1, 49):
        if not tree.consistent(length):
            failing.append(length)
        maps.add((tree.out / "System.map").read_bytes())
    assert 0.1 <= len(failing) / 48 <= 0.5
    assert len(maps) >= 32
    for length in (*failing[:2], *sorted(set(range(1, 49)) - set(failing))[:2]):
        assert tree.consistent(length) == (length not in failing)


def test_the_parent_of_the_layout_culprit_never_fails(objtree: Make) -> None:
    tree = objtree(Failure.LAYOUT, commit=lambda h: h.culprit + "~1")
    assert all(tree.consistent(length) for length in range(1, 17))


def test_always_is_always(objtree: Make) -> None:
    tree = objtree(Failure.ALWAYS, commit=lambda h: h.culprit)
    assert not any(tree.consistent(length, jobs) for length in (1, 2, 9, 64) for jobs in (1, 2))


def test_a_broken_commit_does_not_compile(objtree: Make) -> None:
    done = objtree(Failure.NONE, commit=lambda h: h.broken[0]).make("vmlinux")
    assert done.returncode != 0
    assert "error: " in done.stderr
    assert "kallsyms" not in done.stderr


def test_the_compiler_that_dies_is_reported_by_gcc(tmp_path: Path) -> None:
    """Loaded dice: the same wrapper, with every throw a death."""
    history = write_history(tmp_path / "repo", Failure.NONE, seed=1, commits=16)
    tree = Objtree(history, history.bad, tmp_path)
    wrapper = tree.source / "scripts/gentle-compiler"
    wrapper.write_text(wrapper.read_text().replace("-lt 8", "-lt 256"))
    done = tree.make("vmlinux")
    assert done.returncode != 0
    assert "Killed signal terminated program cc1" in done.stderr


def test_it_takes_the_arguments_of_a_real_kernel(objtree: Make, tmp_path: Path) -> None:
    tree = objtree(Failure.NONE)
    missing = tree.make("no_such_defconfig")
    assert missing.returncode != 0
    assert "Can't find default configuration" in missing.stderr

    fragment = tmp_path / "fragment"
    fragment.write_text('CONFIG_LOCALVERSION="-x"\n# CONFIG_SWAP is not set\nCONFIG_UNKNOWN=y\n')
    merge = str(tree.source / "scripts/kconfig/merge_config.sh")
    run(merge, "-m", "-O", str(tree.out), str(tree.out / ".config"), str(fragment))
    assert tree.make("olddefconfig").returncode == 0
    config = (tree.out / ".config").read_text()
    assert "# CONFIG_SWAP is not set" in config
    assert "CONFIG_KALLSYMS=y" in config
    assert "UNKNOWN" not in config
    assert tree.make("vmlinux", "LOCALVERSION=-y").returncode == 0
    assert (tree.out / "include/config/kernel.release").read_text() == "6.1.0-x-y\n"
    assert b"Linux version 6.1.0-x-y (u@h) (" in (tree.out / "vmlinux").read_bytes()
    assert "swap_out" not in (tree.out / "System.map").read_text()
    assert run("make", "-s", "-C", str(tree.source), f"O={tree.out}", "kernelrelease") == "6.1.0-x\n"

    with (tree.out / ".config").open("a") as config_file:
        config_file.write("# CONFIG_KALLSYMS is not set\n")
    assert tree.make("olddefconfig").returncode == 0
    done = tree.make("vmlinux")
    assert done.returncode == 0
    assert "KSYMS" not in done.stdout
    assert tree.make("mrproper").returncode == 0
    assert not (tree.out / ".config").exists()


def test_only_what_changed_is_compiled(objtree: Make) -> None:
    tree = objtree(Failure.NONE)
    assert tree.make("vmlinux").returncode == 0
    with (tree.source / "mm/slab.c").open("a") as source:
        source.write("\nint slab_more(void)\n{\n\treturn 1;\n}\n")
    done = tree.make("vmlinux")
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("  CC ")] == [
        "mm/slab.o",
        "init/version-timestamp.o",
    ]
    assert "LD" not in tree.make("vmlinux").stdout
    assert "CC      fs/inode.o" in tree.make("vmlinux", "KCFLAGS=-O1").stdout


def test_arm(objtree: Make) -> None:
    if shutil.which("arm-linux-gnueabi-gcc") is None:
        pytest.skip("apt-get install gcc-arm-linux-gnueabi")
    tree = objtree(Failure.LAYOUT, *ARM)
    assert {tree.consistent(length) for length in range(1, 33)} == {True, False}
