"""What a search knows before its first attempt: where the culprit is likely, and what a move will cost.

Read once per search. What the objects are made from shows only after the first build, so weights and costs are
looked at again when an objtree is there; evidence weighs the same before and after.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bisectsyms.core.moving import Made, Moves, Values, moves, sums_of
from bisectsyms.core.prior import Change, Weighed, weigh
from bisectsyms.core.reach import Objects
from bisectsyms.core.words import count
from bisectsyms.effects.changes import read_changes
from bisectsyms.effects.dag import Range
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.kinship import read_kin
from bisectsyms.effects.madefrom import made_from
from bisectsyms.effects.objtree import Objtree
from bisectsyms.model import Kind
from bisectsyms.usecases.learning import Basis, SearchOptions

MANY = 20_000
"""Commits whose changes take git more than a few seconds."""


@dataclass(frozen=True, slots=True)
class Foreknown:
    """It in numbers: commits that weigh less and why, commits with a rule of the user's, twins and reverts followed."""

    lighter: dict[str, int]
    ruled: int
    twins: int
    reverts: int


class Before:
    """What is known of one range on one bench."""

    def __init__(
        self,
        basis: Basis,
        repository: Repository,
        commits: Range,
        options: SearchOptions,
        *,
        objtree: Objtree | None = None,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        """`objtree` is where the attempts of the cell are built; None where nothing is."""
        self._basis, self._repository, self._range, self._rules = basis, repository, commits, options.prior
        self._objtree, self._say = objtree, say
        if commits.candidates > MANY:
            say(f"reading what {count(commits.candidates, 'commit')} changed; that is kept for the next time")
        self._changes: tuple[Change | None, ...] = read_changes(
            repository, commits, first_parent=options.first_parent, paths=options.paths
        )
        kin = read_kin(repository, commits, self._changes)
        self._undone = kin.taken_back()
        followed = kin.in_effect(len(commits.commits))
        self.twins, self.reverts = followed.twins, followed.reverts
        self._arch = None if Kind.TEST in basis.kinds else basis.cell.arch
        self._looked = self._arch is None or objtree is None
        self._objects: Objects | None = None
        self._sums: Values | None = None
        self._moves: Moves | None = None
        self._fitted_to = 0
        self._weighed = self._weigh()
        if self.twins:
            twins = count(len(self.twins), "change")
            say(f"{twins} made more than once in the range: one suspect each, the first that makes it")

    @property
    def prior(self) -> tuple[float, ...]:
        """The weight of every commit."""
        self._look()
        return self._weighed.weights

    @property
    def between(self) -> Moves | None:
        """(from, to) -> seconds of each move; None where nobody knows yet."""
        self._look()
        if self._sums is not None and (made := self._basis.ledger.count()) != self._fitted_to:
            self._fitted_to, self._moves = made, self._fitted(self._sums)
        return self._moves

    def _fitted(self, sums: Values) -> Moves | None:
        index, at = self._range.index(), dict[str, int | None]()
        made, scratch, links = list[Made](), list[float](), list[float]()
        for one in self._basis.ledger.evidence(self._basis.cell.key)[0]:
            shown = one.observation
            if not shown.outcome.is_evidence:
                continue
            before, here = at.get(one.slot), index.get(one.revision.commit)
            at[one.slot] = here
            seconds = shown.seconds
            if shown.from_scratch:
                scratch.append(seconds)
            elif shown.kind is Kind.RELINK:
                links.append(seconds)
            elif shown.kind is Kind.INCREMENTAL and before is not None and here is not None and before != here:
                made.append(Made(before, here, seconds))
        return moves(sums, made, scratch, sum(links) / len(links) if links else 0.0)

    def foreknown(self) -> Foreknown:
        """What is known now, for people and for JSON."""
        lighter = {str(reach): number for reach, number in self._weighed.lighter.items()}
        return Foreknown(lighter, self._weighed.ruled, len(self.twins), len(self.reverts))

    def _look(self) -> None:
        """See what an objtree was made from, once there is one."""
        objtree = self._objtree
        if self._looked or objtree is None or not objtree.exists():
            return
        built = self._basis.ledger.attempts(tree=objtree.at(), cell=self._basis.cell.key)
        self._looked = bool(built)
        if built:
            self._objects = made_from(objtree.path, self._repository, built[-1].plan.revision.commit)
        if self._objects is not None:
            self._sums = sums_of(self._changes, self._objects)
            self._weighed = self._weigh()

    def _weigh(self) -> Weighed:
        weighed = weigh(self._changes, self._rules, self._arch, self._objects, self._undone)
        if said := weighed.said(self._range.candidates):
            self._say(said)
        return weighed
