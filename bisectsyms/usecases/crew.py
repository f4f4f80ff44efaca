"""Several slots at once: a process with a bench for each, and here the desk of the one who judges and never builds.

Every bench writes down its own attempts, so whatever ends one of us, or all, nothing is lost that has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import cast

from bisectsyms.core.decide import Ask
from bisectsyms.core.words import count
from bisectsyms.effects.forked import Worker, heard, stop_all
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.objtree import Objtree
from bisectsyms.errors import InfraError
from bisectsyms.model import Attempt, Draw, Revision
from bisectsyms.usecases.desk import Place, Reporter, T
from bisectsyms.usecases.mate import (
    Begun,
    Beside,
    Done,
    Ended,
    Failed,
    Free,
    Message,
    OpenBench,
    Opened,
    Order,
    Said,
    Warm,
    work,
)
from bisectsyms.usecases.slotcrew import Several

AGAIN = "the same command goes on, every attempt that ended is in the ledger"


@dataclass
class Mate:
    """One of us as it is seen from here."""

    worker: Worker
    name: str
    opened: Opened | None = None
    place: Place | None = None
    """None while it is busy."""
    revision: Revision | None = None
    draw: Draw | None = None
    """Of the attempt that it was told to make."""
    made: Attempt | None = None
    copied: bool = False
    """Whether it was told to become a copy since its last attempt."""
    gone: bool = False
    shown: ExitStack = field(default_factory=ExitStack)
    """What people are shown of it while it runs."""


class Crew(Several):
    """The desk of a search that works in several slots.

    Raises:
        UserError, InfraError: what kept one of the benches from being opened.
    """

    def __init__(
        self, slots: int, open_bench: OpenBench, repository: Repository, reporter: Reporter, most: int | None = None
    ) -> None:
        """`most` is how many attempts may be begun, together."""
        super().__init__(most)
        self.repository, self.reporter, self.slots = repository, reporter, slots
        self._error: Exception | None = None
        self._open = False
        self._first: dict[str, int] = {}
        """What was said, and who was the first to say it: the others may have the same to say."""
        self._answers: list[object] = []
        workers: list[Worker] = []
        self._mates: list[Mate] = []
        try:
            for number in range(slots):
                workers.append(Worker(partial(work, open_bench), workers))
                self._mates.append(Mate(workers[-1], f"slot {number + 1} of {slots}"))
            opened = self._all_opened(slots)
            self.ledger = Ledger.open(repository.state_dir, warn=reporter.say)
        except BaseException:
            stop_all(workers)
            raise
        self.cell, self.variation = opened.cell, opened.variation
        self.kinds, self.from_nothing, self.failure = opened.kinds, opened.from_nothing, opened.failure
        self._clones = opened.clones
        self._open = True

    def _all_opened(self, slots: int) -> Opened:
        while not self._error and any(mate.opened is None for mate in self._mates):
            self._hear()
        if isinstance(self._error, InfraError):
            step = f"{self._error.next_step}; or --slots with less than {slots}".removeprefix("; or ")
            raise InfraError(self._error.message, next_step=step) from self._error
        if self._error is not None:
            raise self._error
        opened = [mate.opened for mate in self._mates if mate.opened is not None]
        if any(one.cell.key != opened[0].cell.key for one in opened):
            raise InfraError("the toolchain changed while the slots were opened", next_step="the same command again")
        return opened[0]

    def close(self) -> None:
        try:
            stop_all([mate.worker for mate in self._mates])
            for mate in self._mates:
                mate.shown.close()
        finally:
            self.ledger.close()

    @property
    def aside(self) -> Path:
        return self._opened(0).slot

    @property
    def objtree(self) -> Objtree:
        return Objtree(self._opened(0).objtree)

    def _opened(self, slot: int) -> Opened:
        opened = self._mates[slot].opened
        assert opened is not None
        return opened

    def places(self) -> dict[int, Place]:
        if self._error is None:
            mates = enumerate(self._mates)
            return {number: mate.place for number, mate in mates if mate.place is not None and mate.made is None}
        if all(mate.place or mate.gone for mate in self._mates):
            raise self._error
        return {}

    def ready(self) -> dict[int, Place]:
        """The empty ones are copied while the warm ones among them keep still; without any, one builds for all."""
        free = self.places()
        empty = [number for number, place in free.items() if not place.warm and not self._mates[number].copied]
        if not self._clones or not empty:
            return free
        if any(place.tree for place in free.values()):
            return self._copied([self._mates[number] for number in empty])
        building = any(place.warm for place in free.values()) or any(not (m.place or m.gone) for m in self._mates)
        waiting = empty if building else empty[1:]
        return {number: place for number, place in free.items() if number not in waiting}

    def _copied(self, mates: Sequence[Mate]) -> dict[int, Place]:
        """As `ready`, when these have become copies, or could not."""
        for mate in mates:
            mate.copied, mate.place, mate.revision = True, None, None
            self._send(mate, Warm())
        while self._error is None and any(mate.place is None for mate in mates):
            self._hear()
        return self.places()

    def start(self, slot: int, revision: Revision, ask: Ask) -> None:
        mate, draw = self._mates[slot], self.drawn_for(revision, ask)
        mate.place, mate.revision, mate.draw, mate.made, mate.copied = None, revision, draw, None, False
        self.made += 1
        self._send(mate, Order(revision, replace(ask, draw=draw)))

    def running(self) -> list[tuple[Revision, Draw]]:
        busy = (mate for mate in self._mates if mate.place is None)
        return [(mate.revision, mate.draw) for mate in busy if mate.revision and mate.draw]

    def wait(self) -> tuple[int, Attempt]:
        """As of any desk; whatever one of us ran into, what the others run is waited for before it is told."""
        while True:
            for number, mate in enumerate(self._mates):
                if mate.place is not None and (made := mate.made) is not None and self._error is None:
                    mate.made = None
                    return number, made
            self.places()  # raises what one of us ran into, once nothing runs any more
            self._hear()

    def beside(self, call: Callable[[], T]) -> T:
        mate = self._mates[0]
        mate.place = mate.revision = None
        self._answers.clear()
        self._send(mate, Beside(call))
        while mate.place is None and self._error is None:
            self._hear()
        if self._error is not None:
            raise self._error
        return cast(T, self._answers.pop())

    def _send(self, mate: Mate, order: Order | Beside | Warm) -> None:
        try:
            mate.worker.pipe.send(order)
        except OSError:
            self._lost(mate)

    def _hear(self) -> None:
        """Take in what comes next from any of us."""
        living = [mate for mate in self._mates if not mate.gone]
        for number in heard([mate.worker for mate in living]):
            mate = living[number]
            try:
                self._take_in(mate, mate.worker.pipe.recv())
            except (EOFError, OSError):
                self._lost(mate)

    def _take_in(self, mate: Mate, message: Message) -> None:
        match message:
            case Opened():
                mate.opened, mate.place, mate.name = message, message.place, message.slot.name
            case Said(text):
                me = self._mates.index(mate)
                if self._first.setdefault(text, me) == me:
                    self.reporter.say(text)
            case Begun(number, plan, why):
                mate.shown.enter_context(self.reporter.running(number, plan, why))
            case Ended(attempt):
                mate.shown.close()
                self.reporter.ended(attempt)
                mate.made = attempt
            case Done(answer):
                self._answers.append(answer)
            case Free(place):
                mate.place = place
            case Failed(error):
                self._fail(mate, RuntimeError(f"in {mate.name}:\n{error}") if isinstance(error, str) else error)

    def _lost(self, mate: Mate) -> None:
        self._fail(mate, InfraError(f"the process of {mate.name} was killed", next_step=AGAIN))

    def _fail(self, mate: Mate, error: Exception) -> None:
        """Nothing more is begun; the first error is the one that is told."""
        mate.shown.close()
        mate.gone = True
        busy = sum(other.place is None and not other.gone for other in self._mates)
        if self._error is None and self._open and busy:
            self.reporter.say(f"{mate.name} stopped; what still runs is waited for: {count(busy, 'attempt')}")
        self._error = self._error or error
