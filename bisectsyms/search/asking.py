"""Which commits are looked at for the next test, and the best of them.

All first parents of the newer end are options, and the older ends. Where a merge is under suspicion for what it brings
in, the first parents of its other parents are options, too, and so on inwards. Only options are restricted in this
way, never the likelihood.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from bisectsyms.search.choice import Branch, Options, Plans, Sides, along, at_ends, at_tested, outcomes
from bisectsyms.search.costs import Costs
from bisectsyms.search.history import Chain, History, Mask
from bisectsyms.search.likelihood import REPEATS, UNDECIDED, Likelihood
from bisectsyms.search.lineage import Lineage
from bisectsyms.search.partition import Partition
from bisectsyms.search.posterior import Posterior, Prior
from bisectsyms.search.rates import Values

SUSPICION = 0.02
"""A merge is entered when what it brings in has this probability."""
MOST_CHAINS = 8
NEGLIGIBLE = 1e-3
"""A tested commit is no option where it is this sure on which side of the culprit it is."""


@dataclass(frozen=True, slots=True)
class State:
    """What is believed when a test is chosen."""

    prior: Prior
    partition: Partition
    now: Posterior
    likelihood: Likelihood
    """Of the kind of attempt that will be made."""


class Asking:
    """The options of one history."""

    def __init__(self, history: History, lineage: Lineage, older: Sequence[int], newer: Sequence[int]) -> None:
        self._history = history
        self._lineage = lineage
        self._between = history.ancestors(newer[0])
        for commit in older:
            self._between &= ~history.ancestors(commit)
        self._older = np.array(sorted(set(older)), dtype=np.int64)
        self._chains: dict[int, Chain] = {}
        self._main = history.chain(newer[0], self._between)
        self._after: dict[int, Plans] = {}
        """Plans at a commit of which so many layouts were clean."""
        self._plans: tuple[Likelihood, Plans] | None = None

    def choose(
        self, state: State, out: Sequence[int], untestable: Collection[int], costs: Costs, here: int | None
    ) -> int | None:
        """The commit whose test tells most per second; None if no test tells anything."""
        sides = self._plans_of(state.likelihood).averaged(state.likelihood.weights())
        branches = outcomes(state.now, out, state.partition, sides)
        attraction = self._attraction(untestable)
        fresh = self._unlike(state, attraction) if state.likelihood.by_layout else attraction
        groups = [(options, fresh) for options in self._options(state, branches, sides)]
        if state.likelihood.by_layout:
            groups += [(options, attraction) for options in self._seen_before(state, branches)]
        found: list[tuple[float, int]] = []
        for options, weight in groups:
            move = costs.moves(here, options.commits)
            found.append(options.best(move, costs.repeat, weight[options.commits]))
        score, commit = max(found, key=lambda one: one[0])
        return commit if score > 1e-12 else None

    def _plans_of(self, likelihood: Likelihood) -> Plans:
        if self._plans is None or self._plans[0] is not likelihood:
            self._plans = (likelihood, Plans(likelihood))
            self._after.clear()
        return self._plans[1]

    def _options(self, state: State, branches: Sequence[Branch], sides: Sides) -> list[Options]:
        found = [at_ends(self._older, self._lineage, state.partition, branches, sides)] if len(self._older) else []
        found.extend(
            along(chain, self._lineage, state.prior, state.partition, branches, sides)
            for chain in self._suspects(state)
        )
        return found

    def _suspects(self, state: State) -> list[Chain]:
        """The main chain, and those into merges that may have brought the culprit in."""
        if self._history.linear:
            return [self._main]
        commits = state.now.commits(state.prior, state.partition)
        chains: list[Chain] = []
        waiting = [self._main]
        while waiting and len(chains) < MOST_CHAINS:
            chain = waiting.pop(0)
            chains.append(chain)
            reached = np.cumsum(commits[chain.behind])[chain.until - 1]
            brought = np.diff(reached, prepend=0.0) - commits[chain.commits]
            for position in np.flatnonzero(brought > SUSPICION):
                merge = int(chain.commits[position])
                among: Mask | None = None
                for parent in self._history.parents(merge)[1:]:
                    if parent not in self._chains:
                        if among is None:
                            among = np.zeros(self._history.size, dtype=np.bool_)
                            among[chain.entry(int(position))] = True
                            among &= self._between
                        self._chains[parent] = self._history.chain(parent, among)
                    if len(self._chains[parent].commits):
                        waiting.append(self._chains[parent])
        return chains

    def _attraction(self, untestable: Collection[int]) -> Values:
        """How likely a commit can be tested: 0 for what cannot, less for its neighbours; shape (commits,)."""
        attraction = np.ones(self._history.size)
        for commit in untestable:
            near = np.arange(max(0, commit - 8), min(self._history.size, commit + 9))
            attraction[near] *= 1.0 - 0.5 ** np.maximum(1, np.abs(near - commit))
        attraction[list(untestable)] = 0.0
        return attraction

    def _unlike(self, state: State, attraction: Values) -> Values:
        """Commits whose fresh layouts are not those of an untested one: options of their own, or hardly any."""
        attraction = attraction.copy()
        share = state.likelihood.layout_share()
        # Else a search that has seen every layout would repeat them for ever, for the sake of the other class.
        share = 1.0 if share > 1.0 - UNDECIDED else share
        for commit, seen in state.likelihood.seen.items():
            spent = state.likelihood.reach is not None and len(seen.layouts) >= state.likelihood.reach
            repeated = seen.failed + seen.clean - len(seen.layouts)
            told = (seen.failed_layouts or spent) and not (spent and repeated >= REPEATS)
            attraction[commit] *= 1.0 - share if told else 0.0
        return attraction

    def _seen_before(self, state: State, branches: Sequence[Branch]) -> list[Options]:
        """Tested commits of which only clean layouts are known, where a further one could tell something."""
        likelihood, partition = state.likelihood, state.partition
        mass = partition.mass * state.now.density
        sides: dict[int, Sides] = {}
        found = []
        for commit, seen in likelihood.seen.items():
            behind = float(mass[partition.behind(commit)].sum())
            spent = likelihood.reach is not None and seen.clean_layouts >= likelihood.reach
            if seen.failed_layouts or spent or not NEGLIGIBLE < behind < 1.0 - NEGLIGIBLE:
                continue
            clean = seen.clean_layouts
            if clean not in sides:
                if clean not in self._after:
                    self._after[clean] = Plans(likelihood, seen)
                sides[clean] = self._after[clean].averaged(likelihood.weights())
            found.append(at_tested(commit, partition, branches, sides[clean]))
        return found
