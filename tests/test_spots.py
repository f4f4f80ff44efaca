"""What the attempts at a spot make of it, and what is tried next."""

from __future__ import annotations

import pytest

from bisectsyms.core.hunting import Rules
from bisectsyms.core.spots import State, found_kind, standing, verdict
from bisectsyms.model import Consistency, Kind, Observation, Outcome

KINDS = (Kind.REPLAY, Kind.RELINK, Kind.CLEAN)
RULES = Rules()
SECONDS = {Kind.REPLAY: 2.0, Kind.RELINK: 4.0, Kind.INCREMENTAL: 30.0, Kind.CLEAN: 170.0}


def seen(kind: Kind, clean: int = 0, failed: int = 0, broken: int = 0) -> list[Observation]:
    outcomes = [Outcome.INCONSISTENT] * failed + [Outcome.CLEAN] * clean
    found = [Observation(kind, one, seconds=SECONDS[kind]) for one in outcomes]
    return found + [Observation(kind, Outcome.BROKEN, "no rule", from_scratch=kind is Kind.CLEAN)] * broken


def test_nothing_is_known_before_the_first_attempt() -> None:
    one = standing((), KINDS, RULES)
    assert (one.state, one.tried, one.kind, one.next_kind) == (State.OPEN, False, Kind.REPLAY, Kind.REPLAY)
    assert verdict(one) == "not tried"
    spoilt = standing([Observation(Kind.CLEAN, Outcome.INFRA, "killed")], KINDS, RULES)
    assert not spoilt.tried, "what the machine spoilt says nothing"


def test_while_nothing_fails_every_kind_gets_about_the_same_time() -> None:
    one = standing([*seen(Kind.CLEAN, clean=1), *seen(Kind.REPLAY, clean=40)], KINDS, RULES)
    assert one.next_kind is Kind.RELINK
    assert (one.kind, one.rate.attempts) == (Kind.REPLAY, 40)
    assert [kind for kind, _ in one.others] == [Kind.CLEAN]
    assert "no failure in 40 attempts" in verdict(one)


def test_the_kind_that_shows_the_failure_beside_is_taken_over_and_so_is_the_one_asked_for() -> None:
    beside = standing(seen(Kind.CLEAN, clean=1), KINDS, RULES, found=Kind.RELINK)
    assert (beside.kind, beside.next_kind) == (Kind.RELINK, Kind.RELINK)
    fixed = standing(seen(Kind.RELINK, failed=3), KINDS, RULES, found=Kind.RELINK, fixed=Kind.CLEAN)
    assert (fixed.kind, fixed.next_kind, fixed.failing) == (Kind.CLEAN, Kind.CLEAN, True)


def test_kinds_that_were_given_up_at_another_objtree_are_spared() -> None:
    """Without that a race that relinks show waits for replays at every toolchain anew."""
    arrived = seen(Kind.CLEAN, failed=1)
    assert standing(arrived, KINDS, RULES).next_kind is Kind.REPLAY
    elsewhere = standing(arrived, KINDS, RULES, spared=Kind.RELINK)
    assert (elsewhere.next_kind, elsewhere.failing) == (Kind.RELINK, True)
    clean = standing([*seen(Kind.CLEAN, clean=1), *seen(Kind.RELINK, clean=99)], KINDS, RULES, spared=Kind.RELINK)
    assert clean.next_kind is Kind.CLEAN, "what only clean builds show is looked for all the same"
    beside = standing([*arrived, *seen(Kind.RELINK, failed=1)], KINDS, RULES, found=Kind.RELINK)
    assert beside.next_kind is Kind.RELINK, "in the same objtree as well"
    replays = [*seen(Kind.CLEAN, clean=1), *seen(Kind.REPLAY, failed=9, clean=9)]
    assert standing(replays, KINDS, RULES, spared=Kind.RELINK).kind is Kind.REPLAY, "another failure, which it shows"


def test_good_needs_149_attempts() -> None:
    assert standing(seen(Kind.REPLAY, clean=148), KINDS, RULES).state is State.OPEN
    good = standing(seen(Kind.REPLAY, clean=149), KINDS, RULES)
    assert (good.state, good.consistency) == (State.SETTLED, Consistency.GOOD)
    assert verdict(good) == "consistently good (below 2 % with 95 %)"


def test_a_spot_is_not_good_because_a_cheaper_kind_stays_clean() -> None:
    mixed = [*seen(Kind.CLEAN, failed=1), *seen(Kind.REPLAY, clean=200)]
    one = standing(mixed, KINDS, RULES)
    assert one.consistency is not Consistency.GOOD
    assert one.kind is Kind.CLEAN
    asked = standing(mixed, KINDS, RULES, fixed=Kind.REPLAY)
    assert asked.consistency is Consistency.GOOD
    assert verdict(asked).endswith("but clean failed"), "said even where only another kind was asked for"


def test_the_ladder_says_which_kind_shows_it() -> None:
    shown = [*seen(Kind.REPLAY, clean=120), *seen(Kind.RELINK, failed=9, clean=9)]
    assert found_kind(shown, KINDS, RULES) is Kind.RELINK
    assert standing(shown, KINDS, RULES).kind is Kind.RELINK
    assert found_kind(seen(Kind.REPLAY, clean=9), KINDS, RULES) is None


def test_a_failure_of_builds_on_arrival_alone_is_an_artefact() -> None:
    one = standing(
        [*seen(Kind.INCREMENTAL, failed=2), *(o for kind in KINDS for o in seen(kind, clean=150))], KINDS, RULES
    )
    assert one.state is State.ARTEFACT
    assert not one.takes_attempts
    assert verdict(one).startswith("artefact: ")


def test_what_does_not_build_twice_is_left() -> None:
    once = standing(seen(Kind.CLEAN, broken=1), KINDS, RULES)
    assert once.takes_attempts
    twice = standing(seen(Kind.CLEAN, broken=2), KINDS, RULES)
    assert (twice.state, twice.tried) == (State.UNTESTABLE, True)
    assert "does not build" in verdict(twice)


@pytest.mark.parametrize(
    ("failed", "clean", "word"),
    [
        (30, 0, "consistently bad (above 90 % with 95 %)"),
        (47, 52, "flaky at 47 % ("),
        (2, 3, "fails, how often is open"),
    ],
)
def test_the_words_for_what_fails(failed: int, clean: int, word: str) -> None:
    observed = seen(Kind.REPLAY, failed=failed, clean=clean)
    assert verdict(standing(observed, KINDS, RULES)).startswith(word)
