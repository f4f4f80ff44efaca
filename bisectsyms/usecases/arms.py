"""The arms of an experiment: which attempts of the ledger are of which, and what makes the next one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bisectsyms.core.decide import before
from bisectsyms.core.experiments import Design, Experiment
from bisectsyms.core.variation import UNAIDED
from bisectsyms.errors import UserError
from bisectsyms.model import Attempt, Draw, Kind, Revision
from bisectsyms.usecases.bench import Bench

STRIDE = 4
"""Lengths of the version string that are neighbours are mostly one layout: its field is aligned to this."""
OWN_LD = {"GNU ld": "ld-bfd", "GNU gold": "ld-gold", "LLD": "ld-lld"}
"""How a linker calls itself, and the factor that would put it in its own place."""


@dataclass(frozen=True, slots=True)
class Made:
    """An attempt, and what its objtree came from."""

    attempt: Attempt
    tree: Kind | None
    """INCREMENTAL, or CLEAN for all that began with an empty objtree; None where the ledger does not know."""


@dataclass(frozen=True, slots=True)
class About:
    """The failure that an experiment is about, and the kind of its attempts."""

    attempt: Attempt
    kind: Kind


@dataclass(frozen=True, slots=True)
class Arm:
    """What its attempts have drawn, and in which cells they are."""

    name: str
    how: str
    draws: tuple[Draw, ...]
    """In the order in which they are made; each once before one is made twice."""
    wanted: frozenset[tuple[str, Draw]]
    """(key of a cell, draw) of the attempts that count."""
    by_layout: bool = False
    """A layout counts once: repeats of it tell nothing new where the layout decides."""
    tree: Kind | None = None
    """What the objtree must have come from; None if that does not matter."""

    def has(self, made: Made) -> bool:
        """Whether an attempt is of this arm."""
        plan = made.attempt.plan
        return (plan.cell.key, plan.draw) in self.wanted and self.tree in (None, made.tree)

    def counted(self, made: Sequence[Made]) -> list[Attempt]:
        """Those that count, in their order."""
        mine = [one.attempt for one in made if self.has(one)]
        if not self.by_layout:
            return mine
        first: dict[str, Attempt] = {}
        for one in mine:
            first.setdefault((one.result.layout if one.result else "") or str(one.number), one)
        return list(first.values())

    def is_exhausted(self, made: Sequence[Made]) -> bool:
        """Whether no draw is left that could be another layout."""
        return self.by_layout and {one.attempt.plan.draw for one in made if self.has(one)} >= set(self.draws)

    def next_draw(self, made: Sequence[Made]) -> Draw:
        """The draw that was made least often; of several the first."""
        times = Counter(one.attempt.plan.draw for one in made if self.has(one))
        return min(self.draws, key=lambda draw: times[draw])

    def way_to(self, bench: Bench, revision: Revision, kind: Kind) -> tuple[Revision, Kind] | None:
        """What has to be built before the next attempt; None if nothing has.

        Raises:
            UserError: it takes an incremental build, and the revision is a root.
        """
        arrival = bench.arrival(revision)
        if self.tree is None:
            first = before(kind, arrival)
            return (revision, first) if first else None
        if arrival in (None, Kind.RELINK) and tree_now(bench, revision) is self.tree:
            return (revision, arrival) if arrival and arrival is not kind else None
        if self.tree is Kind.CLEAN:
            return revision, Kind.CLEAN
        if arrival is Kind.INCREMENTAL:
            return revision, Kind.INCREMENTAL
        parents = bench.repository.parents(revision.commit)
        if not parents:
            raise UserError(f"{revision} has no parent to come from", next_step="another experiment")
        parent = bench.repository.resolve(parents[0])
        return parent, bench.arrival(parent) or Kind.RELINK


def outcomes(bench: Bench, revision: Revision, about: About) -> list[Made]:
    """Attempts of the kind of an experiment that are evidence, in all cells, after the failure it is about."""
    tree = bench.known(revision).tree
    made = list(_with_trees(bench.ledger.attempts(tree=tree)))
    cells = {one.attempt.plan.cell.key for one in made}
    excluded = {one.attempt for cell in cells for one in bench.ledger.excluded(tree, cell)}
    return [
        one
        for one in made
        if one.attempt.number > about.attempt.number
        and one.attempt.number not in excluded
        and one.attempt.plan.kind is about.kind
        and _is_evidence(one.attempt)
    ]


def tree_now(bench: Bench, revision: Revision) -> Kind | None:
    """What the objtree of the bench, which is at `revision`, came from."""
    tree, slot = bench.known(revision).tree, bench.slot.path.name
    mine = [one for one in bench.ledger.attempts(tree=tree) if one.plan.slot == slot]
    made = list(_with_trees(mine))
    return made[-1].tree if made else None


def _with_trees(attempts: Sequence[Attempt]) -> Iterator[Made]:
    """Who comes to a tree from another one builds incrementally; every link after that is of the same objects."""
    trees: dict[str, Kind | None] = {}
    for one in attempts:
        plan = one.plan
        if _is_evidence(one):
            if plan.kind.is_from_scratch or plan.from_scratch:
                trees[plan.slot] = Kind.CLEAN
            elif plan.kind is Kind.INCREMENTAL:
                trees[plan.slot] = Kind.INCREMENTAL
        yield Made(one, trees.get(plan.slot))


def failure_at(bench: Bench, revision: Revision, experiment: Experiment, failure: Attempt | None) -> About:
    """The failure that the experiment is about: the first of the cheapest kind that can be repeated.

    Where one is given it is the first of its kind and draw. The failures of an experiment are of the same draw, so that
    it goes on where it stopped although the last failure is another one by then.

    Raises:
        UserError: nothing failed there in this cell.
    """
    tree, cell = bench.known(revision).tree, bench.cell.key
    found = failures(bench, revision)
    if failure is not None:
        if failure not in found:
            raise UserError(
                f"attempt {failure.number} is no failure of {revision} in this cell, {bench.cell}",
                next_step="the profile and the options under which it was made",
            )
        mine = failure.plan
        found = [one for one in found if (one.plan.kind, one.plan.draw) == (mine.kind, mine.draw)]
    kinds = [kind for kind in bench.kinds if not (experiment.needs_make and kind is Kind.REPLAY)]
    for kind in kinds:
        if first := next((one for one in found if one.plan.kind is kind), None):
            return About(first, kind)
    if not found:
        told = "no attempt" if bench.ledger.attempts(tree=tree, cell=cell) == [] else "none of the attempts"
        raise UserError(f"{told} at {revision} failed in this cell", next_step="bisectsyms calibrate REV")
    first = found[0]
    return About(first, Kind.CLEAN if first.plan.kind.is_from_scratch else Kind.RELINK)


def failures(bench: Bench, revision: Revision) -> list[Attempt]:
    """The attempts at `revision` that failed in the cell of the bench, in their order."""
    tree, cell = bench.known(revision).tree, bench.cell.key
    excluded = {one.attempt for one in bench.ledger.excluded(tree, cell)}
    made = bench.ledger.attempts(tree=tree, cell=cell)
    return [one for one in made if one.result and one.result.outcome.is_failure and one.number not in excluded]


def arms_of(bench: Bench, experiment: Experiment, about: About) -> tuple[Arm, ...]:
    """The arms, that which is known to fail first.

    Raises:
        UserError: this machine lacks what the other arm takes, or the failure had it already.
    """
    draw = about.attempt.plan.draw
    lengths = [length for start in range(STRIDE) for length in range(1, _lengths(bench) + 1)[start::STRIDE]]
    others = tuple(replace(draw, length=length) for length in lengths if length != draw.length)
    match experiment.design:
        case Design.FACTOR:
            name, other = _factor(bench, experiment, draw)
            arms = _arm(bench, experiment.base, draw), _arm(bench, experiment.other, other)
            if name == "jobs-one":  # calibrate asks the same, in a cell of its own
                alone = (replace(bench.cell, jobs=1).key, draw)
                return arms[0], replace(arms[1], wanted=arms[1].wanted | {alone})
            return arms
        case Design.LAYOUTS:
            name, _ = _factor(bench, experiment, draw)
            added = tuple(_added(one, name) for one in (draw, *others))
            base = _arm(bench, experiment.base, draw, *others)
            return replace(base, by_layout=True), replace(_arm(bench, name, *added), by_layout=True)
        case Design.LENGTHS:
            return _arm(bench, experiment.base, draw), _arm(bench, experiment.other, *others)
        case Design.TREES:
            base, other_tree = _arm(bench, experiment.base, draw), _arm(bench, experiment.other, draw)
            return replace(base, tree=Kind.INCREMENTAL), replace(other_tree, tree=Kind.CLEAN)
        case _:
            return (_arm(bench, experiment.base, draw),)


def _arm(bench: Bench, name: str, *draws: Draw) -> Arm:
    how = str(draws[0]) if len(draws) == 1 else f"{len(draws)} draws, {draws[0]} first"
    return Arm(name, how, draws, frozenset((bench.cell_of(draw).key, draw) for draw in draws))


def _lengths(bench: Bench) -> int:
    return max(UNAIDED, bench.variation.lengths)


def _factor(bench: Bench, experiment: Experiment, draw: Draw) -> tuple[str, Draw]:
    """The first factor of the experiment that can be added here, and the draw with it."""
    had = {name for name, _ in draw.factors}
    own = {factor for text, factor in OWN_LD.items() if text in bench.cell.toolchain.linker}
    if "jobs-one" in experiment.factors and bench.cell.jobs == 1:
        raise UserError("it was built with -j1 already", next_step="another experiment, or a cell with more jobs")
    if experiment.design is Design.LAYOUTS and had & set(experiment.factors):
        raise UserError(f"{draw} is linked by another ld already", next_step="a failure that was found without")
    lacking = UserError(f"{draw} has it already", next_step="a failure that was found without")
    for name in experiment.factors:
        if name in had or name in own:
            continue
        try:
            bench.check(added := _added(draw, name))
        except UserError as error:
            lacking = error
        else:
            return name, added
    raise lacking


def _added(draw: Draw, name: str) -> Draw:
    return replace(draw, factors=tuple(sorted((*draw.factors, (name, "")))))


def _is_evidence(attempt: Attempt) -> bool:
    return attempt.result is not None and attempt.result.outcome.is_evidence
