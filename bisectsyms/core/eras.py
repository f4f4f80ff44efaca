"""Which files the link of vmlinux leaves, told from the text of a revision's own link script.

Names and cleaning up changed several times, and stable trees and vendors backport the changes, so a
version number says nothing. An era is data (configs/knowledge/eras.yaml); here is only how to choose one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Clue:
    """A line that the file has, or has not; a file that is missing has no lines."""

    file: str
    """Path in the source tree."""
    pattern: str
    """Regular expression; `^` and `$` match at every line."""
    absent: bool = False

    def holds(self, files: Mapping[str, str]) -> bool:
        """Whether `files` (path in the source tree -> text) bear it out."""
        found = re.search(self.pattern, files.get(self.file, ""), re.MULTILINE) is not None
        return found is not self.absent


@dataclass(frozen=True, slots=True)
class Era:
    """How one generation of the kernel's build links vmlinux and checks kallsyms."""

    id: str
    kernels: str
    """For people: about which releases have it. Nothing is decided by this."""
    clues: tuple[Clue, ...]
    """All must hold."""
    before: tuple[str, ...]
    """Names the map of the last temporary link can have, the latest pass first: what exists is compared."""
    after: str
    """The map of the final vmlinux."""
    outputs: tuple[str, ...]
    """Glob patterns of everything the link makes, to be removed before it is repeated."""
    leaves_maps: bool
    """Both maps are still there after a mismatch; otherwise they have to be caught while the link runs."""
    passes: tuple[str, ...]
    """Glob patterns of the tables of every pass, worth keeping as evidence."""
    images: tuple[str, ...]
    """Glob patterns of the temporary images; `[0-9]` stands for the pass."""
    leaves_out: str
    """Regular expression: lines of `nm -n` that are in no map; empty where each pass leaves its own."""

    def maps(self) -> tuple[str, ...]:
        """Glob patterns of the maps of each pass, where the build writes any."""
        return tuple(name for name in self.passes if name.endswith(".syms"))

    def tables(self) -> tuple[str, ...]:
        """Glob patterns of the kallsyms objects of each pass."""
        return tuple(name for name in self.passes if name.endswith(".o"))


def detect(files: Mapping[str, str], eras: Sequence[Era]) -> Era | None:
    """The first era all of whose clues hold for `files` (path in the source tree -> text), else None.

    None means that the revision has no check (before 2.6.7, or a vendor took it out) or links in a way
    that is not known here; nothing can be concluded from its builds.
    """
    return next((era for era in eras if all(clue.holds(files) for clue in era.clues)), None)


def by_names(names: Collection[str], eras: Sequence[Era]) -> Era | None:
    """The first era whose link could have left files of these names, where there is no script to read; else None.

    Eras with the same names are not told apart, and the latest of them is taken.
    """

    def there(patterns: Iterable[str]) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in patterns for name in names)

    for era in eras:
        kept = (*era.passes, *era.images, *(f"{image}.nm" for image in era.images))
        if there(kept) and (there(era.before) or there(era.maps()) or (era.after in names and not era.leaves_maps)):
            return era
    return None
