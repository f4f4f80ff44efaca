"""The sentence that is stored with every verdict, and the question asked before it: held whole, one row each."""

from __future__ import annotations

import pytest

from bisectsyms.core.belief import Sample, known, prior
from bisectsyms.core.commandrule import SAID_UNTESTABLE
from bisectsyms.core.decide import (
    NO_LINK_SCRIPT,
    Ask,
    Decision,
    GaugeRules,
    attempts_to_exclude,
    before,
    depends_on_layout,
    fruitless_in,
    judge,
    last_is_broken,
    steady,
    sweep,
    untestable,
    watch,
)
from bisectsyms.model import Consistency, Kind, Verdict
from tests.test_decide import INCREMENTAL, RELINK, SCRATCH, rules, seen

GOOD, BAD, SKIP, ABORT = Verdict.GOOD, Verdict.BAD, Verdict.SKIP, Verdict.ABORT
UNKNOWN, FLAKY = Consistency.UNKNOWN, Consistency.FLAKY
AGAIN = Ask(SCRATCH, "the build broke; once more from an empty objtree")

FAILED = "failed with inconsistent kallsyms data"
MISSED = "chance of having missed a 50 % failure"
AT_FAULT = "if the machine was at fault: bisectsyms exclude"


def good(rationale: str, miss: float) -> Decision:
    return Decision(GOOD, Consistency.GOOD, rationale, miss)


def weak(clean: int, miss: float, chance: str, limit: str) -> Decision:
    attempts = f"{clean} clean attempt{'s' if clean > 1 else ''}"
    text = f"weak: after {attempts} a {chance} chance of a miss is left, {limit}"
    return Decision(SKIP, UNKNOWN, text, miss, weak=True)


@pytest.mark.parametrize(
    ("words", "changes", "answer"),
    [
        ("f", {}, Decision(BAD, UNKNOWN, f"1 of 1 attempt {FAILED}: one is proof")),
        ("f f", {}, Decision(BAD, Consistency.BAD, f"2 of 2 attempts {FAILED}: every one")),
        ("f c", {"failure": "crashed"},
         Decision(BAD, FLAKY, "1 of 2 attempts crashed: the failure is there, and flaky")),
        ("c c c c c c c", {},
         good(f"7 clean attempts (relink): 0.78 % {MISSED}, 1 % allowed here", 0.5**7)),
        ("c c c c c c c", {"draws": 7},
         good(f"7 clean attempts (relink, all 7 draws): 0.78 % {MISSED}, 1 % allowed here", 0.5**7)),
        ("c c c c c c c", {"draws": 1},
         good(f"7 clean attempts (relink): 0.78 % {MISSED}, 1 % allowed here", 0.5**7)),
        ("c@1 c@2", {"draws": 2, "share": 0.25},
         good(f"2 clean attempts (relink, all 2 draws): 25 % {MISSED}, 25 % allowed here", 0.25)),
        ("c", {"share": 0.5}, good(f"1 clean attempt (relink): 50 % {MISSED}, 50 % allowed here", 0.5)),
        ("c c", {"out_of_time": True}, weak(2, 0.25, "25 %", "the time for this step is over")),
        ("c c", {"max_attempts": 2}, weak(2, 0.25, "25 %", "--max-attempts 2")),
        ("f c", {"classify": 3, "max_attempts": 2}, weak(1, 0.5, "50 %", "--max-attempts 2")),
        ("b:cc B:cc", {}, Decision(SKIP, UNKNOWN, "does not build: cc (2 times, the last from an empty objtree)")),
        (f"b:{SAID_UNTESTABLE}", {}, Decision(SKIP, UNKNOWN, "the command says that it cannot be tested (125)")),
        ("b:fixup:x.patch", {}, Decision(SKIP, UNKNOWN, "fixup x.patch does not apply, so nothing was built")),
        ("t t", {}, Decision(SKIP, UNKNOWN, f"timed out 2 times, never ended; {AT_FAULT}")),
        ("b:a t B:b i b:a", {},
         Decision(ABORT, UNKNOWN, "4 of 5 attempts ended without evidence, in changing ways: TIMEOUT, a, b")),
        ("b:cc", {}, AGAIN),
        ("", {"arrival": INCREMENTAL}, Ask(INCREMENTAL, "arrival")),
        ("", {}, Ask(RELINK, "0 clean so far, 7 clean in a row would be good")),
        ("c c", {}, Ask(RELINK, "2 clean so far, 7 clean in a row would be good")),
        ("", {"share": 1e-300, "belief": known(0.005)}, Ask(RELINK, "0 clean so far, the share cannot be reached")),
    ],
)  # fmt: skip
def test_the_whole_answer(words: str, changes: dict[str, object], answer: Ask | Decision) -> None:
    assert judge(seen(words), rules(**changes)) == answer


def test_layouts_that_are_exhausted_say_how_many() -> None:
    belief = prior(varied=True).given(Sample(failed=8, clean=24, failed_layouts=8, clean_layouts=24, draws=32))
    few = rules(belief=belief, draws=4, share=0.001)
    answer = judge(seen("c@1 c@2 c@3 c@4"), few)
    assert isinstance(answer, Decision)
    assert (answer.verdict, answer.consistency, answer.weak) == (SKIP, UNKNOWN, True)
    assert answer.rationale.startswith("weak: after 4 clean attempts a ")
    assert answer.rationale.endswith(" is left; all 4 layouts that can be drawn are clean, repeats add nothing")
    assert answer.miss == belief.miss(Sample(clean=4, clean_layouts=4))
    # Three of four draws, and a failure of which repeats do tell: both are worth going on with.
    assert isinstance(judge(seen("c@1 c@2 c@3"), few), Ask)
    assert isinstance(judge(seen("c@1 c@2 c@3 c@4"), rules(belief=known(0.2), draws=4, share=0.001)), Ask)


def test_repeats_are_worth_making_while_only_the_race_is_in_doubt() -> None:
    """All layouts are clean, and that nearly excludes that the layout decides; more attempts exclude the race, too."""
    belief = prior(varied=True).given(Sample(failed=9, clean=3, failed_layouts=9, clean_layouts=3, draws=12))
    now = belief.miss(Sample(clean=4, clean_layouts=4))
    floor = belief.miss(Sample(clean=200, clean_layouts=4))
    assert floor < now < belief.layout_weight
    few = seen("c@1 c@2 c@3 c@4")
    assert isinstance(judge(few, rules(belief=belief, draws=4, share=(floor + now) / 2)), Ask)
    assert isinstance(judge(few, rules(belief=belief, draws=4, share=floor * 0.99)), Decision)


def test_the_share_itself_is_still_allowed() -> None:
    assert isinstance(judge(seen("c c"), rules(share=0.25)), Decision)
    assert isinstance(judge(seen("c c"), rules(share=0.2499)), Ask)


@pytest.mark.parametrize(
    ("words", "ended"),
    [
        ("", False),
        ("b:cc", False),
        ("B:cc b:cc", False),  # the second time must be the one from scratch
        ("b:cc B:ld", False),
        ("b:cc B:cc", True),
        ("B:cc B:cc", True),
        ("b:ld b:cc B:cc", True),
        ("i i i i", False),
        ("t", False),
        ("t i t", True),
    ],
)
def test_what_proves_that_a_revision_cannot_be_tested(words: str, ended: bool) -> None:
    assert (untestable(seen(words)) is not None) is ended


@pytest.mark.parametrize(
    ("words", "ended"),
    [
        ("b:a b:b b:c", False),
        ("b:a b:b b:c t", True),
        ("b:a b:b b:c i i i", False),
        ("c b:a b:b b:c b:d b:e", False),
        ("c b:a b:b b:c b:d b:e b:f", True),
        ("f c b:a b:b b:c b:d b:e b:f b:g", False),
    ],
)
def test_how_long_attempts_without_evidence_are_borne(words: str, ended: bool) -> None:
    assert (fruitless_in(seen(words)) is not None) is ended


LIMITS = GaugeRules(draws=64)
GONE = (
    "the failure hardly shows any more at a revision that is known to be bad ({} just now): "
    "clean attempts of this time prove nothing"
)


@pytest.mark.parametrize(
    ("words", "limits", "answer"),
    [
        ("", LIMITS, Ask(RELINK, "control: 0 of 2 failures seen again")),
        ("c f", LIMITS, Ask(RELINK, "control: 1 of 2 failures seen again")),
        ("", GaugeRules(64, INCREMENTAL), Ask(INCREMENTAL, "control: arrival at a bad revision")),
        ("c b:cc", LIMITS, AGAIN),
        ("c " * 58, LIMITS, Ask(RELINK, "control: 0 of 2 failures seen again")),
        ("c " * 59, LIMITS, Decision(ABORT, UNKNOWN, GONE.format("0 of 59 attempts"))),
        ("f " + "c " * 117, LIMITS, Ask(RELINK, "control: 1 of 2 failures seen again")),
        ("f " + "c " * 118, LIMITS, Decision(ABORT, UNKNOWN, GONE.format("1 of 119 attempts"))),
        ("b:a b:b b:c b:d", LIMITS, Decision(ABORT, UNKNOWN, GONE.format("0 of 0 attempts"))),
    ],
)
def test_the_control(words: str, limits: GaugeRules, answer: Ask | Decision) -> None:
    assert watch(seen(words), limits, RELINK) == answer


def test_failures_of_another_kind_are_no_control() -> None:
    assert isinstance(watch([*seen("f f", SCRATCH), *seen("f")], LIMITS, RELINK), Ask)


@pytest.mark.parametrize(
    ("words", "changes", "answer"),
    [
        ("f c c", {}, Ask(RELINK, "3 of 4 draws swept, 1 attempts failed")),
        ("f c c c", {}, None),
        ("f c@1", {"max_attempts": 2}, None),
        ("f c@1", {"max_attempts": 3}, Ask(RELINK, "1 of 4 draws swept, 1 attempts failed")),
        ("f b:cc", {}, AGAIN),
        ("", {"arrival": INCREMENTAL}, Ask(INCREMENTAL, "arrival, to learn how the layouts of bad revisions differ")),
        ("t t", {}, None),
        ("b:a b:b b:c b:d", {}, None),
    ],
)
def test_the_sweep(words: str, changes: dict[str, object], answer: Ask | None) -> None:
    assert sweep(seen(words), rules(draws=4, **changes)) == answer


def test_draws_of_another_kind_are_not_swept() -> None:
    assert isinstance(sweep([*seen("f c c c", SCRATCH), *seen("c")], rules(draws=4)), Ask)


def test_what_is_made_before_an_attempt() -> None:
    assert before(Kind.CLEAN, INCREMENTAL) is None
    assert before(INCREMENTAL, INCREMENTAL) is None
    assert before(RELINK, INCREMENTAL) is INCREMENTAL
    assert before(RELINK, None) is None


def test_a_replay_that_cannot_be_made_is_no_broken_build() -> None:
    assert not last_is_broken([])
    assert last_is_broken(seen("c b:cc"))
    assert not last_is_broken(seen("b:cc c"))
    assert not last_is_broken(seen(f"b:{NO_LINK_SCRIPT}"))


@pytest.mark.parametrize(("rate", "clean"), [(1.0, 1), (0.96, 1), (0.94, 2), (0.5, 5), (0.05, 59), (0.01, 299)])
def test_how_many_clean_attempts_exclude_a_rate(rate: float, clean: int) -> None:
    assert attempts_to_exclude(rate) == clean
    assert (1.0 - min(rate, 0.999)) ** clean <= 0.05 < (1.0 - min(rate, 0.999)) ** (clean - 1)


def test_when_the_layout_decides_and_when_no_load_could_hide_a_failure() -> None:
    layout = prior(varied=True).given(Sample(failed=4, clean=4, failed_layouts=1, clean_layouts=1))
    assert layout.layout_weight > 0.9
    assert depends_on_layout(layout, Sample(clean=1, clean_layouts=1))
    assert not depends_on_layout(layout, Sample(failed=1, failed_layouts=1))
    assert not depends_on_layout(prior(varied=False), Sample(clean=1, clean_layouts=1))
    assert steady(prior(varied=False).given(Sample(failed=30)))
    assert not steady(prior(varied=False).given(Sample(failed=30, clean=10)))
