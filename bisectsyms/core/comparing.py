"""Two ways to build the same objects, attempt by attempt: which one next, and when it is known whether they differ.

Ask and tell, as everywhere: what was seen goes in, in the order in which it was made, and the answer depends on nothing
else. So an experiment that was cut short ends as it would have, and attempts of before count.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from bisectsyms.core.exacttest import FIRST_LOOK, POWER, allowed, fisher, look_at, look_that_sees
from bisectsyms.core.words import count, percent

MOST = 96
"""Attempts of each arm at most: they see that a rate of .2 is gone."""
QUIET = 24
"""After so many clean attempts of the arm that is known to fail, the failure does not show any more."""
RATES = 24
"""Attempts of each at least before two rates are called the same: it sees half of them fail where all do."""
HINT = 0.1
"""A p value at the planned end below which it goes on to the next look."""
STEADY = 9
"""So many failures and no clean attempt: a rate below .7 would show that in under 5 % of the cases."""


class Turn(enum.StrEnum):
    """How an experiment turned out."""

    FEWER = "fewer"
    """The other arm fails less often."""
    MORE = "more"
    SAME = "as well"
    """It fails there as well, and no difference was seen that would have been seen."""
    ALWAYS = "always"
    """Of one arm: every attempt ended in the same way."""
    BOTH = "both"
    """Of one arm: equal attempts ended in different ways."""
    UNDECIDED = "undecided"

    @property
    def answers(self) -> bool:
        """Whether the question of the experiment is settled."""
        return self is not Turn.UNDECIDED


@dataclass(frozen=True, slots=True)
class More:
    """One more attempt, please."""

    arm: int
    """0 or 1."""
    left: int
    """Attempts of all arms until it can be decided at the rate seen so far."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """The end."""

    turn: Turn
    why: str
    p: float | None = None
    """Of Fisher's exact test, of the attempts that were looked at last."""


def compare(
    base: Sequence[bool], other: Sequence[bool], *, never: bool, most: int = MOST, in_turn: bool = True
) -> More | Ruling:
    """Decide whether `other` fails at another rate than `base`, or ask for the next attempt.

    Each is whether its attempts failed, in their order. Looks are taken at 6, 12, 24 … attempts of each, at the first
    so many, and what each look may spend is fixed beforehand (core/exacttest.py): looking often finds no difference in
    chance. `never`: what is asked is whether the failure needs what only `base` has, so one failure of `other` answers.
    `in_turn` makes the attempts of both by turns, base first, other first; else all of `base` come before `other`.
    """
    looks = [look for look in range(len(base)) if look_at(look) <= min(len(base), len(other))]
    p = None
    for look in looks:
        made = look_at(look)
        failed, there = sum(base[:made]), sum(other[:made])
        p = fisher(failed, made, there, made)
        if p <= allowed(look):
            text = f"{there} of {made} against {failed} of {made} failed"
            return Ruling(Turn.FEWER if there < failed else Turn.MORE, text, p)
    if never and any(other):
        return Ruling(Turn.SAME, f"it fails there as well ({sum(other)} of {len(other)}): one failure is proof", p)
    if len(base) >= QUIET and not any(base):
        return Ruling(Turn.UNDECIDED, f"the failure does not show any more: {count(len(base), 'clean attempt')}", p)
    rated = len(base) >= FIRST_LOOK and any(base)
    rate = sum(base) / len(base) if rated else 1.0
    last = look_that_sees(rate, most)
    hopeless = look_that_sees(min(1.0, 2 * rate), most) is None  # what was seen may be half of what it is
    if hopeless and (len(base) >= QUIET or most < FIRST_LOOK):
        text = f"at a rate of {percent(rate)}, {count(most, 'attempt')} of each are too few to see it gone"
        return Ruling(Turn.UNDECIDED, text, p)
    end = look_at(last) if last is not None else most
    if not never:
        end = max(end, min(RATES, most))
    done = min(len(base), len(other))
    if p is not None and p < HINT and done >= end:
        end = next((at for at in map(look_at, range(done)) if at > done), most)
    if done >= min(end, most):
        return _no_difference(base, other, p)
    if rated and not _possible(base, other, end):
        return _no_difference(base, other, p, early=True)
    left = max(0, end - len(base)) + max(0, end - len(other))
    if in_turn:
        even = len(base) == len(other)
        arm = len(base) % 2 if even else int(len(base) > len(other))
    else:
        arm = int(len(base) >= end)
    return More(arm, left)


def _no_difference(base: Sequence[bool], other: Sequence[bool], p: float | None, *, early: bool = False) -> Ruling:
    text = f"{sum(other)} of {len(other)} against {sum(base)} of {len(base)} failed"
    if early:
        text += ", and no attempts that are left could tell them apart"
    if not any(other) or not any(base):
        return Ruling(Turn.UNDECIDED, text, p)
    return Ruling(Turn.SAME, text if early else f"{text}: none at all would have been seen with {percent(POWER)}", p)


def _possible(base: Sequence[bool], other: Sequence[bool], end: int) -> bool:
    """Whether what is still to come could decide it: if every attempt of one arm failed, and none of the other."""
    looks = (look for look in range(end) if min(len(base), len(other)) < look_at(look) <= end)
    for look in looks:
        made = look_at(look)
        low, high = _range(base, made), _range(other, made)
        best = min(fisher(low[1], made, high[0], made), fisher(low[0], made, high[1], made))
        if best <= allowed(look):
            return True
    return False


def _range(seen: Sequence[bool], made: int) -> tuple[int, int]:
    """Fewest and most failures among the first `made`."""
    failed = sum(seen[:made])
    return failed, failed + max(0, made - len(seen))


def constant(seen: Sequence[bool], most: int = MOST) -> More | Ruling:
    """Decide whether equal attempts end in the same way, or ask for one more."""
    failed, made = sum(seen), len(seen)
    if 0 < failed < made:
        return Ruling(Turn.BOTH, f"{failed} of {count(made, 'equal attempt')} failed")
    if failed >= STEADY:
        return Ruling(Turn.ALWAYS, f"all {count(failed, 'equal attempt')} failed: a rate under 70 % is excluded")
    if made >= min(QUIET, most):
        if not failed:
            return Ruling(Turn.UNDECIDED, f"the failure does not show any more: {count(made, 'clean attempt')}")
        return Ruling(Turn.UNDECIDED, f"{failed} of {count(made, 'attempt')} failed: too few to say always")
    return More(0, STEADY - failed if failed or not made else QUIET - made)
