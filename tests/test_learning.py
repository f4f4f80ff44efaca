"""What the ledger and people know, told to a search: once, at once, and without making the search anew each time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bisectsyms.core.belief import Sample
from bisectsyms.core.control import has_fallen, is_due, unvouched
from bisectsyms.core.direction import Terms, search_terms
from bisectsyms.core.ladder import Unseen
from bisectsyms.core.pace import MOVE, Pace
from bisectsyms.core.sametree import same_trees
from bisectsyms.effects.dag import Range, find_ends, read_range, read_skipped
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import Ledger
from bisectsyms.errors import UserError
from bisectsyms.model import Draw, Kind, Observation, Outcome, Plan, Result, Revision, Seen, Word
from bisectsyms.search.history import History
from bisectsyms.usecases.answering import write_log
from bisectsyms.usecases.desk import Place
from bisectsyms.usecases.learning import Basis, Learning, SearchOptions
from bisectsyms.usecases.planning import Standing, outlook
from bisectsyms.usecases.ways import Ways
from tests.conftest import git
from tests.ledgers import CELL, CLEAN, FAILED

BROKEN = replace(CLEAN, outcome=Outcome.BROKEN, signature="")


@dataclass
class Bisected:
    """A history of ten commits in which 1 and 10 are the ends, and a ledger."""

    repository: Repository
    ledger: Ledger
    commits: Range
    draws: int = 1
    number: int = 0

    def learning(self, **options: object) -> Learning:
        basis = Basis(self.ledger, CELL, (Kind.RELINK, Kind.CLEAN), self.draws, lambda revision: revision)
        return Learning(basis, self.commits, replace(SearchOptions(), **options))  # type: ignore[arg-type]  # a test's own names

    def revision(self, name: str) -> Revision:
        return self.repository.resolve(name)

    def at(self, name: str) -> int:
        return self.commits.index()[self.revision(name).commit]

    def made(self, name: str, result: Result, *, layout: str = "", kind: Kind = Kind.RELINK, inputs: str = "") -> None:
        """An attempt in the ledger; `inputs` of its link, by default one for each layout."""
        self.number += 1
        draw = Draw(int(layout or 1))
        plan = Plan(self.revision(name), CELL, kind, draw, "slot-0", "bwrap", False, "make", ())
        if result.outcome is Outcome.BROKEN:
            result = replace(result, signature=f"broken {self.number}")
        self.ledger.finish(self.ledger.begin(plan), replace(result, layout=inputs or layout))


@pytest.fixture
def history(tmp_path: Path) -> Iterator[Callable[..., Bisected]]:
    opened: list[Ledger] = []

    def make(*contents: str, draws: int = 1, find_fix: bool = False) -> Bisected:
        repo = tmp_path / "repo"
        repo.mkdir()
        git(repo, "init", "-q", "-b", "main")
        for number, content in enumerate(contents or "abcdefghij", 1):
            (repo / "file").write_text(content)
            git(repo, "add", ".")
            git(repo, "commit", "-q", "--allow-empty", "-m", str(number))
            git(repo, "tag", str(number))
        repository = Repository.discover(repo, {})
        last = str(len(contents) or 10)
        ends = find_ends(repository, last if find_fix else "1", "1" if find_fix else last, find_fix=find_fix)
        opened.append(Ledger.open(repository.state_dir))
        return Bisected(repository, opened[0], read_range(repository, ends), draws)

    yield make
    for ledger in opened:
        ledger.close()


# One tree


@pytest.mark.parametrize(
    ("trees", "stands_for", "impossible"),
    [("abcd", {}, []), ("abbc", {1: 2}, [2]), ("abac", {0: 2}, [1, 2]), ("abcbcd", {1: 3, 2: 4}, [2, 3, 4])],
)
def test_what_lies_between_equal_trees_is_out_of_question(
    trees: str, stands_for: dict[int, int], impossible: list[int]
) -> None:
    line = History([(), *((number,) for number in range(len(trees) - 1))])
    same = same_trees(trees, line.ancestors)
    assert same.stands_for == stands_for
    assert np.flatnonzero(same.impossible).tolist() == impossible


def test_a_change_that_came_again_stays_possible() -> None:
    """1 is taken back by 2 and comes again in 4."""
    line = History([(), (0,), (1,), (2,), (3,)])
    assert np.flatnonzero(same_trees("abacd", line.ancestors, twins=[(1, 4)]).impossible).tolist() == [2]


def test_equal_trees_on_two_branches_stay_apart() -> None:
    fork = History([(), (0,), (0,), (1, 2)])
    assert same_trees("abbc", fork.ancestors).stands_for == {}


def test_an_attempt_counts_once_however_many_commits_have_its_tree(history: Callable[..., Bisected]) -> None:
    bisected = history(*"abcdcfgh")
    for _ in range(4):
        bisected.made("8", FAILED)
    bisected.made("3", CLEAN)
    once = bisected.learning().search().result.endings
    bisected.made("5", BROKEN)  # now both have attempts of their own
    twice = bisected.learning().search().result
    assert twice.endings == once
    suspects = {bisected.commits.commits[one] for one, _ in twice.credible}
    assert not suspects & {bisected.revision(name).commit for name in ("4", "5")}, "they are at 5 as they were at 3"


def test_equal_trees_that_do_not_build_do_not_hold_the_search_up(history: Callable[..., Bisected]) -> None:
    bisected = history(*"abcdcfgh")
    for _ in range(4):
        bisected.made("8", FAILED)
        bisected.made("3", BROKEN)
    learning = bisected.learning()
    for _ in range(60):
        commit = learning.next()
        if commit is None:
            break
        assert commit not in (bisected.at("3"), bisected.at("5"))
        bisected.made(f"{commit + 1}", FAILED if commit >= bisected.at("6") else CLEAN)
    assert commit is None


def test_ends_of_one_tree_leave_nothing_to_find(history: Callable[..., Bisected]) -> None:
    with pytest.raises(UserError, match="the same tree"):
        history(*"abca").learning().search()


# The kind of attempt


def test_nothing_is_asked_elsewhere_before_every_kind_has_had_its_share_at_the_bad_end(
    history: Callable[..., Bisected],
) -> None:
    """The search alone would say that it is not reproduced when relinks have stayed clean."""
    bisected, kinds = history(), list[Kind]()
    learning = bisected.learning(min_rate=0.2, confidence=0.8)
    while (commit := learning.next()) is not None and len(kinds) < 60:
        assert (commit, learning.draw_for(commit)) == (bisected.at("10"), None)
        kinds.append(learning.kind)
        bisected.made("10", CLEAN, kind=learning.kind)
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {Kind.RELINK: 14, Kind.CLEAN: 14}
    assert learning.search().result.kind == "not-reproduced"


def test_a_kind_on_trial_repeats_the_failed_draw_at_the_bad_end(history: Callable[..., Bisected]) -> None:
    bisected = history(draws=8)
    learning = bisected.learning()
    bisected.made("10", FAILED, layout="5", kind=Kind.CLEAN)
    commit = learning.next(out=[bisected.at("10")] * 5)
    assert (commit, learning.kind) == (bisected.at("10"), Kind.RELINK), "in every slot that is free"
    assert learning.draw_for(bisected.at("10")) == Draw(5)
    bisected.made("10", FAILED, layout="5")
    learning.search()
    assert learning.draw_for(bisected.at("10")) is None, "from now on each attempt tells of the rate"


def test_what_only_an_arrival_showed_is_known_for_it(history: Callable[..., Bisected]) -> None:
    bisected = history()
    learning = bisected.learning(min_rate=0.2)
    bisected.made("10", FAILED, kind=Kind.INCREMENTAL)
    for kind in (Kind.RELINK, Kind.CLEAN):
        for _ in range(14):
            learning.search()
            assert learning.kind is kind
            bisected.made("10", CLEAN, kind=kind)
    learning.search()
    standing = learning.climbing.standing
    assert isinstance(standing, Unseen)
    assert standing.artefact


# Several slots


def test_attempts_of_others_are_added_in_any_order_and_words_make_the_search_anew(
    history: Callable[..., Bisected],
) -> None:
    bisected = history()
    bisected.made("10", FAILED)
    learning = bisected.learning()
    search = learning.search()
    with Ledger.open(bisected.repository.state_dir) as sibling:
        plans = [Plan(bisected.revision(name), CELL, Kind.RELINK, Draw(), name, "", False, "") for name in ("3", "7")]
        numbers = [sibling.begin(one) for one in plans]
        sibling.finish(numbers[1], FAILED)
        assert learning.search() is search
        assert not learning.is_stale()
        assert [len(learning.seen(bisected.at(name))) for name in ("3", "7")] == [0, 1]
        sibling.finish(numbers[0], CLEAN)
        assert learning.search() is search
        assert [len(learning.seen(bisected.at(name))) for name in ("3", "7")] == [1, 1], "begun before, ended after"
        once = bisected.learning().search().result
        assert search.result.endings == pytest.approx(once.endings), "as one that reads everything at once"
        sibling.tell(bisected.revision("5"), CELL, Word.CLEAN, "")
        assert learning.is_stale()
        assert learning.search() is not search


def test_what_runs_is_not_asked_for_again_even_by_a_search_made_anew(history: Callable[..., Bisected]) -> None:
    bisected = history()
    for _ in range(3):
        bisected.made("10", FAILED)
    learning = bisected.learning()
    first = learning.next()
    assert first is not None
    second = learning.next(out=[first])
    learning.forget()
    assert learning.next(out=[first]) == second != first
    assert learning.next() == first, "a test that was given up is out no more"


# What cannot be tested any more


def test_a_failing_commit_that_breaks_afterwards_is_left_with_what_it_showed(history: Callable[..., Bisected]) -> None:
    bisected = history(draws=20)
    bisected.made("10", FAILED, layout="3")
    for _ in range(7):
        bisected.made("10", BROKEN)
    learning = bisected.learning()
    asked = [learning.next() for _ in range(5)]
    assert learning.is_left(bisected.at("10"))
    assert bisected.at("10") not in asked
    assert None not in asked
    assert learning.search().result.endings["not-reproduced"] == 0.0, "the failure still counts"


def test_skipped_commits_are_never_asked_for_and_stay_suspects(history: Callable[..., Bisected]) -> None:
    bisected = history()
    skipped = read_skipped(bisected.repository, bisected.commits, ["3..5", "7"])
    assert skipped == {bisected.at(name) for name in ("4", "5", "7")}
    learning = bisected.learning(skipped=skipped)
    while (commit := learning.next()) is not None:
        assert commit not in skipped
        bisected.made(f"{commit + 1}", FAILED if commit >= bisected.at("5") else CLEAN)
    result = learning.search().result
    assert {one for one, _ in result.credible} == {bisected.at(name) for name in ("4", "5", "6")}
    for name, says in (("none", "no such"), ("1", "")):
        if says:
            with pytest.raises(UserError, match=says):
                read_skipped(bisected.repository, bisected.commits, [name])


# Words


def test_a_word_counts_at_once_instead_of_attempts_and_is_taken_back(history: Callable[..., Bisected]) -> None:
    bisected = history()
    for _ in range(4):
        bisected.made("10", FAILED)
    for _ in range(6):
        bisected.made("5", FAILED)
    learning = bisected.learning()
    before = learning.search().result
    with Ledger.open(bisected.repository.state_dir) as other:
        other.tell(bisected.revision("5"), CELL, Word.CLEAN, "")
        other.tell(bisected.revision("8"), CELL, Word.FAILED, "never tried")
    told = learning.search().result
    assert {one for one, _ in told.credible} == {bisected.at(name) for name in ("6", "7", "8")}
    assert learning.is_left(bisected.at("5"))
    assert not learning.is_left(bisected.at("8")), "how often it fails here may still be asked"
    with Ledger.open(bisected.repository.state_dir) as other:
        for name in ("5", "8"):
            other.tell(bisected.revision(name), CELL, Word.NOTHING, "")
    assert learning.search().result == before


def test_an_untestable_word_reaches_a_commit_without_attempts(history: Callable[..., Bisected]) -> None:
    bisected = history(*"abcd")
    for name in ("2", "3"):
        bisected.ledger.tell(bisected.revision(name), CELL, Word.UNTESTABLE, "")
    learning = bisected.learning()
    assert {learning.next() for _ in range(1)} <= {bisected.at("1"), bisected.at("4")}


def test_words_that_leave_nothing_are_named(history: Callable[..., Bisected]) -> None:
    bisected = history()
    bisected.ledger.tell(bisected.revision("10"), CELL, Word.CLEAN, "")
    with pytest.raises(UserError, match=r"tell [0-9a-f]{12} nothing"):
        bisected.learning().search()


# Kept, not made anew


def test_the_search_is_kept_for_our_own_attempts_only(history: Callable[..., Bisected]) -> None:
    bisected = history()
    learning = bisected.learning()
    first = learning.search()
    bisected.made("10", FAILED)
    bisected.made("9", CLEAN)
    assert learning.search() is first
    assert learning.search().result == bisected.learning().search().result
    with Ledger.open(bisected.repository.state_dir) as other:
        attempt = other.get(1)
        assert attempt
        other.exclude(attempt, "wrong board")
    assert learning.search() is not first
    assert learning.search().result.endings["not-reproduced"] > 0.0


def test_the_search_is_made_anew_when_another_kind_counts(history: Callable[..., Bisected]) -> None:
    bisected, built = history(), replace(FAILED, measured=replace(FAILED.measured, seconds=300.0))
    bisected.made("10", CLEAN)
    learning = bisected.learning()
    first = learning.search()
    bisected.made("10", built, kind=Kind.CLEAN)
    assert learning.search() is first
    assert learning.kind.value == "relink", "it was not tried often enough"
    assert learning.next() == 9, "where it must show that it can"
    for _ in range(2):
        bisected.made("10", built, kind=Kind.CLEAN)
    for _ in range(5):
        bisected.made("10", CLEAN)
    assert learning.search() is not first
    assert learning.kind is Kind.CLEAN, "relinks would have failed, too"


# Which way, and git's words


@pytest.mark.parametrize(
    ("given", "fix", "expected"),
    [
        (None, False, Terms("good", "bad")),
        (None, True, Terms("broken", "fixed", find_fix=True)),
        ("broken,fixed", False, Terms("broken", "fixed", find_fix=True)),
        ("fast,slow", False, Terms("fast", "slow")),
        ("fast,slow", True, Terms("fast", "slow", find_fix=True)),
    ],
)
def test_terms_and_the_direction(given: str | None, fix: bool, expected: Terms) -> None:
    assert search_terms(given, find_fix=fix) == expected


@pytest.mark.parametrize("given", ["fast", "a,a", "skip,new", "bad,good", "good,old", "a b,c", ",x"])
def test_terms_that_git_would_refuse(given: str) -> None:
    with pytest.raises(UserError, match="takes no such words"):
        search_terms(given, find_fix=False)


def test_a_fix_is_searched_from_the_failing_old_end(history: Callable[..., Bisected]) -> None:
    bisected = history(find_fix=True)
    learning = bisected.learning()
    while (commit := learning.next()) is not None:
        bisected.made(f"{commit + 1}", CLEAN if commit >= bisected.at("6") else FAILED)
    result = learning.search().result
    assert (result.kind, result.commit) == ("culprit", bisected.at("6"))


def test_a_log_names_no_commit_before_it_is_decided(history: Callable[..., Bisected]) -> None:
    bisected = history(*"abc")
    for name, shown in (("3", FAILED), ("2", FAILED), ("1", CLEAN)):
        for _ in range(12):
            bisected.made(name, shown)
    result = bisected.learning().search().result
    assert result.commit == bisected.at("2")
    ends = find_ends(bisected.repository, "1", "3")

    def written(*, decided: bool) -> Path | None:
        return write_log(bisected.repository, ends, bisected.commits, SearchOptions(), result, decided=decided)

    path = written(decided=True)
    assert path and "# first bad commit" in path.read_text()
    assert written(decided=False) is None
    assert not path.exists(), "nor does the file of an earlier answer"


# Controls, pace, and how long it takes


def seen(
    outcome: Outcome,
    kind: Kind = Kind.RELINK,
    *,
    tree: str = "t",
    seconds: float = 1.0,
    slot: str = "",
    from_scratch: bool = False,
) -> Seen:
    return Seen(
        1, Revision("c", tree, ""), Observation(kind, outcome, seconds=seconds, from_scratch=from_scratch), slot
    )


def test_cleans_since_the_last_failure_wait_for_a_control() -> None:
    clean, failed = seen(Outcome.CLEAN), seen(Outcome.FAILED)
    other = seen(Outcome.CLEAN, Kind.INCREMENTAL)
    assert len(unvouched([failed, clean, other, clean], Kind.RELINK)) == 2
    assert unvouched([clean, clean, failed], Kind.RELINK) == []


@pytest.mark.parametrize(
    ("cleans", "rate", "answering", "due"),
    [
        (5, 0.2, True, True),
        (4, 0.2, True, False),
        (5, 0.2, False, False),
        (25, 0.2, False, True),
        (0, 0.5, True, False),
    ],
)
def test_when_a_control_is_due(cleans: int, rate: float, answering: bool, due: bool) -> None:
    assert is_due(cleans, rate, answering=answering) is due


@pytest.mark.parametrize(
    ("failed", "clean", "lowest", "fallen"),
    [(2, 3, 0.2, False), (2, 15, 0.2, False), (2, 25, 0.2, True), (2, 2, 0.5, False), (2, 9, 0.5, True)],
)
def test_when_the_rate_has_fallen(failed: int, clean: int, lowest: float, fallen: bool) -> None:
    assert has_fallen(Sample(clean=clean, failed=failed), lowest) is fallen


def test_a_draw_whose_inputs_change_by_themselves_hangs_on_no_layout(history: Callable[..., Bisected]) -> None:
    """A race that rewrites an input of the link gives one draw two layouts: the failure is no function of the draw."""
    bisected = history(draws=8)
    learning = bisected.learning()
    for number in range(6):
        bisected.made("10", FAILED if number % 2 else CLEAN, layout="7", inputs=f"hash{number}")
    search = learning.search()
    assert search.repeat_of(bisected.at("10")) is None
    assert search.layout_share() == 0.0


def test_the_pace_of_repeats_and_moves() -> None:
    pace = Pace()
    assert pace.move(Kind.RELINK) == MOVE
    pace.note(seen(Outcome.CLEAN, Kind.INCREMENTAL, tree="0", seconds=500.0))
    assert pace.move(Kind.RELINK) == MOVE, "the first attempt of all is no measure of a move"
    for one in (
        seen(Outcome.CLEAN, Kind.CLEAN, tree="a", seconds=300.0),
        seen(Outcome.CLEAN, tree="a", seconds=2.0),
        seen(Outcome.BROKEN, tree="b", seconds=99.0),
        seen(Outcome.CLEAN, Kind.INCREMENTAL, tree="b", seconds=30.0),
        seen(Outcome.INCONSISTENT, tree="b", seconds=4.0),
    ):
        pace.note(one)
    assert (pace.repeat(Kind.RELINK), pace.is_known(Kind.RELINK)) == (3.0, True)
    assert pace.move(Kind.CLEAN) == 0.0


def test_each_slot_has_a_way_of_its_own_and_an_empty_one_builds_everything_first() -> None:
    pace = Pace()
    for one in (
        seen(Outcome.CLEAN, Kind.CLEAN, tree="a", seconds=300.0, slot="0", from_scratch=True),
        seen(Outcome.CLEAN, Kind.CLEAN, tree="b", seconds=320.0, slot="1", from_scratch=True),
        seen(Outcome.CLEAN, tree="a", seconds=2.0, slot="0"),
        seen(Outcome.CLEAN, tree="b", seconds=4.0, slot="1"),
        seen(Outcome.CLEAN, Kind.INCREMENTAL, tree="c", seconds=30.0, slot="1"),
    ):
        pace.note(one)
    assert pace.repeats[Kind.RELINK] == [2.0, 4.0], "not one of them is a move"
    assert pace.moves == [30.0]
    assert pace.arrive(Kind.RELINK) == 310.0
    assert pace.arrive(Kind.CLEAN) == 0.0, "there is nothing to save"


def test_a_move_costs_what_it_costs_the_nearest_free_slot(history: Callable[..., Bisected]) -> None:
    ways, commits = Ways(), np.array([1, 5, 8])
    for tree, commit in (("a", 1), ("b", 8)):
        ways.note(seen(Outcome.CLEAN, tree=tree, slot=tree), commit)

    def between(here: int, them: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.abs(them - here) * 10.0

    def to(*places: Place) -> list[float]:
        return [float(one) for one in ways.seconds_to(commits, Kind.RELINK, places, between)]

    assert to(Place("a", warm=True)) == [0.0, 40.0, 70.0]
    assert to(Place("a", warm=True), Place("b", warm=True)) == [0.0, 30.0, 0.0]
    assert to() == to(Place("b", warm=True)), "where the last attempt was"
    empty, nowhere = to(Place("", warm=False)), to(Place("", warm=True))
    assert empty == nowhere == [MOVE] * 3, "neither was seen yet"


def test_how_long_it_takes_grows_with_the_history_and_with_a_lower_rate() -> None:
    now = Standing(64, 0.5, failed=4, clean=4, passed=0, move=1.0, confidence=0.95, min_rate=0.01)
    half, fifth = outlook(now), outlook(replace(now, rate=0.2, clean=16))
    assert 10 < half.repeats < 80
    assert half.repeats < fifth.repeats < 300
    assert half.repeats < outlook(replace(now, suspects=100_000)).repeats
    assert outlook(replace(now, suspects=2)).repeats < half.repeats
    seldom = outlook(replace(now, rate=0.01, clean=400))
    assert fifth.repeats < seldom.repeats
    assert outlook(replace(now, layouts=20)).moves > 0
    assert half.repeats < outlook(replace(now, at_once=8)).repeats, "chosen before the others are known"
