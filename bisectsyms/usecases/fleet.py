"""A hunt whose attempts are made on other machines: each worker that is free is given the spot that settles most there.

The one who leads builds nothing, and is the only one who writes to the ledger. What a worker had when it was lost is
given to another; should it turn up after all, it is the same attempt, and counts once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bisectsyms import __version__
from bisectsyms.core.hunting import choose, left
from bisectsyms.core.words import count, listed
from bisectsyms.effects import apart, copies
from bisectsyms.effects.cluster import Answer
from bisectsyms.effects.evidence import EvidenceStore
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import Ledger
from bisectsyms.errors import BisectsymsError, InfraError, UserError
from bisectsyms.inputs.profile import LoadedProfile
from bisectsyms.inputs.variations import variation_of
from bisectsyms.model import Draw, Kind
from bisectsyms.usecases.away import serve
from bisectsyms.usecases.desk import Desk, Reporter, next_draw
from bisectsyms.usecases.hunt import MOST_SPOILT, Hunting, HuntOptions, World
from bisectsyms.usecases.intake import Intake
from bisectsyms.usecases.machines import Machine, Out, Workers, free_slot, others
from bisectsyms.usecases.matrix import Build, Matrix, Spot
from bisectsyms.usecases.orders import Home, Join, Joined, Made, Stint, pack, unpack

POLL = 0.5
"""Seconds between two looks at who is there."""
STINT = 10.0
"""Seconds after which a worker begins no further attempt without asking."""
MOST = 8
"""Attempts of a stint."""
REST = 60.0
"""Seconds for which a worker is left alone after its machine got in the way; longer after each time more."""
ALONE = 600.0
"""Seconds without a worker, or without one that has what is open, before that is the end."""
LAST = 20.0
"""Seconds in which workers that were told to end write down what they were at."""


@dataclass(frozen=True, slots=True)
class Party:
    """What every worker is told of the hunt."""

    repository: Repository
    matrix: Matrix
    join: Join
    """Without a bundle."""

    @property
    def profiles(self) -> Mapping[str, LoadedProfile]:
        return self.join.profiles

    @property
    def home(self) -> Home:
        return self.join.home


class Fleet(Hunting):
    """One hunt over the cells that workers have."""

    def __init__(
        self,
        ledger: Ledger,
        store: EvidenceStore,
        kinds: tuple[Kind, ...],
        party: Party,
        cluster: Workers,
        reporter: Reporter,
        options: HuntOptions,
        world: World,
    ) -> None:
        super().__init__(ledger, (), kinds, _no_desk, reporter, options, world)
        self._intake = Intake(ledger, store, reporter.say)
        self._party = party
        self._cluster = cluster
        self._machines: dict[str, Machine] = {}
        self._alone_since: float | None = None
        self._ending = False
        self._lost: list[Spot] = []
        """Where an attempt was being made by a worker that is gone."""

    def _begin(self) -> None:
        self._reporter.say("waiting for workers")

    def _go_on(self) -> bool:
        self._muster()
        for machine in self._machines.values():
            if machine.out is None and not machine.left and machine.rests_until <= self._world.now():
                self._give(machine)
        self._hear(POLL)
        return self._is_more()

    def _finish(self) -> None:
        running = sum(one.out is not None and one.out.spot is not None for one in self._machines.values())
        if running:
            self._reporter.say(f"{count(running, 'worker')} finish what they are at")
        while any(one.out is not None and one.out.spot is not None for one in self._machines.values()):
            self._muster(join=False)
            self._hear(POLL)

    def _close(self) -> None:
        """After an error or a second Ctrl-C attempts still run; they are ended, and written down as cut short."""
        busy = [one for one in self._machines.values() if one.out is not None]
        if not busy:
            return
        self._ending = True
        self._cluster.everywhere(apart.end_all)
        until = self._world.now() + LAST
        while any(one.out is not None and one.out.spot is not None for one in busy) and self._world.now() < until:
            self._hear(POLL)

    def _muster(self, *, join: bool = True) -> None:
        """See who came and who went."""
        there = self._cluster.workers()
        for address in self._machines.keys() - there:
            machine = self._machines.pop(address)
            self._cluster.forget(address)
            at = machine.out.spot if machine.out else None
            if at is not None:
                self._lost.append(at)
            tail = f"; what it was making, {at}, is given to another" if at else ""
            self._reporter.say(f"worker {machine.name} is lost{tail}")
        for address in sorted(there - self._machines.keys()) if join else ():
            self._machines[address] = machine = Machine(address)
            self._send(machine, Out(self._world.now()), self._party.join)

    def _send(self, machine: Machine, out: Out, order: Join | Stint) -> None:
        machine.out = out
        self._cluster.send(machine.address, serve, __version__, pack(order))

    def _give(self, machine: Machine) -> None:
        """The best for this one, if there is anything for it."""
        if not machine.joined:
            self._send(machine, Out(self._world.now()), self._party.join)
            return
        out = [one.out for one in self._machines.values() if one.out is not None and one.out.spot is not None]
        most = self._options.max_attempts
        room = MOST if most is None else most - self._made - sum(one.most for one in out)
        mine = [spot for spot in self._open() if machine.has(spot)]
        taken = {one.spot for one in out}
        fresh = [spot for spot in mine if spot not in taken]
        fresh = fresh or [spot for spot in mine if self.knowing.standing(spot).tried]
        fresh = [spot for spot in fresh if spot in self._lost] or fresh
        candidates = [self.knowing.candidate(spot, machine.here, machine.from_nothing, machine.at) for spot in fresh]
        chosen = choose(candidates, self._options.rules)
        if chosen is None or room <= 0:
            return
        spot, why = fresh[chosen[0]], chosen[1]
        if spot in self._lost:
            self._lost.remove(spot)
        room = min(room, MOST if self.knowing.standing(spot).tried else 2)  # the way there, and one
        others_there = [draw for one in out if one.spot == spot for draw in one.draws]
        draws = self._draws(spot, others_there, room)
        self._show(f"{machine.name}: {spot}: {why}", sum(left(one, self._options.rules)[0] for one in candidates))
        if spot != machine.here:
            self._reporter.say(f"{machine.name}: now {spot}: {why}")
        stint = self._stint(machine, spot, why, draws, room)
        self._send(machine, Out(self._world.now(), spot, draws, room), stint)

    def _draws(self, spot: Spot, out: list[Draw], most: int) -> tuple[Draw, ...]:
        one = self.knowing.standing(spot)
        if one.next_draw is not None:
            return (one.next_draw,)
        variation, draws = variation_of(spot.build.cell.variation), list[Draw]()
        for _ in range(most if one.tried else 1):
            seen = self.knowing.seen[spot]
            draws.append(next_draw(variation, spot.revision.tree, seen, one.next_kind, [*out, *draws]))
        return tuple(draws)

    def _stint(self, machine: Machine, spot: Spot, why: str, draws: tuple[Draw, ...], most: int) -> Stint:
        build = machine.builds[spot.build.cell.key]
        return Stint(
            home=self._party.home,
            build=build,
            profile=self._party.profiles[build.profile],
            revision=spot.revision,
            kind=self.knowing.standing(spot).next_kind,
            why=why,
            draws=draws,
            seen=self.knowing.seen[spot],
            slot=machine.slot,
            most=most,
            seconds=STINT,
        )

    def _hear(self, seconds: float) -> None:
        for answer in self._cluster.wait(seconds):
            machine = self._machines.get(answer.worker)
            if machine is None or machine.out is None:
                continue
            out, machine.out = machine.out, None
            try:
                self._take(machine, out, answer)
            except UserError as error:
                self._leave_out(machine, error)

    def _take(self, machine: Machine, out: Out, answer: Answer) -> None:
        if answer.lost:
            machine.joined = False  # when it joins again, what it has made comes with it
            tail = f"; what it was making, {out.spot}, is given anew" if out.spot else ""
            self._reporter.say(f"worker {machine.name}: the scheduler has forgotten its call{tail}")
            self._lost += [out.spot] if out.spot else []
            return
        if answer.error:
            self._hindered(machine, answer.error, final=out.spot is None)
            return
        match unpack(answer.value):
            case Joined() as joined:
                self._joined(machine, out, joined)
            case Made() as made if out.spot is not None:
                self._made_there(machine, out, out.spot, made)
            case other:
                raise TypeError(f"{other!r} is no answer")

    def _joined(self, machine: Machine, out: Out, joined: Joined) -> None:
        if not machine.host:
            machine.slot, machine.host = free_slot(self._machines.values(), joined.host), joined.host
        self._by_clock(machine, out, joined.clock)
        if joined.missing:
            if self._party.join.source or out.bundled:
                raise UserError(f"{joined.missing[0][:12]} is not there, though fetched", next_step="--cluster-git")
            bundled = copies.bundle(self._party.repository, self._party.join.commits, joined.have)
            self._send(machine, Out(self._world.now(), bundled=True), replace(self._party.join, bundle=bundled))
            return
        taken = self._intake.attempts(machine.host, joined.records, machine.offset.seconds)
        for line in (*joined.notes, *others(joined.builds, self._known_builds())):
            self._say(machine, line)
        machine.builds = {one.cell.key: one for one in joined.builds if one.cell.key not in machine.refused}
        machine.joined = True
        known = {spot.key for spot in self.knowing.spots}
        spots, _ = self._party.matrix.cross(self._party.join.plan, list(machine.builds.values()))
        self.knowing.add([spot for spot in spots if spot.key not in known])
        more = f"; {count(len(taken), 'attempt')} of before came with it" if taken else ""
        self._reporter.say(f"worker {machine.name} is there, with {count(len(machine.builds), 'cell')}{more}")
        if not machine.builds:
            machine.left = True

    def _known_builds(self) -> list[Build]:
        return [build for one in self._machines.values() for build in one.builds.values()]

    def _by_clock(self, machine: Machine, out: Out, clock: float) -> None:
        before = machine.offset.seconds
        machine.offset = machine.offset.told(out.sent, clock, self._world.now())
        now = machine.offset.seconds
        if now and not before:
            way = "ahead" if now > 0 else "behind"
            self._say(machine, f"its clock is {abs(now):.0f} s {way}; begin and end are told by ours")

    def _made_there(self, machine: Machine, out: Out, spot: Spot, made: Made) -> None:
        self._by_clock(machine, out, made.clock)
        self._intake.evidence(machine.host, made.evidence)
        attempts = self._intake.attempts(machine.host, made.records, machine.offset.seconds)
        for attempt in attempts:
            self._reporter.ended(attempt)
        for line in made.said:
            self._say(machine, line)
        if made.left_out:
            self._say(machine, f"evidence too large to be sent stays there: {listed(sorted({*made.left_out}))}")
        machine.here, machine.from_nothing = spot, made.from_nothing
        machine.at[spot.build.objtree] = spot.revision.tree
        if made.left:
            self._set_aside[spot] = made.left
        if made.trouble:
            machine.rests_until = self._world.now() + REST
            self._say(machine, f"paused: {made.trouble}")
        self._made += len(attempts)
        self._take_in(spot, len(attempts))
        match made.error:
            case None:
                machine.spoilt = 0
            case UserError() as error:
                self._refuse(machine, spot.build, error)
            case error:
                self._hindered(machine, str(error), final=False)

    def _refuse(self, machine: Machine, build: Build, error: BisectsymsError) -> None:
        """It does not have this cell; it is asked once more what it has."""
        machine.refused.add(build.cell.key)
        machine.builds.pop(build.cell.key, None)
        machine.joined = False
        self._reporter.say(f"worker {machine.name} leaves {build}: {error}")

    def _hindered(self, machine: Machine, why: str, *, final: bool) -> None:
        """Its machine got in the way; it rests, and after some times it is left."""
        if self._ending:
            return
        machine.spoilt += 1
        if final or machine.spoilt >= MOST_SPOILT:
            self._leave_out(machine, InfraError(why))
            return
        machine.rests_until = self._world.now() + REST * machine.spoilt
        self._reporter.say(f"worker {machine.name} rests for {REST * machine.spoilt:.0f} s: {why}")

    def _leave_out(self, machine: Machine, error: BisectsymsError) -> None:
        machine.left = True
        self._reporter.say(f"worker {machine.name} is left out: {error}")

    def _say(self, machine: Machine, text: str) -> None:
        if text not in machine.said:
            machine.said.add(text)
            self._reporter.say(f"{machine.name}: {text}")

    def _is_more(self) -> bool:
        """Whether anything is to be done, or to be waited for."""
        living = [one for one in self._machines.values() if not one.left]
        if any(one.out is not None or not one.joined for one in living):
            self._alone_since = None
            return True
        open_ = self._open()
        if living and not open_:
            return False
        if any(one.has(spot) for one in living for spot in open_):
            self._alone_since = None
            return True
        now = self._world.now()
        if self._alone_since is None:
            self._alone_since = now
            self._reporter.say("no worker for what is open; waiting for one")
        if now - self._alone_since < ALONE:
            return True
        if not living:
            raise InfraError(
                f"no worker for {ALONE:.0f} s", next_step="start workers; then the same command goes on where it was"
            )
        self._set_aside |= dict.fromkeys(open_, "no worker has this cell any more")
        return False


def _no_desk(build: Build, most: int | None) -> Desk:
    raise AssertionError("nothing is built here")
