"""The kind of attempt of a search: found at the bad end by what is shown there, and tried there until it is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bisectsyms.core.ladder import Choice, Try, Unseen, climb
from bisectsyms.model import Draw, Kind, Observation
from bisectsyms.search.ends import TOGETHER


@dataclass(slots=True)
class Climbing:
    """The ladder of one search."""

    kinds: tuple[Kind, ...]
    lowest_rate: float
    standing: Try | Choice | Unseen
    """How the kind worked with was found, or what is tried to find it."""
    _seen: int = -1

    @classmethod
    def of(cls, kinds: tuple[Kind, ...], lowest_rate: float) -> Climbing:
        """As it stands before anything was shown; `lowest_rate` is that of failures which are looked for."""
        return cls(kinds, lowest_rate, climb((), kinds, lowest_rate))

    def look(self, shown: Sequence[Observation]) -> Kind:
        """The kind to work with by all that was shown at the bad ends; worked out where anything was added."""
        if len(shown) != self._seen:
            self._seen = len(shown)
            self.standing = climb(shown, self.kinds, self.lowest_rate)
        return self.standing.kind

    def forget(self) -> None:
        """Have the next `look` work it out anew: what was shown has changed."""
        self._seen = -1

    def wants(self, out: int) -> bool:
        """Whether another test of the bad end comes before all others, where `out` of them run.

        The search does not know of it. It would call the failure not reproduced when one kind has stayed clean.
        """
        now = self.standing
        return isinstance(now, Try) and len(self.kinds) > 1 and (now.on_trial or out < TOGETHER)

    @property
    def draw(self) -> Draw | None:
        """What such a test repeats; None for the next draw of the variation."""
        return self.standing.draw if isinstance(self.standing, Try) else None
