"""How far the clock of another host is off, from what it told while we waited."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bisectsyms.core.clocks import APART, Offset, by_our_clock

SECONDS = st.floats(0.0, 60.0)


def test_what_the_way_explains_is_no_offset() -> None:
    assert Offset().seconds == 0.0
    assert Offset().told(100.0, 130.0, 160.0).seconds == 0.0, "it may have been read in between"
    assert Offset().told(100.0, 101.5, 100.5).seconds == 0.0, "a second is no matter"


def test_what_it_does_not_explain_is_the_least_that_fits() -> None:
    assert Offset().told(100.0, 7360.0, 160.0).seconds == 7200.0
    assert Offset().told(100.0, 40.0, 160.0).seconds == -60.0


@given(st.floats(-1e5, 1e5), st.lists(st.tuples(SECONDS, SECONDS), min_size=1, max_size=5))
def test_it_is_never_more_than_the_true_one(true: float, ways: list[tuple[float, float]]) -> None:
    offset = Offset()
    for number, (there, back) in enumerate(ways):
        sent = 1e6 + 1000.0 * number
        offset = offset.told(sent, sent + there + true, sent + there + back)
    assert offset.low - 1e-6 <= true <= offset.high + 1e-6
    assert abs(offset.seconds) <= abs(true) + APART


def test_begin_and_end_are_moved_and_nothing_else() -> None:
    record: dict[str, object] = {"begun": 100.0, "ended": 103.0, "seconds": 3.0, "uuid": "x"}
    assert by_our_clock(record, 10.0) == {"begun": 90.0, "ended": 93.0, "seconds": 3.0, "uuid": "x"}
    assert by_our_clock(record, 0.0) == record
