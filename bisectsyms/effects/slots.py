"""Slots: a worktree of ours with its objtrees, so that the user's tree is never built in or moved.

A slot belongs to one host and is locked while in use. What was cut short in its worktree leaves a mark, and git
checks everything out again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from bisectsyms.core.throughput import MOST_SLOTS
from bisectsyms.effects import boots
from bisectsyms.effects.beneath import read_beneath
from bisectsyms.effects.evidence.files import make_folder
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.machine import from_future
from bisectsyms.effects.objtree import InTree, Objtree
from bisectsyms.effects.runner import end_marked
from bisectsyms.errors import InfraError
from bisectsyms.model import Revision

MOVING = "moving"
"""In a slot whose worktree is not what its HEAD says."""
FIXED = "fixed"
"""In a slot whose worktree has fixups: the id of the git tree that it holds instead of its HEAD's."""
TAG = "CACHEDIR.TAG"
TAG_TEXT = """\
Signature: 8a477f597d28d172789f06886806bc55
# Made by bisectsyms, for {repository}
# All of it can be built again; `bisectsyms clean` there removes it.
"""
"""Backups leave a folder with such a file out: https://bford.info/cachedir/."""
LOOK_SECONDS = 0.01
"""Much longer than `is_locked` takes."""


class Slot:
    """A locked slot; use `acquire`."""

    def __init__(self, path: Path, repository: Repository, lock: IO[str]) -> None:
        self.path = path
        self.src = path / "src"
        self._moving = path / MOVING
        self._fixed = path / FIXED
        self._repository = repository
        self._lock = lock
        self._held = ("", "")
        """What was last checked out in the common worktree: the commit, and the tree instead of its own."""

    def objtree(self, key: str) -> Objtree:
        """The objtree of this key in this slot; first thrown away if it cannot be trusted."""
        tree = Objtree(self.path / "obj" / key, lambda: self._held)
        tree.repair()
        return tree

    def in_tree(self, key: str) -> InTree:
        """Work from now on in a worktree of this key alone, in which it is built as well.

        The common one stays as clean as kbuild wants it for O=.
        """
        self.src = self.path / "tree" / key
        self.src.parent.mkdir(exist_ok=True)
        self._moving = self.src.with_name(f"{key}.{MOVING}")
        self._fixed = self.src.with_name(f"{key}.{FIXED}")
        tree = InTree(self.src, self._clean, self.distrust, self._is_worktree)
        tree.repair()
        return tree

    def move_to(self, revision: Revision, tree: str = "") -> None:
        """Check `revision` out in the slot's worktree; git touches only the files that differ.

        `tree` is the git tree to check out where it is not the revision's own, because of fixups. HEAD is at
        the revision all the same, and the next move takes back whatever is different.

        Raises:
            InfraError: git could not, even in a worktree made anew.
        """
        moving = self._moving
        for attempt in Retrying(
            stop=stop_after_attempt(3),
            wait=wait_exponential(0.2, max=2),
            retry=retry_if_exception_type(InfraError),
            reraise=True,
        ):
            with attempt:
                if attempt.retry_state.attempt_number > 1 or not self._is_worktree():
                    self._make_worktree(revision)
                for name in ("index.lock", "locked"):  # the slot is ours alone: a git that died has left it
                    (self._admin() / name).unlink(missing_ok=True)
                cut_short = moving.exists()
                moving.touch()
                if cut_short or self._holds() != (revision.commit, tree):
                    self._check_out(revision, tree)
                    self._keep_alive(revision)
                if cut_short:
                    self._clean()
                moving.unlink()
        self._held = (revision.commit, tree)

    def _holds(self) -> tuple[str, str]:
        """The commit that is checked out, and the tree that is there instead of its own."""
        tree = self._fixed.read_text() if self._fixed.exists() else ""
        return self._repository.git("rev-parse", "HEAD", cwd=self.src), tree

    def _check_out(self, revision: Revision, tree: str) -> None:
        """Either way from what the index has to what is wanted, so that a file that both have keeps its mtime."""
        if tree:
            self._repository.git("read-tree", "--reset", "-u", tree, cwd=self.src)
            self._repository.git("update-ref", "--no-deref", "HEAD", revision.commit, cwd=self.src)
            self._fixed.write_text(tree)
        else:
            self._repository.git("checkout", "--quiet", "--force", "--detach", revision.commit, cwd=self.src)
            self._fixed.unlink(missing_ok=True)

    def distrust(self) -> None:
        """Have the worktree checked out and cleaned before its next use, whatever HEAD says: people were here."""
        self._moving.touch()

    def _clean(self) -> None:
        self._repository.git("clean", "--quiet", "-ffdx", cwd=self.src)

    def restore(self) -> None:
        """Take back what was changed in git's files; what is not git's stays. Not for a worktree with fixups."""
        self._repository.git("reset", "--quiet", "--hard", cwd=self.src)

    def changes(self, revision: Revision) -> str:
        """What git's files have that is not of `revision`, as a patch."""
        options = ("--binary", "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty")
        return self._repository.git("diff", *options, revision.commit, cwd=self.src)

    def _is_worktree(self) -> bool:
        """Whether git knows it as this one: where a repository was made anew, what it has may be of another slot.

        And whether its files are of the past: git writes the index after them.
        """
        admin = self._admin()
        if from_future(admin / "index"):
            return False
        try:
            known = admin / (admin / "gitdir").read_text().strip()
        except OSError:
            return False
        # A build may have put another folder in its place, with a configuration that names programs.
        ours = admin.resolve().parent == (self._repository.common_dir / "worktrees").resolve()
        return ours and (admin / "HEAD").exists() and known.resolve() == (self.src / ".git").resolve()

    def _admin(self) -> Path:
        """The worktree's own folder inside the repository."""
        with contextlib.suppress(OSError, ValueError):
            return self.src / read_beneath(self.src, ".git", 1 << 12).decode().removeprefix("gitdir:").strip()
        return self.src / ".git"

    def _make_worktree(self, revision: Revision) -> None:
        self._moving.touch()  # git says where HEAD is before it has written the files
        self._fixed.unlink(missing_ok=True)
        shutil.rmtree(self.src, ignore_errors=True)
        self._repository.git("worktree", "prune")
        # Twice: what a git that died has left of it is locked, or somebody may have locked it.
        words = ("worktree", "add", "--quiet", "--force", "--force", "--detach")
        self._repository.git(*words, str(self.src), revision.commit)
        self._moving.unlink()
        self._keep_alive(revision)

    def _keep_alive(self, revision: Revision) -> None:
        """A ref, so that git gc keeps what was tested although its branch is rebased."""
        self._repository.git("update-ref", f"refs/bisectsyms/{revision.commit[:12]}", revision.commit)

    def release(self) -> None:
        """Unlock it for whoever comes next; nothing is removed."""
        self._lock.close()


def repository_folder(slots_dir: Path, repository: Repository) -> Path:
    """Where the slots of `repository` are: named for it and told apart by its path."""
    where = str(repository.common_dir)
    return slots_dir / f"{repository.top.name}-{hashlib.sha256(where.encode()).hexdigest()[:8]}"


def acquire(
    slots_dir: Path,
    repository: Repository,
    *,
    first: int = 0,
    say: Callable[[str], None] = lambda text: None,
    sleep: Callable[[float], None] = time.sleep,
    boot: Callable[[], str] = boots.boot_id,
) -> Slot:
    """Lock the first slot of this host that is free, and end what a dead driver left running in it.

    `first` is the number of the one that is tried before all others. Where `boot` says that the machine came up
    since a slot was last used, it is emptied.

    Raises:
        InfraError: the folder cannot be written, or every slot is in use.
    """
    folder = repository_folder(slots_dir, repository)
    for number in dict.fromkeys((first, *range(MOST_SLOTS))):
        path = folder / f"{socket.gethostname()}-{number}"
        try:
            make_folder(folder)
            with contextlib.suppress(FileExistsError), (folder / TAG).open("x") as tag:
                tag.write(TAG_TEXT.format(repository=repository.common_dir))
            path.mkdir(exist_ok=True)
            lock = (path / "lock").open("a+")
            if not _locked(lock, sleep):
                lock.close()
                continue
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
        except OSError as error:
            step = "--slots-dir on a disk of this host, with locks and free space; then the same command again"
            raise InfraError(f"{path}: {error.strerror}", next_step=step) from error
        if left := end_marked(str(path)):
            say(f"{path.name}: ended {left} process(es) of a run that died")
        if boots.empty_after_a_boot(path, boot):
            say(f"{path.name}: emptied, because it was last used before this machine came up and may be torn")
        return Slot(path, repository, lock)
    raise InfraError(f"all {MOST_SLOTS} slots in {folder} are in use", next_step="wait for the other runs")


def _locked(lock: IO[str], sleep: Callable[[float], None]) -> bool:
    """Lock it if it is free. Who only looks holds a lock for a moment, and must not cost us a warm slot.

    Raises:
        OSError: this file system has no locks.
    """
    for last in (False, True):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            if not last:
                sleep(LOOK_SECONDS)
        else:
            return True
    return False


def is_locked(lock_file: Path) -> bool:
    """Whether a living process holds this lock."""
    try:
        with lock_file.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def in_use(slots_dir: Path, repository: Repository) -> int:
    """How many slots of the repository are locked now (the rate of a race depends on it)."""
    return sum(is_locked(lock) for lock in repository_folder(slots_dir, repository).glob("*/lock"))
