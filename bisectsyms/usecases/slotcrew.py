"""A desk with several slots, wherever these are: what is drawn beside what runs, and attempts in all at once."""

from __future__ import annotations

import abc
from collections.abc import Iterable
from dataclasses import replace

from bisectsyms.core.decide import Ask, before
from bisectsyms.effects import fixups
from bisectsyms.model import Attempt, Draw, Kind, Revision
from bisectsyms.usecases.desk import Desk


class Several(Desk):
    """Whoever judges sits here, and never builds."""

    def __init__(self, most: int | None) -> None:
        """`most` is how many attempts may be begun, together."""
        self.made = 0
        self._most = most
        self._ids: dict[str, str] = {}

    def known(self, revision: Revision) -> Revision:
        """As of a `Workbench`; git is asked once about a commit."""
        if not self.cell.fixups:
            return revision
        if revision.commit not in self._ids:
            self._ids[revision.commit] = fixups.known(self.repository, self.cell.fixups, revision).tree
        return replace(revision, tree=self._ids[revision.commit])

    @abc.abstractmethod
    def running(self) -> Iterable[tuple[Revision, Draw]]:
        """The attempts that run."""

    def drawn_for(self, revision: Revision, ask: Ask) -> Draw:
        """The draw of an attempt that is begun now."""
        if ask.draw:
            return ask.draw
        tree = self.known(revision).tree
        out = [draw for one, draw in self.running() if self.known(one).tree == tree]
        return self.next_draw(revision, ask.kind, out)

    def at_once(self, revision: Revision, ask: Ask) -> tuple[Attempt, ...]:
        """In all slots, so that the load is the one under which the search went.

        Fewer only at the end of `most`, or where the others wait for one that builds first.
        """
        left = self.slots if self._most is None else max(1, self._most - self.made)
        # An empty objtree is asked for by itself; or it is but the way to be there, which has a cheaper one for others.
        empty = ask.kind is Kind.CLEAN or (ask.kind.is_from_scratch and ask.kind in self.kinds)
        free = self.places() if empty else self.ready()
        places = sorted(free.items(), key=lambda one: (one[1].tree != self.known(revision).tree, one[0]))
        for slot, place in places[:left]:
            first = None if empty else before(ask.kind, self.arrival_from(place, revision))
            self.start(slot, revision, Ask(first, ask.why) if first else ask)
            ask = ask if ask.by_all else replace(ask, draw=None)
        made = [attempt for _ in places[:left] if (attempt := self.wait()[1]) is not None]
        return tuple(sorted(made, key=lambda one: one.number))
