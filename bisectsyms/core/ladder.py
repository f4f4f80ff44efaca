"""Which kind of attempt to work with, found at the bad end by measurement: ask and tell.

A cheaper kind that cannot show a failure says nothing about it, and a dearer one may need an hour for each failure. So
nothing is taken for granted: while nothing has failed every kind gets about the same time, then the cheaper ones have
to show that they can fail, too, and of those that did the one is taken that fails most often per second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import takewhile

import numpy as np

from bisectsyms.core.belief import Belief, Sample, prior
from bisectsyms.core.decide import NO_LINK_SCRIPT, attempts_to_exclude
from bisectsyms.core.words import count, percent
from bisectsyms.model import Draw, Kind, Observation

TRIAL = 0.02
"""A cheaper kind is given up when it would have missed what a dearer one shows with this probability at most."""
REGRET = 0.1
"""Of two kinds that fail the better one is known when it is expected to lose no more than this part to the other."""
REGRET_UNSHOWN = 0.5
"""The same where the other is dearer and has not failed: it contains the cheaper one, so mostly it fails as often."""
ENOUGH = 8
"""Failures after which the better one is taken, whatever is expected."""
RATED = 3
"""Failures of a kind after which its rate is known well enough to say how long a cheaper one is to be tried.

After one in five that would be 129 times, after three in twelve 30.
"""
DEARER = 8.0
"""An attempt of a kind that was never made is taken to cost so many of the next cheaper one."""
LEAST = 1e-3
LOOK_FURTHER = (
    "check the profile (-j, toolchain, kconfig) against the report; a race may need a busier machine "
    "(--vary load-cpu), and what is rarer a lower --min-rate"
)
"""What to do where nothing has failed."""
REPEATS = {Kind.REPLAY: "the link script", Kind.RELINK: "the link"}
"""What an attempt of these kinds repeats."""


@dataclass(frozen=True, slots=True)
class Try:
    """An attempt of this kind tells next."""

    kind: Kind
    why: str
    draw: Draw | None = None
    """One that failed in another kind; None for the next one of the variation."""
    on_trial: bool = False
    """Others failed, and this kind has to show that it can."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The kind to work with."""

    kind: Kind
    why: str
    at: int
    """So many of the observations were needed; those after them are fresh."""
    rivals: tuple[Kind, ...] = ()
    """Others that failed as well: the best of several looks better than it is."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """No kind whose clean attempts could count shows the failure."""

    kind: Kind
    """The dearest one."""
    why: str
    """What the bad end did instead: a sentence without its subject."""
    artefact: bool
    """Some other kind does: a build on arrival, which cannot be repeated."""


@dataclass(slots=True)
class _Tally:
    failed: int = 0
    clean: int = 0
    seconds: float = 0.0

    @property
    def total(self) -> int:
        return self.failed + self.clean

    @property
    def rate(self) -> Belief:
        return rate_of(self.failed, self.clean)


@lru_cache(maxsize=1024)  # every prefix of what was seen is looked at, and mostly one kind stays as it was
def rate_of(failed: int, clean: int) -> Belief:
    """What so many attempts of one kind tell of its rate."""
    return prior(varied=False).given(Sample(failed=failed, clean=clean))


@lru_cache(maxsize=1024)
def _trials(failed: int, clean: int, most: int) -> int:
    """Clean attempts of another kind that would have missed the rate shown with TRIAL at most."""
    return rate_of(failed, clean).attempts_for(TRIAL, layouts=1, most=most) or most


def climb(seen: Sequence[Observation], kinds: Sequence[Kind], lowest_rate: float) -> Try | Choice | Unseen:
    """What the attempts at the bad end say, in their order; `kinds` are those that can be repeated, cheapest first.

    A choice stands: the evidence at other commits is of that kind. What is seen later does not take it back.
    """
    lacking = {one.kind for one in seen if one.signature == NO_LINK_SCRIPT}
    kinds = [kind for kind in kinds if kind not in lacking]
    tallies: dict[Kind, _Tally] = {}
    failed = list[Draw]()
    for number, one in enumerate(seen, 1):
        if not one.outcome.is_evidence:
            continue
        tally = tallies.setdefault(one.kind, _Tally())
        tally.seconds += one.seconds
        if one.outcome.is_failure:
            tally.failed += 1
            failed.append(one.draw)
        else:
            tally.clean += 1
        if failed and _may_choose(tallies, kinds):
            answer = _standing(tallies, kinds, lowest_rate, number)
            if isinstance(answer, Choice):
                return answer
    if not failed:
        return _looking(tallies, kinds, lowest_rate)
    answer = _standing(tallies, kinds, lowest_rate, len(seen))
    if isinstance(answer, Try) and answer.on_trial:  # should the layout decide, these fail at once
        drawn = {one.draw for one in seen if one.kind is answer.kind and one.outcome.is_evidence}
        return replace(answer, draw=next((draw for draw in failed if draw not in drawn), None))
    return answer


def _may_choose(tallies: Mapping[Kind, _Tally], kinds: Sequence[Kind]) -> bool:
    """Whether every kind cheaper than one that fails was tried; before, there is no choice among the many prefixes."""
    tried = list(takewhile(lambda kind: kind in tallies, kinds))
    return any(tallies[kind].failed for kind in tried)


def price(seen: Mapping[Kind, tuple[int, float]], kinds: Sequence[Kind]) -> dict[Kind, float]:
    """Seconds of an attempt of each kind, from how many were made and how long they took together."""
    found: dict[Kind, float] = {}
    before = LEAST / DEARER
    for kind in kinds:
        made, seconds = seen.get(kind, (0, 0.0))
        before = found[kind] = seconds / made if made and seconds > 0.0 else before * DEARER
    return found


def _looking(tallies: Mapping[Kind, _Tally], kinds: Sequence[Kind], lowest_rate: float) -> Try | Unseen:
    """Nothing has failed yet: about the same time for every kind that can still be expected to."""
    most = attempts_to_exclude(lowest_rate)
    made = {kind: tallies.get(kind, _Tally()) for kind in kinds}
    costs = _prices(tallies, kinds)
    left = [kind for kind in kinds if made[kind].clean < most]
    if not left:
        tried = ", ".join(f"{made[kind].total} {kind}" for kind in kinds)
        return Unseen(kinds[-1], f"never failed here ({tried} attempts, all clean)", artefact=False)
    kind = min(left, key=lambda one: (made[one].total + 1) * costs[one])
    return Try(kind, f"{made[kind].clean} clean, {most} would exclude a {percent(lowest_rate)} failure")


def _standing(
    tallies: Mapping[Kind, _Tally], kinds: Sequence[Kind], lowest_rate: float, number: int
) -> Try | Choice | Unseen:
    """Something has failed: do cheaper ones, too, and which of them fails most often per second?"""
    failing = [kind for kind in kinds if kind in tallies and tallies[kind].failed]
    cheaper = kinds[: kinds.index(failing[0])] if failing else kinds
    # Of other kinds the one that failed most: mostly there is but one, the build on arrival.
    shown = failing[0] if failing else max(tallies, key=lambda one: tallies[one].failed)
    most = attempts_to_exclude(lowest_rate)
    needed = _trials(tallies[shown].failed, tallies[shown].clean, most)
    for kind in cheaper:
        clean = tallies[kind].clean if kind in tallies else 0
        if clean < needed:
            of = f"{tallies[shown].failed} of {tallies[shown].total} {shown} attempts failed"
            if failing and tallies[shown].failed < RATED and _is_due(tallies, kinds, shown, kind):
                return Try(shown, f"{of}: how often, and so how long has {kind} to be tried?")
            return Try(kind, f"does {kind} fail, too? {of}, {clean} of up to {needed} clean", on_trial=True)
    if not failing:
        stayed = " and ".join(f"{tallies[kind].clean} {kind}" for kind in kinds)
        text = (
            f"failed in {shown} attempts alone ({tallies[shown].failed} of {tallies[shown].total}), which are made on "
            f"arrival; {stayed} attempts stayed clean"
        )
        return Unseen(kinds[-1], text, artefact=True)
    given_up = "; ".join(_given_up(tallies[kind], kind, tallies[shown], shown) for kind in cheaper)
    return _better(tallies, kinds, failing, given_up, number)


def _is_due(tallies: Mapping[Kind, _Tally], kinds: Sequence[Kind], one: Kind, other: Kind) -> bool:
    """Whether the next attempt of one kind leaves it with no more seconds than the next of the other does."""
    costs = _prices(tallies, kinds)
    made = {kind: tallies.get(kind, _Tally()).total + 1 for kind in (one, other)}
    return made[one] * costs[one] <= made[other] * costs[other]


def _given_up(cheap: _Tally, kind: Kind, dear: _Tally, shown: Kind) -> str:
    rate = percent(dear.rate.expected_rate())
    return (
        f"{kind} stayed clean {count(cheap.clean, 'time')}, where {shown} fails at {rate}: this failure is not in "
        f"{REPEATS.get(kind, f'what {kind} repeats')} alone"
    )


def _better(
    tallies: Mapping[Kind, _Tally], kinds: Sequence[Kind], failing: Sequence[Kind], given_up: str, number: int
) -> Try | Choice:
    """Of several that fail: the most failures per second, as soon as the sample is large enough to tell."""
    costs = _prices(tallies, kinds)
    pace = {kind: tallies[kind].rate.expected_rate() / costs[kind] for kind in failing}
    leader = max(failing, key=lambda one: pace[one])
    doubtful = [
        kind
        for kind in failing
        if kind is not leader
        and _loss((tallies[leader].rate, costs[leader]), (tallies[kind].rate, costs[kind])) > REGRET * pace[leader]
    ]
    doubtful += _may_be_better(tallies, kinds, leader)
    if doubtful and tallies[leader].failed < ENOUGH:
        among = [leader, *doubtful]
        kind = min(among, key=lambda one: (tallies.get(one, _Tally()).total + 1) * costs[one])
        return Try(kind, f"which fails more often per second, {' or '.join(one.value for one in among)}?")
    others = tuple(kind for kind in failing if kind is not leader)
    if not others:
        return Choice(leader, given_up or f"{leader} is the cheapest kind, and it fails", number)
    than = " and ".join(f"{kind} ({3600 * pace[kind]:.1f})" for kind in others)
    why = f"{leader} fails more often per hour ({3600 * pace[leader]:.1f} expected) than {than}"
    return Choice(leader, "; ".join(filter(None, (given_up, why))), number, others)


def _may_be_better(tallies: Mapping[Kind, _Tally], kinds: Sequence[Kind], leader: Kind) -> list[Kind]:
    """Dearer kinds that have not failed, where the leader fails so seldom that they may be worth their price."""
    costs, mine = _prices(tallies, kinds), tallies[leader].rate
    least = REGRET_UNSHOWN * mine.expected_rate() / costs[leader]
    dearer = [one for one in kinds[kinds.index(leader) + 1 :] if not tallies.get(one, _Tally()).failed]
    return [
        one for one in dearer if _loss((mine, costs[leader]), (tallies.get(one, _Tally()).rate, costs[one])) > least
    ]


def _loss(mine: tuple[Belief, float], other: tuple[Belief, float]) -> float:
    """Failures per second that are expected to be lost by taking one kind where the other may be the better one."""
    (one, cost), (two, price) = mine, other
    ahead = np.maximum(0.0, two.rate[None, :] / price - one.rate[:, None] / cost)
    return float(one.schedule @ ahead @ two.schedule)


def _prices(tallies: Mapping[Kind, _Tally], kinds: Sequence[Kind]) -> dict[Kind, float]:
    return price({kind: (tally.total, tally.seconds) for kind, tally in tallies.items()}, kinds)
