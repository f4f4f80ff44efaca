"""Tables of every generation, assembled and linked for three machines: read back, and found out where they lie."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bisectsyms.effects.images import read_image, read_table, table_sizes
from bisectsyms.errors import UserError
from bisectsyms.kallsyms.assembler import assemble
from bisectsyms.kallsyms.memory import PARTS, Memory
from bisectsyms.kallsyms.table import decode
from tests.tables import ARM, ARM64, BIG_ENDIAN, FORMS, MACHINES, X86_64, Built, Form, Machine, build, place, source

LONG = "kernel_" + "x" * 180
NAMES = ("kernel_init", *(f"symbol_{number:03}_t" for number in range(300)), "a.constprop.0", "a$b")
E_MACHINE = {X86_64.prefix: "X86_64", ARM.prefix: "ARM", ARM64.prefix: "AARCH64"}
BY_ID = {form.id: form for form in FORMS}


def fits(form: Form, machine: Machine) -> bool:
    return not (form.base == "plain" and machine.bits == 64) and not (form.base == "percpu" and machine.bits == 32)


def unlike(one: Sequence[object], other: Sequence[object]) -> list[tuple[object, object]]:
    """The first few places where two columns are not the same; the columns themselves are too long to be shown."""
    return [pair for pair in zip_longest(one, other) if pair[0] != pair[1]][:3]


CASES = [(form, machine) for form in FORMS for machine in MACHINES if fits(form, machine)]
CASES += [(form, machine) for form in FORMS for machine in BIG_ENDIAN if form.id in ("4.5", "4.6", "6.2", "7.x")]


@pytest.mark.parametrize(("form", "machine"), CASES, ids=lambda one: getattr(one, "id", getattr(one, "arch", "")))
def test_a_linked_table_is_read_and_true(tmp_path: Path, form: Form, machine: Machine) -> None:
    machine.need()
    names = (*NAMES, LONG) if form.big else NAMES
    built = build(tmp_path, machine, form, names=names)
    table = read_table(built.image)
    assert unlike(table.symbols.names, [name for _, _, name in built.entries]) == []
    assert unlike(table.symbols.addresses, [address for address, _, _ in built.entries]) == []
    if form.id != "2.6.7":
        assert unlike(table.symbols.types, [letter for _, letter, _ in built.entries]) == []
    assert table.wrong == ()

    image = read_image(built.image)
    assert image.table_wrong == ()
    assert (image.machine, image.bits) == (E_MACHINE[machine.prefix], machine.bits)
    assert not {*names, "_text", "_etext", "kallsyms_names"} - image.symbols
    assert next(one for one in image.sections if one.name == ".text").flags == "AX"

    for unlinked in (built.table, built.table.with_suffix(".S")):
        apart = read_table(unlinked, machine.bits)
        assert unlike(apart.symbols.names, table.symbols.names) == []
        if form.base not in ("plain", "percpu"):
            full = (1 << machine.bits) - 1
            distances = [address - built.text & full for address in table.symbols.addresses]
            assert unlike(apart.symbols.addresses, distances) == []
        assert apart.wrong == ()


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.id)
def test_the_sizes_of_the_parts(tmp_path: Path, form: Form) -> None:
    machine = X86_64 if fits(form, X86_64) else ARM
    machine.need()
    built = build(tmp_path, machine, form, names=NAMES)
    found = table_sizes(built.table)
    assert found.size == built.table.stat().st_size
    assert [name.removeprefix("kallsyms_") for name, _ in found.parts] == form.order.split()
    assert table_sizes(built.table.with_suffix(".S"), machine.bits).parts[:-1] == found.parts[:-1]
    linked = table_sizes(built.image)
    assert (linked.size, linked.parts[:-1]) == (0, found.parts[:-1])
    said = built.image.with_name("vmlinux.nm")
    said.write_text(machine.run(tmp_path, "nm", "-n", "vmlinux"))
    assert table_sizes(said) == linked
    parts = dict(found.parts)
    if "kallsyms_offsets" in parts:
        assert 4 * len(built.entries) <= parts["kallsyms_offsets"] < 4 * len(built.entries) + 8


MOVABLE = """\
SECTIONS {
	. = TEXT;
	_text = .;
	.text : { _stext = .; *(.text) _etext = .; }
	.rodata : ALIGN(64) { *(.rodata) }
	.rela.dyn : { *(.rela*) }
	.dynsym : { *(.dynsym) }
	.dynstr : { *(.dynstr) }
	.hash : { *(.hash) }
	.gnu.hash : { *(.gnu.hash) }
	.dynamic : { *(.dynamic) }
}
"""


@pytest.mark.parametrize("linker", ["ld", "ld.lld"])
@pytest.mark.parametrize("form", [BY_ID[name] for name in ("4.5", "6.1", "7.x")], ids=lambda form: form.id)
def test_addresses_that_a_kernel_which_moves_fills_in_at_its_start(tmp_path: Path, form: Form, linker: str) -> None:
    ARM64.need()
    if shutil.which(linker) is None:
        pytest.skip("apt-get install lld")
    built = build(tmp_path, ARM64, form, names=NAMES[:300])
    (tmp_path / "movable.lds").write_text(MOVABLE.replace("TEXT", f"{built.text:#x}"))
    link = (f"{ARM64.prefix}ld",) if linker == "ld" else (linker, "-m", "aarch64elf")
    words = (*link, "-pie", "--no-dynamic-linker", "-z", "notext", "-T", "movable.lds", "-o", "vmlinux")
    subprocess.run([*words, "text.o", ".tmp_kallsyms1.o"], cwd=tmp_path, check=True)
    label = {"4.5": "kallsyms_addresses", "6.1": "kallsyms_relative_base"}.get(form.id)
    if label and linker == "ld.lld":
        begin = place(ARM64, built.image, label)
        assert built.image.read_bytes()[begin : begin + 8] == bytes(8), "lld leaves it to the start"
    assert read_image(built.image).table_wrong == ()
    assert unlike(read_table(built.image).symbols.addresses, [address for address, _, _ in built.entries]) == []


def patched(built: Built, part: str, at: int, value: bytes) -> Path:
    """The image with `value` in place of what lies `at` bytes behind the label of a part."""
    begin = place(X86_64, built.image, f"kallsyms_{part}") + at
    data = bytearray(built.image.read_bytes())
    assert data[begin : begin + len(value)] != value
    data[begin : begin + len(value)] = value
    other = built.image.with_name("vmlinux.patched")
    other.write_bytes(data)
    return other


@pytest.mark.parametrize(
    ("part", "at", "value", "told"),
    [
        ("offsets", 40, b"\x01", "symbol_007_t: table ffffffff81000001, image ffffffff81000020"),
        ("names", 3, b"X", "image has none"),
        ("relative_base", 0, b"\x10", "and 301 more of 306 symbols"),
        ("markers", 4, b"\x00", "kallsyms_markers: [1] is "),
        ("token_index", 2 * 200, b"\x00", "kallsyms_token_index: [200] is "),
        ("seqs_of_names", 0, b"\x01", "kallsyms_seqs_of_names: not every symbol once"),
        ("num_syms", 0, b"\x01", "kallsyms_"),
        ("num_syms", 0, b"\xff\xff\xff\xff", "the kallsyms table is cut: 4294967295 symbols are not all there"),
    ],
)
def test_a_byte_of_a_table_that_is_another_is_found_out(
    tmp_path: Path, part: str, at: int, value: bytes, told: str
) -> None:
    X86_64.need()
    built = build(tmp_path, X86_64, BY_ID["6.2"], names=NAMES)
    assert read_image(built.image).table_wrong == ()
    wrong = read_image(patched(built, part, at, value)).table_wrong
    assert told in "\n".join(wrong)


def test_names_out_of_order_and_addresses_out_of_order_are_told(tmp_path: Path) -> None:
    text, entries = 0x1000, [(0x1000 + 4 * number, "T", f"symbol_{number}") for number in range(9)]
    twisted = [*entries[:4], (0x1000, "T", "symbol_back"), *entries[4:]]
    memory, labels = assemble(source(BY_ID["6.12"], twisted, text, 64).splitlines(), 64)
    assert decode(memory, labels, {"_text": 0}).wrong == ("kallsyms table: addresses are not in order at symbol_back",)
    lines = source(BY_ID["6.12"], entries, text, 64).splitlines()
    first = lines.index("kallsyms_seqs_of_names:") + 1
    lines[first], lines[first + 1] = lines[first + 1], lines[first]
    memory, labels = assemble(lines, 64)
    assert decode(memory, labels, {}).wrong == ("kallsyms_seqs_of_names: not in the order of the names",)


def test_names_that_lto_ended_are_in_order_without_that() -> None:
    entries = [(0x1000, "T", "a.llvm.9"), (0x1004, "t", "a$x"), (0x1008, "T", "b")]
    lines = source(BY_ID["6.12"], entries, 0x1000, 64).splitlines()
    first = lines.index("kallsyms_seqs_of_names:") + 1
    lines[first : first + 3] = [f"\t.byte 0, 0, {number}" for number in (0, 1, 2)]
    memory, labels = assemble(lines, 64)
    assert decode(memory, labels, {}).wrong == ()


def test_the_real_forms_of_numbers_and_strings() -> None:
    text = """\
#include <asm/bitsperlong.h>
\t.section .rodata, "a"
.globl kallsyms_offsets
\tALGN
kallsyms_offsets:
\t.long\t0
\t.long\t0x78\t/* a_name */
\t.long\t_text - . + (-16)\t/* , */
kallsyms_token_table:\t.asciz\t"quote""
\t.byte 0x01 ; .asciz\t"\\101\\x42"
"""
    memory, labels = assemble(text.splitlines(), 32)
    assert labels == {"kallsyms_offsets": 0, "kallsyms_token_table": 12}
    assert memory.data == bytes(4) + b"\x78\0\0\0" + (-24 & 0xFFFFFFFF).to_bytes(4, "little") + b'quote"\0\x01AB\0'


@pytest.mark.parametrize(
    "line", ['\t.incbin "x"', "\t.long", "\t.long one", "\t.asciz x", "\t.balign 99999", "rubbish", "\t.quad 1 2"]
)
def test_a_source_of_something_else_is_refused(line: str) -> None:
    with pytest.raises(UserError, match="line 1 is none of a kallsyms table"):
        assemble([line], 64)


# Foreign input.

SMALL = [(0x1000 + 4 * number, "T", f"symbol_{number}") for number in range(20)]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FORMS), st.data())
def test_any_damage_is_an_error_or_an_answer(form: Form, data: st.DataObject) -> None:
    bits = 32 if form.base == "plain" else 64
    memory, labels = assemble(source(form, SMALL, 0x1000, bits).splitlines(), bits)
    damaged = bytearray(memory.data[: data.draw(st.integers(0, len(memory.data)))])
    for _ in range(data.draw(st.integers(0, 4)) if damaged else 0):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        table = decode(Memory(0, bytes(damaged), bits, data.draw(st.booleans())), labels, {"_text": 0})
    except UserError:
        return
    assert len(table.symbols.names) == len(table.symbols.addresses) == len(table.symbols.types) <= len(damaged)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(PARTS), st.integers(-10, 300)), st.binary(max_size=300))
def test_labels_anywhere_are_an_error_or_an_answer(labels: dict[str, int], data: bytes) -> None:
    try:
        decode(Memory(0, data, 32), labels, {})
    except UserError as error:
        assert error.next_step


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.text(max_size=40) | st.from_regex(r"\t\.(long|byte|asciz|short|quad) [0-9a-fx, +().\"_t-]*"), max_size=6
    )
)
def test_any_text_is_an_error_or_a_source(lines: list[str]) -> None:
    try:
        memory, labels = assemble(lines, 64)
    except UserError as error:
        assert error.next_step
    else:
        assert all(0 <= place <= len(memory.data) for place in labels.values())


def test_little_that_claims_to_be_much_is_refused() -> None:
    lines = source(BY_ID["6.1"], SMALL, 0x1000, 64).splitlines()
    token = lines.index("kallsyms_token_table:") + 1
    many = [f"\t.byte 0xff, 0xff{', 0xff' * 0x3FFF}"] * 20
    names = lines.index("kallsyms_names:") + 1
    bomb = [*lines[:names], *many, *lines[names + 20 : token + 255], f'\t.asciz "{"a" * 500}"', *lines[token + 256 :]]
    memory, labels = assemble(bomb, 64)
    with pytest.raises(UserError, match="names have no end"):
        decode(memory, labels, {})
    bomb[bomb.index(f'\t.asciz "{"a" * 500}"')] = f'\t.asciz "{"a" * 600}"'
    memory, labels = assemble(bomb, 64)
    with pytest.raises(UserError, match="a token has no end"):
        decode(memory, labels, {})
    with pytest.raises(UserError, match="too large"):
        assemble(["\t.byte 1", "\t.balign 4096"] * 33000, 64)


def test_nothing_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no kallsyms table"):
        decode(Memory(0, b"", 32), {}, {})
    for machine in (ARM64, X86_64, ARM):
        machine.need()
        built = build(tmp_path, machine, BY_ID["6.1"], names=NAMES[:3])
        first = built.image.with_name(".tmp_vmlinux1")
        assert read_image(first).table_wrong == ()
        with pytest.raises(UserError, match="no kallsyms table"):
            read_table(first)
