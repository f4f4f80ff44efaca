"""`bisectsyms hunt`: the loop over a matrix of cells, what it leaves, what it tells, and that it goes on."""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bisectsyms.core.hunting import Rules
from bisectsyms.core.spots import State
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import Ledger
from bisectsyms.errors import InfraError, UserError
from bisectsyms.model import Consistency, Kind, Outcome, Plan
from bisectsyms.render.hunting import lines
from bisectsyms.smallkernel.history import Failure
from bisectsyms.usecases.hunt import Hunting, HuntOptions, World
from bisectsyms.usecases.hunted import Hunted, Picture
from bisectsyms.usecases.matrix import Build, Spot
from tests.conftest import MakeHistory, User
from tests.ledgers import CELL
from tests.scripted import Heard, Scripted, Shows
from tests.test_searching import write

CLEAN, FAILED, BROKEN = (Outcome.CLEAN, ""), (Outcome.INCONSISTENT, ""), (Outcome.BROKEN, "")
RULES = Rules(good=0.2)
NOW = 1e9
"""Nothing takes any time but what the attempts are said to have taken."""


@dataclass
class Night:
    """One repository, over which hunts of cells that differ in -j are run; how attempts end is the test's to say."""

    repo: Path
    aside: Path
    heard: Heard = field(default_factory=Heard)
    news: list[Mapping[str, str]] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    opened: int = 0

    def hunt(
        self,
        shows: Shows,
        jobs: tuple[int, ...] = (1, 2, 3),
        refuse: Callable[[Build], bool] = lambda build: False,
        trouble: Callable[[], str] = str,
        stop: Callable[[], str] = str,
        now: Callable[[], float] = lambda: NOW,
        apart: bool = False,
        **options: object,
    ) -> Hunted:
        repository = Repository.discover(self.repo, {})

        def objtree(count: int) -> str:
            return f"of -j{count}" if apart else "scripted"

        spots = tuple(
            Spot(repository.resolve(name), Build("scripted", "", count, (), self.cell(count), objtree(count)))
            for name, count in itertools.product(("1", "2"), jobs)
        )

        def open_desk(build: Build, most: int | None) -> Scripted:
            if refuse(build):
                raise InfraError("no space", next_step="free some")
            self.opened += 1
            return Scripted(self.repo, self.aside, shows, reporter=self.heard, jobs=build.cell.jobs)

        world = World(
            trouble=trouble,
            asked_to_stop=stop,
            notify=lambda news, text: self.news.append({**news, "stdin": text}),
            show=self.pictures.append,
            now=now,
            sleep=self.slept.append,
        )
        given = HuntOptions(rules=RULES, **options)  # type: ignore[arg-type]  # the test's own words
        with Ledger.open(repository.state_dir) as ledger:
            return Hunting(ledger, spots, Scripted.kinds, open_desk, self.heard, given, world).run()

    def cell(self, jobs: int):  # type: ignore[no-untyped-def]  # that of Scripted
        return replace(CELL, variation="pinned", jobs=jobs)

    def made(self) -> list[tuple[str, int]]:
        """(title of the revision, -j) of every attempt of the ledger."""
        with Ledger.open(Repository.discover(self.repo, {}).state_dir) as ledger:
            return [(one.plan.revision.title, one.plan.cell.jobs) for one in ledger.attempts()]


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    yield Night(write(tmp_path / "repo", ["true", "false"]), tmp_path)


def by_jobs(**outcomes: tuple[Outcome, str]) -> Shows:
    """`j2=FAILED`: with -j2 every attempt fails; what is not named is clean."""
    return lambda plan: outcomes.get(f"j{plan.cell.jobs}", CLEAN)


def test_every_cell_gets_its_word(night: Night) -> None:
    hunted = night.hunt(by_jobs(j2=FAILED, j3=BROKEN))
    assert hunted.answered
    words = {(line.revision, line.jobs): (line.state, line.consistency) for line in hunted.lines}
    for name in ("1", "2"):
        assert words[name, 1] == (State.SETTLED, Consistency.GOOD)
        assert words[name, 2] == (State.SETTLED, Consistency.BAD)
        assert words[name, 3] == (State.UNTESTABLE, Consistency.UNKNOWN)
    assert night.made().count(("1", 3)) == 2, "what does not build is tried twice, then left"
    assert hunted.worst is not None
    assert hunted.worst.jobs == 2
    text = "\n".join(lines(hunted))
    assert "4 of 6 settled, 2 fail, 2 left" in text
    assert "bisectsyms bisect GOOD" in text
    assert hunted.attempts == len(night.made())


def test_every_cell_comes_once_before_any_comes_again_and_moves_are_few(night: Night) -> None:
    night.hunt(by_jobs(j2=FAILED), max_attempts=6)
    made = night.made()
    assert len(set(made)) == 6
    titles = [title for title, _ in made]
    assert sum(one != other for one, other in itertools.pairwise(titles)) == 1, "one revision after the other"


def test_a_flaky_cell_is_told_with_an_interval_that_holds_its_rate(night: Night) -> None:
    rng = random.Random(1)
    hunted = night.hunt(lambda plan: FAILED if plan.cell.jobs == 2 and rng.random() < 0.3 else CLEAN, jobs=(1, 2))
    flaky = [line for line in hunted.lines if line.consistency is Consistency.FLAKY]
    assert {line.jobs for line in flaky} == {2}
    assert all(line.rate.low < 0.3 < line.rate.high for line in flaky)
    assert all("flaky at" in line.verdict for line in flaky)


def test_it_goes_on_where_it_was(night: Night) -> None:
    shows = by_jobs(j2=FAILED)
    first = night.hunt(shows, max_attempts=7)
    assert (first.attempts, first.answered, first.stopped) == (7, False, "--max-attempts 7")
    assert "bisectsyms hunt --resume goes on" in "\n".join(lines(first))
    second = night.hunt(shows)
    assert second.answered
    assert len(night.made()) == 7 + second.attempts
    third = night.hunt(shows)
    assert (third.attempts, third.lines) == (0, second.lines), "nothing is made again"
    assert [one["event"] for one in night.news] == ["first-failure", "end", "end", "end"]
    assert "consistently bad" in night.news[-1]["stdin"]


def test_a_kind_can_be_asked_for(night: Night) -> None:
    hunted = night.hunt(lambda plan: CLEAN, jobs=(1,), kind=Kind.CLEAN)
    assert hunted.answered
    with Ledger.open(Repository.discover(night.repo, {}).state_dir) as ledger:
        assert {one.plan.kind for one in ledger.attempts()} == {Kind.CLEAN}


def test_a_failure_of_clean_builds_alone_is_no_good_cell(night: Night) -> None:
    def shows(plan: Plan) -> tuple[Outcome, str]:
        return FAILED if plan.kind is Kind.CLEAN else CLEAN

    hunted = night.hunt(shows, jobs=(1,))
    assert {(line.kind, line.consistency) for line in hunted.lines} == {(Kind.CLEAN, Consistency.BAD)}


def test_a_cell_that_cannot_be_opened_is_set_aside(night: Night) -> None:
    hunted = night.hunt(lambda plan: CLEAN, refuse=lambda build: build.cell.jobs == 3)
    assert len(hunted.set_aside) == 2
    assert "no space" in next(iter(hunted.set_aside.values()))
    assert sum(line.state is State.SETTLED for line in hunted.lines) == 4
    assert not hunted.answered
    with pytest.raises(InfraError, match="no space"):
        night.hunt(lambda plan: CLEAN, refuse=lambda build: True, jobs=(1, 2, 3, 4))


def test_a_cell_that_is_not_for_this_machine_costs_no_other(night: Night) -> None:
    def refuse(build: Build) -> bool:
        if build.cell.jobs > 1:
            raise UserError("there is no ld.gold", next_step="apt-get install binutils")
        return False

    hunted = night.hunt(lambda plan: CLEAN, refuse=refuse, jobs=(5, 4, 3, 2, 1))
    assert len(hunted.set_aside) == 8
    assert all("apt-get install binutils" in why for why in hunted.set_aside.values())
    assert [line.state for line in hunted.lines].count(State.SETTLED) == 2


def test_it_pauses_and_goes_on(night: Night) -> None:
    battery = iter(["on battery"] * 4)
    hunted = night.hunt(lambda plan: CLEAN, jobs=(1,), trouble=lambda: next(battery, ""), max_attempts=2)
    assert hunted.attempts == 2
    assert len(night.slept) > 0
    said = [line for line in night.heard.lines if "paused" in line or "goes on" in line]
    assert said == ["paused: on battery", "the hunt goes on"]


def test_it_stops_when_asked(night: Night) -> None:
    asked = iter(["", "", "Ctrl-C"])
    hunted = night.hunt(lambda plan: CLEAN, stop=lambda: next(asked, "Ctrl-C"))
    assert hunted.stopped == "Ctrl-C"
    assert hunted.attempts < 4


def test_what_is_shown_while_it_runs(night: Night) -> None:
    night.hunt(by_jobs(j2=FAILED), max_attempts=5, deadline=NOW + 3600)
    shown = night.pictures[-1]
    assert shown.attempts == 4
    assert shown.left is not None
    assert shown.left <= 3600
    assert "every spot once" in shown.now


def test_attempts_an_hour_are_counted_from_its_beginning(night: Night) -> None:
    clock = itertools.count(NOW, 600.0)
    night.hunt(by_jobs(j2=FAILED), max_attempts=3, now=lambda: next(clock))
    assert all(shown.per_hour <= 7 for shown in night.pictures), "the first one alone is no 3600 an hour"


def test_what_is_built_comes_before_what_has_yet_to_be_built_from_nothing(night: Night) -> None:
    """Where nothing was built, nothing is known of the price; that it costs nothing would be the worst guess."""
    night.hunt(lambda plan: CLEAN, jobs=(1, 2), apart=True, max_attempts=2)
    assert night.made() == [("1", 1), ("2", 1)], "another revision in the same objtree"


@pytest.mark.slow
def test_killed_three_times_nothing_is_lost_or_doubled_and_the_flaky_cells_are_named(
    user: User, tmp_path: Path, make_history: MakeHistory
) -> None:
    """-j1 cannot have the race, and the good end does not: two of the eight cells are planted, with both variations."""
    history = make_history(Failure.RACE, broken=False, unrelated=False)
    ledger = history.repo / ".git" / "bisectsyms" / "ledger.sqlite"
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        "plan: hunt\nrevisions: [good, bad]\nprofiles: smallkernel\ntoolchains: gcc\njobs: [1, 2]\n"
        "variations: [pinned, sweep:4]\nkind: relink\nfor: 2h\nthen: isolate\npage: page.html\n"
    )
    words = ("bisectsyms", "hunt", str(plan), "--slots-dir", str(user.slots), "--no-nice")
    for wanted in (4, 9, 15):
        running = user.start(*words, cwd=history.repo)
        _wait_for(ledger, wanted)
        running.kill()
        running.wait()
    planted = {("bad", 2, "pinned"), ("bad", 2, "sweep:4")}
    failing: set[tuple[str, int, str]] = set()
    for _ in range(12):
        done = user.run(*words, "--max-attempts", "20", "--json", cwd=history.repo)
        assert done.returncode in (0, 3), done.stderr
        answer = json.loads(done.stdout)
        bad = [line for line in answer["lines"] if line["rate"]["failed"]]
        failing = {(line["revision"], line["jobs"], line["variation"]) for line in bad}
        if failing == planted:
            break
        words = ("bisectsyms", "hunt", "--resume", *words[3:])  # the same, said in another way
    assert failing == planted
    assert len(answer["lines"]) == 8
    assert answer["isolated"]["why"], "the plan's `then`, which --resume keeps"
    assert (tmp_path / "page.html").exists()
    assert (json.loads((ledger.parent / "hunt.json").read_text())["deadline"] or 0) > time.time()
    with contextlib.closing(sqlite3.connect(ledger)) as db:
        rows = db.execute("select number, outcome, signature from attempts order by number").fetchall()
    assert [number for number, *_ in rows] == list(range(1, len(rows) + 1))
    assert all(outcome for _, outcome, _ in rows), "every one has an end"
    died = sum(signature == "died" for *_, signature in rows)
    assert died <= 3
    judged = sum(line["rate"]["attempts"] for line in answer["lines"])
    others = sum(one["rate"]["attempts"] for line in answer["lines"] for one in line["others"])
    assert judged + others == len(rows) - died, "what the table counts is what the ledger has"
    assert not user.processes()


def _wait_for(ledger: Path, attempts: int) -> None:
    """Until so many have been begun."""
    patience = time.monotonic() + 500
    while time.monotonic() < patience:
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)) as db,
        ):
            if db.execute("select count(*) from attempts").fetchone()[0] >= attempts:
                return
        time.sleep(0.05)
    pytest.fail("the hunt makes no attempts")
