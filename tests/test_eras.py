"""Every shape of the link of vmlinux is told by its text, and what follows from it is right."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from bisectsyms.core.eras import Era, detect
from bisectsyms.inputs.knowledge import load_knowledge
from tests.adding import complete

SHAPES = Path(__file__).parent / "corpus" / "eras"
ERAS = load_knowledge().eras
BY_ID = {era.id: era for era in ERAS}


def _files(shape: Path) -> dict[str, str]:
    return {str(path.relative_to(shape)): path.read_text() for path in shape.rglob("*") if path.is_file()}


def _detected(shape: str) -> str:
    era = detect(_files(SHAPES / shape), ERAS)
    return era.id if era else "none"


@pytest.mark.parametrize(
    ("shape", "era"),
    [
        ("none-2.6.0", "none"),
        ("none-check-commented-out", "none"),
        ("none-check-taken-out", "none"),
        ("makefile-sort-2.6.7", "makefile-sort"),
        ("makefile-2.6.9", "makefile"),
        ("makefile-2.6.27", "makefile"),
        ("makefile-2.6.39", "makefile"),
        ("script-trap-3.5-rc", "script-trap"),
        ("script-trap-without-trap", "script-trap"),
        ("script-trap-4.19", "script-trap"),
        ("script-trap-btf-5.10", "script-trap-btf"),
        ("script-keeps-5.15", "script-keeps"),
        ("script-keeps-old-names", "script-keeps"),
        ("pass-syms-6.1", "pass-syms"),
        ("pass-syms-with-a-stale-makefile", "pass-syms"),
        ("numbered-6.12", "numbered"),
        ("numbered-6.12.117", "numbered"),
        ("unstripped-6.15", "unstripped"),
        ("unstripped-7.x", "unstripped"),
    ],
)
def test_shape(shape: str, era: str) -> None:
    assert _detected(shape) == era


def test_every_shape_and_every_era_is_tested() -> None:
    shapes = sorted(path.name for path in SHAPES.iterdir())
    complete(
        (_detected(shape) for shape in shapes),
        {*BY_ID, "none"},
        "{}: no tree is told as it: tests/corpus/eras/{}-RELEASE/ with the file that its clues are of, a line in both "
        "tables of tests/test_eras.py; or one above it in configs/knowledge/eras.yaml is told first",
        "{}: is no era of configs/knowledge/eras.yaml",
    )
    for shape in shapes:
        assert shape.startswith(_detected(shape)), f"tests/corpus/eras/{shape} is told as {_detected(shape)}"


def test_version_numbers_decide_nothing() -> None:
    makefile = "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 0\n"
    files = _files(SHAPES / "script-trap-4.19")
    assert detect(files | {"Makefile": makefile}, ERAS) == BY_ID["script-trap"]


def test_nothing_known_is_no_era() -> None:
    assert detect({}, ERAS) is None
    assert detect({"scripts/link-vmlinux.sh": ""}, ERAS) is None
    assert detect({"Makefile": "all:\n"}, ()) is None


def test_crlf_and_junk_do_no_harm() -> None:
    files = {name: text + "\0\ufffd\n" for name, text in _files(SHAPES / "pass-syms-6.1").items()}
    assert detect(files, ERAS) == BY_ID["pass-syms"]


@pytest.mark.parametrize(
    ("era", "leaves"),
    [
        ("makefile-sort", True), ("makefile", True), ("script-trap", False), ("script-trap-btf", False),
        ("script-keeps", True), ("pass-syms", True), ("numbered", True), ("unstripped", True),
    ],
)  # fmt: skip
def test_what_a_mismatch_leaves(era: str, leaves: bool) -> None:
    assert BY_ID[era].leaves_maps is leaves


def test_where_the_maps_are_made_of_images_the_filter_of_that_time_is_meant() -> None:
    lines = (
        "c0008000 T start",
        "c0008000 t $a",
        "0000002a N debug",
        "c0009000 A __crc_printk",
        "0 a local",
        "0 w weak",
    )
    kept = {
        era: [one for one in lines if not re.search(BY_ID[era].leaves_out, one)]
        for era in ("makefile-sort", "makefile")
    }
    assert kept["makefile"] == ["c0008000 T start"]
    assert kept["makefile-sort"] == list(lines[:4])


@pytest.mark.parametrize("era", ERAS, ids=lambda era: era.id)
def test_outputs_cover_the_maps_and_spare_the_inputs(era: Era) -> None:
    def removed(name: str) -> bool:
        return any(fnmatch(name, pattern) for pattern in era.outputs)

    assert all(removed(name) for name in ("vmlinux", era.after, *era.before))
    # A map of an earlier attempt must not be compared, and a table of an earlier pass must not be linked.
    for table in era.passes:
        assert removed(table.replace("[0-9]", "3"))
    inputs = "vmlinux.o vmlinux.a built-in.a .config .version .vmlinux.export.o .vmlinux.cmd Module.symvers"
    assert not [name for name in [*inputs.split(), "init/version.o", "include/config/auto.conf"] if removed(name)]


def test_the_latest_pass_comes_first() -> None:
    for era in ERAS:
        digits = [re.sub(r"\D", "", name) for name in era.before]
        assert digits == sorted(digits, reverse=True)
    assert BY_ID["pass-syms"].before == (".tmp_vmlinux.kallsyms3.syms", ".tmp_vmlinux.kallsyms2.syms")
