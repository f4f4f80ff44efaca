"""What is varied on purpose between attempts, and in which order.

The length of the version string is the cheapest knob on the layout. A repeat of the same length is the
same draw, so a sweep takes every length once before it takes one twice, in an order that depends on
the revision alone: the same revision is always swept in the same way.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from bisectsyms.model import Draw


@dataclass(frozen=True, slots=True)
class Variation:
    """A policy: how many lengths of the version string an attempt may draw from."""

    lengths: int = 1

    @classmethod
    def parse(cls, text: str) -> Variation:
        """What a cell calls it."""
        return cls(int(text.partition(":")[2] or 1))

    def __str__(self) -> str:
        return f"sweep:{self.lengths}" if self.lengths > 1 else "pinned"

    @property
    def varies(self) -> bool:
        return self.lengths > 1

    def next_draw(self, tree: str, drawn: Iterable[Draw], others: Iterable[Draw] = ()) -> Draw:
        """The draw for the next attempt at the revision with this tree id, given those made there.

        `others` were drawn for attempts of other kinds: their layouts have been seen, so they come after those that
        have not.
        """
        times, seen = Counter(draw.length for draw in drawn), Counter(draw.length for draw in others)

        def rank(length: int) -> tuple[int, int, str]:
            return times[length], seen[length], hashlib.sha256(f"{tree}:{length}".encode()).hexdigest()

        return Draw(min(range(1, self.lengths + 1), key=rank))
