"""Where a bisect stands, derived from the ledger: rates, verdicts with their rationale, and how sure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bisectsyms.core import people
from bisectsyms.core.belief import prior
from bisectsyms.core.decide import Ask, Decision, GaugeRules, Rules, judge
from bisectsyms.core.direction import BisectState
from bisectsyms.core.gauging import Gauge, gauge
from bisectsyms.effects.bisecting import candidates, read_bisect
from bisectsyms.effects.fixups import known
from bisectsyms.effects.gitrepo import Repository, steps_left
from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.ledger.overview import Overview
from bisectsyms.effects.ledger.queries import Queries
from bisectsyms.errors import UserError
from bisectsyms.inputs.variations import variation_of
from bisectsyms.model import Cell, Exclusion, Judged, Kind, Outcome, Revision, Verdict
from bisectsyms.usecases.judging import StepOptions, moment
from bisectsyms.usecases.lastsearch import LastSearch, last_search
from bisectsyms.usecases.suspects import kinds_of


@dataclass(frozen=True, slots=True)
class Tally:
    """The attempts of one kind at one revision."""

    kind: Kind
    inconsistent: int
    clean: int
    no_evidence: int


@dataclass(frozen=True, slots=True)
class Row:
    """A revision with attempts or a word about it, and what was or would be said of it."""

    revision: Revision
    tallies: tuple[Tally, ...]
    excluded: tuple[Exclusion, ...]
    """Attempts that somebody took out of the evidence; they are in no tally."""
    told: str
    """What people said of it, or the empty string."""
    verdict: str
    rationale: str
    outdated: bool
    """What is known of it has changed since this verdict was given."""
    vanished: tuple[str, ...]
    """Options asked for by name that its .config has not, CONFIG_X."""


@dataclass(frozen=True, slots=True)
class CellStatus:
    """All revisions tried in one cell."""

    cell: Cell
    rows: tuple[Row, ...]
    spent: float
    """Of the error budget, by the GOOD verdicts that stand in git now."""
    told: int
    """Ends of the search in git that are what they are by somebody's word."""
    outdated: tuple[str, ...]
    """Those whose verdict, as git was told it, was given before what is known of them has changed."""
    side_by_side: dict[int, int]
    """Attempts that are evidence, by the number of slots that were in use."""
    newest: int
    """Number of its newest attempt; 0 before the first."""


@dataclass(frozen=True, slots=True)
class Status:
    """The answer of `bisectsyms status`."""

    bisecting: bool
    bad: str
    """The revision found failing last."""
    find_fix: bool
    culprit: str
    """What git has found, or the empty string."""
    culprit_title: str
    confidence: float | None
    """Of the culprit: 1 minus what all GOOD verdicts on the way may have missed; None if one is outdated."""
    told: int
    """Ends of the search that the confidence takes from people's words."""
    outdated: tuple[str, ...]
    """Commits whose verdict stands in git although what is known of them has changed since."""
    attempts: int
    elsewhere: dict[str, int]
    """How many of them were imported, by the host that made them."""
    cells: tuple[CellStatus, ...]
    search: LastSearch | None
    """The last `bisectsyms bisect`."""


def status(repository: Repository, *, rejudge: bool) -> Status:
    """Read the ledger and git; with `rejudge` verdicts are made anew from the attempts."""
    with Ledger.open(repository.state_dir) as ledger:
        return described(repository, ledger, rejudge=rejudge)


def described(repository: Repository, ledger: Queries, *, rejudge: bool) -> Status:
    """The same from a ledger that is open already."""
    try:
        state = read_bisect(repository)
    except UserError:
        state = None  # an end is missing yet; the ledger has its say all the same
    if state and _turned(ledger, state):
        state = replace(state, find_fix=True)
    known, verdicts = ledger.overview(), dict[str, dict[str, Judged]]()
    for one in ledger.latest_verdicts():
        verdicts.setdefault(one.cell, {})[one.commit] = one
    cells = tuple(
        _cell(repository, ledger, cell, known, verdicts.get(cell.key, {}), state, rejudge) for cell in ledger.cells()
    )
    attempts, elsewhere = ledger.count(), ledger.origins()
    culprit = state.culprit if state else ""
    judging = [cell for cell in cells if any(row.verdict for row in cell.rows)]
    outdated = tuple(commit for cell in judging for commit in cell.outdated)
    return Status(
        bisecting=state is not None,
        bad=state.nearest_failing if state else "",
        find_fix=state is not None and state.find_fix,
        culprit=culprit,
        culprit_title=repository.resolve(culprit).title if culprit else "",
        confidence=1.0 - max(cell.spent for cell in judging) if culprit and judging and not outdated else None,
        told=max((cell.told for cell in judging), default=0),
        outdated=outdated,
        attempts=attempts,
        elsewhere=elsewhere,
        cells=cells,
        search=last_search(repository, ledger),
    )


def _turned(ledger: Queries, state: BisectState) -> bool:
    """Whether our newest verdict that stands in git was told with --find-fix, whatever the terms: a GOOD as new."""
    standing = ledger.latest_verdicts(commits=[*state.news[1:], *state.olds[1:]])
    told = [one for one in standing if one.verdict in (Verdict.GOOD, Verdict.BAD)]
    newest = max(told, key=lambda one: one.when, default=None)
    return newest is not None and _is_good(newest) is (newest.commit in state.news)


def _cell(
    repository: Repository,
    ledger: Queries,
    cell: Cell,
    known: Overview,
    verdicts: Mapping[str, Judged],
    state: BisectState | None,
    rejudge: bool,
) -> CellStatus:
    rules = _rules(repository, ledger, cell, state) if rejudge and state else None
    words = {one.revision.tree: one for one in known.told.get(cell.key, ())}
    tried = known.revisions.get(cell.key, [])
    trees = {revision.tree for revision in tried}
    ends = state.ends if state else ()
    rows, stale = [], []
    for revision in (*tried, *(one.revision for tree, one in words.items() if tree not in trees)):
        place = cell.key, revision.tree
        excluded = known.excluded.get(place, [])
        told, judged = words.get(revision.tree), verdicts.get(revision.commit)
        by_word = people.decide(told, moment(told.when)) if told else None
        verdict, rationale = _recorded(judged)
        outdated = judged is not None and known.revised.get(place, 0.0) > judged.when
        outdated |= judged is not None and _is_good(judged) and known.failed.get(place, 0.0) > judged.when
        if outdated and revision.commit in ends:
            stale.append(revision.commit)
        if rules is not None and by_word is not None:
            verdict, rationale, outdated = by_word.verdict.name, by_word.rationale, False
        elif rules is not None:
            answer = judge(ledger.observations(revision.tree, cell.key), rules)
            verdict = answer.verdict.name if isinstance(answer, Decision) else "undecided"
            rationale = answer.rationale if isinstance(answer, Decision) else answer.why
            rationale += people.without(excluded)
            outdated = False
        word = by_word.rationale if by_word else ""
        tallies, vanished = _tallies(known.tallies.get(place, {})), known.vanished.get(place, ())
        rows.append(Row(revision, tallies, tuple(excluded), word, verdict, rationale, outdated, vanished))
    clean = state.clean_ends if state else ()
    spent = sum(verdicts[commit].miss for commit in clean if commit in verdicts and _is_good(verdicts[commit]))
    by_words = sum(_tree(repository, cell, commit) in words for commit in ends) if words else 0
    beside, newest = known.side_by_side.get(cell.key, {}), known.newest.get(cell.key, 0)
    return CellStatus(cell, tuple(rows), spent, by_words, tuple(stale), beside, newest)


def _tallies(made: Mapping[tuple[Kind, Outcome], int]) -> tuple[Tally, ...]:
    """The counts of every kind of attempt that was made."""
    kinds, outcomes = {kind for kind, _ in made}, Counter(made)
    return tuple(
        Tally(
            kind,
            sum(outcomes[kind, failure] for failure in Outcome if failure.is_failure),
            outcomes[kind, Outcome.CLEAN],
            sum(outcomes[kind, other] for other in Outcome if not other.is_evidence),
        )
        for kind in Kind
        if kind in kinds
    )


def _rules(repository: Repository, ledger: Queries, cell: Cell, state: BisectState) -> Rules:
    """Today's rules, with the rate that the bad end shows now."""
    draws = variation_of(cell.variation).layouts
    bad = _tree(repository, cell, state.failing_end)
    measured = gauge(ledger.observations(bad, cell.key), GaugeRules(draws=draws, kinds=kinds_of(cell)))
    belief = measured.belief if isinstance(measured, Gauge) else prior(varied=draws > 1)
    kind = measured.kind if isinstance(measured, Gauge | Ask) else kinds_of(cell)[0]
    share = (1.0 - StepOptions().confidence) / steps_left(candidates(repository, state, state.news[0]))
    return Rules(belief=belief, kind=kind, share=share, draws=draws)


def _tree(repository: Repository, cell: Cell, commit: str) -> str:
    """The id under which `cell` has the attempts at `commit`."""
    return known(repository, cell.fixups, repository.resolve(commit)).tree


def _recorded(judged: Judged | None) -> tuple[str, str]:
    return (judged.verdict.name, judged.rationale) if judged else ("", "")


def _is_good(judged: Judged) -> bool:
    return judged.verdict is Verdict.GOOD
