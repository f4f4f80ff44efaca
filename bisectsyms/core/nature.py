"""The class of a failure, and the experiment that showed it: a function of the schedule, of the layout, or of neither?

What repeats of one draw do is seen in every measurement. Whether one job of make is enough is asked for once, where an
attempt is cheap.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bisectsyms.core.belief import Sample, prior
from bisectsyms.core.decide import depends_on_layout
from bisectsyms.core.exacttest import SURE, fisher
from bisectsyms.core.ladder import TRIAL, rate_of
from bisectsyms.core.words import count, percent
from bisectsyms.model import Draw, Kind, Observation

TELLS = 0.1
"""Attempts with one job that a race would have left clean with a greater chance tell too little."""
ELSEWHERE = "threads of one tool, or what is outside of the build"
MOST_ALONE = 60
"""Attempts with one job that are made at most."""


class Nature(enum.StrEnum):
    """What the failure is a function of."""

    SCHEDULE = "schedule"
    LAYOUT = "layout"
    ENVIRONMENT = "environment"
    """Neither the layout nor what runs side by side in make decides."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Shown:
    """A class, and how that was seen."""

    nature: Nature
    experiments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Circumstance:
    """What an attempt had beside it."""

    slots: int
    load: float
    failed: bool


def nature(kind: Kind, mine: Sequence[Observation], draws: int, jobs: int, alone: Sequence[Observation] = ()) -> Shown:
    """What the attempts of the chosen kind say; `alone` are those of them that were made with one job."""
    sample = Sample.of(mine)
    belief = prior(varied=draws > 1).given(sample)
    if not sample.clean:
        text = f"all {count(sample.failed, 'attempt')} failed ({count(sample.draws, 'draw')}): it needs no luck"
        return Shown(Nature.UNKNOWN, (text,))
    if draws > 1 and depends_on_layout(belief, sample):
        return Shown(Nature.LAYOUT, (_repeated(mine),))
    if not sample.mixed:
        share = percent(belief.layout_weight)
        return Shown(Nature.UNKNOWN, (f"no draw did both yet; a function of the layout by {share}",))
    both = _both(mine)
    if kind is Kind.REPLAY:
        return Shown(Nature.ENVIRONMENT, (both, f"a {kind} has no other jobs of make beside it: {ELSEWHERE}"))
    if jobs == 1 and kind is not Kind.TEST:
        return Shown(Nature.ENVIRONMENT, (both, f"with -j1 no two jobs of make run side by side: {ELSEWHERE}"))
    one, with_one = Sample.of(alone), f"with -j1 in {count(len(alone), 'attempt')}"
    if not alone:
        return Shown(Nature.SCHEDULE, (both,))
    if one.failed:
        text = f"it fails {with_one}, too ({one.failed}), so it is no race between jobs of make"
        return Shown(Nature.ENVIRONMENT, (both, f"{text}: {ELSEWHERE}"))
    miss = rate_of(sample.failed, sample.clean).miss(Sample(clean=one.clean))
    text = f"it stays clean {with_one}, where it fails at {percent(belief.expected_rate())} with -j{jobs}"
    so = "a race between jobs" if miss <= TELLS else "too few to tell"
    return Shown(Nature.SCHEDULE, (both, f"{text} ({percent(miss)} chance of having missed it): {so}"))


def alone_wanted(shown: Shown, kind: Kind, jobs: int, mine: Sequence[Observation]) -> int:
    """Attempts with -j1 that tell whether jobs of make race; 0 where that is no question, or not cheap."""
    if shown.nature is not Nature.SCHEDULE or jobs == 1 or kind is not Kind.RELINK:
        return 0
    sample = Sample.of(mine)
    most = rate_of(sample.failed, sample.clean).attempts_for(TRIAL, layouts=1, most=MOST_ALONE)
    return most or MOST_ALONE


def one_job_not_asked(shown: Shown, kind: Kind) -> str:
    """Why nobody asks whether it fails with -j1, too; empty where that is asked, or is no question."""
    if shown.nature is not Nature.SCHEDULE or kind in (Kind.RELINK, Kind.TEST):
        return ""
    return f"whether it fails with -j1, too, was not tried: each attempt is a {kind} build"


def _by_draw(mine: Iterable[Observation]) -> dict[Draw, tuple[int, int]]:
    """Draw -> (failed, made)."""
    made, failed = Counter[Draw](), Counter[Draw]()
    for one in mine:
        if one.outcome.is_evidence:
            made[one.draw] += 1
            failed[one.draw] += one.outcome.is_failure
    return {draw: (failed[draw], made[draw]) for draw in made}


def _repeated(mine: Sequence[Observation]) -> str:
    draws = _by_draw(mine)
    draw = max((one for one in draws if draws[one][0]), key=lambda one: draws[one])
    failed, made = draws[draw]
    never = sum(not failed for failed, _ in draws.values())
    others = f"{count(never, 'other draw')} never did"
    return f"{draw} failed {failed} of {made} times, and {others}: a function of the layout"


def _both(mine: Sequence[Observation]) -> str:
    draws = _by_draw(mine)
    mixed = [one for one in draws if 0 < draws[one][0] < draws[one][1]]
    if not mixed:
        return "the same layout did both: by chance"
    draw = max(mixed, key=lambda one: (draws[one][1], str(one)))
    failed, made = draws[draw]
    return f"{draw} failed {failed} of {made} times: the same draw did both, by chance"


def follows(seen: Sequence[Circumstance]) -> str:
    """Whether the rate follows what runs beside an attempt, and how; empty where nothing says so."""
    if not seen:
        return ""
    least = min(one.slots for one in seen)
    few = [one.failed for one in seen if one.slots == least]
    many = [one.failed for one in seen if one.slots > least]
    if differ(few, many):
        return f"the rate follows the slots in use: {_of(few)} failed with {least}, {_of(many)} with more"
    middle = sorted(one.load for one in seen)[(len(seen) - 1) // 2]
    low = [one.failed for one in seen if one.load <= middle]
    high = [one.failed for one in seen if one.load > middle]
    if differ(low, high):
        return f"the rate follows the load: {_of(low)} failed up to {middle:.1f}, {_of(high)} above"
    return ""


def _of(failed: Sequence[bool]) -> str:
    return f"{sum(failed)} of {len(failed)}"


def differ(one: Sequence[bool], other: Sequence[bool]) -> bool:
    """Fisher's exact test of two samples of failures, two-sided."""
    return fisher(sum(one), len(one), sum(other), len(other)) < SURE
