"""How many slots a search should work in, measured where the failure is: its attempts are ordinary ones at the bad end.

More at once are not always more per second: two kernels that are built side by side on two cores take twice as long
each, two links that wait for the disk or for one core do not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bisectsyms.core.decide import Ask
from bisectsyms.core.ladder import climb
from bisectsyms.core.throughput import Throughput, attempts_with, best, following, told
from bisectsyms.core.words import count
from bisectsyms.effects import throughputs
from bisectsyms.model import Attempt, Kind, Revision
from bisectsyms.usecases.desk import Desk
from bisectsyms.usecases.learning import SearchOptions
from bisectsyms.usecases.limits import Limits

OpenDesk = Callable[[int, int | None], Desk]
"""(how many slots, how many attempts may be begun)"""
MOST_ARRIVALS = 5
"""Rounds of attempts that may be needed to bring all slots to the bad end: one builds, others become copies."""
DEPENDS = "a race has another rate beside more or fewer"


@dataclass(frozen=True, slots=True)
class Chosen:
    """How many slots, and what that has cost."""

    slots: int
    made: int = 0
    """Attempts of this call."""


class SlotCount:
    """Measures one number of slots after the other."""

    def __init__(
        self,
        open_desk: OpenDesk,
        failing: str,
        options: SearchOptions,
        *,
        most: int,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`failing` is the end that fails, `most` how many slots are tried at all."""
        self._open = open_desk
        self._failing = failing
        self._options = options
        self._most = most
        self._now = now
        self._before = 0
        """Attempts made at desks that are closed."""
        self._desk: Desk | None = None
        self._limits = Limits(options.deadline, options.max_attempts, self._made, now)

    def choose(self) -> Chosen:
        """The number that got through the most attempts: as measured before, or now.

        Raises:
            UserError, InfraError: see `Desk`.
        """
        measured: list[Throughput] = []
        kind: Kind | None = None
        while (slots := following(measured, self._most)) is not None:
            with self._open(slots, self._left()) as desk:
                self._desk = desk
                revision, state_dir = desk.known(desk.repository.resolve(self._failing)), desk.repository.state_dir
                kind = kind or climb(desk.seen(revision), desk.kinds, self._options.min_rate).kind
                if not measured and (known := throughputs.read(state_dir, desk.cell, kind)):
                    desk.reporter.say(f"{told(known)}, as measured before: so --slots {best(known)}; {DEPENDS}")
                    return Chosen(best(known))
                one = self._measured(desk, revision, kind)
                self._before, self._desk = self._made(), None
                if one is None:
                    why = self._limits.over() or f"not every attempt at {revision} shows something"
                    desk.reporter.say(f"how many slots are best is not known: {why}; --slots {best(measured)} for now")
                    break
                measured.append(one)
                if following(measured, self._most) is None:
                    throughputs.write(state_dir, desk.cell, kind, measured)
                    desk.reporter.say(f"{told(measured)} ({kind}): so --slots {best(measured)}; {DEPENDS}")
        return Chosen(best(measured), self._before)

    def _measured(self, desk: Desk, revision: Revision, kind: Kind) -> Throughput | None:
        """None where it could not be measured."""
        wanted = attempts_with(desk.slots)
        desk.reporter.say(
            f"how many slots? {count(wanted, 'attempt')} ({kind}) at {revision} with {desk.slots} at once"
        )
        if not kind.is_from_scratch and not self._bring(desk, revision, kind):
            return None
        begun, started, ended, shown = self._now(), 0, 0, True
        while True:
            for slot in desk.places():
                if shown and started < wanted and not self._limits.over():
                    desk.start(slot, revision, Ask(kind, "how many slots are best?"))
                    started += 1
            if started == ended:
                break
            shown = _shows(desk.wait()[1]) and shown  # else nothing more is begun
            ended += 1
        return Throughput(desk.slots, ended, self._now() - begun) if shown and ended == wanted else None

    def _bring(self, desk: Desk, revision: Revision, kind: Kind) -> bool:
        """All slots to the revision, with their objtrees; whether that was possible."""
        for _ in range(MOST_ARRIVALS):
            places = desk.ready()
            if len(places) == desk.slots and not any(desk.arrival_from(one, revision) for one in places.values()):
                return True
            if self._limits.over():
                break
            ask = Ask(desk.arrival(revision) or kind, "arrival, to see how many slots are best")
            if not all(_shows(made) for made in desk.at_once(revision, ask)):
                break
        return False

    def _made(self) -> int:
        return self._before + (self._desk.made if self._desk else 0)

    def _left(self) -> int | None:
        most = self._options.max_attempts
        return None if most is None else most - self._before


def _shows(made: Attempt | None) -> bool:
    return made is not None and made.result is not None and made.result.outcome.is_evidence
