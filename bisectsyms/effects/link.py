"""What a link leaves in the objtree: its outputs to remove, its two maps.

Names of files differ by era of the kernel; which era a revision is of is read from its own link script.
"""

from __future__ import annotations

import filecmp
import hashlib
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bisectsyms.core.eras import Era, detect
from bisectsyms.effects.beneath import regular, remove_beneath

SCRIPTS = ("scripts/link-vmlinux.sh", "Makefile", "scripts/Makefile.vmlinux")
"""Where the link of vmlinux has been described, from 2.6 to today."""
MAP_SLACK_SECONDS = 1.0
"""File times come from a clock coarser than ours; outputs were removed before, so this hides nothing."""


@dataclass(frozen=True, slots=True)
class Maps:
    """The two maps whose equality the kernel's build checks."""

    before: Path | None
    """Map of the last temporary link."""
    after: Path | None
    """System.map."""
    fresh: bool | None
    equal: bool | None
    layout: str
    """Of the sha256 of the last temporary map the first 16 hex digits, equal for equal layouts; empty without one."""


def era_of(read: Callable[[str], str], eras: Sequence[Era]) -> Era | None:
    """The era of a revision, or None if its link script is of no known shape.

    `read` gives the text of a file by its path in the source tree, empty for a file that is not there.
    """
    return detect({name: read(name) for name in SCRIPTS}, eras)


def remove(obj: Path, outputs: Iterable[str]) -> None:
    """Remove everything the link makes, so that it must run and cannot be mistaken for an old one."""
    for pattern in outputs:
        for path in obj.glob(pattern):
            remove_beneath(obj, path.name)


def remove_build(src: Path) -> None:
    """Remove what makes kbuild refuse O= with "The source tree is not clean": some trees have it committed."""
    remove_beneath(src, ".config")
    for folder in (src / "include/config", *src.glob("arch/*/include/generated")):
        if folder.resolve().is_relative_to(src.resolve()):  # a link in the tree may lead anywhere
            shutil.rmtree(folder, ignore_errors=True)


def maps(obj: Path, era: Era | None, begun: float) -> Maps:
    """Find and compare the maps of an attempt that began at `begun` (seconds since the epoch)."""
    if era is None:
        return Maps(None, None, None, None, "")
    before = next((obj / name for name in era.before if regular(obj, name)), None)
    after = obj / era.after if regular(obj, era.after) else None
    layout = _digest(before)[:16] if before else ""
    if before is None or after is None:
        return Maps(before, after, False, None, layout)
    fresh = all(path.stat().st_mtime >= begun - MAP_SLACK_SECONDS for path in (before, after))
    return Maps(before, after, fresh, filecmp.cmp(before, after, shallow=False), layout)


def image_fresh(obj: Path, begun: float) -> bool:
    """Whether the attempt that began at `begun` (seconds since the epoch) has made vmlinux."""
    return regular(obj, "vmlinux") and (obj / "vmlinux").stat().st_mtime >= begun - MAP_SLACK_SECONDS


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
