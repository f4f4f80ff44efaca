"""What the objects of an objtree were made from, as kbuild itself noted beside each of them.

fixdep leaves a `.NAME.o.cmd` for every object, with its source and each header that the compiler read
(scripts/basic/fixdep.c). make goes by these lists when it decides what to build again, so may we.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bisectsyms.core.reach import Objects
from bisectsyms.effects.beneath import read_beneath
from bisectsyms.effects.gitrepo import Repository

SOURCE, DEPENDENCIES = b"\nsource_", b"\ndeps_"
SUFFIX = re.compile(r"\.\w+$")


def made_from(objtree: Path, repository: Repository, commit: str) -> Objects | None:
    """The sources of all objects in an objtree where `commit` was built last; None where no lists are."""
    targets, sources = dict[str, str](), Counter[bytes]()
    for path in _lists(objtree):
        try:
            data = read_beneath(path.parent, path.name)
        except OSError:
            continue
        begin, deps = data.find(SOURCE), data.find(DEPENDENCIES)
        if begin < 0 or deps < 0:
            continue
        target, _, source = data[begin + len(SOURCE) : data.index(b"\n", begin + 1)].partition(b" := ")
        targets[os.fsdecode(target)] = os.fsdecode(source)
        # A list ends with an empty line; $(wildcard include/config/X) stands for an option of the kconfig.
        words = data[data.index(b"\n", deps + 1) : data.find(b"\n\n", deps)].split()
        sources.update(
            {source, *(word for word in words if word != b"\\" and not word.startswith((b"$", b"include/config/")))}
        )
    if not targets:
        return None
    root = _root(targets)
    there = frozenset(repository.git("ls-tree", "-r", "--name-only", "-z", "--full-tree", commit).split("\0"))
    named = ((os.fsdecode(source), number) for source, number in sources.items())
    paths = {os.path.normpath(name.removeprefix(root)): number for name, number in named if name.startswith(root)}
    return Objects({path: number for path, number in paths.items() if path in there}, frozenset(targets), there)


def _lists(objtree: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(objtree):
        yield from (Path(folder, name) for name in names if name.startswith(".") and name.endswith(".cmd"))


def _root(targets: dict[str, str]) -> str:
    """What stands before the paths of the repository: mostly a source is where its object is, in another tree."""
    roots = Counter[str]()
    for target, source in targets.items():
        stem, whole = SUFFIX.sub("", target), SUFFIX.sub("", source)
        if whole.endswith(stem):
            roots[whole.removesuffix(stem)] += 1
    return roots.most_common(1)[0][0] if roots else ""
