"""Two maps compared: what moved, appeared, vanished, changed places, and none of the noise."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bisectsyms.kallsyms.compare import MOST_JUMP, compare, tied
from bisectsyms.kallsyms.difference import Difference, Divergence, Shift, Swap
from bisectsyms.kallsyms.pairing import pair
from bisectsyms.kallsyms.symbols import SymbolMap
from tests.test_maps import Row, as_map


def of(text: str) -> SymbolMap:
    """A map from words: `a b=c` are two addresses, 16 apart, the second of which b and c have; `a+4` is 4 higher."""
    rows: list[Row] = []
    for number, word in enumerate(text.split()):
        place, _, more = word.partition("+")
        rows += [(0xC0008000 + 16 * number + int(more or 0), "t", name) for name in place.split("=")]
    return as_map(rows)


def seen(before: str, after: str) -> Difference:
    return compare(of(before), of(after))


def test_equal() -> None:
    assert seen("a b=c a d", "a b=c a d") == Difference(None, (), (), (), (), (), 0, 1)


def test_a_shift_is_one_however_many_it_moves() -> None:
    found = seen("a b c d e f", "a b c+8 d+8 e+8 f+8")
    assert found.first == Divergence(3, "c", "c", 8)
    assert found.shifts == (Shift("c", 4, 8),)
    assert (found.moved, found.same_names, found.swaps) == (4, True, ())


def test_a_section_in_between_takes_the_shift_up_again() -> None:
    assert seen("a b c d e f", "a b+4 c+4 d e+12 f+12").shifts == (Shift("b", 2, 4), Shift("e", 2, 12))


def test_downwards() -> None:
    found = seen("a b+8 c+8", "a b c+8")
    assert (found.first, found.shifts) == (Divergence(2, "b", "b", -8), (Shift("b", 1, -8),))


@pytest.mark.parametrize("top", [0xFFFFFFFF81000000, 1 << 63])
def test_from_nothing_to_the_top_of_the_address_space(top: int) -> None:
    """The second is the distance that is its own opposite in 64 bits."""
    found = compare(as_map([(0, "A", "a"), (top, "T", "b")]), as_map([(top, "A", "a"), (0, "T", "b")]))
    assert found.first == Divergence(1, "a", "a", top)
    assert found.shifts == (Shift("a", 1, top), Shift("b", 1, -top))
    assert found.moved == 2


def test_a_tie_that_is_sorted_another_way() -> None:
    found = seen("a _edata=__bss_start b", "a __bss_start=_edata b")
    assert found.swaps == (Swap(0xC0008010, ("_edata", "__bss_start"), ("__bss_start", "_edata"), tied=True),)
    assert (found.first, found.shifts, found.moved) == (Divergence(2, "_edata", "__bss_start", None), (), 0)


def test_a_tie_that_comes_about_in_one_of_the_passes() -> None:
    """By address where they differ, by name where they are one: which is how such a tie changes the order."""
    found = seen("a _edata __bss_start+8 b", "a __bss_start=_edata b+16 ")
    assert found.swaps == (Swap(0xC0008010, ("_edata", "__bss_start"), ("__bss_start", "_edata"), tied=True),)
    assert found.ties == 1


def test_symbols_that_pass_each_other_are_no_tie() -> None:
    (swap,) = seen("a b c d", "a c b d").swaps
    assert (swap.before, swap.after, swap.tied) == (("b", "c"), ("c", "b"), False)


def test_each_swap_for_itself() -> None:
    found = seen("a=b c d=e=f g", "b=a c f=d=e g")
    assert [(one.before, one.after) for one in found.swaps] == [
        (("a", "b"), ("b", "a")),
        (("d", "e", "f"), ("f", "d", "e")),
    ]


def test_a_swap_in_a_shift_is_found_without_its_noise() -> None:
    found = seen("a b c=d e", "a b+4 d=c+4 e+4")
    assert [one.before for one in found.swaps] == [("c", "d")]
    assert found.shifts == (Shift("b", 4, 4),)


@pytest.mark.parametrize(
    ("before", "after", "first"),
    [
        ("a b", "a", Divergence(2, "b", "", None)),
        ("a", "a b", Divergence(2, "", "b", None)),
        ("a b", "a veneer b", Divergence(2, "b", "veneer", None)),
        ("a", "b", Divergence(1, "a", "b", None)),
    ],
)
def test_first(before: str, after: str, first: Divergence) -> None:
    assert seen(before, after).first == first


def test_names_that_come_and_go_are_counted() -> None:
    found = seen("a x b x c y", "x a b x x d")
    assert Counter(found.appeared) == Counter(["x", "d"])
    assert Counter(found.vanished) == Counter(["c", "y"])
    assert not found.same_names


def test_another_letter() -> None:
    before = as_map([(16, "t", "a"), (32, "T", "a"), (48, "t", "b")])
    after = as_map([(16, "t", "a"), (32, "W", "a"), (48, "d", "b")])
    found = compare(before, after)
    assert (found.retyped, found.first, found.moved) == (("a", "b"), Divergence(2, "a", "a", 0), 0)


def test_undefined_symbols_are_names_and_have_no_place() -> None:
    before = as_map([(0, "U", "a"), (0, "w", "b"), (0, "A", "zero"), (16, "t", "c")])
    after = as_map([(0, "U", "a"), (0, "A", "zero"), (16, "t", "c"), (32, "t", "b")])
    found = compare(before, after)
    assert (found.ties, found.shifts, found.retyped) == (0, (), ("b",))
    assert list(tied(before)) == []


def test_many_symbols_of_one_name_go_by_their_company() -> None:
    """One of a hundred `__func__.0` is gone: the others have not moved over to their neighbours."""
    before = " ".join(f"f{n} __func__.0 g{n}" for n in range(100))
    after = before.replace("f50 __func__.0 g50", "f50 g50")
    found = seen(before, after)
    assert (found.vanished, found.swaps, found.strayed) == (("__func__.0",), (), ())
    assert found.shifts == (Shift("g50", 148, -16),)


def test_one_that_is_gone_here_and_new_there() -> None:
    before, after = "f __func__.0 g a b h i", "f g a b h __func__.0 i"
    found = seen(before, after)
    assert found.same_names
    assert [one.before for one in found.swaps] == [("__func__.0", "g", "a", "b", "h")]


def test_company_in_front_is_enough() -> None:
    found = seen("x p x a=b q", "p x b=a q")
    assert (found.vanished, [one.before for one in found.swaps]) == (("x",), [("a", "b")])


def test_company_behind_is_enough() -> None:
    found = seen("x p a=b x c", "p b=a x c")
    assert (found.vanished, [one.before for one in found.swaps]) == (("x",), [("a", "b")])


def test_company_that_is_new_is_none() -> None:
    found = seen("a x b c x d", "new1 x b c x new2")
    assert (found.appeared, found.vanished, found.swaps) == (("new1", "new2"), ("a", "d"), ())


def test_one_that_went_far_is_told_by_name_and_hides_nothing() -> None:
    names = [f"s{n}" for n in range(3 * MOST_JUMP)]
    gone = [name for name in names if name != "s5"]
    gone[500], gone[501] = gone[501], gone[500]
    found = seen(" ".join(names), " ".join([*gone, "s5"]))
    assert found.strayed == ("s5",)
    assert [one.before for one in found.swaps] == [("s501", "s502")]
    assert found.same_names


def test_everything_out_of_order_ends_soon() -> None:
    names = [f"s{n}" if n % 7 else "same" for n in range(20_000)]
    mixed = names.copy()
    random.Random(1).shuffle(mixed)
    found = seen(" ".join(names), " ".join(mixed))
    assert found.same_names and len(found.strayed) > 15_000
    assert all(len(one.before) <= MOST_JUMP for one in found.swaps)


def test_ties_are_grouped_by_address() -> None:
    symbols = as_map([(32, "t", "b"), (16, "t", "z"), (16, "A", "a"), (48, "t", "c"), (32, "d", "b")])
    assert list(tied(symbols)) == [(16, ("z", "a")), (32, ("b", "b"))]


ROWS = st.lists(
    st.tuples(st.integers(0, 60), st.sampled_from("tTdA"), st.sampled_from(["a", "b", "c", "d e", "x.0", "x.1"])),
    max_size=40,
)


def sorted_map(rows: Sequence[Row]) -> SymbolMap:
    """As nm -n puts them."""
    return as_map(sorted(rows, key=lambda row: (row[0], row[2]))) if rows else SymbolMap((), (), ())


@st.composite
def distinct(draw: st.DrawFn) -> list[Row]:
    """Symbols of names of their own, at ascending addresses, some of them at the same."""
    steps = draw(st.lists(st.sampled_from([0, 4, 8, 256]), min_size=3, max_size=60))
    return [(0xC0008000 + sum(steps[: at + 1]), "t", f"s{at}") for at in range(len(steps))]


@settings(deadline=None)
@given(ROWS)
def test_a_map_is_equal_to_itself(rows: list[Row]) -> None:
    found = compare(sorted_map(rows), sorted_map(rows))
    assert found.is_equal and found.same_names
    assert (found.swaps, found.shifts, found.moved, found.retyped, found.strayed) == ((), (), 0, (), ())


@settings(deadline=None)
@given(ROWS, ROWS)
def test_any_two_maps(one: list[Row], two: list[Row]) -> None:
    before, after = sorted_map(one), sorted_map(two)
    found = compare(before, after)
    assert found.is_equal is (before == after)
    assert Counter(found.appeared) == Counter(after.names) - Counter(before.names)
    assert Counter(found.vanished) == Counter(before.names) - Counter(after.names)
    assert found.is_equal or found.appeared or found.vanished or found.retyped or found.swaps or found.shifts
    for swap in found.swaps:
        assert sorted(swap.before) == sorted(swap.after) and swap.before != swap.after
    assert sum(one.symbols for one in found.shifts) + len(found.strayed) >= found.moved


@settings(deadline=None)
@given(st.lists(st.sampled_from("abcdef")), st.lists(st.sampled_from("abcdef")))
def test_pairs_are_of_one_name_and_leave_nobody_out(before: list[str], after: list[str]) -> None:
    paired = pair(before, after)
    assert [before[at] for at in paired.before] == [after[at] for at in paired.after]
    assert sorted([*paired.before, *paired.vanished]) == list(range(len(before)))
    assert sorted([*paired.after, *paired.appeared]) == list(range(len(after)))
    assert len(paired.before) == (Counter(before) & Counter(after)).total()


@settings(deadline=None)
@given(distinct(), st.data())
def test_inserted_symbols_are_what_appeared(rows: list[Row], data: st.DataObject) -> None:
    more, new = [], []
    for row in rows:
        more.append(row)
        if data.draw(st.booleans()):
            new.append(f"__{row[2]}_veneer")
            more.append((row[0], "t", new[-1]))
    found = compare(as_map(rows), as_map(more))
    assert found.appeared == tuple(new)
    assert (found.vanished, found.swaps, found.shifts, found.moved, found.strayed) == ((), (), (), 0, ())


@settings(deadline=None)
@given(distinct(), st.data())
def test_a_moved_tail_is_one_shift(rows: list[Row], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(rows) - 1))
    delta = data.draw(st.integers(-rows[0][0], 1 << 30).filter(bool))
    after = rows[:at] + [(address + delta, letter, name) for address, letter, name in rows[at:]]
    found = compare(as_map(rows), as_map(after))
    assert found.shifts == (Shift(rows[at][2], len(rows) - at, delta),)
    assert found.first == Divergence(at + 1, rows[at][2], rows[at][2], delta)
    assert (found.swaps, found.same_names, found.moved) == ((), True, len(rows) - at)


@settings(deadline=None)
@given(distinct(), st.data())
def test_a_tie_that_changed_its_order_is_one_swap(rows: list[Row], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(rows) - 2))
    rows[at + 1] = (rows[at][0], "t", rows[at + 1][2])
    after = rows.copy()
    after[at], after[at + 1] = after[at + 1], after[at]
    found = compare(as_map(rows), as_map(after))
    assert found.swaps == (
        Swap(rows[at][0], (rows[at][2], rows[at + 1][2]), (rows[at + 1][2], rows[at][2]), tied=True),
    )
    assert (found.shifts, found.same_names, found.moved) == ((), True, 0)
