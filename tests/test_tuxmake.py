"""The line of tuxmake: only where it makes the same build, and in the order that its parser takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bisectsyms.core.tuxmake import tuxmake_line
from bisectsyms.inputs.toolchains import load_toolchains

KNOWN = load_toolchains(Path("/no/such/folder")).arches
NO_AUTO = "# CONFIG_LOCALVERSION_AUTO is not set"


def line(arch: str, prefix: str, toolchain: str = "gcc-12.2.0", kconfig: tuple[str, ...] = ("x_defconfig",)) -> str:
    words = tuxmake_line(
        KNOWN, arch=arch, cross_compile=prefix, toolchain=toolchain, kconfig=kconfig, jobs=5, variables=(("W", "1"),)
    )
    return " ".join(words)


def test_the_line_as_it_was_tried() -> None:
    assert line("arm", "arm-linux-gnueabi-", kconfig=("s3c6400_defconfig", NO_AUTO)) == (
        "tuxmake --runtime null --target-arch armel --toolchain gcc-12 --kconfig s3c6400_defconfig "
        f"--kconfig-add {NO_AUTO} --jobs 5 W=1 default"
    )


@pytest.mark.parametrize(
    ("arch", "prefix", "toolchain"),
    [
        ("arm", "arm-none-eabi-", "gcc-12.2.0"),  # a compiler that it never takes
        ("powerpc", "powerpc-linux-gnu-", "gcc-12.2.0"),  # it takes powerpc64le's
        ("arm", "", "gcc-12.2.0"),
        ("x86", "", "gcc-12.2.0"),  # its x86_64 says ARCH=x86_64
        ("i386", "", "gcc-12.2.0"),
        ("vax", "vax-linux-gnu-", "gcc-12.2.0"),
        ("arm", "arm-linux-gnueabi-", "clang-16.0.6"),
    ],
)
def test_where_it_would_be_another_build_there_is_none(arch: str, prefix: str, toolchain: str) -> None:
    assert line(arch, prefix, toolchain) == ""


def test_a_build_without_a_target_for_config_has_none() -> None:
    assert line("x86_64", "", kconfig=()) == ""
    assert line("x86_64", "").startswith("tuxmake --runtime null --target-arch x86_64 ")


@pytest.mark.parametrize(
    ("arch", "prefix", "target"),
    [
        ("arm", "arm-linux-gnueabihf-", "armhf"),
        ("arm64", "aarch64-linux-gnu-", "arm64"),
        ("i386", "i686-linux-gnu-", "i386"),
        ("parisc", "hppa-linux-gnu-", "parisc"),
        ("riscv", "riscv64-linux-gnu-", "riscv"),
        ("s390", "s390x-linux-gnu-", "s390"),
        ("sparc", "sparc64-linux-gnu-", "sparc"),
    ],
)
def test_the_target_is_the_one_that_has_this_compiler(arch: str, prefix: str, target: str) -> None:
    assert f" --target-arch {target} " in line(arch, prefix)
