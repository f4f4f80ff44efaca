"""A slot works again after whatever ended in it, and no two runs share one."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bisectsyms.effects import slots
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.objtree import BUILT, Objtree
from bisectsyms.effects.slots import Slot
from bisectsyms.smallkernel.history import Failure, History
from bisectsyms.usecases.clean import clean
from tests.conftest import MakeHistory


class Dying(Repository):
    """One whose git is killed, and we with it, while it makes a worktree."""

    def git(self, *args: str, **given: Any) -> str:
        if args[:2] == ("worktree", "add"):
            killed_while_it_adds(self, Path(args[-2]), args[-1])
            raise KeyboardInterrupt
        return super().git(*args, **given)


@pytest.fixture
def history(make_history: MakeHistory) -> History:
    return make_history(Failure.NONE, commits=12)


@pytest.fixture
def repository(history: History) -> Repository:
    return Repository.discover(history.repo, {})


@pytest.fixture
def slot(repository: Repository, tmp_path: Path) -> Slot:
    return slots.acquire(tmp_path / "slots", repository)


def head(repository: Repository, slot: Slot) -> str:
    return repository.git("rev-parse", "HEAD", cwd=slot.src)


def test_a_locked_slot_is_left_to_its_owner(repository: Repository, slot: Slot, tmp_path: Path) -> None:
    second = slots.acquire(tmp_path / "slots", repository)
    assert second.path != slot.path
    assert slots.in_use(tmp_path / "slots", repository) == 2
    second.release()
    third = slots.acquire(tmp_path / "slots", repository)
    assert third.path == second.path
    third.release()


def test_backups_leave_slots_out(repository: Repository, slot: Slot, tmp_path: Path) -> None:
    (slot.path / "obj").mkdir()
    (slot.path / "obj/vmlinux").touch()
    words = ("tar", "--create", "--exclude-caches", "slots")
    packed = subprocess.run((*words, "--file=-"), cwd=tmp_path, check=True, capture_output=True).stdout
    listed = subprocess.run(("tar", "--list"), input=packed, check=True, capture_output=True).stdout
    assert slots.TAG.encode() in listed
    assert b"vmlinux" not in listed
    assert f"{repository.common_dir}\n" in (slot.path.parent / slots.TAG).read_text()


def test_who_only_looks_does_not_cost_a_slot(repository: Repository, slot: Slot, tmp_path: Path) -> None:
    slot.release()
    with (slot.path / "lock").open() as looked:
        fcntl.flock(looked, fcntl.LOCK_EX)
        again = slots.acquire(tmp_path / "slots", repository, sleep=lambda _: fcntl.flock(looked, fcntl.LOCK_UN))
    assert again.path == slot.path
    again.release()


def killed_while_it_adds(repository: Repository, path: Path, commit: str) -> None:
    """git, killed with its children after it has written some of the files of a new worktree."""
    (repository.common_dir / "info").mkdir(exist_ok=True)
    (repository.common_dir / "info/attributes").write_text("lib/** filter=deadly\n")
    words = ("git", "-c", "filter.deadly.smudge=kill -9 0", "worktree", "add", "--force", "--detach", str(path), commit)
    subprocess.run(words, cwd=repository.top, start_new_session=True, capture_output=True, check=False)
    (repository.common_dir / "info/attributes").unlink()
    assert (path / "Makefile").exists()
    assert not (path / "lib").exists() or not list((path / "lib").glob("*.c"))
    assert " locked" in repository.git("worktree", "list")


def test_a_worktree_that_git_was_killed_in_is_whole_in_the_end(
    repository: Repository, slot: Slot, history: History, tmp_path: Path
) -> None:
    """git writes HEAD first, so the revision looks as if it were checked out."""
    revision = repository.resolve(history.bad)
    dying = Dying(repository.top, repository.git_dir, repository.common_dir)
    with pytest.raises(KeyboardInterrupt):
        Slot(slot.path, dying, (slot.path / "lock").open()).move_to(revision)
    slot.move_to(revision)
    assert not slot.changes(revision)
    assert " locked" not in repository.git("worktree", "list")
    slot.release()
    killed_while_it_adds(repository, slot.path / "tree", history.good)
    report = clean(repository, tmp_path / "slots", remove=True)
    assert all(one.removed for one in report)
    assert repository.git("worktree", "list").count("\n") == 0, "the user's own alone"


def test_after_a_boot_a_slot_begins_empty_and_is_made_anew(
    repository: Repository, slot: Slot, history: History, tmp_path: Path
) -> None:
    revision, heard = repository.resolve(history.good), list[str]()
    slot.move_to(revision)
    (slot.src / "Makefile").write_text("")
    (slot.path / "obj").mkdir()
    slot.release()
    again = slots.acquire(tmp_path / "slots", repository, say=heard.append, boot=lambda: "another")
    assert again.path == slot.path
    assert sorted(path.name for path in slot.path.iterdir()) == ["boot", "lock"]
    assert "before this machine came up" in heard[0]
    again.move_to(revision)
    assert not again.changes(revision)
    again.release()


@pytest.mark.parametrize("damage", ["nothing", "index.lock", "half a checkout", "src gone", "admin gone", "dirty"])
def test_a_slot_moves_whatever_happened_to_it(
    repository: Repository, slot: Slot, history: History, damage: str
) -> None:
    slot.move_to(repository.resolve(history.good))
    assert head(repository, slot) == history.good
    admin = Path((slot.src / ".git").read_text().split(maxsplit=1)[1].strip())
    if damage == "index.lock":
        (admin / "index.lock").touch()
    elif damage == "half a checkout":
        (slot.path / "moving").touch()
        (slot.src / "Makefile").write_text("half")
    elif damage == "src gone":
        shutil.rmtree(slot.src)
    elif damage == "admin gone":
        shutil.rmtree(admin)
    elif damage == "dirty":
        (slot.src / "Makefile").write_text("changed by a build\n")
    slot.move_to(repository.resolve(history.bad))
    assert head(repository, slot) == history.bad
    assert not repository.git("status", "--porcelain", cwd=slot.src)


def test_two_slots_never_share_what_git_has_of_a_worktree(
    repository: Repository, slot: Slot, history: History, tmp_path: Path
) -> None:
    """A repository that was made anew gives the names in another order, and `.git` of a slot of before stays."""
    good, bad = repository.resolve(history.good), repository.resolve(history.bad)
    second = slots.acquire(tmp_path / "slots", repository)
    slot.move_to(good)
    second.move_to(good)
    shutil.copy(slot.src / ".git", second.src / ".git")
    second.move_to(bad)
    assert (head(repository, slot), head(repository, second)) == (history.good, history.bad)
    assert not repository.git("status", "--porcelain", cwd=slot.src)
    assert not repository.git("status", "--porcelain", cwd=second.src)
    second.release()


@pytest.fixture
def fixed(repository: Repository, history: History, tmp_path: Path) -> str:
    """A git tree: the bad end with a changed Makefile, without lib/string.c, and with a new file in a new folder."""
    env = {"GIT_INDEX_FILE": str(tmp_path / "index")}
    new = tmp_path / "new"
    new.write_text("changed\n")
    blob = repository.git("hash-object", "-w", str(new))
    repository.git("read-tree", history.bad, env=env)
    for path in ("Makefile", "scripts/new/file"):
        repository.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=env)
    repository.git("update-index", "--force-remove", "lib/string.c", env=env)
    return repository.git("write-tree", env=env)


def is_fixed(slot: Slot) -> tuple[bool, bool, bool]:
    """Whether each of the three changes of `fixed` is there."""
    makefile = (slot.src / "Makefile").read_text() == "changed\n"
    return makefile, not (slot.src / "lib/string.c").exists(), (slot.src / "scripts/new/file").exists()


@pytest.mark.parametrize("damage", ["nothing", "half a checkout", "src gone", "dirty", "mark gone"])
def test_a_slot_with_another_tree_than_its_revision_gives_it_back(
    repository: Repository, slot: Slot, history: History, fixed: str, damage: str
) -> None:
    slot.move_to(repository.resolve(history.bad), fixed)
    assert head(repository, slot) == history.bad
    assert is_fixed(slot) == (True, True, True)
    if damage == "half a checkout":
        (slot.path / "moving").touch()
        (slot.src / "scripts/new/file").write_text("half")
        (slot.src / "scripts/new/stray").touch()
    elif damage == "src gone":
        shutil.rmtree(slot.src)
    elif damage == "dirty":
        (slot.src / "Makefile").write_text("changed by a build\n")
    elif damage == "mark gone":  # killed between taking it back and saying so
        (slot.path / "moving").touch()
        (slot.path / "fixed").unlink()
    slot.move_to(repository.resolve(history.bad))
    assert is_fixed(slot) == (False, False, False)
    assert not repository.git("status", "--porcelain", cwd=slot.src)
    slot.move_to(repository.resolve(history.bad), fixed)
    assert is_fixed(slot) == (True, True, True)
    slot.move_to(repository.resolve(history.good))
    assert head(repository, slot) == history.good
    assert not repository.git("status", "--porcelain", cwd=slot.src)


def test_only_files_that_differ_are_touched(repository: Repository, slot: Slot, history: History, fixed: str) -> None:
    """Or every arrival at a revision with a changed header would compile everything."""

    def times() -> dict[str, int]:
        files = (path for path in slot.src.rglob("*") if path.is_file() and path.name != ".git")
        return {str(path.relative_to(slot.src)): path.stat().st_mtime_ns for path in files}

    slot.move_to(repository.resolve(history.bad))
    plain = times()
    slot.move_to(repository.resolve(history.bad), fixed)
    with_fixups = times()
    assert {name for name in plain.keys() & with_fixups.keys() if plain[name] != with_fixups[name]} == {"Makefile"}
    before = repository.resolve(f"{history.bad}^")
    env = {"GIT_INDEX_FILE": str(slot.path / "index")}
    repository.git("read-tree", before.commit, env=env)
    for path in ("Makefile", "scripts/new/file"):
        mode, _, blob, name = repository.git("ls-tree", fixed, path).split(maxsplit=3)
        repository.git("update-index", "--add", "--cacheinfo", f"{mode},{blob},{name}", env=env)
    slot.move_to(before, repository.git("write-tree", env=env))
    now = times()
    assert head(repository, slot) == before.commit
    assert [now[name] for name in ("Makefile", "scripts/new/file")] == [
        with_fixups[name] for name in ("Makefile", "scripts/new/file")
    ], "both revisions have them with the same content"


def test_tested_commits_are_kept_alive(repository: Repository, slot: Slot, history: History) -> None:
    slot.move_to(repository.resolve(history.bad))
    assert history.bad in repository.git("for-each-ref", "--format=%(objectname)", "refs/bisectsyms/")


def built(path: Path, tree: str) -> Objtree:
    objtree = Objtree(path)
    path.mkdir(parents=True)
    (path / "vmlinux.o").write_text(tree)
    objtree.arrived(tree)
    return objtree


def test_an_objtree_in_which_a_build_was_cut_short_goes(tmp_path: Path) -> None:
    objtree = built(tmp_path / "obj", "a")
    with pytest.raises(KeyboardInterrupt), objtree.in_use():
        raise KeyboardInterrupt
    assert objtree.at() == "a", "until it is looked at"
    objtree.repair()
    assert not objtree.exists()


def test_a_clean_build_that_comes_to_nothing_gives_the_warm_objtree_back(tmp_path: Path) -> None:
    objtree = built(tmp_path / "obj", "a")
    objtree.set_aside()
    with objtree.in_use():
        assert not objtree.exists()
    objtree.take_back()
    assert objtree.at() == "a"


def test_a_clean_build_that_is_killed_gives_it_back_as_well(tmp_path: Path) -> None:
    objtree = built(tmp_path / "obj", "a")
    objtree.set_aside()
    with pytest.raises(KeyboardInterrupt), objtree.in_use():
        raise KeyboardInterrupt
    Objtree(tmp_path / "obj").repair()
    assert objtree.at() == "a"


def test_a_clean_build_that_passes_replaces_it(tmp_path: Path) -> None:
    objtree = built(tmp_path / "obj", "a")
    objtree.set_aside()
    with objtree.in_use():
        pass
    objtree.arrived("b")
    objtree.repair()
    assert objtree.at() == "b"
    assert not (tmp_path / "obj" / "vmlinux.o").exists()


def test_an_objtree_says_from_which_files_it_was_built(
    repository: Repository, slot: Slot, history: History, fixed: str
) -> None:
    objtree = slot.objtree("key")
    objtree.path.mkdir(parents=True)
    for commit, tree in ((history.bad, ""), (history.bad, fixed), (history.good, "")):
        slot.move_to(repository.resolve(commit), tree)
        objtree.arrived("known as")
        assert (objtree.path / BUILT).read_text() == f"known as\n{commit}\n{tree}"
        assert objtree.at() == "known as"
    objtree.leave()
    assert (objtree.at(), objtree.exists()) == ("", True)
