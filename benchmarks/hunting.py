"""How many spots a budget settles: the rule of a hunt, and equal shares, on the same made matrices.

    python -m benchmarks.hunting [--trials 12] [--seed 1]

A world has 60 spots: 70 % never fail, 10 % do not build, 20 % fail at a rate that is uniform in its logarithm on
[.02, 1]; 3 000 attempts of one price. A spot that does not build is left after two attempts, and settled in both.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from statistics import fmean

from benchmarks import report
from bisectsyms.core.hunting import Candidate, Rules, choose, settled
from bisectsyms.core.rated import rated

SPOTS, NEVER, BROKEN, LOWEST, BUDGET, TRIES = 60, 0.7, 0.1, 0.02, 3000, 2
SHORT = 300
"""Attempts of a hunt that ends early."""
TRIALS, SEED, TARGET = 12, 1, 1.5
RULES = Rules()


@dataclass
class Spot:
    """One of a world: its true rate, and what was seen of it."""

    rate: float | None
    """None where it does not build."""
    seen: list[bool] = field(default_factory=list)

    @property
    def failed(self) -> int:
        return sum(self.seen)

    @property
    def clean(self) -> int:
        return len(self.seen) - self.failed

    @property
    def is_left(self) -> bool:
        return self.rate is None and len(self.seen) == TRIES

    @property
    def is_settled(self) -> bool:
        return self.is_left or settled(self.failed, self.clean, RULES) is not None


Policy = Callable[[Sequence[Spot]], Spot | None]


def world(rng: random.Random) -> list[Spot]:
    """Spots in random order."""
    failing = SPOTS - round(SPOTS * NEVER) - round(SPOTS * BROKEN)
    rates: list[float | None] = [0.0] * round(SPOTS * NEVER) + [None] * round(SPOTS * BROKEN)
    rates += [math.exp(rng.uniform(math.log(LOWEST), 0.0)) for _ in range(failing)]
    rng.shuffle(rates)
    return [Spot(rate) for rate in rates]


def by_rule(spots: Sequence[Spot], rules: Rules = RULES) -> Spot | None:
    """What a hunt does."""
    open_ = [one for one in spots if not one.is_left]
    candidates = [Candidate(one.failed, one.clean, one.rate is not None and bool(one.seen), 1.0) for one in open_]
    chosen = choose(candidates, rules)
    return open_[chosen[0]] if chosen else None


def equal(spots: Sequence[Spot]) -> Spot | None:
    """The same number of attempts for all that build."""
    return min((one for one in spots if not one.is_left), key=lambda one: len(one.seen), default=None)


def equal_of_open(spots: Sequence[Spot]) -> Spot | None:
    """Equal shares among those that are not settled yet."""
    return equal([one for one in spots if not one.is_settled])


def play(policy: Policy, seed: int, budget: int = BUDGET) -> dict[str, float]:
    """Spend the budget in the world of `seed`; how many spots are settled, and what is known of those that fail."""
    rng = random.Random(seed)
    spots = world(rng)
    for _ in range(budget):
        if (spot := policy(spots)) is None:
            break
        spot.seen.append(spot.rate is not None and rng.random() < spot.rate)
    failing = [one for one in spots if one.rate]
    known = [one for one in failing if one.is_settled and one.failed]
    held = [low <= (one.rate or 0.0) <= high for one in known for low, high in [_interval(one)]]
    return {
        "settled": sum(one.is_settled for one in spots),
        "failing settled": sum(one.is_settled for one in failing),
        "failing seen": sum(one.failed > 0 for one in failing),
        "failing called good": sum(one.is_settled and not one.failed for one in failing),
        "interval holds": fmean(held) if held else 1.0,
    }


def _interval(one: Spot) -> tuple[float, float]:
    rate = rated(one.failed, one.clean)
    return rate.low, rate.high


POLICIES: dict[str, Policy] = {
    "the rule of a hunt": by_rule,
    "the same, all spots worth the same": partial(by_rule, rules=replace(RULES, failing=1.0)),
    "the same, first failures worth nothing": partial(by_rule, rules=replace(RULES, seen=0.0)),
    "equal shares": equal,
    "equal shares of those that are open": equal_of_open,
}
OURS, THEIRS = "the rule of a hunt", "equal shares"
COLUMNS = ("settled", "failing settled", "failing seen", "failing called good", "interval holds")


def main(argv: list[str]) -> int:
    """Measure what is missing, at both budgets, and tell all; 1 if the target is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args(argv)
    run = {"trials": given.trials, "seed": given.seed}
    result = report.load("hunting")
    figures: dict[str, dict[str, float]] = result["figures"] if result.get("run") == run else {}
    for budget, (name, policy) in product((BUDGET, SHORT), POLICIES.items()):
        key = _key(name, budget)
        if key not in figures:
            runs = [play(policy, given.seed + number, budget) for number in range(given.trials)]
            figures[key] = {what: fmean(one[what] for one in runs) for what in COLUMNS}
            report.save("hunting", {"run": run, "figures": figures})
        print(key, figures[key], flush=True)
    return 0 if _tell(run, figures) else 1


def hunting() -> bool:
    """As `make bench` runs it."""
    return main([]) == 0


def _key(name: str, budget: int) -> str:
    return f"{name}, {budget} attempts"


def _tell(run: dict[str, int], figures: dict[str, dict[str, float]]) -> bool:
    times = figures[_key(OURS, BUDGET)]["settled"] / figures[_key(THEIRS, BUDGET)]["settled"]
    never, broken = round(SPOTS * NEVER), round(SPOTS * BROKEN)
    body = (
        f"`python -m benchmarks.hunting`: means over {run['trials']} worlds, seeds from {run['seed']}. A world has "
        f"{SPOTS} spots:\n{never} never fail, {broken} do not build (left after {TRIES} attempts, and settled), "
        f"{SPOTS - never - broken} fail at a rate that is uniform in its\nlogarithm on [{LOWEST}, 1]. All attempts "
        "have one price. Settled is a spot whose 95 % interval is below .02 or above .9, or,\nwhere it "
        f"did both, no wider than .2. With {BUDGET} attempts the rule settles {times:.2f} times as many as equal "
        f"shares; wanted {TARGET}.\n\n"
    )
    for budget in (BUDGET, SHORT):
        body += f"## {budget} attempts\n\n"
        body += report.table(("", *COLUMNS), [_cells(name, figures[_key(name, budget)]) for name in POLICIES]) + "\n"
    report.write_markdown("hunting", "How many cells a night settles", body)
    return times >= TARGET


def _cells(name: str, figures: dict[str, float]) -> list[str]:
    digits = {"interval holds": 2}
    return [name, *(f"{figures[one]:.{digits.get(one, 1)}f}" for one in COLUMNS)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
