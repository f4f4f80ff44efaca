"""Sources of kallsyms tables in the form of each generation, for the same symbols, to be assembled and linked for real.

Written after the format, and never copied: the names are packed with a few tokens only, which no decoder can tell.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import pytest

Entry = tuple[int, str, str]
"""Address, type, name."""
PAIRS = {0x80: "sy", 0x81: "sym", 0x82: "_t", 0xFF: "kernel_"}


@dataclass(frozen=True, slots=True)
class Form:
    """One generation of the table."""

    id: str
    order: str
    """Parts as they follow each other."""
    base: str = ""
    """Of the offsets: kallsyms_relative_base, `percpu` with some absolute; `place` of the entry; `plain` addresses."""
    wide: bool = False
    """Numbers and markers are as large as a pointer."""
    big: bool = False
    """Lengths may have two bytes."""
    seqs: int = 3
    """Bytes of an entry of kallsyms_seqs_of_names."""


OLD = "addresses num_syms names markers token_table token_index"
FORMS = (
    Form("2.6.10", OLD, wide=True),
    Form("4.5", OLD, wide=True),
    Form("4.6", OLD.replace("addresses", "offsets relative_base"), "base", wide=True),
    Form("4.20", OLD.replace("addresses", "offsets relative_base"), "base"),
    Form("4.20-percpu", OLD.replace("addresses", "offsets relative_base"), "percpu"),
    Form("6.1", OLD.replace("addresses", "offsets relative_base"), "base", big=True),
    Form(
        "6.2-rc", "offsets relative_base num_syms names markers seqs_of_names token_table token_index", "base", seqs=4
    ),
    Form("6.2", "offsets relative_base num_syms names markers seqs_of_names token_table token_index", "base", big=True),
    Form(
        "6.12", "num_syms names markers token_table token_index offsets relative_base seqs_of_names", "base", big=True
    ),
    Form("7.x", "num_syms names markers token_table token_index offsets seqs_of_names", "place", big=True),
    Form("7.x-plain", "num_syms names markers token_table token_index offsets seqs_of_names", "plain", big=True),
    Form("2.6.7", "addresses num_syms names", wide=True),
)


def source(form: Form, entries: Sequence[Entry], text: int, bits: int) -> str:
    """The assembler source of a table; `text` is the address of _text."""
    by_name = sorted(range(len(entries)), key=lambda number: entries[number][2])
    starts = list(accumulate((len(token) + 1 for token in _tokens()), initial=0))
    make: dict[str, Callable[[], Iterator[str]]] = {
        "addresses": lambda: (f"PTR _text + {address - text:#x}" for address, _, _ in entries),
        "offsets": lambda: _offsets(form, entries, text),
        "relative_base": lambda: iter([f"PTR _text + {_base(form, entries) - text:#x}"]),
        "num_syms": lambda: iter([f"{'PTR' if form.wide else '.long'} {len(entries)}"]),
        "names": lambda: (_name(form, before, entry) for before, entry in _before(entries)),
        "markers": lambda: (f"{'PTR' if form.wide else '.long'} {place}" for place in _places(form, entries)[::256]),
        "token_table": lambda: (f'.asciz "{_quoted(token)}"' for token in _tokens()),
        "token_index": lambda: (f".short {place}" for place in starts[:-1]),
        "seqs_of_names": lambda: (_sequence(form, number) for number in by_name),
    }  # fmt: skip
    pointer = (
        ("#define PTR .quad", "#define ALGN .balign 8")
        if bits == 64
        else ("#define PTR .long", "#define ALGN .balign 4")
    )
    lines = [*pointer, '\t.section .rodata, "a"']
    for part in form.order.split():
        lines += [f".globl kallsyms_{part}", "\tALGN", f"kallsyms_{part}:", *(f"\t{one}" for one in make[part]()), ""]
    return "\n".join([*lines, '\t.section .note.GNU-stack, "", %progbits', ""])


def _base(form: Form, entries: Sequence[Entry]) -> int:
    return min(address for address, letter, _ in entries if form.base != "percpu" or letter != "A")


def _offsets(form: Form, entries: Sequence[Entry], text: int) -> Iterator[str]:
    for address, letter, name in entries:
        if form.base == "place":
            yield f".long _text - . + ({address - text})\t/* {name} */"
        elif form.base == "plain":
            yield f".long {address:#x}"
        elif form.base == "percpu":
            relative = _base(form, entries) - 1 - address
            yield f".long {(address if letter == 'A' else relative) & 0xFFFFFFFF:#x}"
        else:
            yield f".long {address - _base(form, entries):#x}"


def _before(entries: Sequence[Entry]) -> Iterator[tuple[str, Entry]]:
    return zip(["", *(name for _, _, name in entries)], entries, strict=False)


def _name(form: Form, before: str, entry: Entry) -> str:
    _, letter, name = entry
    if form.id == "2.6.7":
        same = next(
            (i for i, (a, b) in enumerate(zip(before, name, strict=False)) if a != b), min(len(before), len(name))
        )
        return f'.byte {same:#04x}\n\t.asciz "{_quoted(name[same:])}"'
    packed = _packed(letter + name)
    length = [len(packed)] if len(packed) < 0x80 else [len(packed) & 0x7F | 0x80, len(packed) >> 7]
    return ".byte " + ", ".join(f"{byte:#04x}" for byte in [*length, *packed])


def _packed(text: str) -> bytes:
    for code, token in sorted(PAIRS.items(), key=lambda pair: -len(pair[1])):
        text = text.replace(token, chr(code))
    return text.encode("latin-1")


def _places(form: Form, entries: Sequence[Entry]) -> list[int]:
    places = [0]
    for _, letter, name in entries:
        size = len(_packed(letter + name))
        places.append(places[-1] + size + (2 if size > 0x7F else 1))
    return places[:-1]


def _tokens() -> list[str]:
    return [PAIRS.get(code, chr(code) if 0x20 <= code < 0x7F else "") for code in range(256)]


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _sequence(form: Form, number: int) -> str:
    if form.seqs == 4:
        return f".long {number}"
    return f".byte {number >> 16 & 0xFF:#04x}, {number >> 8 & 0xFF:#04x}, {number & 0xFF:#04x}"


@dataclass(frozen=True, slots=True)
class Machine:
    """A toolchain, and how large its pointers are."""

    arch: str
    prefix: str
    bits: int
    flags: tuple[str, ...] = ()
    """Of gcc."""
    order: str = "-EL"
    """Of ld."""

    def run(self, folder: Path, tool: str, *args: str) -> str:
        done = subprocess.run([f"{self.prefix}{tool}", *args], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def need(self) -> None:
        if shutil.which(f"{self.prefix}gcc") is None:
            pytest.skip(f"apt-get install gcc-{self.prefix.removesuffix('-')}")


X86_64 = Machine("x86_64", "x86_64-linux-gnu-", 64)
ARM = Machine("arm", "arm-linux-gnueabi-", 32)
ARM64 = Machine("arm64", "aarch64-linux-gnu-", 64)
MACHINES = (X86_64, ARM, ARM64)
BIG_ENDIAN = (
    Machine("armeb", ARM.prefix, 32, ("-mbig-endian",), "-EB"),
    Machine("aarch64_be", ARM64.prefix, 64, ("-mbig-endian",), "-EB"),
)
LDS = """\
SECTIONS {
	. = TEXT;
	_text = .;
	.text : { _stext = .; *(.text) _etext = .; }
	.rodata : ALIGN(64) { *(.rodata) }
	percpu_offset = 0x40;
}
"""


@dataclass(frozen=True, slots=True)
class Built:
    """A small image with a table, and what went into it."""

    image: Path
    table: Path
    entries: tuple[Entry, ...]
    text: int


def build(folder: Path, machine: Machine, form: Form, *, names: Sequence[str]) -> Built:
    """Link a few thousand symbols with a table of them; text lies before the table, so two links are enough."""
    folder.mkdir(exist_ok=True)
    text = 0xFFFFFFFF81000000 if machine.bits == 64 else 0xC0008000
    body = "".join(f'\t.globl "{name}"\n"{name}":\n\t.balign 4\n\t.long 0\n' for name in names)
    (folder / "text.S").write_text(f'\t.text\n{body}\t.section .note.GNU-stack, "", %progbits\n')
    (folder / "image.lds").write_text(LDS.replace("TEXT", f"{text:#x}"))
    machine.run(folder, "gcc", *machine.flags, "-c", "-o", "text.o", "text.S")
    machine.run(folder, "ld", machine.order, "-T", "image.lds", "-o", ".tmp_vmlinux1", "text.o")
    listed = [line.split(" ", 2) for line in machine.run(folder, "nm", "-n", ".tmp_vmlinux1").splitlines()]
    wanted = [one for one in listed if one[1] != "A" or form.base == "percpu"]
    entries = tuple((int(address, 16), letter, name) for address, letter, name in wanted if not name.startswith("$"))
    (folder / ".tmp_kallsyms1.S").write_text(source(form, entries, text, machine.bits))
    machine.run(folder, "gcc", *machine.flags, "-c", "-o", ".tmp_kallsyms1.o", ".tmp_kallsyms1.S")
    machine.run(folder, "ld", machine.order, "-T", "image.lds", "-o", "vmlinux", "text.o", ".tmp_kallsyms1.o")
    return Built(folder / "vmlinux", folder / ".tmp_kallsyms1.o", entries, text)


def place(machine: Machine, image: Path, symbol: str) -> int:
    """Where the bytes of a symbol lie in the file of an image."""
    listed = machine.run(image.parent, "nm", image.name).splitlines()
    address = next(int(line.split()[0], 16) for line in listed if line.endswith(f" {symbol}"))
    for line in machine.run(image.parent, "readelf", "-SW", image.name).splitlines():
        words = line.partition("]")[2].split()
        if len(words) > 5 and words[1] == "PROGBITS":
            start, offset, size = (int(word, 16) for word in words[2:5])
            if start <= address < start + size:
                return address - start + offset
    raise AssertionError(f"{symbol} is in no section")
