"""A failure rate as it is told to people: how often, of how many, and between which bounds."""

from __future__ import annotations

from dataclasses import dataclass

from bisectsyms.core.decide import EXCLUDED
from bisectsyms.core.ladder import rate_of


@dataclass(frozen=True, slots=True)
class Rate:
    """Of a number of attempts."""

    failed: int
    attempts: int
    rate: float
    """Expected, over all that it may be."""
    low: float
    high: float
    """Of the 95 % interval; where nothing failed, or nothing passed, what is excluded with 95 %."""


def rated(failed: int, clean: int) -> Rate:
    """What so many attempts of one kind say; rates from 0 to 1.

    Where both were seen it is the central credible interval under the prior of core/belief.py. Where nothing failed,
    the bound p with (1 - p)^n = .05, which is exact whatever the prior (the "rule of three": Hanley and Lippman-Hand,
    JAMA 249, 1983, in its exact form); where nothing passed, that with p^n = .05. The prior has much of its mass at
    "always", so that by it alone twelve failures would lie above .9; it takes 29.
    """
    total = failed + clean
    if not failed:
        return Rate(0, total, 0.0, 0.0, 1.0 - EXCLUDED ** (1 / total) if total else 1.0)
    belief = rate_of(failed, clean)
    low, high = belief.interval() if clean else (EXCLUDED ** (1 / total), 1.0)
    return Rate(failed, total, belief.expected_rate(), low, high)
