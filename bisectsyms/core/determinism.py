"""With all pinned that can be: is a revision deterministic at all?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bisectsyms.core.words import count
from bisectsyms.model import Observation


def determinism(seen: Sequence[Observation]) -> str:
    """What equal attempts at a revision say, of the kind that was made most often; empty where there is one at most."""
    evidence = [one for one in seen if one.outcome.is_evidence]
    kinds = Counter(one.kind for one in evidence)
    if not kinds:
        return ""
    kind, made = kinds.most_common(1)[0]
    if made < 2:
        return ""
    mine = [one for one in evidence if one.kind is kind]
    layouts, outcomes = {one.layout for one in mine}, Counter(one.outcome for one in mine)
    text = f"frozen: {count(made, 'attempt')} ({kind})"
    if len(layouts) == len(outcomes) == 1:
        return f"{text}, one layout, all {mine[0].outcome}: deterministic, as far as they show"
    ended = ", ".join(f"{times} {outcome}" for outcome, times in outcomes.items())
    return f"{text}, {count(len(layouts), 'layout')}, {ended}: not deterministic, something decides that is not pinned"
