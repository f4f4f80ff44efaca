"""What is read out of an ELF file: sections, symbols, and the bytes of a kallsyms table as if it were linked.

pyelftools reads the headers. The symbols are unpacked here: one object for each of 250 000 would take it half a minute.
Files may be cut or be rubbish; how much is read at once has a limit, whatever they say of themselves.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import BinaryIO, Literal

from elftools.elf.descriptions import describe_sh_flags
from elftools.elf.elffile import ELFFile

from bisectsyms.errors import UserError
from bisectsyms.kallsyms.facts import Section
from bisectsyms.kallsyms.memory import AGAIN, PARTS, Memory

MOST_BYTES = 1 << 27
"""Of one section: that of all names of a kernel with everything built in has a tenth of it."""
MOST_SECTIONS = 1 << 17
MOST_NAME = 1 << 16
"""Bytes of a name; the kernel has 512 at most, what it leaves out may be longer."""
MOST_NAMES = 1 << 28
"""Bytes of all names: a damaged table of names makes long ones that overlap."""
SECTION_SYMBOL, FILE_SYMBOL = 3, 4
"""STT_SECTION and STT_FILE of elf.h, which nm leaves out."""
FUNCTIONS = (2, 13)
"""STT_FUNC and STT_ARM_TFUNC: on ARM the last bit of the address says Thumb, and is no part of it."""
UNDEFINED = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a section lies in the file."""

    section: Section
    type: str
    """As elf.h calls it: SHT_PROGBITS …"""
    offset: int
    link: int
    info: int


@dataclass(frozen=True, slots=True)
class Symbol:
    """As the file says, the Thumb bit taken away."""

    name: str
    address: int
    """In an object that is not linked: from the begin of its section."""
    section: int
    """Index; 0 is undefined, and from 0xff00 on it is none of the file's."""


@dataclass(frozen=True, slots=True)
class Elf:
    """An open file, its headers read."""

    name: str
    file: BinaryIO
    size: int
    machine: str
    bits: int
    big_endian: bool
    linked: bool
    places: tuple[Place, ...]

    @property
    def order(self) -> str:
        """Byte order as struct takes it."""
        return ">" if self.big_endian else "<"

    @property
    def byte_order(self) -> Literal["big", "little"]:
        """Byte order as int.from_bytes takes it."""
        return "big" if self.big_endian else "little"

    def content(self, place: Place) -> bytes:
        """The bytes of a section, none where it has none in the file.

        Raises:
            UserError: it is not all there, or too large.
        """
        size = 0 if place.type == "SHT_NOBITS" else place.section.size
        if place.offset + size > self.size or size > MOST_BYTES:
            raise UserError(f"{self.name}: section {shown(place.section.name)} is cut or too large", next_step=AGAIN)
        self.file.seek(place.offset)
        return self.file.read(size)

    def symbols(self) -> Iterator[Symbol]:
        """Every symbol with a name but those of sections and files, in the order of the file.

        Raises:
            UserError: they are cut, or more than a kernel can have.
        """
        place = next((one for one in self.places if one.type == "SHT_SYMTAB"), None)
        if place is None:
            return
        if place.link >= len(self.places):
            raise UserError(f"{self.name}: its symbols have no names", next_step=AGAIN)
        names, thumb, total = self.content(self.places[place.link]), self.machine == "ARM", 0
        layout = struct.Struct(f"{self.order}{'IBBHQQ' if self.bits == 64 else 'IIIBBH'}")
        data = self.content(place)
        for entry in layout.iter_unpack(_whole(data, layout.size)):
            if self.bits == 64:
                name, info, _, section, address, _ = entry
            else:
                name, address, _, info, _, section = entry
            kind, stop = info & 0xF, names.find(b"\0", name, name + MOST_NAME)
            if kind in (SECTION_SYMBOL, FILE_SYMBOL) or stop <= name:
                continue
            total += stop - name
            if total > MOST_NAMES:
                raise UserError(f"{self.name}: its symbols have no end", next_step=AGAIN)
            if thumb and kind in FUNCTIONS:
                address &= ~1
            yield Symbol(names[name:stop].decode(errors="replace"), address, section)

    def table(self, labels: Mapping[str, Symbol]) -> tuple[Memory, Mapping[str, int]] | None:
        """The bytes from the first label of a kallsyms table to the end of its section, and the labels in it.

        None where there is no table. What an object leaves to the linker is filled in with _text at 0; what a kernel
        that moves leaves to its start, with the address it was linked for.

        Raises:
            UserError: it is cut.
        """
        known = {name: one for name, one in labels.items() if name in PARTS and one.section != UNDEFINED}
        if "kallsyms_names" not in known or known["kallsyms_names"].section >= len(self.places):
            return None
        index = known["kallsyms_names"].section
        place = self.places[index]
        inside = {name: one.address for name, one in known.items() if one.section == index}
        start, skipped = min(inside.values()), min(inside.values()) - place.section.address
        if not 0 <= skipped <= place.section.size:
            raise UserError(f"{self.name}: its kallsyms table lies outside its section", next_step=AGAIN)
        section = replace(place.section, size=place.section.size - skipped)
        data = bytearray(self.content(replace(place, section=section, offset=place.offset + skipped)))
        memory = Memory(start, bytes(data), self.bits, self.big_endian)
        offsets = inside.get("kallsyms_offsets", -1)
        stop = min((address for address in inside.values() if address > offsets), default=memory.end)
        for at, addend in self._addends(index):
            near = offsets <= at < stop and offsets >= 0
            size = 4 if near else self.bits // 8
            if not start <= at <= memory.end - size:
                continue
            if addend is None:
                addend = int.from_bytes(data[at - start : at - start + size], self.byte_order)
            value = (addend - at if near else addend) & (1 << 8 * size) - 1
            data[at - start : at - start + size] = value.to_bytes(size, self.byte_order)
        return replace(memory, data=bytes(data)), inside

    def _addends(self, index: int) -> Iterator[tuple[int, int | None]]:
        """(address, addend) of relocations: in an image of those against no symbol, in an object of section `index`.

        None is an addend that is in place already (REL); an image has nothing to be done for it.
        """
        word, step = ("Q", "q") if self.bits == 64 else ("I", "i")
        with_addend = struct.Struct(f"{self.order}{word}{word}{step}")
        without, total = struct.Struct(f"{self.order}{word}{word}"), 0
        for place in self.places:
            mine = "A" in place.section.flags if self.linked else place.info == index
            total += place.section.size if mine and place.type in ("SHT_RELA", "SHT_REL") else 0
            if total > MOST_BYTES:
                raise UserError(f"{self.name}: its relocations have no end", next_step=AGAIN)
            if place.type == "SHT_RELA" and mine:
                for at, info, addend in with_addend.iter_unpack(_whole(self.content(place), with_addend.size)):
                    if not self.linked or info >> (32 if self.bits == 64 else 8) == 0:
                        yield at, addend
            elif place.type == "SHT_REL" and mine and not self.linked:
                for at, _ in without.iter_unpack(_whole(self.content(place), without.size)):
                    yield at, None


def _whole(data: bytes, size: int) -> bytes:
    """Without half an entry at the end."""
    return data[: len(data) - len(data) % size]


def shown(foreign: str) -> str:
    """A text of the file's as an error may show it: whatever is not printable is escaped."""
    return repr(foreign)[1:-1]


def read_headers(name: str, file: BinaryIO) -> Elf:
    """Read the headers of an open ELF file that is called `name`.

    Raises:
        UserError: it is none, or damaged.
    """
    try:
        elf = ELFFile(file)
        if elf.num_sections() > MOST_SECTIONS:
            raise ValueError(f"{elf.num_sections()} sections")
        places = tuple(
            Place(
                Section(
                    one.name, one["sh_addr"], one["sh_size"], one["sh_addralign"], describe_sh_flags(one["sh_flags"])
                ),
                str(one["sh_type"]),
                one["sh_offset"],
                one["sh_link"],
                one["sh_info"],
            )
            for one in elf.iter_sections()
        )
        machine, linked = str(elf["e_machine"]).removeprefix("EM_"), elf["e_type"] != "ET_REL"
    except Exception as error:
        # What a damaged file makes of a parser has no common class: asserts, recursion, struct, unicode.
        why = shown(str(error))
        raise UserError(f"{name}: no readable ELF file: {why}".rstrip(": "), next_step=AGAIN) from error
    size = file.seek(0, os.SEEK_END)
    return Elf(name, file, size, machine, elf.elfclass, not elf.little_endian, linked, places)
