"""What a torture tells: one row of docs/reliability.md."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was done to the product, and what came of it."""

    what: str
    times: int
    """How often it was done."""
    unit: str
    """What was counted: kills, images, seconds …"""
    lost: int = 0
    """Attempts that had ended and are gone, or counted twice; wrong verdicts; whatever must never be."""
    found: int = 0
    """Of what is `lost`, and of what was merely ugly, how many kinds were seen in this run."""
    note: str = ""
    """A figure or a condition, with the seed where chance took part."""


@dataclass(frozen=True, slots=True)
class Options:
    """How long and how hard."""

    seconds: float | None = None
    """For what goes on until the time is over; None for its own default."""
    rounds: int | None = None
    """For what is counted; None for its own default."""
    seed: int = 1
