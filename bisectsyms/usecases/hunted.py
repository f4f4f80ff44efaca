"""What a hunt answers: a table of its spots, and what is told of it while it goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bisectsyms.core.isolating import Isolated, Sampled, factors_of
from bisectsyms.core.rated import Rate
from bisectsyms.core.spots import Standing, State, verdict
from bisectsyms.model import Consistency, Kind
from bisectsyms.usecases.answering import Found
from bisectsyms.usecases.matrix import Spot


@dataclass(frozen=True, slots=True)
class OfKind:
    """What attempts of another kind showed at a spot."""

    kind: Kind
    rate: Rate


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table."""

    revision: str
    commit: str
    profile: str
    arch: str
    toolchain: str
    """Its identity, as gcc-12.2.0."""
    asked: str
    """As --toolchain takes it; empty for the profile's own."""
    jobs: int
    variation: str
    cell: str
    """Key of the cell in the ledger."""
    kind: Kind
    """By which it is judged."""
    rate: Rate
    others: tuple[OfKind, ...]
    state: State
    consistency: Consistency
    verdict: str
    options: tuple[tuple[str, str], ...] = ()
    """Those of kconfig in which the profiles of the plan differ, by name and value."""
    beside: str = ""
    """Hash of all else that its profile says."""

    @property
    def is_closed(self) -> bool:
        """Whether it takes no attempts any more."""
        return self.state is not State.OPEN

    @property
    def failing(self) -> bool:
        """Whether it failed in any kind of attempt."""
        return self.rate.failed > 0 or any(one.rate.failed for one in self.others)

    def sampled(self) -> Sampled:
        """As the comparison of single factors needs it."""
        toolchain = f"{self.arch}/{self.toolchain}"
        factors = factors_of(self.revision, self.profile, toolchain, self.jobs, self.variation)
        return Sampled(factors, self.kind, self.rate.failed, self.rate.attempts, self.options, self.beside)


@dataclass(frozen=True, slots=True)
class Picture:
    """How a hunt stands, for whoever looks on."""

    lines: tuple[Line, ...]
    attempts: int
    """Of this call."""
    per_hour: float
    slots: int
    now: str
    """What comes next, and why."""
    left: float | None
    """Seconds until it ends, about; None where nothing can be said."""


@dataclass(frozen=True, slots=True)
class Hunted:
    """The answer of `bisectsyms hunt`."""

    lines: tuple[Line, ...]
    attempts: int
    """Of this call."""
    seconds: float
    stopped: str
    """Why it ended before every spot was settled; empty if it did not."""
    set_aside: Mapping[str, str]
    """Spots that were left, by name, and why: the machine got in the way, or the cell cannot be built here."""
    isolated: Isolated | None = None
    found: Found | None = None
    """What `--then bisect` ended with."""

    @property
    def answered(self) -> bool:
        """Whether no spot takes attempts any more."""
        return all(line.is_closed for line in self.lines)

    @property
    def worst(self) -> Line | None:
        """The one that fails most often, by the lower end of its interval; None where nothing failed."""
        failing = [line for line in self.lines if line.rate.failed and line.state is not State.ARTEFACT]
        return max(failing, key=lambda line: line.rate.low, default=None)


def line_of(spot: Spot, standing: Standing) -> Line:
    """The row of a spot."""
    cell = spot.build.cell
    return Line(
        revision=str(spot.revision),
        commit=spot.revision.commit,
        profile=spot.build.profile,
        arch=cell.arch,
        toolchain=cell.toolchain.name,
        asked=spot.build.toolchain,
        jobs=cell.jobs,
        variation=cell.variation,
        cell=cell.key,
        kind=standing.kind,
        rate=standing.rate,
        others=tuple(OfKind(kind, rate) for kind, rate in standing.others),
        state=standing.state,
        consistency=standing.consistency,
        verdict=verdict(standing),
        options=spot.build.options,
        beside=spot.build.beside,
    )


def summary(lines: Sequence[Line]) -> str:
    """`12 of 36 settled, 3 fail, 1 left`."""
    settled = sum(line.state is State.SETTLED for line in lines)
    failing = sum(line.failing for line in lines)
    left = sum(line.is_closed for line in lines) - settled
    return f"{settled} of {len(lines)} settled, {failing} fail" + (f", {left} left" if left else "")
