"""Which single factor makes the difference: spots that are alike but for one thing, compared by an exact test.

Two spots that differ in two things say nothing of either. Comparisons of one kind of attempt alone, because rates of
kinds are never pooled; as many as there are, so each has to be surer (Holm, A Simple Sequentially Rejective Multiple
Test Procedure, Scandinavian Journal of Statistics 6, 1979).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from bisectsyms.core.exact import fisher
from bisectsyms.core.words import percent
from bisectsyms.model import Kind

LEVEL = 0.05
"""Chance that any difference is named although there is none."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """A spot by its factors, and what was seen there."""

    factors: tuple[tuple[str, str], ...]
    """(factor, its value), the same factors in the same order for all."""
    kind: Kind
    failed: int
    made: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Two spots that differ in one factor, and in their rates."""

    factor: str
    fails: str
    """Its value where it fails more often."""
    passes: str
    where: tuple[tuple[str, str], ...]
    """What both have in common."""
    failed: tuple[int, int]
    made: tuple[int, int]
    p: float
    """Of Fisher's exact test, two-sided."""
    adjusted: float
    """By Holm, for all comparisons."""

    def __str__(self) -> str:
        (failed, others), (made, others_made) = self.failed, self.made
        alike = " ".join(value for _, value in self.where)
        return (
            f"{self.factor}: {self.fails} failed {failed} of {made} times, {self.passes} {others} of {others_made} "
            f"(p {percent(self.adjusted)}), both with {alike}"
        )


@dataclass(frozen=True, slots=True)
class Isolated:
    """What the comparisons say."""

    comparisons: int
    differences: tuple[Difference, ...]
    """Those that are no accident, the surest first."""
    why: str


def isolate(spots: Sequence[Sampled], level: float = LEVEL) -> Isolated:
    """Compare every pair of spots that differ in one factor, and keep what stands at `level` after correction."""
    pairs = [
        (one, other, factor)
        for one, other in combinations(spots, 2)
        for factor in _single(one, other)
        if _can_tell(one, other, level)
    ]
    by_p = sorted(((_p(one, other), number) for number, (one, other, _) in enumerate(pairs)))
    found, largest = list[Difference](), 0.0
    for rank, (p, number) in enumerate(by_p):
        largest = max(largest, min(1.0, p * (len(pairs) - rank)))  # a step-down procedure: never below an earlier one
        if largest <= level:
            found.append(_difference(*pairs[number], p, largest))
    return Isolated(len(pairs), tuple(found), _why(len(pairs), found, level))


def _why(comparisons: int, found: Sequence[Difference], level: float) -> str:
    if not comparisons:
        return "no two cells that differ in one thing alone have enough attempts of one kind, and failures, to tell"
    if not found:
        return f"none of {comparisons} comparisons shows a difference ({percent(level)} for all of them together)"
    factors = sorted({one.factor for one in found})
    if len(factors) == 1:
        return f"{factors[0]} makes the difference ({len(found)} of {comparisons} comparisons)"
    return f"{' and '.join(factors)} make a difference, each by itself ({len(found)} of {comparisons} comparisons)"


def _single(one: Sampled, other: Sampled) -> Iterator[str]:
    """The factor in which two spots differ, if it is one and both have attempts of the same kind."""
    if one.kind is other.kind and one.made and other.made:
        differing = [mine[0] for mine, theirs in zip(one.factors, other.factors, strict=True) if mine != theirs]
        if len(differing) == 1:
            yield differing[0]


def _can_tell(one: Sampled, other: Sampled, level: float) -> bool:
    """Whether so many attempts and failures could show a difference at all, however they fell.

    What could not is no test that needs correcting for (Tarone, A Modified Bonferroni Method for Discrete Data,
    Biometrics 46, 1990).
    """
    failed = one.failed + other.failed
    least, most = max(0, failed - other.made), min(failed, one.made)
    return any(fisher(k, one.made, failed - k, other.made) <= level for k in (least, most))


def _p(one: Sampled, other: Sampled) -> float:
    return fisher(one.failed, one.made, other.failed, other.made)


def _difference(one: Sampled, other: Sampled, factor: str, p: float, adjusted: float) -> Difference:
    more, less = sorted((one, other), key=lambda spot: -spot.failed / spot.made)
    return Difference(
        factor=factor,
        fails=_value(more.factors, factor),
        passes=_value(less.factors, factor),
        where=tuple(pair for pair in more.factors if pair[0] != factor),
        failed=(more.failed, less.failed),
        made=(more.made, less.made),
        p=p,
        adjusted=adjusted,
    )


def _value(factors: Iterable[tuple[str, str]], factor: str) -> str:
    return dict(factors)[factor]
