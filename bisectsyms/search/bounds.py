"""The least that any search needs, to see how much is left to gain."""

from __future__ import annotations

import math


def fano(candidates: int, old: float, new: float, confidence: float) -> float | None:
    """Attempts needed on average by a search that knows the rates; None where old and new fail alike.

    Fano's inequality: an answer that is right with `confidence` among n alike takes at least
    log2 n - h(e) - e log2(n - 1) bits, e = 1 - confidence. An attempt gives at most the capacity of the binary
    channel with the error rates `old` and 1 - `new` (Cover and Thomas, Elements of Information Theory, 2.10 and 7).
    """
    bits = capacity(old, new)
    if candidates < 2 or bits <= 0.0:
        return None
    error = 1.0 - confidence
    needed = math.log2(candidates) - entropy(error) - error * math.log2(candidates - 1)
    return max(0.0, needed) / bits


def capacity(old: float, new: float) -> float:
    """Bits of one attempt at the best share of new commits, found by ternary search: the function is concave."""
    low, high = 0.0, 1.0

    def information(share: float) -> float:
        mixed = share * new + (1.0 - share) * old
        return entropy(mixed) - share * entropy(new) - (1.0 - share) * entropy(old)

    for _ in range(100):
        left, right = low + (high - low) / 3.0, high - (high - low) / 3.0
        if information(left) < information(right):
            low = left
        else:
            high = right
    return information((low + high) / 2.0)


def entropy(p: float) -> float:
    """Binary entropy in bits."""
    return 0.0 if p <= 0.0 or p >= 1.0 else -p * math.log2(p) - (1.0 - p) * math.log2(1.0 - p)
