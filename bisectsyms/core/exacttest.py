"""Whether two samples of attempts fail at different rates: an exact test, when to look, and how many it takes.

No approximation, because samples are small: six attempts against six may settle a question, and often have to.
"""

from __future__ import annotations

import math
from functools import lru_cache

SURE = 0.01
"""Two rates differ if chance would show such a difference less often than this."""
FIRST_LOOK = 6
"""Attempts of each sample before the first look; with five not even 5 of 5 against 0 of 5 would pass it."""
POWER = 0.95
"""Wanted chance of seeing a difference that is there."""


@lru_cache(maxsize=1 << 16)
def fisher(failed: int, made: int, other_failed: int, other_made: int) -> float:
    """The two-sided p value of Fisher's exact test: `failed` of `made` attempts against those of another sample.

    The probability, given how many failed in both together, of this table and of all that are no likelier (R. A.
    Fisher, Statistical Methods for Research Workers, 5th ed. 1934, section 21.02). 1.0 where a sample is empty.
    """
    total, both = made + other_made, failed + other_failed
    fewest, most = max(0, both - other_made), min(made, both)
    ways = [math.comb(made, k) * math.comb(other_made, both - k) for k in range(fewest, most + 1)]
    at = ways[failed - fewest]
    return sum(way for way in ways if way <= at) / math.comb(total, both)


def look_at(look: int) -> int:
    """Attempts of each sample at the look of this number, counted from 0: 6, 12, 24, 48 …"""
    return FIRST_LOOK << look


def allowed(look: int) -> float:
    """The largest p value that ends it at this look: half of SURE at the first, then half of the one before.

    All looks together spend SURE at most, however many there are: P(any) <= the sum (Bonferroni's inequality; that each
    look spends a part of the error is from Lan and DeMets, Biometrika 70, 1983, 659-663).
    """
    return SURE / (2 << look)


@lru_cache(maxsize=1024)
def chance_to_see(rate: float, look: int) -> float:
    """The probability that this look tells failures at `rate` from a sample in which nothing fails."""
    made = look_at(look)
    needed = next((k for k in range(made + 1) if fisher(k, made, 0, made) <= allowed(look)), made + 1)
    return sum(math.comb(made, k) * rate**k * (1 - rate) ** (made - k) for k in range(needed, made + 1))


def look_that_sees(rate: float, most: int) -> int | None:
    """The first look that sees with POWER that failures at `rate` are gone; None where `most` attempts are too few."""
    look = 0
    while look_at(look) <= most:
        if chance_to_see(rate, look) >= POWER:
            return look
        look += 1
    return None
