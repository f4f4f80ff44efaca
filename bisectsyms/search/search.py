"""Ask and tell: which commit to test next, and what is known after each outcome.

    search = Search(parents, good=[0], bad=[n - 1], confidence=0.95)
    while (commit := search.next()) is not None:
        search.tell(commit, "failed" | "clean" | "untestable")
    search.result

Nothing here knows of git, files or clocks. The order in which evidence is told does not matter, and it may be of
commits that nobody asked for.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bisectsyms.search.asking import Asking, State
from bisectsyms.search.costs import Costs
from bisectsyms.search.ends import Ends
from bisectsyms.search.history import History
from bisectsyms.search.likelihood import Likelihood
from bisectsyms.search.lineage import Lineage
from bisectsyms.search.partition import Partition
from bisectsyms.search.posterior import Posterior, Prior, posterior
from bisectsyms.search.rates import Values, cells

Outcome = Literal["failed", "clean", "untestable"]
Ending = Literal["culprit", "predates", "not-reproduced", "undecided"]

PREDATES = 0.06
"""Prior mass of "older than the range"."""
OLDER_STILL = 0.04
"""Share of the doubt that "older than the range" may have when a commit is named."""
NOT_REPRODUCED = 0.05
"""Prior mass of "never fails here"."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a search stands, or how it ended."""

    kind: Ending
    commit: int | None
    """The culprit; None unless `kind` says so."""
    probability: float
    """Of the answer that `kind` names; of the likeliest answer while undecided."""
    credible: list[tuple[int, float]]
    """The fewest commits that reach the confidence together, the likeliest first; all of them if they cannot."""
    endings: dict[str, float]
    """Probability of each kind of ending; they sum to 1."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One outcome as it was told."""

    commit: int
    failed: bool
    kind: Hashable
    layout: Hashable


class Search:
    """A search for the first bad commit under noise; see the module."""

    def __init__(
        self,
        parents: Sequence[Sequence[int]],
        good: Sequence[int],
        bad: Sequence[int],
        confidence: float = 0.95,
        costs: Costs | None = None,
        min_rate: float = 0.01,
        budget: float | None = None,
        *,
        prior: Sequence[float] | None = None,
        layouts: int | None = None,
        twins: Sequence[Sequence[int]] = (),
        reverts: Sequence[tuple[int, int]] = (),
        find_fix: bool = False,
    ) -> None:
        """Begin a search over `parents`: for each commit the indices of its parents, in topological order.

        Args:
            good: commits said to be good; the culprit is no ancestor of them, unless it predates the range.
            bad: commits said to be bad; the culprit is an ancestor of each.
            costs: of repeats and moves; by default every attempt costs 1.
            min_rate: failures that show more seldom than this are not looked for.
            budget: the search ends, undecided, when so much is spent; in the unit of `costs`.
            prior: for each commit how likely it is to be the culprit beforehand; by default all alike.
            layouts: how many layouts a commit can have, where that is known.
            twins: groups of commits that make the same change: one candidate, named by the first of them.
            reverts: pairs (revert, what it reverts); a commit that contains both has neither.
            find_fix: `good` are newer than `bad`, and the answer is the first commit that does not fail any more;
                "predates" then means that no commit of the range changed anything.

        Raises:
            ValueError: no candidate lies between good and bad, or a number is out of its range.
        """
        if not 0.5 <= confidence < 1.0:
            raise ValueError(f"confidence {confidence} is not in [.5, 1)")
        if not 0.0 < min_rate <= 0.2:
            raise ValueError(f"min_rate {min_rate} is not in (0, .2]")
        self._history = History(parents)
        self._lineage = Lineage(self._history, twins, reverts, find_fix=find_fix)
        candidates = np.ones(self._history.size, dtype=np.bool_)
        candidates[list(self._lineage.doubles)] = False
        for commit in bad:
            candidates &= self._lineage.fails(commit)
        for commit in good:
            candidates &= ~self._lineage.fails(commit)
        older, newer = (bad, good) if find_fix else (good, bad)
        weights = candidates * (1.0 if prior is None else np.asarray(prior, dtype=np.float64))
        if not newer or weights.sum() <= 0.0:
            raise ValueError("no commit lies between good and bad")
        share = 1.0 - PREDATES - NOT_REPRODUCED
        self._prior = Prior(share * weights / weights.sum(), PREDATES, NOT_REPRODUCED)
        self._candidates, self._ends = candidates, Ends(max(bad, default=0), sorted(set(good)), layouts)
        self.confidence, self._min_rate, self._budget, self._reach = confidence, min_rate, budget, layouts
        self._costs = costs or Costs()
        self._partition = Partition(candidates, self._prior.commits)
        self._with_layouts = False
        self._kinds: dict[Hashable, Likelihood] = {}
        self._told: list[Attempt] = []
        self._alike: list[tuple[int, ...]] = []
        self._untestable: set[int] = set()
        self._out: list[int] = []
        self._here: int | None = None
        self._spent = 0.0
        self._asking = Asking(self._history, self._lineage, older, newer)
        self._now: Posterior | None = None
        self._repeats: dict[int, Hashable] = {}

    def tell(
        self,
        commit: int,
        outcome: Outcome,
        seconds: float | None = None,
        kind: Hashable = None,
        layout: Hashable = None,
    ) -> None:
        """Take in the outcome of one attempt, asked for or not.

        Args:
            seconds: what it took; by default what `costs` expects.
            kind: attempts of different kinds have rates of their own.
            layout: what the outcome may be a function of, beside the commit.
        """
        if commit in self._out:
            self._out.remove(commit)
            self._repeats.pop(commit, None)
        if seconds is None:
            seconds = self._costs.repeat + float(self._costs.moves(self._here, np.array([commit]))[0])
        self._spent += seconds
        self._here = commit
        self._now = None
        if outcome == "untestable":
            self._untestable.add(commit)
            return
        attempt = Attempt(commit, outcome == "failed", kind, layout)
        self._told.append(attempt)
        if layout is not None and not self._with_layouts:
            self._with_layouts = True  # the layout class is held beside the other from now on
            self._weigh_again()
        else:
            self._weigh(attempt)

    def alike(self, one: int, other: int) -> None:
        """Take in that two commits have the same layouts: if the layout decides, they cannot differ.

        If the schedule decides they can: what races in a Makefile need not move a symbol.
        """
        groups = [group for group in self._alike if one in group or other in group]
        merged = tuple(sorted({one, other}.union(*groups)))
        if groups != [merged]:
            self._alike = [*(group for group in self._alike if group not in groups), merged]
            if self._with_layouts:
                self._weigh_again()

    def next(self) -> int | None:
        """The commit to test next; None when the search has ended."""
        chosen = self.next_batch(1)
        return chosen[0] if chosen else None

    def next_batch(self, count: int) -> list[int]:
        """The next `count` tests, chosen together with those that are out already; empty at the end."""
        if self._ended():
            return []
        first = self._ends.first_tests(list(self._kinds.values()), self._untestable, self._out)
        chosen = [self._ends.failing] * min(count, first)
        self._out.extend(chosen)
        self._repeats = {commit: layout for commit, layout in self._repeats.items() if commit in self._out}
        while len(chosen) < count:
            repeat = self._likelihood(self._working_kind()).layout_to_repeat(self._here, self._untestable)
            if repeat is not None and not self._repeats and repeat[0] not in self._out:
                commit: int | None = repeat[0]
                self._repeats[repeat[0]] = repeat[1]
            else:
                commit = self._choose()
            if commit is None:
                break
            self._out.append(commit)
            chosen.append(commit)
        return chosen

    def expect(self, commits: Sequence[int]) -> None:
        """Let these tests be out and no others: one that was given up, or is of a search made anew, is known so."""
        self._out = list(commits)

    def _rates_excluded(self) -> bool:
        """Whether so many attempts at the failing end were clean that a failure of `min_rate` would have shown."""
        clean = self._ends.clean(list(self._kinds.values()), self._untestable)
        return (1.0 - self._min_rate) ** clean <= 1.0 - self.confidence

    def repeat_of(self, commit: int) -> Hashable:
        """The layout that the test asked for at `commit` should repeat; None for one not yet seen there.

        Repeats of a layout that failed tell whether the failure is a function of it.
        """
        return self._repeats.get(commit)

    def layout_share(self) -> float:
        """Probability that the failure is a function of the layout; approximate."""
        return self._likelihood(self._working_kind()).layout_share()

    @property
    def spent(self) -> float:
        """What all attempts cost so far, in the unit of the costs."""
        return self._spent

    @property
    def probabilities(self) -> Values:
        """Of each commit to be the one that is looked for, shape (commits,)."""
        return self._posterior().commits(self._prior, self._partition)

    @property
    def result(self) -> Result:
        """The answer so far."""
        now, commits = self._posterior(), self.probabilities
        endings = {"culprit": float(commits.sum()), "predates": now.predates, "not-reproduced": now.not_reproduced}
        order = np.argsort(-commits, kind="stable")
        heights = np.cumsum(commits[order])
        enough = int(np.searchsorted(heights, self.confidence)) + 1
        possible = int(np.count_nonzero(commits))
        credible = [(int(one), float(commits[one])) for one in order[: min(enough, possible)]]
        best = int(order[0])
        answers: list[tuple[float, Ending, int | None]] = [
            (float(commits[best]), "culprit", best),
            (now.predates, "predates", None),
            (now.not_reproduced, "not-reproduced", None),
        ]
        probability, kind, commit = max(answers, key=lambda answer: answer[0])
        open_still = (kind == "not-reproduced" and not self._rates_excluded()) or (
            kind == "culprit" and self._predates_is_open()
        )
        if probability >= self.confidence and not open_still:
            return Result(kind, commit, probability, credible, endings)
        return Result("undecided", None, probability, credible, endings)

    def _posterior(self) -> Posterior:
        if self._now is None:
            self._now = posterior(self._prior, self._partition, list(self._kinds.values()))
        return self._now

    def _ended(self) -> bool:
        if self._budget is not None and self._spent >= self._budget:
            return True
        now = self._posterior()
        commits = now.commits(self._prior, self._partition)
        never = now.not_reproduced if self._rates_excluded() else 0.0
        if max(now.predates, never) >= self.confidence:
            return True
        if self._predates_is_open():
            return False
        if float(commits.max()) >= self.confidence:
            return True
        # An untestable commit with one child cannot be told from that child: when they have it together, that is all.
        together: dict[int, float] = {}
        for commit in self._untestable:
            same = self._history.first_not_in(self._untestable, commit)
            together[same] = together.get(same, float(commits[same])) + (
                float(commits[commit]) if same != commit else 0
            )
        return max(together.values(), default=0.0) >= self.confidence

    def _predates_is_open(self) -> bool:
        """Whether "older than the range" is too likely for a commit to be named, and a test can tell.

        To blame somebody's commit where nothing changed is the worse mistake, and a few attempts at a passing end
        are all that it takes to see it.
        """
        return self._posterior().predates > OLDER_STILL * (1.0 - self.confidence) and bool(self._telling_ends())

    def _telling_ends(self) -> list[int]:
        return self._ends.telling(self._likelihood(self._working_kind()).seen, self._untestable)

    def _weigh(self, attempt: Attempt) -> None:
        self._note(attempt.commit)
        self._likelihood(attempt.kind).tell(attempt.commit, attempt.failed, attempt.layout, self._partition)

    def _note(self, commit: int) -> None:
        """Let the partition know a commit that is tested, or will be."""
        if commit not in self._partition.tested:
            origin = self._partition.add(commit, self._lineage.fails(commit), alone=self._with_layouts)
            for likelihood in self._kinds.values():
                likelihood.regroup(origin)
            self._now = None

    def _likelihood(self, kind: Hashable) -> Likelihood:
        if kind not in self._kinds:
            grid = cells(self._min_rate, layouts=self._with_layouts)
            alike = self._alike if self._with_layouts else ()
            self._kinds[kind] = Likelihood(
                grid, self._partition, self._reach, alike=alike, find_fix=self._lineage.find_fix
            )
        return self._kinds[kind]

    def _weigh_again(self) -> None:
        """Once more everything that was told, because it is now seen differently."""
        self._partition = Partition(self._candidates, self._prior.commits)
        self._kinds.clear()
        self._now = None
        for group in self._alike:
            for commit in group:
                self._note(commit)
        for attempt in self._told:
            self._weigh(attempt)

    def _choose(self) -> int | None:
        for commit in self._out:
            self._note(commit)
        if self._posterior().commits(self._prior, self._partition).max() >= self.confidence:
            return next(iter(self._telling_ends()), None)
        state = State(self._prior, self._partition, self._posterior(), self._likelihood(self._working_kind()))
        return self._asking.choose(state, self._out, self._untestable, self._costs, self._here)

    def _working_kind(self) -> Hashable:
        """The kind of attempt whose rates the choice reckons with: the one that failed most."""
        return max(self._kinds, key=lambda kind: self._kinds[kind].failed, default=None)
