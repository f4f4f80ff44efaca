"""Where a hunt spends its attempts, and when a spot is settled."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from functools import partial

import pytest

from benchmarks.hunting import by_rule, equal, play
from bisectsyms.core.hunting import Candidate, Rules, choose, left, prices, settled
from bisectsyms.core.rated import rated
from bisectsyms.model import Consistency, Kind

RULES = Rules()


@pytest.mark.parametrize(
    ("failed", "clean", "state"),
    [
        (0, 0, None),
        (0, 148, None),
        (0, 149, Consistency.GOOD),
        (1, 0, None),
        (1, 1, None),
        (10, 10, None),
        (50, 50, Consistency.FLAKY),
        (3, 60, Consistency.FLAKY),
        (1, 16, None),
        (10, 65, Consistency.FLAKY),
        (28, 0, None),
        (29, 0, Consistency.BAD),
        (60, 0, Consistency.BAD),
        (60, 40, Consistency.FLAKY),
        (1, 2000, Consistency.FLAKY),
    ],
)
def test_when_a_spot_is_settled(failed: int, clean: int, state: Consistency | None) -> None:
    assert settled(failed, clean, RULES) is state


def spot(failed: int = 0, clean: int = 0, seconds: float = 1.0, arrival: float = 0.0, tried: bool = True) -> Candidate:
    return Candidate(failed, clean, tried, seconds, arrival)


def test_every_spot_is_tried_once_by_the_shortest_way() -> None:
    chosen = choose([spot(50, 49), spot(tried=False, arrival=60.0), spot(tried=False, arrival=3.0)], RULES)
    assert chosen == (2, "every spot once")


def test_nothing_is_asked_for_when_all_is_settled() -> None:
    assert choose([spot(0, 149), spot(60, 0), spot(50, 50)], RULES) is None
    assert choose([], RULES) is None
    assert left(spot(0, 149), RULES) == (0.0, 1.0)


def test_what_is_nearest_to_be_settled_comes_first() -> None:
    chosen = choose([spot(0, 60), spot(0, 120), spot(0, 80)], RULES)
    assert chosen is not None
    assert chosen[0] == 1
    says = r"0 of 120 attempts failed; whether it is good, bad or flaky is known after 29 more attempts with .* %"
    assert re.fullmatch(says, chosen[1])


def test_where_least_was_tried_a_failure_is_likeliest() -> None:
    chosen = choose([spot(0, 40), spot(0, 1), spot(0, 2)], RULES)
    assert chosen is not None
    assert chosen[0] == 1
    says = r"0 of 1 attempt failed; a failure is seen in one more attempt with a probability of .* %"
    assert re.fullmatch(says, chosen[1]), chosen[1]


def test_a_long_way_is_gone_for_several_attempts() -> None:
    chosen = choose([spot(0, 1, seconds=4.0, arrival=160.0)], RULES)
    assert chosen is not None
    assert (more := re.search(r"seen in (\d+) more attempts", chosen[1]))
    assert int(more[1]) >= 8


def test_a_short_hunt_sees_more_of_what_fails_than_one_that_only_settles() -> None:
    """Three worlds of the benchmark, whose page has twelve."""
    ours, theirs = (
        sum(play(partial(by_rule, rules=rules), seed, budget=300)["failing seen"] for seed in (1, 2, 3))
        for rules in (RULES, replace(RULES, seen=0.0))
    )
    assert ours > theirs


def test_what_has_failed_cannot_be_good_any_more() -> None:
    chosen = choose([spot(2, 5)], RULES)
    assert chosen is not None
    assert "2 of 7 attempts failed; whether it is bad or flaky is known after" in chosen[1]


def test_a_failure_that_was_seen_comes_before_a_good_spot_that_needs_as_many() -> None:
    chosen = choose([spot(0, 100), spot(2, 2)], RULES)
    assert chosen is not None
    assert chosen[0] == 1


def test_work_stays_where_it_is_until_going_elsewhere_pays() -> None:
    assert choose([spot(0, 60, arrival=0.0), spot(0, 62, arrival=30.0)], RULES) is not None
    stays, goes = (choose([spot(0, 60), spot(0, 100, arrival=way)], RULES) for way in (600.0, 1.0))
    assert stays is not None
    assert goes is not None
    assert (stays[0], goes[0]) == (0, 1)


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.3, 0.5])
def test_an_interval_holds_its_rate_though_the_end_was_waited_for(rate: float) -> None:
    """Stopped as soon as it is narrow, it would not in one case of ten."""
    chance, held = random.Random(1), 0
    for _ in range(500):
        failed = clean = 0
        while settled(failed, clean, RULES) is None:
            fails = chance.random() < rate
            failed, clean = failed + fails, clean + (not fails)
        found = rated(failed, clean)
        held += found.low <= rate <= found.high
    assert held / 500 >= 0.92


def test_what_an_attempt_of_each_kind_is_taken_to_cost() -> None:
    kinds = (Kind.REPLAY, Kind.RELINK, Kind.INCREMENTAL, Kind.CLEAN)
    assert list(prices({Kind.CLEAN: (2, 1024.0)}, kinds).values()) == [1.0, 8.0, 64.0, 512.0]
    known = {Kind.REPLAY: (3, 6.0), Kind.INCREMENTAL: (1, 40.0)}
    assert list(prices(known, kinds).values()) == [2.0, 5.0, 40.0, 320.0]


def test_dear_attempts_wait() -> None:
    chosen = choose([spot(0, 80, seconds=171.0), spot(0, 80, seconds=2.0)], RULES)
    assert chosen is not None
    assert chosen[0] == 1


def test_a_budget_settles_more_than_equal_shares_do() -> None:
    """One world of the benchmark; benchmarks/results/hunting.md has twelve."""
    ours, theirs = (play(policy, seed=1) for policy in (by_rule, equal))
    assert ours["settled"] >= 1.5 * theirs["settled"]
    assert ours["failing called good"] == 0
