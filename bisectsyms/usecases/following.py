"""The attempts of one cell, followed while more are made: read once, and from then on only what has come since.

What was known may become something else: by a word of people, an import, an end in place of a burial. Then all is read
again.
"""

from __future__ import annotations

from bisectsyms.effects.ledger.queries import Queries
from bisectsyms.model import Seen


class Following:
    """How far one cell of a ledger was read."""

    def __init__(self, ledger: Queries, cell: str) -> None:
        """`cell` is its key."""
        self._ledger, self._cell = ledger, cell
        self._stamp: tuple[int, int] | None = None
        self._changed: tuple[object, ...] = ()
        self._settled = 0
        """The number up to which every attempt has ended and was told."""
        self._told = set[int]()
        """Numbers above it of attempts that were told."""

    def fresh(self) -> tuple[list[Seen], bool]:
        """Attempts that have ended, count, and were not told yet; whether what was told before is void."""
        stamp, anew = self._now(), False
        if stamp != self._stamp:
            changed = self._ledger.changed()
            anew = self._stamp is None or changed != self._changed
            self._stamp, self._changed = stamp, changed
        if anew:
            self._settled = 0
            self._told.clear()
        ended, self._settled = self._ledger.evidence(self._cell, self._settled)
        fresh = [one for one in ended if one.number not in self._told]
        self._told = {number for number in (*self._told, *(one.number for one in fresh)) if number > self._settled}
        return fresh, anew

    def is_stale(self) -> bool:
        """Whether what was told is void now."""
        return self._now() != self._stamp and self._ledger.changed() != self._changed

    def forget(self) -> None:
        """All is told again."""
        self._stamp = None

    def _now(self) -> tuple[int, int]:
        """Differs once anything may have changed; asking that costs nothing, and `Queries.changed` does."""
        return self._ledger.changes_by_others(), self._ledger.rewritten
