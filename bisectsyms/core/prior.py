"""What is known of each commit before the first attempt: how likely it is to be the culprit beside the others.

A weight is never 0. A culprit of weight w costs log2(mean weight / w) bits more than under equal weights, so at most
about log2(1 / w): 5.6 bits at .02. It is made up for by attempts, and never makes an answer wrong by itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from typing import Literal, get_args

from bisectsyms.core.reach import Objects, Reach, reach_of
from bisectsyms.core.words import count, listed
from bisectsyms.errors import UserError

LIGHTER: Mapping[Reach, float] = {
    Reach.NOTHING: 0.02,
    Reach.DOCUMENTATION: 0.02,
    Reach.ARCH: 0.02,
    Reach.TOOLS: 0.02,
    Reach.UNREAD: 0.05,  # the lists are those of one revision: an include or a kconfig may have changed since
    Reach.UNDONE: 0.02,  # it is not in the bad end any more, but other commits may have built on it
    Reach.MERGE: 0.25,  # every file is as in one of its parents, but these may not go together
}
"""Weights by default. Where four commits of five cannot touch the build, .05 saves 2.1 bits of the 2.3 that 0 would."""
LOWEST, HIGHEST = 1e-6, 1e6
FLAT = "flat"
Field = Literal["path", "author", "subject"]


@dataclass(frozen=True, slots=True)
class Change:
    """A commit, as far as it says where it may reach and whom it is related to."""

    author: str
    """Name <address>."""
    authored: int
    """Seconds since the epoch."""
    title: str
    paths: tuple[str, ...]
    """Of a merge only those that are not as in one of its parents."""
    merge: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """Commits that match weigh so much more, or less."""

    field: Field
    pattern: re.Pattern[str]
    weight: float

    def matches(self, change: Change) -> bool:
        """Whether it applies; of several paths one is enough."""
        if self.field == "path":
            return any(self.pattern.match(path) for path in change.paths)
        return bool(self.pattern.search(change.author if self.field == "author" else change.title))


@dataclass(frozen=True, slots=True)
class Rules:
    """What the user said of `--prior`."""

    own: tuple[Rule, ...] = ()
    defaults: bool = True


@dataclass(frozen=True, slots=True)
class Weighed:
    """The weight of every commit of a range, and why."""

    weights: tuple[float, ...]
    lighter: dict[Reach, int]
    """How many commits weigh less by default, and why."""
    ruled: int
    """How many a rule of the user's matched."""

    def said(self, candidates: int) -> str:
        """One sentence for people; empty if all weigh the same."""
        parts = []
        if self.lighter:
            why = listed([f"{reach} {number} (at {LIGHTER[reach]:g})" for reach, number in self.lighter.items()])
            parts.append(f"{sum(self.lighter.values())} of {count(candidates, 'commit')} weigh less: {why}")
        if self.ruled:
            parts.append(f"--prior applies to {count(self.ruled, 'commit')}")
        return "; ".join(parts)


def rules(words: Sequence[str]) -> Rules:
    """What was given to `--prior`, in any order.

    Raises:
        UserError: one of them is none.
    """
    own = tuple(_rule(word) for word in words if word != FLAT)
    return Rules(own, defaults=FLAT not in words)


def _rule(word: str) -> Rule:
    advice = "--prior 'path:drivers/gpu/*=5', 'author:NAME=.1', 'subject:^mm=2' or flat"
    field, _, rest = word.partition(":")
    text, _, number = rest.rpartition("=")
    known: dict[str, Field] = {name: name for name in get_args(Field)}
    if field not in known or not text:
        raise UserError(f"--prior {word}: no such rule", next_step=advice)
    try:
        weight = float(number)
    except ValueError as error:
        raise UserError(f"--prior {word}: {number!r} is no number", next_step=advice) from error
    try:
        # A folder means all that is in it.
        pattern = re.compile(translate(f"{text}*" if text.endswith("/") else text) if field == "path" else text)
    except (re.error, OverflowError, RecursionError) as error:  # counts and nesting are errors of their own to re
        raise UserError(f"--prior {word}: {error}", next_step=advice) from error
    if not LOWEST <= weight <= HIGHEST:
        raise UserError(f"--prior {word}: a weight is between {LOWEST:g} and {HIGHEST:g}", next_step=advice)
    return Rule(known[field], pattern, weight)


def weigh(
    changes: Sequence[Change | None],
    rules: Rules,
    arch: str | None,
    objects: Objects | None = None,
    undone: Collection[int] = (),
) -> Weighed:
    """Weigh the commits of a range; one of which nothing is known weighs 1.

    `arch` is what is built, or None for a command: of that nobody knows what it reads, so no path makes a difference.
    `undone` are commits that are taken back in the range.
    """
    weights, lighter, ruled = [], Counter[Reach](), 0
    for number, change in enumerate(changes):
        if change is None:
            weights.append(1.0)
            continue
        weight = 1.0
        reach = Reach.BUILD
        if rules.defaults:
            reach = Reach.UNDONE if number in undone else reach_by_default(change, arch, objects)
        if reach is not Reach.BUILD:
            lighter[reach] += 1
            weight = LIGHTER[reach]
        matching = [rule.weight for rule in rules.own if rule.matches(change)]
        ruled += bool(matching)
        for one in matching:
            weight = min(HIGHEST, max(LOWEST, weight * one))
        weights.append(weight)
    return Weighed(tuple(weights), {reach: lighter[reach] for reach in Reach if lighter[reach]}, ruled)


def reach_by_default(change: Change, arch: str | None, objects: Objects | None) -> Reach:
    """Why a commit weighs less before any rule of the user's; BUILD if it does not. `arch` as for `weigh`."""
    if change.merge and not change.paths:
        return Reach.MERGE
    return Reach.BUILD if arch is None else reach_of(change.paths, arch, objects)
