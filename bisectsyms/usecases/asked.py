"""What the last search was asked, as options of a search: for who goes on with it and for who only looks."""

from __future__ import annotations

from typing import Any

from bisectsyms.core.direction import search_terms
from bisectsyms.core.prior import rules
from bisectsyms.effects.question import Question
from bisectsyms.usecases.learning import SearchOptions


def options_of(question: Question, skipped: frozenset[int], **limits: Any) -> SearchOptions:
    """The options of a search for this question; `skipped` are indices of its range, `limits` end it early."""
    return SearchOptions(
        confidence=question.confidence,
        min_rate=question.min_rate,
        first_parent=question.first_parent,
        paths=question.paths,
        skipped=skipped,
        prior=rules(question.prior),
        terms=search_terms(question.terms, find_fix=question.find_fix),
        **limits,
    )
