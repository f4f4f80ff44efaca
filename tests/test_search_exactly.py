"""The search beside plain arithmetic: every hypothesis by itself, every attempt after the other.

What is shared with the search is the grid of rates and who fails under which answer, which have tests of their own
(`test_rates`, `test_lineage`). Rows of candidates and running sums along chains are not.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from bisectsyms.search import Search
from bisectsyms.search.asking import Asking, State
from bisectsyms.search.choice import RATES_COUNT, RUNS, Options, outcomes
from bisectsyms.search.history import History
from bisectsyms.search.lineage import Lineage
from bisectsyms.search.rates import Values, cells
from bisectsyms.search.search import NOT_REPRODUCED, PREDATES

OLDER, NEVER = -1, -2
"""Hypotheses beside the commits."""
SIZE = 12
Told = tuple[int, bool, object, object]
"""(commit, failed, kind, layout)."""


@dataclass
class Reference:
    """A search of SIZE commits and what was told it, by enumeration."""

    parents: list[list[int]]
    good: list[int]
    bad: list[int]
    find_fix: bool = False
    reach: int | None = None
    reverts: list[tuple[int, int]] = field(default_factory=list)
    twins: list[list[int]] = field(default_factory=list)
    prior: list[float] | None = None
    alike: list[tuple[int, ...]] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lineage = Lineage(History(self.parents), self.twins, self.reverts, find_fix=self.find_fix)
        self.effect = [self.lineage.fails(commit).tolist() for commit in range(SIZE)]

    def search(self) -> Search:
        """Which commits are alike becomes known in between."""
        search = Search(
            self.parents, self.good, self.bad, prior=self.prior, layouts=self.reach, twins=self.twins,
            reverts=self.reverts, find_fix=self.find_fix,
        )  # fmt: skip
        for number, (commit, failed, kind, layout) in enumerate(self.told):
            if number == 2:
                for one, *others in self.alike:
                    for other in others:
                        search.alike(other, one)
            search.tell(commit, "failed" if failed else "clean", kind=kind, layout=layout)
        return search

    def beforehand(self) -> dict[int, float]:
        doubles = {twin for group in self.twins for twin in sorted(group)[1:]}
        weights = {}
        for commit in range(SIZE):
            between = all(self.effect[end][commit] for end in self.bad)
            between = between and not any(self.effect[end][commit] for end in self.good)
            if between and commit not in doubles:
                weights[commit] = self.prior[commit] if self.prior else 1.0
        share = (1.0 - PREDATES - NOT_REPRODUCED) / sum(weights.values())
        return {one: share * weight for one, weight in weights.items()} | {OLDER: PREDATES, NEVER: NOT_REPRODUCED}

    def fails(self, commit: int, answer: int) -> bool:
        """Whether `commit` can fail if that is the answer."""
        return answer == OLDER or (answer != NEVER and self.effect[commit][answer])

    @property
    def by_layout(self) -> bool:
        return any(layout is not None for *_, layout in self.told)

    def weights(self, answer: int, kind: object) -> Values:
        """Of each cell with the attempts of one kind."""
        grid = cells(0.01, layouts=self.by_layout)
        told = [one for one in self.told if one[2] == kind]
        found = np.exp(grid.log_weight)
        schedule, layout = slice(0, grid.schedule), slice(grid.schedule, None)
        for commit, failed, *_ in told:
            rate = (grid.new if self.fails(commit, answer) else grid.old)[schedule]
            found[schedule] *= rate if failed else 1.0 - rate
        alpha = (grid.new * grid.kappa)[layout]
        for group in self.groups(told):
            found[layout] *= self.drawn(group, answer, told, alpha, grid.kappa[layout] - alpha)
        return found

    def groups(self, told: Sequence[Told]) -> list[tuple[int, ...]]:
        """Commits that have their layouts in common."""
        single = sorted({commit for commit, *_ in told} - {one for group in self.alike for one in group})
        return [*self.alike, *((commit,) for commit in single)]

    def layouts_of(self, commit: int, kind: object) -> dict[object, bool]:
        """Those that it has shown, and whether they failed; of all that are alike, if it is one of them."""
        group = next((group for group in self.alike if commit in group), (commit,))
        told = [one for one in self.told if one[2] == kind]
        return {
            layout or ("fresh", number): failed for number, (one, failed, _, layout) in enumerate(told) if one in group
        }

    def drawn(self, group: tuple[int, ...], answer: int, told: Sequence[Told], alpha: Values, beta: Values) -> Values:
        """Chance of what the layouts of these commits did."""
        impossible = np.zeros_like(alpha)
        sides = {self.fails(commit, answer) for commit in group}
        if len(sides) > 1:
            return impossible
        layouts: dict[object, bool] = {}
        for number, (commit, failed, _, layout) in enumerate(told):
            if commit in group and layouts.setdefault(layout or ("fresh", number), failed) != failed:
                return impossible
        failing, clean = sum(layouts.values()), len(layouts) - sum(layouts.values())
        if not sides.pop():
            return impossible if failing else np.ones_like(alpha)
        chance = _urn(alpha, beta, failing, clean)
        if self.reach is None or self.find_fix or answer not in group:
            return chance
        # The first commit at which any of all its layouts fails.
        none = _urn(alpha, beta, 0, self.reach)
        never = impossible if failing else none
        return (chance - never) / (1.0 - none)

    def probabilities(self) -> dict[int, float]:
        kinds = {kind for _, _, kind, _ in self.told}
        failed = {kind for _, failed, kind, _ in self.told if failed}
        weights = self.beforehand()
        for answer in weights:
            if answer == NEVER:
                weights[answer] *= not failed
                continue
            for kind in failed or kinds:
                weights[answer] *= float(self.weights(answer, kind).sum())
        total = sum(weights.values())
        return {answer: weight / total for answer, weight in weights.items()}

    def run(self, commit: int, answer: int, kind: object, most: int, seen: int = 0) -> tuple[float, float, float]:
        """(chance that a run of `most` is clean, entropy left when the rates are known, expected attempts).

        `seen` layouts of the commit have been clean.
        """
        grid = cells(0.01, layouts=self.by_layout)
        weights = self.weights(answer, kind)
        fails, layout = self.fails(commit, answer), slice(grid.schedule, None)
        rate = grid.new if fails else grid.old
        alpha = (grid.new * grid.kappa)[layout]
        clean = []
        for length in range(most + 1):
            clean.append((1.0 - rate) ** length)
            if fails:
                layouts = length if self.reach is None else max(0, min(length, self.reach - seen))
                clean[-1][layout] = _urn(alpha, grid.kappa[layout] - alpha + seen, 0, layouts)
        left = np.array([_entropy(one) for one in clean[-1].tolist()])
        means = [float(weights @ part / weights.sum()) for part in (clean[-1], left, sum(clean[:-1]))]
        return means[0], means[1], means[2]

    def worth(
        self, believed: dict[int, float], commit: int, kind: object, most: int, seen: int = 0
    ) -> tuple[float, float]:
        """(information in nats, expected attempts) of a run of `most` fresh attempts at most."""
        clean = told = length = 0.0
        for answer, chance in believed.items():
            if answer == NEVER:
                clean, length = clean + chance, length + chance * most
                continue
            mine, left, attempts = self.run(commit, answer, kind, most, seen)
            clean, length = clean + chance * mine, length + chance * attempts
            told += chance * ((1.0 - RATES_COUNT) * _entropy(mine) + RATES_COUNT * left)
        return max(0.0, _entropy(clean) - told), length

    def after(self, believed: dict[int, float], commit: int, kind: object) -> list[tuple[float, dict[int, float]]]:
        """How likely one more attempt there is clean, or fails, and what is believed then."""
        found = []
        for failed in (False, True):
            weights = {}
            for answer, chance in believed.items():
                clean = 1.0 if answer == NEVER else self.run(commit, answer, kind, 1)[0]
                weights[answer] = chance * (1.0 - clean if failed else clean)
            if total := sum(weights.values()):
                found.append((total, {answer: weight / total for answer, weight in weights.items()}))
        return found


def _urn(alpha: Values, beta: Values, failing: int, clean: int) -> Values:
    """Chance of draws in this order from a Polya urn."""
    chance = np.ones_like(alpha)
    for number in range(clean):
        chance *= (beta + number) / (alpha + beta + number)
    for number in range(failing):
        chance *= (alpha + number) / (alpha + beta + clean + number)
    return chance


def _entropy(p: float) -> float:
    return -sum(one * math.log(one) for one in (p, 1.0 - p) if one > 1e-300)


def _history(rng: random.Random) -> list[list[int]]:
    """With merges of two or three parents, and without some of all commits in the last one."""
    parents: list[list[int]] = [[]]
    for commit in range(1, SIZE):
        near = range(max(0, commit - 4), commit)
        parents.append(rng.sample(near, min(len(near), rng.choice([1, 1, 2, 3]))))
    return parents


def _references(seed: int, *, layouts: bool) -> Iterator[Reference]:
    """Histories with merges and twins and reverts, looked at from both ends, with some attempts of two kinds."""
    rng = random.Random(seed)
    for number in range(12):
        parents = _history(rng)
        find_fix = number % 4 == 3
        good, bad = [0], [SIZE - 1]
        one = Reference(
            parents,
            *((bad, good) if find_fix else (good, bad)),
            find_fix=find_fix,
            reach=rng.choice([None, 3, 8]) if layouts else None,
            reverts=[(8, 4)] if number % 3 == 1 else [],
            twins=[[3, 6, 7]] if number % 3 == 2 else [],
            prior=[rng.choice([1.0, 3.0, 0.02]) for _ in range(SIZE)] if number % 2 else None,
        )
        culprit = rng.choice([commit for commit in one.beforehand() if commit >= 0])
        if layouts and number % 3 == 0:
            one.alike = [tuple(sorted(rng.sample(range(1, SIZE - 1), 3)))]
        for _ in range(rng.randrange(5, 14)):
            commit = rng.randrange(SIZE)
            fails = one.effect[commit][culprit] and rng.random() < 0.6
            layout = rng.choice([None, 1, 2, 3]) if layouts else None
            done = [two for *two, _, known in one.told if known == layout and layout and two[0] == commit]
            if not any(two[1] != fails for two in done):
                one.told.append((commit, fails, rng.choice(["relink", "relink", "clean"]), layout))
        yield one


def _same(found: Search, one: Reference) -> None:
    expected = one.probabilities()
    assert found.probabilities == pytest.approx([expected.get(commit, 0.0) for commit in range(SIZE)], abs=1e-9)
    endings = found.result.endings
    assert endings["predates"] == pytest.approx(expected[OLDER], abs=1e-9)
    assert endings["not-reproduced"] == pytest.approx(expected[NEVER], abs=1e-9)
    assert sum(endings.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("layouts", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_what_is_believed(seed: int, layouts: bool) -> None:
    for one in _references(seed, layouts=layouts):
        _same(one.search(), one)


def _looked_at(one: Reference, found: Search) -> tuple[Asking, State]:
    kind = found._working_kind()
    state = State(found._prior, found._partition, found._posterior(), found._likelihood(kind))
    older, newer = (one.bad, one.good) if one.find_fix else (one.good, one.bad)
    return Asking(History(one.parents), one.lineage, older, newer), state


def _compare(
    one: Reference, options: Options, cases: list[tuple[float, dict[int, float]]], kind: object, seen: int = 0
) -> None:
    assert options.worth.shape == options.length.shape == (len(options.commits), len(RUNS))
    for commit, worth, length in zip(options.commits.tolist(), options.worth, options.length, strict=True):
        for place in (0, 2, 5):
            expected = [(share, one.worth(case, commit, kind, int(RUNS[place]), seen)) for share, case in cases]
            assert worth[place] == pytest.approx(sum(share * told for share, (told, _) in expected), abs=1e-9)
            assert length[place] == pytest.approx(sum(share * took for share, (_, took) in expected), abs=1e-7)


@pytest.mark.parametrize("layouts", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_what_a_test_is_worth(seed: int, layouts: bool) -> None:
    """Of the commits of the main chain, of those of side branches under suspicion, and of the older ends."""
    entered = again = 0
    for number, one in enumerate(_references(10 + seed, layouts=layouts)):
        found = one.search()
        kind = found._working_kind()
        out = [(), (5,), (SIZE - 1, 0)][number % 3]
        for commit in out:
            found._note(commit)
        asking, state = _looked_at(one, found)
        sides = asking._plans_of(state.likelihood).averaged(state.likelihood.weights())
        branches = outcomes(state.now, out, state.partition, sides)
        cases = [(1.0, one.probabilities())]
        for commit in out:
            cases = [(share * more, case) for share, before in cases for more, case in one.after(before, commit, kind)]
        assert sorted(branch.share for branch in branches) == pytest.approx(sorted(share for share, _ in cases))
        ends, *chains = asking._options(state, branches, sides)
        assert ends.commits.tolist() == [0]
        for options in (ends, *chains):
            _compare(one, options, cases, kind)
        entered += len(chains) > 1
        found_again = [options.commits.tolist() for options in asking._seen_before(state, branches)]
        assert sorted(found_again) == [[commit] for commit in sorted(_worth_another(one, kind))] or not layouts
        for options in asking._seen_before(state, branches) if layouts else []:
            _compare(one, options, cases, kind, len(one.layouts_of(int(options.commits[0]), kind)))
            again += 1
    assert entered and (again or not layouts)


def _worth_another(one: Reference, kind: object) -> list[int]:
    """Commits that were only clean, have layouts left, and may be on either side of a culprit of the range."""
    found, believed = [], one.probabilities()
    for commit in {commit for commit, _, made, _ in one.told if made == kind} | {
        commit for group in one.alike for commit in group
    }:
        layouts = one.layouts_of(commit, kind)
        behind = sum(chance for answer, chance in believed.items() if answer != OLDER and one.fails(commit, answer))
        left = one.reach is None or len(layouts) < one.reach
        if left and not any(layouts.values()) and 0.001 < behind < 0.999:
            found.append(commit)
    return found
