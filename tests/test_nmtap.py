"""The wrapper for nm: nothing that calls it can tell it from nm, and every image leaves one whole copy."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bisectsyms.core.eras import Era
from bisectsyms.effects.nmtap import NmTap
from bisectsyms.inputs.knowledge import load_knowledge

NM = "nm"
TRAP: Era = next(era for era in load_knowledge().eras if era.id == "script-trap")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder with three images of different symbols."""
    for name, symbols in (("vmlinux", 4000), (".tmp_vmlinux1", 10), (".tmp_vmlinux2", 20)):
        source = tmp_path / "image.c"
        source.write_text("".join(f"int symbol_{n};\n" for n in range(symbols)))
        subprocess.run(["gcc", "-c", "-o", str(tmp_path / name), str(source)], check=True)
    return tmp_path


@pytest.fixture
def tap(images: Path) -> NmTap:
    folder = images / "with space"
    tap = NmTap(folder, folder)
    tap.install(NM)
    return tap


def _run(folder: Path, nm: str, *args: str) -> tuple[int, bytes, bytes]:
    done = subprocess.run([nm, *args], cwd=folder, capture_output=True)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "args",
    [
        ("-n", "vmlinux"), ("-n", ".tmp_vmlinux1"), ("-n", "no-image"), ("-n", ".tmp_vmlinux9"), ("vmlinux",),
        ("-S", "vmlinux"), ("-n", "image.c"), ("-n", "-S", "vmlinux"), ("--version",), ("-n", "vmlinux", "image.c"),
    ],
)  # fmt: skip
def test_it_is_nm(images: Path, tap: NmTap, args: tuple[str, ...]) -> None:
    assert _run(images, str(tap.nm), *args) == _run(images, NM, *args)


def test_copies_are_whole_and_of_images_only(images: Path, tap: NmTap) -> None:
    for args in (("-n", "vmlinux"), ("-n", ".tmp_vmlinux2"), ("-n", ".tmp_vmlinux9"), ("-S", ".tmp_vmlinux1")):
        _run(images, str(tap.nm), *args)
    assert {path.name: path.read_bytes() for path in tap.copies()} == {
        f"{name}.nm": _run(images, NM, "-n", name)[1] for name in ("vmlinux", ".tmp_vmlinux2")
    }
    tap.install(NM)
    assert [path.name for path in tap.folder.iterdir()] == ["nm"]


def test_without_a_folder_for_copies_it_is_nm_all_the_same(images: Path, tap: NmTap) -> None:
    tap.folder.rename(images / "elsewhere")
    nm = str(images / "elsewhere/nm")
    assert _run(images, nm, "-n", "vmlinux") == _run(images, NM, "-n", "vmlinux")


def test_calls_side_by_side(images: Path, tap: NmTap) -> None:
    calls = [
        subprocess.Popen([str(tap.nm), "-n", "vmlinux"], cwd=images, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(16)
    ]
    expected = _run(images, NM, "-n", "vmlinux")[1]
    assert all(call.communicate() == (expected, b"") for call in calls)
    assert [path.read_bytes() for path in tap.copies()] == [expected]


def test_a_reader_that_leaves_early_gets_no_copy_and_no_noise(images: Path, tap: NmTap) -> None:
    script = f"'{tap.nm}' -n vmlinux | head -n 1"
    done = subprocess.run(["sh", "-c", script], cwd=images, capture_output=True)
    assert (done.stdout.count(b"\n"), done.stderr) == (1, b"")
    assert tap.copies() == ()


def test_maps_come_through_the_filter_of_the_revision(images: Path, tap: NmTap) -> None:
    mksysmap = images / "scripts/mksysmap"
    mksysmap.parent.mkdir()
    mksysmap.write_text("#!/bin/sh -x\n$NM -n $1 | grep -v -e 7$ > $2\n")
    assert tap.filter_script(images, TRAP) == "", "nothing was caught yet"
    for name in (".tmp_vmlinux1", ".tmp_vmlinux2", "vmlinux"):
        _run(images, str(tap.nm), "-n", name)
    subprocess.run(["sh", "-c", tap.filter_script(images, TRAP)], check=True)
    for image, made in ((".tmp_vmlinux2", ".tmp_System.map"), ("vmlinux", "System.map")):
        lines = _run(images, NM, "-n", image)[1].splitlines()
        assert (tap.folder / made).read_bytes().splitlines() == [line for line in lines if not line.endswith(b"7")]


def test_a_filter_that_fails_is_told(images: Path, tap: NmTap) -> None:
    for name in (".tmp_vmlinux2", "vmlinux"):
        _run(images, str(tap.nm), "-n", name)
    done = subprocess.run(["sh", "-c", tap.filter_script(images, TRAP)], capture_output=True)
    assert done.returncode != 0, "there is no scripts/mksysmap"
