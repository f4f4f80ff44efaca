"""The inputs of the link are found in the layout of every generation."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from bisectsyms.effects.inputs import inputs, lines

PLAIN = ("init/version.o", "lib/lib.a", "arch/arm/kernel/vmlinux.lds")


def _objtree(obj: Path, *names: str) -> None:
    for name in names:
        (obj / name).parent.mkdir(parents=True, exist_ok=True)
        (obj / name).write_text(f"{name}\n")


def _archive(obj: Path, name: str, *members: str) -> None:
    _objtree(obj, *members)
    subprocess.run(["ar", "rcsTP", name, *members], cwd=obj, check=True)


@pytest.mark.parametrize("generation", ["built-in.o", "built-in.a", "vmlinux.a"])
def test_inputs_of_each_generation(tmp_path: Path, generation: str) -> None:
    _objtree(tmp_path, *PLAIN)
    if generation == "built-in.o":
        linked = ["fs/built-in.o", "arch/arm/kernel/built-in.o", "arch/arm/kernel/head.o"]
        _objtree(tmp_path, *linked, "fs/inode.o")
    else:
        linked = ["fs/inode.o", "fs/ext4/super.o", "arch/arm/kernel/setup.o"]
        _archive(tmp_path, "fs/built-in.a", *linked[:2])
        _archive(tmp_path, "arch/arm/kernel/built-in.a", linked[2])
    if generation == "vmlinux.a":
        _archive(tmp_path, "vmlinux.a", *linked)
        (tmp_path / "fs/built-in.a").write_text("not asked")
    hashes = {name: hashlib.sha256(f"{name}\n".encode()).hexdigest() for name in (*PLAIN, *linked)}
    made = inputs(tmp_path, None)
    assert set(lines((*made.files, *made.drawn)).splitlines()) == {
        f"{digest}  {name}" for name, digest in hashes.items()
    }
