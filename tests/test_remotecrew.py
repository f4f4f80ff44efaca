"""A search led from here whose slots are workers' that come and go; they answer as a test says, as in test_fleet."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bisectsyms.core.decide import Ask
from bisectsyms.effects import copies
from bisectsyms.effects.dag import find_ends, read_range
from bisectsyms.effects.evidence import EvidenceStore
from bisectsyms.errors import InfraError
from bisectsyms.model import Attempt, Kind, Outcome, Plan
from bisectsyms.usecases.answering import Found
from bisectsyms.usecases.judging import Judging, StepOptions
from bisectsyms.usecases.learning import SearchOptions
from bisectsyms.usecases.remotecrew import RemoteCrew
from bisectsyms.usecases.searching import Searching
from tests.conftest import git
from tests.test_fleet import Around, Night, There, cell
from tests.test_searching import write

LAST, CULPRIT = 8, 5


def from_culprit_on(plan: Plan) -> Outcome:
    title = plan.revision.title
    return Outcome.INCONSISTENT if title.isdecimal() and int(title) >= CULPRIT else Outcome.CLEAN


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return Night(write(tmp_path / "repo", ["true"] * LAST))


def crew(
    night: Night,
    around: Around,
    preferred: str = "",
    deadline: float | None = None,
    now: Callable[[], float] = time.time,
) -> RemoteCrew:
    party = night.party("1", str(LAST))
    store, aside = EvidenceStore(party.repository.state_dir / "evidence"), night.repo / "aside"
    return RemoteCrew(party, around, aside, store, night.heard, preferred=preferred, deadline=deadline, now=now)


def search(night: Night, around: Around, deadline: float | None = None, now: Callable[[], float] = time.time) -> Found:
    with crew(night, around, deadline=deadline, now=now) as desk:
        ends = find_ends(desk.repository, "1", str(LAST))
        judging = Judging(desk, StepOptions(max_attempts=100), now)
        options = SearchOptions(deadline=deadline)
        return Searching(judging, ends, read_range(desk.repository, ends), options, now).run()


def test_the_commit_is_named_although_a_worker_is_lost_and_another_comes(night: Night, tmp_path: Path) -> None:
    """What the lost one had made comes in when it is there again, and counts once."""
    lost = There("a", tmp_path, (cell(1),), from_culprit_on, silent=True)

    def passes(around: Around) -> None:
        if lost.turns:
            around.there.pop("a", None)
            around.there.setdefault("a again", replace(lost, silent=False, turns=[]))

    looks: dict[int, Callable[[Around], None]] = dict.fromkeys(range(10**4), passes)
    around = Around({"a": lost, "b": There("b", tmp_path, (cell(1),), from_culprit_on)}, looks)
    answer = search(night, around)
    assert answer.culprit is not None
    assert answer.culprit.title == str(CULPRIT), night.heard.lines
    assert lost.turns, "it had something to do"
    assert night.said("worker a-0 is lost; what it was making")
    assert night.said("1 attempt of before came with it")
    with night.ledger() as ledger, lost.ledger() as theirs:
        made = ledger.attempts()
        uuids = [one["uuid"] for one in ledger.records(0) if one["record"] == "attempt"]
        assert {one["uuid"] for one in theirs.records(0) if one["record"] == "attempt"} <= set(uuids)
    assert len(uuids) == len(set(uuids))
    assert {one.plan.slot for one in made} == {"a-0", "b-0"}


def test_a_search_has_one_cell_and_says_who_has_another(night: Night, tmp_path: Path) -> None:
    newer = cell(1, "gcc-13", "gcc 13.1")
    around = Around({"a": There("a", tmp_path, (cell(1),)), "b": There("b", tmp_path, (newer,))})
    with crew(night, around, preferred=newer.key) as desk:
        assert desk.cell.key == newer.key
        assert list(desk.places()) == [1]
        desk.start(1, desk.repository.resolve("2"), Ask(Kind.CLEAN, "a test"))
        slot, made = desk.wait()
        assert (slot, made and made.plan.cell.key) == (1, newer.key)
    assert not around.there["a"].turns
    assert night.said("a-0: it does not have the cell of this search")


def test_an_attempt_that_is_lost_is_none_and_its_slot_is_gone(night: Night, tmp_path: Path) -> None:
    around = Around({name: There(name, tmp_path, (cell(1),)) for name in ("a", "b")})
    with crew(night, around) as desk:
        while len(desk.places()) < 2:
            pass
        assert desk.slots == 2
        revision = desk.repository.resolve("2")
        around.there["a"].silent = True
        for slot in desk.places():
            desk.start(slot, revision, Ask(Kind.CLEAN, "a test"))
        assert len({draw for _, draw in desk.running()}) == 1, "one draw is all that this policy has"
        del around.there["a"]
        ended: list[Attempt | None] = [desk.wait()[1] for _ in range(2)]
        assert sum(one is None for one in ended) == 1
        (place,) = desk.places().values()
        assert place.tree == revision.tree
        assert desk.slots == 1


def test_a_commit_that_was_made_here_since_is_brought_first_and_once(night: Night, tmp_path: Path) -> None:
    worker = There("a", tmp_path, (cell(1),))
    with crew(night, Around({"a": worker})) as desk:
        made = desk.repository.resolve(
            git(night.repo, "commit-tree", f"{LAST}^{{tree}}", "-p", str(LAST), "-m", "back")
        )
        for _ in range(2):
            (slot,) = desk.places()
            desk.start(slot, made, Ask(Kind.CLEAN, "a test"))
            assert desk.wait()[1] is not None
        ours = desk.repository
    assert worker.turns == [made, made]
    (brought,) = [join for join in worker.joins if join.bundle]
    copy = copies.copy_in(tmp_path / "slots", "key", "linux")
    copies.fetch(copy, str(ours.common_dir), worker.joins[0].commits)
    copies.unpack(copy, brought.bundle)
    assert copies.lacking(copy, brought.commits) == ()


def test_a_worker_that_goes_while_it_has_nothing_to_do_takes_its_slot_along(night: Night, tmp_path: Path) -> None:
    around = Around({name: There(name, tmp_path, (cell(1),)) for name in ("a", "b")})
    with crew(night, around) as desk:
        while len(desk.places()) < 2:
            pass
        del around.there["a"]
        while len(desk.places()) > 1:
            pass
        assert desk.slots == 1


def test_where_nobody_comes_it_ends(night: Night, tmp_path: Path) -> None:
    around = Around({"a": There("a", tmp_path, ())})
    with pytest.raises(InfraError, match="no worker for"):
        party = night.party("1", "2")
        store = EvidenceStore(party.repository.state_dir / "evidence")
        now = iter(range(0, 10**6, 100))
        RemoteCrew(party, around, night.repo / "aside", store, night.heard, now=lambda: float(next(now)))


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("in question", "the time is over"),
        ("suspects of", "the time is over"),
        ("does a clean build of", "the time is over, and"),
    ],
    ids=["before its first attempt", "between two tests", "while the answer is put to the proof"],
)
def test_a_search_ends_in_time_although_nobody_is_there_any_more(
    night: Night, tmp_path: Path, said: str, found: str
) -> None:
    """The last worker goes at that point of the search; ten minutes alone would end it with an error."""
    clock, deadline = [1e9], 1e9 + 10**5

    def now() -> float:
        clock[0] += 0.1
        return clock[0]

    def passes(around: Around) -> None:
        if around.there and night.said(said):
            around.there.clear()
            clock[0] = deadline - 300.0

    looks: dict[int, Callable[[Around], None]] = dict.fromkeys(range(10**5), passes)
    around = Around({"a": There("a", tmp_path, (cell(1),), from_culprit_on)}, looks)
    answer = search(night, around, deadline, now)
    assert answer.kind == "undecided"
    assert answer.stopped.startswith(found)
    assert not around.there, night.heard.lines


def test_where_nobody_comes_in_time_it_says_so(night: Night) -> None:
    begun = time.time()
    with pytest.raises(InfraError, match="no worker has come before the time was over"):
        crew(night, Around({}), deadline=begun)
