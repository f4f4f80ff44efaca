"""What an answer to a report needs of it: whom, under which subject, in which thread, and the lines to be quoted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bisectsyms.core.findings import Source
from bisectsyms.inputs.reports.letter import Letter, Line

MOST_QUOTED = 14
"""Lines; who wants the rest has the mail."""
LONGEST_QUOTED = 200


@dataclass(frozen=True, slots=True)
class Origin:
    """A report as a mail to be answered; what is not known is empty."""

    sender: str = ""
    """`Name <address>` of the mail that is answered."""
    subject: str = ""
    date: str = ""
    message_id: str = ""
    answers: str = ""
    """The id of the mail that it answers itself."""
    quoted: tuple[tuple[int, str], ...] = ()
    """(depth, text) of the lines that say what to build; depth 0 is what the sender wrote."""


NO_ORIGIN = Origin()


def origin_of(letters: Sequence[Letter], sources: Iterable[Source]) -> Origin:
    """That of the mail from which most of the plan is, of several the first; `sources` are the places of its values."""
    found = [source for source in sources if any(source.where == line.where for one in letters for line in one.lines)]
    if not letters:
        return NO_ORIGIN
    counts = {one.number: sum(1 for source in found if source.letter == one.number) for one in letters}
    letter = max(letters, key=lambda one: counts[one.number])
    lines = tuple(line for line in letter.lines if line.text.strip() != letter.subject)  # a page shows it as text
    places = {line.where for line in lines}
    wanted = {source.where for source in found if source.letter == letter.number} & places
    return Origin(letter.sender, letter.subject, letter.date, letter.message_id, letter.answers, _quoted(lines, wanted))


def _quoted(lines: Sequence[Line], wanted: set[str]) -> tuple[tuple[int, str], ...]:
    """The paragraphs that hold lines of `wanted`; where they are long, those lines alone."""
    paragraphs: list[list[Line]] = [[]]
    for line in lines:
        if line.text.strip() and (not paragraphs[-1] or paragraphs[-1][-1].depth == line.depth):
            paragraphs[-1].append(line)
        elif paragraphs[-1]:
            paragraphs.append([line] if line.text.strip() else [])
    held = [one for one in paragraphs if any(line.where in wanted for line in one)]
    if sum(map(len, held)) > MOST_QUOTED:
        held = [[line for line in one if line.where in wanted] for one in held]
    kept: list[tuple[int, str]] = []
    for paragraph in held:
        if kept:
            kept.append((min(kept[-1][0], paragraph[0].depth), ""))
        kept += [(line.depth, line.text[:LONGEST_QUOTED]) for line in paragraph]
    return tuple(kept[:MOST_QUOTED])
