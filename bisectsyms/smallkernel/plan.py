"""The shape of a history before it is written: which commit does what, and on which branch.

All choices of chance but the text of the added functions fall here. The constraints keep the answer of a
bisection unique: the culprit and its parents can be tested.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from bisectsyms.smallkernel.edits import DYING_COMPILER, PLAIN, Change

FEWEST = 12
"""Commits below which not everything finds its place."""
_TOPIC = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """Who stands where. Main runs to `topic` - 1, the topic branch forks two commits before that."""

    commits: int
    topic: int
    culprit: int
    broken: range
    changes: dict[int, Change] = field(default_factory=dict)

    @property
    def merge(self) -> int:
        """Number of the commit that merges the topic branch."""
        return self.topic + _TOPIC

    def parents(self, n: int) -> tuple[int, ...]:
        """Numbers of the parents of commit `n`, the first parent first."""
        if n == self.topic:
            return (n - 3,)
        return (self.topic - 1, n - 1) if n == self.merge else (n - 1,)

    def ancestry(self, n: int) -> list[int]:
        """The commits that `n` is made of, itself included, without `good`."""
        seen: set[int] = set()
        todo = [n]
        while todo:
            at = todo.pop()
            if at and at not in seen:
                seen.add(at)
                todo.extend(self.parents(at))
        return sorted(seen)


def draw_plan(rng: random.Random, cause: Change | None, commits: int, *, unrelated: bool, broken: bool) -> Plan:
    """Where everything stands in a history of `commits` commits; `cause` is what the culprit brings."""
    topic = rng.randint(max(4, commits // 3), commits - 6)
    merge = topic + _TOPIC
    culprit = rng.choice([n for n in range(3, commits - 1) if n != merge])
    # Broken and mended on one line of history, so that neither end nor side of the merge inherits it,
    # and two commits from the culprit: next to skipped commits nobody could name it.
    lines = (range(1, topic - 2), range(topic, merge), range(merge + 1, commits + 1))
    runs = [
        range(first, first + length)
        for length in (2, 3)
        for line in lines
        for first in line
        if first + length in line and not first - 2 < culprit < first + length + 2
    ]
    run = rng.choice(runs) if broken else range(0)
    changes = {1: DYING_COMPILER} if unrelated else {}
    if cause is not None:
        changes[culprit] = cause
    plain = rng.sample(PLAIN, min(len(PLAIN), commits // 6))
    free = [n for n in range(2, commits) if n not in changes and n != merge]
    changes.update(zip(rng.sample(free, len(plain)), plain, strict=True))
    return Plan(commits, topic, culprit, run, changes)
