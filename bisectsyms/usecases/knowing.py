"""What the ledger says of every spot of a hunt, and what an attempt at each would cost; nothing else is kept.

A hunt has no state of its own: killed and begun again it reads the same, and attempts of other verbs count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bisectsyms.core.hunting import Candidate, Rules, prices
from bisectsyms.core.spots import Standing, found_kind, standing
from bisectsyms.effects.ledger import Ledger
from bisectsyms.model import Kind, Observation
from bisectsyms.usecases.matrix import Spot

REOPEN = 0.5
"""Seconds to go to another cell, before that was measured."""


class Knowing:
    """The spots as they stand."""

    def __init__(
        self, ledger: Ledger, spots: Sequence[Spot], kinds: Sequence[Kind], rules: Rules, fixed: Kind | None = None
    ) -> None:
        self._ledger = ledger
        self._kinds = kinds
        self._rules = rules
        self._fixed = fixed
        self.spots = tuple(spots)
        self.seen: dict[Spot, tuple[Observation, ...]] = {}
        self._standings: dict[Spot, Standing] = {}
        self._found: dict[str, Kind] = {}
        """Objtree -> the kind in which a failure shows there."""
        self.at: dict[str, str] = {}
        """Objtree -> the tree id that was built there last, as far as we made it."""
        self._spent: dict[str, dict[Kind, tuple[int, float]]] = {}
        self.reopen = REOPEN
        self._known: tuple[object, ...] = ()
        self._count = -1
        self.look_again()

    def look_again(self, made: Sequence[Spot] = (), attempts: int = 0) -> None:
        """Take in `attempts` new ones at the spots `made`; all anew where others have written, too."""
        count, known = self._ledger.count(), self._ledger.changed()
        mine = self._count + attempts == count and known == self._known
        self._count, self._known = count, known
        looked = made if mine else self.spots
        for spot in looked:
            self.seen[spot] = self._ledger.observations(*spot.key)
            self._standings.pop(spot, None)
            self._spent.pop(spot.build.objtree, None)
        while any(self._finds(spot) for spot in looked):  # what one objtree teaches may settle it for another
            looked = self.spots
            self._standings.clear()

    def add(self, spots: Sequence[Spot]) -> None:
        """Know of further ones."""
        self.spots += tuple(spots)
        self._count = -1
        self.look_again()

    def _finds(self, spot: Spot) -> bool:
        """Whether the kind of its objtree is known now, and was not before."""
        if spot.build.objtree in self._found:
            return False
        kind = found_kind(self.seen[spot], self._kinds, self._rules, self._spared())
        if kind is not None:
            self._found[spot.build.objtree] = kind
        return kind is not None

    def standing(self, spot: Spot) -> Standing:
        """What is known of a spot."""
        if spot not in self._standings:
            found = self._found.get(spot.build.objtree)
            self._standings[spot] = standing(
                self.seen[spot], self._kinds, self._rules, found, self._fixed, self._spared()
            )
        return self._standings[spot]

    def _spared(self) -> Kind | None:
        """The cheapest kind that shows a failure in some objtree."""
        return min(self._found.values(), key=self._kinds.index, default=None)

    def candidate(
        self, spot: Spot, here: Spot | None, from_nothing: Kind, at: Mapping[str, str] | None = None
    ) -> Candidate:
        """A spot as the allocation sees it from `here`, the spot of the last attempt.

        `at` is `self.at` of another machine: then only what it made is warm there.
        """
        alone = at is not None
        at = self.at if at is None else at
        one, objtree = self.standing(spot), spot.build.objtree
        order = [*dict.fromkeys((*self._kinds[:-1], Kind.INCREMENTAL, from_nothing, Kind.CLEAN))]
        costs = prices(self._spent_in(objtree), order)
        seconds = costs.get(one.kind, costs[Kind.CLEAN])
        arrival = 0.0 if here is not None and here.build == spot.build else self.reopen
        if not one.kind.is_from_scratch and at.get(objtree) != spot.revision.tree:
            warm = objtree in at or (not alone and any(self.seen[other] for other in self._sharing(objtree)))
            arrival += costs[Kind.INCREMENTAL if warm else from_nothing]
        return Candidate(one.rate.failed, one.rate.attempts - one.rate.failed, one.tried, seconds, arrival)

    def _sharing(self, objtree: str) -> list[Spot]:
        return [spot for spot in self.spots if spot.build.objtree == objtree]

    def _spent_in(self, objtree: str) -> dict[Kind, tuple[int, float]]:
        """Attempts that were evidence and their seconds, by kind, at all spots of an objtree.

        Of a kind that was never made there those of all others, else what is built already would look dearer than what
        has yet to be built from nothing.
        """
        return self._everywhere() | self._spent_at(objtree)

    def _everywhere(self) -> dict[Kind, tuple[int, float]]:
        total: dict[Kind, tuple[int, float]] = {}
        for objtree in dict.fromkeys(spot.build.objtree for spot in self.spots):
            for kind, (made, seconds) in self._spent_at(objtree).items():
                before = total.get(kind, (0, 0.0))
                total[kind] = before[0] + made, before[1] + seconds
        return total

    def _spent_at(self, objtree: str) -> dict[Kind, tuple[int, float]]:
        if objtree not in self._spent:
            spent: dict[Kind, tuple[int, float]] = {}
            for one in (one for spot in self._sharing(objtree) for one in self.seen[spot] if one.outcome.is_evidence):
                made, seconds = spent.get(one.kind, (0, 0.0))
                spent[one.kind] = made + 1, seconds + one.seconds
            self._spent[objtree] = spent
        return self._spent[objtree]
