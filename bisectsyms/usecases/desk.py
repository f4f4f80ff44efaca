"""What is known in one cell, and who makes attempts there: a bench, which has one slot, or a crew, which has several.

Whoever judges works at a desk and does not see how many slots there are. Attempts are either started one by one in
slots that are free, and end in any order, or made in all slots at once.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeVar

from bisectsyms.core.decide import Ask
from bisectsyms.core.variation import Variation
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.objtree import Objtree
from bisectsyms.effects.replay import Replay
from bisectsyms.inputs.variations import shipped_variations
from bisectsyms.model import Attempt, Cell, Draw, Exclusion, Kind, Observation, Plan, Revision, Told

T = TypeVar("T")


class Reporter(Protocol):
    """Who is told what happens."""

    def say(self, text: str) -> None:
        """One line of trace."""
        ...

    def running(self, number: int, plan: Plan, why: str) -> AbstractContextManager[None]:
        """Around an attempt: what it is and what it is for. Several may run at once."""
        ...

    def ended(self, attempt: Attempt) -> None:
        """Once for each attempt, when its end is in the ledger."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where the objtree of a slot is."""

    tree: str
    """What the ledger has the revision by; empty where it is at none."""
    warm: bool
    """Whether anything was built there."""
    caught: bool = True
    """Whether it is known how make linked that."""

    @classmethod
    def of(cls, objtree: Objtree) -> Self:
        """What the marks of an objtree say."""
        at = objtree.at()
        return cls(at, objtree.exists(), caught=not at or Replay.load(objtree.path, at) is not None)


class Desk(abc.ABC):
    """Open with `with`: slots are locked for as long."""

    kinds: tuple[Kind, ...]
    """Of attempts whose clean results count, cheapest first."""
    from_nothing: Kind = Kind.CLEAN
    """What makes an empty objtree be at a revision."""
    failure: str = "failed with inconsistent kallsyms data"
    """What a failure is, for people."""
    repository: Repository
    cell: Cell
    variation: Variation
    reporter: Reporter
    ledger: Ledger
    slots: int = 1
    """How many attempts can run at once."""
    made: int
    """Attempts that were begun here."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @abc.abstractmethod
    def close(self) -> None:
        """Give the slots back and close the ledger."""

    @property
    @abc.abstractmethod
    def aside(self) -> Path:
        """A folder of ours for what is no attempt."""

    @property
    @abc.abstractmethod
    def objtree(self) -> Objtree:
        """Where the first slot builds; to be looked at, not to be changed."""

    @abc.abstractmethod
    def places(self) -> dict[int, Place]:
        """The slots that are free, by number, and where they are."""

    def ready(self) -> dict[int, Place]:
        """As `places`, for attempts that go on from what is there: an empty slot is first made a copy of a warm one.

        One that waits for that is left out.
        """
        return self.places()

    @abc.abstractmethod
    def start(self, slot: int, revision: Revision, ask: Ask) -> None:
        """Begin an attempt in a free slot."""

    @abc.abstractmethod
    def wait(self) -> tuple[int, Attempt | None]:
        """The next attempt that ends, and its slot, which is free now; None where slot and attempt are lost.

        Raises:
            UserError: going on would prove nothing; see `Bench`.
            InfraError: the machine stopped us.
        """

    @abc.abstractmethod
    def at_once(self, revision: Revision, ask: Ask) -> tuple[Attempt, ...]:
        """Make the attempt that was asked for in every slot, after what brings each there; nothing else runs.

        Raises:
            UserError, InfraError: see `wait`.
        """

    @abc.abstractmethod
    def beside(self, call: Callable[[], T]) -> T:
        """Do what starts a process and is no attempt, while nothing else runs; it can be pickled, and its answer, too.

        Raises:
            UserError, InfraError: those of `call`, and see `wait`.
        """

    def arrival(self, revision: Revision) -> Kind | None:
        """What brings the nearest free slot to `revision`: nothing, an incremental build, or one from scratch.

        Where there is no slot at all, and none is waited for any more, what would bring an empty one.
        """
        places = self.ready().values() or (Place("", warm=False),)
        return min((self.arrival_from(place, revision) for place in places), key=_farness)

    def arrival_from(self, place: Place, revision: Revision) -> Kind | None:
        """What brings an objtree to `revision`. The setup of a command belongs to the first attempt there."""
        if Kind.TEST in self.kinds:
            return None
        if place.tree == self.known(revision).tree:
            return Kind.RELINK if Kind.REPLAY in self.kinds and not place.caught else None
        return Kind.INCREMENTAL if place.warm else self.from_nothing

    def cell_of(self, draw: Draw) -> Cell:
        """Ours, but for a draw that is of another policy."""
        policy = self.variation.of(draw, shipped_variations() if draw.factors else None)
        return self.cell if policy is self.variation else replace(self.cell, variation=str(policy))

    def known(self, revision: Revision) -> Revision:
        """`revision` as the ledger has it in this cell; each that comes in goes through here, twice does no harm."""
        return revision

    def seen(self, revision: Revision) -> tuple[Observation, ...]:
        """Every attempt of this cell at the same tree that has ended and counts, whichever bisect made it."""
        return self.ledger.observations(self.known(revision).tree, self.cell.key)

    def next_draw(self, revision: Revision, kind: Kind, out: Iterable[Draw] = ()) -> Draw:
        """The draw of the variation for the next attempt at a revision; `out` are those of attempts that run there."""
        return next_draw(self.variation, self.known(revision).tree, self.seen(revision), kind, out)

    def excluded(self, revision: Revision) -> list[Exclusion]:
        """The attempts that `seen` leaves out because somebody said so."""
        return self.ledger.excluded(self.known(revision).tree, self.cell.key)

    def told(self, revision: Revision) -> Told | None:
        """What people said of the tree of this revision, if they did."""
        return self.ledger.told(self.known(revision).tree, self.cell.key)


def next_draw(
    variation: Variation, tree: str, seen: Iterable[Observation], kind: Kind, out: Iterable[Draw] = ()
) -> Draw:
    """The draw for the next attempt of a kind at a tree where `seen` was seen and `out` is being tried."""
    made = [one for one in seen if one.outcome.is_evidence]
    drawn = [*(one.draw for one in made if one.kind is kind), *out]
    others = [one.draw for one in made if one.kind is not kind]
    return variation.next_draw(tree, drawn, others)


def _farness(arrival: Kind | None) -> int:
    return (None, Kind.RELINK, Kind.INCREMENTAL, Kind.CACHED, Kind.CLEAN).index(arrival)
