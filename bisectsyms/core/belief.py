"""What is known of the failure: how often it shows at a bad revision, and what it is a function of.

Two worlds are held side by side, because neither the user nor we know at first which one it is.

* schedule: every attempt fails independently with one rate p (a race between two recipes of make);
* layout: the outcome is a function of (revision, layout). An attempt draws a layout, and a repeat of
  a draw adds nothing. A bad revision fails at a fraction of its layouts that differs from revision to
  revision: Beta(mu * kappa, (1 - mu) * kappa).

The weights are exact Bayes on a grid. What a verdict needs is `miss`: the probability that a bad
revision would have shown nothing but the clean attempts that were seen.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from bisectsyms.model import Draw, Observation

LOWEST_RATE = 0.005
POINTS = 160
CERTAIN = 0.12
"""Prior mass at "fails always"; .3 was overconfident at p = .5, .1 to .15 was not."""
LAYOUT = 0.5
"""Prior mass of the layout world: most failures of this kind are a function of the layout."""
KAPPAS = (5.0, 10.0, 20.0, 50.0, 200.0, 1000.0)
"""How alike bad revisions are in their failing fraction; larger is more alike."""

OLD_WEIGHT = 0.25
"""What an attempt made at another time, under another load, still counts."""

Weights = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sample:
    """Attempts at one revision, as each of the two worlds counts them."""

    clean: int = 0
    failed: int = 0
    clean_layouts: int = 0
    """Different layouts that never failed."""
    failed_layouts: int = 0
    mixed: int = 0
    """Layouts or draws that did both: then the outcome is a function of neither."""
    draws: int = 0
    """Different draws made; two of them may have given one layout."""

    @classmethod
    def of(cls, observations: Iterable[Observation]) -> Sample:
        """Count what is evidence. Where the layout is not known, the draw stands for it."""
        layouts: dict[str, set[bool]] = {}
        draws: dict[Draw, set[bool]] = {}
        counts = {True: 0, False: 0}
        for one in observations:
            if one.outcome.is_evidence:
                failed = one.outcome.is_failure
                counts[failed] += 1
                layouts.setdefault(one.layout or str(one.draw), set()).add(failed)
                draws.setdefault(one.draw, set()).add(failed)
        shown, both = list(layouts.values()), {True, False}
        return cls(
            clean=counts[False],
            failed=counts[True],
            clean_layouts=shown.count({False}),
            failed_layouts=shown.count({True}),
            mixed=max(shown.count(both), list(draws.values()).count(both)),
            draws=len(draws),
        )


@dataclass(frozen=True, slots=True)
class Belief:
    """Posterior over both worlds; make one with `prior` or `known`, refine it with `given`."""

    rate: Weights
    """Schedule world: rates, shape (POINTS + 1,), the last being 1."""
    schedule: Weights
    """Their weights, same shape; together with `layout` they sum to 1."""
    mean: Weights
    """Layout world: mean failing fractions mu, shape (POINTS,)."""
    layout: Weights
    """Weights of (kappa, mu), shape (len(KAPPAS), POINTS)."""

    def given(self, sample: Sample) -> Belief:
        """Posterior after the attempts at one revision that is known to be bad; unchanged if none of it can be."""
        with np.errstate(divide="ignore"):
            in_schedule = np.log(self.schedule) + _independent(self.rate, sample.failed, sample.clean)
            in_layout = np.log(self.layout)
            if in_layout.max() > -np.inf:  # where only the schedule is held most of the time would go here
                in_layout = in_layout + _sequence(self.mean, sample.failed_layouts, sample.clean_layouts)
        if sample.mixed:
            in_layout = np.full_like(in_layout, -np.inf)
        # A thousand attempts underflow; the posterior is a ratio, so the largest likelihood may be 1.
        largest = max(in_schedule.max(), in_layout.max())
        if not np.isfinite(largest):
            return self
        schedule, layout = np.exp(in_schedule - largest), np.exp(in_layout - largest)
        total = schedule.sum() + layout.sum()
        return replace(self, schedule=schedule / total, layout=layout / total)

    def miss(self, sample: Sample) -> float:
        """Probability that a bad revision would have shown only these clean attempts."""
        schedule = self.schedule @ (1.0 - self.rate) ** sample.clean
        if not self.layout.any():  # most of the time would go here
            return float(schedule)
        layout = (self.layout * np.exp(_sequence(self.mean, 0, sample.clean_layouts))).sum()
        return float(schedule + layout)

    def attempts_for(self, share: float, *, layouts: int, most: int = 2000) -> int | None:
        """Smallest number of clean attempts whose `miss` is at most `share`; None if `most` is too few.

        `layouts` is how many can be drawn: later attempts repeat one.
        """

        def enough(count: int) -> bool:
            return self.miss(Sample(clean=count, clean_layouts=min(count, layouts))) <= share

        # Halving is exact: another clean attempt never raises `miss`.
        count = 1 + bisect_left(range(1, most + 1), True, key=enough)
        return count if count <= most else None

    @property
    def layout_weight(self) -> float:
        """Probability that the failure is a function of the layout."""
        return float(self.layout.sum())

    def expected_rate(self) -> float:
        """Mean failure rate of one attempt with a fresh draw."""
        return float(self.schedule @ self.rate + (self.layout * self.mean).sum())

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """(low, high) of the central credible interval of the rate, both worlds pooled."""
        rates = np.concatenate([self.rate, self.mean])
        weights = np.concatenate([self.schedule, self.layout.sum(axis=0)])
        order = np.argsort(rates, kind="stable")
        heights = np.cumsum(weights[order]) / weights.sum()
        tail = (1.0 - level) / 2.0
        low, high = np.searchsorted(heights, [tail, 1.0 - tail])
        last = len(order) - 1
        return float(rates[order[min(low, last)]]), float(rates[order[min(high, last)]])


@cache
def prior(*, varied: bool) -> Belief:
    """What is believed before the first attempt: the rate is uniform in its logarithm on [.005, 1].

    With `varied` false every attempt has the same draw: the layout world then predicts one outcome for
    ever, nothing can be learnt of it, and only the schedule world is held.
    """
    mean = np.geomspace(LOWEST_RATE, 0.999, POINTS)
    rate = np.append(np.geomspace(LOWEST_RATE, 0.999, POINTS), 1.0)
    weight = LAYOUT if varied else 0.0
    schedule = np.append(np.full(POINTS, (1.0 - CERTAIN) / POINTS), CERTAIN)
    layout = np.full((len(KAPPAS), POINTS), 1.0 / (len(KAPPAS) * POINTS))
    # The same extra mass at the top as the schedule world has at p = 1.
    layout *= 1.0 - CERTAIN
    layout[:, -1] += CERTAIN / len(KAPPAS)
    return Belief(rate, schedule * (1.0 - weight), mean, layout * weight)


def drifting(history: Sample, window: Sample) -> Belief:
    """What is believed of the rate now, in the schedule world, from long ago and from just now.

    The rate of a race drifts with the load of the machine. Attempts of another time therefore count a
    quarter (a power prior: Ibrahim and Chen, Statistical Science 15, 2000), those of this window in full.
    """
    rates = prior(varied=False)
    failed = OLD_WEIGHT * history.failed + window.failed
    clean = OLD_WEIGHT * history.clean + window.clean
    weights = rates.schedule * rates.rate**failed * (1.0 - rates.rate) ** clean
    return replace(rates, schedule=weights / weights.sum())


def known(rate: float) -> Belief:
    """A rate the user vouches for: independent attempts, no doubt."""
    points = np.array([rate])
    return Belief(points, np.array([1.0]), points, np.zeros((len(KAPPAS), 1)))


def _independent(rate: Weights, failed: float, clean: float) -> Weights:
    """Logarithm of rate^failed * (1 - rate)^clean, where 0^0 is 1."""
    with np.errstate(divide="ignore"):
        log = failed * np.log(rate)
        return log + clean * np.log1p(-rate) if clean else log


def _sequence(mean: Weights, failed: int, clean: int) -> Weights:
    """Beta-binomial: logarithm of the probability of one sequence of draws, shape (len(KAPPAS), len(mean)).

    P = prod (alpha + i) * prod (beta + j) / prod (kappa + k), a Polya urn.
    """
    kappa = np.array(KAPPAS)[:, None, None]
    alpha = kappa * mean[None, :, None]
    beta = kappa - alpha
    with np.errstate(divide="ignore"):  # a known rate of 1 has no urn in which anything is clean
        log = np.log(alpha + np.arange(failed)).sum(axis=2) + np.log(beta + np.arange(clean)).sum(axis=2)
    return np.asarray(log - np.log(kappa + np.arange(failed + clean)).sum(axis=2), dtype=np.float64)
