"""The verb that tells what was found, from the ledger alone and at any time, also while attempts are made.

Rates and words of a spot are those of a hunt (core/spots.py), whichever verb made the attempts.
"""

from __future__ import annotations

import os
import platform
import time
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from bisectsyms import __version__
from bisectsyms.core import people
from bisectsyms.core.hunting import Rules
from bisectsyms.core.isolating import Sampled, factors_of, isolate
from bisectsyms.core.report import (
    Column,
    Failure,
    OfKind,
    Report,
    SearchState,
    Spot,
    Word,
    cell_words,
    matrix_answer,
    time_line,
)
from bisectsyms.core.spots import Standing, State, found_kind, standing, verdict
from bisectsyms.core.words import count
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger.reading import Reading, Tried
from bisectsyms.inputs.variations import variation_of
from bisectsyms.model import Cell, Consistency, Kind, Observation, Told
from bisectsyms.usecases.causing import KeptCauses, look_into
from bisectsyms.usecases.cells import objtree_key
from bisectsyms.usecases.failures import Cause, failures_of
from bisectsyms.usecases.judging import moment
from bisectsyms.usecases.searched import bisected, searched
from bisectsyms.usecases.suspects import kinds_of

RULES = Rules()
MOST_COMPARED = 300
"""Spots up to which it is asked what makes the difference: their pairs are compared."""
MOST_DIFFERENCES = 8
"""Told, at most, the surest first."""
BEGIN = "to begin: git bisect run bisectsyms --profile NAME; bisectsyms --help has the other ways"
"""Said where nothing was tried at all."""


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What a report is about."""

    only: Collection[tuple[str, str]] | None = None
    """(tree id, cell key) of the spots that are meant; all by default."""
    since: float = 0.0
    """Only spots where an attempt began since then, with all their attempts; seconds since the epoch."""
    failures: int = 40
    """Failures that are told in full, at most."""
    causes: int = 8
    """Failures that are looked into for their cause, at most; what was found before is kept."""
    search: bool = True
    """Whether it is also about the last search and git's bisect; those of a matrix may be of another question."""


def report(
    repository: Repository,
    options: ReportOptions = ReportOptions(),
    *,
    look: Callable[[Repository, int], Cause] = look_into,
    now: Callable[[], float] = time.time,
) -> Report:
    """Everything that the ledger says; `look` finds out why an attempt failed, and is asked for a few of them.

    Raises:
        UserError: there is no ledger yet.
    """
    notes: list[str] = []
    with Reading.open(repository.state_dir) as ledger:
        cells = {cell.key: cell for cell in ledger.cells()}
        tried = [one for one in ledger.tried(options.since) if _is_meant(one, options.only)]
        keys = {(one.revision.tree, one.cell) for one in tried}
        used = {one.cell: cells[one.cell] for one in tried}
        common, columns = columns_of(used)
        spots = _spots(ledger, tried, used)
        moments = [one for one in ledger.moments() if (one[0], one[1]) in keys]
        failed = sum(outcome.is_failure for *_, outcome, _ in moments)
        causes = KeptCauses(repository.state_dir, partial(look, repository), ledger.known_at, most=options.causes)
        failures = failures_of(repository, ledger, keys, options.failures, causes)
        search = searched(repository, ledger, used, notes) if options.search else None
        found = bisected(repository, ledger, notes) if options.search else ""
        gone = {one.number for one in ledger.unfinished()}
        running = _running(ledger, gone)
    causes.keep()
    names = {one.key: one.name for one in columns}
    answer, details = matrix_answer(spots, names)
    for said in (_search_answer(search), found):
        if said:
            answer, details = said, (answer, *details)
    if not moments and options == ReportOptions():
        details = (BEGIN, *details)
    if search is not None and search.since:
        details = (search.since, *details)
    if search is None and not found and len(running) == len(gone):  # of a matrix, and looked at once, when it is there
        details = (*details, *_differences(spots, used))
    details = (*details, *_causes(failures), *_untried(options.only, keys))
    made = now()
    return Report(
        subject=repository.top.name,
        answer=answer,
        details=details,
        made=made,
        made_by=f"bisectsyms {__version__}",
        attempts=len(moments),
        running=running,
        common=common,
        columns=columns,
        spots=spots,
        search=search,
        failures=failures,
        failed=failed,
        time_line=time_line(
            [(begun, outcome.is_failure if outcome.is_evidence else None) for _, _, begun, outcome, _ in moments]
        ),
        hosts=tuple(Counter(host for *_, host in moments).most_common()),
        versions=_versions(),
        notes=tuple(notes),
    )


def _is_meant(one: Tried, only: Collection[tuple[str, str]] | None) -> bool:
    return only is None or (one.revision.tree, one.cell) in only


def _spots(ledger: Reading, tried: Sequence[Tried], cells: Mapping[str, Cell]) -> tuple[Spot, ...]:
    seen = {(one.revision.tree, one.cell): ledger.observations(one.revision.tree, one.cell) for one in tried}
    objtrees = {key: objtree_key(cell, variation_of(cell.variation).compiling) for key, cell in cells.items()}
    shows: dict[str, Kind] = {}
    for (_, cell), observations in seen.items():
        if kind := found_kind(observations, kinds_of(cells[cell]), RULES):
            shows.setdefault(objtrees[cell], kind)
    known = ledger.overview()
    told = {key: {one.revision.tree: one for one in known.told.get(key, ())} for key in cells}
    return tuple(
        _spot(
            one,
            seen[one.revision.tree, one.cell],
            kinds_of(cells[one.cell]),
            shows.get(objtrees[one.cell]),
            told[one.cell].get(one.revision.tree),
            len(known.excluded.get((one.cell, one.revision.tree), ())),
        )
        for one in tried
    )


def _spot(
    one: Tried, seen: Sequence[Observation], kinds: Sequence[Kind], shows: Kind | None, told: Told | None, excluded: int
) -> Spot:
    now = standing(seen, kinds, RULES, shows)
    if not now.rate.attempts and now.others:  # somebody asked for another kind than the rules would
        most = max(now.others, key=lambda other: other[1].attempts)[0]
        now = standing(seen, kinds, RULES, fixed=most)
    seconds = [each.seconds for each in seen if each.kind is now.kind and each.outcome.is_evidence]
    said = people.told_text(told, moment(told.when)) if told else ""
    return Spot(
        revision=str(one.revision),
        commit=one.revision.commit,
        tree=one.revision.tree,
        title=one.revision.title,
        cell=one.cell,
        kind=now.kind,
        rate=now.rate,
        others=tuple(OfKind(kind, rate) for kind, rate in now.others),
        no_evidence=sum(not each.outcome.is_evidence for each in seen),
        excluded=excluded,
        word=Word.TOLD if told else _word(now),
        verdict=said or verdict(now),
        told=said,
        seconds=sum(seconds) / len(seconds) if seconds else 0.0,
        last=one.last,
    )


def _word(one: Standing) -> Word:
    settled = {Consistency.GOOD: Word.GOOD, Consistency.BAD: Word.BAD, Consistency.FLAKY: Word.FLAKY}
    if one.state is State.UNTESTABLE:
        return Word.UNTESTABLE
    if one.state is State.ARTEFACT:
        return Word.ARTEFACT
    if one.state is State.SETTLED and not (one.consistency is Consistency.GOOD and one.failing):
        return settled.get(one.consistency, Word.OPEN)
    return Word.FAILS if one.failing else Word.OPEN


def columns_of(cells: Mapping[str, Cell]) -> tuple[str, tuple[Column, ...]]:
    """What all cells share, in words, and each with what tells it from the others."""
    parts = {key: cell_words(cell) for key, cell in cells.items()}
    alike = [len(set(column)) == 1 for column in zip(*parts.values(), strict=True)]
    first = next(iter(parts.values()), ())
    common = _joined(word for word, same in zip(first, alike, strict=True) if same)
    labels = {
        key: _joined(word for word, same in zip(words, alike, strict=True) if not same) for key, words in parts.items()
    }
    taken = Counter(labels.values())
    columns = []
    for key, cell in cells.items():
        label = labels[key] if taken[labels[key]] == 1 else f"{labels[key]} {key}".strip()
        chain = cell.toolchain
        columns.append(
            Column(key, label if len(cells) > 1 else common, _joined(parts[key]), chain.compiler, chain.linker)
        )
    return common, tuple(columns)


def _joined(words: Iterable[str]) -> str:
    return " ".join(filter(None, words))


def _causes(failures: Sequence[Failure]) -> tuple[str, ...]:
    """The cause that most of those which were looked into have."""
    known = Counter(one.cause for one in failures if one.cause)
    if not known:
        return ()
    ((cause, number),) = known.most_common(1)
    looked = known.total()
    of = f"{number} of the {looked} failures that were" if looked > 1 else "the failure that was"
    return (f"cause, of {of} diagnosed: {cause}",)


def _differences(spots: Sequence[Spot], cells: Mapping[str, Cell]) -> tuple[str, ...]:
    """Which single factors make the difference, and the comparisons that show it."""
    if len(cells) < 2 or len(spots) > MOST_COMPARED:
        return ()
    sampled = []
    for spot in spots:
        cell = cells[spot.cell]
        factors = factors_of(spot.revision, cell.profile, f"{cell}", cell.jobs, cell.variation)
        # What a profile says is not in the ledger, and so no option of its kconfig can be named.
        sampled.append(Sampled(factors, spot.kind, spot.rate.failed, spot.rate.attempts, beside=cell.profile))
    isolated = isolate(sampled)
    if not isolated.differences:
        return ()
    told = [str(one) for one in isolated.differences[:MOST_DIFFERENCES]]
    more = len(isolated.differences) - len(told)
    return isolated.why, *told, *([f"and {count(more, 'comparison')} more that show a difference"] if more else [])


def _untried(meant: Collection[tuple[str, str]] | None, tried: Collection[tuple[str, str]]) -> tuple[str, ...]:
    """What of a hunt has not come to its turn: a page that does not say so would look complete."""
    missing = len(set(meant or ()) - set(tried))
    return (f"not tried yet: {missing} of the {len(meant or ())} that the hunt is to try",) if missing else ()


def _search_answer(search: SearchState | None) -> str:
    return "" if search is None or search.kind == "undecided" else search.sentence


def _running(ledger: Reading, gone: Container[int]) -> tuple[str, ...]:
    return tuple(
        f"attempt {one.number}: {one.plan.revision}, {one.plan.cell} -j{one.plan.cell.jobs}, {one.plan.kind}, "
        + ("its driver died" if one.number in gone else f"since {moment(one.begun)}")
        for one in ledger.running()
    )


def _versions() -> tuple[tuple[str, str], ...]:
    system = platform.uname()
    return (
        ("bisectsyms", __version__),
        ("Python", platform.python_version()),
        ("system", f"{system.system} {system.release} {system.machine}"),
        ("CPUs", count(os.cpu_count() or 1, "CPU").split()[0]),
    )
