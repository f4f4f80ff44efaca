"""What is done at the ends of the bisect before, and beside, the revision that git asks about.

The failing end must fail and teaches the rate; a clean end must pass; and a revision that is known to be bad
serves as the control: clean attempts prove nothing at a time when even that one passes. Which end is which
is the bisect's to say: whoever looks for the fix has the failure at the old end.
"""

from __future__ import annotations

from dataclasses import replace

from bisectsyms.core.belief import Belief, Sample, drifting, known
from bisectsyms.core.decide import Ask, Decision, GaugeRules, depends_on_layout, steady, sweep, watch
from bisectsyms.core.direction import BisectState
from bisectsyms.core.gauging import Gauge, gauge
from bisectsyms.core.ladder import LOOK_FURTHER
from bisectsyms.core.people import without
from bisectsyms.core.words import count, percent
from bisectsyms.errors import UserError
from bisectsyms.model import Observation, Revision, Verdict
from bisectsyms.usecases.judging import Judging

SPREAD = 4
"""Further bad revisions to sweep when the layout decides; with four the floor is low enough for .99."""
FARTHEST = 16
"""How far from the bad end they are looked for; some do not build."""


def measure(judging: Judging, state: BisectState, share: float) -> Gauge:
    """The kind and the rate in which the failing end fails, known well enough for a GOOD to fit `share`.

    Raises:
        UserError: it does not fail here, or cannot be built.
    """
    options, bench = judging.options, judging.bench
    bad = bench.repository.resolve(state.failing_end)
    told = judging.told(bad)
    if told and told.verdict is not Verdict.BAD:
        raise UserError(
            f"{state.failing_term} end {bad}: {told.rationale}",
            next_step=f"bisectsyms tell {bad} nothing, or git bisect start with another {state.failing_term} end",
        )
    while True:
        rules = GaugeRules(
            draws=judging.draws,
            arrival=bench.arrival(bad),
            failures=1 if options.rate is not None else options.failures,
            lowest_rate=options.lowest_rate,
            max_attempts=options.max_attempts,
            share=0.0 if options.rate is not None else share,
            kinds=bench.kinds,
        )
        answer = gauge(bench.seen(bad), rules)
        if isinstance(answer, Ask):
            bench.at_once(bad, answer)
        elif isinstance(answer, Gauge):
            bench.reporter.say(f"{state.failing_term} end {bad}: {answer.text}{without(bench.excluded(bad))}")
            if options.rate is None:
                return answer
            return replace(answer, belief=known(options.rate), text=f"rate {options.rate} as given")
        else:
            raise UserError(
                f"{state.failing_term} end {bad}: {answer.rationale}{without(bench.excluded(bad))}",
                next_step=f"{LOOK_FURTHER}{_or_the_other_way(state)}; nothing was judged",
            )


def _or_the_other_way(state: BisectState) -> str:
    return "" if state.find_fix else f"; if the failure is at the {state.clean_term} end: --find-fix"


def learn_spread(judging: Judging, state: BisectState, measured: Gauge) -> Gauge:
    """What was measured, with what bad ancestors teach of how much the failing part of the layouts differs.

    A function of the layout fails at another part of them at every revision, and without knowing how
    much that part varies no number of clean layouts is proof. So the nearest ancestors of the failing
    end, which most likely are bad as well, are swept too, as long as they fail.
    """
    bench, swept = judging.bench, 0
    clean = () if state.find_fix else state.clean_ends
    for commit in bench.repository.first_parents(state.failing_end, clean, FARTHEST)[1:]:
        revision = bench.repository.resolve(commit)
        told = judging.told(revision)
        if told and told.verdict is not Verdict.BAD:
            if told.verdict is Verdict.GOOD:
                break
            continue
        while ask := sweep(bench.seen(revision), judging.rules(revision, measured.belief, measured.kind, 0.0)):
            bench.at_once(revision, ask)
        shown = {one.outcome.is_failure for one in bench.seen(revision) if one.outcome.is_evidence}
        swept += True in shown
        if swept == SPREAD or shown == {False}:
            break  # enough, or the culprit is behind us; one that does not build is passed over
    belief, failing = judging.learnt_from_failures(measured.kind)
    text = f"{measured.text}; {count(failing, 'bad revision')} swept"
    bench.reporter.say(f"layouts: {count(failing, 'bad revision')} swept, rate {percent(belief.expected_rate())}")
    return replace(measured, belief=belief, text=text)


def may_drift(judging: Judging, measured: Gauge) -> bool:
    """Whether the rate can be another one by now: a race's follows the load, not a layout's, nor one near 1."""
    by_layout = depends_on_layout(measured.belief, measured.sample)
    return judging.options.rate is None and not by_layout and not steady(measured.belief)


def control(judging: Judging, state: BisectState, measured: Gauge) -> Belief:
    """The rate as it is now, from attempts at the nearest revision that is seen to be bad.

    One that is bad by somebody's word may never have failed here; then the first bad end serves.

    Raises:
        UserError: the failure does not show any more.
    """
    bench, window = judging.bench, list[Observation]()
    bad = bench.repository.resolve(state.nearest_failing)
    if judging.told(bad):
        bad = bench.repository.resolve(state.failing_end)
    while True:
        rules = GaugeRules(judging.draws, bench.arrival(bad), lowest_rate=judging.options.lowest_rate)
        answer = watch(window, rules, measured.kind)
        if isinstance(answer, Sample):
            belief = drifting(measured.sample, answer)
            seen = f"{answer.failed} of {count(answer.failed + answer.clean, 'attempt')}"
            bench.reporter.say(f"control at {bad}: {seen} failed, the rate is about {percent(belief.expected_rate())}")
            return belief
        if isinstance(answer, Decision):
            raise UserError(
                f"control at {bad}: {answer.rationale}",
                next_step="give the machine the load it had when the failure showed, then the same command again",
            )
        made = bench.at_once(bad, answer)
        window += [observed for one in made if (observed := one.observation()) is not None]


def refuse_what_cannot_be_reached(judging: Judging, measured: Gauge, share: float) -> None:
    """Stop before every revision is swept for nothing.

    Raises:
        UserError: the budget is spent, or not even every layout that can be drawn, all clean, is enough.
    """
    most = Sample(clean=judging.options.max_attempts, clean_layouts=judging.draws)
    floor = measured.belief.miss(most)
    if share <= 0.0:
        raise UserError(
            f"the error budget of {percent(1.0 - judging.options.confidence)} is spent by the good verdicts so far",
            next_step="a lower --confidence, or git bisect reset and start again from better known ends",
        )
    if floor > share:
        raise UserError(
            f"a good verdict here may be wrong by {percent(share)} at most, but with everything clean that "
            f"{count(judging.draws, 'draw')} and {count(most.clean, 'attempt')} can show, the chance of a miss is "
            f"still {percent(floor)} ({measured.text})",
            next_step="a lower --confidence, a larger --sweep, or more --max-attempts; nothing was judged",
        )


def check_clean(judging: Judging, state: BisectState, end: Revision, measured: Gauge, share: float) -> None:
    """A clean end that fails would send the search astray.

    Raises:
        UserError: it fails, or cannot be built.
    """
    decision = judging.judge(end, measured.belief, measured.kind, share)
    term = state.clean_term
    if decision.verdict is Verdict.GOOD or decision.weak:
        judging.bench.reporter.say(f"{term} end {end}: {decision.rationale}")
        return
    older_or_newer = (
        f"the failure is still there: git bisect start with a newer {term} end"
        if state.find_fix
        else f"the failure is older than this commit: git bisect start with an older {term} end"
    )
    raise UserError(
        f"{term} end {end}: {decision.rationale}",
        next_step=older_or_newer if decision.verdict is Verdict.BAD else f"name a {term} end that can be built",
    )


def explain_merge_base(state: BisectState, base: Revision) -> tuple[str, str]:
    """(what it means that a merge base is like the new end, where git stops; what to do next)."""
    new, olds = state.new[:12], " ".join(commit[:12] for commit in state.olds)
    if state.find_fix:
        return (
            f"{base} is the merge base of both ends and does not fail, so the {state.new_term} end {new} never had the "
            f"failure: it came in between {base} and {olds}. git bisect stops here",
            f"look for the commit that brought it in: git bisect reset; git bisect start {state.olds[0][:12]} {base}",
        )
    return (
        f"{base} is the merge base of both ends and fails already, so nothing between it and {new} brought the failure "
        f"in. Somebody fixed it between {base} and {olds}, or it shows too seldom there. git bisect stops here",
        f"look for the fix: git bisect reset; git bisect start --term-old broken --term-new fixed "
        f"{state.olds[0][:12]} {base}; or look for the cause with a {state.old_term} end that is an ancestor of {base}",
    )
