"""From what was found in a report to what is understood of it: which of several values counts, and how sure that is.

Sources disagree: a thread corrects itself, a robot's mail says gcc where its .config says clang. Nothing is dropped
here. One value counts, the others stay beside it, and two that are as good as each other are a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bisectsyms.core.reportfields import FIELDS, Confidence


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value was read."""

    where: str
    """`mail 2, line 14`, `attachment config.gz, line 3`."""
    text: str = ""
    """The line, fit to be shown."""
    letter: int = 0
    """Number of the mail in its thread, the oldest is 0."""
    quoted: int = 0
    """Depth of the quotation; 0 is what the sender wrote."""
    author: str = ""
    """Who wrote the line, as far as quotations say."""
    corrects: bool = False
    """Whether the sentence says that it corrects something."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One value of one field at one place."""

    field: str
    value: str
    confidence: Confidence
    source: Source
    note: str = ""
    """How it was derived, where it was not simply written."""
    among: bool = False
    """One of several that hold together: a list of builds."""


@dataclass(frozen=True, slots=True)
class Understood:
    """What counts for one field."""

    field: str
    values: tuple[str, ...]
    confidence: Confidence
    finding: Finding
    """The one that the first value is from."""
    others: tuple[Finding, ...] = ()
    """Values that were found too and do not count, one finding each."""

    @property
    def value(self) -> str:
        """The first: all there is of a field that can have but one."""
        return self.values[0]


OF_THE_BUILD = frozenset(
    ("kernel_version", "describe", "commit", "arch", "defconfig", "toolchain", "jobs", "fresh_tree", "subject")
)
"""Fields for which what somebody else says is of another machine, unless it is said to be a correction."""
_VAGUER = frozenset(("commit", "toolchain", "kernel_version", "describe"))
"""Fields of which one value can be a shorter form of another: gcc, gcc-12 and gcc-12.2.0."""


def weigh(findings: Iterable[Finding], reporter: str = "") -> dict[str, Understood]:
    """What is understood, by field, in the order of a plan.

    A correction wins, then the surer value, then what the same person wrote later, then what is not quoted,
    then what stands first. What others than the reporter say of a build is a guess.
    """
    by_field: dict[str, list[Finding]] = {name: [] for name in FIELDS}
    for finding in findings:
        by_field[finding.field].append(_of_whom(finding, reporter))
    understood = {name: _one(name, found, reporter) for name, found in by_field.items() if found}
    commit, subject = understood.get("commit"), understood.get("subject")
    if commit and subject and commit.finding.source.corrects and commit.finding.source != subject.finding.source:
        understood["subject"] = replace(subject, confidence=Confidence.GUESSED)  # of the commit that was meant before
    return understood


def _of_whom(one: Finding, reporter: str) -> Finding:
    source = one.source
    if not reporter or not source.author or source.corrects or one.field not in OF_THE_BUILD:
        return one
    if source.author.casefold() in reporter.casefold() or reporter.casefold() in source.author.casefold():
        return one
    return replace(one, confidence=min(one.confidence, Confidence.GUESSED), note=one.note or f"said by {source.author}")


def _one(name: str, found: Sequence[Finding], reporter: str) -> Understood:
    first = reporter or found[0].source.author
    best = max(found, key=lambda one: _rank(one, first))  # of equals, max takes the one that stands first
    if name in _VAGUER:
        surely = min(best.confidence, Confidence.DERIVED)  # what is a guess makes nothing more exact
        finer = [one for one in found if one.confidence >= surely and _is_shorter(best.value, one.value)]
        if finer:
            exact = max(finer, key=lambda one: (_rank(one, first), len(one.value)))
            best = replace(exact, confidence=max(exact.confidence, surely))
    values = [best.value]
    if best.among and FIELDS[name].several:
        values += [one.value for one in found if one.among and one.source.letter == best.source.letter]
        values = list(dict.fromkeys(values))
    others = {one.value: one for one in reversed(found) if not any(_agree(name, one.value, own) for own in values)}
    rivals = [
        one for one in others.values() if _rank(one, first) >= _rank(best, first) and name not in ("message", "link")
    ]
    confidence = min(best.confidence, Confidence.GUESSED) if rivals else best.confidence
    return Understood(name, tuple(values), confidence, best, tuple(reversed(others.values())))


def _rank(one: Finding, first: str) -> tuple[bool, int, int, int]:
    source = one.source
    later = source.letter if source.corrects or source.author.casefold() in first.casefold() else -source.letter
    return source.corrects, one.confidence, later, -source.quoted


def _agree(name: str, one: str, other: str) -> bool:
    """Whether two values say no different things."""
    return one.casefold() == other.casefold() or (
        name in _VAGUER and (_is_shorter(one, other) or _is_shorter(other, one))
    )


def _is_shorter(short: str, long: str) -> bool:
    """Whether `long` says the same more exactly: it goes on with a digit of an id, a dot or a dash."""
    short, long = short.removeprefix("v"), long.removeprefix("v")
    if len(short) >= len(long) or not long.startswith(short):
        return False
    return long[len(short)] in ".-" or (len(short) >= 7 and set(long) <= set("0123456789abcdef"))
