"""A crew whose slots are on other machines: the desk of a search that is led from here.

A slot is a worker's, and goes with it: an attempt that was being made there is lost to the search, which asks again;
should it have ended after all, it comes in when a worker of that host joins again. One search has one cell, so
workers with another compiler have nothing to do.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from bisectsyms.core.decide import Ask
from bisectsyms.effects import apart, copies
from bisectsyms.effects.evidence import EvidenceStore
from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.objtree import Objtree
from bisectsyms.errors import InfraError
from bisectsyms.inputs.variations import variation_of
from bisectsyms.model import Attempt, Draw, Revision
from bisectsyms.usecases.desk import Place, Reporter, T
from bisectsyms.usecases.intake import Intake
from bisectsyms.usecases.machines import Machine, Out, Workers
from bisectsyms.usecases.mate import Beside, Done, Failed
from bisectsyms.usecases.matrix import Build, Spot
from bisectsyms.usecases.orders import Turn, pack, unpack
from bisectsyms.usecases.roster import POLL, News, Party, Roster
from bisectsyms.usecases.slotcrew import Several
from bisectsyms.usecases.workbench import Workbench

SETTLE = 5.0
"""Seconds after the first worker has joined in which others may, before it is said which cell is searched in."""


@dataclass
class Seat:
    """One slot: a worker with a bench that is warm somewhere."""

    machine: Machine
    place: Place
    revision: Revision | None = None
    draw: Draw | None = None
    """Of the attempt that it makes."""
    sent: bool = True
    """Whether it was told, or waits for the commit first."""
    ask: Ask | None = None


class RemoteCrew(Several):
    """The desk of a search in a cluster's slots. Leaving it ends what runs there, and not the cluster.

    Raises:
        UserError: see `Ledger.open`.
        InfraError: no worker came, or none has a cell of what is to be built; or see `Ledger.open`.
    """

    kinds = Workbench.kinds

    def __init__(
        self,
        party: Party,
        cluster: Workers,
        aside: Path,
        store: EvidenceStore,
        reporter: Reporter,
        *,
        preferred: str = "",
        most: int | None = None,
        deadline: float | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`aside` is a folder of ours, `preferred` the key of the cell to search in where a worker has it.

        Nobody is waited for after `deadline`, in seconds since the epoch as `now` tells them.
        """
        super().__init__(most)
        self.repository, self.reporter, self.slots = party.repository, reporter, 1
        self._party, self._aside, self._deadline, self._now = party, aside, deadline, now
        self._ended: deque[tuple[int, Attempt | None]] = deque()
        self._seats: dict[int, Seat] = {}
        self._number = 0
        self._looked = 0.0
        self._reached = dict.fromkeys(party.join.commits, True)
        self._brought = set[tuple[str, str]]()
        """(address of a worker, commit that was made here since)"""
        self._build: Build | None = None
        self._stack = ExitStack()
        self.ledger = self._stack.enter_context(Ledger.open(party.repository.state_dir, warn=reporter.say))
        self._roster = Roster(
            Intake(self.ledger, store, reporter.say),
            party,
            cluster,
            reporter,
            now,
            joined=self._joined,
            dropped=self._dropped,
        )
        try:
            self._build = self._settled(preferred)
            self.cell = self._build.cell
            self.variation = variation_of(self.cell.variation)
            for machine in self._roster.living():
                self._joined(machine)
            self.places()  # one bench at least
        except BaseException:
            self.close()
            raise

    def _settled(self, preferred: str) -> Build:
        """The cell of the search: that of the last one, else what most workers have."""
        self.reporter.say("waiting for workers")
        since: float | None = None
        while True:
            self._roster.muster()
            self._roster.hear(POLL)
            builds = self._roster.builds()
            since = since or (self._now() if builds else None)
            waited = since is not None and self._now() - since >= SETTLE
            if builds and (waited or self._is_over() or not self._roster.is_waited_for()):
                break
            if self._is_over():
                raise InfraError(
                    "no worker has come before the time was over",
                    next_step="start workers; then the same command, with more time",
                )
            if not self._roster.has_hands(lambda machine: bool(machine.builds)):
                raise InfraError("no worker has what is to be built", next_step="see what was said of each above")
        numbers = Counter(one.cell.key for one in builds)
        key = preferred if preferred in numbers else numbers.most_common(1)[0][0]
        return next(one for one in builds if one.cell.key == key)

    def _joined(self, machine: Machine) -> None:
        if self._build is not None and self._build.cell.key not in machine.builds:
            self._roster.say(machine, f"it does not have the cell of this search ({self._build}), and nothing to do")

    def close(self) -> None:
        try:
            self._take(self._roster.end())
        finally:
            self._stack.close()

    @property
    def aside(self) -> Path:
        self._aside.mkdir(parents=True, exist_ok=True)
        return self._aside

    @property
    def objtree(self) -> Objtree:
        """None is here, and it looks like one that is empty."""
        return Objtree(self._aside / "none")

    def places(self) -> dict[int, Place]:
        """As of any desk; where nobody is there at all, somebody is waited for, but no longer than until the deadline.

        Raises:
            InfraError: nobody came.
        """
        while True:
            self._look(0.0)
            ended = {slot for slot, _ in self._ended}
            idle = {id(one) for one in self._roster.idle()}
            free = {
                slot: seat.place
                for slot, seat in self._seats.items()
                if seat.revision is None and slot not in ended and id(seat.machine) in idle
            }
            if free or self._ended or any(seat.revision for seat in self._seats.values()) or self._is_over():
                return free
            self._look(POLL)
            if not self._roster.has_hands(self._has_cell):
                raise InfraError("no worker has the cell of this search any more", next_step="the same command again")

    def _is_over(self) -> bool:
        return self._deadline is not None and self._now() >= self._deadline

    def _has_cell(self, machine: Machine) -> bool:
        return self._build is not None and self._build.cell.key in machine.builds

    def _look(self, seconds: float) -> None:
        """See who is there, take in what has come, and have those open a bench who are new."""
        if self._now() - self._looked >= POLL:
            self._looked = self._now()
            self._roster.muster()
        self._take(self._roster.hear(seconds))
        seated = {id(seat.machine): seat for seat in self._seats.values()}
        for machine in self._roster.idle():
            seat = seated.get(id(machine))
            if not machine.joined:
                self._roster.join(machine)
            elif seat is not None and not seat.sent:
                self._tell(seat)
            elif seat is None and self._has_cell(machine):
                self._roster.order(machine, Out(self._now()), self._turn(machine))

    def _turn(self, machine: Machine) -> Turn:
        assert self._build is not None
        build = machine.builds[self._build.cell.key]
        return Turn(self._party.home, build, self._party.profiles[build.profile], machine.slot)

    def _take(self, heard: list[News]) -> None:
        for news in heard:
            machine, made = news.machine, news.made
            slot = self._slot_of(machine)
            if slot is None and made.place is not None:
                self._number += 1
                slot, self.from_nothing = self._number, made.from_nothing
                self._seats[slot] = Seat(machine, made.place)
            elif slot is not None and news.out.spot is not None:
                seat = self._seats[slot]
                self._ended.append((slot, news.attempts[-1] if news.attempts else None))
                seat.revision = seat.draw = seat.ask = None
                seat.place = made.place or Place("", seat.place.warm)
            if self._build is not None:
                self._roster.judge(machine, self._build, made)
            if slot is not None and (machine.left or not self._has_cell(machine)):
                self._seats.pop(slot)
        self.slots = max(1, len(self._seats))

    def _dropped(self, machine: Machine, out: Out) -> None:
        slot = self._slot_of(machine)
        if slot is not None:
            seat = self._seats.pop(slot)
            if seat.revision is not None:
                self._ended.append((slot, None))
            self.slots = max(1, len(self._seats))

    def _slot_of(self, machine: Machine) -> int | None:
        return next((slot for slot, seat in self._seats.items() if seat.machine is machine), None)

    def start(self, slot: int, revision: Revision, ask: Ask) -> None:
        seat, draw = self._seats[slot], self.drawn_for(revision, ask)
        self.made += 1
        seat.revision, seat.draw, seat.ask = revision, draw, replace(ask, draw=draw)
        brought = (seat.machine.address, revision.commit)
        if brought in self._brought or self._reaches(revision.commit):
            self._tell(seat)
        else:  # one that was made here since, as when a culprit is taken back
            seat.sent = False
            self._brought.add(brought)
            bundle = copies.bundle(self.repository, [revision.commit], self._party.join.commits)
            self._roster.bring(seat.machine, revision.commit, bundle)

    def _tell(self, seat: Seat) -> None:
        assert seat.revision is not None and seat.draw is not None and self._build is not None
        seat.sent = True
        spot = Spot(self.known(seat.revision), self._build)
        order = replace(self._turn(seat.machine), revision=seat.revision, ask=seat.ask)
        self._roster.order(seat.machine, Out(self._now(), spot, (seat.draw,), most=1), order)

    def _reaches(self, commit: str) -> bool:
        """Whether every worker has it, in the history of what it was given."""
        if commit not in self._reached:
            ends = self._party.join.commits
            ask = ("merge-base", "--is-ancestor", commit)
            self._reached[commit] = any(self.repository.tried(*ask, end)[0] == 0 for end in ends)
        return self._reached[commit]

    def running(self) -> list[tuple[Revision, Draw]]:
        return [(seat.revision, seat.draw) for seat in self._seats.values() if seat.revision and seat.draw]

    def wait(self) -> tuple[int, Attempt | None]:
        while not self._ended:
            self._look(POLL)
        return self._ended.popleft()

    def beside(self, call: Callable[[], T]) -> T:
        """In a process of its own here, because whoever runs it becomes the reaper of all that it has started."""
        match unpack(apart.ask("bisectsyms.usecases.away", pack(Beside(call)))):
            case Done(answer):
                return cast(T, answer)
            case Failed(error) if not isinstance(error, str):
                raise error
            case other:
                raise TypeError(f"{other!r} is no answer")
