"""From likelihoods to probabilities: of every commit, and of the two endings that name none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bisectsyms.search.likelihood import Likelihood
from bisectsyms.search.partition import PREDATES, Partition
from bisectsyms.search.rates import Values


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed of the answer before the first test; all of it sums to 1."""

    commits: Values
    """Shape (commits,); 0 for what is no candidate."""
    predates: float
    """The failure is older than the range."""
    not_reproduced: float
    """It never shows here."""


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is believed after some attempts."""

    density: Values
    """For each row the factor between the probability of one of its commits and its prior, shape (rows,)."""
    predates: float
    not_reproduced: float

    def commits(self, prior: Prior, partition: Partition) -> Values:
        """Probability of each commit, shape (commits,)."""
        return np.asarray(prior.commits * self.density[partition.row], dtype=np.float64)


def posterior(prior: Prior, partition: Partition, kinds: Sequence[Likelihood]) -> Posterior:
    """Bayes' rule over rows; every kind of attempt has rates of its own.

    Clean attempts of a kind that never failed are no evidence once another kind has failed.
    """
    some_failed = any(kind.failed for kind in kinds)
    row_log = np.zeros(partition.rows)
    for kind in kinds:
        if kind.failed or not some_failed:
            row_log = row_log + kind.row_log()
    never_log = -np.inf if some_failed else 0.0
    mass = partition.mass.copy()
    mass[PREDATES] = prior.predates
    alive = row_log[mass > 0.0]
    largest = max(float(alive.max(initial=-np.inf)), never_log)
    weight = np.exp(row_log - largest)
    never = prior.not_reproduced * float(np.exp(never_log - largest))
    total = float(mass @ weight) + never
    return Posterior(weight / total, prior.predates * float(weight[PREDATES]) / total, never / total)
