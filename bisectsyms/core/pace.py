"""What attempts have cost here so far, and so what the next ones will. Each slot has a way of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

from bisectsyms.model import Kind, Seen

MOVE = 10.0
"""A move is taken to cost so many repeats until both have been seen."""
LEAST = 1e-3


@dataclass(slots=True)
class Pace:
    """Sums over attempts in the order in which they were made."""

    repeats: dict[Kind, list[float]] = field(default_factory=dict)
    """Kind -> seconds of each attempt where the one before it in its slot was at the same tree."""
    moves: list[float] = field(default_factory=list)
    """Seconds of each first attempt at another tree, those from scratch left out."""
    builds: list[float] = field(default_factory=list)
    """Seconds of each attempt from scratch."""
    trees: dict[str, str] = field(default_factory=dict)
    """Slot -> where the last attempt in it was."""

    def note(self, seen: Seen) -> None:
        """Take in one more."""
        one = seen.observation
        if not one.outcome.is_evidence:
            return
        before, self.trees[seen.slot] = self.trees.get(seen.slot), seen.revision.tree
        if one.from_scratch:
            self.builds.append(one.seconds)
        if before is None:
            return  # it came from nowhere, and with everything cold
        if before == seen.revision.tree:
            self.repeats.setdefault(one.kind, []).append(one.seconds)
        elif not one.from_scratch:
            self.moves.append(one.seconds)

    def repeat(self, kind: Kind) -> float:
        """Seconds of one more attempt of this kind; 1 before the first."""
        mine = self.repeats.get(kind)
        return max(sum(mine) / len(mine), LEAST) if mine else 1.0

    def move(self, kind: Kind) -> float:
        """Seconds that an attempt at another commit takes more."""
        if kind.is_from_scratch:
            return 0.0
        if not self.moves:
            return MOVE * self.repeat(kind)
        # A command's setup belongs to the attempt; the incremental build of a kernel is one before it.
        own = self.repeat(kind) if kind is Kind.TEST else 0.0
        return max(0.0, sum(self.moves) / len(self.moves) - own)

    def arrive(self, kind: Kind) -> float:
        """Seconds that the first attempt in an empty slot takes more."""
        if kind.is_from_scratch:
            return 0.0
        if not self.builds:
            return self.move(kind)
        own = self.repeat(kind) if kind is Kind.TEST else 0.0
        return max(self.move(kind), sum(self.builds) / len(self.builds) - own)

    def is_known(self, kind: Kind) -> bool:
        """Whether both were seen, and nothing is a guess."""
        return bool(self.repeats.get(kind)) and (bool(self.moves) or kind.is_from_scratch)
