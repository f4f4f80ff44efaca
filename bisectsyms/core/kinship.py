"""Which commits may be one patch, and which may take another back: named by titles and trailers, decided by patch-ids.

Comparing the patches of all commits of a kernel release would take minutes. Twins that nothing names (another title,
no trailer) are not seen; that costs attempts, and no answer.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bisectsyms.core.prior import Change

REVERTED = re.compile(r'Revert "(.*)"')
REAPPLIED = re.compile(r'Reapply "(.*)"')
"""What git revert calls the revert of a revert since 2.43."""
REVERTS = re.compile(r"This reverts commit ([0-9a-f]{7,64})")
PICKED = re.compile(r"cherry picked from commit ([0-9a-f]{7,64})|[Cc]ommit ([0-9a-f]{12,64}) upstream")
MOST_ALIKE = 16
"""So many commits of one title and the same files are a habit ("update MAINTAINERS"): only those of one date count."""
MOST_PATHS = 100
"""A patch of more files is not compared."""
MOST = 4000
"""So many patches take some seconds on the kernel; reverts, then the newest, if there are more."""
AFFORDED = 5_000_000
"""So many times commits may changes be followed through a history: a search looks at each change in every commit."""


@dataclass(frozen=True, slots=True)
class Kin:
    """Commits that are not hypotheses of their own, as indices into the range."""

    twins: tuple[tuple[int, ...], ...] = ()
    """Each of equal patch-id, old before new."""
    reverts: tuple[tuple[int, int], ...] = ()
    """(revert, reverted)."""

    def changes(self) -> set[tuple[int, ...]]:
        """Each change that is in the range more than once, or is taken back in it, as the commits that make it."""
        twin = {one for group in self.twins for one in group}
        return {*self.twins, *((one,) for _, one in self.reverts if one not in twin)}

    def taken_back(self) -> frozenset[int]:
        """Commits whose change is in the newer end no more."""
        ended = {one for _, one in self.reverts}
        return frozenset(one for group in self.changes() if ended.issuperset(group) for one in group)

    def in_effect(self, commits: int) -> Kin:
        """What a search must follow in a range of so many commits: changes that are still there in the newer end.

        Where there are too many, those that were taken back meanwhile, then the newest.
        """
        ended, over = {one for _, one in self.reverts}, self.taken_back()
        left = [group for group in self.changes() if not over.issuperset(group)]
        left.sort(key=lambda group: (not ended.isdisjoint(group), group))
        followed = {one for group in left[-max(1, AFFORDED // commits) :] for one in group}
        return Kin(
            tuple(group for group in self.twins if followed.issuperset(group)),
            tuple(pair for pair in self.reverts if pair[1] in followed),
        )


@dataclass(frozen=True, slots=True)
class Alike:
    """Commits whose patch-ids are worth their time."""

    commits: tuple[int, ...]
    reverting: frozenset[int]
    """Those that say they take something back."""


def plain_title(title: str) -> tuple[str, bool]:
    """The title under all its Revert and Reapply, and whether the commit takes it back."""
    back = False
    while match := REVERTED.fullmatch(title) or REAPPLIED.fullmatch(title):
        back ^= match.re is REVERTED
        title = match[1]
    return title, back


def alike(changes: Sequence[Change | None], ids: Sequence[str], messages: Mapping[int, str]) -> Alike:
    """The candidates; `messages` has those that mention another commit in the form of a trailer."""
    groups, reverting = defaultdict[object, list[int]](list), set[int]()
    comparable = {
        number: change
        for number, change in enumerate(changes)
        if change is not None and change.paths and not change.merge and len(change.paths) <= MOST_PATHS
    }
    for number, change in comparable.items():
        title, back = plain_title(change.title)
        if back:
            reverting.add(number)
        groups[title, change.paths].append(number)
    for key, group in list(groups.items()):
        if len(group) > MOST_ALIKE:
            for number in groups.pop(key):
                groups[key, comparable[number].authored].append(number)
    short = {commit[:12]: number for number, commit in enumerate(ids)}
    for number in messages.keys() & comparable.keys():
        for pattern in (REVERTS, PICKED):
            for match in pattern.finditer(messages[number]):
                name = next(filter(None, match.groups()))[:12]
                groups[name].append(number)
                if pattern is REVERTS:
                    reverting.add(number)
                if (other := short.get(name)) in comparable:
                    groups[name].append(other)
    wanted = {number for group in groups.values() if len(set(group)) > 1 for number in group}
    first = sorted(wanted, key=lambda number: (number in reverting, number))[-MOST:]
    return Alike(tuple(sorted(first)), frozenset(reverting.intersection(first)))


def kin_of(patches: Mapping[int, str], undone: Mapping[int, str], contains: Callable[[int, int], bool]) -> Kin:
    """Twins and reverts from the ids of patches and, for some commits, of their reverse.

    A revert takes back what it contains: one on another branch takes nothing from here.
    """
    same = defaultdict[str, list[int]](list)
    for number, patch in sorted(patches.items()):
        same[patch].append(number)
    twins = tuple(tuple(group) for group in same.values() if len(group) > 1)
    reverts = tuple(
        (revert, one)
        for revert, patch in sorted(undone.items())
        for one in same.get(patch, ())
        if one < revert and contains(revert, one)
    )
    return Kin(twins, reverts)
