"""Rates as people are told them, and when clean attempts of a time without failures are believed no more."""

from __future__ import annotations

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisectsyms.core.belief import OLD_WEIGHT, Sample, drifting, known, prior
from bisectsyms.core.control import MISSING_AT_THE_END, MISSING_BETWEEN, has_fallen, is_due, unvouched
from bisectsyms.core.ladder import rate_of
from bisectsyms.core.rated import Rate, rated
from bisectsyms.model import Kind, Revision, Seen
from tests.test_decide import SCRATCH, seen


@pytest.mark.parametrize(
    ("clean", "high"), [(0, 1.0), (1, 0.95), (59, 0.0495), (299, 0.00997)]
)  # 1 - .05^(1/n): at 59 clean attempts 5 % is excluded, at 299 1 %
def test_what_is_excluded_where_nothing_failed(clean: int, high: float) -> None:
    found = rated(0, clean)
    assert found == Rate(0, clean, 0.0, 0.0, found.high)
    assert found.high == pytest.approx(high, rel=1e-2)


@given(st.integers(1, 40), st.integers(0, 40))
def test_a_rate_lies_between_its_bounds(failed: int, clean: int) -> None:
    rate, belief = rated(failed, clean), rate_of(failed, clean)
    assert (rate.failed, rate.attempts, rate.rate) == (failed, failed + clean, belief.expected_rate())
    assert (rate.low, rate.high) == (belief.interval() if clean else (pytest.approx(0.05 ** (1 / failed)), 1.0))
    assert 0.0 < rate.low <= rate.rate <= rate.high <= 1.0


def test_what_always_failed_is_above_what_is_excluded_whatever_the_prior() -> None:
    assert rated(28, 0).low < 0.9 < rated(29, 0).low


def evidence(words: str, kind: Kind = Kind.RELINK) -> list[Seen]:
    return [Seen(number, Revision("a" * 40, "b" * 40, "title"), one) for number, one in enumerate(seen(words, kind))]


@pytest.mark.parametrize(
    ("words", "left"), [("", 0), ("c c", 2), ("f c c", 2), ("c f", 0), ("c f c i b:x t c", 2), ("f", 0)]
)
def test_clean_attempts_since_the_last_failure_are_not_vouched_for(words: str, left: int) -> None:
    found = unvouched(evidence(words), Kind.RELINK)
    assert len(found) == left
    assert found == [one for one in evidence(words)[len(words.split()) :: -1] if one in found][::-1]


def test_only_those_of_the_kind_count_and_any_failure_vouches() -> None:
    mixed = [*evidence("c"), *evidence("c c", SCRATCH), *evidence("c")]
    assert unvouched(mixed, Kind.RELINK) == [mixed[0], mixed[3]]
    assert unvouched([*evidence("c"), *evidence("f", SCRATCH)], Kind.RELINK) == []


@pytest.mark.parametrize(("answering", "wanted"), [(True, MISSING_AT_THE_END), (False, MISSING_BETWEEN)])
def test_a_control_is_due_once_so_many_failures_are_missing(answering: bool, wanted: float) -> None:
    assert is_due(int(4 * wanted), 0.25, answering=answering)
    assert not is_due(int(4 * wanted) - 1, 0.25, answering=answering)


@given(st.integers(1, 6), st.integers(0, 60), st.floats(0.02, 0.9))
def test_whether_a_rate_has_fallen_is_the_tail_of_a_binomial(failed: int, clean: int, rate: float) -> None:
    """The last failure ends the control: of the attempts before it at most so many failed."""
    before = failed + clean - 1
    tail = sum(comb(before, one) * rate**one * (1 - rate) ** (before - one) for one in range(failed))
    if abs(tail - 0.05) > 1e-9:
        assert has_fallen(Sample(clean=clean, failed=failed), rate) is (tail < 0.05)


def test_attempts_of_another_time_count_a_quarter() -> None:
    old, new = Sample(clean=8, failed=4), Sample(clean=3, failed=1)
    mixed, alone = drifting(old, new), prior(varied=False).given(Sample(clean=5, failed=2))
    assert OLD_WEIGHT == 0.25
    assert mixed.layout_weight == 0.0
    assert mixed.schedule == pytest.approx(alone.schedule)
    assert mixed.schedule.sum() == pytest.approx(1.0)


def test_the_prior_is_even_in_the_logarithm_with_some_mass_at_always() -> None:
    for varied, layout in ((True, 0.5), (False, 0.0)):
        belief = prior(varied=varied)
        assert belief.layout_weight == pytest.approx(layout)
        assert belief.schedule.sum() + belief.layout.sum() == pytest.approx(1.0)
        assert (belief.rate[0], belief.rate[-2], belief.rate[-1]) == pytest.approx((0.005, 0.999, 1.0))
        assert (belief.mean[0], belief.mean[-1]) == pytest.approx((0.005, 0.999))
        steps = belief.rate[1:-1] / belief.rate[:-2]
        assert steps == pytest.approx([steps[0]] * len(steps))
        assert belief.schedule[-1] / belief.schedule.sum() == pytest.approx(0.12)
        assert belief.schedule[:-1] == pytest.approx([belief.schedule[0]] * 160)
    top = prior(varied=True).layout
    assert top[:, :-1] == pytest.approx(top[0, 0])
    assert top[:, -1].sum() / top.sum() == pytest.approx(0.12 + 0.88 / 160)


def test_a_rate_that_is_vouched_for_has_no_doubt_and_no_layouts() -> None:
    belief = known(0.25)
    assert (belief.expected_rate(), belief.layout_weight, belief.interval()) == (0.25, 0.0, (0.25, 0.25))
    assert belief.miss(Sample(clean=3, clean_layouts=3)) == 0.75**3
    assert belief.given(Sample(failed=3, clean=4)).schedule == pytest.approx([1.0])


@pytest.mark.parametrize(("share", "needed"), [(0.6, 1), (0.5, 1), (0.49, 2), (0.25, 2), (2**-10, 10)])
def test_the_smallest_number_of_attempts_is_found(share: float, needed: int) -> None:
    assert known(0.5).attempts_for(share, layouts=64) == needed
    assert known(0.5).attempts_for(share, layouts=1, most=needed) == needed
    assert known(0.5).attempts_for(share, layouts=1, most=needed - 1) is None


def test_repeats_of_an_exhausted_layout_tell_nothing_of_that_world() -> None:
    belief = prior(varied=True).given(Sample(failed=4, clean=12, failed_layouts=4, clean_layouts=12, draws=16))
    assert belief.attempts_for(0.05, layouts=2) is None
    few = belief.attempts_for(0.05, layouts=64)
    assert few is not None and few > 2
