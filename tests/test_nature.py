"""The class of a failure and the experiment that showed it, as rows of a table."""

from __future__ import annotations

import random

import pytest

from bisectsyms.core.nature import Circumstance, Nature, alone_wanted, differ, follows, nature
from bisectsyms.model import Draw, Kind, Observation, Outcome

RACE = "3+ 4- 5+ 6- 7+ 8- 3- 5+"
"""Length 3 did both."""
LAYOUT = "7+ 7+ 7+ 7+ 1- 1- 1- 2- 2- 2- 3- 3-"
"""Whichever did something once did it always."""


def seen(words: str) -> list[Observation]:
    """`3+ 4-`: a relink of length 3 failed, one of length 4 was clean."""
    outcomes = {"+": Outcome.INCONSISTENT, "-": Outcome.CLEAN, "!": Outcome.BROKEN}
    return [Observation(Kind.RELINK, outcomes[word[-1]], draw=Draw(int(word[:-1]))) for word in words.split()]


@pytest.mark.parametrize(
    ("words", "draws", "alone", "expected", "says"),
    [
        ("1+ 2+ 3+", 64, "", Nature.UNKNOWN, "all 3 attempts failed (3 draws)"),
        ("1+ 1+ 1+", 1, "", Nature.UNKNOWN, "all 3 attempts failed (1 draw)"),
        ("1+ 1- 1- 1!", 1, "", Nature.SCHEDULE, "length=1 failed 1 of 3 times: the same draw did both"),
        (RACE, 64, "", Nature.SCHEDULE, "length=3 failed 1 of 2 times"),
        (RACE, 64, "3- 3- 3- 3- 3-", Nature.SCHEDULE, "it stays clean with -j1 in 5 attempts"),
        (RACE, 64, "3-", Nature.SCHEDULE, "chance of having missed it): too few to tell"),
        (RACE, 64, "3- 3- 3- 3- 3- 3- 3- 3-", Nature.SCHEDULE, "chance of having missed it): a race between jobs"),
        (RACE, 64, "3- 3- 3+", Nature.ENVIRONMENT, "no race between jobs of make"),
        (LAYOUT, 64, "", Nature.LAYOUT, "length=7 failed 4 of 4 times, and 3 other draws"),
        ("7+ 1-", 64, "", Nature.UNKNOWN, "no draw did both yet"),
    ],
)
def test_a_class_and_how_it_was_seen(words: str, draws: int, alone: str, expected: Nature, says: str) -> None:
    shown = nature(Kind.RELINK, seen(words), draws, 8, seen(alone))
    assert shown.nature is expected
    assert says in "; ".join(shown.experiments)


def test_chance_in_the_link_script_alone_is_no_schedule_of_make() -> None:
    shown = nature(Kind.REPLAY, seen(RACE), 64, 8)
    assert shown.nature is Nature.ENVIRONMENT
    assert "no other jobs of make" in shown.experiments[1]


def test_chance_with_one_job_is_no_race_between_jobs_of_make() -> None:
    shown = nature(Kind.RELINK, seen(RACE), 64, 1)
    assert shown.nature is Nature.ENVIRONMENT
    assert "no two jobs of make" in shown.experiments[1]
    assert nature(Kind.TEST, seen("1+ 1-"), 1, 1).nature is Nature.SCHEDULE, "a command has no -j of ours"


@pytest.mark.parametrize(
    ("words", "kind", "jobs", "wanted"),
    [
        (RACE, Kind.RELINK, 8, range(5, 15)),
        (RACE, Kind.RELINK, 1, [0]),  # there is no fewer
        (RACE, Kind.CLEAN, 8, [0]),  # too dear
        (RACE, Kind.REPLAY, 8, [0]),  # it has no jobs
        (LAYOUT, Kind.RELINK, 8, [0]),  # the layout decides
        ("1+ 1+", Kind.RELINK, 8, [0]),
    ],
)
def test_one_job_is_tried_where_it_tells_and_is_cheap(
    words: str, kind: Kind, jobs: int, wanted: range | list[int]
) -> None:
    made = seen(words)
    assert alone_wanted(nature(kind, made, 64, jobs), kind, jobs, made) in wanted


def test_a_rate_that_follows_the_slots_or_the_load_is_seen() -> None:
    quiet = [Circumstance(1, 0.5, failed=n < 1) for n in range(30)]
    busy = [Circumstance(2, 2.5, failed=n < 12) for n in range(20)]
    assert "1 of 30 failed with 1, 12 of 20 with more" in follows([*quiet, *busy])
    loaded = [Circumstance(1, one.load, one.failed) for one in (*quiet, *busy)]
    assert "follows the load" in follows(loaded)
    assert follows(quiet) == follows([]) == ""


def test_two_samples_of_one_rate_differ_seldom() -> None:
    rng, times = random.Random(5), 0
    for _ in range(400):
        one, other = ([rng.random() < 0.3 for _ in range(25)] for _ in range(2))
        times += differ(one, other)
    assert times <= 10, "1 % is 4"
    assert differ([True] * 8, [False] * 8)
    assert not differ([True], [False])
    assert not differ([], [True])
