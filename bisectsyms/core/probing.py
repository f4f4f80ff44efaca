"""How the search gets an attempt at a commit that it chose: which kind, and what has to come before."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bisectsyms.core.belief import Sample, prior
from bisectsyms.core.decide import Ask, Decision, attempts_to_exclude, fruitless_in, last_is_broken, untestable
from bisectsyms.model import Consistency, Draw, Kind, Observation, Outcome, Verdict

TRIAL = 0.02
"""A cheaper kind is given up when it would have missed what the dearer ones show with this probability at most."""


def probe(seen: Sequence[Observation], kind: Kind, arrival: Kind | None, draw: Draw | None = None) -> Ask | Decision:
    """How to get one more attempt of `kind` at a revision: the way there first; SKIP where it cannot be tested."""
    if not any(one.outcome.is_evidence for one in seen) and (ended := untestable(seen)):
        return ended
    if fruitless := fruitless_in(seen):
        return Decision(Verdict.SKIP, Consistency.UNKNOWN, fruitless.rationale)
    if last_is_broken(seen):
        return Ask(Kind.CLEAN, "the build broke; once more from an empty objtree")
    if arrival is not None and kind is not Kind.CLEAN:
        return Ask(arrival, "arrival")
    return Ask(kind, f"does {draw} fail again?" if draw else "it tells most per second", draw)


def ladder(seen: Sequence[Observation], kinds: Sequence[Kind], lowest_rate: float) -> Kind:
    """The cheapest kind of attempt that has failed at the bad end, else the first that can still be expected to.

    Attempts of a kind that does not show the failure there prove nothing elsewhere. A failure of another kind, mostly
    in the build on arrival, does not make it the kind to work with: a cheaper one that was not tried, or not often
    enough for the rate which the others show, comes first.
    """
    failed = {one.kind for one in seen if one.outcome.is_failure}
    for kind in kinds:
        if kind in failed:
            return kind
        if sum(one.kind is kind and one.outcome is Outcome.CLEAN for one in seen) < _enough(seen, failed, lowest_rate):
            return kind
    return kinds[-1]


def _enough(seen: Sequence[Observation], failed: Collection[Kind], lowest_rate: float) -> int:
    """Clean attempts of a kind that never failed, after which a dearer one is taken."""
    most = attempts_to_exclude(lowest_rate)
    if not failed:
        return most
    shown = Sample.of(one for one in seen if one.kind in failed)
    return prior(varied=False).given(shown).attempts_for(TRIAL, layouts=1, most=most) or most


def is_on_trial(seen: Sequence[Observation], kind: Kind) -> bool:
    """Whether others failed at the bad end and this kind not yet: it has to show there that it can."""
    failed = {one.kind for one in seen if one.outcome.is_failure}
    return bool(failed) and kind not in failed
