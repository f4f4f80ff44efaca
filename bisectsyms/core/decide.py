"""From the attempts at one revision to a verdict, or to the next attempt worth making.

Ask and tell: `judge` looks at everything seen so far and either asks for one more attempt or ends. It
qualifies first (is this evidence at all?) and evaluates second, and it holds no state: the same attempts
under a better rule give a better verdict tomorrow. The bad end is measured in `gauging`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bisectsyms.core.belief import Belief, Sample
from bisectsyms.core.commandrule import SAID_UNTESTABLE
from bisectsyms.core.fixups import REFUSED
from bisectsyms.core.words import count, percent
from bisectsyms.model import Consistency, Draw, Kind, Observation, Outcome, Verdict

NO_LINK_SCRIPT = "no-link-script"
"""Signature of a replay that cannot be made: the link is a recipe of make, or its programs have paths of their own."""
SAME_BROKEN = 2
SAME_TIMEOUT = 2
MOST_FRUITLESS = 4
"""So many attempts more than evidence without any agreement, and the step gives up."""
CONTROL_FAILURES = 2
"""Failures wanted at a known bad revision before a GOOD, to see that the rate has not fallen."""
STEADY = 0.7
TELL_APART = 8
"""Attempts that tell consistent from flaky where it matters: a rate of .7 shows no clean one in 6 % of the cases."""
EXCLUDED = 0.05
"""A rate is excluded when all-clean attempts would be rarer than this under it."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One more attempt, please."""

    kind: Kind
    why: str
    draw: Draw | None = None
    """A draw to repeat; None for the next one of the variation."""
    by_all: bool = True
    """Whether all slots that work side by side repeat it; else one does, and the others take the next ones."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The end of a step."""

    verdict: Verdict
    consistency: Consistency
    rationale: str
    miss: float = 0.0
    """Probability that a bad revision would have shown this; it is spent when the verdict is GOOD."""
    weak: bool = False
    """Tested, but the evidence is thin."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything a verdict depends on besides the attempts."""

    belief: Belief
    kind: Kind
    """The kind of attempt whose clean results count: one that has failed at the bad end."""
    share: float
    """Largest probability of a miss that a GOOD may have here."""
    draws: int
    """How many different draws the variation has."""
    arrival: Kind | None = None
    """What brings the objtree to this revision first; None if it is there."""
    max_attempts: int = 200
    out_of_time: bool = False
    classify: int = 0
    """Attempts wanted to tell consistent from flaky; 0 stops at the first failure if `flaky` is BAD."""
    flaky: Verdict = Verdict.BAD
    failure: str = "failed with inconsistent kallsyms data"
    """What a failure is, for people."""

    @property
    def tell_apart(self) -> int:
        """Attempts after which a revision that failed is called consistent or flaky."""
        return self.classify or (1 if self.flaky is Verdict.BAD else TELL_APART)


def judge(seen: Sequence[Observation], rules: Rules) -> Ask | Decision:
    """Decide about a revision, or ask for the next attempt at it."""
    counting = [one for one in seen if one.kind is rules.kind or one.outcome.is_failure]
    sample = Sample.of(counting)
    if sample.failed and sample.failed + sample.clean >= rules.tell_apart:
        return _failed(sample, rules)
    if not any(one.outcome.is_evidence for one in seen) and (ended := untestable(seen)):
        return ended
    if (fruitless := fruitless_in(seen)) is not None:
        return fruitless
    miss = rules.belief.miss(sample)
    if sample.failed == 0 and sample.clean and miss <= rules.share:
        return Decision(Verdict.GOOD, Consistency.GOOD, _clean_text(sample, rules, miss), miss)
    if weak := _weak(sample, miss, rules):
        return weak
    if last_is_broken(seen):
        return Ask(Kind.CLEAN, "the build broke; once more from an empty objtree")
    if first := before(rules.kind, rules.arrival):
        return Ask(first, "arrival")
    needed = rules.belief.attempts_for(rules.share, layouts=rules.draws)
    goal = f"{needed} clean in a row would be good" if needed else "the share cannot be reached"
    return Ask(rules.kind, f"{sample.clean} clean so far, {goal}")


def _failed(sample: Sample, rules: Rules) -> Decision:
    """At least one attempt showed the failure: that is proof."""
    total = sample.failed + sample.clean
    text = f"{sample.failed} of {count(total, 'attempt')} {rules.failure}"
    if sample.clean:
        return Decision(rules.flaky, Consistency.FLAKY, f"{text}: the failure is there, and flaky")
    if sample.failed >= max(2, rules.tell_apart):
        return Decision(Verdict.BAD, Consistency.BAD, f"{text}: every one")
    return Decision(Verdict.BAD, Consistency.UNKNOWN, f"{text}: one is proof")


def _clean_text(sample: Sample, rules: Rules, miss: float) -> str:
    rate = rules.belief.expected_rate()
    made = f", all {rules.draws} draws" if sample.draws >= rules.draws > 1 else ""
    return (
        f"{count(sample.clean, 'clean attempt')} ({rules.kind}{made}): {percent(miss)} chance of having missed "
        f"a {percent(rate)} failure, {percent(rules.share)} allowed here"
    )


def untestable(seen: Sequence[Observation]) -> Decision | None:
    """SKIP for a revision that cannot be tested: proven twice, the second time from scratch.

    Once is enough for a fixup that does not apply: no build took part, so the second time is the first. And
    for a command that says so itself.
    """
    if any(one.signature == SAID_UNTESTABLE for one in seen):
        return Decision(Verdict.SKIP, Consistency.UNKNOWN, "the command says that it cannot be tested (125)")
    if refused := next((one.signature for one in seen if one.signature.startswith(REFUSED)), ""):
        name = refused.removeprefix(REFUSED)
        return Decision(Verdict.SKIP, Consistency.UNKNOWN, f"fixup {name} does not apply, so nothing was built")
    signatures = Counter(one.signature for one in seen if one.outcome is Outcome.BROKEN)
    again = {one.signature for one in seen[1:] if one.outcome is Outcome.BROKEN and one.from_scratch}
    for signature, times in signatures.items():
        if times >= SAME_BROKEN and signature in again:
            return Decision(
                Verdict.SKIP,
                Consistency.UNKNOWN,
                f"does not build: {signature} ({times} times, the last from an empty objtree)",
            )
    if sum(one.outcome is Outcome.TIMEOUT for one in seen) >= SAME_TIMEOUT:
        why = f"timed out {SAME_TIMEOUT} times, never ended; if the machine was at fault: bisectsyms exclude"
        return Decision(Verdict.SKIP, Consistency.UNKNOWN, why)
    return None


def fruitless_in(seen: Sequence[Observation]) -> Decision | None:
    """ABORT when attempts keep ending without evidence and without agreeing on why."""
    broken = [one for one in seen if one.outcome in (Outcome.BROKEN, Outcome.TIMEOUT)]
    evidence = sum(one.outcome.is_evidence for one in seen)
    if len(broken) < MOST_FRUITLESS + 2 * evidence:
        return None
    reasons = ", ".join(sorted({one.signature or one.outcome.value for one in broken}))
    return Decision(
        Verdict.ABORT,
        Consistency.UNKNOWN,
        f"{len(broken)} of {len(seen)} attempts ended without evidence, in changing ways: {reasons}",
    )


def _weak(sample: Sample, miss: float, rules: Rules) -> Decision | None:
    """SKIP when more attempts are not allowed, or would not help."""
    thin = f"weak: after {count(sample.clean, 'clean attempt')} a {percent(miss)} chance of a miss is left"
    if rules.out_of_time or sample.clean + sample.failed >= rules.max_attempts:
        limit = "the time for this step is over" if rules.out_of_time else f"--max-attempts {rules.max_attempts}"
        return Decision(Verdict.SKIP, Consistency.UNKNOWN, f"{thin}, {limit}", miss, weak=True)
    exhausted = sample.draws >= rules.draws > 1
    floor = rules.belief.miss(Sample(clean=rules.max_attempts, clean_layouts=sample.clean_layouts))
    if exhausted and floor > rules.share:
        text = f"{thin}; all {sample.clean_layouts} layouts that can be drawn are clean, repeats add nothing"
        return Decision(Verdict.SKIP, Consistency.UNKNOWN, text, miss, weak=True)
    return None


def before(kind: Kind, arrival: Kind | None) -> Kind | None:
    """What has to be made before an attempt of this kind, where `arrival` brings the objtree there."""
    return None if kind.is_from_scratch or arrival is kind else arrival


def last_is_broken(seen: Sequence[Observation]) -> bool:
    """Whether the build broke just now; a replay that cannot be made is no build."""
    return bool(seen) and seen[-1].outcome is Outcome.BROKEN and seen[-1].signature != NO_LINK_SCRIPT


@dataclass(frozen=True, slots=True)
class GaugeRules:
    """How the bad end is measured."""

    draws: int
    arrival: Kind | None = None
    failures: int = 8
    """Failures wanted before the rate counts as known; fewer if every attempt fails."""
    lowest_rate: float = 0.05
    """Rates from here up are looked for; below, the failure counts as not reproduced."""
    max_attempts: int = 300
    share: float = 0.0
    """Largest probability of a miss that a GOOD may have in this bisect; 0 if that is not known yet."""
    kinds: tuple[Kind, ...] = (Kind.RELINK, Kind.CLEAN)
    """Those that can be repeated, cheapest first."""


def depends_on_layout(belief: Belief, sample: Sample) -> bool:
    """Whether the failure is a function of the layout, as far as this revision tells."""
    return belief.layout_weight > 0.9 and sample.clean_layouts > 0


def steady(belief: Belief) -> bool:
    """Whether the failure is so sure to show that no change of the machine's load could hide it."""
    return belief.interval()[0] > STEADY


def watch(window: Sequence[Observation], rules: GaugeRules, kind: Kind) -> Ask | Sample | Decision:
    """Does a revision that is known to fail still fail, now, under the load of now?

    `window` are the attempts made there since the present step began. Ends with what they show once
    there are enough failures; with ABORT when the failure has gone, because clean attempts of such a
    time prove nothing.
    """
    sample = Sample.of(one for one in window if one.kind is kind)
    if sample.failed >= CONTROL_FAILURES:
        return sample
    limit = attempts_to_exclude(rules.lowest_rate) * (1 + sample.failed)
    if sample.clean >= limit or fruitless_in(window):
        return Decision(
            Verdict.ABORT,
            Consistency.UNKNOWN,
            f"the failure hardly shows any more at a revision that is known to be bad ({sample.failed} of "
            f"{count(sample.clean + sample.failed, 'attempt')} just now): clean attempts of this time prove nothing",
        )
    if last_is_broken(window):
        return Ask(Kind.CLEAN, "the build broke; once more from an empty objtree")
    if first := before(kind, rules.arrival):
        return Ask(first, "control: arrival at a bad revision")
    return Ask(kind, f"control: {sample.failed} of {CONTROL_FAILURES} failures seen again")


def sweep(seen: Sequence[Observation], rules: Rules) -> Ask | None:
    """Try every draw once, to learn which part of its layouts fails at this revision; None when done.

    A revision that does not build, or whose layouts all pass, teaches nothing and ends it early or late.
    """
    if untestable(seen) or fruitless_in(seen):
        return None
    mine = [one for one in seen if one.kind is rules.kind]
    sample = Sample.of(mine)
    if sample.draws >= rules.draws or sample.clean + sample.failed >= rules.max_attempts:
        return None
    if last_is_broken(seen):
        return Ask(Kind.CLEAN, "the build broke; once more from an empty objtree")
    if first := before(rules.kind, rules.arrival):
        return Ask(first, "arrival, to learn how the layouts of bad revisions differ")
    return Ask(rules.kind, f"{sample.draws} of {rules.draws} draws swept, {sample.failed} attempts failed")


def attempts_to_exclude(rate: float) -> int:
    """Clean attempts after which a failure of this rate is excluded: (1 - rate)^n <= .05."""
    return math.ceil(math.log(EXCLUDED) / math.log1p(-min(rate, 0.999)))
