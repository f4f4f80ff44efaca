"""The search as a library: its answers on made worlds, and what must hold whatever the evidence."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bisectsyms.search import Costs, Search
from bisectsyms.search.history import History
from bisectsyms.search.likelihood import REPEATS
from bisectsyms.search.search import OLDER_STILL, Outcome
from bisectsyms.search.worlds import Run, Setting, World, make_parents, play

CHAIN = [[], *([one] for one in range(31))]
FORK = [[], [0], [1], [1], [3], [2, 4], [5]]
"""0-1-2-5-6 with the side branch 3-4, merged at 5."""


def standard(world: World, confidence: float = 0.95) -> Search:
    return Search(world.parents, [0], [len(world.parents) - 1], confidence, layouts=world.setting.layouts or None)


def runs(setting: Setting, count: int, confidence: float = 0.95) -> list[Run]:
    return [play(World(setting, seed), lambda world: standard(world, confidence)) for seed in range(count)]


def least_right(count: int, chance: float) -> int:
    """So few right answers, and a true accuracy of `chance` is excluded at 1 % (one-sided)."""
    heights = 0.0
    for right in range(count + 1):
        heights += math.comb(count, right) * chance**right * (1.0 - chance) ** (count - right)
        if heights > 0.01:
            return right
    raise AssertionError("a distribution sums to 1")


@pytest.mark.parametrize(
    "setting",
    [
        Setting(64, 0.0, 1.0),
        Setting(64, 0.0, 0.5),
        Setting(64, 0.0, 0.2),
        Setting(64, 0.1, 0.9),
        Setting(64, 0.02, 0.5),
        Setting(64, 0.5, 0.5, truth="predates"),
        Setting(64, 0.0, 0.5, layouts=4),
        Setting(120, 0.0, 0.5, merges=0.08),
    ],
    ids=repr,
)
def test_the_named_commit_is_right_as_often_as_claimed(setting: Setting) -> None:
    found = runs(setting, 40)
    assert sum(run.right for run in found) >= least_right(40, 0.93 if setting.layouts else 0.95)


@pytest.mark.parametrize("confidence", [0.8, 0.9])
def test_a_few_failing_layouts_are_not_taken_for_a_failure_that_always_shows(confidence: float) -> None:
    """A repeat always fails where the layout decides; then one clean layout of a bad commit looked like a proof."""
    found = runs(Setting(64, 0.0, 0.5, layouts=4), 100, confidence)
    assert sum(run.right for run in found) >= least_right(100, confidence)


def test_nothing_is_named_when_nothing_fails() -> None:
    run = play(World(Setting(16, 0.0, 0.0, truth="not-reproduced"), 1), standard)
    assert run.kind == "not-reproduced" and 200 < run.attempts < 400


def test_the_same_seed_is_the_same_search() -> None:
    assert runs(Setting(64, 0.0, 0.2), 2) == runs(Setting(64, 0.0, 0.2), 2)


def test_a_move_that_costs_much_is_made_seldom() -> None:
    world = Setting(256, 0.0, 0.5)
    dear = [
        play(World(world, seed), lambda one: Search(one.parents, [0], [255], costs=Costs(1, 10))) for seed in (1, 2)
    ]
    cheap = runs(world, 3)[1:]
    assert sum(run.moves for run in dear) < 0.6 * sum(run.moves for run in cheap)
    assert all(run.cost == run.attempts + 10 * run.moves for run in dear)


@given(st.lists(st.tuples(st.integers(0, 31), st.booleans(), st.sampled_from([None, 1, 2])), max_size=25), st.randoms())
@settings(max_examples=40, deadline=None)
def test_the_order_of_evidence_does_not_matter(told: list[tuple[int, bool, int | None]], rng: random.Random) -> None:
    mixed = list(told)
    rng.shuffle(mixed)
    one, other = (Search(CHAIN, [0], [31]) for _ in range(2))
    for search, order in ((one, told), (other, mixed)):
        for commit, failed, layout in order:
            search.tell(commit, "failed" if failed else "clean", layout=layout)
    first, second = one.result, other.result
    assert first.kind == second.kind and first.commit == second.commit
    for ending, probability in first.endings.items():
        assert second.endings[ending] == pytest.approx(probability, abs=1e-9)


def deterministic(parents: list[list[int]], culprit: int, untestable: frozenset[int] = frozenset()) -> Search:
    history = History(parents)
    search = Search(parents, [0], [len(parents) - 1])
    for _ in range(400):
        if (commit := search.next()) is None:
            return search
        failed = bool(history.ancestors(commit)[culprit])
        word: Outcome = "untestable" if commit in untestable else "failed" if failed else "clean"
        search.tell(commit, word)
    raise AssertionError("the search does not end")


@pytest.mark.parametrize("culprit", range(1, 7))
def test_a_culprit_on_a_side_branch_is_named_and_not_its_merge(culprit: int) -> None:
    """A merge with both parents clean is named as well, like any other commit."""
    assert deterministic(FORK, culprit).result.commit == culprit


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_every_commit_of_a_history_with_merges_can_be_named(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parents = make_parents(60, 0.1, rng)
    culprit = int(rng.integers(1, 60))
    assert deterministic(parents, culprit).result.commit == culprit


def test_untestable_commits_leave_a_set_and_decide_nothing() -> None:
    told, silent = (Search(CHAIN, [0], [31]) for _ in range(2))
    for _ in range(50):
        told.tell(7, "untestable")
    assert told.result == silent.result
    result = deterministic(CHAIN, 12, frozenset({11, 12})).result
    assert result.kind == "undecided" and result.commit is None
    assert {commit for commit, _ in result.credible} == {11, 12, 13}


def test_a_repeat_of_a_layout_counts_once_where_layouts_decide() -> None:
    """Once the layout class is certain, repeats of a clean layout say nothing more."""
    search = Search(CHAIN, [0], [31])
    for _ in range(40):
        search.tell(31, "failed", layout=1)
    for layout in range(2, 9):
        search.tell(31, "clean", layout=layout)
    search.tell(15, "clean", layout=1)
    before = search.result.endings["culprit"], search.result.credible[0]
    for _ in range(30):
        search.tell(15, "clean", layout=1)
    after = search.result.endings["culprit"], search.result.credible[0]
    assert after[0] == pytest.approx(before[0], abs=1e-6) and after[1][1] == pytest.approx(before[1][1], abs=1e-6)


def test_a_failing_layout_is_repeated_to_tell_the_class() -> None:
    search = Search(CHAIN, [0], [31])
    search.tell(31, "failed", layout="length=7")
    commit = search.next()
    assert commit == 31 and search.repeat_of(31) == "length=7"
    search.tell(31, "clean", layout="length=7")
    assert search.next() is not None and search.repeat_of(31) is None, "it did both: no function of the layout"


def test_the_layout_to_repeat_is_one_that_costs_no_move() -> None:
    search = Search(CHAIN, [0], [31])
    search.tell(31, "failed", layout="length=7")
    search.tell(31, "clean", layout="length=8")
    search.tell(20, "failed", layout="length=3")
    assert search.next() == 20 and search.repeat_of(20) == "length=3"


def test_no_commit_is_named_while_the_failure_may_be_older() -> None:
    """A passing end is tried before that, also where the commits alone have the confidence."""
    search = Search(CHAIN, [0], [31])
    search.tell(31, "failed")
    asked = []
    while (commit := search.next()) is not None:
        asked.append(commit)
        search.tell(commit, "failed" if commit else "clean")
    assert search.result.commit == 1
    assert search.result.endings["predates"] <= OLDER_STILL * (1.0 - search.confidence)
    assert asked.count(0) > 1


@pytest.mark.parametrize("seed", [61001, 61106, 61200, 61291, 61297])
def test_a_commit_all_of_whose_layouts_are_known_is_not_asked_for_for_ever(seed: int) -> None:
    """Worlds in which few layouts leave the answer open: they took hundreds of attempts at one commit."""
    world = World(Setting(64, 0, 0.5, layouts=4), seed)
    run = play(world, lambda it: Search(it.parents, [0], [63], layouts=4), most=400)
    assert run.attempts < 250
    assert run.kind == "undecided" or run.right


def test_a_batch_counts_the_tests_that_are_out() -> None:
    search = Search(CHAIN, [0], [31])
    for _ in range(3):
        search.tell(31, "failed")
    batch = search.next_batch(4)
    assert len(set(batch)) > 2, "four at one place would tell the same"
    for commit in reversed(batch):
        search.tell(commit, "failed" if commit >= 9 else "clean")
    search.tell(20, "failed")  # nobody asked for this one
    while batch := search.next_batch(4):
        for commit in reversed(batch):
            search.tell(commit, "failed" if commit >= 9 else "clean")
    assert search.result.commit == 9


def test_a_move_is_what_no_slot_saves() -> None:
    """Two at once that go back and forth between two commits stay where they are."""

    class TwoCommits(Search):
        asked = 0

        def next_batch(self, count: int) -> list[int]:
            self.asked += 1
            return [31, 15] if self.asked % 2 else [15, 31] if self.asked < 6 else []

    run = play(World(Setting(32), 1), lambda world: TwoCommits(world.parents, [0], [31]), at_once=2)
    assert (run.attempts, run.moves, run.rounds) == (run.rounds * 2, 2, run.rounds)


def test_clean_attempts_of_a_kind_that_never_failed_are_no_evidence() -> None:
    search = Search(CHAIN, [0], [31])
    search.tell(31, "failed", kind="clean")
    before = search.result
    for _ in range(60):
        search.tell(16, "clean", kind="relink")
    after = search.result
    assert after.endings == pytest.approx(before.endings)
    assert dict(after.credible)[31] == pytest.approx(dict(before.credible)[31])


def test_the_budget_ends_it_undecided() -> None:
    search = Search(CHAIN, [0], [31], costs=Costs(repeat=2.0), budget=10.0)
    told = 0
    while (commit := search.next()) is not None:
        search.tell(commit, "clean")
        told += 1
    assert told == 5 and search.result.kind == "undecided"
    assert len(search.result.credible) > 1


@pytest.mark.parametrize(
    ("parents", "good", "bad", "why"),
    [([[], [0]], [1], [1], "between"), ([[1], []], [1], [0], "topological"), ([[], [0]], [0], [], "between")],
)
def test_what_cannot_be_searched_is_refused(
    parents: list[list[int]], good: list[int], bad: list[int], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        Search(parents, good, bad)


@pytest.mark.parametrize("least", [0.0, -0.1, 0.21, 1.0])
def test_a_rate_that_is_not_looked_for_is_refused(least: float) -> None:
    with pytest.raises(ValueError, match=rf"min_rate {least} is not in \(0, \.2\]"):
        Search(CHAIN, [0], [31], min_rate=least)
    assert Search(CHAIN, [0], [31], min_rate=0.2).result.kind == "undecided"


@pytest.mark.parametrize("confidence", [0.49, 1.0, 1.5])
def test_a_confidence_that_nobody_can_have_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match=rf"confidence {confidence} is not in \[\.5, 1\)"):
        Search(CHAIN, [0], [31], confidence)
    assert Search(CHAIN, [0], [31], 0.5).confidence == 0.5


def test_every_newer_end_has_the_culprit_behind_it() -> None:
    search = Search(FORK, [0], [2, 4])
    assert [commit for commit, _ in search.result.credible] == [1]
    with pytest.raises(ValueError, match=r"^no commit lies between good and bad$"):
        Search(FORK, [1], [2, 4])


def test_a_range_without_an_older_end() -> None:
    search = Search(CHAIN, [], [31])
    while (commit := search.next()) is not None:
        search.tell(commit, "failed" if commit >= 9 else "clean")
    assert search.result.commit == 9


def test_one_test_is_asked_for_at_a_time() -> None:
    search = Search(CHAIN, [0], [31])
    search.tell(31, "failed")
    first = search.next()
    search.expect([])
    assert search.next() == first, "the other one was not out"


def test_the_choice_reckons_with_the_kind_that_failed_most() -> None:
    for most, other in (("a", "z"), ("z", "a")):
        search = Search(CHAIN, [0], [31])
        for kind in (other, most, most):
            search.tell(31, "failed", kind=kind, layout=kind)
        search.tell(31, "clean", kind=most, layout="one more")
        assert search.repeat_of(search.next() or 0) == most


def test_a_failing_layout_of_a_commit_that_cannot_be_tested_is_not_repeated() -> None:
    search = Search(CHAIN, [0], [31])
    search.tell(20, "failed", layout="length=3")
    search.tell(20, "untestable")
    for _ in range(8):
        commit = search.next()
        assert commit is not None and commit != 20 and search.repeat_of(commit) is None
        search.tell(commit, "clean", layout="length=4")


def test_commits_that_are_alike_come_together_in_any_order() -> None:
    search = Search(CHAIN, [0], [31])
    for one, other in ((5, 9), (20, 21), (9, 12), (30, 30), (12, 5), (21, 9)):
        search.alike(one, other)
    assert sorted(search._alike) == [(5, 9, 12, 20, 21), (30,)]


def test_a_failing_layout_is_repeated_so_often_and_not_more() -> None:
    search = Search(CHAIN, [0], [31])
    search.tell(31, "failed", layout="length=7")
    search.tell(31, "clean", layout="length=8")
    grid, repeats = search._likelihood(None), 0
    for _ in range(REPEATS + 3):
        repeats += grid.layout_to_repeat(31) is not None
        search.tell(31, "failed", layout="length=7")
        search.tell(31, "clean", layout="length=8")
    assert grid.repeated == REPEATS + 3 and 0 < repeats <= REPEATS
    assert grid.seen[31].failed == REPEATS + 4


def test_without_layouts_no_failure_hangs_on_one() -> None:
    search = Search(CHAIN, [0], [31])
    search.tell(31, "failed")
    assert search.layout_share() == 0.0
    search.tell(31, "failed", layout=1)
    assert 0.0 < search.layout_share() < 1.0


@pytest.mark.parametrize("order", [[0, 0, 0, 0, 0], [0, 0, 0, 0, 1], [1, 0, 0, 0, 0]])
@pytest.mark.filterwarnings("error")
def test_more_layouts_than_a_commit_can_have(order: list[int]) -> None:
    """All that it can have were clean, and there is one more: minus infinity minus itself, and a culprit."""
    search = Search(CHAIN, [0], [31], layouts=3)
    search.tell(31, "failed", layout="a")
    for layout, failed in enumerate(order):
        search.tell(15, "failed" if failed else "clean", layout=layout)
    result = search.result
    assert result.kind == "undecided" and sum(result.endings.values()) == pytest.approx(1.0)
    assert search.next() is not None
    assert (search.probabilities[15] < 0.01) == (not any(order))


def test_ancestors_and_chains_are_those_of_the_graph() -> None:
    for seed in range(20):
        parents = make_parents(80, 0.1, np.random.default_rng(seed))
        history = History(parents)
        reach: list[set[int]] = []
        for commit, mine in enumerate(parents):
            reach.append({commit}.union(*(reach[parent] for parent in mine)))
            assert set(np.flatnonzero(history.ancestors(commit)).tolist()) == reach[commit]
        chain = history.chain(79, np.arange(80) > 3)
        seen: set[int] = set()
        for position, commit in enumerate(chain.commits.tolist()):
            assert set(chain.entry(position).tolist()) == reach[commit] - seen
            seen |= reach[commit]
