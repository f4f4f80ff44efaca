"""Clocks of other hosts: by how much one is ahead of ours, and its times as ours would have told them.

How long an attempt took is measured by a monotonic clock on the host that made it, and needs none of this.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

APART = 2.0
"""Seconds; two hosts with NTP are well within this."""
TIMES = ("begun", "ended")


@dataclass(frozen=True, slots=True)
class Offset:
    """Seconds by which a clock is ahead of ours, as far as that is known."""

    low: float = -math.inf
    high: float = math.inf

    def told(self, sent: float, theirs: float, heard: float) -> Offset:
        """Narrower by a time that it told, between `sent` and `heard` by ours."""
        return Offset(max(self.low, theirs - heard), min(self.high, theirs - sent))

    @property
    def seconds(self) -> float:
        """The least that fits; 0 where that is no matter."""
        least = max(self.low, min(0.0, self.high))
        return least if abs(least) > APART else 0.0


def by_our_clock(record: Mapping[str, object], offset: float) -> dict[str, object]:
    """A record of an attempt with its times moved back by the offset of the clock that told them."""
    moved = {name: max(0.0, when - offset) for name in TIMES if isinstance(when := record.get(name), float)}
    return {**record, **moved} if offset else dict(record)
