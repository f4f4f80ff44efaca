"""The inputs of a link, hashed in every attempt: archive members, libraries, linker script, version objects, flags.

The strongest discriminator there is: equal inputs and different results put the cause in the link, and where they
differ, what differs names it. What was hashed before is known by size, mtime, ctime and inode, so that an objtree in
which nothing changed costs a stat of each file.
"""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from bisectsyms.effects.beneath import open_beneath, read_beneath, write_beneath
from bisectsyms.effects.thinarchive import members
from bisectsyms.effects.toolpath import Link, Pass

CACHE = ".bisectsyms-inputs"
"""In the objtree: what was hashed before."""
OF_THE_DRAW = ("init/version*.o", "init/.version*.o", "pad/[0-9]*.o")
"""Made anew for each link, with the version string in them; and what a draw joins (effects/pad.py)."""
OUTPUTS = (".tmp_*", ".btf.*", "vmlinux", "vmlinux.unstripped")
"""What one pass makes and the next is given."""
FLAGS = "(arguments of ld)"
BUILT_IN = ("*/built-in", "arch/*/built-in", "arch/*/*/built-in")
"""What each folder gives: an object, later a thin archive, linked side by side before 6.1 made one vmlinux.a."""
UNWATCHED = (
    *("vmlinux.a", "init/version*.o", "lib/lib.a", "arch/*/lib/lib.a", ".vmlinux.export.o"),
    *("arch/*/kernel/vmlinux.lds", "arch/*/kernel/head*.o"),
    *(f"{name}.{suffix}" for name in BUILT_IN for suffix in ("o", "a")),
)
"""Files that are linked, where nobody noted which."""

Stamp = tuple[int, int, int, int]
"""Size, mtime and ctime in ns, inode: equal for a file that nobody has written to."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What one link was made of."""

    files: Sequence[tuple[str, str]]
    """(sha256, path) of what stays the same from draw to draw at one revision, sorted by path; and FLAGS."""
    drawn: Sequence[tuple[str, str]]
    """The same of the objects that hold the version string, and of what the draw joins."""
    moved: Sequence[str]
    """Inputs that changed while the link ran: which, and between which passes."""
    unlike: Sequence[str] = ()
    """Of a failure: inputs that are not those of the last attempt that passed here, at the same revision."""

    @property
    def digest(self) -> str:
        """16 hex digits over all of it."""
        return hashlib.sha256(lines((*self.files, *self.drawn)).encode()).hexdigest()[:16]


def lines(files: Iterable[tuple[str, str]]) -> str:
    """As sha256sum writes them."""
    return "".join(f"{digest}  {path}\n" for digest, path in files)


def inputs(obj: Path, noted: Link | None, seen: Path | None = None) -> Inputs:
    """Hash what was linked in an objtree, which must not have changed since.

    `noted` is what ld said of it; without that, what is known to be linked in the kernels of each generation. `seen`
    is where the link saw the objtree.
    """
    hashes = Hashes(obj)
    if noted and noted.passes:
        last = noted.passes[-1]
        named = [path for word in last.args for path in [word.partition("=")[2] if word.startswith("-") else word]]
        flags = [word for word in last.args if word.startswith("-")]
    else:
        whole = (obj / "vmlinux.a").exists()
        patterns = (one for one in UNWATCHED if not (whole and "built-in" in one))
        named = sorted(str(path.relative_to(obj)) for pattern in patterns for path in obj.glob(pattern))
        flags = []
    root = f"{seen or obj}/"
    given = [name for path in named if not _made_by_link(name := _inside(path.removeprefix(root)))]
    found = {one for path in given for one in hashes.below(path)}
    known = {path: digest for path in found if not path.startswith("/") and (digest := hashes.digest(path))}
    if noted and noted.passes:  # what lies outside, as an object that a draw joins, may be out of our sight
        outside = ((path, digest) for path, digest in noted.passes[-1].sums.items() if not path.startswith(root))
        known |= {_outside(path): digest for path, digest in outside if path.startswith("/")}
    listed = [(digest, path) for path, digest in sorted(known.items())]
    if flags:
        listed.append((hashlib.sha256("\0".join(flags).encode()).hexdigest(), FLAGS))
    hashes.save()
    return Inputs(
        files=[one for one in listed if not _is_drawn(one[1])],
        drawn=[one for one in listed if _is_drawn(one[1])],
        moved=tuple(_moved(noted.passes, given, found, hashes)) if noted else (),
    )


class Hashes:
    """sha256 of files in an objtree, and what archives hold; from before where the stamp is the same."""

    def __init__(self, obj: Path) -> None:
        self._obj = obj
        self._before = self._read()
        self._known: dict[str, tuple[Stamp, str, list[str] | None]] = {}

    def digest(self, path: str) -> str:
        """Of one file; empty for one that is not there."""
        return known[1] if (known := self._look(path)) else ""

    def stamp(self, path: str) -> Stamp | None:
        """Size, mtime, ctime and inode of a file; None for one that is not there."""
        return known[0] if (known := self._look(path)) else None

    def below(self, path: str) -> Iterator[str]:
        """The file itself, or the members of a thin archive, which are files of their own."""
        known = self._look(path)
        if known is None:
            return
        if known[2] is None:
            yield path
        else:
            yield from known[2]

    def save(self) -> None:
        """Keep what is known; the next attempt does without it where it cannot be written."""
        with contextlib.suppress(OSError):
            write_beneath(self._obj, CACHE, json.dumps(self._known).encode())

    def _look(self, path: str) -> tuple[Stamp, str, list[str] | None] | None:
        if path not in self._known:
            try:
                status = (self._obj / path).lstat()
                stamp = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
                known = self._before.get(path)
                self._known[path] = known if known and known[0] == stamp else (stamp, *self._hashed(path))
            except (OSError, ValueError):
                return None
        return self._known[path]

    def _hashed(self, path: str) -> tuple[str, list[str] | None]:
        with open_beneath(self._obj, path) as file:
            named = members(file, path)
            file.seek(0)
            return hashlib.file_digest(file, "sha256").hexdigest(), named

    def _read(self) -> dict[str, tuple[Stamp, str, list[str] | None]]:
        try:
            found = json.loads(read_beneath(self._obj, CACHE))
            return {path: (tuple(stamp), digest, members) for path, (stamp, digest, members) in found.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}


def _moved(passes: Sequence[Pass], given: Iterable[str], found: Iterable[str], hashes: Hashes) -> Iterator[str]:
    """What changed between two passes by its content, and what else was written since the first began."""
    told = set[str]()
    for before, after in pairwise(passes):
        for path, digest in after.sums.items():
            name = _inside(path)
            if not _made_by_link(name) and before.sums.get(path, digest) != digest:
                told.add(name)
                yield f"{name} changed between {before.output} and {after.output}"
    for name in sorted({*given, *found} - told):
        stamp = hashes.stamp(name)
        if stamp and stamp[2] > passes[0].begun:
            last = max((one for one in passes if one.begun < stamp[2]), key=lambda one: one.begun)
            yield f"{name} was written after {last.output} had begun"


def _inside(path: str) -> str:
    return os.path.normpath(path)


def _made_by_link(path: str) -> bool:
    return any(fnmatch.fnmatch(path, pattern) for pattern in OUTPUTS)


def _outside(path: str) -> str:
    """A name that is the same in every slot."""
    return "/".join(path.split("/")[-2:])


def _is_drawn(path: str) -> bool:
    return any(fnmatch.fnmatch(path, pattern) for pattern in OF_THE_DRAW)
