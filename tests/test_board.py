"""The table of a hunt at terminals of several sizes: what is in view, and that nothing goes beyond the screen."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import product

import pytest
from rich.console import Console

from bisectsyms.core.hunting import Rules
from bisectsyms.core.spots import standing
from bisectsyms.model import Kind, Observation, Outcome, Revision
from bisectsyms.render.board import Board, brief, fitted, in_order
from bisectsyms.usecases.hunted import Line, Picture, line_of
from bisectsyms.usecases.matrix import Build, Spot
from tests.ledgers import CELL, GCC

KINDS = (Kind.REPLAY, Kind.RELINK, Kind.CLEAN)
TOOLS = (("x86", "gcc-12.2.0"), ("x86", "clang-14.0.6"), ("arm", "gcc-12.2.0"))


def row(revision: str, tool: tuple[str, str], jobs: int, variation: str, failed: int, clean: int) -> Line:
    arch, name = tool
    profile = "smallkernel" if arch == "x86" else f"smallkernel-{arch}"
    toolchain = replace(GCC, name=name)
    cell = replace(CELL, profile=profile, arch=arch, toolchain=toolchain, jobs=jobs, variation=variation)
    spot = Spot(Revision("a" * 40, "b" * 40, "title", revision), Build(profile, "", jobs, (), cell, name + arch))
    ends = [Outcome.INCONSISTENT] * failed + [Outcome.CLEAN] * clean
    seen = [Observation(Kind.RELINK, one, seconds=0.3) for one in ends]
    return line_of(spot, standing(seen, KINDS, Rules(), fixed=Kind.RELINK))


def rows() -> tuple[Line, ...]:
    """54 cells, two of which fail."""
    crossed = product(("bad", "good"), TOOLS, (1, 2, 4), ("pinned", "sweep:64", "pad:8"))
    fails = (("bad", TOOLS[0], 4, "pinned"), ("bad", TOOLS[2], 4, "pad:8"))
    return tuple(row(*one, 23 if one in fails else 0, 40) for one in crossed)


def drawn(width: int, height: int) -> list[str]:
    out = io.StringIO()
    board = Board(Picture(rows(), 99, 1234.0, 2, "bad x86/gcc-12.2.0 -j4: " + "why " * 40, 3600.0))
    Console(file=out, width=width, height=height).print(board)
    return out.getvalue().splitlines()


@pytest.mark.parametrize(("width", "height"), [(200, 80), (120, 40), (80, 24), (78, 22), (60, 15)])
def test_a_screen_holds_it_and_what_fails_is_in_view(width: int, height: int) -> None:
    lines = drawn(width, height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert [line for line in lines if "23 of 63" in line] == lines[1:3], "on top, counts whole"
    assert "of 54 settled, 2 fail" in lines[-2]
    assert lines[-1].startswith("now bad")
    if width >= 78:
        assert all("fails 36 % (25 % to 48 %)" in line for line in lines[1:3])
        assert any("0 of 40  " in line and "open, below " in line for line in lines)
    hidden = 54 - (len(lines) - 4)
    assert f"{hidden} more rows" in lines[-2] or hidden == 0


def test_what_is_the_same_in_all_rows_goes_first_where_there_is_no_room() -> None:
    wide, narrow = drawn(120, 24), drawn(78, 24)
    assert wide[0].split() == ["revision", "profile", "toolchain", "-j", "variation", "kind", "failed", "verdict"]
    assert narrow[0].split() == ["revision", "toolchain", "-j", "variation", "failed", "verdict"]
    assert "all relink" in narrow[-2]


def test_names_that_have_no_room_end_in_an_ellipsis_and_counts_are_whole() -> None:
    names = ("v6.1-rc3-1234-g0123456789ab-dirty", "v6.1-rc3-1235-g0123456789ac")
    long = [row(name, tool, 4, "sweep:64+pad:8", 3, 4) for name, tool in product(names, TOOLS)]
    out = io.StringIO()
    Console(file=out, width=80).print(fitted(long, brief, 80)[0])
    text = out.getvalue()
    assert "…" in text
    assert text.count("3 of 7") == 6


def test_rows_stay_where_they_are_while_their_rates_hardly_change() -> None:
    one, other = row("bad", TOOLS[0], 2, "pinned", 20, 30), row("bad", TOOLS[1], 2, "pinned", 20, 31)
    later = row("bad", TOOLS[1], 2, "pinned", 22, 31)
    assert in_order([one, other], calm=True) == [one, other]
    assert in_order([one, later], calm=True) == [one, later]
    assert in_order([one, later]) == [later, one]
