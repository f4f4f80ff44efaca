"""Which compiler stands for the one of a report, and where the exact one is to be had."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisectsyms.core.nearest import Here, exact_one, nearest
from bisectsyms.core.tools import Arch, Llvm

ARM = Arch("arm", ("arm-linux-gnueabi-",), ("arm-linux-gnueabi",), package="gcc-arm-linux-gnueabi", llvm="every")
LLVM = Llvm({}, ("clang", "lld", "llvm"))
HERE = [
    Here("gcc", "gcc-12.2.0"),
    Here("gcc-11", "gcc-11.3.0"),
    Here("gcc-9.5.0", "gcc-9.5.0"),
    Here("llvm", "clang-14.0.6"),
]


@pytest.mark.parametrize(
    ("wanted", "name", "differs"),
    [
        ("gcc", "gcc", ""),
        ("gcc-12", "gcc", ""),
        ("gcc-12.2.0", "gcc", ""),
        ("gcc-11", "gcc-11", ""),
        ("gcc-11.4.0", "gcc-11", "the report has gcc-11.4.0, here it is gcc-11.3.0"),
        ("gcc-4.5.2", "gcc-9.5.0", "the report has gcc-4.5.2, here it is gcc-9.5.0"),
        ("gcc-13.2.0", "gcc", "the report has gcc-13.2.0, here it is gcc-12.2.0"),
        ("gcc-10", "gcc-11", "the report has gcc-10, here it is gcc-11.3.0"),
        ("clang-17", "llvm", "the report has clang-17, here it is clang-14.0.6"),
        ("clang", "llvm", ""),
    ],
)
def test_the_nearest_of_the_family_is_taken_and_the_difference_said(wanted: str, name: str, differs: str) -> None:
    match = nearest(wanted, HERE)
    assert match is not None
    assert (match.here.name, match.difference) == (name, differs)


def test_gcc_does_not_stand_for_clang() -> None:
    assert nearest("clang-17", HERE[:3]) is None
    assert nearest("gcc", []) is None


@given(st.from_regex(r"(gcc|clang)(-[1-9][0-9]?(\.(0|[1-9][0-9]?)){0,2})?", fullmatch=True))
def test_what_is_silent_about_a_difference_has_none(wanted: str) -> None:
    match = nearest(wanted, HERE)
    assert match is not None
    if not match.difference:
        assert f"{match.here.called}.".startswith(f"{wanted}.") or "-" not in wanted


def test_the_exact_one_is_named_as_debian_and_kernel_org_name_it() -> None:
    said = exact_one("gcc-13.2.0", ARM, LLVM)
    assert "apt-get install gcc-13-arm-linux-gnueabi," in said
    assert "gcc-13.2.0-nolibc-arm-linux-gnueabi of https://mirrors.edge.kernel.org/pub/tools/crosstool/" in said
    assert "apt-get install clang-17 lld-17 llvm-17," in exact_one("clang-17.0.6", ARM, LLVM)
    assert "llvm-17.0.6 of " in exact_one("clang-17.0.6", ARM, LLVM)


def test_no_llvm_is_named_that_makes_no_kernel_for_the_arch() -> None:
    s390 = Arch("s390", ("s390x-linux-gnu-",), llvm="18.1.0")
    assert "apt-get install clang-19" in exact_one("clang-19.1.7", s390, LLVM)
    assert "from 18.1.0 on" in exact_one("clang-17.0.6", s390, LLVM)
    assert "apt-get" not in exact_one("clang", Arch("sh", ("sh4-linux-gnu-",)), LLVM)
