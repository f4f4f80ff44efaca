"""Who wrote a file, by the log of a build."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisectsyms.kallsyms.writers import LONGEST, MOST, writers

OBJECT = "init/version-timestamp.o"


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["  FPRINT  init/version-timestamp.o", "  CC      init/version-timestamp.o"], ["FPRINT", "CC"]),
        (["  CC      init/version-timestamp.o"] * 3, ["CC"]),
        (["  CC [M]  ./init/version-timestamp.o"], ["CC [M]"]),
        (["  CC      init/version-timestamp.o.d", "  CC      kernel/init/version-timestamp.o"], []),
        (["gcc -O2 -c -o init/version-timestamp.o a.c"], ["gcc"]),
        (["\tgcc x | cc > init/version-timestamp.o; true"], ["gcc"]),
        (["mv -f .new init/version-timestamp.o"], ["mv"]),
        (["gcc -MD -o init/main.o init/version-timestamp.o"], []),
    ],
)
def test_the_commands_that_make_it_are_told_once(lines: list[str], found: list[str]) -> None:
    told = writers(lines, [OBJECT])
    assert [one.split(" init")[0].split(" ./")[0].split(" -")[0].split(" x")[0] for one in told] == found


@given(st.lists(st.text()), st.lists(st.text(min_size=1)))
def test_any_log_gives_a_short_answer(lines: list[str], paths: list[str]) -> None:
    found = writers(lines, paths)
    assert len(found) <= MOST
    assert len(set(found)) == len(found)


def test_a_long_command_is_cut() -> None:
    (told,) = writers(["gcc " + "-DX " * 100 + "-o init/version-timestamp.o"], [OBJECT])
    assert len(told) == LONGEST + 1
