"""How the last `bisectsyms bisect` ended, from the ledger: nothing is computed, so that `status` stays quick."""

from __future__ import annotations

from dataclasses import dataclass

from bisectsyms.core.direction import search_terms
from bisectsyms.core.searchanswer import SearchAnswer, Since
from bisectsyms.effects.dag import Ends, find_ends
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger.queries import Queries
from bisectsyms.effects.question import Question, read_question
from bisectsyms.errors import UserError
from bisectsyms.usecases.judging import moment


@dataclass(frozen=True, slots=True)
class LastSearch:
    """A search, and what was answered."""

    good: str
    bad: str
    """The ends as they were named, shortened."""
    answer: SearchAnswer | None
    """The newest; None before the first."""
    title: str
    """Of the commit that it names."""
    when: str
    """When it was given, for people."""
    since: Since
    """What has become known since."""


def ends_of(repository: Repository, question: Question) -> Ends:
    """The two ends of a search that was remembered.

    Raises:
        UserError: see `find_ends`.
    """
    find_fix = search_terms(question.terms, find_fix=question.find_fix).find_fix
    return find_ends(repository, question.good, question.bad, find_fix=find_fix)


def told_by(ledger: Queries, cell: str, ends: Ends) -> SearchAnswer | None:
    """The newest answer of a search between these ends in this cell."""
    return ledger.search_answer(cell, ends.good, ends.bad, find_fix=ends.find_fix)


def last_search(repository: Repository, ledger: Queries) -> LastSearch | None:
    """The last search; None if there was none that can be told of, or it has made no attempt yet."""
    try:
        question = read_question(repository.state_dir)
        ends = ends_of(repository, question)
    except UserError:
        return None
    if ledger.cell(question.cell) is None:
        return None
    told = told_by(ledger, question.cell, ends)
    return LastSearch(
        good=question.good[:12],
        bad=question.bad[:12],
        answer=told,
        title=repository.resolve(told.commit).title if told and told.commit else "",
        when=moment(told.when) if told else "",
        since=ledger.since(question.cell, told.when) if told else Since(0, 0),
    )
