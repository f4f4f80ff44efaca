"""What a search has found, and the same for git: a log that `git bisect replay` accepts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bisectsyms.core.bisectlog import Answer, log_lines, suspects_answer
from bisectsyms.core.confirming import Meaning
from bisectsyms.core.direction import Terms
from bisectsyms.core.searchanswer import SearchAnswer
from bisectsyms.effects.dag import Ends, Range
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.newfile import replace_file
from bisectsyms.model import Revision
from bisectsyms.search import Result
from bisectsyms.usecases.before import Foreknown
from bisectsyms.usecases.confirming import About, Confirmed
from bisectsyms.usecases.learning import SearchOptions

LOG = "bisect.log"


@dataclass(frozen=True, slots=True)
class Suspect:
    """A commit of the credible set."""

    revision: Revision
    probability: float


@dataclass(frozen=True, slots=True)
class Found:
    """The answer of `bisectsyms bisect`."""

    kind: str
    """culprit, artefact (only cheaper kinds of attempts fail), predates, not-reproduced or undecided."""
    culprit: Revision | None
    """The commit that was looked for; in a search for the fix the one that fixed it."""
    probability: float
    confidence: float
    """That was asked for."""
    suspects: tuple[Suspect, ...]
    """The fewest commits that reach the confidence together, the likeliest first."""
    endings: dict[str, float]
    candidates: int
    attempts: int
    """In this call."""
    seconds: float
    confirmed: tuple[Confirmed, ...]
    """The commit and its parents, looked at once more."""
    about: About | None
    """What else is known of the commit."""
    stopped: str
    """Why it ended without an answer; empty if it did not."""
    log: Path | None
    """For git bisect replay."""
    terms: Terms
    before: Foreknown
    """What was known before the first attempt."""
    side_by_side: dict[int, int]
    """The attempts of the cell that count, by the number of slots in use: a race fails at a rate of its own in each."""

    @property
    def answered(self) -> bool:
        """Whether a commit is named, or the failure found to be older than the range."""
        return self.kind in ("culprit", "predates")


def answer_of(found: Found, cell: str, ends: Ends, when: float) -> SearchAnswer:
    """The same as the ledger keeps it, for who tells it later."""
    about = found.about
    revert = about.revert if about else None
    return SearchAnswer(
        cell=cell,
        good=ends.good,
        bad=ends.bad,
        find_fix=found.terms.find_fix,
        ending=found.kind,
        commit=found.culprit.commit if found.culprit else "",
        probability=found.probability,
        means=about.means if about else "",
        exposing=about is not None and about.meaning is Meaning.EXPOSING,
        warnings=about.warnings if about else (),
        likely_wrong=about is not None and about.likely_wrong,
        reverted=revert.verdict if revert else "",
        reverted_why=revert.rationale if revert else "",
        when=when,
    )


def suspects_of(repository: Repository, commits: Range, result: Result) -> tuple[Suspect, ...]:
    """The credible set as revisions."""
    revisions = repository.described([commits.commits[one] for one, _ in result.credible])
    return tuple(
        Suspect(revision, probability) for revision, (_, probability) in zip(revisions, result.credible, strict=True)
    )


def write_log(
    repository: Repository, ends: Ends, commits: Range, options: SearchOptions, result: Result, *, decided: bool
) -> Path | None:
    """Lines that bring git bisect to the same commit, or to the same set.

    None, and no file of an earlier answer either, where no commit is suspected, or one alone that is not decided: git
    would name it.
    """
    path = repository.state_dir / LOG
    named = result.commit if decided else None
    unsure = named is None and len(result.credible) < 2
    if result.kind in ("predates", "not-reproduced") or unsure:
        path.unlink(missing_ok=True)
        return None
    names, between = commits.commits, tuple[str, ...]()
    if named is not None:
        newest = names[named]
        before = repository.parents(newest)[: 1 if options.first_parent else None]
    else:
        at, outside, inside = suspects_answer([one for one, _ in result.credible], commits.parents, commits.new)
        newest, between = names[at], tuple(names[one] for one in inside)
        before = tuple(names[one] for one in outside)
    answer = Answer(
        new=ends.new,
        olds=ends.olds,
        newest=newest,
        before=before,
        between=between,
        first_parent=options.first_parent,
        paths=options.paths,
        old_term=options.terms.old,
        new_term=options.terms.new,
    )
    titles = {one.commit: one.title for one in repository.described([newest, *before, *between])}
    replace_file(path, ("\n".join(log_lines(answer, titles.__getitem__)) + "\n").encode())
    return path
