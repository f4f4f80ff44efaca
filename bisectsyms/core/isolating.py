"""Which single factor makes the difference: spots that are alike but for one thing, compared by an exact test.

Two spots that differ in two things say nothing of either. Comparisons of one kind of attempt alone, because rates of
kinds are never pooled; as many as there are, so each has to be surer (Holm, A Simple Sequentially Rejective Multiple
Test Procedure, Scandinavian Journal of Statistics 6, 1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from bisectsyms.core.exacttest import fisher
from bisectsyms.core.words import percent
from bisectsyms.model import Kind

KCONFIG = "kconfig"
"""The factor whose values are names of profiles: within it a single option is looked for."""
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
    asked: tuple[tuple[str, str], ...] = ()
    """(option without CONFIG_, value) of what its kconfig asks for; what all of them ask for may be missing."""
    beside: str = ""
    """Hash of all else that its profile says; alike where two say the same."""


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
    """Where it fails more often, and where less."""
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
class _Pair:
    """Two spots that can be compared."""

    spots: tuple[Sampled, Sampled]
    factor: str
    values: tuple[str, str]
    alike: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Isolated:
    """What the comparisons say."""

    comparisons: int
    differences: tuple[Difference, ...]
    """Those that are no accident, the surest first."""
    why: str


def factors_of(revision: str, profile: str, toolchain: str, jobs: int, variation: str) -> tuple[tuple[str, str], ...]:
    """What spots of a matrix can differ in, as `Sampled` has it; `toolchain` with its arch in front."""
    return (
        ("revision", revision),
        (KCONFIG, profile),
        ("toolchain", toolchain),
        ("-j", f"-j{jobs}"),
        ("variation", variation),
    )


def isolate(spots: Sequence[Sampled], level: float = LEVEL) -> Isolated:
    """Compare every pair of spots that differ in one factor, and keep what stands at `level` after correction."""
    pairs = [
        pair
        for one, other in combinations(spots, 2)
        if (pair := _pair(one, other)) is not None and _can_tell(one, other, level)
    ]
    by_p = sorted((_p(pair), number) for number, pair in enumerate(pairs))
    found, largest = list[Difference](), 0.0
    for rank, (p, number) in enumerate(by_p):
        largest = max(largest, min(1.0, p * (len(pairs) - rank)))  # a step-down procedure: never below an earlier one
        if largest <= level:
            found.append(_difference(pairs[number], p, largest))
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


def _pair(one: Sampled, other: Sampled) -> _Pair | None:
    """Two spots that differ in one factor alone; None where it is none or several, or two kinds of attempt."""
    if one.kind is not other.kind or not (one.made and other.made):
        return None
    differing = [mine[0] for mine, theirs in zip(one.factors, other.factors, strict=True) if mine != theirs]
    if len(differing) != 1:
        return None
    (factor,) = differing
    alike = tuple(pair for pair in one.factors if pair[0] != factor)
    values = (_value(one, factor), _value(other, factor))
    if factor == KCONFIG:
        factor, values = _within_kconfig(one, other, values)
    return _Pair((one, other), factor, values, alike)


def _within_kconfig(one: Sampled, other: Sampled, profiles: tuple[str, str]) -> tuple[str, tuple[str, str]]:
    """The option that is all the difference, and what either profile asks it to be; else the profiles themselves."""
    if one.beside != other.beside:
        return "profile", profiles
    mine, theirs = dict(one.asked), dict(other.asked)
    options = [name for name in sorted({*mine, *theirs}) if mine.get(name) != theirs.get(name)]
    if len(options) != 1:
        return KCONFIG, profiles
    first, second = (asked.get(options[0], "not asked for") for asked in (mine, theirs))
    return f"CONFIG_{options[0]}", (f"{first} ({profiles[0]})", f"{second} ({profiles[1]})")


def _can_tell(one: Sampled, other: Sampled, level: float) -> bool:
    """Whether so many attempts and failures could show a difference at all, however they fell.

    What could not is no test that needs correcting for (Tarone, A Modified Bonferroni Method for Discrete Data,
    Biometrics 46, 1990).
    """
    failed = one.failed + other.failed
    least, most = max(0, failed - other.made), min(failed, one.made)
    return any(fisher(k, one.made, failed - k, other.made) <= level for k in (least, most))


def _p(pair: _Pair) -> float:
    one, other = pair.spots
    return fisher(one.failed, one.made, other.failed, other.made)


def _difference(pair: _Pair, p: float, adjusted: float) -> Difference:
    (more, fails), (less, passes) = sorted(
        zip(pair.spots, pair.values, strict=True), key=lambda each: -each[0].failed / each[0].made
    )
    return Difference(
        factor=pair.factor,
        fails=fails,
        passes=passes,
        where=pair.alike,
        failed=(more.failed, less.failed),
        made=(more.made, less.made),
        p=p,
        adjusted=adjusted,
    )


def _value(spot: Sampled, factor: str) -> str:
    return dict(spot.factors)[factor]
