"""How many slots at once: measured at the bad end with ordinary attempts, said with the numbers, and kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from bisectsyms.core.decide import Ask
from bisectsyms.core.throughput import Throughput, attempts_with, best, following, told
from bisectsyms.core.variation import Variation
from bisectsyms.effects import throughputs
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.objtree import Objtree
from bisectsyms.model import Attempt, Cell, Kind, Measured, Outcome, Plan, Result, Revision
from bisectsyms.usecases.desk import Desk, Place
from bisectsyms.usecases.learning import SearchOptions
from bisectsyms.usecases.slotcount import Chosen, SlotCount
from tests.conftest import User
from tests.ledgers import CELL
from tests.scripted import Heard
from tests.test_searching import bisect, found, write

T = TypeVar("T")


def measured(*rates: float) -> list[Throughput]:
    """Of 1, 2, 4 … slots, in attempts per second."""
    return [Throughput(2**n, 60, 60 / rate) for n, rate in enumerate(rates)]


@pytest.mark.parametrize(
    ("rates", "cpus", "then", "chosen"),
    [
        ((), 8, 1, 1),
        ((1.0,), 8, 2, 1),
        ((1.0,), 1, None, 1),
        ((1.0, 1.9), 8, 4, 2),
        ((1.0, 1.9), 2, None, 2),
        ((1.0, 1.9), 3, 3, 2),
        ((1.0, 1.05), 8, None, 1),
        ((1.0, 0.5), 8, None, 1),
        ((1.0, 1.9, 2.0), 8, None, 2),
        ((1.0, 1.9, 3.0), 8, 8, 4),
    ],
)
def test_twice_as_many_as_long_as_that_pays(rates: Sequence[float], cpus: int, then: int | None, chosen: int) -> None:
    assert (following(measured(*rates), cpus), best(measured(*rates))) == (then, chosen)


def test_six_attempts_at_least_and_two_in_each_slot() -> None:
    assert [attempts_with(slots) for slots in (1, 2, 4, 8)] == [6, 6, 8, 16]


def test_it_is_told_with_the_numbers() -> None:
    text = told(measured(0.1, 0.17, 0.17, 0.4, 0.2))
    assert text == (
        "1 slot: 360 attempts an hour; 2 slots: 612 attempts an hour (+70 %); 4 slots: 612 attempts an hour (+0 %); "
        "8 slots: 1440 attempts an hour (+135 %); 16 slots: 720 attempts an hour (-50 %)"
    )


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0


class Simulated(Desk):
    """A desk on a machine with so many cores: an attempt takes ten seconds of one of them, and one more each slot."""

    kinds = (Kind.RELINK, Kind.CLEAN)
    cell: Cell = CELL
    variation = Variation(1)

    def __init__(self, world: World, slots: int) -> None:
        self.world, self.slots, self.made = world, slots, 0
        self.repository, self.reporter = world.repository, world.heard
        self.ledger = Ledger.open(world.repository.state_dir)
        self._running: dict[int, tuple[Revision, Ask]] = {}
        world.desks.append(slots)

    def close(self) -> None:
        self.ledger.close()

    @property
    def aside(self) -> Path:
        return self.world.folder

    @property
    def objtree(self) -> Objtree:
        return Objtree(self.world.folder / "none")

    def places(self) -> dict[int, Place]:
        return {
            n: Place(self.world.at.get(n, ""), n in self.world.at) for n in range(self.slots) if n not in self._running
        }

    def start(self, slot: int, revision: Revision, ask: Ask) -> None:
        self.made += 1
        self._running[slot] = (revision, ask)

    def wait(self) -> tuple[int, Attempt]:
        busy = len(self._running)
        slot, (revision, ask) = next(iter(self._running.items()))
        self.world.clock.seconds += max(10.0 / busy, 10.0 / self.world.cores)
        del self._running[slot]
        self.world.at[slot] = revision.tree
        plan = Plan(
            revision, self.cell, ask.kind, self.next_draw(revision, ask.kind), str(slot), "bwrap", False, "make"
        )
        number = self.ledger.begin(plan)
        outcome = self.world.shows(number)
        self.ledger.finish(number, Result(outcome, str(outcome), "as the test says", Measured(10.0, slots_in_use=busy)))
        attempt = self.ledger.get(number)
        assert attempt is not None
        return slot, attempt

    def at_once(self, revision: Revision, ask: Ask) -> tuple[Attempt, ...]:
        slots = list(self.places())
        for slot in slots:
            self.start(slot, revision, ask)
        return tuple(self.wait()[1] for _ in slots)

    def beside(self, call: Callable[[], T]) -> T:
        return call()


class World:
    """A machine and a repository."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.cores, self.clock = folder, 2, Clock()
        self.repository = Repository.discover(write(folder / "repo", ["true"] * 3), {})
        self.heard, self.desks, self.at = Heard(), list[int](), dict[int, str]()
        self.shows: Callable[[int], Outcome] = lambda number: Outcome.CLEAN

    def choose(self, most: int = 8, options: SearchOptions | None = None) -> Chosen:
        def opened(slots: int, left: int | None) -> Desk:
            return Simulated(self, slots)

        options = options or SearchOptions()
        return SlotCount(opened, "3", options, most=most, now=lambda: self.clock.seconds).choose()

    def attempts(self) -> list[Attempt]:
        with Ledger.open(self.repository.state_dir) as ledger:
            return ledger.attempts()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_as_many_as_there_are_cores_for(world: World) -> None:
    chosen = world.choose()
    assert (chosen.slots, world.desks) == (2, [1, 2, 4]), "four are no faster than two"
    made = [one for one in world.attempts() if one.plan.kind is Kind.RELINK]
    assert len(made) >= sum(attempts_with(slots) for slots in world.desks)
    assert {one.plan.revision.title for one in made} == {"3"}, "all at the bad end"
    assert chosen.made == len(world.attempts()), "ordinary attempts, every one in the ledger"
    assert "1 slot: 360 attempts an hour; 2 slots: 617 attempts an hour (+71 %); 4 slots" in world.heard.lines[-1]
    assert "so --slots 2; a race has another rate beside more or fewer" in world.heard.lines[-1]


def test_it_is_measured_once_for_each_kind_and_number_of_cpus(world: World) -> None:
    world.shows = lambda number: Outcome.INCONSISTENT  # or the ladder climbs, and another kind is measured
    world.choose()
    before, world.desks = len(world.attempts()), []
    again = world.choose()
    assert (again, len(world.attempts()), world.desks) == (Chosen(2), before, [1])
    assert "as measured before: so --slots 2" in world.heard.lines[-1]
    state_dir = world.repository.state_dir
    assert not throughputs.read(state_dir, CELL, Kind.CLEAN)
    assert not throughputs.read(state_dir, replace(CELL, jobs=3), Kind.RELINK)


def test_what_cannot_be_read_is_measured_again(world: World) -> None:
    world.choose()
    for text in ("{", "[]", json.dumps({"schema": 1, "measured": {}})):
        (world.repository.state_dir / throughputs.NAME).write_text(text)
        assert world.choose().made > 0


@pytest.mark.parametrize(
    ("options", "made", "why"),
    [
        (SearchOptions(max_attempts=9), 9, "--max-attempts 9"),
        (SearchOptions(max_attempts=6), 6, "--max-attempts 6"),
        (SearchOptions(deadline=96.0), 13, "the time is over"),
    ],
)
def test_limits_end_it_with_what_is_known(world: World, options: SearchOptions, made: int, why: str) -> None:
    chosen = world.choose(options=options)
    assert (chosen.slots, chosen.made, len(world.attempts())) == (1, made, made)
    assert f"is not known: {why}; --slots 1 for now" in world.heard.lines[-1]
    assert not throughputs.read(world.repository.state_dir, CELL, Kind.RELINK)


def test_a_bad_end_that_shows_nothing_is_left_to_the_search(world: World) -> None:
    world.shows = lambda number: Outcome.BROKEN if number == 4 else Outcome.CLEAN
    assert world.choose() == Chosen(1, 4)
    assert "not every attempt" in world.heard.lines[-1]


def test_a_search_chooses_and_remembers(user: User, tmp_path: Path) -> None:
    """Of a command that waits, two are twice as fast wherever there are two cores."""
    repo = write(tmp_path / "repo", ["exit 0"] * 6 + ["exit 1"] * 6)
    done = bisect(user, repo, "--json", "--slots", "auto", "1", "12", "--", "sh", "test.sh")
    assert found(done) == ("culprit", "7"), done.stderr
    answer = json.loads(done.stdout)
    with Ledger.open(repo / ".git/bisectsyms") as ledger:
        assert answer["attempts"] == ledger.count(), "those of the measuring are among them"
    slots = json.loads((repo / ".git/bisectsyms/search.json").read_text())["slots"]
    assert f"so --slots {slots};" in done.stderr
    again = bisect(user, repo, "--json")
    assert json.loads(again.stdout)["attempts"] == 0, again.stderr
    assert "how many slots?" not in again.stderr
    few = bisect(user, repo, "--slots", "auto", "--max-attempts", "3", "2", "12", "--", "sh", "test.sh", "x")
    assert few.returncode == 3
    assert "3 attempts" in few.stdout


@pytest.mark.parametrize("given", ["0", "65", "many", "-1"])
def test_what_is_no_number_of_slots_is_told(user: User, tmp_path: Path, given: str) -> None:
    repo = write(tmp_path / "repo", ["exit 0"] * 2)
    done = bisect(user, repo, "--slots", given, "1", "2", "--", "true")
    assert done.returncode == 128
    assert "--slots" in done.stderr
