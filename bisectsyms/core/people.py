"""What people say, weighed: a told word is a decision without attempts, and what they left out is named.

A word has no chance of a miss that anybody has measured. So it spends nothing of the error budget and
teaches no rate, and every confidence that rests on words has to say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bisectsyms.core.decide import Decision
from bisectsyms.core.words import count, plain
from bisectsyms.model import Consistency, Exclusion, Told, Verdict, Word

VERDICTS = {Word.FAILED: Verdict.BAD, Word.CLEAN: Verdict.GOOD, Word.UNTESTABLE: Verdict.SKIP}


def decide(told: Told, when: str) -> Decision:
    """The verdict that a word means; `when` is its time as people write it."""
    return Decision(VERDICTS[told.word], Consistency.UNKNOWN, told_text(told, when))


def told_text(told: Told, when: str) -> str:
    """`told: clean, by ann@host on 2026-01-31 12:00 (seen on another board); nothing was measured`."""
    why = f" ({told.why})" if told.why else ""
    return plain(f"told: {told.word}, by {told.who} on {when}{why}; nothing was measured")


def naming(decision: Decision, excluded: Sequence[Exclusion]) -> Decision:
    """The decision, its rationale naming the attempts that it was made without."""
    return replace(decision, rationale=decision.rationale + without(excluded)) if excluded else decision


def without(excluded: Sequence[Exclusion]) -> str:
    """` (1 attempt excluded: attempt 7, wrong toolchain)`; empty if there is none."""
    if not excluded:
        return ""
    named = "; ".join(f"attempt {one.attempt}, {plain(one.why)}" for one in excluded)
    return f" ({count(len(excluded), 'attempt')} excluded: {named})"


def given_words(told: int) -> str:
    """`, given what you told about 1 revision`: the condition of a confidence that rests on words."""
    return f", given what you told about {count(told, 'revision')}" if told else ""
