"""One pair of source and O= paths for every slot, so that neither ccache nor the layout sees which it is.

Where bubblewrap works, each slot is mounted at the same place for its build, the rest of the file
system is read-only, and a PID namespace ends with its driver. Where it does not (containers,
AppArmor), prefix maps and CCACHE_BASEDIR hide the path, and the record of the attempt says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from plumbum import CommandNotFound, ProcessTimedOut, local

from bisectsyms.errors import InfraError

SCRATCH = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - builds may write there; we do not
"""What stays writable beside the slot: compilers and scripts put their temporary files there."""


EVERYTHING_READ_ONLY = ("bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc")
PROBE_SECONDS = 60
FALLS_WITH_US = ("--unshare-pid", "--die-with-parent")
OF_ITS_OWN = ("--unshare-net", "--unshare-ipc")
"""Further namespaces for builds of a stranger's report: no network, not even this host's own, and no shared memory."""
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
    return (run or _status)(BWRAP_PROBE) == 0


def closed_works(run: Callable[[Sequence[str]], int] | None = None) -> bool:
    """Whether it can also close a build off from the network; some containers allow the rest alone."""
    return (run or _status)((*BWRAP_PROBE[:-1], *OF_ITS_OWN, "true")) == 0


def _status(argv: Sequence[str]) -> int:
    try:
        return int(local[argv[0]].run(argv[1:], retcode=None, timeout=PROBE_SECONDS)[0])
    except CommandNotFound:
        return 127
    except ProcessTimedOut as error:  # no answer is not "no": the paths of a build, and so its layout, hang on it
        raise InfraError(
            f"{argv[0]} did not end within {PROBE_SECONDS} s", next_step="the same again when the machine has time"
        ) from error


def mounted(
    slot: Path,
    src: Path,
    obj: Path,
    mount: Path,
    repository: Path,
    cache: Path | None = None,
    *,
    closed: bool = False,
    needed: Sequence[Path] = (),
) -> View:
    """The view through bubblewrap: `slot` is seen at `mount`, an empty folder that hides nothing.

    The repository's .git is bound read-only at its true path, because the worktree's .git file points
    there: without it setlocalversion silently prints nothing. `cache` is ccache's folder. `closed` is for
    builds of a stranger's report: no network, and temporary files that nobody else sees and that end with
    the build. Folders `needed` of that are bound back, as a compiler that was unpacked in /tmp.
    """
    mount.mkdir(parents=True, exist_ok=True)
    scratch = [Path(name) for name in SCRATCH if Path(name).is_dir()]
    words = [*EVERYTHING_READ_ONLY]
    for path in scratch:
        words += ["--tmpfs", str(path)] if closed else ["--bind", str(path), str(path)]
    if cache and cache.is_dir():
        words += ["--bind", str(cache), str(cache)]
    hidden = [path for path in needed if closed and any(path.is_relative_to(one) for one in scratch)]
    for path in (*hidden, repository):
        words += ["--ro-bind", str(path), str(path)]
    words += ["--bind", str(slot), str(mount), *FALLS_WITH_US, *(OF_ITS_OWN if closed else ())]
    words += ["--chdir", str(mount), "--"]
    return View("bwrap", mount / src.relative_to(slot), mount / obj.relative_to(slot), tuple(words))


def mapped(slot: Path, src: Path, obj: Path) -> View:
    """The view without namespaces: true paths, hidden from the compiler and from ccache."""
    flag = f"-ffile-prefix-map={slot}=."
    return View(
        "prefix-map", src, obj, env=(("CCACHE_BASEDIR", str(slot)),), make=(("KCFLAGS", flag), ("KAFLAGS", flag))
    )
