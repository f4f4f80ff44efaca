"""The answer of a search as the ledger keeps it, so that whoever tells it later tells what speaks against it, too."""

from __future__ import annotations

from dataclasses import dataclass

from bisectsyms.core.words import count, percent

ENDINGS = {
    "culprit": "a commit of the range",
    "predates": "the failure was there before GOOD",
    "not-reproduced": "the failure does not show here",
}
NO_FIX = "no commit of the range fixed it: the failure is still there at GOOD"
"""What "predates" means in a search for the fix."""


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

    @property
    def is_given(self) -> bool:
        """Whether anything was answered; not where the search was stopped."""
        return self.ending != "undecided"


@dataclass(frozen=True, slots=True)
class Since:
    """What has become known in the cell of an answer after it was given."""

    attempts: int
    """That have ended since, or were taken over from another ledger."""
    revised: int
    """Revisions of which people, or an import, have changed what is known."""

    def __bool__(self) -> bool:
        return bool(self.attempts or self.revised)

    def __str__(self) -> str:
        """`3 attempts since`, `1 attempt and words or an import about 2 revisions since`."""
        parts = [count(self.attempts, "attempt")] if self.attempts else []
        parts += [f"words or an import about {count(self.revised, 'revision')}"] if self.revised else []
        return f"{' and '.join(parts)} since"


def answer_words(told: SearchAnswer, title: str) -> str:
    """What was answered, in a line; `title` is that of the commit, and foreign."""
    if told.commit:
        what = f"{'first fixed commit' if told.find_fix else 'culprit'}: {told.commit[:12]} ({title})"
        return f"{what}, {'LIKELY WRONG' if told.likely_wrong else f'{percent(told.probability)} sure'}"
    if told.ending == "artefact":
        return "an artefact of the attempts, no culprit: nobody who builds from scratch has this failure"
    if told.ending not in ENDINGS:
        return "undecided"
    said = NO_FIX if told.find_fix and told.ending == "predates" else ENDINGS[told.ending]
    return f"{said} ({percent(told.probability)} sure)"


def since_words(told: SearchAnswer, since: Since, title: str, ending: str, commit: str, sentence: str) -> str:
    """What an answer is worth after what became known since; empty where that is nothing, or none was given.

    `ending`, `commit` (empty for none) and `sentence` are what all attempts together say now, before anything is looked
    at once more.
    """
    if not (told.is_given and since):
        return ""
    if told.ending == "artefact":
        now = "whether that still holds, nobody has looked: bisectsyms bisect does"
    elif (ending, commit) == (told.ending, told.commit):
        now = "the answer stands by the attempts" + (", and its commit was not looked at again" if commit else "")
    else:
        now = f"the answer would now be: {sentence}; bisectsyms bisect goes on"
    return f"bisect has answered: {answer_words(told, title)}; {since}: {now}"
