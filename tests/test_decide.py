"""Every rule of a verdict as a row of a table: what was seen, and what must be said or asked."""

from __future__ import annotations

import pytest

from bisectsyms.core.belief import Sample, known, prior
from bisectsyms.core.decide import Ask, Decision, GaugeRules, Rules, judge, sweep, watch
from bisectsyms.core.gauging import Gauge, gauge
from bisectsyms.model import Consistency, Draw, Kind, Observation, Outcome, Verdict

RELINK, INCREMENTAL, SCRATCH = Kind.RELINK, Kind.INCREMENTAL, Kind.CLEAN


def seen(words: str, kind: Kind = RELINK) -> list[Observation]:
    """`c f f@3 b:ld B:ld t i`: clean, failed, failed with length 3, broken, broken from scratch, time-out, infra.

    Without @ every attempt has a draw of its own.
    """
    letters = {"c": Outcome.CLEAN, "f": Outcome.INCONSISTENT, "t": Outcome.TIMEOUT, "i": Outcome.INFRA}
    made = []
    for number, word in enumerate(words.split(), 1):
        rest, _, length = word.partition("@")
        letter, _, signature = rest.partition(":")
        scratch = letter == "B"
        made.append(
            Observation(
                kind=SCRATCH if scratch else kind,
                outcome=letters.get(letter, Outcome.BROKEN),
                signature=signature,
                draw=Draw(int(length or number)),
                from_scratch=scratch,
            )
        )
    return made


def rules(**changes: object) -> Rules:
    """A half-and-half failure, 1 % allowed: seven clean attempts are a GOOD."""
    given = {"belief": known(0.5), "kind": RELINK, "share": 0.01, "draws": 32, **changes}
    return Rules(**given)  # type: ignore[arg-type]  # the table names the fields


@pytest.mark.parametrize(
    ("words", "changes", "verdict", "consistency", "says"),
    [
        ("c c c c c c c", {}, Verdict.GOOD, Consistency.GOOD, "7 clean attempts"),
        ("f", {}, Verdict.BAD, Consistency.UNKNOWN, "one is proof"),
        ("c c f", {}, Verdict.BAD, Consistency.FLAKY, "1 of 3"),
        ("c c c c c c c f", {}, Verdict.BAD, Consistency.FLAKY, "1 of 8"),
        ("f f f", {"classify": 3}, Verdict.BAD, Consistency.BAD, "every one"),
        ("f c c", {"classify": 3, "flaky": Verdict.GOOD}, Verdict.GOOD, Consistency.FLAKY, "flaky"),
        ("f c c", {"classify": 3, "flaky": Verdict.SKIP}, Verdict.SKIP, Consistency.FLAKY, "flaky"),
        ("f " * 8, {"flaky": Verdict.SKIP}, Verdict.BAD, Consistency.BAD, "every one"),
        ("f c " * 4, {"flaky": Verdict.SKIP}, Verdict.SKIP, Consistency.FLAKY, "flaky"),
        ("b:cc B:cc", {}, Verdict.SKIP, Consistency.UNKNOWN, "does not build: cc"),
        ("b:fixup:x.patch", {}, Verdict.SKIP, Consistency.UNKNOWN, "fixup x.patch does not apply"),
        ("i b:fixup:x.patch", {"arrival": INCREMENTAL}, Verdict.SKIP, Consistency.UNKNOWN, "fixup x.patch"),
        ("t t", {}, Verdict.SKIP, Consistency.UNKNOWN, "timed out"),
        ("b:a B:b b:c b:d", {}, Verdict.ABORT, Consistency.UNKNOWN, "changing ways"),
        ("c c", {"out_of_time": True}, Verdict.SKIP, Consistency.UNKNOWN, "weak"),
        ("c c", {"max_attempts": 2}, Verdict.SKIP, Consistency.UNKNOWN, "--max-attempts 2"),
    ],
)
def test_a_verdict(
    words: str, changes: dict[str, object], verdict: Verdict, consistency: Consistency, says: str
) -> None:
    answer = judge(seen(words), rules(**changes))
    assert isinstance(answer, Decision)
    assert (answer.verdict, answer.consistency) == (verdict, consistency)
    assert says in answer.rationale


@pytest.mark.parametrize(
    ("words", "changes", "kind"),
    [
        ("", {}, RELINK),
        ("", {"arrival": INCREMENTAL}, INCREMENTAL),
        ("", {"arrival": INCREMENTAL, "kind": SCRATCH}, SCRATCH),
        ("c c c c c c", {}, RELINK),
        ("f", {"classify": 3}, RELINK),
        ("f", {"flaky": Verdict.SKIP}, RELINK),
        ("b:cc", {}, SCRATCH),
        ("b:cc B:ld", {}, SCRATCH),
        ("c b:cc B:cc", {}, SCRATCH),
        ("i i i", {}, RELINK),
        ("t", {}, RELINK),
    ],
)
def test_a_question(words: str, changes: dict[str, object], kind: Kind) -> None:
    answer = judge(seen(words), rules(**changes))
    assert isinstance(answer, Ask)
    assert answer.kind is kind


def test_trouble_of_the_machine_is_never_evidence() -> None:
    assert judge(seen("i " * 50), rules()) == judge([], rules())


def test_what_was_ever_tested_is_never_untestable() -> None:
    answer = judge(seen("c b:cc B:cc"), rules())
    assert not isinstance(answer, Decision)


def test_clean_attempts_of_a_kind_that_never_failed_prove_nothing() -> None:
    answer = judge(seen("c c c c c c c c c", SCRATCH), rules())
    assert isinstance(answer, Ask)
    assert answer.why.startswith("0 clean so far")


def test_a_failure_of_any_kind_is_proof() -> None:
    answer = judge(seen("f", SCRATCH), rules())
    assert isinstance(answer, Decision)
    assert answer.verdict is Verdict.BAD


def test_a_good_never_spends_more_than_its_share() -> None:
    for share in (0.1, 0.01, 0.001):
        clean: list[Observation] = []
        while isinstance(answer := judge(clean, rules(share=share)), Ask):
            clean = seen("c " * (len(clean) + 1))
        assert answer.verdict is Verdict.GOOD
        assert answer.miss == pytest.approx(0.5 ** len(clean))
        assert share / 2 < answer.miss <= share


def test_exhausted_layouts_are_weak_not_good() -> None:
    belief = prior(varied=True).given(Sample(failed=8, clean=24, failed_layouts=8, clean_layouts=24, draws=32))
    words = " ".join(f"c@{number % 4 + 1}" for number in range(40))
    answer = judge(seen(words), rules(belief=belief, draws=4, share=0.001))
    assert isinstance(answer, Decision)
    assert answer.verdict is Verdict.SKIP
    assert answer.weak
    assert "repeats add nothing" in answer.rationale


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("b:cc B:cc", "the bad end cannot be tested"),
        ("b:fixup:x", "tested: fixup x does not"),
        ("c " * 59, "0 clean, 59 would exclude"),
    ],
)
def test_a_bad_end_that_does_not_fail_goes_up_the_ladder(words: str, says: str) -> None:
    answer = gauge(seen(words), GaugeRules(draws=64))
    text = answer.rationale if isinstance(answer, Decision) else answer.why if isinstance(answer, Ask) else ""
    assert says in text


def test_a_bad_end_that_never_fails_in_any_kind_stops() -> None:
    answer = gauge([*seen("c " * 59), *seen("c " * 59, SCRATCH)], GaugeRules(draws=64))
    assert isinstance(answer, Decision)
    assert answer.verdict is Verdict.ABORT
    assert "never failed here (59 relink, 59 clean attempts, all clean)" in answer.rationale


def test_a_failing_draw_is_repeated_once_something_was_clean() -> None:
    answer = gauge(seen("f c"), GaugeRules(draws=64))
    assert isinstance(answer, Ask)
    assert answer.draw == Draw(1)
    assert not isinstance(again := gauge(seen("f f"), GaugeRules(draws=64)), Decision)
    assert isinstance(again, Ask)
    assert again.draw is None


def test_a_draw_that_did_both_is_chance() -> None:
    answer = gauge(seen("f@1 c@1 f@2 f@3 f@4 c@5 f@6 f@7 f@8 f@9"), GaugeRules(draws=64))
    assert isinstance(answer, Gauge)
    assert answer.belief.layout_weight == 0.0
    assert "by chance" in answer.text


def test_the_bad_end_is_measured_until_a_good_can_be_proof() -> None:
    five = gauge(seen("f f f f f"), GaugeRules(draws=64))
    assert isinstance(five, Gauge)
    assert five.belief.attempts_for(1e-4, layouts=64, most=20) is None
    more = gauge(seen("f f f f f"), GaugeRules(draws=64, share=1e-4, max_attempts=20))
    assert isinstance(more, Ask)


def test_the_control_wants_failures_of_now() -> None:
    limits = GaugeRules(draws=64)
    assert isinstance(watch(seen("c c f"), limits, RELINK), Ask)
    assert watch(seen("c c f f"), limits, RELINK) == Sample.of(seen("c c f f"))
    answer = watch(seen("c " * 59), limits, RELINK)
    assert isinstance(answer, Decision)
    assert answer.verdict is Verdict.ABORT


def test_a_sweep_takes_every_draw_once() -> None:
    assert isinstance(sweep(seen("f c c"), rules(draws=4)), Ask)
    assert sweep(seen("f c c c"), rules(draws=4)) is None
    assert sweep(seen("b:cc B:cc"), rules(draws=4)) is None
    assert sweep(seen("b:fixup:x.patch"), rules(draws=4)) is None
