"""How close a build that passes comes to the failure: of a folder in which vmlinux was linked, or of a revision.

Nothing in a folder is run. A revision is linked once, as any attempt, and its objtree is measured before another one
can change it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from bisectsyms.core.decide import Ask, before
from bisectsyms.effects import linkfiles
from bisectsyms.effects.elf import read_headers
from bisectsyms.effects.evidence.files import open_regular
from bisectsyms.effects.images import read_image, table_sizes
from bisectsyms.effects.nmtap import SUFFIX
from bisectsyms.errors import UserError
from bisectsyms.kallsyms.memory import PARTS
from bisectsyms.kallsyms.nearmiss import NearMiss, close, near_miss
from bisectsyms.kallsyms.symbols import read_map
from bisectsyms.model import Kind, Outcome, Revision
from bisectsyms.usecases.bench import Bench

THUMB = re.compile(r"^CONFIG_THUMB2_KERNEL=y$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured, and where."""

    folder: str
    era: str
    attempt: int | None
    """That linked it; None for a folder that was only looked at."""
    passed: bool | None
    """Whether the two maps that the build compares are equal; None where one is missing."""
    near: NearMiss
    close: tuple[str, ...]
    """What of it has happened in this very build, or nearly; empty where all is well."""


def measure(folder: Path) -> Measured:
    """Measure the link that `folder` holds: an objtree, a source tree that was built in, or what is kept of a failure.

    Raises:
        UserError: there is no System.map in it, or a file of it is cut or foreign.
    """
    left = linkfiles.find(folder)
    if left.after is None:
        raise UserError(
            f"{folder}: there is no System.map of a finished link", next_step="bisectsyms diagnose, for one that failed"
        )
    with left.after.open("rb") as file:
        final = read_map(file, str(left.after))
    image = read_image(left.image) if left.image else None
    bits = image.bits if image else 32 if max(final.addresses) < 1 << 32 else 64
    near = near_miss(
        final,
        [(name, read_map(text, name)) for name, text in linkfiles.pass_maps(left)],
        [table_sizes(path, bits) for path in left.tables],
        image,
        labels=_labels(left.image) if left.image else None,
        thumb=_is_thumb(folder),
    )
    passed = left.before.read_bytes() == left.after.read_bytes() if left.before else None
    return Measured(str(folder), left.era, None, passed, near, tuple(close(near)))


def measure_revision(bench: Bench, revision: Revision) -> Measured:
    """Link `revision` once, by what is cheapest, and measure that.

    Raises:
        UserError: it did not pass, so there is nothing near about it; or see `measure`.
        InfraError: see `Bench`.
    """
    kind = next((kind for kind in bench.kinds if kind is not Kind.REPLAY), bench.kinds[0])
    first = before(kind, bench.arrival(revision)) or kind
    attempt = bench.attempt(revision, Ask(first, "a link to be measured"))
    assert attempt.result is not None
    if attempt.result.outcome.is_failure:
        raise UserError(
            f"{revision} failed in attempt {attempt.number}: that is no near miss",
            next_step=f"bisectsyms diagnose {attempt.number}",
        )
    if attempt.result.outcome is not Outcome.CLEAN:
        raise UserError(
            f"{revision} cannot be measured: {attempt.result.why}", next_step=f"bisectsyms log {attempt.number}"
        )
    return replace(measure(bench.objtree.path), attempt=attempt.number)


def _labels(image: Path) -> dict[str, int]:
    """Addresses of the parts of the table; none where only the names of an image were kept."""
    if image.suffix == SUFFIX:
        return {}
    with open_regular(image) as file:
        return {one.name: one.address for one in read_headers(str(image), file).symbols() if one.name in PARTS}


def _is_thumb(folder: Path) -> bool:
    try:
        return THUMB.search((folder / ".config").read_text(errors="replace")) is not None
    except OSError:
        return False
