"""The measurement of the failure at the known bad end: which kind of attempt shows it, how often, and of which class.

Ask and tell, as `decide`. The kind is found by `ladder`; here its rate is learnt well enough for a verdict, and whether
the layout decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bisectsyms.core.belief import Belief, Sample, prior
from bisectsyms.core.decide import (
    EXCLUDED,
    Ask,
    Decision,
    GaugeRules,
    before,
    depends_on_layout,
    fruitless_in,
    last_is_broken,
    untestable,
)
from bisectsyms.core.ladder import Choice, Try, Unseen, climb
from bisectsyms.core.words import count, percent
from bisectsyms.model import Consistency, Kind, Observation, Verdict

REPEATS = 3
"""How often a failed draw is repeated at the bad end, to see whether the layout decides."""
UNLIKELY = 0.02
"""A world that weighs less than this is not looked into any further."""
ALL_FAIL = 5


@dataclass(frozen=True, slots=True)
class Gauge:
    """What the bad end taught: the kind of attempt that shows the failure, and how often."""

    kind: Kind
    belief: Belief
    sample: Sample
    text: str
    choice: Choice | None = None
    """How it came to that kind; None where the user gave the rate."""


def gauge(seen: Sequence[Observation], rules: GaugeRules) -> Ask | Gauge | Decision:
    """Measure the failure at the known bad end; a Decision means it could not be shown there."""
    answer = _gauge(seen, rules)
    if isinstance(answer, Ask) and (first := before(answer.kind, rules.arrival)):
        return Ask(first, "arrival at the bad end")
    return answer


def _gauge(seen: Sequence[Observation], rules: GaugeRules) -> Ask | Gauge | Decision:
    if not any(one.outcome.is_evidence for one in seen) and (ended := untestable(seen)):
        return Decision(Verdict.ABORT, Consistency.UNKNOWN, f"the bad end cannot be tested: {ended.rationale}")
    if (fruitless := fruitless_in(seen)) is not None:
        return fruitless
    if last_is_broken(seen):
        return Ask(Kind.CLEAN, "the build broke; once more from an empty objtree")
    match climb(seen, rules.kinds, rules.lowest_rate):
        case Try(kind, why, draw):
            return Ask(kind, why, draw)
        case Unseen(_, why, artefact):
            certain = f"with {percent(1 - EXCLUDED)} certainty the failure shows in less than"
            text = f"{why}: {certain} {percent(rules.lowest_rate)} of the attempts" if not artefact else why
            return Decision(Verdict.ABORT, Consistency.GOOD, f"the bad end {text}")
        case Choice() as choice:
            return _measure(seen, choice, rules)


def fresh(seen: Sequence[Observation], choice: Choice) -> list[Observation]:
    """The attempts of the kind that was chosen which were made since: the best of several looks better than it is."""
    return [one for one in seen[choice.at :] if one.kind is choice.kind]


def _measure(seen: Sequence[Observation], choice: Choice, rules: GaugeRules) -> Ask | Gauge:
    """The failure shows in this kind: how often, and does the layout decide?

    Where it is the best of several the failures that are wanted are fresh ones, so that those by which it was chosen
    weigh little. They count all the same: without the repeats among them a race was taken for a layout.
    """
    kind = choice.kind
    mine = [one for one in seen if one.kind is kind]
    sample = Sample.of(mine)
    shown = Sample.of(fresh(seen, choice)) if choice.rivals else sample
    belief = prior(varied=rules.draws > 1).given(sample)
    total = sample.clean + sample.failed
    if rules.draws > 1 and sample.failed and sample.clean and not sample.mixed:
        first = next(one.draw for one in mine if one.outcome.is_failure)
        if sum(one.draw == first for one in mine) <= REPEATS:
            return Ask(kind, f"does {first} fail again?", first)
    wanted = min(ALL_FAIL, rules.failures) if not shown.clean else rules.failures
    undrawn = sample.draws < rules.draws
    decided = depends_on_layout(belief, sample)
    if total < rules.max_attempts and (undrawn if decided else shown.failed < wanted):
        return Ask(kind, f"{sample.failed} of {total} failed, {wanted - shown.failed} more wanted")
    if sample.clean_layouts and not decided and belief.layout_weight > UNLIKELY and total < rules.max_attempts:
        times = Counter(one.draw for one in mine if one.outcome.is_evidence)
        return Ask(kind, "chance, or a function of the layout?", min(times, key=lambda draw: times[draw]))
    more_helps = undrawn or not decided
    if rules.share and more_helps and total < rules.max_attempts and not _provable(belief, rules):
        return Ask(kind, f"{sample.failed} of {total} failed; not known well enough for a good to be proof")
    low, high = belief.interval()
    text = f"{sample.failed} of {count(total, 'attempt')} failed ({kind}): rate {percent(low)} to {percent(high)}"
    if decided:
        text += ", a function of the layout"
    elif sample.mixed:
        text += ", by chance (the same draw did both)"
    return Gauge(kind, belief, sample, text, choice)


def _provable(belief: Belief, rules: GaugeRules) -> bool:
    """Whether there is a number of clean attempts that would be a GOOD."""
    return belief.attempts_for(rules.share, layouts=rules.draws, most=rules.max_attempts) is not None
