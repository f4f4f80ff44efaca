"""Which inputs of a link were written while it ran, by the times of the files: for a link that nobody watched."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from pathlib import Path

from bisectsyms.effects.beneath import open_beneath
from bisectsyms.effects.inputs import BUILT_IN, UNWATCHED
from bisectsyms.effects.thinarchive import members

SLACK_NS = 2_000_000_000
"""The status of a file that is written once changes with its content, or soon after."""


def written_meanwhile(obj: Path, first: Path, last: Path) -> tuple[str, ...] | None:
    """Inputs in the objtree that are newer than `first`, which a pass made, and older than `last`, which the link made.

    None where the times tell nothing, as in a copy of the objtree. What was written after the link says nothing of it.
    Paths are in the objtree, sorted. Nothing is written, and no content is read but the lists of thin archives.
    """
    since, until = _written(first), _written(last)
    if since is None or until is None:
        return None
    found = set[str]()
    for path in _inputs(obj):
        try:
            status = (obj / path).stat()
        except (OSError, ValueError):
            continue
        if since < max(status.st_mtime_ns, status.st_ctime_ns) < until:  # a rename keeps the first and sets the second
            found.add(path)
    return tuple(sorted(found))


def _written(path: Path) -> int | None:
    """When in ns, if it was not moved, copied or touched since."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns if abs(status.st_ctime_ns - status.st_mtime_ns) < SLACK_NS else None


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
        with open_beneath(obj, name) as file:
            yield from members(file, name) or ()
    except OSError:
        return
