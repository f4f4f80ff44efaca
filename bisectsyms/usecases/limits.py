"""How long a search may go on: until a time, or for so many attempts, confirmation and controls included."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What the user gave."""

    deadline: float | None
    """Seconds since the epoch."""
    most: int | None
    """Attempts of this call."""
    made: Callable[[], int]
    now: Callable[[], float]

    def over(self) -> str:
        """What is over, or the empty string."""
        if self.deadline is not None and self.now() >= self.deadline:
            return "the time is over"
        if self.most is not None and self.made() >= self.most:
            return f"--max-attempts {self.most}"
        return ""
