"""The verb that git bisect run calls: judge one revision, after both ends have been checked.

The rate of the failure is measured at the bad end as the user named it, in our slot; git's checkout never
moves. A GOOD spends part of the error budget of the whole bisect, and git's own refs say which verdicts
of ours stand, so nothing is counted that the user has undone.
"""

from __future__ import annotations

from dataclasses import dataclass

from bisectsyms.core.belief import Belief, known
from bisectsyms.core.decide import Decision, Gauge, depends_on_layout
from bisectsyms.core.words import percent
from bisectsyms.effects.gitrepo import BisectState, steps_left
from bisectsyms.model import Judged, Kind, Revision, Verdict
from bisectsyms.usecases import ends, standing
from bisectsyms.usecases.judging import Judging

ASSUMED_RATE = 0.25


@dataclass(frozen=True, slots=True)
class StepResult:
    """A judged revision, and where the bisect stands."""

    revision: Revision
    decision: Decision
    gauge: Gauge | None
    share: float
    spent: float
    """Of the error budget, this step included."""
    budget: float
    candidates: int | None
    """Commits that can still be the culprit before this verdict; None outside a bisect."""
    last_attempt: int | None
    told: int
    """Ends of the search, this revision included, that are what they are by somebody's word."""


def step(judging: Judging, revision: Revision, state: BisectState | None) -> StepResult:
    """Judge `revision`: measure the bad end, check the good ends, then make the attempts it needs.

    Raises:
        UserError: an end is not what the user said it is; nothing was judged.
        InfraError: the machine stopped us; nothing was judged.
    """
    budget = 1.0 - judging.options.confidence
    if state is None:
        belief, kind = _assume(judging)
        decision = judging.judge(revision, belief, kind, budget)
        return _result(judging, revision, decision, None, budget, 0.0, None, kind, None)
    ours, older = _goods(judging, state)
    spent = sum(one.miss for one in ours)
    candidates = judging.bench.repository.candidates(state.bad, state.goods)
    share = max(0.0, budget - spent) / steps_left(candidates)
    if (told := judging.told(revision)) is not None:
        return _result(judging, revision, told, None, share, spent, candidates, Kind.RELINK, state)
    measured = ends.measure(judging, judging.bench.repository.resolve(state.first_bad), share)
    if depends_on_layout(measured.belief, measured.sample):
        measured = ends.learn_spread(judging, state, older, measured)
    if standing.recheck(judging, state, measured, share):
        spent = sum(one.miss for one in _goods(judging, state)[0])
        share = max(0.0, budget - spent) / steps_left(candidates)
    ends.refuse_what_cannot_be_reached(judging, measured, share)
    for commit in older:
        ends.check_good(judging, judging.bench.repository.resolve(commit), measured, share)
    decision = judging.judge(revision, measured.belief, measured.kind, share)
    if decision.verdict is Verdict.GOOD and ends.may_drift(judging, measured) and not _was_good(judging, revision):
        decision = judging.judge(revision, ends.control(judging, state, measured), measured.kind, share)
    return _result(judging, revision, decision, measured, share, spent, candidates, measured.kind, state)


def _assume(judging: Judging) -> tuple[Belief, Kind]:
    """Outside a bisect: the rate given, or seen before in this cell, or assumed; said either way."""
    bench, given = judging.bench, judging.options.rate
    if given is not None:
        return known(given), Kind.RELINK
    belief, failing = judging.learnt_from_failures(Kind.RELINK)
    if not failing:
        bench.reporter.say(f"no failure in the ledger yet: a rate of {ASSUMED_RATE} is assumed (--rate)")
        return known(ASSUMED_RATE), Kind.RELINK
    bench.reporter.say(f"rate from the ledger: {percent(belief.expected_rate())}")
    return belief, Kind.RELINK


def _goods(judging: Judging, state: BisectState) -> tuple[list[Judged], list[str]]:
    """Our GOOD verdicts that stand in git, and the commits that somebody else called good."""
    verdicts = judging.bench.ledger.latest_verdicts(cell=judging.bench.cell.key, commits=state.goods)
    ours = [one for one in verdicts if one.verdict is Verdict.GOOD]
    commits = {one.commit for one in ours}
    return ours, [commit for commit in state.goods if commit not in commits]


def _was_good(judging: Judging, revision: Revision) -> bool:
    """Whether it was judged good before, with a control of that time."""
    before = judging.bench.ledger.latest_verdicts(cell=judging.bench.cell.key, commits=[revision.commit])
    return any(one.verdict is Verdict.GOOD for one in before)


def _result(
    judging: Judging,
    revision: Revision,
    decision: Decision,
    measured: Gauge | None,
    share: float,
    spent: float,
    candidates: int | None,
    kind: Kind,
    state: BisectState | None,
) -> StepResult:
    """Write the verdict down; ABORT judges nothing and is not written."""
    bench = judging.bench
    if decision.verdict is not Verdict.ABORT:
        judging.write_down(revision, decision, kind)
    made = bench.ledger.attempts(tree=revision.tree, cell=bench.cell.key)
    if decision.verdict is Verdict.GOOD:
        spent += decision.miss
    number = made[-1].number if made else None
    budget = 1.0 - judging.options.confidence
    told = judging.rests_on_words({revision.commit, *((*state.goods, state.bad) if state else ())})
    return StepResult(revision, decision, measured, share, spent, budget, candidates, number, told)
