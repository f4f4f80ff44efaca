"""What attempts can be varied by, and whether this machine has what each needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bisectsyms.core.factors import NOTHING, Factor, Place
from bisectsyms.core.variation import LONGEST, SWEEP
from bisectsyms.effects.needs import Run, lacking, run_quietly

SHOWN = 4
"""Values that are listed before the rest is left out."""
SWEEP_WHY = "the length of the version string (KBUILD_BUILD_VERSION) moves what follows it in .rodata"


@dataclass(frozen=True, slots=True)
class Varied:
    """One variation."""

    name: str
    """What --vary and `variation:` call it."""
    draws: str
    """What is drawn, for people; empty where there is nothing to draw."""
    count: int
    """How many values are drawn from."""
    why: str
    moves_the_layout: bool = False
    """Beyond what the length of the version string can."""
    recompiles: bool = False
    alone: bool = False
    lacks: str = ""
    """What it needs and is not here."""
    package: str = ""


def listing(factors: Iterable[Factor], place: Place, run: Run = run_quietly) -> list[Varied]:
    """All of them, the sweep first."""
    return [
        Varied(f"{SWEEP}:N", f"2 to {LONGEST} lengths", LONGEST, SWEEP_WHY),
        *(_varied(one, place, run) for one in factors),
    ]


def _varied(factor: Factor, place: Place, run: Run) -> Varied:
    lacks = lacking(factor, place, run)
    return Varied(
        name=factor.name,
        draws=_shown(factor.values),
        count=len(factor.values),
        why=factor.why,
        moves_the_layout=factor.moves_the_layout,
        recompiles=factor.recompiles,
        alone=factor.alone,
        lacks=lacks,
        package=factor.needs.package if lacks else "",
    )


def _shown(values: tuple[str, ...]) -> str:
    if values == NOTHING:
        return ""
    if len(values) <= SHOWN:
        return ", ".join(values)
    return f"{', '.join(values[: SHOWN - 1])} … {values[-1]}"
