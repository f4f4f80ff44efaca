"""How the searches stand that somebody has begun: the last one of our own, and the bisect of git's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from bisectsyms.core.direction import search_terms
from bisectsyms.core.report import Candidate, Place, SearchState
from bisectsyms.core.searchanswer import SearchAnswer, since_words
from bisectsyms.core.words import count, percent
from bisectsyms.effects.bisecting import read_bisect
from bisectsyms.effects.dag import Range, read_range, read_skipped
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger.reading import Reading
from bisectsyms.effects.question import Question, read_question
from bisectsyms.errors import BisectsymsError, UserError
from bisectsyms.search import Search
from bisectsyms.usecases.asked import options_of
from bisectsyms.usecases.lastsearch import ends_of, told_by
from bisectsyms.usecases.status import described
from bisectsyms.usecases.suspects import search_of

MOST = 20
"""Candidates that are told, and the likeliest places of a long range."""
MOST_PLACES = 400


def searched(repository: Repository, ledger: Reading, cells: Collection[str], notes: list[str]) -> SearchState | None:
    """The last `bisectsyms bisect`, if it is of one of these cells; what cannot be said of it goes to `notes`."""
    try:
        question = read_question(repository.state_dir)
    except UserError as error:
        if (repository.state_dir / "search.json").exists():
            notes.append(f"the last search: {error.message}")
        return None
    cell = ledger.cell(question.cell)
    if cell is None:
        notes.append("the last search has made no attempt yet")
        return None
    if cell.key not in cells:
        return None
    try:
        ends = ends_of(repository, question)
        commits = read_range(repository, ends, first_parent=question.first_parent, paths=question.paths)
        options = options_of(question, read_skipped(repository, commits, question.skip))
        search = search_of(repository, ledger, cell, commits, options)
        state = _state(repository, question, commits, search, _counts(ledger, question.cell, commits))
        told = told_by(ledger, question.cell, ends)
        if told is not None:
            notes += [f"against {told.commit[:12]}: {one}" for one in told.warnings] if told.commit else []
            state = replace(state, since=_since(repository, ledger, state, told))
        return replace(state, sentence=proved(state, told)) if state.kind == "culprit" else state
    except BisectsymsError as error:
        notes.append(f"the last search: {error.message}")
        return None


def _since(repository: Repository, ledger: Reading, state: SearchState, told: SearchAnswer) -> str:
    """What has become of the answer that was given."""
    title = repository.resolve(told.commit).title if told.commit else ""
    commit = state.candidates[0].commit if state.kind == "culprit" else ""
    since = ledger.since(told.cell, told.when)
    return since_words(told, since, title, state.kind, commit, state.sentence)


def proved(state: SearchState, told: SearchAnswer | None) -> str:
    """The sentence of a search that names a commit, with what came of looking at that commit once more."""
    named = state.candidates[0].commit
    by = f" (answered on {told.host})" if told is not None and told.host else ""
    if told is not None and told.ending == "artefact":
        return f"{state.sentence}, but no clean build shows it: an artefact of the attempts{by}"
    if told is None or told.commit != named:
        return f"{state.sentence}, and that commit was not looked at once more yet"
    return f"LIKELY WRONG: {state.sentence}{by}" if told.likely_wrong else f"{state.sentence}; {told.means}{by}"


def _counts(ledger: Reading, cell: str, commits: Range) -> tuple[Counter[int], Counter[int]]:
    """Failed and clean attempts by the index of their commit."""
    failed, clean, at = Counter[int](), Counter[int](), commits.index()
    for one in ledger.evidence(cell)[0]:
        index = at.get(one.revision.commit)
        if index is not None and one.observation.outcome.is_evidence:
            (failed if one.observation.outcome.is_failure else clean)[index] += 1
    return failed, clean


def _state(
    repository: Repository,
    question: Question,
    commits: Range,
    search: Search,
    counts: tuple[Counter[int], Counter[int]],
) -> SearchState:
    result, chances, (failed, clean) = search.result, search.probabilities, counts
    likely = [] if result.kind in ("predates", "not-reproduced") else result.credible
    named = repository.described([commits.commits[index] for index, _ in likely[:MOST]])
    candidates = tuple(
        Candidate(revision.commit, revision.title, chance, failed[index], clean[index])
        for revision, (index, chance) in zip(named, likely, strict=False)
    )
    order = sorted(range(len(commits.commits)), key=lambda index: -float(chances[index]))
    shown = sorted({*failed, *clean, *order[:MOST_PLACES]})
    good, bad = (revision.commit[:12] for revision in map(repository.resolve, (question.good, question.bad)))
    return SearchState(
        kind=result.kind,
        sentence=_sentence(result.kind, result.probability, candidates, [chance for _, chance in likely], question),
        good=good,
        bad=bad,
        commits=commits.candidates,
        confidence=question.confidence,
        candidates=candidates,
        more=max(0, len(likely) - MOST),
        endings=tuple(result.endings.items()),
        since="",
        places=tuple(Place(index, float(chances[index]), failed[index], clean[index]) for index in shown),
    )


def _sentence(
    kind: str, probability: float, candidates: tuple[Candidate, ...], chances: Sequence[float], question: Question
) -> str:
    """`chances` are those of all that is likely, not only of the `candidates` that are told."""
    sure = f"{percent(probability)} by the attempts"
    find_fix = search_terms(question.terms, find_fix=question.find_fix).find_fix
    match kind:
        case "culprit":
            verb = "was fixed by" if find_fix else "came with"
            return f"The failure {verb} {candidates[0].commit[:12]} ({candidates[0].title}): {sure}"
        case "predates":
            return (
                f"No commit of the range fixed it: {sure}"
                if find_fix
                else f"The failure is older than the range: {sure}"
            )
        case "not-reproduced":
            return f"The failure did not show at the bad end: {sure}"
    if not candidates:
        return "The search is undecided"
    hold = "holds" if len(chances) == 1 else "hold"
    return f"The search is undecided: {count(len(chances), 'commit')} {hold} {percent(sum(chances))}"


def bisected(repository: Repository, ledger: Reading, notes: list[str]) -> str:
    """What git bisect has found, in a sentence; empty if none runs here or it has not ended."""
    try:
        state = read_bisect(repository)
    except UserError as error:
        notes.append(error.message)
        return ""
    if state is None:
        return ""
    if not state.culprit:
        notes.append("git bisect goes on here, and has named no commit yet")
        return ""
    now = described(repository, ledger, rejudge=False)
    sure = f", {percent(now.confidence)} sure" if now.confidence is not None else ", and how sure is not known"
    if now.told:
        sure += f", by people's word on {count(now.told, 'revision')}"
    which = "fixed" if now.find_fix else "bad"
    return f"git bisect names the first {which} commit {now.culprit[:12]} ({now.culprit_title}){sure}"
