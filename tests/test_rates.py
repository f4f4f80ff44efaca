"""The grid of rates beside what its documentation says of it, cell by cell."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import pairwise

import pytest

from bisectsyms.search.rates import (
    CERTAIN,
    CERTAIN_DRAWN,
    KAPPAS,
    LAYOUT,
    LEAST_ALPHA,
    LOWEST_OLD,
    OLD,
    OLD_RATES,
    RISE,
    TAIL,
    THIN,
    TILT,
    cells,
)


def masses(rates: list[float], tilt: float, certain: float) -> list[float]:
    """Of each rate: its stretch of the logarithm, between it and its neighbours, and what is put on 1."""
    below = [rate for rate in rates if rate < 1.0]
    edges = [below[0], *(math.sqrt(one * other) for one, other in pairwise(below)), 1.0]
    widths = [math.log(high / low) * rate**tilt for low, high, rate in zip(edges, edges[1:], below, strict=False)]
    return [(1.0 - certain) * width / sum(widths) for width in widths] + [certain]


@pytest.mark.parametrize("least", [0.01, 0.001, 0.2])
@pytest.mark.parametrize("layouts", [False, True])
def test_pairs_of_rates(least: float, layouts: bool) -> None:
    grid = cells(least, layouts=layouts)
    weights = [math.exp(one) for one in grid.log_weight]
    assert sum(weights) == pytest.approx(1.0)
    assert grid.schedule == len(grid.new) or layouts
    pairs = defaultdict[float, dict[float, float]](dict)
    for number in range(grid.schedule):
        assert math.isinf(grid.kappa[number])
        pairs[float(grid.new[number])][float(grid.old[number])] = weights[number]
    rates = sorted(pairs)
    assert rates[0] == pytest.approx(least) and rates[-1] == 1.0
    share = 1.0 - LAYOUT if layouts else 1.0
    expected = masses(rates, TILT, CERTAIN_DRAWN if layouts else CERTAIN)
    steps = [LOWEST_OLD * (1.0 / RISE / LOWEST_OLD) ** (step / (OLD_RATES - 1)) for step in range(OLD_RATES)]
    for rate, mass in zip(rates, expected, strict=True):
        mine = pairs[rate]
        assert sum(mine.values()) == pytest.approx(share * mass)
        assert sorted(mine) == pytest.approx([0.0, *(step for step in steps if step * RISE <= rate * 1.0001)])
        for old, weight in mine.items():
            if old:
                assert weight == pytest.approx(share * mass * OLD)
    assert len(pairs[1.0]) == OLD_RATES + 1, "a culprit that always fails has room for all of them"


@pytest.mark.parametrize("least", [0.01, 0.001])
@pytest.mark.filterwarnings("error")
def test_means_and_spreads_of_layouts(least: float) -> None:
    """The lowest means of all have no spread that is allowed, and no part in it."""
    grid = cells(least, layouts=True)
    rates = sorted({float(rate) for rate in grid.new[: grid.schedule]})
    fine = masses(rates, 0.0, CERTAIN_DRAWN)
    expected = dict[tuple[float, float], float]()
    for place, rate in enumerate(rates[::2]):
        mean = min(rate, 0.995)
        spreads = {kappa: min(mean * kappa, THIN) ** -TAIL for kappa in KAPPAS if mean * kappa >= LEAST_ALPHA}
        for kappa, spread in spreads.items():
            expected[mean, kappa] = sum(fine[2 * place : 2 * place + 2]) * spread / sum(spreads.values())
    assert (len({mean for mean, _ in expected}) < len(rates[::2])) == (least < 0.004)
    assert grid.new[grid.schedule :].tolist() == [mean for mean, _ in expected]
    assert grid.kappa[grid.schedule :].tolist() == [kappa for _, kappa in expected]
    assert not grid.old[grid.schedule :].any()
    found = [math.exp(one) for one in grid.log_weight[grid.schedule :]]
    assert found == pytest.approx([LAYOUT * one / sum(expected.values()) for one in expected.values()])


def test_a_spread_at_the_very_limit_is_kept() -> None:
    """.2 * 2 is LEAST_ALPHA."""
    grid = cells(0.2, layouts=True)
    assert grid.new[grid.schedule] == pytest.approx(0.2)
    assert grid.kappa[grid.schedule] == KAPPAS[0]
