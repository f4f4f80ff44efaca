"""Thin archives as the real ar makes them, and as a build may bend them."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bisectsyms.effects.thinarchive import members

NAMES = ("a.o", "sub/b.o", "sub/deep/a_name_longer_than_sixteen_bytes.o", "sub/deep/d.o")


@pytest.fixture
def objects(tmp_path: Path) -> Path:
    for name in NAMES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["gcc", "-xc", "-c", "-o", name, "-"], cwd=tmp_path, input=b"int x;\n", check=True)
    return tmp_path


def made(folder: Path, archive: str, *given: str, words: str = "cDPrST") -> list[str] | None:
    subprocess.run(["ar", words, archive, *given], cwd=folder, check=True)
    with (folder / archive).open("rb") as file:
        return members(file, archive)


def listed(folder: Path, archive: str) -> list[str]:
    return subprocess.run(["ar", "t", archive], cwd=folder, check=True, capture_output=True, text=True).stdout.split()


def test_members_are_those_that_ar_lists(objects: Path) -> None:
    inner = made(objects, "sub/deep/built-in.a", *NAMES[2:])
    outer = made(objects, "sub/built-in.a", "sub/b.o", "sub/deep/built-in.a")
    whole = made(objects, "vmlinux.a", "a.o", "sub/built-in.a")
    assert inner == listed(objects, "sub/deep/built-in.a")
    assert outer == listed(objects, "sub/built-in.a")
    assert whole == listed(objects, "vmlinux.a") == list(NAMES)


def test_an_archive_that_was_sorted_again_is_read(objects: Path) -> None:
    """kbuild moves the first objects to the front; binutils then leaves a slash behind an offset."""
    made(objects, "vmlinux.a", *NAMES)
    moved = made(objects, "vmlinux.a", NAMES[0], NAMES[2], words="mPT")
    assert moved == listed(objects, "vmlinux.a")


def test_offsets_may_have_something_behind_them() -> None:
    names = b"one.o/\ntwo.o/\n"
    head = b"//%s%-10d`\n" % (b" " * 46, len(names))
    bodies = b"".join(b"%-15s/%-42s`\n" % (b"/%d" % at, b"0           0     0     644     1"[:42]) for at in (0, 7))
    file = io.BytesIO(b"!<thin>\n" + head + names + bodies)
    assert members(file, "x.a") == ["one.o", "two.o"]


def test_what_is_no_thin_archive_is_none(objects: Path) -> None:
    assert made(objects, "whole.a", "a.o", words="rcsD") is None


@given(st.binary(max_size=400))
@settings(deadline=None)
def test_any_bytes_end(data: bytes) -> None:
    members(io.BytesIO(b"!<thin>\n" + data), "x.a")
