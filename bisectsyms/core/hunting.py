"""Where a hunt spends its next attempt: ask and tell, over all its spots (cells of the matrix at a revision).

First every spot once, by the shortest way. Then the rule is KG(*), the knowledge gradient per measurement at the number
of measurements where it is largest (Frazier and Powell, Paradoxes in Learning and the Marginal Value of Information,
Decision Analysis 7, 2010). What is learnt are spots that are settled and spots that are seen to fail; the price is
seconds, those of the way there included. One attempt alone never settles a spot, so a rule that looks one ahead is
blind here, and equal shares leave a night with no spot known well. A first failure is likeliest where least was tried,
so the work goes round until what fails often was seen. Dividing by all seconds keeps it where it is until leaving pays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import lgamma

import numpy as np
from numpy.typing import NDArray

from bisectsyms.core.belief import prior
from bisectsyms.core.ladder import DEARER, price
from bisectsyms.core.rated import Rate, rated
from bisectsyms.core.words import count, percent
from bisectsyms.model import Consistency, Kind

NEVER = 0.7
"""Prior mass at "never fails": most cells of a matrix have nothing."""
HORIZONS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
"""How many attempts are looked ahead; what settles a spot without a failure is added."""
NORMAL = 1.96
"""Standard deviations of a normal distribution within which 95 % of it lie."""
LEAST = 1e-3
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Rules:
    """When a spot is settled, by the 95 % interval of its rate."""

    good: float = 0.02
    """Without a failure, and all of it is below this."""
    bad: float = 0.9
    """All of it is above."""
    width: float = 0.2
    """Something failed, something did not, and it is no wider, nor would be if the rate were elsewhere in it."""
    failing: float = 6.0
    """What a settled spot that fails is worth beside one that does not: it is what people hunt for.

    At 1 clean spots are settled one by one, and most of those that fail are left open (benchmarks/results/hunting.md).
    """
    seen: float = 6.0
    """The same of a spot that is seen to fail for the first time. At 0 one spot after the other is settled, and a short
    hunt leaves most of them at one attempt."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A spot as the rule sees it."""

    failed: int
    clean: int
    """Attempts of the kind it is judged by."""
    tried: bool
    """Whether any attempt there has ended that says something."""
    seconds: float
    """Of one attempt."""
    arrival: float = 0.0
    """Seconds before the first one, from where we are."""


@lru_cache(maxsize=1 << 17)
def settled(failed: int, clean: int, rules: Rules) -> Consistency | None:
    """What a spot is once it is settled; None before."""
    if not failed + clean:
        return None
    rate = rated(failed, clean)
    if not failed:
        return Consistency.GOOD if rate.high < rules.good else None
    if rate.low > rules.bad:
        return Consistency.BAD
    narrow = clean and rate.high - rate.low <= rules.width and rate.attempts >= _enough(rate, rules.width)
    return Consistency.FLAKY if narrow else None


def _enough(rate: Rate, width: float) -> float:
    """Attempts that an interval of this width takes at the rate of the interval that takes most, the nearest to a half.

    Who stops as soon as it is narrow stops at the first run of luck, 1 of 17 at a rate of .3, and one interval of ten
    does not hold its rate (Frey, Fixed-Width Sequential Confidence Intervals for a Proportion, American Statistician,
    2010). The size is that of Cochran, Sampling Techniques, 1977, 4.4: z^2 p (1 - p) / d^2.
    """
    most = min(max(0.5, rate.low), rate.high)
    return most * (1.0 - most) * (2 * NORMAL / width) ** 2


def choose(candidates: Sequence[Candidate], rules: Rules) -> tuple[int, str] | None:
    """The spot for the next attempt, by its place in the list, and why; None where all are settled.

    Candidates that take no attempts any more (broken ones) are the caller's to leave out.
    """
    new = [number for number, one in enumerate(candidates) if not one.tried]
    if new:
        nearest = min(new, key=lambda number: (candidates[number].arrival + candidates[number].seconds, number))
        return nearest, "every spot once"
    open_ = [number for number, one in enumerate(candidates) if settled(one.failed, one.clean, rules) is None]
    if not open_:
        return None
    best = max(open_, key=lambda number: (_best(candidates[number], rules)[0], -number))
    return best, _why(candidates[best], _best(candidates[best], rules)[1], rules)


def _why(one: Candidate, plan: Plan, rules: Rules) -> str:
    so_far = f"{one.failed} of {count(one.failed + one.clean, 'attempt')} failed"
    after = "one more attempt" if plan.ahead == 1 else f"{plan.ahead} more attempts"
    if rules.seen * plan.seen > plan.worth:
        return f"{so_far}; a failure is seen in {after} with a probability of {percent(plan.seen)}"
    what = "bad or flaky" if one.failed else "good, bad or flaky"
    return f"{so_far}; whether it is {what} is known after {after} with a probability of {percent(plan.settled)}"


def left(candidate: Candidate, rules: Rules) -> tuple[float, float]:
    """(seconds, chance) of the cheapest way to settle a spot; (0, 1) where it is settled."""
    if settled(candidate.failed, candidate.clean, rules) is not None:
        return 0.0, 1.0
    _, plan = _best(candidate, replace(rules, seen=0.0))
    return candidate.arrival + plan.ahead * candidate.seconds, plan.settled


def prices(spent: Mapping[Kind, tuple[int, float]], kinds: Sequence[Kind]) -> dict[Kind, float]:
    """Seconds of an attempt of each kind, cheapest first, from how many were made and how long they took together.

    One that was never made is taken to cost an eighth of the next dearer one that was, as in the ladder; without such a
    one eight times the next cheaper.
    """
    found = price(spent, kinds)
    dearer = 0.0
    for kind in reversed(kinds):
        made, _ = spent.get(kind, (0, 0.0))
        if not made and dearer:
            found[kind] = dearer / DEARER
        dearer = found[kind] if made or dearer else 0.0
    return found


@dataclass(frozen=True, slots=True)
class Plan:
    """So many further attempts at a spot, and what they are expected to teach."""

    ahead: int
    settled: float
    """Probability that the spot is settled then."""
    seen: float
    """Probability that it has shown a failure then; 0 where one was seen before."""
    worth: float
    """Of being settled, in spots that are good."""


@lru_cache(maxsize=1 << 14)  # an attempt changes one spot, and all are looked at
def _best(one: Candidate, rules: Rules) -> tuple[float, Plan]:
    """Worth per second of the best plan, and that plan."""
    plans = _plans(one.failed, one.clean, rules)

    def per_second(plan: Plan) -> float:
        return (plan.worth + rules.seen * plan.seen) / (one.arrival + plan.ahead * max(LEAST, one.seconds))

    best = max(plans, key=per_second)
    return per_second(best), best


@lru_cache(maxsize=1 << 14)
def _plans(failed: int, clean: int, rules: Rules) -> tuple[Plan, ...]:
    """One for every horizon."""
    weight = _posterior(failed, clean)
    exact = next((more for more in range(1, 1000) if settled(0, clean + more, rules)), 1) if not failed else 1
    plans = []
    for ahead in sorted({*HORIZONS, exact}):
        odds = weight @ _binomial(ahead)
        states = [settled(failed + k, clean + ahead - k, rules) for k in range(ahead + 1) if odds[k] > 1e-6]
        likely = odds[odds > 1e-6]
        good = sum(odd for odd, state in zip(likely, states, strict=True) if state is Consistency.GOOD)
        fails = sum(odd for odd, state in zip(likely, states, strict=True) if state and state is not Consistency.GOOD)
        seen = 0.0 if failed else float(1.0 - odds[0])
        plans.append(Plan(ahead, float(good + fails), seen, float(good + rules.failing * fails)))
    return tuple(plans)


def _posterior(failed: int, clean: int) -> NDArray[np.float64]:
    """Weights of the rates of `_rates`."""
    rate, before = _rates()
    weight = before * rate**failed * (1.0 - rate) ** clean
    return np.asarray(weight / weight.sum(), dtype=np.float64)


def _rates() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rates, the first being 0, and what they weigh before the first attempt."""
    belief = prior(varied=False)
    return np.append(0.0, belief.rate), np.append(NEVER, (1.0 - NEVER) * belief.schedule)


@lru_cache(maxsize=512)
def _binomial(ahead: int) -> NDArray[np.float64]:
    """Probability of 0 … `ahead` failures at each rate, shape (number of rates, ahead + 1)."""
    rate, _ = _rates()
    k = np.arange(ahead + 1)
    ways = np.exp([lgamma(ahead + 1) - lgamma(n + 1) - lgamma(ahead - n + 1) for n in range(ahead + 1)])
    return np.asarray(ways * rate[:, None] ** k * (1.0 - rate[:, None]) ** (ahead - k), dtype=np.float64)
