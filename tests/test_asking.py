"""Which commits are looked at for the next test, and what the ends and the costs have to say about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from bisectsyms.search import Costs, Search, choice
from bisectsyms.search.asking import SUSPICION, Asking, State
from bisectsyms.search.choice import outcomes
from bisectsyms.search.ends import TOGETHER, Ends
from bisectsyms.search.history import History
from bisectsyms.search.likelihood import REPEATS, UNDECIDED, Likelihood, Seen
from bisectsyms.search.lineage import Lineage
from bisectsyms.search.posterior import Posterior

CHAIN = [[], *([one] for one in range(31))]
FORK = [[], [0], [1], [1], [3], [2, 4], [5]]
"""0-1-2-5-6 with the side branch 3-4, merged at 5."""
TWO_FORKS = [[], [0], [0], [2], [2], [4], [3, 5], [1, 6], [7]]
"""0-1-7-8 with the side branch 2-3-6, merged at 7, and in it the side branch 4-5, merged at 6."""


def asking(parents: Sequence[Sequence[int]]) -> Asking:
    history = History(parents)
    return Asking(history, Lineage(history), [0], [len(parents) - 1])


def state(search: Search, now: Posterior | None = None) -> State:
    return State(
        search._prior, search._partition, now or search._posterior(), search._likelihood(search._working_kind())
    )


@pytest.mark.parametrize("untestable", [[], [0], [1, 10], [31], [12, 13, 14]])
def test_neighbours_of_what_cannot_be_tested_attract_less(untestable: list[int]) -> None:
    found = asking(CHAIN)._attraction(untestable)
    for commit in range(32):
        expected = 1.0
        for one in untestable:
            if commit == one:
                expected = 0.0
            elif abs(commit - one) <= 8:
                expected *= 1.0 - 0.5 ** abs(commit - one)
        assert found[commit] == pytest.approx(expected)


def entered(parents: list[list[int]], weights: dict[int, float]) -> list[list[int]]:
    """The chains that are looked at if that is what is believed of the commits."""
    prior = [weights.get(commit, 1e-9) for commit in range(len(parents))]
    search = Search(parents, [0], [len(parents) - 1], prior=prior)
    return [chain.commits.tolist() for chain in asking(parents)._suspects(state(search))]


def test_a_merge_is_entered_where_what_it_brings_in_is_under_suspicion() -> None:
    main = [1, 2, 5, 6]
    assert entered(FORK, {1: 1.0}) == [main]
    assert entered(FORK, {5: 1.0}) == [main], "the merge itself is no reason"
    assert entered(FORK, {1: 1.0, 3: SUSPICION / 2}) == [main]
    assert entered(FORK, {1: 1.0, 3: 2 * SUSPICION}) == [main, [3, 4]]
    assert entered(FORK, {1: 1.0, 3: 0.6 * SUSPICION, 4: 0.6 * SUSPICION}) == [main, [3, 4]]
    assert entered(TWO_FORKS, {1: 1.0, 2: 1.0}) == [[1, 7, 8], [2, 3, 6]]
    assert entered(TWO_FORKS, {1: 1.0, 5: 1.0}) == [[1, 7, 8], [2, 3, 6], [4, 5]]


def test_commits_behind_an_older_end_are_no_options() -> None:
    """A side branch is entered as far as it lies in the range."""
    history = History(FORK)
    search = Search(FORK, [1, 3], [6])
    found = Asking(history, Lineage(history), [1, 3], [6])._suspects(state(search))
    assert [chain.commits.tolist() for chain in found] == [[2, 5, 6], [4]]


def test_plans_are_those_of_the_kind_that_is_asked_for() -> None:
    one, other = Search(CHAIN, [0], [31]), Search(CHAIN, [0], [31], min_rate=0.001)
    looking = asking(CHAIN)
    first = looking._plans_of(state(one).likelihood)
    assert looking._plans_of(state(one).likelihood) is first
    second = looking._plans_of(state(other).likelihood)
    assert second is not first and len(second.stacked) == len(state(other).likelihood.cells.new)


def test_of_many_tests_that_are_out_the_likeliest_outcomes_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    search = Search(CHAIN, [0], [31])
    search.tell(31, "failed")
    search.tell(12, "failed")
    out = [1, 5, 12, 20, 28, 31]
    for commit in out:
        search._note(commit)
    now = state(search)
    sides = asking(CHAIN)._plans_of(now.likelihood).averaged(now.likelihood.weights())
    some = outcomes(now.now, out[:4], now.partition, sides)
    assert len(some) == 2**4
    few = outcomes(now.now, out, now.partition, sides)
    monkeypatch.setattr(choice, "MOST_BRANCHES", 1000)
    every = sorted((branch.share for branch in outcomes(now.now, out, now.partition, sides)), reverse=True)
    assert len(every) == 2**6 and sum(every) == pytest.approx(1.0)
    assert len(few) == 16 and few[0].share == pytest.approx(every[0])
    assert sum(branch.share for branch in few) > 0.9 * sum(every[:16])


def kind(clean: int = 0, failed: int = 0, layouts: int = 0, commit: int = 9) -> Likelihood:
    seen = {commit: Seen(failed=failed, clean=clean, layouts=dict.fromkeys(range(layouts), False))}
    return cast(Likelihood, SimpleNamespace(seen=seen))


def test_the_failing_end_comes_first_until_it_has_failed() -> None:
    ends = Ends(9, [0, 3], reach=4)
    assert ends.first_tests([], (), []) == TOGETHER
    assert ends.first_tests([kind(clean=7)], (), [9, 3, 9]) == TOGETHER - 2
    assert ends.first_tests([kind()], (), [9] * (TOGETHER + 2)) == 0
    assert ends.first_tests([kind(clean=7), kind(failed=1)], (), []) == 0
    assert ends.first_tests([kind(clean=7)], {9}, []) == 0
    assert ends.first_tests([kind(clean=7)], {3}, []) == TOGETHER
    assert ends.first_tests([kind(clean=7, layouts=4), kind(clean=1, layouts=1)], (), []) == 0
    assert ends.first_tests([kind(clean=7, layouts=3)], (), []) == TOGETHER
    assert Ends(9, [0], reach=1).first_tests([kind(commit=5)], (), []) == TOGETHER, "nothing was drawn there"


def test_clean_attempts_elsewhere_count_only_where_the_failing_end_can_say_nothing_more() -> None:
    ends, here, there = Ends(9, [0], reach=4), kind(clean=7, layouts=3), kind(clean=20, commit=5)
    both = cast(Likelihood, SimpleNamespace(seen={**here.seen, **there.seen}))
    assert ends.clean([], ()) == 0 and ends.clean([], {9}) == 0
    assert ends.clean([both], ()) == 7
    assert ends.clean([both], {5}) == 7
    assert ends.clean([both], {9}) == 27
    assert ends.clean([kind(clean=7, layouts=4), there], ()) == 20
    assert Ends(9, [0], reach=None).clean([kind(clean=7, layouts=4), there], ()) == 7


def test_passing_ends_tell_until_all_their_layouts_were_seen() -> None:
    ends = Ends(9, [0, 3], reach=2)
    assert ends.telling({}, ()) == [0, 3]
    assert ends.telling(kind(layouts=2, commit=3).seen, ()) == [0]
    assert ends.telling(kind(layouts=1, commit=3).seen, {0}) == [3]


def test_moves_are_as_dear_as_said() -> None:
    commits = np.array([3, 5, 9])
    assert Costs(1, 10).moves(None, commits).tolist() == [10, 10, 10]
    assert Costs(1, 10).moves(5, commits).tolist() == [10, 0, 10]
    between = Costs(1, 10, between=lambda here, them: np.abs(them - here).astype(np.float64))
    assert between.moves(5, commits).tolist() == [2.0, 0.0, 4.0]
    assert between.moves(None, commits).tolist() == [10, 10, 10], "from nowhere to anywhere"


@dataclass
class Held:
    """A likelihood, as far as it is asked which commits are worth another layout."""

    share: float
    """Of the layout class."""
    reach: int | None
    seen: dict[int, Seen]

    def layout_share(self) -> float:
        return self.share


def seen(layouts: int, repeats: int, *, fails: bool) -> Seen:
    """So many layouts, and attempts that repeated one; some of all of them failed if `fails`, else none."""
    attempts = layouts + repeats
    failed = max(1, attempts // 3) if fails else 0
    return Seen(
        failed=failed,
        clean=attempts - failed,
        layouts=dict.fromkeys(range(layouts), fails),
        failed_layouts=1 if fails else 0,
        clean_layouts=layouts - 1 if fails else layouts,
    )


@pytest.mark.parametrize("fails", [True, False])
@pytest.mark.parametrize("reach", [None, 1, 5])
@pytest.mark.parametrize("share", [0.3, 1.0 - UNDECIDED, 0.999])
def test_a_commit_that_was_tried_is_given_fresh_layouts_for_what_only_these_tell(
    share: float, reach: int | None, fails: bool
) -> None:
    """Where it failed, or has none left; one that has none left only until it was repeated often."""
    history, nothing = History(CHAIN), cast(Any, None)
    asking = Asking(history, Lineage(history), [0], [31])
    before = np.linspace(0.1, 1.0, len(CHAIN))
    for layouts, repeats in product((1, 4, 5, 6), (0, REPEATS - 1, REPEATS, REPEATS + 1)):
        spent = reach is not None and layouts >= reach
        worth = 0.0
        if (fails or spent) and not (spent and repeats >= REPEATS):
            worth = 0.0 if share > 1.0 - UNDECIDED else 1.0 - share
        held = cast(Likelihood, Held(share, reach, {7: seen(layouts, repeats, fails=fails)}))
        after = asking._unlike(State(nothing, nothing, nothing, held), before)
        assert after[7] == before[7] * worth, (layouts, repeats)
        assert (np.delete(after, 7) == np.delete(before, 7)).all()
    assert before[7] > 0.0, "what was given is left as it is"
