"""Images and kallsyms objects of a link, as far as they explain it; and whether the table in an image is true to it.

A kernel's own check compares two maps. It does not look at the table that was linked: an object left over from another
build passes it where both have one size, and the kernel then names wrong functions in every trace.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from bisectsyms.core.words import plain
from bisectsyms.effects.elf import UNDEFINED, Elf, Symbol, read_headers
from bisectsyms.effects.evidence.files import UnreadableError, open_regular
from bisectsyms.effects.nmtap import SECTIONS, SUFFIX
from bisectsyms.errors import UserError
from bisectsyms.kallsyms.assembler import assemble
from bisectsyms.kallsyms.facts import Image, Section, TableSizes
from bisectsyms.kallsyms.memory import PARTS, sizes
from bisectsyms.kallsyms.symbols import SymbolMap
from bisectsyms.kallsyms.table import ANCHORS, TOKENS, Table, decode

SAID = re.compile(r"([0-9a-f]{8,16}) [A-Za-z?-] (.+)")
"""A line of nm -n about a symbol that is defined: address and name."""
SECTION = re.compile(
    r"\s*\[\s*[1-9]\d*\] (\S*) +\S+ +([0-9a-f]+) [0-9a-f]+ ([0-9a-f]+) +[0-9a-f]+ +([A-Za-z]*) +\d+ +\d+ +(\d+)$"
)
"""A line of `readelf -SW` but that of the null section: name, address, size, flags, alignment."""
MOST_WRONG = 5
"""Of the symbols at which a table is not true are named."""
MOST_SOURCE = 1 << 26
"""Bytes of a text: the source of a table of 250 000 symbols has 30 MB."""


def read_image(path: Path, *, check: bool = True) -> Image:
    """What an image says of itself; with `check` also whether the kallsyms table inside it is true to it.

    Of what is kept of an image (`IMAGE.nm`, effects/nmtap.py) there are names and sections, but no table. The table of
    a temporary image is that of the pass before it, so nothing follows from a check of that.

    Raises:
        UserError: the file cannot be read, or is no ELF file, or is cut.
    """
    if path.suffix == SUFFIX:
        return _kept(path)
    with _opened(path) as file:
        elf = read_headers(str(path), file)
        symbols = list(elf.symbols())
        wrong = tuple(_untrue(elf, symbols)) if check else ()
    sections = tuple(place.section for place in elf.places if place.type != "SHT_NULL")
    return Image(path.name, elf.machine, elf.bits, sections, frozenset(one.name for one in symbols), wrong)


def read_table(path: Path, bits: int = 32) -> Table:
    """The kallsyms table in an image, an object, or its source (`*.S`), which needs the size of a pointer.

    In a source and an object, addresses are distances from _text.

    Raises:
        UserError: there is none, or it is cut.
    """
    if path.suffix == ".S":
        memory, labels = assemble(_lines(path), bits)
        return decode(memory, labels, {})
    with _opened(path) as file:
        elf = read_headers(str(path), file)
        table = _table(elf, _labels(elf.symbols(), (*PARTS, *ANCHORS)))
    if table is None:
        raise UserError(f"{path}: there is no kallsyms table in it", next_step="look at the image of a later pass")
    return table


def table_sizes(path: Path, bits: int = 32) -> TableSizes:
    """How large a kallsyms object is, and its parts.

    The parts alone of its source, of an image that has it inside, and of what is kept of an image (`IMAGE.nm`).

    Raises:
        UserError: there is no table, or it is cut.
    """
    if path.suffix == ".S":
        memory, inside = assemble(_lines(path), bits)
        return TableSizes(path.name, 0, sizes(inside, memory.end))
    if path.suffix == SUFFIX:
        return TableSizes(path.name.removesuffix(SUFFIX), 0, _linked(path, dict(_said(path))))
    with _opened(path) as file:
        elf = read_headers(str(path), file)
        symbols = list(elf.symbols())
        found = None if elf.linked else elf.table(_labels(symbols, PARTS))
    if elf.linked:
        listed = {one.name: one.address for one in symbols if one.section != UNDEFINED}
        return TableSizes(path.name, 0, _linked(path, listed))
    if found is None:
        raise UserError(f"{path}: there is no kallsyms table in it", next_step="look at the object of a later pass")
    memory, inside = found
    return TableSizes(path.name, elf.size, sizes(inside, memory.end))


def _linked(path: Path, listed: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """Parts of a table among the symbols of an image (name to address); the last goes up to the next symbol."""
    inside = {name: listed[name] for name in PARTS if name in listed}
    if "kallsyms_names" not in inside:
        raise UserError(f"{path}: there is no kallsyms table in it", next_step="look at the image of a later pass")
    last = max(inside.values())
    end = min((address for address in listed.values() if address > last), default=last)
    if listed.get("kallsyms_token_index") == last:
        end = min(end, last + 2 * TOKENS)
    return sizes(inside, end)


def _said(path: Path) -> Iterator[tuple[str, int]]:
    """(name, address) of each symbol that nm has an address for."""
    for line in _lines(path):
        if (found := SAID.match(line)) is not None:
            yield found[2], int(found[1], 16)


def _kept(path: Path) -> Image:
    """An image by what nm and readelf said of it; the kallsyms objects beside it know the machine."""
    said = [line.split(" ", 2) for line in (text.lstrip() for text in _lines(path))]
    names = frozenset(words[-1] for words in said if len(words) >= 2)
    width = max((len(words[0]) for words in said if len(words) == 3), default=0)
    beside = path.with_suffix(SECTIONS)
    sections = [_section(found) for line in _lines(beside) if (found := SECTION.match(line))] if beside.exists() else []
    machine = next((one for table in sorted(path.parent.glob(".tmp_*.o")) if (one := _machine(table))), "")
    return Image(path.name.removesuffix(SUFFIX), machine, 4 * width, tuple(sections), names)


def _section(found: re.Match[str]) -> Section:
    name, address, size, flags, align = found.groups()
    return Section(name, int(address, 16), int(size, 16), int(align), flags)


def _machine(table: Path) -> str:
    try:
        with _opened(table) as file:
            return read_headers(str(table), file).machine
    except UserError:
        return ""


def _untrue(elf: Elf, symbols: Iterable[Symbol]) -> Iterator[str]:
    try:
        table = _table(elf, _labels(symbols, (*PARTS, *ANCHORS)))
    except UserError as error:
        yield error.message
        return
    if table:
        yield from table.wrong
        yield from untrue(table.symbols, symbols, digits=elf.bits // 4)


def untrue(table: SymbolMap, symbols: Iterable[Symbol], *, digits: int) -> Iterator[str]:
    """Where a table has another address for a name than the image, the first few; addresses have so many digits."""
    places = defaultdict[str, set[int]](set)
    for one in symbols:
        if one.section != UNDEFINED:
            places[one.name].add(one.address)
    pairs = zip(table.names, table.addresses, strict=True)
    wrong = [(name, address) for name, address in pairs if address not in places.get(name, ())]
    for name, address in wrong[:MOST_WRONG]:
        true = " or ".join(f"{one:0{digits}x}" for one in sorted(places[name])[:MOST_WRONG]) or "has none"
        yield f"{plain(name)}: table {address:0{digits}x}, image {true}"
    if len(wrong) > MOST_WRONG:
        yield f"and {len(wrong) - MOST_WRONG} more of {len(table.names)} symbols"


def _table(elf: Elf, labels: Mapping[str, Symbol]) -> Table | None:
    found = elf.table(labels)
    anchors = {name: labels[name].address for name in ANCHORS if elf.linked and name in labels}
    return decode(*found, anchors) if found else None


def _labels(symbols: Iterable[Symbol], names: Iterable[str]) -> Mapping[str, Symbol]:
    wanted = frozenset(names)
    return {one.name: one for one in symbols if one.name in wanted and one.section != UNDEFINED}


def _lines(path: Path) -> Sequence[str]:
    with _opened(path) as file:
        data = file.read(MOST_SOURCE + 1)
    if len(data) > MOST_SOURCE:
        raise UserError(f"{path}: too large for what it is called", next_step="give the file that the link has made")
    return data.decode(errors="surrogateescape").splitlines()


def _opened(path: Path) -> BinaryIO:
    try:
        return open_regular(path)
    except UnreadableError as error:
        raise UserError(str(error), next_step="give a file that can be read") from error
