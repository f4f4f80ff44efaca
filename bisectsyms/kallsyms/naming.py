"""Names the cause of a failure from the facts of one link, or says that no known cause explains it.

First it is asked whether there is anything to explain. Then every rule has its say, and a cause is named only where its
whole signature was seen: what merely fits is told as what comes next, never as the answer.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bisectsyms.kallsyms.causes import CAUSES
from bisectsyms.kallsyms.conditions import FURTHER
from bisectsyms.kallsyms.evidence import RANK, Axis, Cause, Evidence, Names, Sure, Upstream
from bisectsyms.kallsyms.facts import Facts
from bisectsyms.kallsyms.triggers import CHANGED
from bisectsyms.model import Outcome

NEXT_BEST = 2
"""Others that are told."""
NO_EXPERIMENT = ""
SECOND = 2
"""The pass after which the kernel's script may end."""


class State(enum.StrEnum):
    """What became of the question."""

    EXPLAINED = "explained"
    UNEXPLAINED = "unexplained"
    NO_FAILURE = "no failure"
    """The maps are equal."""
    NO_EVIDENCE = "no evidence"
    """There are no two maps to compare, and nothing else tells anything."""


@dataclass(frozen=True, slots=True)
class Named:
    """A cause, how sure it is, and why."""

    id: str
    axis: Axis
    title: str
    sure: Sure | None
    """None: it only fits in part, and is not named."""
    evidence_for: Sequence[str]
    evidence_against: Sequence[str]
    mend: str
    upstream: Sequence[Upstream]
    experiment: str
    """What would prove it; empty where nothing more has to be shown, or can be."""
    proof: str
    """What that experiment has to show."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The answer."""

    state: State
    summary: str
    mechanism: Named | None
    trigger: Named | None
    others: Sequence[Named]
    """The next best, and what speaks against them."""
    experiment: str
    """The next to make; empty where none would tell more."""
    experiment_why: str

    @property
    def named(self) -> tuple[Named, ...]:
        """What is named, the surest first."""
        return _surest_first(self.mechanism, self.trigger)


def diagnose(facts: Facts, names: Names, upstream: Sequence[Upstream] = ()) -> Diagnosis:
    """What explains the difference between the two maps."""
    if facts.outcome is Outcome.INFRA:  # then the maps, if any, are no evidence
        ranked = [(one, one.rule(facts, names)) for one in CAUSES if one.id == "infrastructure"]
        return _answer(facts, ranked, upstream)
    if facts.final is not None and facts.final.is_equal:
        return _nothing(State.NO_FAILURE, "the two maps are equal: this link has not failed")
    if facts.final is None and facts.outcome is Outcome.CLEAN:
        return _nothing(State.NO_FAILURE, f"it has not failed: {facts.outcome_why}")
    if facts.final is None and facts.outcome in (Outcome.BROKEN, Outcome.TIMEOUT):
        return _nothing(State.NO_EVIDENCE, f"it ended in another way: {facts.outcome_why}")
    if facts.final is None and not facts.tried and not facts.moved and not facts.log.damaged:
        why = f": {facts.outcome_why}" if facts.outcome_why else ""
        return _nothing(State.NO_EVIDENCE, f"there are no two maps to compare{why}")
    ranked = [(one, _weighed(one, one.rule(facts, names), facts)) for one in CAUSES]
    ranked.sort(key=lambda pair: (RANK[pair[1].sure], len(pair[1].against)))
    return _answer(facts, ranked, upstream)


def _weighed(cause: Cause, evidence: Evidence, facts: Facts) -> Evidence:
    """With what experiments said; and no mechanism is sure where the link was given other files from pass to pass.

    An experiment tells of a trigger by itself. Of a mechanism it tells where the link shows something of it, because
    several mechanisms answer alike.
    """
    mechanism = cause.axis is Axis.MECHANISM
    shown = [one.text for one in facts.answered if cause.id in one.speaks_for]
    hint = mechanism and not evidence.speaks_for
    evidence = replace(
        evidence,
        signs=[*evidence.signs, *([] if hint else shown)],
        hints=[*evidence.hints, *(shown if hint else [])],
        against=[*evidence.against, *(one.text for one in facts.answered if cause.id in one.speaks_against)],
    )
    changed = [text for text in facts.moved if CHANGED in text]
    if not mechanism or not changed or not evidence.speaks_for:
        return evidence
    other = f"an input changed meanwhile, which is enough for two maps to differ: {changed[0]}"
    return replace(evidence, against=[*evidence.against, other])


def _answer(facts: Facts, ranked: Sequence[tuple[Cause, Evidence]], upstream: Sequence[Upstream]) -> Diagnosis:
    all_of_them = [_named(cause, evidence, upstream, facts) for cause, evidence in ranked]
    best = {axis: next((one for one in all_of_them if one.axis is axis and one.sure), None) for axis in Axis}
    mechanism, trigger = best[Axis.MECHANISM], best[Axis.TRIGGER]
    others = [one for one in all_of_them if one not in (mechanism, trigger) and (one.sure or one.evidence_for)]
    told = _surest_first(mechanism, trigger)
    if told:
        state, summary = State.EXPLAINED, "; ".join(f"{one.axis} {one.id}: {one.title} ({one.sure})" for one in told)
    else:
        state, summary = State.UNEXPLAINED, "no known cause explains how the two maps differ"
    settled = {one.axis for one in told if one.sure is Sure.CERTAIN}
    wanted = next((one for one in (*told, *others) if one.experiment and one.axis not in settled), None)
    return Diagnosis(
        state=state,
        summary=summary,
        mechanism=mechanism,
        trigger=trigger,
        others=others[:NEXT_BEST],
        experiment=wanted.experiment if wanted else NO_EXPERIMENT,
        experiment_why=f"{wanted.id}: {wanted.proof}" if wanted else "",
    )


def _surest_first(*named: Named | None) -> tuple[Named, ...]:
    return tuple(sorted((one for one in named if one), key=lambda one: RANK[one.sure]))


def _named(cause: Cause, evidence: Evidence, upstream: Sequence[Upstream], facts: Facts) -> Named:
    # KALLSYMS_EXTRA_PASS asks for the third pass (scripts/link-vmlinux.sh): once that is made there is no further one.
    tells = cause.experiment != FURTHER or len(facts.tables) <= SECOND
    return Named(
        id=cause.id,
        axis=cause.axis,
        title=cause.title,
        sure=evidence.sure,
        evidence_for=evidence.speaks_for,
        evidence_against=tuple(evidence.against),
        mend=cause.mend,
        upstream=tuple(one for one in upstream if one.cause == cause.id),
        experiment=cause.experiment if tells else NO_EXPERIMENT,
        proof=cause.proof if tells else "",
    )


def _nothing(state: State, summary: str) -> Diagnosis:
    return Diagnosis(state, summary, None, None, (), "", "")
