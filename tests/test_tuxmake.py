"""The line of tuxmake: only where it makes the same build, and in the order that its parser takes."""

from __future__ import annotations

import pytest

from bisectsyms.core.tuxmake import TARGET_ARCHES, tuxmake_line

NO_AUTO = "# CONFIG_LOCALVERSION_AUTO is not set"


def line(arch: str, prefix: str, toolchain: str = "gcc-12.2.0", kconfig: tuple[str, ...] = ("x_defconfig",)) -> str:
    words = tuxmake_line(
        arch=arch, cross_compile=prefix, toolchain=toolchain, kconfig=kconfig, jobs=5, variables=(("W", "1"),)
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
        ("arm", "arm-linux-gnueabi-", "clang-16.0.6"),
    ],
)
def test_where_it_would_be_another_build_there_is_none(arch: str, prefix: str, toolchain: str) -> None:
    assert line(arch, prefix, toolchain) == ""


def test_a_build_without_a_target_for_config_has_none() -> None:
    assert line("x86_64", "", kconfig=()) == ""
    assert line("x86_64", "").startswith("tuxmake --runtime null --target-arch x86_64 ")
    assert set(TARGET_ARCHES.values()) >= {"arm64", "armel", "riscv", "x86_64"}
