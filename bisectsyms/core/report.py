"""What a report says, for every form of it alike: page, Markdown, mail, JSON, JUnit, CSV.

Text in here is as it was in the ledger, the repository and the logs, and so is foreign; each form escapes it in its own
way. Times are seconds since the epoch, rates and probabilities from 0 to 1.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from bisectsyms.core.rated import Rate
from bisectsyms.core.words import count, percent
from bisectsyms.model import Cell, Kind


class Word(enum.StrEnum):
    """What a spot is, in one word; the sentence is beside it."""

    BAD = "bad"
    """Consistently."""
    FLAKY = "flaky"
    FAILS = "fails"
    """How often is not known well yet."""
    ARTEFACT = "artefact"
    """Only builds on arrival failed."""
    GOOD = "good"
    """Consistently: what can still be is below what was looked for."""
    OPEN = "open"
    """Nothing failed yet."""
    UNTESTABLE = "untestable"
    TOLD = "told"
    """By people, and nothing was measured."""

    @property
    def is_failing(self) -> bool:
        """Whether it fails in attempts that can be repeated."""
        return self in (Word.BAD, Word.FLAKY, Word.FAILS)


@dataclass(frozen=True, slots=True)
class Column:
    """A cell: what was built with, and how."""

    key: str
    label: str
    """What tells it from the other cells of the report."""
    name: str
    """In full."""
    compiler: str
    linker: str


@dataclass(frozen=True, slots=True)
class OfKind:
    """What attempts of another kind showed."""

    kind: Kind
    rate: Rate


@dataclass(frozen=True, slots=True)
class Spot:
    """A revision in a cell."""

    revision: str
    """As people call it."""
    commit: str
    tree: str
    title: str
    cell: str
    """Key of its column."""
    kind: Kind
    """By which it is judged."""
    rate: Rate
    others: tuple[OfKind, ...]
    no_evidence: int
    """Attempts that say nothing of the revision: broken builds, time-outs, the machine's trouble."""
    excluded: int
    """Attempts that people took out; they are in no count."""
    word: Word
    verdict: str
    """The same as a sentence."""
    told: str
    """What people said of it; empty if they did not."""
    seconds: float
    """Of an attempt of this kind, on average."""
    last: float
    """When the newest attempt began."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Attempts that began within a stretch of time."""

    begun: float
    failed: int
    clean: int
    no_evidence: int

    @property
    def attempts(self) -> int:
        """All that began in it."""
        return self.failed + self.clean + self.no_evidence


@dataclass(frozen=True, slots=True)
class TimeLine:
    """Attempts over time."""

    width: float
    """Seconds of one bin."""
    bins: tuple[Bin, ...]
    """Those in which something began, in their order."""

    @property
    def attempts(self) -> int:
        """All that began in any of its bins."""
        return sum(one.attempts for one in self.bins)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A commit that the search holds for possible."""

    commit: str
    title: str
    probability: float
    failed: int
    clean: int


@dataclass(frozen=True, slots=True)
class Place:
    """A commit of the range, by its place from old to new: what is believed of it, and what was tried there."""

    index: int
    probability: float
    failed: int
    clean: int


@dataclass(frozen=True, slots=True)
class SearchState:
    """How the last `bisectsyms bisect` stands, by the attempts alone."""

    kind: str
    """culprit, predates, not-reproduced or undecided."""
    sentence: str
    good: str
    bad: str
    commits: int
    confidence: float
    """That was asked for."""
    since: str
    """What has become of the answer that `bisect` gave, by what became known after it; empty where that is nothing."""
    candidates: tuple[Candidate, ...]
    """The fewest that reach the confidence together, the likeliest first; the first MOST of them."""
    more: int
    endings: tuple[tuple[str, float], ...]
    places: tuple[Place, ...]
    """Where anything was tried or is likely, in order."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One attempt that failed, with all that a reader needs to believe it and to see it again."""

    attempt: int
    revision: str
    commit: str
    title: str
    cell: str
    kind: Kind
    draw: str
    begun: float
    seconds: float
    host: str
    """Where it was made."""
    imported: bool
    why: str
    """What decided that it is this failure."""
    cause: str
    """In one line; empty where nobody looked."""
    symbol: str
    """At which the two maps part; empty where that is not known."""
    tail: tuple[str, ...]
    """The last lines of its log."""
    again: str
    command: str
    """The exact line; of another host's ledger it is only to be read."""


@dataclass(frozen=True, slots=True)
class Report:
    """All of it."""

    subject: str
    """What is reported on: the name of the repository."""
    answer: str
    """One sentence."""
    details: tuple[str, ...]
    made: float
    made_by: str
    attempts: int
    """That have ended, excluded ones included."""
    running: tuple[str, ...]
    """Attempts that have not ended, or whose driver died."""
    common: str
    """What all cells share."""
    columns: tuple[Column, ...]
    spots: tuple[Spot, ...]
    search: SearchState | None
    failures: tuple[Failure, ...]
    failed: int
    """Attempts that failed and count; `failures` are some of them."""
    time_line: TimeLine
    hosts: tuple[tuple[str, int], ...]
    """Where the attempts were made, and how many."""
    versions: tuple[tuple[str, str], ...]
    """Of what made this report."""
    notes: tuple[str, ...]
    """What could not be said, and why."""


def cell_words(cell: Cell) -> tuple[str, str, str, str]:
    """By what people tell a cell: `arm/gcc-12.2.0`, `-j8`, `sweep:7`, `(s3c6400)`.

    A command has nothing but its name: no make, no draw and no profile; the others are empty.
    """
    if not cell.profile:
        return f"{cell}", "", "", ""
    return f"{cell}", f"-j{cell.jobs}", cell.variation, f"({cell.profile})"


def worst_first(spots: Sequence[Spot]) -> list[tuple[int, Spot]]:
    """(place in the list, spot): what surely fails most before what may, and the well known before the unknown."""
    order = {word: number for number, word in enumerate(Word)}
    return sorted(
        enumerate(spots),
        key=lambda pair: (
            not pair[1].word.is_failing,
            -pair[1].rate.low,
            order[pair[1].word],
            pair[1].rate.high,
            pair[0],
        ),
    )


MOST_BINS = 72
WIDTHS = (60.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 43200.0, 86400.0, 604800.0, 2419200.0)
"""Widths of a bin that people can read: a minute to four weeks."""


def time_line(moments: Sequence[tuple[float, bool | None]], most: int = MOST_BINS) -> TimeLine:
    """Count (begun, whether it failed; None for no evidence) into at most `most` bins, or `most` of the widest."""
    if not moments:
        return TimeLine(WIDTHS[0], ())
    first, last = min(begun for begun, _ in moments), max(begun for begun, _ in moments)
    width = next((one for one in WIDTHS if last // one - first // one < most), 0.0)
    if not width:
        width = WIDTHS[-1] * (1 + (last - first) // (WIDTHS[-1] * (most - 1)))
    counts: dict[float, dict[bool | None, int]] = {}
    for begun, failed in moments:
        tally = counts.setdefault(begun // width * width, {True: 0, False: 0, None: 0})
        tally[failed] += 1
    return TimeLine(width, tuple(Bin(at, one[True], one[False], one[None]) for at, one in sorted(counts.items())))


def rate_text(rate: Rate) -> str:
    """`9 of 40 failed, 22 % (12 % to 37 %)`, `0 of 40 failed (below 7.2 %)`, `9 of 9 failed (above 81 %)`."""
    if not rate.attempts:
        return "no evidence"
    if not rate.failed:
        return f"0 of {rate.attempts} failed (below {percent(rate.high)})"
    if rate.failed == rate.attempts:
        return f"{rate.failed} of {rate.attempts} failed (above {percent(rate.low)})"
    return (
        f"{rate.failed} of {rate.attempts} failed, {percent(rate.rate)} ({percent(rate.low)} to {percent(rate.high)})"
    )


def matrix_answer(spots: Sequence[Spot], names: dict[str, str]) -> tuple[str, tuple[str, ...]]:
    """The sentence over a matrix, and what it rests on; `names` are those of the cells."""
    if not spots:
        return "Nothing was tried yet", ()
    words = [spot.word for spot in spots]
    failing = [spot for spot in spots if spot.word.is_failing]
    tally = [(word, words.count(word)) for word in Word if word in words]
    counted = ", ".join(f"{number} {NAMED[word]}" for word, number in tally)
    what = count(len(spots), "combination")
    details: tuple[str, ...] = (f"{what} of a revision and a cell: {counted}",)
    if not failing:
        known = words.count(Word.GOOD)
        sure = f"and {known} of them are consistently good" if known else "and none is settled yet"
        seen = any(rate.failed for spot in spots for rate in (spot.rate, *(other.rate for other in spot.others)))
        return f"No failure {'that can be repeated ' if seen else ''}was seen in {what}, {sure}", details
    worst = worst_first(spots)[0][1]
    how = f"{worst.kind}, {rate_text(worst.rate)}" if worst.rate.failed else worst.verdict
    details = (*details, f"most often at {worst.revision}, {names[worst.cell]}: {how}")
    verb = "fails" if len(failing) == 1 else "fail"
    return f"{len(failing)} of {what} {verb}", details


NAMED = {
    Word.BAD: "consistently bad",
    Word.FLAKY: "flaky",
    Word.FAILS: "failing, how often is open",
    Word.ARTEFACT: "failing on arrival only",
    Word.GOOD: "consistently good",
    Word.OPEN: "without a failure so far",
    Word.UNTESTABLE: "untestable",
    Word.TOLD: "told by people",
}
"""Words as they are counted."""
