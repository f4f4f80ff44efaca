"""Show and remove the slots of a repository: they can always be made again. The ledger never goes."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from bisectsyms.effects import ccache, slots
from bisectsyms.effects.gitrepo import Repository


@dataclass(frozen=True, slots=True)
class SlotSize:
    """One slot on disk, or what is common to them."""

    path: Path
    size: int
    """Bytes."""
    in_use: bool
    removed: bool


def clean(repository: Repository, slots_dir: Path, *, remove: bool) -> tuple[SlotSize, ...]:
    """The slots of `repository` and their ccache; with `remove` what nobody uses is deleted."""
    report, any_busy = [], slots.in_use(slots_dir, repository) > 0
    for path in sorted(path for path in slots.repository_folder(slots_dir, repository).glob("*") if path.is_dir()):
        busy = any_busy if path.name == ccache.FOLDER else slots.is_locked(path / "lock")
        size = _size(path)
        if remove and not busy:
            shutil.rmtree(path, ignore_errors=True)
        report.append(SlotSize(path, size, busy, remove and not path.exists()))
    if remove:
        _forget(repository, [one.path for one in report if one.removed])
    return tuple(report)


def _forget(repository: Repository, removed: list[Path]) -> None:
    """Have git forget the worktrees that are gone, also those that a git that died has left locked."""
    for record in repository.git("worktree", "list", "--porcelain").split("\n\n"):
        first, *more = record.splitlines()
        path = Path(first.removeprefix("worktree "))
        if any(line.startswith("locked") for line in more) and any(path.is_relative_to(slot) for slot in removed):
            repository.git("worktree", "unlock", str(path))
    repository.git("worktree", "prune")


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
