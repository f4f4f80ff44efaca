"""Which inputs of a link were written while it ran, by the times of the files: for a link that nobody watched."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from pathlib import Path

from plumbum import local
from plumbum.commands.processes import CommandNotFound

from bisectsyms.effects.inputs import BUILT_IN, THIN, UNWATCHED

LIST_MEMBERS = "ar"
"""Any ar reads the list of a thin archive, whatever its objects are for."""


def written_meanwhile(obj: Path, first: Path, last: Path) -> tuple[str, ...]:
    """Inputs in the objtree that are newer than `first`, which a pass made, and older than `last`, which the link made.

    What was written after the link says nothing of it. Paths are in the objtree, sorted. Nothing is written, and no
    content is read but the lists of thin archives.
    """
    try:
        since, until = first.stat().st_mtime_ns, last.stat().st_mtime_ns
    except OSError:
        return ()
    found = set[str]()
    for path in _inputs(obj):
        try:
            written = (obj / path).stat().st_mtime_ns
        except (OSError, ValueError):
            continue
        if since < written < until:
            found.add(path)
    return tuple(sorted(found))


def _inputs(obj: Path) -> Iterator[str]:
    whole = (obj / "vmlinux.a").exists()
    for pattern in UNWATCHED:
        if not (whole and any(fnmatch.fnmatch(pattern, f"{one}.*") for one in BUILT_IN)):
            for path in obj.glob(pattern):
                name = str(path.relative_to(obj))
                yield name
                yield from _members(obj, name)


def _members(obj: Path, name: str) -> Iterator[str]:
    try:
        with (obj / name).open("rb") as file:
            if file.read(len(THIN)) != THIN:
                return
        status, out, _ = local[LIST_MEMBERS].run(["t", name], cwd=str(obj), retcode=None)
    except (OSError, CommandNotFound):
        return
    if status == 0:
        yield from out.splitlines()
