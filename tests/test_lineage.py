"""Twins, reverts, fixes and equal link inputs: what the search makes of them, against plain set arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bisectsyms.search import Search
from bisectsyms.search.history import History
from bisectsyms.search.lineage import Lineage
from bisectsyms.search.worlds import Parents, make_parents

CHAIN: Parents = [[], *([one] for one in range(31))]
LINE_AND_BRANCH: Parents = [[], [0], [1], [2], [1], [4], [3, 5], [6]]
"""0-1-2-3-6-7 with the side branch 4-5 from 1, merged at 6."""


def contained(parents: Parents) -> list[set[int]]:
    reach: list[set[int]] = []
    for commit, mine in enumerate(parents):
        reach.append({commit}.union(*(reach[parent] for parent in mine)))
    return reach


def in_effect(
    reach: list[set[int]], commit: int, candidate: int, twins: list[list[int]], reverts: list[tuple[int, int]]
) -> bool:
    """As the module's docstring has it, in words of sets."""
    group = next((set(group) for group in twins if candidate in group), {candidate})
    for twin in group & reach[commit]:
        enders = {revert for revert, of in reverts if of in group and twin in reach[revert] and revert != twin}
        if not enders & reach[commit]:
            return True
    return False


def drive(search: Search, failing: list[bool]) -> Search:
    for _ in range(600):
        if (commit := search.next()) is None:
            return search
        search.tell(commit, "failed" if failing[commit] else "clean")
    raise AssertionError("the search does not end")


@given(st.integers(0, 10_000), st.data())
@settings(max_examples=40, deadline=None)
def test_who_fails_under_which_answer(seed: int, data: st.DataObject) -> None:
    parents = make_parents(40, 0.1, np.random.default_rng(seed))
    history, reach = History(parents), contained(parents)
    some = st.lists(st.integers(0, 39), min_size=2, max_size=3, unique=True)
    twins = [data.draw(some)]
    reverts = data.draw(st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=3))
    lineage = Lineage(history, twins, reverts)
    chain = history.chain(39, np.ones(40, dtype=np.bool_))
    along = lineage.along(chain)
    candidates = [one for one in range(40) if one not in lineage.doubles]
    for position, commit in enumerate(chain.commits.tolist()):
        fails = lineage.fails(commit)
        expected = [in_effect(reach, commit, one, twins, reverts) for one in candidates]
        assert fails[candidates].tolist() == expected
        for number, candidate in enumerate(lineage.special):
            assert along[number, position] == fails[candidate]
    opposite = Lineage(history, twins, reverts, find_fix=True)
    assert (opposite.fails(39) == ~lineage.fails(39)).all()


def test_a_commit_in_two_groups_is_refused() -> None:
    with pytest.raises(ValueError, match="two groups"):
        Lineage(History(CHAIN), [[1, 2], [2, 3]])


def test_a_backport_is_the_same_candidate_as_what_it_backports() -> None:
    """Both branches fail from their own copy on; without twins no single commit could explain that."""
    reach = contained(LINE_AND_BRANCH)
    failing = [bool(reach[commit] & {3, 5}) for commit in range(8)]
    search = Search(LINE_AND_BRANCH, [0], [7], twins=[[3, 5]])
    for commit in (3, 5, 2, 4) * 8:
        search.tell(commit, "failed" if failing[commit] else "clean")
    assert (search.result.kind, search.result.commit) == ("culprit", 3)
    assert search.result.probability > 0.99
    blind = Search(LINE_AND_BRANCH, [0], [7])
    for commit in (3, 5, 2, 4) * 8:
        blind.tell(commit, "failed" if failing[commit] else "clean")
    assert blind.result.commit not in (3, 5), "an ancestor of both has to be blamed"


def test_a_revert_ends_a_candidate() -> None:
    """What was reverted before the bad end cannot be why that fails; what came back with it can."""
    search = Search(CHAIN, [0], [31], reverts=[(20, 10)])
    assert dict(search.result.credible).get(10) is None
    back = Search(CHAIN, [0], [31], twins=[[10, 25]], reverts=[(20, 10)])
    failing = [10 <= commit < 20 or commit >= 25 for commit in range(32)]
    assert drive(back, failing).result.commit == 10
    later = [commit >= 25 for commit in range(32)]
    plain = drive(Search(CHAIN, [0], [31], reverts=[(20, 10)]), later)
    assert plain.result.commit == 25


@pytest.mark.parametrize("fixed", [1, 9, 31])
def test_the_commit_that_stopped_a_failure(fixed: int) -> None:
    search = drive(Search(CHAIN, [31], [0], find_fix=True), [commit < fixed for commit in range(32)])
    assert (search.result.kind, search.result.commit) == ("culprit", fixed)


def test_a_fix_on_a_side_branch() -> None:
    for fixed in range(1, 8):
        failing = [fixed not in mine for mine in contained(LINE_AND_BRANCH)]
        search = drive(Search(LINE_AND_BRANCH, [7], [0], find_fix=True), failing)
        assert search.result.commit == fixed


def test_nothing_was_fixed() -> None:
    search = drive(Search(CHAIN, [31], [0], find_fix=True), [True] * 32)
    assert search.result.kind == "predates"


def test_equal_link_inputs_are_not_told_apart_where_the_layout_decides() -> None:
    search = Search(CHAIN, [0], [31])
    for _ in range(40):
        search.tell(31, "failed", layout=1)
    for layout in range(2, 8):
        search.tell(31, "clean", layout=layout)
    before = dict(search.result.credible)
    search.alike(15, 16)
    search.alike(15, 16)
    after = dict(search.result.credible)
    assert before[16] > 0.01
    assert after.get(16, 0.0) < 1e-3, "16 links what 15 links, so it changed nothing"
    for layout in range(20, 60):
        search.tell(15, "clean", layout=layout)
    apart = search.result.endings["culprit"], search.result.credible[0]
    for layout in range(20, 60):
        search.tell(16, "clean", layout=layout)
    assert search.result.credible[0][1] == pytest.approx(apart[1][1], abs=1e-3), "the same layouts once more"


def test_equal_link_inputs_can_still_race_differently() -> None:
    search = Search(CHAIN, [0], [31])
    search.alike(15, 16)
    drive(search, [commit >= 16 for commit in range(32)])
    assert search.result.commit == 16
