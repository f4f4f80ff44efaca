"""Facts of one link from the files that it left: what each of them says, and a note for each that says nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from bisectsyms.core.loglines import blocks
from bisectsyms.core.logscan import scan
from bisectsyms.effects.evidence.files import CHUNK, UnreadableError, open_regular
from bisectsyms.effects.images import read_image, read_table, table_sizes
from bisectsyms.effects.linkfiles import LinkFiles, pass_maps
from bisectsyms.effects.linktimes import written_meanwhile
from bisectsyms.errors import UserError
from bisectsyms.inputs.causes import shipped_causes
from bisectsyms.inputs.knowledge import load_knowledge
from bisectsyms.kallsyms import listing
from bisectsyms.kallsyms.compare import compare
from bisectsyms.kallsyms.facts import Facts, Image, TableSizes
from bisectsyms.kallsyms.makelog import read_log
from bisectsyms.kallsyms.memory import PARTS
from bisectsyms.kallsyms.symbols import SymbolMap, read_map
from bisectsyms.kallsyms.writers import writers
from bisectsyms.model import Outcome

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Gathered:
    """Facts, and how they were come by."""

    facts: Facts
    maps: tuple[str, str]
    """Names of the two that were compared."""
    symbols: int
    """Of the later one."""
    notes: tuple[str, ...]
    """What could not be read, and so is no evidence of anything."""


class _Reader:
    """Reads what can be read; what cannot becomes a note."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def image(self, path: Path | None, *, check: bool) -> Image | None:
        return self._read(partial(read_image, path, check=check)) if path else None

    def table(self, path: Path, bits: int) -> TableSizes | None:
        return self._read(partial(table_sizes, path, bits))

    def own_labels(self, path: Path, bits: int) -> tuple[str, ...]:
        """Labels of the table that it lists among the symbols."""
        table = self._read(partial(read_table, path, bits))
        return tuple(name for name in dict.fromkeys(table.symbols.names) if name in PARTS) if table else ()

    def passes(self, left: LinkFiles) -> list[SymbolMap]:
        return self._read(lambda: [read_map(content, name) for name, content in pass_maps(left)]) or []

    def _read(self, what: Callable[[], T]) -> T | None:
        try:
            return what()
        except UserError as error:
            self.notes.append(error.message)
            return None


def of_maps(before: Path, after: Path) -> Gathered:
    """Two maps, and nothing beside them.

    Raises:
        UserError: one of them cannot be read, or is no map.
    """
    old, new = _map(before), _map(after)
    return Gathered(Facts("", compare(old, new)), (before.name, after.name), len(new.names), ())


def of_link(left: LinkFiles, log: Path | None, folder: Path | None = None) -> Gathered:
    """A link, from all that it left; `folder` is its objtree where that is at hand.

    Raises:
        UserError: there are two maps, and one of them cannot be read.
    """
    reader = _Reader()
    temporary, image = reader.image(left.temporary, check=False), reader.image(left.image, check=True)
    known = image or temporary
    bits = known.bits if known else 32
    facts = Facts(
        left.era,
        None,
        passes=tuple(compare(one, two) for one, two in pairwise(reader.passes(left))),
        tables=tuple(one for path in left.tables if (one := reader.table(path, bits))),
        temporary=temporary,
        image=image,
        in_table=reader.own_labels(left.tables[-1], bits) if left.tables else (),
    )
    symbols, names = 0, shipped_causes().names
    if left.before and left.after:
        old, new = _map(left.before), _map(left.after)
        final = compare(old, new)
        unlisted = listing.unlisted(old, new, final, temporary, image, names)
        facts = replace(facts, final=final, unlisted=unlisted, stripped=listing.stripped(old, new, final))
        symbols = len(new.names)
    first = next(iter((*left.images, *left.passes, *left.tables)), None)
    if folder and first and left.after:  # nobody watched, but times are witnesses, too
        moved = written_meanwhile(folder, first, left.after)
        told = tuple(f"{name} was written after the first pass had ended" for name in moved or ())
        facts = replace(facts, moved=told, watched=moved is not None)
    if log:
        facts = with_log(facts, log)
    maps = (left.before.name if left.before else "", left.after.name if left.after else "")
    return Gathered(facts, maps, symbols, tuple(dict.fromkeys(reader.notes)))


def with_log(facts: Facts, log: Path) -> Facts:
    """What the log of the build adds: its order, who wrote what moved, and whether the machine had its part.

    Raises:
        UserError: it cannot be read.
    """
    digest = scan(_chunks(log), load_knowledge().signatures)
    spoilt = next((one for one in digest.findings if one.outcome is Outcome.INFRA), None)
    if spoilt and facts.outcome is None:
        why = f"{spoilt.why} (line {spoilt.number}: {spoilt.line})"
        facts = replace(facts, outcome=Outcome.INFRA, outcome_why=why)
    facts = replace(facts, log=read_log(_chunks(log)))
    return replace(facts, writers=writers(_lines(log), [text.split(" ")[0] for text in facts.moved]))


def _map(path: Path) -> SymbolMap:
    try:
        with open_regular(path) as file:
            return read_map(file, str(path))
    except UnreadableError as error:
        raise UserError(str(error), next_step="give a map that can be read") from error


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with open_regular(path) as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except UnreadableError as error:
        raise UserError(str(error), next_step="give the log of the build") from error


def _lines(path: Path) -> Iterator[str]:
    for block in blocks(_chunks(path)):
        yield from block.decode(errors="replace").split("\n")
