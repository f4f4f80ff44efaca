"""Is the stated probability true? Worlds drawn from the very prior of the search: stated must equal actual.

    python -m benchmarks.calibration [--trials 1000] [--seed 7000] [--confidence .95 ...]

This is a test of the code: whatever the prior is, Bayes' rule is calibrated on worlds drawn from it. What a prior is
worth where the world is another one is what `benchmarks.search` measures. `pip install matplotlib` into the Python
that runs this adds the picture.
"""

from __future__ import annotations

import argparse
import math
import sys
from statistics import fmean

import numpy as np

from benchmarks import plot, report
from bisectsyms.search import Search
from bisectsyms.search.rates import cells
from bisectsyms.search.search import NOT_REPRODUCED, PREDATES
from bisectsyms.search.worlds import Run, Setting, Truth, World, play
from bisectsyms.usecases.simulate import calibration

COMMITS, MIN_RATE = 64, 0.02
"""A smallest rate of .02 halves the time that worlds take in which nothing ever fails."""
CONFIDENCES = (0.8, 0.9, 0.95, 0.99)
ENOUGH = 20
"""Answers that make a point of the picture."""


def drawn(seed: int) -> World:
    """A world as the search expects it: an ending, and in it a pair of rates."""
    rng = np.random.default_rng([seed, 1])
    grid = cells(MIN_RATE, layouts=False)
    cell = int(rng.choice(len(grid.new), p=np.exp(grid.log_weight)))
    new, old = float(grid.new[cell]), float(grid.old[cell])
    endings: tuple[Truth, ...] = ("predates", "not-reproduced", "culprit")
    truth = endings[int(rng.choice(3, p=[PREDATES, NOT_REPRODUCED, 1.0 - PREDATES - NOT_REPRODUCED]))]
    rates = {"culprit": (old, new), "predates": (new, new), "not-reproduced": (0.0, 0.0)}[truth]
    return World(Setting(COMMITS, *rates, truth=truth), seed)


def searched(seed: int, confidence: float) -> Run:
    """One search of one such world."""
    return play(drawn(seed), lambda world: Search(world.parents, [0], [COMMITS - 1], confidence, min_rate=MIN_RATE))


def main(argv: list[str]) -> int:
    """Measure and tell; 1 if stated and actual differ by more than three standard errors."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=7000)
    parser.add_argument("--confidence", type=float, nargs="*", default=CONFIDENCES)
    given = parser.parse_args(argv)
    lines, sound, bins, points = [], True, [], []
    for confidence in given.confidence:
        runs = [searched(given.seed + number, confidence) for number in range(given.trials)]
        stated, right = fmean(run.stated for run in runs), fmean(run.right for run in runs)
        error = math.sqrt(stated * (1.0 - stated) / len(runs))
        sound = sound and abs(stated - right) <= 3.0 * error
        attempts = fmean(run.attempts for run in runs)
        lines.append((f"{confidence}", f"{stated:.3f}", f"{right:.3f}", f"{error:.3f}", f"{attempts:.0f}"))
        points += [(one.stated, one.right, one.answers) for one in calibration(runs) if one.answers >= ENOUGH]
        bins += [
            (f"{confidence}", f"{one.low:g} to {one.high:g}", one.answers, f"{one.stated:.3f}", f"{one.right:.3f}")
            for one in calibration(runs)
        ]
    head = ("asked for", "stated", "right", "standard error", "attempts")
    body = (
        f"`python -m benchmarks.calibration --trials {given.trials} --seed {given.seed}`:\n"
        f"{COMMITS} commits, rates and endings drawn from the prior of the search, smallest rate {MIN_RATE}.\n\n"
        + report.table(head, lines)
        + "\n\n"
        + plot.calibration("calibration", points)
        + "The same answers by what they stated:\n\n"
        + report.table(("asked for", "stated", "answers", "mean", "right"), bins)
    )
    report.write_markdown("calibration", "Is the stated probability true?", body)
    print(body)
    return 0 if sound else 1


def measure() -> bool:
    """As `make bench` runs it."""
    return main([]) == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
