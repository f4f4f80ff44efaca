"""What an attempt can be varied by besides the length of the version string, and what that makes of its command.

The factors are data (configs/knowledge/variations.yaml). Here they are applied: what was drawn goes into templates,
and a value that its factor does not take is refused, because a draw may come from a ledger of somebody else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bisectsyms.errors import UserError
from bisectsyms.model import Draw

NEXT = "bisectsyms variations lists what there is"
NOTHING = ("",)
"""What a factor draws that is either there or not."""
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Needs:
    """What has to be on the machine."""

    runs: tuple[str, ...] = ()
    """A command that has to succeed."""
    make: str = ""
    """The oldest GNU make."""
    package: str = ""


@dataclass(frozen=True, slots=True)
class Factor:
    """One thing that can be varied; the fields are explained in variations.yaml."""

    name: str
    why: str
    values: tuple[str, ...] = NOTHING
    """What can be drawn."""
    others: str = ""
    """Pattern of values that can be given besides."""
    words: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    jobs: str = ""
    variables: Pairs = ()
    append: Pairs = ()
    environment: Pairs = ()
    pad: str = ""
    mount: str = ""
    needs: Needs = field(default_factory=Needs)
    recompiles: bool = False
    moves_the_layout: bool = False
    moves_the_string: bool = False
    alone: bool = False

    def takes(self, value: str) -> bool:
        """Whether it can have this value."""
        return value in self.values or bool(self.others and re.fullmatch(self.others, value))


Factors = Mapping[str, Factor]


@dataclass(frozen=True, slots=True)
class Place:
    """What templates may name besides the value."""

    jobs: int = 1
    """The cell's -j."""
    cpu: int = 0
    """A core that we may use."""
    cpus: int = 1
    cross: str = ""
    """Prefix of the toolchain."""

    def fill(self, text: str, value: str = "") -> str:
        """`text` with {value}, {jobs}, {cpu}, {cpus} and {cross} filled in; anything else in braces stays."""
        known = {"value": value, "jobs": self.jobs, "cpu": self.cpu, "cpus": self.cpus, "cross": self.cross}
        return re.sub(r"\{(\w+)\}", lambda match: str(known.get(match[1], match[0])), text)


@dataclass(frozen=True, slots=True)
class Applied:
    """What the draws of one attempt change in its commands."""

    jobs: int
    words: tuple[str, ...] = ()
    """Before the build itself."""
    flags: tuple[str, ...] = ()
    """Of the make that builds."""
    variables: Pairs = ()
    append: Pairs = ()
    environment: Pairs = ()
    pad: int = 0
    """Bytes in each section; 0 for no such object."""
    mount: str = ""


def applied(draw: Draw, factors: Factors, place: Place) -> Applied:
    """What `draw` changes.

    Raises:
        UserError: a factor is not known any more, or does not take the value.
    """
    made = Applied(place.jobs)
    for factor, value in drawn(draw, factors):
        made = Applied(
            jobs=_jobs(factor.jobs, place.jobs) if factor.jobs else made.jobs,
            words=(*made.words, *(place.fill(word, value) for word in factor.words)),
            flags=(*made.flags, *(place.fill(flag, value) for flag in factor.flags)),
            variables=(*made.variables, *_filled(factor.variables, place, value)),
            append=(*made.append, *_filled(factor.append, place, value)),
            environment=(*made.environment, *_filled(factor.environment, place, value)),
            pad=int(place.fill(factor.pad, value)) if factor.pad else made.pad,
            mount=place.fill(factor.mount, value) or made.mount,
        )
    return made


def names(factors: Factors) -> frozenset[str]:
    """Of all that a factor may set: what a draw without it must not find."""
    return frozenset(
        name for one in factors.values() for pairs in (one.variables, one.environment) for name, _ in pairs
    )


def drawn(draw: Draw, factors: Factors) -> Iterator[tuple[Factor, str]]:
    """The factors of a draw, each with its value.

    Raises:
        UserError: see `applied`.
    """
    for name, value in draw.factors:
        factor = factors.get(name)
        if factor is None:
            raise UserError(f"{draw}: there is no variation {name!r}", next_step=NEXT)
        if not factor.takes(value):
            raise UserError(f"{draw}: {name} does not take {value!r}", next_step=NEXT)
        yield factor, value


def _filled(pairs: Pairs, place: Place, value: str) -> Iterator[tuple[str, str]]:
    return ((name, place.fill(text, value)) for name, text in pairs)


def _jobs(text: str, jobs: int) -> int:
    """`1`, or `x2` for twice those of the cell."""
    return int(text) if text.isdigit() else int(text.removeprefix("x")) * jobs
