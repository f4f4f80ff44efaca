"""Does a failure that was found by a variation show without it, too?

Bytes joined to the link, another ld and the like move the layout further than anybody's build does. They raise the
rate, and what they find may never happen without them: so it is built without them before it is told.
"""

from __future__ import annotations

from collections.abc import Sequence

from bisectsyms.core.decide import Decision, fruitless_in
from bisectsyms.core.variation import Variation
from bisectsyms.core.words import count
from bisectsyms.model import Consistency, Draw, Observation, Verdict


def unaided_draws(variation: Variation, failed: Draw) -> tuple[Draw, ...]:
    """What to build in place of a draw that failed: the same without its aid, then with other lengths."""
    first = variation.unaided(failed)
    lengths = range(1, variation.of(first).lengths + 1)
    return first, *(Draw(length, first.factors) for length in lengths if length != first.length)


def unaided(seen: Sequence[Observation], draws: Sequence[Draw]) -> Draw | Decision:
    """The next of `draws` to build; BAD when it fails at one of them, GOOD when all have passed."""
    mine = [one for one in seen if one.draw in draws and one.outcome.is_evidence]
    failed = [one for one in mine if one.outcome.is_failure]
    if failed:
        return Decision(Verdict.BAD, Consistency.UNKNOWN, f"it fails at {failed[0].draw}, too")
    built = {one.draw for one in mine}
    left = [draw for draw in draws if draw not in built]
    if not left:
        return Decision(Verdict.GOOD, Consistency.GOOD, f"{count(len(built), 'attempt')} without it passed")
    return fruitless_in(seen) or left[0]
