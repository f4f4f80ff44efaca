"""Keeps the objtrees of a repository within a budget of disk: those used least lately go first.

A matrix of toolchains and kconfigs has an objtree for each, in every slot, and each is hundreds of megabytes. What is
removed is only built again; a slot that somebody works in is left alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.objtree import BUILT
from bisectsyms.effects.slots import repository_folder

OBJ = "obj"


@dataclass(frozen=True, slots=True)
class Thinned:
    """What was removed."""

    trees: int = 0
    freed: int = 0
    """Bytes."""


def thin(
    slots_dir: Path, repository: Repository, budget: int | None, wanted_free: int, keep: Collection[str]
) -> Thinned:
    """Remove objtrees until all together are within `budget` bytes and `wanted_free` bytes are free, or none may go.

    Without a budget only the free space counts. `keep` are the keys of those that are needed next, which stay. To be
    called while we hold no slot.
    """

    def is_enough(total: int) -> bool:
        return (budget is None or total <= budget) and shutil.disk_usage(slots_dir).free >= wanted_free

    trees, freed = 0, 0
    if not slots_dir.exists() or (budget is None and is_enough(0)):  # nothing has to be weighed
        return Thinned()
    with contextlib.ExitStack() as locks:
        free_slots = [slot for slot in _slots(slots_dir, repository) if _lock(slot, locks)]
        found = sorted((_used(tree), tree) for slot in free_slots for tree in _objtrees(slot))
        sizes = {tree: _size(tree) for _, tree in found}
        total = sum(sizes.values())
        for _, tree in found:
            if is_enough(total):
                break
            if tree.name.partition(".")[0] in keep:  # or what was set aside for it
                continue
            shutil.rmtree(tree, ignore_errors=True)
            trees, freed, total = trees + 1, freed + sizes[tree], total - sizes[tree]
    return Thinned(trees, freed)


def _slots(slots_dir: Path, repository: Repository) -> Iterator[Path]:
    yield from (lock.parent for lock in sorted(repository_folder(slots_dir, repository).glob("*/lock")))


def _lock(slot: Path, locks: contextlib.ExitStack) -> bool:
    file = locks.enter_context((slot / "lock").open("a"))
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _objtrees(slot: Path) -> list[Path]:
    return [tree for tree in (slot / OBJ).glob("*") if tree.is_dir()]


def _used(tree: Path) -> float:
    """When something was last built there, in seconds since the epoch."""
    for path in (tree / BUILT, tree):
        with contextlib.suppress(OSError):
            return path.stat().st_mtime
    return 0.0


def _size(tree: Path) -> int:
    """Bytes on disk."""
    total = 0
    for folder, _, names in os.walk(tree):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(folder, name)).st_blocks * 512  # noqa: PTH118 - a thousand files
    return total
