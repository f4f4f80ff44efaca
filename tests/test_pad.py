"""The object that is joined to the link: of its size in each section, for the machine of the kernel."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from bisectsyms.effects.pad import Pad, machine_flags

ARM = (
    "arm-linux-gnueabi-gcc -Wp,-MMD,init/.main.o.d -nostdinc -I./arch/arm/include -D__KERNEL__ -mlittle-endian "
    "-fmacro-prefix-map=./= -Wall -std=gnu11 -mabi=aapcs-linux -mfpu=vfp -funwind-tables -marm "
    "-Wa,-mno-warn-deprecated -D__LINUX_ARM_ARCH__=6 -march=armv6k -mtune=arm1136j-s -msoft-float -O2 "
    "-DKBUILD_MODFILE='\"init/main\"' -c -o init/main.o init/main.c"
)
CLANG = "clang-16 --target=arm-linux-gnueabi -mllvm -x86-something -EL -c -o init/main.o init/main.c"


def test_flags_that_say_for_which_machine() -> None:
    assert machine_flags(ARM) == (
        *("-mlittle-endian", "-mabi=aapcs-linux", "-mfpu=vfp", "-marm", "-Wa,-mno-warn-deprecated"),
        *("-march=armv6k", "-mtune=arm1136j-s", "-msoft-float"),
    )
    assert machine_flags(CLANG) == ("--target=arm-linux-gnueabi", "-EL")
    assert machine_flags("gcc -m64 -D'X=$(pound)' -c 'it") == ("-m64",), "what no shell could read"
    assert machine_flags("") == ()


@pytest.mark.parametrize("first", [f"cmd_init/main.o := {ARM}", f"savedcmd_init/main.o := {ARM}"])
def test_they_are_taken_from_what_compiled_main(tmp_path: Path, first: str) -> None:
    (tmp_path / "init").mkdir()
    (tmp_path / "init/.main.o.cmd").write_text(f"{first}\n\nsource_init/main.o := -mnothing\n")
    words = Pad(tmp_path, Path("/seen")).assembling(64, "cc", tmp_path)
    assert words[:2] == ("cc", "-mlittle-endian")
    assert words[-4:] == ("-c", "-o", "/seen/64.o", "/seen/64.S")
    assert "-mnothing" not in words


@pytest.mark.parametrize(
    ("compiler", "package"), [("gcc", "gcc"), ("arm-linux-gnueabi-gcc", "gcc-arm-linux-gnueabi"), ("clang", "clang")]
)
def test_each_section_has_so_many_bytes_and_the_object_no_symbol(tmp_path: Path, compiler: str, package: str) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"apt-get install {package}")
    pad = Pad(tmp_path / "pad", tmp_path / "pad")
    pad.write(20)
    subprocess.run(pad.assembling(20, compiler, tmp_path), check=True)
    headers = subprocess.run(["objdump", "-h", pad.object(20)], check=True, capture_output=True, text=True).stdout
    sizes = {
        line.split()[1]: int(line.split()[2], 16)
        for line in headers.splitlines()
        if line.split()[:1] and line.split()[0].isdigit()
    }
    assert {name: sizes[name] for name in (".text", ".rodata", ".data", ".bss")} == dict.fromkeys(
        (".text", ".rodata", ".data", ".bss"), 20
    )
    names = subprocess.run(["nm", pad.object(20)], check=True, capture_output=True, text=True).stdout
    assert all(line.split()[-1].startswith("$") for line in names.splitlines()), "only marks that no map has"
