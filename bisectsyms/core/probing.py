"""How the search gets an attempt at a commit that it chose: what has to come before, and where that cannot be."""

from __future__ import annotations

from collections.abc import Sequence

from bisectsyms.core.decide import Ask, Decision, before, fruitless_in, last_is_broken, untestable
from bisectsyms.model import Consistency, Draw, Kind, Observation, Verdict


def probe(seen: Sequence[Observation], kind: Kind, arrival: Kind | None, draw: Draw | None = None) -> Ask | Decision:
    """How to get one more attempt of `kind` at a revision: the way there first; SKIP where it cannot be tested."""
    if not any(one.outcome.is_evidence for one in seen) and (ended := untestable(seen)):
        return ended
    if fruitless := fruitless_in(seen):
        return Decision(Verdict.SKIP, Consistency.UNKNOWN, fruitless.rationale)
    if last_is_broken(seen):
        return Ask(Kind.CLEAN, "the build broke; once more from an empty objtree")
    if first := before(kind, arrival):
        return Ask(first, "arrival")
    return Ask(kind, f"does {draw} fail again?" if draw else "it tells most per second", draw)
