"""The verb that git bisect run calls: judge one revision, after both ends have been checked.

The rate of the failure is measured at the failing end as the user named it, in our slot; git's checkout never
moves. A GOOD spends part of the error budget of the whole bisect, and git's own refs say which verdicts
of ours stand, so nothing is counted that the user has undone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bisectsyms.core.belief import Belief, known
from bisectsyms.core.decide import Decision, depends_on_layout
from bisectsyms.core.determinism import determinism
from bisectsyms.core.direction import BisectState
from bisectsyms.core.gauging import Gauge
from bisectsyms.core.words import percent
from bisectsyms.effects.bisecting import candidates, is_merge_base, refuse_cut_history
from bisectsyms.effects.gitrepo import steps_left
from bisectsyms.model import Judged, Kind, Revision, Verdict
from bisectsyms.usecases import ends, standing
from bisectsyms.usecases.judging import Judging

ASSUMED_RATE = 0.25
NEW = 1
"""The exit status that git bisect run takes for the new term."""


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
    git_word: str = ""
    """What git calls this verdict, where it has another word for it."""
    explained: tuple[str, str] | None = None
    """Why git is going to stop at this verdict, and what to do next."""
    determinism: str = ""
    """What equal attempts say, where all was pinned that can be."""


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
    repository = judging.bench.repository
    refuse_cut_history(repository, state)
    if line := state.assumption():
        judging.bench.reporter.say(line)
    ours, named = _clean_ends(judging, state)
    spent = sum(one.miss for one in ours)
    left = candidates(repository, state)
    share = max(0.0, budget - spent) / steps_left(left)
    if (told := judging.told(revision)) is not None:
        return _result(judging, revision, told, None, share, spent, left, Kind.RELINK, state)
    measured = ends.measure(judging, state, share)
    if depends_on_layout(measured.belief, measured.sample):
        measured = ends.learn_spread(judging, state, measured)
    if standing.recheck(judging, state, measured, share):
        spent = sum(one.miss for one in _clean_ends(judging, state)[0])
        share = max(0.0, budget - spent) / steps_left(left)
    ends.refuse_what_cannot_be_reached(judging, measured, share)
    for commit in named:
        ends.check_clean(judging, state, repository.resolve(commit), measured, share)
    decision = judging.judge(revision, measured.belief, measured.kind, share)
    if decision.verdict is Verdict.GOOD and ends.may_drift(judging, measured) and not _was_good(judging, revision):
        decision = judging.judge(revision, ends.control(judging, state, measured), measured.kind, share)
    return _result(judging, revision, decision, measured, share, spent, left, measured.kind, state)


def _assume(judging: Judging) -> tuple[Belief, Kind]:
    """Outside a bisect: the rate given, or seen before in this cell, or assumed; said either way."""
    bench, given = judging.bench, judging.options.rate
    if given is not None:
        return known(given), Kind.RELINK
    for kind in bench.kinds:
        belief, failing = judging.learnt_from_failures(kind)
        if failing:
            bench.reporter.say(f"rate from the ledger: {percent(belief.expected_rate())} ({kind})")
            return belief, kind
    bench.reporter.say(f"no failure in the ledger yet: a rate of {ASSUMED_RATE} is assumed (--rate)")
    return known(ASSUMED_RATE), Kind.RELINK


def _clean_ends(judging: Judging, state: BisectState) -> tuple[list[Judged], list[str]]:
    """Our GOOD verdicts that stand in git, and the clean ends that somebody else named."""
    verdicts = judging.bench.ledger.latest_verdicts(cell=judging.bench.cell.key, commits=state.clean_ends)
    ours = [one for one in verdicts if one.verdict is Verdict.GOOD]
    commits = {one.commit for one in ours}
    return ours, [commit for commit in state.clean_ends if commit not in commits]


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
    made = bench.ledger.attempts(tree=bench.known(revision).tree, cell=bench.cell.key)
    if decision.verdict is Verdict.GOOD:
        spent += decision.miss
    number = made[-1].number if made else None
    budget = 1.0 - judging.options.confidence
    told = judging.rests_on_words({revision.commit, *(state.ends if state else ())})
    frozen = determinism(bench.seen(revision)) if bench.variation.freezes else ""
    result = StepResult(
        revision, decision, measured, share, spent, budget, candidates, number, told, determinism=frozen
    )
    return result if state is None else _for_git(judging, state, result)


def _for_git(judging: Judging, state: BisectState, result: StepResult) -> StepResult:
    """The result in git's words, and why git is going to stop where it does."""
    verdict, word = result.decision.verdict, state.term(result.decision.verdict)
    explained = None
    if state.tells(verdict) == NEW and is_merge_base(judging.bench.repository, state, result.revision.commit):
        explained = ends.explain_merge_base(state, result.revision)
    return replace(result, git_word=word if word != verdict.name.lower() else "", explained=explained)
