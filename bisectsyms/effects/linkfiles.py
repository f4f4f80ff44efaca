"""What a link of vmlinux left in a folder: of any generation, whoever built there, or what is kept of an attempt.

Nothing in the folder is run or believed: a source tree that it points to is only read, for how its script links.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, TimeoutExpired
from typing import Any

from plumbum import CommandNotFound, local

from bisectsyms.core.eras import Era, by_names
from bisectsyms.effects import link
from bisectsyms.effects.evidence.files import UnreadableError, open_regular
from bisectsyms.effects.nmtap import SUFFIX
from bisectsyms.effects.objtree import BUILT
from bisectsyms.errors import UserError
from bisectsyms.inputs.knowledge import load_knowledge

ERA = "era"
"""Among the evidence: the id of the era, because there is no script to read."""
FINAL = ("vmlinux.unstripped", "vmlinux")
"""Names of the final image; since 6.15 the second may be the first without its symbols."""
OBJTREE = "include"
"""A folder that every objtree has, and evidence has not."""
SOURCE = re.compile(r"^(?:include (\S+)/Makefile|KERNELSRC\s*:?=\s*(\S+)|MAKEARGS\s*:?=\s*-C (\S+))\s*$", re.MULTILINE)
"""How the Makefile that kbuild writes into an objtree names the source tree, newest first."""
MOST_TEXT = 1 << 20
MOST_NM = 1 << 27
PATIENCE = 120.0
NEXT = "name a folder in which vmlinux was linked with CONFIG_KALLSYMS=y, or two maps"


@dataclass(frozen=True, slots=True)
class LinkFiles:
    """Files by what they are; None and empty for what is not there, or was there before this link."""

    era: str
    before: Path | None
    """Map of the last temporary link."""
    after: Path | None
    """System.map."""
    passes: tuple[Path, ...]
    """Maps of the passes, where the build writes any; `pass_maps` has them in every era."""
    tables: tuple[Path, ...]
    """kallsyms objects of the passes, else their sources, else images that have them inside (images.table_sizes)."""
    temporary: Path | None
    """The last temporary image, or what is kept of it (`IMAGE.nm`)."""
    image: Path | None
    """vmlinux, or what is kept of it."""
    images: tuple[Path, ...] = ()
    """Of every pass: the temporary image, or what is kept of it."""


def find(folder: Path, eras: Sequence[Era] | None = None) -> LinkFiles:
    """What a link left in `folder`: an objtree, a source tree that was built in, or the files kept of an attempt.

    Raises:
        UserError: it is no folder, or there is nothing of a link in it.
    """
    try:
        names = {path.name for path in folder.iterdir()}
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror}", next_step=NEXT) from error
    era = _era(folder, names, load_knowledge().eras if eras is None else eras)
    if era is None:
        raise UserError(f"{folder}: nothing that a link of vmlinux leaves is in it", next_step=NEXT)
    maps = _passes(folder, names, era.maps())
    tables = _passes(folder, names, era.tables()) or _passes(folder, names, [f"{one[:-2]}.S" for one in era.tables()])
    images = _images(folder, names, era)
    image = _final(folder, names, (*maps, *tables, *images))
    if not tables:  # those that were linked
        tables = [*images[1:], *([image] if image else [])]
    before = next((folder / name for name in era.before if name in names), None)
    if maps and before is not None and before not in maps and before.name.endswith(".syms"):
        before = maps[-1]  # of an earlier link, which had a pass more
    return LinkFiles(
        era.id,
        before,
        folder / era.after if era.after in names else None,
        tuple(maps),
        tuple(tables),
        images[-1] if images else None,
        image,
        tuple(images),
    )


def pass_maps(left: LinkFiles, nm: str = "nm") -> Iterator[tuple[str, bytes]]:
    """(name, content) of the map of each pass: as the build wrote it, else made of its image, where that is there.

    `nm` is the program; any nm of binutils reads the symbols of any ELF file.

    Raises:
        UserError: nm is not there, or cannot read an image.
    """
    if left.passes:
        for path in left.passes:
            yield path.name, _read(path, MOST_NM)
        return
    era = next(one for one in load_knowledge().eras if one.id == left.era)
    if not era.leaves_out:
        return
    left_out = re.compile(era.leaves_out.encode())
    for path in left.images:
        raw = _read(path, MOST_NM) if path.suffix == SUFFIX else _nm(path, nm)
        yield path.name, b"".join(line for line in raw.splitlines(keepends=True) if not left_out.search(line.rstrip()))


def _era(folder: Path, names: set[str], eras: Sequence[Era]) -> Era | None:
    """By the script of the source tree, by what was noted, or by names; only where a link has left something.

    Raises:
        UserError: nothing is left, and nothing would be.
    """
    named = by_names(names, eras)
    for tree in _trees(folder, names):
        era = link.era_of(lambda name, tree=tree: _text(tree / name), eras)  # type: ignore[misc]  # bound at once
        if era and (named or era.after in names):
            return era
        if era and not era.leaves_maps:
            raise UserError(
                f"{folder}: nothing is left of its link, because scripts/link-vmlinux.sh deletes all after a mismatch",
                next_step="let bisectsyms build it, which keeps what is deleted: bisectsyms step REV --profile NAME",
            )
    noted = _text(folder / ERA).strip() if ERA in names else ""
    return next((era for era in eras if era.id == noted), named)


def _trees(folder: Path, names: set[str]) -> Iterator[Path]:
    """Where the source tree of a build may be: the folder itself, or what its objtree names."""
    yield folder
    if BUILT in names:
        yield folder.parent.parent / "src"  # of our own slot: a sandbox names it by another path
    if "source" in names:
        yield folder / "source"
    if "Makefile" in names:
        for found in SOURCE.finditer(_text(folder / "Makefile")):
            yield Path(folder, next(one for one in found.groups() if one))


def _passes(folder: Path, names: set[str], patterns: Iterable[str]) -> list[Path]:
    """Files of the passes 1, 2, 3 in this order, without those that an earlier link of more passes has left."""
    found = list[tuple[int, Path]]()
    for pattern in patterns:
        begin, _, end = pattern.partition("[0-9]")
        numbered = ((number, f"{begin}{number}{end}") for number in range(1, 10))
        found = found or [(number, folder / name) for number, name in numbered if name in names]
    if OBJTREE not in names:
        return [path for _, path in found]
    passes, newest = list[Path](), 0
    for _, path in found:
        written = _written(path)
        if written < newest:
            break
        passes.append(path)
        newest = written
    return passes


def _images(folder: Path, names: set[str], era: Era) -> list[Path]:
    return _passes(folder, names, era.images) or _passes(folder, names, [f"{name}{SUFFIX}" for name in era.images])


def _final(folder: Path, names: set[str], passes: Sequence[Path]) -> Path | None:
    """The final image, if it is of the same link as the passes."""
    began = min(map(_written, passes), default=0) if OBJTREE in names else 0
    for name in (*FINAL, *(f"{one}{SUFFIX}" for one in FINAL)):
        if name in names and _written(folder / name) >= began:
            return folder / name
    return None


def _written(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _nm(image: Path, nm: str) -> bytes:
    try:
        process: Any = local[nm].popen(["-n", str(image)], env={"LC_ALL": "C"}, stderr=DEVNULL)
    except (CommandNotFound, OSError) as error:
        raise UserError(f"{nm} cannot be run: {error}", next_step="bisectsyms doctor names the package") from error
    try:
        out, _ = process.communicate(timeout=PATIENCE)
    except TimeoutExpired:
        process.kill()
        out, _ = process.communicate()
    if process.returncode:
        raise UserError(f"{image}: nm cannot read it", next_step="build it again: the file is cut or is no image")
    return bytes(out)


def _text(path: Path) -> str:
    """The begin of a text file; empty for what is none."""
    try:
        return _read(path, MOST_TEXT).decode(errors="replace")
    except UserError:
        return ""


def _read(path: Path, most: int) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read(most)
    except (UnreadableError, OSError) as error:
        raise UserError(str(error), next_step="give a folder whose files can be read") from error
