"""A hunt made by workers elsewhere: who is given what, what happens to who is lost, and that nothing counts twice.

Here the workers answer as a test says, and each has a ledger of its own, as real ones; real ones are in test_cluster.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bisectsyms.core.decide import Ask
from bisectsyms.core.hunting import Rules
from bisectsyms.core.spots import State
from bisectsyms.effects import copies
from bisectsyms.effects.cluster import Answer
from bisectsyms.effects.evidence import EvidenceStore
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import Ledger
from bisectsyms.errors import BisectsymsError, InfraError, UserError
from bisectsyms.inputs.plan import HuntPlan
from bisectsyms.inputs.profile import LoadedProfile, find_profile
from bisectsyms.inputs.toolchains import load_toolchains
from bisectsyms.model import Cell, Draw, Kind, Outcome, Plan, Result, Revision
from bisectsyms.usecases.desk import Place
from bisectsyms.usecases.fleet import Fleet
from bisectsyms.usecases.hunt import HuntOptions, World
from bisectsyms.usecases.hunted import Hunted
from bisectsyms.usecases.matrix import Build, Matrix
from bisectsyms.usecases.orders import Home, Join, Joined, Made, Stint, Turn, pack, unpack
from bisectsyms.usecases.roster import Party
from tests.ledgers import CELL, MEASURED
from tests.scripted import Heard
from tests.test_searching import write

NOW = 1e9
Shows = Callable[[Plan], Outcome]


@dataclass
class There:
    """A worker and its host."""

    host: str
    folder: Path
    cells: tuple[Cell, ...]
    shows: Shows = lambda plan: Outcome.CLEAN
    clock: float = 0.0
    """Seconds ahead."""
    evidence: bytes = b""
    fails: list[BisectsymsError] = field(default_factory=list)
    """What its next stints end with."""
    stints: list[Stint] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    joins: list[Join] = field(default_factory=list)
    turns: list[Revision] = field(default_factory=list)
    """Where attempts of a search were made."""
    place: Place = field(default_factory=lambda: Place("", warm=False))
    silent: bool = False
    """It does what it is told, and is gone before it answers."""

    def ledger(self) -> Ledger:
        return Ledger.open(self.folder / self.host, now=lambda: NOW + self.clock)

    def carry_out(self, order: object) -> object:
        match order:
            case Join() as join:
                self.joins.append(join)
                with self.ledger() as ledger:
                    records = tuple(ledger.records(0))
                return Joined(self.host, NOW + self.clock, (), (), tuple(map(_build, self.cells)), (), records)
            case Stint() as stint:
                self.stints.append(stint)
                if self.troubles:
                    return Made(NOW + self.clock, (), {}, (), (), trouble=self.troubles.pop(0))
                with self.ledger() as ledger:
                    before = ledger.count()
                    for draw in stint.draws:
                        self._attempt(ledger, stint, draw)
                    records = tuple(ledger.records(before))
                error = self.fails.pop(0) if self.fails else None
                kept = {_digest(self.evidence): gzip.compress(self.evidence)} if self.evidence else {}
                return Made(NOW + self.clock, records, kept, (), (), error=error)
            case Turn(revision=None):
                return Made(NOW + self.clock, (), {}, (), (), place=self.place)
            case Turn(build=build, revision=Revision() as revision, ask=Ask(draw=Draw() as draw) as ask):
                self.turns.append(revision)
                with self.ledger() as ledger:
                    before = ledger.count()
                    plan = self._plan(revision, build.cell, ask.kind, draw)
                    ledger.finish(ledger.begin(plan), self._result(self.shows(plan)))
                    records = tuple(ledger.records(before))
                self.place = Place(revision.tree, warm=True)
                return Made(NOW + self.clock, records, {}, (), (), place=self.place)
            case other:
                raise TypeError(other)

    def _attempt(self, ledger: Ledger, stint: Stint, draw: Draw) -> None:
        plan = self._plan(stint.revision, stint.build.cell, stint.kind, draw)
        ledger.finish(ledger.begin(plan), self._result(self.shows(plan)))

    def _plan(self, revision: Revision, cell: Cell, kind: Kind, draw: Draw) -> Plan:
        return Plan(revision, cell, kind, draw, f"{self.host}-0", "bwrap", False, "make")

    def _result(self, outcome: Outcome) -> Result:
        files = (("log", _digest(self.evidence)),) if self.evidence else ()
        return Result(outcome, "", "as the test says", MEASURED, 0, evidence=files)


@dataclass
class Around:
    """A cluster whose workers come and go as the test says; `at` tells when, in looks at who is there."""

    there: dict[str, There]
    at: dict[int, Callable[[Around], None]] = field(default_factory=dict)
    looks: int = 0
    answers: list[Answer] = field(default_factory=list)
    ended: int = 0

    def workers(self) -> frozenset[str]:
        self.looks += 1
        if event := self.at.get(self.looks):
            event(self)
        return frozenset(self.there)

    def send(self, worker: str, call: Callable[..., bytes], *arguments: object) -> None:
        order = arguments[1]
        assert isinstance(order, bytes)
        one = self.there[worker]
        answer = Answer(worker, pack(one.carry_out(unpack(order))))
        told = unpack(order)
        if not (one.silent and (isinstance(told, Stint) or (isinstance(told, Turn) and told.ask))):
            self.answers.append(answer)

    def wait(self, seconds: float) -> list[Answer]:
        found, self.answers = self.answers, []
        return found

    def forget(self, worker: str) -> None:
        self.answers = [one for one in self.answers if one.worker != worker]

    def everywhere(self, call: Callable[[], None]) -> None:
        self.ended += 1


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _build(cell: Cell) -> Build:
    return Build("smallkernel", "", cell.jobs, (), cell, cell.toolchain.digest[:12])


def cell(jobs: int, name: str = "gcc-12", compiler: str = "gcc 12.2") -> Cell:
    chain = replace(CELL.toolchain, name=name, compiler=compiler, digest=_digest(compiler.encode()))
    return replace(CELL, variation="pinned", jobs=jobs, toolchain=chain)


@dataclass
class Night:
    repo: Path
    heard: Heard = field(default_factory=Heard)
    now: float = NOW

    def party(self, *revisions: str) -> Party:
        repository = Repository.discover(self.repo, {})
        plan = HuntPlan(plan="hunt", revisions=revisions, profiles=("smallkernel",))
        profile = find_profile("smallkernel", state_dir=self.repo, xdg_config_home=self.repo, cwd=self.repo)
        profiles: dict[str, LoadedProfile] = {"smallkernel": profile}
        matrix = Matrix(repository, load_toolchains(self.repo), {}, profiles.__getitem__, lambda: [profile])
        home = Home("key", "linux", None, False, 0, None, 1 << 20, 1.0)
        commits = tuple(repository.resolve(name).commit for name in plan.revisions)
        return Party(repository, matrix, Join(home, plan, profiles, commits, "/src"))

    def hunt(self, around: Around, **options: object) -> Hunted:
        party = self.party("1", "2")
        repository = party.repository
        given = HuntOptions(rules=Rules(good=0.2), **options)  # type: ignore[arg-type]  # the test's own words
        store = EvidenceStore(repository.state_dir / "evidence")

        def clock() -> float:
            self.now += 0.01  # whoever waits comes to an end
            return self.now if around.there else self.now + 1000 * around.looks

        world = World(now=clock)
        with Ledger.open(repository.state_dir) as ledger:
            kinds = (Kind.RELINK, Kind.CLEAN)
            return Fleet(ledger, store, kinds, party, around, self.heard, given, world).run()

    def ledger(self) -> Ledger:
        return Ledger.open(Repository.discover(self.repo, {}).state_dir)

    def said(self, text: str) -> list[str]:
        return [line for line in self.heard.lines if text in line]


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    yield Night(write(tmp_path / "repo", ["true", "false"]))


def test_all_cells_of_all_workers_get_their_word(night: Night, tmp_path: Path) -> None:
    def shows(plan: Plan) -> Outcome:
        return Outcome.INCONSISTENT if plan.cell.jobs == 2 else Outcome.CLEAN

    around = Around({name: There(name, tmp_path, (cell(1), cell(2)), shows) for name in ("a", "b")})
    hunted = night.hunt(around)
    assert hunted.answered
    assert {(line.jobs, line.state) for line in hunted.lines} == {(1, State.SETTLED), (2, State.SETTLED)}
    assert len(hunted.lines) == 4
    assert all(one.stints for one in around.there.values()), "both have worked"
    first = [around.there[name].stints[0] for name in ("a", "b")]
    assert first[0].build.cell != first[1].build.cell, "not two at one spot while others wait"
    with night.ledger() as ledger:
        made = ledger.attempts()
    assert hunted.attempts == len(made) == len(night.heard.made)
    assert {one.plan.slot for one in made} == {"a-0", "b-0"}


def test_a_worker_that_is_lost_is_no_loss_and_counts_once(night: Night, tmp_path: Path) -> None:
    """It has made its attempts, and their answer never came; later it is there again, and they come with it."""
    lost = There("a", tmp_path, (cell(1),), silent=True)

    def comes_back(around: Around) -> None:
        around.there["a again"] = replace(lost, silent=False)

    def goes(around: Around) -> None:
        del around.there["a"]

    around = Around({"a": lost, "b": There("b", tmp_path, (cell(1),))}, {4: goes, 6: comes_back})
    hunted = night.hunt(around)
    assert hunted.answered
    assert night.said("worker a-0 is lost; what it was making")
    assert night.said("1 attempt of before came with it")
    at = lost.stints[0]
    again = [one for one in around.there["b"].stints if one.revision == at.revision]
    assert again, "it is given to the other"
    with night.ledger() as ledger, lost.ledger() as theirs:
        here, there = list(ledger.records(0)), list(theirs.records(0))
    uuids = [one["uuid"] for one in here if one["record"] == "attempt"]
    assert len(uuids) == len(set(uuids))
    assert {one["uuid"] for one in there if one["record"] == "attempt"} <= set(uuids)


def test_another_compiler_is_another_cell_and_said(night: Night, tmp_path: Path) -> None:
    old, new = cell(1), cell(1, "gcc-13", "gcc 13.1")

    def shows(plan: Plan) -> Outcome:
        return Outcome.INCONSISTENT if plan.cell.toolchain.name == "gcc-13" else Outcome.CLEAN

    around = Around({"a": There("a", tmp_path, (old,), shows), "b": There("b", tmp_path, (new,), shows)})
    hunted = night.hunt(around)
    assert [line for line in night.said("another cell") if "gcc 13.1" in line and "gcc 12.2" in line]
    rates = {(line.toolchain, line.rate.failed > 0) for line in hunted.lines}
    assert rates == {("gcc-12", False), ("gcc-13", True)}, "no rate of one is in the other"
    assert {stint.build.cell for stint in around.there["a"].stints} == {old}
    assert {stint.build.cell for stint in around.there["b"].stints} == {new}


def test_a_compiler_that_is_upgraded_under_a_worker_is_asked_for_again(night: Night, tmp_path: Path) -> None:
    worker = There("a", tmp_path, (cell(1),))
    worker.fails = [UserError("another cell by now")]

    def upgraded(around: Around) -> None:
        worker.cells = (cell(1), cell(1, "gcc-13", "gcc 13.1"))

    hunted = night.hunt(Around({"a": worker}, {2: upgraded}), deadline=NOW + 2000)
    assert night.said("worker a-0 leaves")
    assert {one.toolchain for one in hunted.lines if one.state is State.SETTLED} == {"gcc-13"}


def test_clocks_that_are_apart_are_said_and_told_by_ours(night: Night, tmp_path: Path) -> None:
    around = Around({"a": There("a", tmp_path, (cell(1),), clock=7200.0)})
    night.hunt(around, max_attempts=2)
    assert night.said("a-0: its clock is 7200 s ahead")
    with night.ledger() as ledger:
        assert all(abs(one.begun - NOW) < 100 for one in ledger.attempts())
        assert all(one.result and one.result.measured == MEASURED for one in ledger.attempts())


def test_evidence_comes_with_the_attempt(night: Night, tmp_path: Path) -> None:
    night.hunt(Around({"a": There("a", tmp_path, (cell(1),), evidence=b"a log")}), max_attempts=1)
    with night.ledger() as ledger:
        (attempt,) = ledger.attempts()
    assert attempt.result is not None
    ((name, digest),) = attempt.result.evidence
    store = EvidenceStore(Repository.discover(night.repo, {}).state_dir / "evidence")
    with store.open(digest) as content:
        assert (name, content.read()) == ("log", b"a log")


def test_no_more_attempts_than_asked_for(night: Night, tmp_path: Path) -> None:
    around = Around({name: There(name, tmp_path, (cell(1), cell(2))) for name in ("a", "b", "c")})
    assert night.hunt(around, max_attempts=11).attempts == 11


def test_a_machine_that_gets_in_the_way_is_left_out(night: Night, tmp_path: Path) -> None:
    worker = There("a", tmp_path, (cell(1),), lambda plan: Outcome.INFRA, fails=[InfraError("no space")] * 9)
    with pytest.raises(InfraError, match="no worker for"):
        night.hunt(Around({"a": worker}, {n: _later(night, 200) for n in range(5, 2000, 5)}))
    assert night.said("worker a-0 is left out: no space")
    assert len(worker.stints) == 3


def test_a_machine_on_battery_pauses_as_long_as_it_is(night: Night, tmp_path: Path) -> None:
    worker = There("a", tmp_path, (cell(1),), troubles=["on battery"] * 5)
    hunted = night.hunt(Around({"a": worker}, {n: _later(night, 70) for n in range(3, 30)}))
    assert hunted.answered
    assert night.said("paused: on battery") == ["a-0: paused: on battery"]


def _later(night: Night, seconds: float) -> Callable[[Around], None]:
    def pass_by(around: Around) -> None:
        night.now += seconds

    return pass_by


def test_a_source_of_commits_is_no_option_of_git() -> None:
    for source in ("--upload-pack=touch x", "ext::sh -c x", "-c", "relative/path"):
        with pytest.raises(UserError, match="neither a URL"):
            copies.check_source(source)
    for source in ("https://git.kernel.org/x.git", "git@host:linux.git", "/srv/linux.git", "ssh://host/x"):
        copies.check_source(source)


def test_commits_travel_in_a_bundle_and_the_second_time_only_what_is_new(night: Night, tmp_path: Path) -> None:
    ours = Repository.discover(night.repo, {})
    one, two = (ours.resolve(name).commit for name in ("1", "2"))
    copy = copies.copy_in(tmp_path, "key", "linux")
    assert copies.lacking(copy, [one, two]) == (one, two)
    copies.unpack(copy, copies.bundle(ours, [one], ()))
    assert copies.lacking(copy, [one, two]) == (two,)
    assert copies.held(copy) == (one,)
    copies.unpack(copy, copies.bundle(ours, [one, two], copies.held(copy)))
    assert copies.lacking(copy, [one, two]) == ()


def test_commits_of_a_path_are_read_there_and_of_a_url_fetched(night: Night, tmp_path: Path) -> None:
    ours = Repository.discover(night.repo, {})
    commits = [ours.resolve(name).commit for name in ("1", "2")]
    for key, source in (("path", str(ours.common_dir)), ("url", f"file://{ours.common_dir}")):
        copy = copies.copy_in(tmp_path, key, "linux")
        copies.fetch(copy, source, commits)
        assert copies.lacking(copy, commits) == ()
        assert copies.copy_in(tmp_path, key, "linux").resolve(commits[0]).title == "1"
