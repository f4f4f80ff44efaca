"""The bounds that searches are measured against: their formulas once more, and figures known from elsewhere."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bisectsyms.search.bounds import capacity, entropy, fano

RATE = st.floats(0.0, 1.0)


@pytest.mark.parametrize(
    ("commits", "old", "new", "attempts"),
    [(64, 0.0, 1.0, 5.4), (64, 0.0, 0.5, 16.8), (64, 0.0, 0.2, 47.6), (64, 0.1, 0.9, 10.2), (1024, 0.0, 0.5, 28.7)],
)
def test_the_least_number_of_attempts(commits: int, old: float, new: float, attempts: float) -> None:
    bound = fano(commits, old, new, 0.95)
    assert bound == pytest.approx(attempts, abs=0.1)
    bits = math.log2(commits) - entropy(0.05) - 0.05 * math.log2(commits - 1)
    assert bound == pytest.approx(bits / capacity(old, new))


def test_where_nothing_has_to_be_found_or_nothing_can_be() -> None:
    assert fano(1, 0.0, 0.5, 0.95) is None
    assert fano(64, 0.3, 0.3, 0.95) is None
    assert fano(2, 0.0, 1.0, 0.5) == 0.0  # a guess is as good


@pytest.mark.parametrize(("p", "bits"), [(0.0, 0.0), (1.0, 0.0), (0.5, 1.0), (0.25, 0.811278), (0.11, 0.499916)])
def test_entropy(p: float, bits: float) -> None:
    assert entropy(p) == pytest.approx(bits, abs=1e-6)


def test_capacities_that_have_a_formula() -> None:
    """Cover and Thomas 7.1: the symmetric channel, and the Z channel, log2(1 + (1 - p) p^(p / (1 - p)))."""
    assert capacity(0.1, 0.9) == pytest.approx(1.0 - entropy(0.1))
    for new in (0.5, 0.2, 0.05):
        lost = 1.0 - new
        assert capacity(0.0, new) == pytest.approx(math.log2(1.0 + new * lost ** (lost / new)))


@settings(max_examples=30)
@given(RATE, RATE)
def test_an_attempt_tells_at_most_a_bit_and_sides_do_not_matter(old: float, new: float) -> None:
    assert -1e-9 <= capacity(old, new) <= 1.0 + 1e-9
    assert capacity(old, new) == pytest.approx(capacity(new, old), abs=1e-6)
    assert capacity(old, new) == pytest.approx(capacity(1.0 - old, 1.0 - new), abs=1e-6)
