"""How long a search will take from here: a few searches of made worlds that know as much as ours does.

A line of as many commits as there are suspects left stands for the history. Longer ones are cut, and what they need
more is taken from the bound: the logarithm of their number.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

from bisectsyms.search import Costs, Search
from bisectsyms.search.bounds import fano
from bisectsyms.search.worlds import Run, Setting, World, play

LONGEST = 128
WORLDS = 5
MOST_ATTEMPTS = 1200
"""In all worlds together: half a second."""
LOWEST_RATE = 0.03
"""A lower one is taken from this, by the bound."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known when the question is asked."""

    suspects: int
    rate: float
    failed: int
    clean: int
    """Attempts at failing commits."""
    passed: int
    """Clean attempts at the ends without the failure."""
    move: float
    """Repeats that a move is worth."""
    confidence: float
    min_rate: float
    layouts: int | None = None
    """How many a commit can have, where the layout decides."""
    at_once: int = 1
    """Attempts at the same time: chosen before the others are known, they are more."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is to come, on average."""

    repeats: int
    moves: int


def outlook(now: Standing) -> Outlook:
    """Attempts and moves until the answer."""
    candidates, rate = max(2, min(now.suspects, LONGEST)), max(now.rate, LOWEST_RATE)
    setting = Setting(commits=candidates + 1, new=min(rate, 1.0), layouts=now.layouts)

    def knowing(world: World) -> Search:
        search = Search(
            world.parents,
            [0],
            [candidates],
            now.confidence,
            Costs(move=now.move),
            min(now.min_rate, rate / 2.0),
            layouts=now.layouts or None,
        )
        for number in range(now.failed + now.clean):
            told = None if now.layouts is None else ("told", number)
            search.tell(candidates, "failed" if number < now.failed else "clean", layout=told)
        for number in range(now.passed):
            search.tell(0, "clean", layout=None if now.layouts is None else ("told", number))
        return search

    runs, left = list[Run](), MOST_ATTEMPTS
    while len(runs) < WORLDS and left > 0:
        runs.append(play(World(setting, len(runs)), knowing, at_once=now.at_once, most=left))
        left -= runs[-1].attempts
    whole = fano(max(2, now.suspects), 0.0, min(now.rate, 0.999), now.confidence) or 1.0
    cut = fano(candidates, 0.0, min(rate, 0.999), now.confidence) or 1.0
    longer = max(1.0, whole / cut)
    return Outlook(
        round(longer * fmean(run.attempts for run in runs)), round(longer * fmean(run.moves for run in runs))
    )
