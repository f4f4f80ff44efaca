"""The verb that runs a matrix of cells until a deadline, and spends the time where it settles most.

The loop holds no judgement: `core.hunting` says where the next attempt goes, `core.spots` of which kind it is and what
a spot is, `usecases.knowing` reads the ledger. One desk is open at a time, so cells that compile alike share
an objtree.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from bisectsyms.core.decide import Ask
from bisectsyms.core.hunting import Rules, choose, left
from bisectsyms.core.probing import probe
from bisectsyms.core.spots import verdict
from bisectsyms.core.words import count
from bisectsyms.effects.ledger import Ledger
from bisectsyms.errors import BisectsymsError, InfraError, UserError
from bisectsyms.model import Kind
from bisectsyms.usecases.desk import Desk, Reporter
from bisectsyms.usecases.hunted import Hunted, Line, Picture, line_of, summary
from bisectsyms.usecases.knowing import Knowing
from bisectsyms.usecases.limits import Limits
from bisectsyms.usecases.matrix import Build, Spot

TELL_AGAIN = 600.0
"""Seconds after which it is said once more how it stands, where nobody looks on."""
PAUSE = 5.0
"""Seconds between two looks at a machine that is to be left alone."""
MOST_SPOILT = 3
"""Spots in a row that the machine may spoil before the hunt stops."""
PAST = 3600.0
"""Seconds over which attempts per hour are counted."""

OpenDesk = Callable[[Build, int | None], Desk]
"""For this cell; and how many attempts may be begun there."""


@dataclass(frozen=True, slots=True)
class HuntOptions:
    """How a hunt goes about it."""

    rules: Rules = field(default_factory=Rules)
    kind: Kind | None = None
    """The only kind of attempt; None for what the ladder finds."""
    deadline: float | None = None
    """Seconds since the epoch."""
    max_attempts: int | None = None
    """Of this call."""


@dataclass(frozen=True, slots=True)
class World:
    """What a hunt sees and does beside its attempts; the defaults do nothing."""

    trouble: Callable[[], str] = str
    """Why no attempt should begin now."""
    make_room: Callable[[str], None] = lambda objtree: None
    """Called while no slot is held, before work begins in this objtree; remove others that are too many."""
    turn: Callable[[int, Callable[[], bool]], AbstractContextManager[bool]] = lambda places, go_on: nullcontext(True)
    """Hold so many places of the host's budget; give up when the second says no."""
    asked_to_stop: Callable[[], str] = str
    notify: Callable[[Mapping[str, str], str], None] = lambda news, text: None
    show: Callable[[Picture], None] = lambda picture: None
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


class Hunting:
    """One hunt over one matrix."""

    def __init__(
        self,
        ledger: Ledger,
        spots: tuple[Spot, ...],
        kinds: tuple[Kind, ...],
        open_desk: OpenDesk,
        reporter: Reporter,
        options: HuntOptions,
        world: World,
    ) -> None:
        self.knowing = Knowing(ledger, spots, kinds, options.rules, options.kind)
        self._ledger = ledger
        self._open_desk = open_desk
        self._reporter = reporter
        self._options = options
        self._world = world
        self._desk: Desk | None = None
        self._build: Build | None = None
        self._here: Spot | None = None
        self._made = 0
        self._ended: list[float] = []
        self._limits = Limits(options.deadline, options.max_attempts, lambda: self._made, world.now)
        self._set_aside: dict[Spot, str] = {}
        self._spoilt = 0
        self._from_nothing = Kind.CLEAN
        self._begun = self._told = world.now()
        self._paused = ""

    def run(self) -> Hunted:
        """Make attempts until every spot is settled or left, or time or attempts are over.

        Raises:
            UserError: see `Desk`.
            InfraError: the machine spoilt several spots in a row; the same command goes on.
        """
        self._begin()
        try:
            while not (stopped := self._over()) and self._go_on():
                pass
            self._finish()
        finally:
            self._close()
        if not stopped and self._set_aside:
            stopped = "the machine got in the way of what is open"
        hunted = Hunted(
            lines=self._lines(),
            attempts=self._made,
            seconds=self._world.now() - self._begun,
            stopped=stopped,
            set_aside={str(spot): why for spot, why in self._set_aside.items()},
        )
        self._notify("end", f"the hunt has ended{f' ({stopped})' if stopped else ''}: {self._summary()}")
        return hunted

    def _begin(self) -> None:
        self._reporter.say(f"{count(len(self.knowing.spots), 'spot')}: {self._summary()}")

    def _go_on(self) -> bool:
        """By an attempt, or a pause; whether there was anything to do."""
        if (chosen := self._choose()) is None:
            return False
        spot, why = chosen
        if self._is_fine():
            self._go_to(spot, why)
        return True

    def _finish(self) -> None:
        """Let what runs come to its end."""

    def _over(self) -> str:
        return self._world.asked_to_stop() or self._limits.over()

    def _choose(self) -> tuple[Spot, str] | None:
        """The spot for the next attempt; what is settled or left takes none."""
        open_ = self._open()
        candidates = [self.knowing.candidate(spot, self._here, self._from_nothing) for spot in open_]
        chosen = choose(candidates, self._options.rules)
        if chosen is None:
            return None
        number, why = chosen
        spot = open_[number]
        plans = [left(one, self._options.rules)[0] for one in candidates]
        self._show(f"{spot}: {why}", sum(plans))
        if spot != self._here:
            self._reporter.say(f"now {spot}: {why}")
        return spot, why

    def _open(self) -> list[Spot]:
        return [
            spot
            for spot in self.knowing.spots
            if spot not in self._set_aside and self.knowing.standing(spot).takes_attempts
        ]

    def _is_fine(self) -> bool:
        """Whether an attempt may begin; else a while is waited."""
        trouble = self._world.trouble()
        if trouble and not self._paused:
            self._close()
            self._world.make_room("")  # what is in the way may be objtrees of ours
            trouble = self._world.trouble()
        if trouble:
            if trouble.split()[:1] != self._paused.split()[:1]:  # the figures in it change all the time
                self._reporter.say(f"paused: {trouble}")
            self._world.sleep(PAUSE)
        elif self._paused:
            self._reporter.say("the hunt goes on")
        self._paused = trouble
        return not trouble

    def _go_to(self, spot: Spot, why: str) -> None:
        """Make an attempt at a spot; one that the machine spoils again and again is set aside for this call.

        And a cell that cannot be built here as it is asked for, at all its revisions.
        """
        before = self._made
        try:
            self._attempt(spot, why)
            self._spoilt = 0
        except UserError as error:
            self._leave(spot.build, [one for one in self.knowing.spots if one.build == spot.build], error)
        except InfraError as error:
            self._leave(spot, [spot], error)
            self._spoilt += 1
            if self._spoilt >= MOST_SPOILT:
                raise
        self._take_in(spot, self._made - before)

    def _leave(self, what: Spot | Build, spots: list[Spot], error: BisectsymsError) -> None:
        self._close()
        why = f"{error.message} ({error.next_step})" if error.next_step else error.message
        self._set_aside |= dict.fromkeys(spots, why)
        self._reporter.say(f"{what} is set aside: {why}")

    def _attempt(self, spot: Spot, why: str) -> None:
        """One in every slot of the desk, when it is our turn."""
        desk = self._desk_for(spot.build)
        with self._world.turn(desk.slots, lambda: not self._over()) as got:
            if got:
                self._at_once(desk, spot, why)

    def _at_once(self, desk: Desk, spot: Spot, why: str) -> None:
        one = self.knowing.standing(spot)
        ask = probe(self.knowing.seen[spot], one.next_kind, desk.arrival(spot.revision), one.next_draw)
        if not isinstance(ask, Ask):
            self._set_aside[spot] = ask.rationale
            return
        before = desk.made
        try:
            desk.at_once(spot.revision, Ask(ask.kind, ask.why if ask.kind is not one.next_kind else why, ask.draw))
        finally:
            self._made += desk.made - before
            self._here = spot
            self.knowing.at[spot.build.objtree] = spot.revision.tree

    def _desk_for(self, build: Build) -> Desk:
        if self._desk is not None and self._build == build:
            return self._desk
        changes = self._build is None or self._build.objtree != build.objtree
        self._close()
        if changes:
            self._world.make_room(build.objtree)
        begun = self._world.now()
        most = self._options.max_attempts
        desk = self._open_desk(build, None if most is None else most - self._made)
        if desk.cell.key != build.cell.key:
            desk.close()
            raise UserError(
                f"{build} is another cell by now: {desk.cell.toolchain.compiler}",
                next_step="the same command begins with the toolchain of now",
            )
        self._desk, self._build = desk, build
        self._from_nothing = desk.from_nothing
        self.knowing.reopen = max(0.0, self._world.now() - begun)
        return desk

    def _close(self) -> None:
        if self._desk is not None:
            self._desk.close()
        self._desk = self._build = None

    def _take_in(self, spot: Spot, made: int) -> None:
        """Look at what an attempt has changed, and say so."""
        old = self.knowing.standing(spot)
        failing = any(self.knowing.standing(one).failing for one in self.knowing.spots)
        self.knowing.look_again([spot], made)
        self._ended += [self._world.now()] * made
        new = self.knowing.standing(spot)
        if new.failing and not failing:
            self._notify("first-failure", f"the first failure: {spot}, {verdict(new)}")
        if old.takes_attempts and not new.takes_attempts:
            self._reporter.say(f"{spot}: {verdict(new)}; {self._summary()}")
        elif self._world.now() - self._told >= TELL_AGAIN:
            self._told = self._world.now()
            self._reporter.say(f"{self._summary()}; {self._per_hour():.0f} attempts an hour")

    def _notify(self, event: str, text: str) -> None:
        lines = [f"{spot}: {verdict(self.knowing.standing(spot))}" for spot in self.knowing.spots]
        news = {"event": event, "text": text, "attempts": str(self._made)}
        self._world.notify(news, "\n".join([text, "", *lines, ""]))

    def _show(self, now: str, ahead: float) -> None:
        deadline, slots = self._options.deadline, self._desk.slots if self._desk else 1
        ends = [ahead / slots] + ([deadline - self._world.now()] if deadline is not None else [])
        self._world.show(Picture(self._lines(), self._made, self._per_hour(), slots, now, max(0.0, min(ends))))

    def _per_hour(self) -> float:
        now = self._world.now()
        self._ended = [when for when in self._ended if when > now - PAST]
        return 3600.0 * len(self._ended) / max(1.0, min(PAST, now - self._begun))

    def _lines(self) -> tuple[Line, ...]:
        return tuple(line_of(spot, self.knowing.standing(spot)) for spot in self.knowing.spots)

    def _summary(self) -> str:
        return summary(self._lines())
