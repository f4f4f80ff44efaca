"""What a report of the culprit needs, to be pasted: Fixes:, since when, who should hear of it. Nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from bisectsyms.core.words import plain
from bisectsyms.effects.recipients import recipients
from bisectsyms.model import Revision
from bisectsyms.usecases.desk import Desk


@dataclass(frozen=True, slots=True)
class Blame:
    """Every field may be empty; foreign text is stripped of what a terminal would obey."""

    fixes: str
    """The tag of a commit that mends it; empty for a commit that is the fix."""
    contains: str
    """What git describe --contains says: the first tag that has it."""
    author: str
    recipients: tuple[str, ...]
    """By the tree's own scripts/get_maintainer.pl."""
    recipients_missing: str
    """Why there are none."""


def blame(bench: Desk, culprit: Revision, at: str, environ: Mapping[str, str], *, fixed: bool) -> Blame:
    """All of it; `at` is the revision whose maintainers count. `fixed`: the commit is the fix, and needs none.

    Raises:
        InfraError: git could not.
    """
    repository, commit = bench.repository, culprit.commit
    asked = bench.beside(partial(recipients, repository, commit, at, bench.aside / "recipients", dict(environ)))
    return Blame(
        fixes="" if fixed else plain(f'Fixes: {repository.short(commit)} ("{culprit.title}")'),
        contains=plain(repository.contained_in(commit)),
        author=plain(repository.author(commit)),
        recipients=asked.addresses,
        recipients_missing=plain(asked.missing),
    )
