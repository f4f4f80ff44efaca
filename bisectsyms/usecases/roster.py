"""The workers of a cluster, mustered: who came and who went, what each was told, and what it has made, taken in.

For whoever leads, a hunt or a search: he says what is made where. The one who leads builds nothing, and is the only one
who writes to the ledger. An attempt that turns up a second time is known by its uuid, and counts once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from bisectsyms import __version__
from bisectsyms.core.words import count, listed
from bisectsyms.effects import apart, copies
from bisectsyms.effects.cluster import Answer
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.errors import BisectsymsError, InfraError, UserError
from bisectsyms.inputs.profile import LoadedProfile
from bisectsyms.model import Attempt
from bisectsyms.usecases.away import serve
from bisectsyms.usecases.desk import Reporter
from bisectsyms.usecases.intake import Intake
from bisectsyms.usecases.machines import Machine, Out, Workers, free_slot, others
from bisectsyms.usecases.matrix import Build, Matrix
from bisectsyms.usecases.orders import Home, Join, Joined, Made, Stint, Turn, pack, unpack

POLL = 0.5
"""Seconds between two looks at who is there."""
REST = 60.0
"""Seconds for which a worker is left alone after its machine got in the way; longer after each time more."""
MOST_SPOILT = 3
"""Calls in a row that a machine may spoil before it is left out."""
ALONE = 600.0
"""Seconds without a worker that could do anything, before that is the end."""
LAST = 20.0
"""Seconds in which workers that were told to end write down what they were at."""


@dataclass(frozen=True, slots=True)
class Party:
    """What every worker is told."""

    repository: Repository
    matrix: Matrix
    join: Join
    """Without a bundle."""

    @property
    def profiles(self) -> Mapping[str, LoadedProfile]:
        """What is built, by the name that the plan asks for it with."""
        return self.join.profiles

    @property
    def home(self) -> Home:
        """Where workers work for this repository."""
        return self.join.home


@dataclass(frozen=True, slots=True)
class News:
    """A worker has done what it was told, and what of it was new is in the ledger."""

    machine: Machine
    out: Out
    made: Made
    attempts: tuple[Attempt, ...]


class Roster:
    """Those who are there."""

    def __init__(
        self,
        intake: Intake,
        party: Party,
        cluster: Workers,
        reporter: Reporter,
        now: Callable[[], float],
        *,
        joined: Callable[[Machine], None],
        dropped: Callable[[Machine, Out], None],
    ) -> None:
        """`joined` is told who has commits and cells now, `dropped` what was given to one and will not be answered."""
        self.party = party
        self.machines: dict[str, Machine] = {}
        self._intake = intake
        self._cluster = cluster
        self._reporter = reporter
        self._now = now
        self._joined_by, self._dropped = joined, dropped
        self._alone_since: float | None = None
        self._ending = False

    def muster(self, *, join: bool = True) -> None:
        """Take out those who went; with `join`, have those who came made ready."""
        there = self._cluster.workers()
        for address in self.machines.keys() - there:
            machine = self.machines.pop(address)
            self._cluster.forget(address)
            out = machine.out
            tail = f"; what it was making, {out.spot}, is given to another" if out and out.spot else ""
            self._reporter.say(f"worker {machine.name} is lost{tail}")
            self._dropped(machine, out or Out(self._now()))
        for address in sorted(there - self.machines.keys()) if join else ():
            self.machines[address] = machine = Machine(address)
            self.join(machine)

    def join(self, machine: Machine) -> None:
        """Have it made ready, and ask what it has."""
        self._send(machine, Out(self._now(), joins=True), self.party.join)

    def bring(self, machine: Machine, commit: str, bundle: bytes) -> None:
        """Give it a commit that was not there when it joined."""
        machine.joined = False
        join = self.party.join
        order = replace(join, commits=(*join.commits, commit), source="", bundle=bundle)
        self._send(machine, Out(self._now(), joins=True, bundled=True), order)

    def order(self, machine: Machine, out: Out, order: Stint | Turn) -> None:
        """Tell one that is idle what to do."""
        self._send(machine, out, order)

    def _send(self, machine: Machine, out: Out, order: Join | Stint | Turn) -> None:
        machine.out = out
        self._cluster.send(machine.address, serve, __version__, pack(order))

    def busy(self) -> list[Machine]:
        """Those who make attempts."""
        return [one for one in self.machines.values() if one.out is not None and one.out.spot is not None]

    def idle(self) -> list[Machine]:
        """Those who can be told something."""
        now = self._now()
        return [one for one in self.machines.values() if one.out is None and not one.left and one.rests_until <= now]

    def builds(self) -> list[Build]:
        """All cells of all workers."""
        return [build for one in self.machines.values() for build in one.builds.values()]

    def hear(self, seconds: float) -> list[News]:
        """What was made, as far as it has come within so many seconds; who has joined is told on the way."""
        heard = []
        for answer in self._cluster.wait(seconds):
            machine = self.machines.get(answer.worker)
            if machine is None or machine.out is None:
                continue
            out, machine.out = machine.out, None
            try:
                if news := self._take(machine, out, answer):
                    heard.append(news)
            except UserError as error:
                self._leave_out(machine, error)
                self._dropped(machine, out)
        return heard

    def end(self) -> list[News]:
        """Have everything ended that still runs; each writes down what it was at, and what of that was heard."""
        heard = list[News]()
        if not any(one.out is not None for one in self.machines.values()):
            return heard
        self._ending = True
        self._cluster.everywhere(apart.end_all)
        until = self._now() + LAST
        while self.busy() and self._now() < until:
            heard += self.hear(POLL)
        return heard

    def _take(self, machine: Machine, out: Out, answer: Answer) -> News | None:
        if answer.lost:
            machine.joined = False  # when it joins again, what it has made comes with it
            tail = f"; what it was making, {out.spot}, is given anew" if out.spot else ""
            self._reporter.say(f"worker {machine.name}: the scheduler has forgotten its call{tail}")
            self._dropped(machine, out)
            return None
        if answer.error:
            machine.joined = machine.joined and not out.spot  # it may have made something before that happened
            self.hindered(machine, answer.error, final=out.joins)
            self._dropped(machine, out)
            return None
        match unpack(answer.value):
            case Joined() as joined:
                self._joined(machine, out, joined)
                return None
            case Made() as made if not out.joins:
                return News(machine, out, made, self._made(machine, out, made))
            case other:
                raise TypeError(f"{other!r} is no answer")

    def _joined(self, machine: Machine, out: Out, joined: Joined) -> None:
        if not machine.host:
            machine.slot, machine.host = free_slot(self.machines.values(), joined.host), joined.host
        self._by_clock(machine, out, joined.clock)
        join = self.party.join
        if joined.missing:
            if join.source or out.bundled:
                raise UserError(f"{joined.missing[0][:12]} is not there, though fetched", next_step="--cluster-git")
            bundled = copies.bundle(self.party.repository, join.commits, joined.have)
            self._send(machine, Out(self._now(), joins=True, bundled=True), replace(join, bundle=bundled))
            return
        taken = self._intake.attempts(machine.host, joined.records, machine.offset.seconds)
        for line in (*joined.notes, *others(joined.builds, self.builds())):
            self.say(machine, line)
        machine.builds = {one.cell.key: one for one in joined.builds if one.cell.key not in machine.refused}
        machine.joined = True
        self._joined_by(machine)
        more = f"; {count(len(taken), 'attempt')} of before came with it" if taken else ""
        self._reporter.say(f"worker {machine.name} is there, with {count(len(machine.builds), 'cell')}{more}")
        if not machine.builds:
            machine.left = True

    def _made(self, machine: Machine, out: Out, made: Made) -> tuple[Attempt, ...]:
        self._by_clock(machine, out, made.clock)
        self._intake.evidence(machine.host, made.evidence)
        attempts = self._intake.attempts(machine.host, made.records, machine.offset.seconds)
        for attempt in attempts:
            self._reporter.ended(attempt)
        for line in made.said:
            self.say(machine, line)
        if made.left_out:
            self.say(machine, f"evidence too large to be sent stays there: {listed(sorted({*made.left_out}))}")
        machine.from_nothing = made.from_nothing
        if made.trouble:
            machine.rests_until = self._now() + REST
            self.say(machine, f"paused: {made.trouble}")
        return tuple(attempts)

    def judge(self, machine: Machine, build: Build, made: Made) -> None:
        """What the end of a call means for who made it."""
        match made.error:
            case None:
                machine.spoilt = 0
            case UserError() as error:
                self._refuse(machine, build, error)
            case error:
                self.hindered(machine, str(error), final=False)

    def _by_clock(self, machine: Machine, out: Out, clock: float) -> None:
        before = machine.offset.seconds
        machine.offset = machine.offset.told(out.sent, clock, self._now())
        now = machine.offset.seconds
        if now and not before:
            way = "ahead" if now > 0 else "behind"
            self.say(machine, f"its clock is {abs(now):.0f} s {way}; begin and end are told by ours")

    def _refuse(self, machine: Machine, build: Build, error: BisectsymsError) -> None:
        """It does not have this cell; it is asked once more what it has."""
        machine.refused.add(build.cell.key)
        machine.builds.pop(build.cell.key, None)
        machine.joined = False
        self._reporter.say(f"worker {machine.name} leaves {build}: {error}")

    def hindered(self, machine: Machine, why: str, *, final: bool) -> None:
        """Its machine got in the way; it rests, and after some times it is left."""
        if self._ending:
            return
        machine.spoilt += 1
        if final or machine.spoilt >= MOST_SPOILT:
            self._leave_out(machine, InfraError(why))
            return
        machine.rests_until = self._now() + REST * machine.spoilt
        self._reporter.say(f"worker {machine.name} rests for {REST * machine.spoilt:.0f} s: {why}")

    def _leave_out(self, machine: Machine, error: BisectsymsError) -> None:
        machine.left = True
        self._reporter.say(f"worker {machine.name} is left out: {error}")

    def say(self, machine: Machine, text: str) -> None:
        """Report what one has to say, the same only once for each."""
        if text not in machine.said:
            machine.said.add(text)
            self._reporter.say(f"{machine.name}: {text}")

    def living(self) -> list[Machine]:
        """Those that were not left for good."""
        return [one for one in self.machines.values() if not one.left]

    def is_waited_for(self) -> bool:
        """Whether one is at something, or may yet have something to offer."""
        return any(one.out is not None or not one.joined for one in self.living())

    def has_hands(self, what: Callable[[Machine], bool]) -> bool:
        """Whether somebody can do what is wanted, or may yet come; that is said once.

        Raises:
            InfraError: nobody at all has been there for too long.
        """
        if self.is_waited_for() or any(map(what, self.living())):
            self._alone_since = None
            return True
        now = self._now()
        if self._alone_since is None:
            self._alone_since = now
            self._reporter.say("no worker for what is open; waiting for one")
        if now - self._alone_since < ALONE:
            return True
        if not self.living():
            raise InfraError(
                f"no worker for {ALONE:.0f} s", next_step="start workers; then the same command goes on where it was"
            )
        return False
