"""The answer of a search as the ledger keeps it, so that whoever tells it later tells what speaks against it, too."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """What a search of ours has told in the end, after its answer was put to the proof."""

    cell: str
    good: tuple[str, ...]
    """Ids of the ends."""
    bad: str
    find_fix: bool
    ending: str
    """culprit, artefact, predates, not-reproduced or undecided."""
    commit: str
    """The one that is named; empty for none."""
    probability: float
    means: str
    """What it is to the failure, in words."""
    exposing: bool
    """Whether it may only show what was there before: then it is no commit to be fixed."""
    warnings: tuple[str, ...]
    """What speaks against it."""
    likely_wrong: bool
    reverted: str
    """GOOD, BAD or SKIP: what the bad end did without it; empty where that was not tried."""
    reverted_why: str
    when: float
    host: str = ""
    """Whose search it was, of one that was taken over from another ledger."""
