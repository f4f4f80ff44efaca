"""Whether two arms differ: the exact test, when it is looked at, how many attempts it takes, and what ends early."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisectsyms.core.comparing import More, Ruling, Turn, compare, constant
from bisectsyms.core.exacttest import SURE, allowed, chance_to_see, fisher, look_at, look_that_sees
from bisectsyms.core.experiments import EXPERIMENTS, NOTHING, Design
from bisectsyms.inputs.variations import shipped_variations
from bisectsyms.kallsyms.causes import CAUSES


def arms(words: str) -> tuple[list[bool], list[bool]]:
    """`+++- ---`: what the two arms did, + for a failure."""
    base, other = words.split("|")
    return [one == "+" for one in base.strip()], [one == "+" for one in other.strip()]


@pytest.mark.parametrize(
    ("table", "p"),
    [
        ((3, 4, 1, 4), 34 / 70),  # Fisher's lady tasting tea, both sides
        ((6, 6, 0, 6), 2 / 924),
        ((0, 6, 6, 6), 2 / 924),
        ((5, 5, 0, 5), 2 / 252),
        ((2, 17, 10, 13), 0.0005367),  # convicted twins, Fisher 1935
        ((2, 10, 2, 10), 1.0),
        ((0, 10, 0, 20), 1.0),
        ((0, 0, 3, 6), 1.0),
    ],
)
def test_the_exact_test(table: tuple[int, int, int, int], p: float) -> None:
    assert fisher(*table) == pytest.approx(p, rel=1e-3)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_it_is_a_probability_and_takes_no_sides(failed: int, clean: int, there: int, well: int) -> None:
    p = fisher(failed, failed + clean, there, there + well)
    assert 0 < p <= 1
    assert p == pytest.approx(fisher(there, there + well, failed, failed + clean))
    assert p == pytest.approx(fisher(clean, failed + clean, well, there + well)), "failed and clean may change places"


def test_all_looks_together_spend_no_more_than_one() -> None:
    assert math.fsum(allowed(look) for look in range(60)) <= SURE
    assert fisher(look_at(0), look_at(0), 0, look_at(0)) <= allowed(0), "the first look can decide"
    assert fisher(5, 5, 0, 5) > allowed(0)


def test_the_plan_follows_the_rate() -> None:
    looks = [look_that_sees(rate, 400) for rate in (1.0, 0.7, 0.5, 0.3, 0.2, 0.1)]
    assert looks == [0, 2, 3, 4, 4, 6]
    assert look_that_sees(0.1, 96) is None
    assert chance_to_see(0.5, 3) > 0.95 > chance_to_see(0.5, 2)
    rng, seen = random.Random(3), 0
    for _ in range(200):
        base = sum(rng.random() < 0.5 for _ in range(24))
        seen += fisher(base, 24, 0, 24) <= allowed(2)
    assert seen / 200 == pytest.approx(chance_to_see(0.5, 2), abs=0.08)


@pytest.mark.parametrize(
    ("words", "never", "turn", "says"),
    [
        ("++++++ | ------", False, Turn.FEWER, "0 of 6 against 6 of 6"),
        ("------ | ++++++", False, Turn.MORE, "6 of 6 against 0 of 6"),
        (f"{'+' * 24} | {'+' * 24}", False, Turn.SAME, "24 of 24 against 24 of 24"),
        ("++++++ | ++++++", False, None, ""),  # half of them would be a difference, too,
        ("++++ | --+", True, Turn.SAME, "one failure is proof"),
        ("++++++ | -----+", False, None, ""),  # a rate of .17 there is possible, more attempts will tell
        ("+-+-++ | ------", True, None, ""),
        ("++++++ | -----", False, None, ""),  # before the look
        (f"{'-' * 24} | ---", False, Turn.UNDECIDED, "does not show any more"),
        (f"{'+' + '-' * 30} | {'-' * 31}", False, Turn.UNDECIDED, "too few"),
        (f"{'+-' * 24} | {'+-' * 24}", False, Turn.SAME, "24 of 48 against 24 of 48"),
        (f"{'+-' * 24} | {'+---' * 12}", False, None, ""),  # p = .02: a hint is followed
        (f"{'-' * 6 + '+' * 6} | {'-' * 12}", False, None, ""),
        ("+ | ", False, None, ""),
        (" | ", False, None, ""),
    ],
)
def test_when_it_ends_and_how(words: str, never: bool, turn: Turn | None, says: str) -> None:
    base, other = arms(words)
    answer = compare(base, other, never=never)
    if turn is None:
        assert isinstance(answer, More)
        assert answer.left > 0
    else:
        assert isinstance(answer, Ruling)
        assert (answer.turn, says in answer.why) == (turn, True), answer


def test_too_few_layouts_to_tell_are_said_at_once() -> None:
    answer = compare([True] * 4, [False] * 2, never=True, most=4)
    assert isinstance(answer, Ruling)
    assert (answer.turn, "too few" in answer.why) == (Turn.UNDECIDED, True)


def test_a_difference_that_cannot_come_any_more_is_not_waited_for() -> None:
    """Both did about the same: at a rate of .5 the plan is 48 of each, and it is over before."""
    base, other, rng = [True, False] * 20, [True, False] * 20, random.Random(1)
    answer = compare(base, other, never=False)
    while isinstance(answer, More):
        (base, other)[answer.arm].append(rng.random() < 0.5)
        answer = compare(base, other, never=False)
    assert answer.turn is Turn.SAME
    assert len(base) + len(other) < 96
    assert "no attempts that are left" in answer.why


def run(rates: tuple[float, float], rng: random.Random, never: bool = False) -> tuple[Turn, list[int]]:
    """An experiment on arms that fail by chance; how it turned out, and the order in which attempts were asked for."""
    seen: tuple[list[bool], list[bool]] = ([], [])
    order = []
    while isinstance(answer := compare(*seen, never=never), More):
        seen[answer.arm].append(rng.random() < rates[answer.arm])
        order.append(answer.arm)
    return answer.turn, order


def test_arms_take_turns_and_neither_is_always_first() -> None:
    _, order = run((1.0, 0.0), random.Random(1))
    assert order == [0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0]


@pytest.mark.parametrize("rate", [1.0, 0.7, 0.5, 0.3])
def test_what_is_gone_is_seen_mostly(rate: float) -> None:
    rng, trials = random.Random(7), 40
    seen = sum(run((rate, 0.0), rng, never=True)[0] is Turn.FEWER for _ in range(trials))
    assert seen / trials >= 0.85, "0.95 for a known rate; it is estimated on the way"


@pytest.mark.parametrize("rate", [0.9, 0.5, 0.2])
def test_equal_rates_are_seldom_told_apart(rate: float) -> None:
    rng, trials = random.Random(11), 100
    wrong = sum(run((rate, rate), rng)[0] in (Turn.FEWER, Turn.MORE) for _ in range(trials))
    assert wrong <= 5, "1 % is 1; more than 5 come in one run of two thousand"


def test_what_a_tree_can_lose_is_looked_at_first() -> None:
    seen: tuple[list[bool], list[bool]] = ([], [])
    order = []
    while isinstance(answer := compare(*seen, never=True, in_turn=False), More):
        seen[answer.arm].append(answer.arm == 0)
        order.append(answer.arm)
    assert order == [0] * 6 + [1] * 6


@pytest.mark.parametrize(
    ("words", "turn"),
    [("", None), ("+", None), ("+-", Turn.BOTH), ("-+", Turn.BOTH), ("+" * 8, None), ("+" * 9, Turn.ALWAYS),
     ("-" * 23, None), ("-" * 24, Turn.UNDECIDED)],
)  # fmt: skip
def test_one_arm_tells_always_from_by_chance(words: str, turn: Turn | None) -> None:
    answer = constant([one == "+" for one in words])
    assert (answer.turn if isinstance(answer, Ruling) else None) == turn


@pytest.mark.parametrize("one", EXPERIMENTS.values(), ids=lambda one: str(one.name))
def test_every_outcome_of_every_experiment_means_something(one: object) -> None:
    from bisectsyms.core.experiments import Experiment

    assert isinstance(one, Experiment)
    alone = one.design in (Design.REPEAT, Design.RECOMPILE)
    turns = {Turn.ALWAYS, Turn.BOTH} if alone else {Turn.FEWER, Turn.MORE, Turn.SAME}
    assert set(one.meanings) == turns
    for meaning in one.meanings.values():
        assert meaning.text
        assert {*meaning.speaks_for, *meaning.speaks_against} <= {cause.id for cause in CAUSES}
        assert not {*meaning.speaks_for} & {*meaning.speaks_against}
        assert meaning.speaks_for or meaning.speaks_against
    assert one.meaning(Turn.UNDECIDED) == NOTHING
    assert set(one.factors) <= set(shipped_variations())
    assert bool(one.other) != alone
