"""Inputs that were written while a link ran, by the times of files alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from bisectsyms.effects.linktimes import written_meanwhile

PAUSE = 0.02
"""Seconds; file times come from a clock of some milliseconds."""


def write(path: Path, text: str = "x") -> Path:
    time.sleep(PAUSE)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def linked(obj: Path, *meanwhile: str) -> tuple[Path, Path]:
    """Inputs, a pass, what was written then, and System.map; and one input that was written later."""
    for name in ("init/version.o", "lib/lib.a", "kernel/fork.o", "mm/slab.o"):
        write(obj / name)
    subprocess.run(["ar", "cDPrST", "vmlinux.a", "kernel/fork.o", "mm/slab.o"], cwd=obj, check=True)
    first = write(obj / ".tmp_vmlinux1")
    for name in meanwhile:
        write(obj / name, "y")
    last = write(obj / "System.map")
    write(obj / "mm/slab.o", "later")
    return first, last


@pytest.mark.parametrize(
    "meanwhile", [(), ("init/version.o",), ("kernel/fork.o", "lib/lib.a"), ("drivers/no-input.o", "kernel/fork.mod.o")]
)
def test_an_input_that_was_written_in_between_is_found(tmp_path: Path, meanwhile: tuple[str, ...]) -> None:
    inputs = tuple(name for name in meanwhile if name in ("init/version.o", "kernel/fork.o", "lib/lib.a"))
    assert written_meanwhile(tmp_path, *linked(tmp_path, *meanwhile)) == inputs


def test_a_rename_is_seen_although_it_keeps_the_time_of_the_content(tmp_path: Path) -> None:
    again = write(tmp_path / ".again", "an older object")
    write(tmp_path / "init/version.o")
    first = write(tmp_path / ".tmp_vmlinux1")
    time.sleep(PAUSE)
    again.rename(tmp_path / "init/version.o")
    assert written_meanwhile(tmp_path, first, write(tmp_path / "System.map")) == ("init/version.o",)


def test_times_of_a_copy_tell_nothing(tmp_path: Path) -> None:
    first, last = linked(tmp_path / "obj", "init/version.o")
    for number, path in enumerate((first, last)):
        os.utime(path, (1e9 + number, 1e9 + number))
    shutil.copytree(tmp_path / "obj", tmp_path / "copy")
    copy = tmp_path / "copy"
    assert written_meanwhile(copy, copy / first.name, copy / last.name) is None
    assert written_meanwhile(copy, copy / "none", copy / last.name) is None


def test_an_archive_that_is_none_is_no_trouble(tmp_path: Path) -> None:
    write(tmp_path / "vmlinux.a", "!<thin>\nrubbish")
    assert written_meanwhile(tmp_path, write(tmp_path / "a"), write(tmp_path / "b")) == ()
