"""How the search gets an attempt at a commit that it chose: which kind, and what has to come before."""

from __future__ import annotations

from collections.abc import Sequence

from bisectsyms.core.decide import Ask, Decision, attempts_to_exclude, fruitless_in, last_is_broken, untestable
from bisectsyms.model import Consistency, Draw, Kind, Observation, Outcome, Verdict


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

    Attempts of a kind that does not show the failure there prove nothing elsewhere.
    """
    failed = {one.kind for one in seen if one.outcome.is_failure}
    if shown := [kind for kind in kinds if kind in failed]:
        return shown[0]
    enough = attempts_to_exclude(lowest_rate)
    for kind in kinds:
        if sum(one.kind is kind and one.outcome is Outcome.CLEAN for one in seen) < enough:
            return kind
    return kinds[-1]
