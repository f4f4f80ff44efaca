"""The ends of the range: what attempts there have to show before anything is asked or said of the commits between."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bisectsyms.search.likelihood import Likelihood, Seen

TOGETHER = 3
"""Tests at once of the failing end, as long as it has not failed."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Commits that people have called failing and passing, and how many layouts one of them can have."""

    failing: int
    passing: Sequence[int]
    reach: int | None

    def first_tests(self, kinds: Sequence[Likelihood], untestable: Collection[int], out: Sequence[int]) -> int:
        """How many tests of the failing end come before all others, until it has failed.

        If it never does, this is how that is found. More failures there, for a first idea of the rate, were measured:
        they saved nothing elsewhere.
        """
        failed, _, drawn = self._shown(kinds)
        if failed or self.failing in untestable or self._is_spent(drawn):
            return 0
        return max(0, TOGETHER - out.count(self.failing))

    def clean(self, kinds: Sequence[Likelihood], untestable: Collection[int]) -> int:
        """Clean attempts that speak for a failure that never shows: those at the failing end.

        Where that cannot be tested, or has no layouts left, all attempts have to do.
        """
        _, clean, drawn = self._shown(kinds)
        if self.failing in untestable or self._is_spent(drawn):
            return max((sum(one.clean for one in kind.seen.values()) for kind in kinds), default=0)
        return clean

    def telling(self, seen: dict[int, Seen], untestable: Collection[int]) -> list[int]:
        """Passing ends that can be tested and have layouts left."""
        return [
            end
            for end in self.passing
            if end not in untestable and not (end in seen and self._is_spent(len(seen[end].layouts)))
        ]

    def _shown(self, kinds: Sequence[Likelihood]) -> tuple[int, int, int]:
        """(failed, clean, different layouts) at the failing end; the clean ones of the kind that was tried most."""
        seen = [kind.seen[self.failing] for kind in kinds if self.failing in kind.seen]
        return (
            sum(one.failed for one in seen),
            max((one.clean for one in seen), default=0),
            max((len(one.layouts) for one in seen), default=0),
        )

    def _is_spent(self, drawn: int) -> bool:
        """Whether so many layouts are all that a commit can have."""
        return self.reach is not None and drawn >= self.reach
