"""What a link left, found in directories that nobody prepared: real links, foreign trees, cut and hostile files."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bisectsyms.effects.images import read_image, read_table, table_sizes
from bisectsyms.effects.linkfiles import find, pass_maps
from bisectsyms.errors import UserError
from bisectsyms.smallkernel import Failure, write_history
from tests.tables import ARM, ARM64, FORMS, X86_64, Machine, build, place
from tests.test_smallkernel import Objtree

CORPUS = Path(__file__).parent / "corpus" / "eras"
BOOKED = next(form for form in FORMS if form.id == "6.2")


@pytest.mark.parametrize("machine", [X86_64, ARM, ARM64], ids=lambda machine: machine.arch)
def test_the_small_kernel(tmp_path: Path, machine: Machine) -> None:
    machine.need()
    history = write_history(tmp_path / "repo", Failure.NONE, seed=1, commits=16, unrelated=False)
    tree = Objtree(history, history.bad, tmp_path, f"ARCH={machine.arch}", f"CROSS_COMPILE={machine.prefix}")
    assert tree.consistent()
    left = find(tree.out)
    assert left.era == "pass-syms"
    assert [path.name for path in left.passes] == [".tmp_vmlinux.kallsyms1.syms", ".tmp_vmlinux.kallsyms2.syms"]
    assert (left.before, left.after) == (left.passes[1], tree.out / "System.map")
    assert (left.temporary, left.image) == (tree.out / ".tmp_vmlinux.kallsyms2", tree.out / "vmlinux")
    assert left.image is not None
    assert left.after is not None
    assert read_image(left.image).table_wrong == ()

    table = read_table(left.image)
    listed = [line.split(" ", 2) for line in left.after.read_text().splitlines()]
    true = [(int(address, 16), letter, name) for address, letter, name in listed if not name.startswith("kallsyms_")]
    said = zip(table.symbols.addresses, table.symbols.types, table.symbols.names, strict=True)
    assert list(said) == [one for one in true if one[1] != "A"]
    one, two = (table_sizes(path) for path in left.tables)
    assert one.parts == two.parts
    assert {"kallsyms_offsets", "kallsyms_names", "kallsyms_markers"} <= {name for name, _ in one.parts}

    data = bytearray(left.image.read_bytes())
    data[place(machine, left.image, "kallsyms_offsets") + 4 * 5] ^= 0x10
    left.image.write_bytes(data)
    wrong = read_image(left.image).table_wrong
    assert any(text.startswith(f"{table.symbols.names[5]}: table ") for text in wrong), wrong


def test_a_link_that_passes_with_the_table_of_an_earlier_pass_is_found_out(tmp_path: Path) -> None:
    """make and the two maps see nothing of it: the objects have one size."""
    X86_64.need()
    history = write_history(tmp_path / "repo", Failure.NONE, seed=1, commits=16, unrelated=False)
    tree = Objtree(history, history.bad, tmp_path, "ARCH=x86_64", f"CROSS_COMPILE={X86_64.prefix}")
    script = tree.source / "scripts/link-vmlinux.sh"
    text = script.read_text()
    assert "vmlinux_link vmlinux ${kallsymso}\n" in text
    script.write_text(text.replace("vmlinux_link vmlinux ${kallsymso}\n", "vmlinux_link vmlinux ${kallsymso_prev}\n"))
    assert tree.consistent()
    image = read_image(tree.out / "vmlinux")
    assert image.table_wrong[-1].startswith("and "), image.table_wrong
    assert image.table_wrong[0].count(": table ffffffff81") == 1


def touch(folder: Path, *names: str, at: int = 1000) -> None:
    for name in names:
        (folder / name).write_text("c0008000 T _text\n")
        os.utime(folder / name, (at, at))


SYMS = (".tmp_vmlinux.kallsyms1.syms", ".tmp_vmlinux.kallsyms2.syms", ".tmp_vmlinux.kallsyms3.syms")


def test_a_pass_that_an_earlier_link_left_is_not_of_this_one(tmp_path: Path) -> None:
    (tmp_path / "include").mkdir()
    touch(tmp_path, SYMS[2], "vmlinux", at=900)
    touch(tmp_path, SYMS[0], at=1000)
    touch(tmp_path, SYMS[1], "System.map", at=1001)
    left = find(tmp_path)
    assert ([path.name for path in left.passes], left.image) == ([*SYMS[:2]], None)
    assert left.before == tmp_path / SYMS[1]


def test_evidence_has_the_times_of_its_export(tmp_path: Path) -> None:
    touch(tmp_path, SYMS[2], at=1000)
    touch(tmp_path, SYMS[0], SYMS[1], "System.map", at=1001)
    assert [path.name for path in find(tmp_path).passes] == [*SYMS]
    (tmp_path / "era").write_text("numbered\n")
    assert find(tmp_path).era == "numbered"
    (tmp_path / "era").write_text("no such\n")
    assert find(tmp_path).era == "pass-syms"


@pytest.mark.parametrize("how", ["in-tree", "source", "include", "old", "older"])
def test_the_era_is_read_from_the_script_of_the_tree(tmp_path: Path, how: str) -> None:
    """The names would be those of the Makefile's era, too."""
    text = (CORPUS / "script-trap-4.19/scripts/link-vmlinux.sh").read_text()
    tree, obj = tmp_path / "linux", tmp_path / ("linux" if how == "in-tree" else "obj")
    (tree / "scripts").mkdir(parents=True)
    (tree / "scripts/link-vmlinux.sh").write_text(text)
    obj.mkdir(exist_ok=True)
    touch(obj, ".tmp_vmlinux1", ".tmp_vmlinux2", ".tmp_System.map", "System.map")
    if how == "source":
        (obj / "source").symlink_to(tree)
    elif how != "in-tree":
        line = {
            "include": f"include {tree}/Makefile",
            "old": f"KERNELSRC    := {tree}",
            "older": f"MAKEARGS := -C {tree}",
        }
        (obj / "Makefile").write_text(f"# generated\n{line[how]}\n")
    assert find(obj).era == "script-trap"
    assert {path.name for path in find(obj).images} == {".tmp_vmlinux1", ".tmp_vmlinux2"}


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing", tmp_path / "file"):
        (tmp_path / "file").touch()
        with pytest.raises(UserError) as caught:
            find(folder)
        assert caught.value.next_step
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/link-vmlinux.sh").write_text((CORPUS / "pass-syms-6.1/scripts/link-vmlinux.sh").read_text())
    with pytest.raises(UserError, match="nothing that a link"):
        find(tmp_path)


def test_a_script_that_deletes_all_is_named(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/link-vmlinux.sh").write_text((CORPUS / "script-trap-4.19/scripts/link-vmlinux.sh").read_text())
    with pytest.raises(UserError, match="deletes all after a mismatch") as caught:
        find(tmp_path)
    assert "bisectsyms step" in caught.value.next_step


def test_an_image_that_nm_cannot_read_is_told(tmp_path: Path) -> None:
    touch(tmp_path, ".tmp_vmlinux1", ".tmp_System.map", "System.map")
    left = find(tmp_path)
    with pytest.raises(UserError, match="nm cannot read it"):
        list(pass_maps(left))
    with pytest.raises(UserError, match="no-such-nm cannot be run"):
        list(pass_maps(left, "no-such-nm"))


def test_what_is_kept_of_an_image(tmp_path: Path) -> None:
    X86_64.need()
    built = build(tmp_path, X86_64, BOOKED, names=["one", "two three"])
    kept = tmp_path / "kept"
    kept.mkdir()
    for name, arguments in (("vmlinux.nm", ("nm", "-n")), ("vmlinux.sections", ("readelf", "-SW"))):
        (kept / name).write_text(X86_64.run(tmp_path, *arguments, "vmlinux"))
    whole, image = read_image(built.image), read_image(kept / "vmlinux.nm")
    assert (image.name, image.bits, image.machine) == ("vmlinux", 64, "")
    assert (image.sections, image.symbols, image.table_wrong) == (whole.sections, whole.symbols, ())
    (kept / ".tmp_kallsyms1.o").write_bytes(built.table.read_bytes())
    (kept / "vmlinux.sections").unlink()
    image = read_image(kept / "vmlinux.nm")
    assert (image.machine, image.sections) == ("X86_64", ())


# Hostile input.

READERS: tuple[Callable[[Path], object], ...] = (read_image, read_table, table_sizes)


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    X86_64.need()
    return build(tmp_path_factory.mktemp("elf"), X86_64, BOOKED, names=[f"symbol_{n}" for n in range(20)]).image


def refused_or_answered(path: Path) -> None:
    for read in READERS:
        try:
            read(path)
        except UserError as error:
            assert error.next_step


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_image_is_an_error_or_an_answer(elf: Path, tmp_path: Path, data: st.DataObject) -> None:
    whole = elf.read_bytes()
    headers = int.from_bytes(whole[0x28:0x30], "little")
    places = st.integers(0, 63) | st.integers(headers, len(whole) - 1) | st.integers(0, len(whole) - 1)
    damaged = bytearray(whole)
    for at in data.draw(st.lists(places, max_size=6)):
        damaged[at] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]))
    cut = data.draw(st.just(len(whole)) | st.integers(0, len(whole)))
    (tmp_path / "vmlinux").write_bytes(damaged[:cut])
    refused_or_answered(tmp_path / "vmlinux")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([b"", b"\x7fELF", b"\x7fELF\x02\x01\x01"]), st.binary(max_size=400))
def test_rubbish_is_refused(tmp_path: Path, begin: bytes, rest: bytes) -> None:
    for name in ("vmlinux", "x.nm", "x.S"):
        (tmp_path / name).write_bytes(begin + rest)
        refused_or_answered(tmp_path / name)


def test_sizes_that_a_header_claims_are_not_believed(elf: Path, tmp_path: Path) -> None:
    whole = elf.read_bytes()
    headers = int.from_bytes(whole[0x28:0x30], "little")
    count = int.from_bytes(whole[0x3C:0x3E], "little")
    for number in range(count):
        huge = bytearray(whole)
        struct.pack_into("<Q", huge, headers + 64 * number + 0x20, 1 << 62)
        (tmp_path / "vmlinux").write_bytes(huge)
        refused_or_answered(tmp_path / "vmlinux")
    endless = bytearray(whole)
    struct.pack_into("<H", endless, 0x3C, 0)
    struct.pack_into("<Q", endless, headers + 0x20, 1 << 40)
    (tmp_path / "vmlinux").write_bytes(endless)
    with pytest.raises(UserError, match="1099511627776 sections"):
        read_image(tmp_path / "vmlinux")


def test_names_that_overlap_have_an_end(elf: Path, tmp_path: Path) -> None:
    """One text of 64 KB and a symbol for each of its bytes, 16 times: 34 GB of names."""
    names, size = b"a" * 65535 + b"\0", 24 * 65536 * 16
    whole = bytearray(elf.read_bytes())
    headers, count = int.from_bytes(whole[0x28:0x30], "little"), int.from_bytes(whole[0x3C:0x3E], "little")
    symtab = next(at for at in range(headers, headers + 64 * count, 64) if whole[at + 4] == 2)
    strtab = headers + 64 * int.from_bytes(whole[symtab + 0x28 : symtab + 0x2C], "little")
    struct.pack_into("<QQ", whole, strtab + 0x18, len(whole), len(names))
    struct.pack_into("<QQ", whole, symtab + 0x18, len(whole) + len(names), size)
    symbols = b"".join(struct.pack("<IBBHQQ", place, 0x12, 0, 1, 0, 0) for place in range(65536)) * 16
    (tmp_path / "vmlinux").write_bytes(whole + names + symbols)
    with pytest.raises(UserError, match="symbols have no end"):
        read_image(tmp_path / "vmlinux")


def test_a_pipe_is_no_image(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "vmlinux")
    with pytest.raises(UserError, match="not a regular file"):
        read_image(tmp_path / "vmlinux")


def test_names_cannot_speak_to_the_terminal(tmp_path: Path) -> None:
    X86_64.need()
    built = build(tmp_path, X86_64, BOOKED, names=["plain"])
    data = built.image.read_bytes().replace(b"\0plain\0", b"\0p\x1b[2J\0")
    built.image.write_bytes(data)
    assert "p\x1b[2J" in read_image(built.image).symbols
    assert read_image(built.image).table_wrong == ("plain: table ffffffff81000000, image has none",)
