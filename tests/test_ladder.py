"""Which kind of attempt is worked with, as rows of a table: what the bad end showed, and what is tried next."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from bisectsyms.core.decide import Ask, Decision, GaugeRules
from bisectsyms.core.gauging import Gauge, fresh, gauge
from bisectsyms.core.ladder import DEARER, Choice, Try, Unseen, climb, price
from bisectsyms.model import Draw, Kind, Observation, Outcome

REPLAY, RELINK, INCREMENTAL, CLEAN = Kind.REPLAY, Kind.RELINK, Kind.INCREMENTAL, Kind.CLEAN
KINDS = (RELINK, CLEAN)
LETTERS = {"s": REPLAY, "r": RELINK, "i": INCREMENTAL, "c": CLEAN}
SECONDS = {REPLAY: 2.0, RELINK: 5.0, INCREMENTAL: 20.0, CLEAN: 100.0}
RATE = 0.2
"""The lowest that is looked for: 14 clean attempts exclude it."""


def seen(words: str) -> list[Observation]:
    """`r- r+ 9xc- i+@7 r!`: a clean, a failed relink, 9 clean builds, a failed arrival (length 7), a broken one."""
    made = list[Observation]()
    for word in words.split():
        times, _, what = word.rpartition("x")
        what, _, length = what.partition("@")
        kind = LETTERS[what[0]]
        outcome = {"-": Outcome.CLEAN, "+": Outcome.INCONSISTENT, "!": Outcome.BROKEN}[what[1]]
        for _ in range(int(times or 1)):
            draw = Draw(int(length or len(made) % 60 + 1))
            made.append(Observation(kind, outcome, draw=draw, seconds=SECONDS[kind]))
    return made


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", RELINK),
        ("r!", RELINK),
        ("c-", RELINK),
        ("c- 19xr-", CLEAN),  # relinks have had their 14
        ("c- 13xr-", RELINK),
        ("14xr-", CLEAN),
        ("14xr- 13xc-", CLEAN),
        ("r-", RELINK),  # a clean build is taken to cost eight relinks
        ("8xr-", CLEAN),
        ("i- i- i-", RELINK),  # what an arrival costs is no effort for any kind
    ],
)
def test_while_nothing_fails_each_kind_gets_about_the_same_time(words: str, expected: Kind) -> None:
    answer = climb(seen(words), KINDS, RATE)
    assert isinstance(answer, Try)
    assert (answer.kind, answer.draw, answer.on_trial) == (expected, None, False)


def test_a_failure_of_clean_builds_alone_is_found_before_hundreds_of_relinks() -> None:
    made = list[Observation]()
    while (answer := climb(made, KINDS, 0.01)) and isinstance(answer, Try) and sum(o.kind is CLEAN for o in made) < 4:
        made += seen({RELINK: "r-", CLEAN: "c-"}[answer.kind])
    relinks = sum(one.kind is RELINK for one in made)
    assert 50 <= relinks <= 80, "four builds of 100 s, and as long for relinks of 5 s"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("s+", "chosen replay"),
        ("3xs- s+", "chosen replay"),
        ("40xs- s+", "try relink"),  # 2 s each, so a relink of 5 s may fail ten times as often per second
        ("40xs- s+ 2xr-", "try relink"),
        ("40xs- s+ 40xr-", "chosen replay"),
        ("40xs- s+ r+ r- r+ r+ r- r+ r+ r+", "chosen relink"),
    ],
)
def test_where_the_cheap_kind_fails_seldom_the_next_one_has_its_chance(words: str, expected: str) -> None:
    answer = climb(seen(words), (REPLAY, RELINK, CLEAN), RATE / 10)
    assert not isinstance(answer, Unseen)
    assert f"{'chosen' if isinstance(answer, Choice) else 'try'} {answer.kind}" == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("4xr- r+ 13xs-", "replay on trial"),
        ("4xr- r+ 14xs-", "relink"),  # six relinks of 5 s, fifteen replays of 2 s
        ("9xr- 3xr+ 20xs-", "replay on trial"),  # its rate is known
        ("r+ 2xs-", "replay on trial"),
    ],
)
def test_how_often_the_dearer_kind_fails_is_found_while_the_cheaper_one_is_tried(words: str, expected: str) -> None:
    answer = climb(seen(words), (REPLAY, RELINK, CLEAN), RATE / 10)
    assert isinstance(answer, Try)
    assert f"{answer.kind}{' on trial' if answer.on_trial else ''}" == expected


def test_after_eight_failures_the_only_kind_that_failed_is_taken_and_why_is_whole() -> None:
    answer = climb(seen("40xs- s+" + 7 * " 30xs- s+"), (REPLAY, RELINK, CLEAN), RATE / 10)
    assert isinstance(answer, Choice)
    assert (answer.kind, answer.why, answer.rivals) == (REPLAY, "replay is the cheapest kind, and it fails", ())


def test_nothing_fails_at_all() -> None:
    answer = climb(seen("14xr- 14xc- i-"), KINDS, RATE)
    assert isinstance(answer, Unseen)
    assert (answer.kind, answer.artefact) == (CLEAN, False)
    assert "14 relink, 14 clean attempts" in answer.why


@pytest.mark.parametrize("words", ["c+", "i+", "c+ 5xr-", "c- i+ r-", "c+ 4xc- 13xr-"])
def test_a_cheaper_kind_is_tried_once_something_has_failed(words: str) -> None:
    answer = climb(seen(words), KINDS, RATE)
    assert isinstance(answer, Try)
    assert (answer.kind, answer.on_trial) == (RELINK, True)


def test_a_kind_on_trial_repeats_what_failed_before_anything_else() -> None:
    assert [climb(seen(words), KINDS, RATE) for words in ("i+@7", "i+@7 c+@9 r-@7", "i+@7 r-@7")] == [
        Try(RELINK, "does relink fail, too? 1 of 1 incremental attempts failed, 0 of up to 14 clean", Draw(7), True),
        Try(RELINK, "does relink fail, too? 1 of 1 clean attempts failed, 1 of up to 14 clean", Draw(9), True),
        Try(RELINK, "does relink fail, too? 1 of 1 incremental attempts failed, 1 of up to 14 clean", None, True),
    ]


@pytest.mark.parametrize(
    ("words", "kind", "says"),
    [
        ("c- r+", RELINK, "relink is the cheapest kind"),
        ("i+ r+", RELINK, "relink is the cheapest kind"),
        ("c+ 14xr-", CLEAN, "relink stayed clean 14 times, where clean fails at"),
        ("10xc+ r-", CLEAN, "relink stayed clean 1 time"),  # builds always fail, so this one would have
        ("i+ 14xr- 3xc- c+", CLEAN, "relink stayed clean 14 times"),
        ("c+ r- r+", RELINK, "relink fails more often per hour"),
        ("c+ 20xr- c+ c- r+", CLEAN, "stayed clean 14 times"),  # what comes after a choice does not take it back
    ],
)
def test_the_kind_that_is_chosen(words: str, kind: Kind, says: str) -> None:
    answer = climb(seen(words), KINDS, RATE)
    assert isinstance(answer, Choice)
    assert answer.kind is kind
    assert says in answer.why


def test_an_arrival_that_cannot_be_repeated_is_an_artefact() -> None:
    answer = climb(seen("i+ 14xr- 14xc-"), KINDS, RATE)
    assert isinstance(answer, Unseen)
    assert answer.artefact
    assert "failed in incremental attempts alone (1 of 1)" in answer.why
    decided = gauge(seen("i+ 14xr- 14xc-"), GaugeRules(draws=1, lowest_rate=RATE))
    assert isinstance(decided, Decision)


def many(kind: Kind, failed: int, clean: int, seconds: float) -> list[Observation]:
    outcomes = [Outcome.INCONSISTENT] * failed + [Outcome.CLEAN] * clean
    return [Observation(kind, outcome, draw=Draw(n % 60 + 1), seconds=seconds) for n, outcome in enumerate(outcomes, 1)]


def test_of_two_kinds_that_fail_the_one_with_more_failures_per_second_is_taken() -> None:
    """Relinks fail once in eighty, builds nearly always and take but four times as long."""
    made = [*many(CLEAN, 1, 0, 4.0), *many(RELINK, 0, 10, 1.0), *many(RELINK, 1, 0, 1.0)]
    for _ in range(100):
        answer = climb(made, KINDS, 0.01)
        if not isinstance(answer, Try):
            break
        failed = answer.kind is CLEAN
        made += many(answer.kind, int(failed), int(not failed), 4.0 if failed else 1.0)
    assert isinstance(answer, Choice)
    assert (answer.kind, answer.rivals) == (CLEAN, (RELINK,))
    assert answer.at == len(made)
    assert "than relink" in answer.why


def test_where_it_cannot_be_told_more_attempts_are_asked_for() -> None:
    made = [*many(CLEAN, 1, 0, 2.0), *many(RELINK, 0, 3, 1.0), *many(RELINK, 1, 0, 1.0)]
    answer = climb(made, KINDS, 0.01)
    assert isinstance(answer, Try)
    assert "which fails more often per second" in answer.why
    alike = [*made, *many(RELINK, 8, 8, 1.0), *many(CLEAN, 8, 0, 2.0)]
    assert isinstance(climb(alike, KINDS, 0.01), Choice), "eight failures, and it is not worth more"


def test_the_best_of_several_is_measured_on_fresh_attempts() -> None:
    made = [*many(CLEAN, 1, 0, 100.0), *many(RELINK, 0, 1, 5.0), *many(RELINK, 1, 0, 5.0)]
    choice = climb(made, KINDS, RATE)
    assert isinstance(choice, Choice)
    assert choice.rivals == (CLEAN,)
    assert fresh(made, choice) == []
    short, enough = (gauge([*made, *many(RELINK, n, 12, 5.0)], GaugeRules(draws=1, lowest_rate=RATE)) for n in (7, 8))
    assert isinstance(short, Ask)
    assert "1 more wanted" in short.why
    assert isinstance(enough, Gauge)
    assert (enough.sample.failed, enough.sample.clean) == (9, 13), "those by which it was chosen count as well"


def test_three_kinds_climb_one_by_one() -> None:
    kinds, start = (REPLAY, RELINK, CLEAN), seen("c- 4xr- r+")
    answer = climb(start, kinds, 0.05)
    assert isinstance(answer, Try)
    assert (answer.kind, answer.on_trial) == (REPLAY, True)
    clean = next(n for n in range(1, 60) if isinstance(climb([*start, *seen(f"{n}xs-")], kinds, 0.05), Choice))
    chosen = climb([*start, *seen(f"{clean}xs-")], kinds, 0.05)
    assert isinstance(chosen, Choice)
    assert chosen.kind is RELINK
    assert f"replay stayed clean {clean} times, where relink fails at" in chosen.why
    assert "not in the link script alone" in chosen.why
    builds = climb(seen("c+ 14xs- 14xr-"), kinds, RATE)
    assert isinstance(builds, Choice)
    assert builds.kind is CLEAN
    assert builds.why.count("stayed clean") == 2


@pytest.mark.parametrize(
    ("rates", "best"),
    [
        ({REPLAY: 0.3, RELINK: 0.3, CLEAN: 0.3}, REPLAY),
        ({REPLAY: 0.0, RELINK: 0.3, CLEAN: 0.4}, RELINK),
        ({REPLAY: 0.0, RELINK: 0.0, CLEAN: 0.5}, CLEAN),
    ],
)
def test_the_best_kind_is_found_in_simulated_worlds(rates: dict[Kind, float], best: Kind) -> None:
    found = list[Kind]()
    for seed in range(24):
        rng, made = random.Random(seed), list[Observation]()
        while not isinstance(answer := climb(made, (REPLAY, RELINK, CLEAN), 0.01), Choice):
            failed = rng.random() < rates[answer.kind]
            made += many(answer.kind, int(failed), int(not failed), SECONDS[answer.kind])
            assert len(made) < 800
        found.append(answer.kind)
    assert set(found) == {best}


@pytest.mark.parametrize("arrival", [None, RELINK, INCREMENTAL])
def test_what_brings_the_objtree_there_comes_first(arrival: Kind | None) -> None:
    asked = gauge(seen("c- s+"), GaugeRules(draws=1, arrival=arrival, kinds=(REPLAY, RELINK, CLEAN)))
    assert isinstance(asked, Ask)
    assert asked.kind is (arrival or REPLAY)
    asked = gauge(seen("c- r+ 60xs-"), GaugeRules(draws=1, arrival=RELINK, kinds=(REPLAY, RELINK, CLEAN)))
    assert isinstance(asked, Ask)
    assert (asked.kind, "more wanted" in asked.why) == (RELINK, True), "it is the way there itself"


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ({}, [1e-3, 1e-3 * DEARER]),
        ({RELINK: (2, 10.0)}, [5.0, 5.0 * DEARER]),
        ({RELINK: (2, 10.0), CLEAN: (1, 100.0)}, [5.0, 100.0]),
        ({CLEAN: (2, 100.0)}, [1e-3, 50.0]),
        ({RELINK: (3, 0.0)}, [1e-3, 1e-3 * DEARER]),
    ],
)
def test_a_kind_that_was_never_made_has_a_price_all_the_same(
    made: dict[Kind, tuple[int, float]], expected: Iterable[float]
) -> None:
    assert list(price(made, KINDS).values()) == pytest.approx(expected)
