"""What is known of the failure: exact probabilities, checked against numbers made in another way."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bisectsyms.core.belief import (
    CERTAIN,
    KAPPAS,
    LAYOUT,
    LOWEST_RATE,
    OLD_WEIGHT,
    Belief,
    Sample,
    drifting,
    known,
    prior,
)
from bisectsyms.core.decide import attempts_to_exclude, depends_on_layout, steady
from bisectsyms.model import Draw, Kind, Observation, Outcome

TOP = 0.999
"""Highest rate below "always" that the prior holds."""

counts = st.integers(0, 80)


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    """Attempts at one revision: no more layouts than attempts."""
    observations = draw(
        st.lists(
            st.builds(
                Observation,
                kind=st.just(Kind.RELINK),
                outcome=st.sampled_from(list(Outcome)),
                draw=st.builds(Draw, st.integers(1, 12)),
            ),
            max_size=80,
        )
    )
    return Sample.of(observations)


@st.composite
def beliefs(draw: st.DrawFn) -> Belief:
    """Posteriors after up to three revisions that are known to be bad."""
    belief = prior(varied=draw(st.booleans()))
    for sample in draw(st.lists(samples(), max_size=3)):
        belief = belief.given(sample)
    return belief


def weights(belief: Belief) -> float:
    return float(belief.schedule.sum() + belief.layout.sum())


@settings(max_examples=150, deadline=None, print_blob=True)
@given(beliefs(), counts, counts)
def test_miss_is_a_probability_that_falls_with_every_clean_attempt(belief: Belief, clean: int, layouts: int) -> None:
    layouts = min(clean, layouts)
    miss = belief.miss(Sample(clean=clean, clean_layouts=layouts))
    assert -1e-12 <= miss <= 1.0 + 1e-12
    assert belief.miss(Sample(clean=clean + 1, clean_layouts=layouts)) <= miss + 1e-12, "a repeat"
    assert belief.miss(Sample(clean=clean + 1, clean_layouts=layouts + 1)) <= miss + 1e-12, "another layout"


@settings(max_examples=150, deadline=None, print_blob=True)
@given(beliefs(), samples())
def test_the_weights_of_a_posterior_sum_to_one(belief: Belief, sample: Sample) -> None:
    posterior = belief.given(sample)
    assert weights(belief) == pytest.approx(1.0)
    assert weights(posterior) == pytest.approx(1.0)
    assert (posterior.schedule >= 0).all()
    assert (posterior.layout >= 0).all()
    assert 0.0 <= posterior.layout_weight <= 1.0 + 1e-12
    low, high = posterior.interval()
    assert LOWEST_RATE - 1e-12 <= low <= high <= 1.0
    assert LOWEST_RATE <= posterior.expected_rate() <= 1.0 + 1e-12


@settings(max_examples=60, deadline=None, print_blob=True)
@given(beliefs(), st.floats(0.0005, 0.6), st.integers(1, 64), st.integers(1, 300))
def test_attempts_for_is_the_smallest_number_that_suffices(
    belief: Belief, share: float, layouts: int, most: int
) -> None:
    def miss(count: int) -> float:
        return belief.miss(Sample(clean=count, clean_layouts=min(count, layouts)))

    needed = belief.attempts_for(share, layouts=layouts, most=most)
    if needed is None:
        assert miss(most) > share
    else:
        assert 1 <= needed <= most
        assert miss(needed) <= share
        assert needed == 1 or miss(needed - 1) > share


@pytest.mark.parametrize("varied", [False, True])
def test_nothing_seen_teaches_nothing(varied: bool) -> None:
    belief = prior(varied=varied)
    assert belief.miss(Sample()) == pytest.approx(1.0)
    assert belief.given(Sample()).schedule == pytest.approx(belief.schedule)
    assert belief.layout_weight == pytest.approx(LAYOUT if varied else 0.0)


def test_one_revision_after_another_or_in_the_other_order_is_the_same() -> None:
    first = Sample(clean=10, failed=3, clean_layouts=10, failed_layouts=3, draws=13)
    second = Sample(clean=2, failed=7, clean_layouts=2, failed_layouts=7, draws=9)
    there = prior(varied=True).given(first).given(second)
    back = prior(varied=True).given(second).given(first)
    assert there.schedule == pytest.approx(back.schedule)
    assert there.layout == pytest.approx(back.layout)


def test_what_is_impossible_changes_nothing() -> None:
    always = known(1.0)
    assert always.given(Sample(clean=1, clean_layouts=1, draws=1)) is always


def integral(function: Callable[[float], float], low: float, high: float, parts: int = 4000) -> float:
    """Simpson's rule."""
    step = (high - low) / parts
    inner = sum((4 if i % 2 else 2) * function(low + i * step) for i in range(1, parts))
    return (function(low) + inner + function(high)) * step / 3


def by_integral(failed: int, clean: int) -> tuple[float, Callable[[int], float]]:
    """Posterior mean and miss of the schedule world alone, by integrals over the logarithm of the rate."""
    low, high = math.log(LOWEST_RATE), math.log(TOP)

    def total(f: int, c: int) -> float:
        smooth = integral(lambda x: math.exp(x) ** f * (1 - math.exp(x)) ** c, low, high) / (high - low)
        return (1 - CERTAIN) * smooth + CERTAIN * (c == 0)

    base = total(failed, clean)
    return total(failed + 1, clean) / base, lambda more: total(failed, clean + more) / base


@pytest.mark.parametrize(
    ("failed", "clean"), [(0, 0), (1, 0), (3, 0), (5, 0), (1, 1), (1, 20), (3, 3), (8, 8), (8, 32), (8, 152), (2, 1)]
)
def test_the_grid_agrees_with_the_integral(failed: int, clean: int) -> None:
    belief = prior(varied=False).given(Sample(clean=clean, failed=failed))
    mean, miss = by_integral(failed, clean)
    assert belief.expected_rate() == pytest.approx(mean, rel=0.02)
    for more in (1, 5, 20, 80):
        assert belief.miss(Sample(clean=more)) == pytest.approx(miss(more), rel=0.05, abs=1e-4)


def polya(mean: float, kappa: float, outcomes: Sequence[bool]) -> float:
    """Probability of a sequence of draws from an urn, one draw after the other."""
    failing, passing, result = mean * kappa, (1 - mean) * kappa, 1.0
    for failed in outcomes:
        result *= (failing if failed else passing) / (failing + passing)
        failing, passing = failing + failed, passing + (not failed)
    return result


def by_enumeration(failed: int, clean: int) -> tuple[float, Callable[[int], float]]:
    """Weight of the layout world and miss with fresh layouts, summed point by point in plain Python."""
    points = [float(mean) for mean in prior(varied=True).mean]
    rates = [*points, 1.0]
    in_schedule = {rate: (1 - LAYOUT) * (1 - CERTAIN) / len(points) for rate in points} | {1.0: (1 - LAYOUT) * CERTAIN}
    in_layout = {
        (kappa, mean): LAYOUT / len(KAPPAS) * ((1 - CERTAIN) / len(points) + CERTAIN * (mean == points[-1]))
        for kappa in KAPPAS
        for mean in points
    }
    seen = [True] * failed + [False] * clean
    schedule = {rate: in_schedule[rate] * rate**failed * (1 - rate) ** clean for rate in rates}
    layout = {key: weight * polya(key[1], key[0], seen) for key, weight in in_layout.items()}
    total = sum(schedule.values()) + sum(layout.values())

    def miss(count: int) -> float:
        chance = sum(weight * (1 - rate) ** count for rate, weight in schedule.items())
        urns = sum(weight * polya(mean, kappa, [False] * count) for (kappa, mean), weight in layout.items())
        return (chance + urns) / total

    return sum(layout.values()) / total, miss


@pytest.mark.parametrize(("failed", "clean"), [(0, 0), (1, 0), (5, 0), (1, 3), (8, 8), (16, 48), (3, 61)])
def test_both_worlds_agree_with_a_plain_sum(failed: int, clean: int) -> None:
    sample = Sample(clean, failed, clean_layouts=clean, failed_layouts=failed, draws=failed + clean)
    belief = prior(varied=True).given(sample)
    layout_weight, miss = by_enumeration(failed, clean)
    assert belief.layout_weight == pytest.approx(layout_weight)
    for count in (1, 7, 64):
        assert belief.miss(Sample(clean=count, clean_layouts=count)) == pytest.approx(miss(count))


@pytest.mark.parametrize(
    ("failed", "clean", "low", "high"),
    [
        (5, 0, 0.6, 1.0),
        (8, 0, 0.7, 1.0),
        (8, 8, 0.2, 0.75),
        (8, 32, 0.09, 0.35),
        (8, 152, 0.02, 0.1),
        (1, 0, 0.01, 1.0),
    ],
)
def test_the_posterior_is_sane(failed: int, clean: int, low: float, high: float) -> None:
    belief = prior(varied=False).given(Sample(clean=clean, failed=failed))
    assert low <= belief.interval()[0] <= belief.expected_rate() <= belief.interval()[1] <= high
    assert belief.interval(0.5)[0] >= belief.interval(0.95)[0]


def test_more_failures_mean_a_higher_rate_and_fewer_clean_attempts_to_be_sure() -> None:
    measured = [prior(varied=False).given(Sample(clean=20, failed=failed)) for failed in range(1, 30)]
    assert all(one.expected_rate() < other.expected_rate() for one, other in pairwise(measured))
    needed = [belief.attempts_for(0.01, layouts=1) for belief in measured]
    assert None not in needed
    assert sorted(needed, key=lambda n: n or 0, reverse=True) == needed


def test_a_known_rate_is_taken_at_its_word() -> None:
    belief = known(0.2)
    assert belief.expected_rate() == pytest.approx(0.2)
    assert belief.layout_weight == 0.0
    assert belief.miss(Sample(clean=10, clean_layouts=10)) == pytest.approx(0.8**10)
    assert belief.attempts_for(0.01, layouts=1) == math.ceil(math.log(0.01) / math.log(0.8)) == 21
    assert known(1.0).attempts_for(0.01, layouts=1) == 1
    assert belief.attempts_for(0.01, layouts=1, most=20) is None


def test_repeats_of_a_layout_add_nothing_in_its_world() -> None:
    failures = Sample(clean=48, failed=16 * 4, clean_layouts=48, failed_layouts=16, draws=64)
    belief = prior(varied=True).given(failures)
    assert belief.layout_weight > 0.99
    once = belief.miss(Sample(clean=4, clean_layouts=4))
    assert belief.miss(Sample(clean=400, clean_layouts=4)) == pytest.approx(once, rel=0.02)
    assert belief.attempts_for(once / 100, layouts=4) is None


def test_a_layout_that_did_both_ends_the_layout_world() -> None:
    belief = prior(varied=True).given(Sample(clean=1, failed=1, mixed=1, draws=1))
    assert belief.layout_weight == 0.0
    assert weights(belief) == pytest.approx(1.0)


def test_a_failure_that_repeats_on_its_draw_speaks_for_the_layout() -> None:
    fresh = prior(varied=True).given(Sample(clean=6, failed=1, clean_layouts=6, failed_layouts=1, draws=7))
    again = prior(varied=True).given(Sample(clean=6, failed=4, clean_layouts=6, failed_layouts=1, draws=7))
    assert again.layout_weight > fresh.layout_weight
    assert again.layout_weight > 0.9
    assert depends_on_layout(again, Sample(clean=6, failed=4, clean_layouts=6, failed_layouts=1, draws=7))


def test_without_variation_the_layout_says_nothing() -> None:
    belief = prior(varied=False).given(Sample(clean=0, failed=5, failed_layouts=1, draws=1))
    assert belief.layout_weight == 0.0


def test_steady_is_only_what_fails_nearly_always() -> None:
    assert steady(prior(varied=False).given(Sample(failed=12)))
    assert not steady(prior(varied=False).given(Sample(failed=3)))
    assert not steady(prior(varied=False).given(Sample(failed=8, clean=8)))


def test_what_was_long_ago_counts_a_quarter() -> None:
    now = drifting(Sample(failed=40, clean=40), Sample(failed=2, clean=38))
    assert OLD_WEIGHT == 0.25
    assert now.schedule == pytest.approx(prior(varied=False).given(Sample(failed=12, clean=48)).schedule)
    assert weights(now) == pytest.approx(1.0)
    assert now.layout_weight == 0.0
    pooled = prior(varied=False).given(Sample(failed=42, clean=78))
    assert now.expected_rate() < pooled.expected_rate()


@pytest.mark.parametrize(("rate", "attempts"), [(0.01, 299), (0.05, 59), (0.1, 29), (0.2, 14), (0.5, 5), (1.0, 1)])
def test_so_many_clean_attempts_exclude_a_rate(rate: float, attempts: int) -> None:
    assert attempts_to_exclude(rate) == attempts
    assert (1 - rate) ** attempts <= 0.05
    assert attempts == 1 or (1 - rate) ** (attempts - 1) > 0.05


def seen(outcome: Outcome, length: int = 1, layout: str = "") -> Observation:
    return Observation(Kind.RELINK, outcome, draw=Draw(length), layout=layout)


def test_a_sample_counts_evidence_layouts_and_draws() -> None:
    clean, failed = Outcome.CLEAN, Outcome.INCONSISTENT
    sample = Sample.of(
        [
            seen(clean, 1),
            seen(clean, 1),
            seen(failed, 2),
            seen(clean, 3),
            seen(failed, 3),
            seen(Outcome.BROKEN, 4),
            seen(Outcome.TIMEOUT, 5),
            seen(Outcome.INFRA, 6),
        ]
    )
    assert sample == Sample(clean=3, failed=2, clean_layouts=1, failed_layouts=1, mixed=1, draws=3)


def test_draws_with_one_layout_are_one_layout() -> None:
    sample = Sample.of([seen(Outcome.CLEAN, 1, "a"), seen(Outcome.CLEAN, 2, "a"), seen(Outcome.CLEAN, 3, "b")])
    assert (sample.clean_layouts, sample.draws) == (2, 3)


def test_far_more_layouts_than_a_sweep_do_not_underflow() -> None:
    sample = Sample(clean=1000, failed=1000, clean_layouts=1000, failed_layouts=1000, draws=2000)
    belief = prior(varied=True).given(sample)
    assert np.isfinite(belief.layout).all()
    assert weights(belief) == pytest.approx(1.0)
    assert belief.expected_rate() == pytest.approx(0.5, abs=0.05), "it was learnt from, not passed over"


@pytest.mark.filterwarnings("error")
def test_a_known_rate_of_one_is_no_numerical_trouble() -> None:
    assert known(1.0).miss(Sample(clean=3, clean_layouts=3)) == 0.0
    assert known(1.0).given(Sample(failed=2, failed_layouts=2)).expected_rate() == pytest.approx(1.0)


@given(st.integers(0, 12), st.integers(0, 12), st.sampled_from([0.5, 0.8, 0.95]))
@settings(max_examples=60, deadline=None)
def test_an_interval_leaves_out_half_of_the_rest_on_either_side(failed: int, clean: int, level: float) -> None:
    belief = prior(varied=True).given(Sample(clean=clean, failed=failed, clean_layouts=clean, failed_layouts=failed))
    mass = sorted(
        [*zip(belief.rate, belief.schedule, strict=True), *zip(belief.mean, belief.layout.sum(0), strict=True)]
    )
    low, high = belief.interval(level)
    total, tail = sum(weight for _, weight in mass), (1.0 - level) / 2.0
    assert sum(weight for rate, weight in mass if rate < low) <= tail * total + 1e-12
    assert sum(weight for rate, weight in mass if rate > high) <= tail * total + 1e-12
    below = sum(weight for rate, weight in mass if rate <= low)
    above = sum(weight for rate, weight in mass if rate >= high)
    assert below >= tail * total - 1e-12 and above >= tail * total - 1e-12, "and no more than that"


def test_layouts_and_draws_that_did_both_are_told_from_those_that_did_one() -> None:
    failing, clean = Outcome.INCONSISTENT, Outcome.CLEAN
    by_layout = Sample.of([seen(failing, 1, "a"), seen(clean, 2, "a"), seen(failing, 3, "b"), seen(clean, 4, "c")])
    assert by_layout == Sample(clean=2, failed=2, clean_layouts=1, failed_layouts=1, mixed=1, draws=4)
    by_draw = Sample.of([seen(failing, 1, "a"), seen(clean, 1, "b"), seen(clean, 2, "b")])
    assert by_draw == Sample(clean=2, failed=1, clean_layouts=1, failed_layouts=1, mixed=1, draws=2)
