"""A warm objtree of another slot, copied into an empty one: seconds in place of a build from scratch.

Another process may be building in the source meanwhile, so it is copied as a seqlock is read: looked at before and
after, and thrown away if anything was done there between the two looks.

make goes by times, so the files of our worktree are given those that the same files have in the source's: what was up
to date there is up to date here, what was not is not, and a file that differs is newer than any object. The worktree
must be this objtree's alone for that: to others, older files would hide what has changed.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bisectsyms.effects.beneath import read_beneath
from bisectsyms.effects.boots import is_of_this_boot
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.objtree import BUILT, BUSY
from bisectsyms.effects.runner import MARK, Command, Ended, run
from bisectsyms.effects.slots import Slot
from bisectsyms.errors import BisectsymsError, InfraError

PART = ".bisectsyms-part"
LOG = "clone.log"
PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds after which a source in which something was done is looked at again."""
COPY_SECONDS = 600.0
ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
Run = Callable[[Command, Path], Ended]


@dataclass(frozen=True, slots=True)
class Cloned:
    """Where an objtree came from."""

    slot: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Look:
    """An objtree in which nothing runs; equal at two looks if nothing ran between them."""

    commit: str
    fixed: str
    """The git tree that was built instead of the commit's own, because of fixups; mostly empty."""
    times: tuple[int, int]
    """Of its mark, and of the folder above, where the mark of a build comes and goes."""


def look(objtree: Path) -> Look | None:
    """None while it is built in, where it is at no revision, and where nobody noted from which commit it was made."""
    try:
        above = objtree.parent.stat().st_mtime_ns  # first: a build that begins now leaves another
        mark = objtree / BUILT
        times = (mark.stat().st_mtime_ns, above)
        tree, commit, fixed = _told(objtree)
    except (OSError, ValueError):
        return None
    busy = objtree.with_name(objtree.name + BUSY).exists()
    return Look(commit, fixed, times) if tree and commit and not busy else None


def _told(objtree: Path) -> tuple[str, str, str]:
    """The three lines of its mark; a build can write there, and what they say becomes arguments of git.

    Raises:
        OSError, ValueError: there is none, or it is not ours.
    """
    tree, commit, fixed = read_beneath(objtree, BUILT).decode().split("\n")
    if not all(ID.fullmatch(one) for one in (commit, fixed) if one):
        raise ValueError("no id of a commit or tree")
    return tree, commit, fixed


def _cp(command: Command, log: Path) -> Ended:
    return run(command, log=log, timeout=COPY_SECONDS)


def clone(
    slot: Slot, key: str, repository: Repository, *, cp: Run = _cp, sleep: Callable[[float], None] = time.sleep
) -> Cloned | None:
    """Copy the objtree of this key from another slot of this host; None if there is none, or none keeps still.

    The slot's worktree is left at the revision of the copy. Never raises for what is wrong with a source: then it is
    built here, as without any.
    """
    target, begun = slot.path / "obj" / key, time.monotonic()
    part = target.with_name(key + PART)
    shutil.rmtree(part, ignore_errors=True)
    if any(target.parent.glob(f"*/{BUILT}")):
        return None
    try:
        for pause in (0.0, *PAUSES):
            sleep(pause)
            if not (sources := list(_sources(slot.path, key))):
                return None
            for source in sources:
                with contextlib.suppress(BisectsymsError, OSError):
                    if _copied(source, part, slot.path, cp) and _moved(slot, source, look(part), repository):
                        shutil.rmtree(target, ignore_errors=True)
                        part.rename(target)
                        return Cloned(source.parent.parent.name, time.monotonic() - begun)
                shutil.rmtree(part, ignore_errors=True)
        return None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _sources(slot: Path, key: str) -> Iterator[Path]:
    """Objtrees of this key that are at a revision and were built since the machine came up, the newest first."""
    found = []
    for mark in slot.parent.glob(f"{socket.gethostname()}-*/obj/{key}/{BUILT}"):
        with contextlib.suppress(OSError, ValueError):
            _, commit, _ = _told(mark.parent)
            if commit and (source := mark.parent.parent.parent) != slot and is_of_this_boot(source):
                found.append((mark.stat().st_mtime, mark.parent))
    return (objtree for _, objtree in sorted(found, reverse=True))


def _copied(source: Path, part: Path, slot: Path, cp: Run) -> bool:
    before = look(source)
    if before is None:
        return False
    part.parent.mkdir(parents=True, exist_ok=True)
    words = ("cp", "-a", "--reflink=auto", str(source), str(part))
    (slot / LOG).unlink(missing_ok=True)
    env = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", MARK: str(slot)}
    ended = cp(Command(words, slot, env), slot / LOG)
    return ended.exit_status == 0 and look(source) == before


def _moved(slot: Slot, source: Path, made: Look | None, repository: Repository) -> bool:
    """Our worktree to what the copy was made from, with the times of the source's."""
    if made is None:
        return False
    slot.move_to(repository.resolve(made.commit), made.fixed)
    theirs = source.parent.parent / "src"
    there = _index(repository, theirs)
    for path, entry in _index(repository, slot.src).items():
        if there.get(path) == entry:
            with contextlib.suppress(FileNotFoundError):
                times = (theirs / path).lstat()
                os.utime(slot.src / path, ns=(times.st_atime_ns, times.st_mtime_ns), follow_symlinks=False)
    repository.tried("update-index", "-q", "--refresh", cwd=slot.src)
    return True


def _index(repository: Repository, worktree: Path) -> dict[str, str]:
    """Path -> mode and blob of every file that git has there.

    Read before the times: a file that is checked out meanwhile has a newer one, and then it is compiled again.
    """
    try:
        listed = repository.git("ls-files", "-z", "--stage", cwd=worktree)
    except InfraError:
        return {}
    lines = (line.partition("\t") for line in listed.split("\0") if line)
    return {path: entry for entry, _, path in lines}
