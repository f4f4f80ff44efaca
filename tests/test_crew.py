"""Several benches in processes of their own: results in any order, and whatever ends one of them loses nothing."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bisectsyms.core.decide import Ask
from bisectsyms.effects import slots
from bisectsyms.effects.dag import find_ends, read_range
from bisectsyms.effects.forked import Pipe, Worker, stop_all
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.objtree import BUILT
from bisectsyms.errors import InfraError, UserError
from bisectsyms.model import Draw, Kind, Outcome, Plan, Revision
from bisectsyms.usecases.bench import CUT_SHORT
from bisectsyms.usecases.controlling import Controlling
from bisectsyms.usecases.crew import Crew
from bisectsyms.usecases.desk import Reporter
from bisectsyms.usecases.judging import Judging, StepOptions
from bisectsyms.usecases.learning import Basis, Learning, SearchOptions
from bisectsyms.usecases.limits import Limits
from tests.scripted import Heard, Scripted, Shows
from tests.test_searching import write

RELINK = Ask(Kind.RELINK, "test")


def wait_for(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < deadline, "that did not happen"
        time.sleep(0.01)


def always(plan: Plan) -> tuple[Outcome, str]:
    return Outcome.CLEAN, ""


class Team:
    """A crew of scripted benches on a history of five commits, and what it had to say."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repo = write(folder / "repo", ["true"] * 5)
        self.repository = Repository.discover(self.repo, {})
        self.heard = Heard()
        self.opened: list[Crew] = []

    def open(
        self,
        shows: Shows = always,
        *,
        slots: int = 2,
        lengths: int = 1,
        most: int | None = None,
        bench: type[Scripted] = Scripted,
    ) -> Crew:
        def opened(reporter: Reporter) -> Scripted:
            return bench(self.repo, self.folder, shows, lengths, reporter)

        self.opened.append(Crew(slots, opened, self.repository, self.heard, most))
        return self.opened[-1]

    def revision(self, name: str) -> Revision:
        return self.repository.resolve(name)

    def locked(self) -> int:
        return slots.in_use(self.folder / "slots", self.repository)

    def ends(self) -> dict[str, tuple[Outcome, str]]:
        """Title -> how the last attempt at it ended."""
        with Ledger.open(self.repository.state_dir) as ledger:
            made = [(one.plan.revision.title, one.result) for one in ledger.attempts()]
        return {title: (result.outcome, result.signature) for title, result in made if result}


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    one = Team(tmp_path)
    yield one
    for crew in one.opened:
        crew.close()


def test_results_come_in_any_order_and_each_slot_knows_where_it_is(team: Team) -> None:
    go = team.folder / "go"

    def shows(plan: Plan) -> tuple[Outcome, str]:
        if plan.revision.title == "2":
            wait_for(go.exists)
        return Outcome.CLEAN, ""

    crew = team.open(shows)
    assert [place.warm for place in crew.places().values()] == [False, False]
    crew.start(0, team.revision("2"), RELINK)
    crew.start(1, team.revision("4"), RELINK)
    assert (crew.places(), crew.made) == ({}, 2)
    slot, made = crew.wait()
    assert (slot, made.plan.revision.title, made.number) == (1, "4", team.heard.made[0].number)
    assert crew.places()[1].tree == team.revision("4").tree
    go.touch()
    assert crew.wait()[0] == 0
    assert crew.arrival(team.revision("2")) is None
    assert crew.arrival(team.revision("4")) is None
    assert crew.arrival(team.revision("3")) is Kind.INCREMENTAL
    assert {one.plan.slot for one in team.heard.made} == {f"{socket.gethostname()}-{number}" for number in (0, 1)}


class Copying(Scripted):
    """One whose empty objtree becomes a copy of any that is warm."""

    @property
    def clones(self) -> bool:
        return True

    def _clone(self) -> None:
        for mark in self.slot.path.parent.glob(f"*/obj/*/{BUILT}"):
            self.objtree.path.mkdir(parents=True)
            shutil.copy(mark, self.objtree.path)
            return


class Failing(Copying):
    """One that never gets a copy."""

    def _clone(self) -> None:
        pass


def test_an_empty_slot_waits_for_the_one_that_builds_and_becomes_a_copy(team: Team) -> None:
    go = team.folder / "go"

    def shows(plan: Plan) -> tuple[Outcome, str]:
        wait_for(go.exists)
        return Outcome.CLEAN, ""

    crew, there = team.open(shows, slots=3, bench=Copying), team.revision("2")
    assert (list(crew.ready()), len(crew.places())) == ([0], 3), "one builds for all"
    crew.start(0, there, Ask(Kind.CLEAN, "arrival"))
    assert (crew.ready(), sorted(crew.places())) == ({}, [1, 2])
    go.touch()
    crew.wait()
    assert {place.tree for place in crew.ready().values()} == {there.tree}
    assert len(crew.ready()) == 3
    assert (crew.arrival(there), crew.arrival(team.revision("3"))) == (None, Kind.INCREMENTAL)
    made = crew.at_once(team.revision("3"), RELINK)
    assert [(one.plan.kind, one.plan.from_scratch) for one in made] == [(Kind.INCREMENTAL, False)] * 3


def test_a_warm_slot_that_is_busy_is_waited_for(team: Team) -> None:
    first = Copying(team.repo, team.folder, always)
    first.attempt(team.revision("2"), Ask(Kind.CLEAN, "arrival"))
    first.close()
    crew = team.open(bench=Copying)
    (warm,) = (slot for slot, place in crew.places().items() if place.warm)
    crew.start(warm, team.revision("2"), RELINK)
    assert crew.ready() == {}
    crew.wait()
    assert [place.warm for place in crew.ready().values()] == [True, True]


def test_an_empty_slot_that_gets_no_copy_builds(team: Team) -> None:
    crew = team.open(bench=Failing)
    crew.start(0, team.revision("2"), Ask(Kind.CLEAN, "arrival"))
    crew.wait()
    assert [place.warm for place in crew.ready().values()] == [True, False]
    assert [one.plan.kind for one in crew.at_once(team.revision("2"), RELINK)] == [Kind.RELINK, Kind.CLEAN]


def test_one_that_broke_is_no_source_and_goes_on_alone(team: Team) -> None:
    first = Copying(team.repo, team.folder, always)
    first.attempt(team.revision("2"), Ask(Kind.CLEAN, "arrival"))
    first.objtree.leave()
    first.close()
    crew = team.open(bench=Copying)
    (warm,) = (slot for slot, place in crew.places().items() if place.warm)
    assert list(crew.ready()) == [warm]
    crew.start(warm, team.revision("3"), Ask(Kind.INCREMENTAL, "arrival"))
    crew.wait()
    assert [place.tree for place in crew.ready().values()] == [team.revision("3").tree] * 2


def test_a_first_build_is_made_by_one_and_the_others_become_copies(team: Team) -> None:
    class Cached(Copying):
        from_nothing = Kind.CACHED

    crew, there = team.open(slots=3, bench=Cached), team.revision("2")
    arrival = crew.arrival(there)
    assert arrival is Kind.CACHED
    assert len(crew.at_once(there, Ask(arrival, "arrival"))) == 1
    assert [one.plan.kind for one in crew.at_once(there, RELINK)] == [Kind.RELINK] * 3


def test_clean_builds_wait_for_nobody(team: Team) -> None:
    crew = team.open(bench=Copying)
    made = crew.at_once(team.revision("2"), Ask(Kind.CLEAN, "test"))
    assert [one.plan.kind for one in made] == [Kind.CLEAN] * 2


def test_what_is_out_is_not_drawn_again(team: Team) -> None:
    crew = team.open(lengths=4)
    for _ in range(2):
        crew.at_once(team.revision("2"), RELINK)
    assert [one.plan.kind for one in team.heard.made] == [Kind.CLEAN] * 2 + [Kind.RELINK] * 2, "arrivals first"
    assert len({one.plan.draw for one in team.heard.made}) == 4, "an arrival has shown a layout as well"


@pytest.mark.parametrize(("by_all", "different"), [(True, 1), (False, 3)])
def test_a_draw_is_repeated_by_all_or_by_one(team: Team, by_all: bool, different: int) -> None:
    crew = team.open(slots=3, lengths=8)
    made = crew.at_once(team.revision("2"), Ask(Kind.CLEAN, "test", Draw(5), by_all=by_all))
    assert len({one.plan.draw for one in made}) == different
    assert Draw(5) in {one.plan.draw for one in made}


def test_all_at_once_but_no_more_than_allowed(team: Team) -> None:
    crew = team.open(slots=3, most=4)
    there, fresh = team.revision("2"), team.revision("3")
    assert [one.plan.kind for one in crew.at_once(there, RELINK)] == [Kind.CLEAN] * 3, "what brings them there"
    crew.places()
    assert [one.plan.kind for one in crew.at_once(there, RELINK)] == [Kind.RELINK]
    assert crew.made == 4
    assert crew.arrival(fresh) is Kind.INCREMENTAL


@pytest.mark.parametrize("error", [InfraError("no space left", next_step="free some"), UserError("a 127")])
def test_what_one_of_them_runs_into_is_told_when_the_others_have_ended(team: Team, error: Exception) -> None:
    begun = team.folder / "begun"

    def shows(plan: Plan) -> tuple[Outcome, str]:
        if plan.revision.title == "2":
            wait_for(begun.exists)
            raise error
        begun.touch()
        time.sleep(0.3)
        return Outcome.CLEAN, ""

    crew = team.open(shows)
    crew.start(0, team.revision("2"), RELINK)
    crew.start(1, team.revision("4"), RELINK)
    with pytest.raises(type(error), match=str(error).splitlines()[0]):
        for _ in range(2):
            crew.wait()
    with pytest.raises(type(error)):
        crew.places()
    crew.close()
    assert team.ends() == {"2": (Outcome.INFRA, CUT_SHORT), "4": (Outcome.CLEAN, "CLEAN")}
    assert any("what still runs is waited for: 1 attempt" in line for line in team.heard.lines)
    assert team.locked() == 0


def test_a_bug_of_ours_comes_with_its_traceback(team: Team) -> None:
    def shows(plan: Plan) -> tuple[Outcome, str]:
        raise ValueError("a bug")

    crew = team.open(shows)
    crew.start(0, team.revision("2"), RELINK)
    with pytest.raises(RuntimeError, match=r"(?s)Traceback.*ValueError: a bug"):
        crew.wait()


def test_one_that_is_killed_stops_the_others_and_its_attempt_is_buried(team: Team) -> None:
    def shows(plan: Plan) -> tuple[Outcome, str]:
        if plan.revision.title == "2":
            os.kill(os.getpid(), signal.SIGKILL)
        return Outcome.CLEAN, ""

    crew = team.open(shows)
    crew.start(0, team.revision("2"), RELINK)
    crew.start(1, team.revision("4"), RELINK)
    with pytest.raises(InfraError, match=r"was killed(?s:.*)goes on"):
        for _ in range(2):
            crew.wait()
    crew.close()
    assert team.ends() == {"4": (Outcome.CLEAN, "CLEAN")}
    team.open().close()
    assert team.ends()["2"] == (Outcome.INFRA, "died")


def test_a_slot_is_free_only_when_what_it_made_was_taken_in(team: Team) -> None:
    """Else what an arrival was made for would be forgotten, because the slot is given something else."""
    crew = team.open()
    crew.start(0, team.revision("2"), RELINK)
    crew.start(1, team.revision("4"), RELINK)
    with Ledger.open(team.repository.state_dir) as ledger:
        wait_for(lambda: sum(one.result is not None for one in ledger.attempts()) == 2)
    time.sleep(0.5)  # until both have said so
    first, _ = crew.wait()
    assert list(crew.places()) == [first]
    second, made = crew.wait()
    assert (made.plan.revision.title, sorted(crew.places())) == ({0: "2", 1: "4"}[second], [0, 1])


def test_an_attempt_of_a_sibling_is_never_buried(team: Team) -> None:
    go = team.folder / "go"

    def shows(plan: Plan) -> tuple[Outcome, str]:
        wait_for(go.exists)
        return Outcome.CLEAN, ""

    crew = team.open(shows)
    crew.start(0, team.revision("2"), RELINK)
    with Ledger.open(team.repository.state_dir) as ledger:
        wait_for(lambda: ledger.count() == 1)
        assert ledger.bury() == []
    go.touch()
    assert crew.wait()[1].result is not None


def test_a_slot_that_cannot_be_had_says_what_to_do_and_gives_the_others_back(team: Team) -> None:
    folder = slots.repository_folder(team.folder / "slots", team.repository)
    folder.mkdir(parents=True)
    (folder / f"{socket.gethostname()}-1").write_text("in the way")
    with pytest.raises(InfraError, match=r"--slots-dir(?s:.*)--slots with less than 2"):
        team.open()
    assert team.locked() == 0


def test_what_is_stopped_is_written_down_as_cut_short(team: Team) -> None:
    begun = team.folder / "begun"

    def shows(plan: Plan) -> tuple[Outcome, str]:
        with begun.open("a") as file:
            file.write("x")
        time.sleep(60)
        return Outcome.CLEAN, ""

    crew = team.open(shows)
    crew.start(0, team.revision("2"), RELINK)
    crew.start(1, team.revision("4"), RELINK)
    wait_for(lambda: begun.exists() and len(begun.read_text()) == 2)
    crew.close()
    assert team.ends() == {"2": (Outcome.INFRA, CUT_SHORT), "4": (Outcome.INFRA, CUT_SHORT)}


def test_a_control_ends_with_the_attempt_that_is_enough(team: Team) -> None:
    """Else a rate would be told by what the size of a round adds to it."""
    crew = team.open(lambda plan: (Outcome.INCONSISTENT, ""), slots=3)
    for _ in range(2):
        crew.at_once(team.revision("5"), RELINK)
    commits = read_range(team.repository, find_ends(team.repository, "1", "5"))
    learning = Learning(Basis(crew.ledger, crew.cell, crew.kinds, 1, crew.known), commits, SearchOptions())
    learning.search()
    limits = Limits(None, None, lambda: crew.made, time.time)
    assert Controlling(Judging(crew, StepOptions()), learning, commits.commits, limits).run() == ""
    assert len(team.heard.made) == 9
    assert [line for line in team.heard.lines if "2 of 2 attempts failed" in line]


def test_something_else_is_done_by_one_of_them(team: Team) -> None:
    crew = team.open()
    assert crew.beside(os.getpid) != os.getpid()
    crew.at_once(team.revision("2"), RELINK)


def test_a_worker_that_is_told_twice_still_cleans_up(tmp_path: Path) -> None:
    done = tmp_path / "done"

    def work(pipe: Pipe) -> None:
        try:
            pipe.send("ready")
            time.sleep(60)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            done.touch()

    worker = Worker(work)
    assert worker.pipe.recv() == "ready"
    stop_all([worker])
    assert done.exists()
