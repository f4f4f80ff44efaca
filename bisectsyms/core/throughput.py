"""How many slots at once get through the most attempts: one, then twice as many as long as that pays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bisectsyms.core.words import count

MOST_SLOTS = 64
LEAST_ATTEMPTS = 6
ROUNDS = 2
"""Attempts of each slot at least, so that the last ones, which have nothing beside them, weigh less."""
PAYS = 0.1
"""More attempts per second, as a share, that twice as many slots have to bring."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """What so many slots got through."""

    slots: int
    attempts: int
    seconds: float

    @property
    def rate(self) -> float:
        """Attempts per second."""
        return self.attempts / max(self.seconds, 1e-9)

    def __str__(self) -> str:
        return f"{count(self.slots, 'slot')}: {self.rate * 3600:.0f} attempts an hour"


def attempts_with(slots: int) -> int:
    """How many attempts measure it: as many in each slot."""
    return slots * max(ROUNDS, -(-LEAST_ATTEMPTS // slots))


def following(measured: Sequence[Throughput], most: int) -> int | None:
    """The number of slots to measure next, `most` being the last; None when it is known how many are best."""
    if not measured:
        return 1
    last = measured[-1]
    if last.slots >= most or (len(measured) > 1 and not _pays(*measured[-2:])):
        return None
    return min(2 * last.slots, most)


def best(measured: Sequence[Throughput]) -> int:
    """The number of slots to work with; one where nothing could be measured."""
    if len(measured) > 1 and not _pays(*measured[-2:]):
        return measured[-2].slots
    return measured[-1].slots if measured else 1


def told(measured: Sequence[Throughput]) -> str:
    """`1 slot: 240 attempts an hour; 2 slots: 410 attempts an hour (+71 %)`."""
    texts = [str(one) for one in measured]
    for number in range(1, len(measured)):
        more = measured[number].rate / measured[number - 1].rate - 1
        texts[number] += f" ({100 * more:+.0f} %)"
    return "; ".join(texts)


def _pays(before: Throughput, after: Throughput) -> bool:
    return after.rate > (1 + PAYS) * before.rate
