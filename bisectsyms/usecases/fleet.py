"""A hunt whose attempts are made on other machines: each worker that is free is given the spot that settles most there.

What a worker had when it was lost is given to another; should it turn up after all, it is the same attempt, and counts
once.
"""

from __future__ import annotations

from bisectsyms.core.hunting import choose, left
from bisectsyms.core.words import count
from bisectsyms.effects.evidence import EvidenceStore
from bisectsyms.effects.ledger import Ledger
from bisectsyms.inputs.variations import variation_of
from bisectsyms.model import Draw, Kind
from bisectsyms.usecases.desk import Desk, Reporter, next_draw
from bisectsyms.usecases.hunt import Hunting, HuntOptions, World
from bisectsyms.usecases.intake import Intake
from bisectsyms.usecases.machines import Machine, Out, Workers
from bisectsyms.usecases.matrix import Build, Spot
from bisectsyms.usecases.orders import Stint
from bisectsyms.usecases.roster import POLL, News, Party, Roster

STINT = 10.0
"""Seconds after which a worker begins no further attempt without asking."""
MOST = 8
"""Attempts of a stint."""


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
        intake = Intake(ledger, store, reporter.say)
        self._party = party
        self._roster = Roster(
            intake, party, cluster, reporter, world.now, joined=self._take_cells, dropped=self._give_back
        )
        self._lost: list[Spot] = []
        """Where an attempt was being made by a worker that is gone."""

    def _begin(self) -> None:
        self._reporter.say("waiting for workers")

    def _go_on(self) -> bool:
        self._roster.muster()
        for machine in self._roster.idle():
            self._give(machine)
        self._hear(POLL)
        return self._is_more()

    def _finish(self) -> None:
        if running := self._roster.busy():
            self._reporter.say(f"{count(len(running), 'worker')} finish what they are at")
        while self._roster.busy():
            self._roster.muster(join=False)
            self._hear(POLL)

    def _close(self) -> None:
        """After an error or a second Ctrl-C attempts still run; they are ended, and written down as cut short."""
        for news in self._roster.end():
            self._made_there(news)

    def _take_cells(self, machine: Machine) -> None:
        known = {spot.key for spot in self.knowing.spots}
        spots, _ = self._party.matrix.cross(self._party.join.plan, list(machine.builds.values()))
        self.knowing.add([spot for spot in spots if spot.key not in known])

    def _give_back(self, machine: Machine, out: Out) -> None:
        self._lost += [out.spot] if out.spot else []

    def _give(self, machine: Machine) -> None:
        """The best for this one, if there is anything for it."""
        if not machine.joined:
            self._roster.join(machine)
            return
        out = [one.out for one in self._roster.busy() if one.out is not None]
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
        self._roster.order(machine, Out(self._world.now(), spot, draws, room), stint)

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
        for news in self._roster.hear(seconds):
            self._made_there(news)

    def _made_there(self, news: News) -> None:
        machine, made, spot = news.machine, news.made, news.out.spot
        assert spot is not None, "a hunt only asks for attempts"
        machine.here = spot
        machine.at[spot.build.objtree] = spot.revision.tree
        if made.left:
            self._set_aside[spot] = made.left
        self._made += len(news.attempts)
        self._take_in(spot, len(news.attempts))
        self._roster.judge(machine, spot.build, made)

    def _is_more(self) -> bool:
        """Whether anything is to be done, or to be waited for."""
        open_ = self._open()
        if self._roster.living() and not open_ and not self._roster.is_waited_for():
            return False
        if self._roster.has_hands(lambda machine: any(map(machine.has, open_))):
            return True
        self._set_aside |= dict.fromkeys(open_, "no worker has this cell any more")
        return False


def _no_desk(build: Build, most: int | None) -> Desk:
    raise AssertionError("nothing is built here")
