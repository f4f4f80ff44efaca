"""Compilers and builds by the names that people and robots have for them; and the gate of every field of a report."""

from __future__ import annotations

import pytest

from bisectsyms.core.compilers import build_name, toolchain
from bisectsyms.core.reportfields import shown, through_the_gate
from bisectsyms.inputs.reportknowledge import report_knowledge


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("arm-linux-gnueabi-gcc (GCC) 13.2.0", "gcc-13.2.0"),
        ("gcc-9 (Ubuntu 9.4.0-1ubuntu1~20.04.2) 9.4.0", "gcc-9.4.0"),
        ("gcc (Debian 12.2.0-14) 12.2.0, GNU ld (GNU Binutils for Debian) 2.40", "gcc-12.2.0"),
        ("gcc version 4.5.2 (Sourcery G++ Lite 2011.03-41)", "gcc-4.5.2"),
        ("gcc-12 12.2.0-14", "gcc-12.2.0"),
        ("clang version 19.0.0git (https://github.com/llvm/llvm-project 423aec)", "clang-19.0.0"),
        ("Debian clang version 16.0.6, GNU ld 2.40", "clang-16.0.6"),
        ("LLVM 17", "clang-17"),
        ("gcc", "gcc"),
        ("gcc or clang", ""),
        ("GNU ld 2.40", ""),
    ],
)
def test_a_compiler_has_one_name(text: str, name: str) -> None:
    assert toolchain(text) == name


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("arm-s3c6400_defconfig (https://example.org/config)", ("arm", "s3c6400_defconfig", "")),
        ("powerpc:allmodconfig", ("powerpc", "allmodconfig", "")),
        ("powerpc-ppc64_defconfig-gcc-12", ("powerpc", "ppc64_defconfig", "gcc-12")),
        ("s3c6400_defconfig", ("arm", "s3c6400_defconfig", "")),
        ("x86_64-randconfig-161-20240804", ("x86_64", "", "")),
        ("arm-../../etc/passwd", ("arm", "", "")),
        ("arm-$(x)_defconfig", ("arm", "", "")),
    ],
)
def test_a_build_by_its_name(text: str, parts: tuple[str, str, str]) -> None:
    assert build_name(text, report_knowledge().names) == parts


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        (
            "tree",
            "https://git.kernel.org/a/linux.git",
            ["ext::sh -c x", "file:///etc", "-u=x", "https://h/../x", "git@h:x"],
        ),
        ("branch", "for-next", ["-x", "a..b", "a/../b", "x y", "../x"]),
        ("commit", "7273ad2b08f8", ["HEAD", "727", "7273ad2b08f8;x", "-7273ad2b"]),
        ("describe", "v6.1-rc3-12-g7273ad2b08f8", ["--output=x", "v6.1..v6.2"]),
        ("revision", "v6.1~3^2", ["-x", "a..b", "$(x)", ":/x"]),
        ("introduced", "v6.0..v6.1-rc1", ["a...b", "-x..y"]),
        ("arch", "powerpc", ["../x", "-x", "ARM", "a b"]),
        ("defconfig", "multi_v7_defconfig debug.config", ["-f x", "a/../b", "a;b", "$(x)"]),
        ("toolchain", "gcc-13.2.0", ["/tmp/gcc", "icc", "gcc-13 -B/tmp"]),
        ("jobs", "1024", ["0", "1025", "-1", "٣"]),
        ("link", "<1@x>", ["<1@x>\r\nBcc: y", "javascript:x"]),
    ],
)
def test_the_gate_of_each_field(field: str, good: str, bad: list[str]) -> None:
    assert through_the_gate(field, good) == good
    assert [value for value in bad if through_the_gate(field, value) is not None] == []


def test_what_is_shown_is_one_line_that_no_terminal_obeys() -> None:
    assert shown("a\x1b]0;t\x07b\r\nBcc: x\u202eg\tc\0") == "ab Bcc: xg c"
