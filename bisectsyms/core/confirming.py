"""What an answer has to stand before it is told: rules for the attempts after the search, and what it then means.

The search weighs; here its answer is put to the proof, because somebody's commit is going to be blamed for it.
"""

from __future__ import annotations

import enum
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from bisectsyms.core.belief import Belief, Sample
from bisectsyms.core.decide import Ask, Decision, Rules, before, fruitless_in, judge, last_is_broken
from bisectsyms.core.words import count, listed, percent
from bisectsyms.model import Consistency, Kind, Observation, Outcome, Verdict

TWICE = 2
"""Failures wanted at the culprit: one may have been anything."""
REPEATS = 5
"""Of a draw that failed, to tell whether the layout decides; at a rate of a half they leave 1 in 32."""
FEW = 0.1
"""Clean layouts are few if, were they of a bad commit, the chance of having seen nothing else is greater than this."""
MOST_BROKEN = 2
"""Clean builds that end without evidence before no more are made."""
DECIDED = 0.9
BUILD = re.compile(r"(^|/)(Makefile|Kbuild|Kconfig)[^/]*$|^scripts/|\.(mk|lds|lds\.[hS])$")


class Meaning(enum.StrEnum):
    """What the commit that is named is to the failure."""

    FIRST = "first"
    """The first commit that fails."""
    FIRST_LAYOUT = "first-layout"
    """The first at which some layout of the sweep fails."""
    EXPOSING = "exposing"
    """It moves the layout onto a spot that failed before, as far as is known: the older range is open."""
    RISE = "rise"
    """It failed before, too, but more seldom."""
    FIX = "fix"
    """The first commit that does not fail any more."""


def once_more(seen: Sequence[Observation], rules: Rules) -> Ask | Decision:
    """As `judge`, for the culprit: one failure in the ledger is not enough, it has to fail once more.

    The draw that failed is drawn again: should the layout decide, another may be clean. And where it may decide, some
    repeats tell whether it does.
    """
    failed = [one for one in seen if one.outcome.is_failure]
    if not failed or fruitless_in(seen) or _is_enough(seen, failed[0], rules):
        return judge(seen, rules)
    if last_is_broken(seen):
        return Ask(Kind.CLEAN, "the build broke; once more from an empty objtree")
    if first := before(rules.kind, rules.arrival):
        return Ask(first, "arrival, to see it fail once more", failed[0].draw)
    return Ask(rules.kind, f"does {failed[0].draw} fail again?", failed[0].draw)


def _is_enough(seen: Sequence[Observation], first: Observation, rules: Rules) -> bool:
    """Whether the failure was shown again, or would have been, and its class with it."""
    sample = Sample.of(one for one in seen if one.kind is rules.kind or one.outcome.is_failure)
    since = sum(one.kind is rules.kind and one.outcome is Outcome.CLEAN for one in seen[seen.index(first) :])
    if sample.failed < TWICE:
        return since >= wanted(rules.belief, rules.share, rules.draws)
    repeats = sum(one.draw == first.draw and one.outcome.is_evidence for one in seen)
    settled = rules.draws == 1 or not sample.clean or sample.mixed > 0
    return settled or rules.kind.is_from_scratch or repeats > REPEATS  # clean builds are too dear for it


def from_scratch(seen: Sequence[Observation], rules: Rules) -> Ask | Decision:
    """Does the culprit fail in a clean build, too? GOOD means that what was found is an artefact of the attempt.

    As many as a rate like that of `rules.belief`, the cheaper kind's, asks for. The draws that failed come first.
    """
    mine = [one for one in seen if one.kind is Kind.CLEAN]
    sample = Sample.of(mine)
    if sample.failed:
        total = sample.failed + sample.clean
        text = f"{sample.failed} of {count(total, 'clean build')} {rules.failure}"
        return Decision(Verdict.BAD, Consistency.UNKNOWN, text)
    miss, needed = rules.belief.miss(sample), wanted(rules.belief, rules.share, rules.draws)
    rate = percent(rules.belief.expected_rate())
    if sample.clean >= needed:
        failed = sum(one.outcome.is_failure for one in seen)
        text = (
            f"{count(sample.clean, 'clean build')} passed although {count(failed, f'{failing_kinds(seen)} attempt')} "
            f"failed: {percent(miss)} chance of having missed a {rate} failure"
        )
        return Decision(Verdict.GOOD, Consistency.GOOD, text, miss)
    if sum(one.outcome in (Outcome.BROKEN, Outcome.TIMEOUT) for one in mine) >= MOST_BROKEN:
        text = f"clean builds end without evidence: {mine[-1].signature or mine[-1].outcome}"
        return Decision(Verdict.SKIP, Consistency.UNKNOWN, text)
    built = {one.draw for one in mine if one.outcome.is_evidence}
    left = (one.draw for one in seen if one.outcome.is_failure and one.draw not in built)
    why = f"does a clean build fail, too? {sample.clean} of up to {needed} passed"
    return Ask(Kind.CLEAN, why, next(left, None), by_all=False)


def failing_kinds(seen: Sequence[Observation]) -> str:
    """`replay and relink`: the kinds of attempts that failed."""
    return " and ".join(kind.value for kind in Kind if any(one.kind is kind and one.outcome.is_failure for one in seen))


def wanted(belief: Belief, share: float, draws: int) -> int:
    """Clean attempts that tell enough; every draw once where no number of them does."""
    return belief.attempts_for(share, layouts=draws) or draws


def few(parent: Decision, reverted: Decision | None) -> bool:
    """Whether the layouts that were clean at a parent are too few to say that none of its layouts fails.

    Did the commit but move the layout, then the newer end would fail without it as well, at other layouts. Clean ones
    there count like those of the parent, as if both were drawn by themselves.
    """
    other = reverted.miss if reverted is not None and reverted.verdict is not Verdict.BAD else 0.0
    return parent.weak and parent.miss * (other or 1.0) > FEW


@dataclass(frozen=True, slots=True)
class Alike:
    """How many draws were made at two revisions, and at how many of them both had one layout."""

    compared: int
    equal: int


def alike(one: Sequence[Observation], other: Sequence[Observation]) -> Alike:
    """Compare the layout keys of two revisions draw by draw."""
    keys = [defaultdict[object, set[str]](set), defaultdict[object, set[str]](set)]
    for mine, seen in zip(keys, (one, other), strict=True):
        for attempt in seen:
            if attempt.layout:
                mine[attempt.draw].add(attempt.layout)
    both = keys[0].keys() & keys[1].keys()
    return Alike(len(both), sum(bool(keys[0][draw] & keys[1][draw]) for draw in both))


def build_files(paths: Sequence[str]) -> tuple[str, ...]:
    """Those of `paths` that say how the build runs rather than what is built."""
    return tuple(path for path in paths if BUILD.search(path))


def equal_inputs(shared: Alike, parent: str, *, layouts: bool, build: Sequence[str]) -> tuple[str, bool]:
    """What it means that both had one layout at some draw, and whether the answer is likely wrong.

    With a race they may: then the two differ in how the build runs, and the culprit has to change that.
    """
    text = f"at {shared.equal} of {count(shared.compared, 'draw')} it has the layout of its parent {parent}"
    if layouts:
        return f"likely wrong: {text}, and a failure of the layout cannot tell such commits apart", True
    if not build:
        return f"likely wrong: {text}, and it changes no file that says how the build runs", True
    return f"{text}: the link cannot tell them apart, a race in what it changes can ({listed(build)})", False


def by_layout(belief: Belief, samples: Sequence[Sample]) -> bool:
    """Whether the failure is a function of the layout, as far as these failing revisions tell together."""
    return belief.layout_weight > DECIDED and any(sample.failed and sample.clean_layouts for sample in samples)


def rated(sample: Sample) -> str:
    """`2 of 60`."""
    return f"{sample.failed} of {sample.failed + sample.clean}"


@dataclass(frozen=True, slots=True)
class Known:
    """What the meaning of an answer hangs on; texts are empty where there is nothing to say."""

    again: str
    """How often the culprit failed."""
    layouts: bool = False
    """The failure is a function of the layout."""
    risen: str = ""
    """A parent that fails as well, with its counts."""
    older: str = ""
    """A commit before the parents that failed, with its counts."""
    thin: str = ""
    """Why the clean layouts of the parents are too few."""
    missed: str = ""
    """Parents of which all layouts that can be drawn are clean, each with the chance that this is chance."""
    goes_on: bool = False
    """The failure stays when the culprit is reverted on top of the bad end."""


def meaning(known: Known) -> tuple[Meaning, str]:
    """What the commit that is named is to the failure, and a sentence that says so."""
    if not known.layouts:
        if known.risen:
            return Meaning.RISE, f"a rise: it fails before it, too ({known.risen}), but more seldom ({known.again})"
        text = f"the first commit that fails ({known.again})"
        if known.older:
            text += f"; it had failed before ({known.older}), and had gone: it came back here"
        if known.goes_on:
            text += "; without it something else fails by now, or what it did was done again"
        return Meaning.FIRST, text
    reasons = [f"an older commit fails at another layout: {one}" for one in (known.risen, known.older) if one]
    reasons += [f"too few layouts tell, {known.thin}"] if known.thin else []
    reasons += ["the failure stays when it is reverted"] if known.goes_on else []
    if not reasons:
        text = "the failure hangs on the layout: the first commit at which some layout of the sweep fails"
        if known.missed:
            doubt = f"an older one may fail at a layout that cannot be drawn here ({known.missed}): more of them tell"
            return Meaning.FIRST_LAYOUT, f"{text} ({known.again}); {doubt} (--sweep 64, --vary pad)"
        return Meaning.FIRST_LAYOUT, f"{text} ({known.again})"
    return (
        Meaning.EXPOSING,
        "exposing: the failure hangs on the layout, and this commit may only move it onto a spot that failed before "
        f"({'; '.join(reasons)}): the older range is open",
    )
