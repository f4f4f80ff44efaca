"""Positive controls in a search: does what is known to fail still fail, while clean attempts decide?

The rate of a race drifts with the load of the machine. Clean attempts of a time when nothing fails prove nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from bisectsyms.core.belief import Sample
from bisectsyms.model import Kind, Outcome, Seen

MISSING_AT_THE_END = 1.0
MISSING_BETWEEN = 5.0
"""A control is due when so many failures would have been seen meanwhile, had all been bad commits."""
UNLIKELY = 0.05


def unvouched(evidence: Sequence[Seen], kind: Kind) -> list[Seen]:
    """The clean attempts of this kind since the last failure: no failure has shown that they could have failed."""
    found: list[Seen] = []
    for seen in reversed(evidence):
        if seen.observation.outcome.is_failure:
            break
        if seen.observation.outcome is Outcome.CLEAN and seen.observation.kind is kind:
            found.append(seen)
    return found[::-1]


def is_due(cleans: int, rate: float, *, answering: bool) -> bool:
    """Whether so many clean attempts need a control; an answer must not rest on as many as while searching."""
    return cleans * rate >= (MISSING_AT_THE_END if answering else MISSING_BETWEEN)


def has_fallen(control: Sample, lowest: float) -> bool:
    """Whether a control that ended with its last failure needed more attempts than a rate of `lowest` or more would."""
    before, failed = control.failed + control.clean - 1, control.failed - 1
    chance, term = 0.0, (1.0 - lowest) ** before
    for number in range(failed + 1):
        chance += term
        term *= (before - number) / (number + 1) * lowest / (1.0 - lowest)
    return chance < UNLIKELY
