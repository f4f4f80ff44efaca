"""The workers of a cluster as they are seen from here: who is there, what each has, and what it is at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from bisectsyms.core.clocks import Offset
from bisectsyms.effects.cluster import Answer
from bisectsyms.model import Draw, Kind
from bisectsyms.usecases.matrix import Build, Spot


class Workers(Protocol):
    """A cluster, see `effects.cluster`."""

    def workers(self) -> frozenset[str]:
        """The addresses of those that are there now."""
        ...

    def send(self, worker: str, call: Callable[..., bytes], *arguments: object) -> None:
        """Let a worker call this; one call at a time for each."""
        ...

    def wait(self, seconds: float) -> list[Answer]:
        """Answers that have come, after so many seconds at most."""
        ...

    def forget(self, worker: str) -> None:
        """No answer is wanted of this worker any more."""
        ...

    def everywhere(self, call: Callable[[], None]) -> None:
        """Have it called by every worker now, beside what it is at."""
        ...


@dataclass(frozen=True, slots=True)
class Out:
    """What a worker was told to do: to join, to make attempts, or only to open a bench."""

    sent: float
    spot: Spot | None = None
    """Where it makes attempts; None where it makes none."""
    draws: tuple[Draw, ...] = ()
    most: int = 0
    """Attempts that may come of it."""
    joins: bool = False
    bundled: bool = False
    """Whether a bundle of commits came with it."""


@dataclass
class Machine:
    """One worker."""

    address: str
    host: str = ""
    joined: bool = False
    slot: int = 0
    """Which of its host's is its own."""
    builds: dict[str, Build] = field(default_factory=dict)
    """The cells that it has, by key."""
    refused: set[str] = field(default_factory=set)
    """Keys of cells that it turned out not to have after all."""
    out: Out | None = None
    at: dict[str, str] = field(default_factory=dict)
    """Objtree -> the tree id that was built there last."""
    here: Spot | None = None
    from_nothing: Kind = Kind.CLEAN
    offset: Offset = field(default_factory=Offset)
    spoilt: int = 0
    """Stints in a row that the machine spoilt."""
    rests_until: float = 0.0
    left: bool = False
    """Whether it is given nothing any more."""
    said: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        """For people: host and slot, before it has joined its address."""
        return f"{self.host}-{self.slot}" if self.host else self.address

    def has(self, spot: Spot) -> bool:
        """Whether it has the cell of a spot."""
        return spot.build.cell.key in self.builds


def free_slot(machines: Iterable[Machine], host: str) -> int:
    """The lowest number that no other worker of that host has."""
    taken = {one.slot for one in machines if one.host == host}
    return next(number for number in range(len(taken) + 1) if number not in taken)


def others(builds: Iterable[Build], known: Iterable[Build]) -> list[str]:
    """What is asked for in the same way, and is another cell here than for those before; a line for each."""
    first: dict[tuple[object, ...], Build] = {}
    for build in known:
        first.setdefault(_asked(build), build)
    lines = []
    for build in builds:
        one = first.get(_asked(build))
        if one is not None and one.cell.key != build.cell.key:
            lines.append(f"{_named(build)} is {_differs(build, one)}: another cell")
    return list(dict.fromkeys(lines))


def _asked(build: Build) -> tuple[object, ...]:
    return build.profile, build.toolchain, build.jobs, build.vary


def _named(build: Build) -> str:
    return f"{build.profile} with {build.toolchain or build.cell.arch}"


def _differs(build: Build, other: Build) -> str:
    mine, theirs = build.cell.toolchain, other.cell.toolchain
    if mine.digest == theirs.digest:
        return f"-j{build.cell.jobs} there, and -j{other.cell.jobs} elsewhere"
    if (mine.compiler, mine.linker) == (theirs.compiler, theirs.linker):
        return f"{mine.compiler} in another build (files of other size or date)"
    return f"{mine.compiler}, {mine.linker} there, and {theirs.compiler}, {theirs.linker} elsewhere"
