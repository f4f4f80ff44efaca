"""One pair of source and O= paths for every slot, so that neither ccache nor the layout sees which it is.

Where bubblewrap works, each slot is mounted at the same place for its build, the rest of the file
system is read-only, and a PID namespace ends with its driver. Where it does not (containers,
AppArmor), prefix maps and CCACHE_BASEDIR hide the path, and the record of the attempt says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bisectsyms.effects.closing import SCRATCH, Closed, status

WRITABLE = ("watch", "tap", "pad")
"""Folders of a slot in which the tools of a build leave something (effects/toolpath.py, nmtap.py, pad.py)."""

FALLS_WITH_US = ("--unshare-pid", "--die-with-parent")
EVERYTHING_READ_ONLY = ("bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc")
BWRAP_PROBE = (*EVERYTHING_READ_ONLY, *FALLS_WITH_US, "true")
"""Containers and AppArmor refuse namespaces in many ways; only running it tells."""


@dataclass(frozen=True, slots=True)
class View:
    """How a build sees its slot."""

    mode: str
    """`bwrap` or `prefix-map`, as the ledger records it."""
    src: Path
    obj: Path
    prefix: tuple[str, ...] = ()
    """Words before the build's own command line."""
    env: tuple[tuple[str, str], ...] = ()
    make: tuple[tuple[str, str], ...] = ()
    """Further make variables."""


def bwrap_works(run: Callable[[Sequence[str]], int] | None = None) -> bool:
    """Whether bubblewrap can make the namespaces a build needs, found by running it once."""
    return (run or status)(BWRAP_PROBE) == 0


def mounted(
    slot: Path,
    src: Path,
    obj: Path,
    mount: Path,
    repository: Path,
    cache: Path | None = None,
    closed: Closed | None = None,
) -> View:
    """The view through bubblewrap: `slot` is seen at `mount`, an empty folder that hides nothing.

    Of the slot a build can write to its trees and to what its tools leave for us (WRITABLE). Our log, lock and
    wrappers are not among them, and neither is the file that says where the worktree's repository is: git would
    run what the configuration of another one names. That repository is bound read-only at its true path, because
    without it setlocalversion silently prints nothing. `cache` is ccache's folder. `closed` is for builds of a
    stranger's report.
    """
    mount.mkdir(parents=True, exist_ok=True)
    words = [*closed.begin] if closed else [*EVERYTHING_READ_ONLY]
    for path in (Path(name) for name in SCRATCH if not closed):
        words += ["--bind", str(path), str(path)] if path.is_dir() else []
    if cache and cache.is_dir():
        words += ["--bind", str(cache), str(cache)]
    words += ["--ro-bind", str(repository), str(repository), *(closed.over(repository) if closed else ())]
    words += ["--ro-bind", str(slot), str(mount)]
    trees = {obj} if closed else {src, obj}
    for path in (*sorted(trees), *(slot / name for name in WRITABLE)):
        words += ["--bind-try", str(path), str(mount / path.relative_to(slot))]
    words += ["--ro-bind-try", str(src / ".git"), str(mount / src.relative_to(slot) / ".git")]
    words += [*FALLS_WITH_US, *(closed.end if closed else ()), "--chdir", str(mount), "--"]
    return View("bwrap", mount / src.relative_to(slot), mount / obj.relative_to(slot), tuple(words))


def mapped(slot: Path, src: Path, obj: Path) -> View:
    """The view without namespaces: true paths, hidden from the compiler and from ccache."""
    flag = f"-ffile-prefix-map={slot}=."
    return View(
        "prefix-map", src, obj, env=(("CCACHE_BASEDIR", str(slot)),), make=(("KCFLAGS", flag), ("KAFLAGS", flag))
    )
