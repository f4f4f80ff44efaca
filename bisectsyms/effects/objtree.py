"""An objtree: what was built in it, for which revision, and whether that can be trusted.

A mark lies beside it while something builds there; only an orderly end takes it away. A killed make can leave half an
object that looks up to date, so an objtree with the mark is thrown away before the next use.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from bisectsyms.effects.beneath import text_beneath, write_beneath
from bisectsyms.effects.machine import from_future
from bisectsyms.errors import InfraError

BUSY = ".bisectsyms-busy"
ASIDE = ".bisectsyms-aside"
BUILT = ".bisectsyms-built"
"""Lines: what the ledger has the revision by, its commit, the git tree that was checked out instead of its own."""


class Objtree:
    """An O= folder: one per toolchain, kconfig and variables that affect compiling.

    A clean build does not cost the warm objtree: that one is set aside, and taken back unless the clean
    build got as far as to replace it. A revision that does not build would otherwise make the next one
    compile everything.
    """

    def __init__(self, path: Path, holds: Callable[[], tuple[str, str]] = lambda: ("", "")) -> None:
        """`holds` tells what is checked out, for whoever copies what was built from it."""
        self.path = path
        self._holds = holds
        self._busy = path.with_name(path.name + BUSY)
        self._aside = path.with_name(path.name + ASIDE)

    def exists(self) -> bool:
        """Whether a revision was ever built to its end here, and what is left of it can be trusted."""
        return (self.path / BUILT).exists()

    def at(self) -> str:
        """Tree id of the revision that is built here; empty where it is at none."""
        return text_beneath(self.path, BUILT).partition("\n")[0]

    def marked(self) -> float:
        """When that was noted, in seconds since the epoch; 0 if it never was."""
        try:
            return (self.path / BUILT).stat().st_mtime
        except OSError:
            return 0.0

    def leave(self) -> None:
        """Note that what was built here is left for another revision: until that has arrived, it is at none."""
        if self.exists():
            write_beneath(self.path, BUILT, b"")

    def arrived(self, tree: str) -> None:
        """Note that the revision with this tree id was built here, and forget what was set aside."""
        write_beneath(self.path, BUILT, "\n".join((tree, *self._holds())).encode())
        _remove(self._aside)

    def set_aside(self) -> None:
        """Make room for a build from scratch."""
        if self.exists():
            _remove(self._aside)
            self.path.rename(self._aside)
        _remove(self.path)

    def take_back(self) -> None:
        """Put what was set aside in the place of a build that came to nothing."""
        if self._aside.exists():
            _remove(self.path)
            self._aside.rename(self.path)

    @contextlib.contextmanager
    def in_use(self) -> Iterator[float]:
        """Leave a mark while a build runs; only an orderly end takes it away. Its time, by the clock of the disk."""
        self.path.mkdir(parents=True, exist_ok=True)
        self._busy.touch()
        yield self._busy.stat().st_mtime
        self._busy.unlink(missing_ok=True)

    def suspect(self) -> None:
        """Leave the mark although nothing runs: it was killed and may have left half an object, or people were here.

        `repair` will throw the objtree away, so it is no more at any revision.
        """
        self._busy.touch()
        (self.path / BUILT).unlink(missing_ok=True)

    def repair(self) -> None:
        """Throw the objtree away if a build was cut short in it, or the clock was set back; what is aside is whole."""
        if self._busy.exists() or from_future(self.path / BUILT):
            _remove(self.path)
            self._busy.unlink(missing_ok=True)
        self.take_back()


class InTree(Objtree):
    """An objtree that is its worktree, too: what is not git's is what was built."""

    def __init__(
        self, path: Path, clean: Callable[[], object], distrust: Callable[[], object], is_worktree: Callable[[], bool]
    ) -> None:
        super().__init__(path)
        self._clean = clean
        self._distrust = distrust
        self._is_worktree = is_worktree

    def set_aside(self) -> None:
        """Remove what was built; nothing is kept."""
        self._clean()

    def take_back(self) -> None:
        """Nothing was set aside."""

    def repair(self) -> None:
        """Remove what was built if that was cut short, as above; git's own files may have been changed, too."""
        if self._busy.exists() or from_future(self.path / BUILT):
            if self._is_worktree():
                self._clean()
                self._distrust()
            else:
                _remove(self.path)
            self._busy.unlink(missing_ok=True)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        raise InfraError(f"{folder} cannot be removed", next_step="bisectsyms clean --yes, then the same command")
