"""What is believed of the failure rates before the first test: a grid of cells, each a small world of its own.

Schedule cells are pairs (rate of commits with the culprit, rate of those without). Layout cells are pairs
(mean, spread) of a Beta distribution from which each bad commit draws its failing fraction; there an old commit
never fails, because the culprit is the first commit at which any layout does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

CERTAIN = 0.28
"""Prior mass of a failure that shows in every attempt."""
CERTAIN_DRAWN = 0.05
"""The same where attempts come with layouts, in both classes. There a repeat of a failure tells the class and not the
rate, so fewer attempts speak against it before commits are named."""
TILT = 0.7
"""Rates below 1 have a density of rate^TILT in the logarithm of the rate: between uniform there and uniform. The
means of the layout cells are uniform in the logarithm: there a tilt claimed too much."""
LOWEST_OLD = 0.008
"""Smallest rate of old commits that is not zero."""
RISE = 4.0
"""The culprit makes the failure at least so many times as frequent; less cannot be told from no change at all."""
OLD_RATES = 8
"""Points between both."""
OLD = 0.06
"""Prior mass of each of these points that a new rate has room for; the rest is on old commits that never fail."""
LAYOUT = 0.5
"""Prior mass of the layout class, once attempts come with layouts."""
KAPPAS = (2.0, 4.0, 8.0, 20.0, 100.0)
"""How alike bad commits are in their failing fraction; larger is more alike."""
LEAST_ALPHA = 0.4
"""Smallest mean * kappa. Far below 1 most bad commits would fail at next to no layout at all, and hundreds of clean
layouts would be no proof; above 1 a Beta distribution has no mass to speak of at 0."""

TAIL = 0.7
"""Spreads of one mean weigh alpha^-TAIL, alpha being mean * kappa: to take a heavy tail for a thin one names a commit
too soon, the other way round it only takes longer."""
THIN = 50.0
"""Above this alpha there is no difference any more."""


@dataclass(frozen=True, slots=True)
class Cells:
    """The grid; all arrays have the shape (cells,), schedule cells first."""

    new: Values
    """Rate of one attempt at a commit with the culprit; in a layout cell the mean of the commits' fractions."""
    old: Values
    """Rate of one attempt at a commit without it."""
    kappa: Values
    """Spread of a layout cell; infinite in a schedule cell, where every commit has the same rate."""
    log_weight: Values
    """Logarithm of the prior, which sums to 1."""
    schedule: int
    """How many of the cells are schedule cells."""


def cells(min_rate: float, *, layouts: bool) -> Cells:
    """The prior for rates of at least `min_rate`; with `layouts` the layout class is held beside the schedule class."""
    certain = CERTAIN_DRAWN if layouts else CERTAIN
    rates, masses = _rates(min_rate, TILT, certain)
    old = np.concatenate([[0.0], np.geomspace(LOWEST_OLD, 1.0 / RISE, OLD_RATES)])
    new_grid, old_grid = (grid.ravel() for grid in np.meshgrid(rates, old, indexing="ij"))
    share = np.where((old_grid > 0.0) & (old_grid * RISE <= new_grid * 1.0001), OLD, 0.0)
    never = 1.0 - share.reshape(len(rates), -1).sum(axis=1)
    share[old_grid == 0.0] = never
    weight = masses.repeat(len(old)) * share
    kept = weight > 0.0
    new, spread = new_grid[kept], np.full(int(kept.sum()), np.inf)
    weight, below = weight[kept], old_grid[kept]
    schedule = len(new)
    if layouts:
        _, masses = _rates(min_rate, 0.0, certain)
        mean, kappa = (grid.ravel() for grid in np.meshgrid(rates[::2], np.array(KAPPAS), indexing="ij"))
        mean = np.minimum(mean, 0.995)
        possible = mean * kappa >= LEAST_ALPHA
        tails = np.where(possible, np.minimum(mean * kappa, THIN) ** -TAIL, 0.0)
        sums = tails.reshape(-1, len(KAPPAS)).sum(axis=1).repeat(len(KAPPAS))
        spreads = np.divide(tails, sums, out=np.zeros_like(tails), where=sums > 0.0)  # a low mean has no spread at all
        mass = np.add.reduceat(masses, np.arange(0, len(rates), 2)).repeat(len(KAPPAS)) * spreads
        mean, kappa, mass = mean[possible], kappa[possible], mass[possible]
        weight = np.concatenate([(1.0 - LAYOUT) * weight, LAYOUT * mass / mass.sum()])
        new, below = np.concatenate([new, mean]), np.concatenate([below, np.zeros(len(mean))])
        spread = np.concatenate([spread, kappa])
    return Cells(new, below, spread, np.log(weight / weight.sum()), schedule)


def _rates(min_rate: float, tilt: float, certain: float) -> tuple[Values, Values]:
    """Rates and their prior masses, both of shape (rates,): finer where 1 - rate matters, and some mass at 1."""
    top = np.array([0.6, 0.7, 0.8, 0.87, 0.92, 0.96, 0.985])
    rates = np.concatenate([np.geomspace(min_rate, 0.5, 22), top])
    edges = np.concatenate([[rates[0]], np.sqrt(rates[1:] * rates[:-1]), [1.0]])
    widths = np.diff(np.log(edges)) * rates**tilt
    masses = np.concatenate([(1.0 - certain) * widths / widths.sum(), [certain]])
    return np.concatenate([rates, [1.0]]), masses
