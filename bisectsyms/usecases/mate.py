"""One of a crew: a process with a bench of its own, which makes the attempts that it is told to make."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bisectsyms.core.decide import Ask
from bisectsyms.core.trouble import trouble
from bisectsyms.core.variation import Variation
from bisectsyms.effects.forked import Pipe
from bisectsyms.errors import BisectsymsError
from bisectsyms.model import Attempt, Cell, Kind, Plan, Revision
from bisectsyms.usecases.bench import Bench
from bisectsyms.usecases.desk import Place, Reporter

OpenBench = Callable[[Reporter], Bench]


@dataclass(frozen=True, slots=True)
class Order:
    """Make this attempt."""

    revision: Revision
    ask: Ask


@dataclass(frozen=True, slots=True)
class Beside:
    """Do this, which is no attempt."""

    call: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Warm:
    """Make your empty objtree a copy of one of the others, if you can."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The bench is there, and this is what it has in common with the others, and what not."""

    cell: Cell
    variation: Variation
    kinds: tuple[Kind, ...]
    from_nothing: Kind
    failure: str
    slot: Path
    objtree: Path
    place: Place
    clones: bool


@dataclass(frozen=True, slots=True)
class Said:
    """A line for people."""

    text: str


@dataclass(frozen=True, slots=True)
class Begun:
    """An attempt has begun."""

    number: int
    plan: Plan
    why: str


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt has ended, and is in the ledger."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a call."""

    answer: object


@dataclass(frozen=True, slots=True)
class Free:
    """Nothing runs here any more."""

    place: Place


@dataclass(frozen=True, slots=True)
class Failed:
    """The bench is closed."""

    error: BisectsymsError | str
    """A traceback where it is a bug of ours."""


Message = Opened | Said | Begun | Ended | Done | Free | Failed


def work(open_bench: OpenBench, pipe: Pipe) -> None:
    """Open a bench and make attempts on it, until nobody asks for more or one cannot be made."""
    relay = Relay(pipe)
    try:
        with open_bench(relay) as bench:
            relay.tell(_opened(bench))
            while True:
                order: Order | Beside | Warm = pipe.recv()
                match order:
                    case Order(revision, ask):
                        bench.attempt(revision, ask)
                    case Warm():
                        bench.ready()
                    case Beside(call):
                        relay.tell(Done(call()))
                relay.tell(Free(Place.of(bench.objtree)))
    except EOFError:
        pass
    except BisectsymsError as error:
        relay.tell(Failed(error))
    except Exception as error:
        relay.tell(Failed(trouble(error) or traceback.format_exc()))


def _opened(bench: Bench) -> Opened:
    return Opened(
        cell=bench.cell,
        variation=bench.variation,
        kinds=bench.kinds,
        from_nothing=bench.from_nothing,
        failure=bench.failure,
        slot=bench.slot.path,
        objtree=bench.objtree.path,
        place=Place.of(bench.objtree),
        clones=bench.clones,
    )


class Relay:
    """A reporter who passes on what happens to whom it concerns."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    def tell(self, message: Message) -> None:
        """Whoever it is for may be gone; then we are told to end as well."""
        with contextlib.suppress(OSError):
            self._pipe.send(message)

    def say(self, text: str) -> None:
        """Pass a line on."""
        self.tell(Said(text))

    def running(self, number: int, plan: Plan, why: str) -> AbstractContextManager[None]:
        """Tell that an attempt has begun; its end is told by `ended`."""
        return self._running(Begun(number, plan, why))

    @contextlib.contextmanager
    def _running(self, begun: Begun) -> Iterator[None]:
        self.tell(begun)
        yield

    def ended(self, attempt: Attempt) -> None:
        """Pass the attempt on."""
        self.tell(Ended(attempt))
