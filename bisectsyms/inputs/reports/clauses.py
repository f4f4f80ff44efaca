"""Sentences of people: which lines make a paragraph, and what the clause around a value says of it.

Clauses that say that a build works, or that the failure is gone, give no value; a sentence that corrects something is
worth more than what stood before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bisectsyms.core.findings import Source
from bisectsyms.inputs.reports.labels import OF_ANOTHER_MACHINE, is_label
from bisectsyms.inputs.reports.letter import Line

LONGEST_PARAGRAPH = 6000
_GOOD = re.compile(
    r"\b(?:works?|worked|pass(?:es|ed)?|fine|succeed(?:s|ed)?|is ok(?:ay)?|go(?:es)? away|went (?:away|through)"
    r"|goes through|disappear(?:s|ed)?|vanish\w*|helps|instead|rather than|unlike|except|not with|no longer|years ago"
    r"|last seen|never|the wrong|without (?:any )?(?:trouble|problems?|errors?|issues?|failures?)"
    r"|(?:do|does|did)(?:n't| not)(?: \w+)? (?:do|happen|fail|occur|show|reproduce|trigger|see)"
    r"|(?:can't|cannot|can not|could(?:n't| not)|unable to) (?:reproduce|trigger|see))\b",
    re.IGNORECASE,
)
_GOOD_SENTENCE = re.compile(
    r"\b(?:tried to reproduce|(?:no|zero|without) (?:a )?(?:single )?failures?|(?:all|every one) (?:of them )?passed"
    r"|works for me)\b",
    re.IGNORECASE,
)
_BRACKETS = re.compile(r"\([^()]{0,200}\)")
_SENTENCE = re.compile(r"[.!?](?=\s|$)")
CLAUSE = re.compile(r"[.;,!?](?=\s|$)|\s(?:but|while|whereas|though|and)\s|\n", re.IGNORECASE)
_CORRECTS = re.compile(
    r"\b(?:correction|sorry|i (?:was|am) wrong|i meant|my mistake|typo|actually|to correct"
    r"|should (?:have been|read)|(?:where|what|as) i (?:wrote|said))\b",
    re.IGNORECASE,
)
_NO_PROSE = re.compile(r"\s*(?:user-?space arch|#regzbot|\[(?:also|cannot|auto))|[-+]\S", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines that belong together, joined by spaces; a place in it leads back to its line."""

    text: str
    starts: tuple[int, ...]
    lines: tuple[Line, ...]

    def source(self, place: int) -> Source:
        """The source of the line in which `place` lies, an index into `text`."""
        number = max(index for index, start in enumerate(self.starts) if start <= place)
        return self.lines[number].source(corrects=bool(_CORRECTS.search(sentence(self.text, place))))


def paragraphs(lines: Sequence[Line]) -> Iterator[Paragraph]:
    """Runs of lines of one depth; lines that are set in, such as logs, stand alone."""
    text, starts, members = "", list[int](), list[Line]()
    for line in lines:
        if OF_ANOTHER_MACHINE.search(line.text):
            break
        if is_label(line.text) or _NO_PROSE.match(line.text):
            continue
        alone = line.text[:1] in " \t|" or line.text.lstrip().startswith(("-", "*", "#", ">", "+ "))
        apart = not line.text.strip() or alone or (members and line.depth != members[-1].depth)
        if members and (apart or len(text) > LONGEST_PARAGRAPH):
            yield Paragraph(text, tuple(starts), tuple(members))
            text, starts, members = "", [], []
        if line.text.strip():
            starts.append(len(text) + bool(text))
            text += (" " if text else "") + line.text.strip()[:LONGEST_PARAGRAPH]
            members.append(line)
        if alone and members:
            yield Paragraph(text, tuple(starts), tuple(members))
            text, starts, members = "", [], []
    if members:
        yield Paragraph(text, tuple(starts), tuple(members))


def denied(text: str, place: int) -> bool:
    """Whether the clause around `place` says that this one works, or is not meant."""
    return bool(_GOOD.search(around(text, place, CLAUSE)) or _GOOD_SENTENCE.search(sentence(text, place)))


def sentence(text: str, place: int) -> str:
    """The sentence around `place`."""
    return around(text, place, _SENTENCE)


def around(text: str, place: int, end: re.Pattern[str]) -> str:
    """What stands around `place` between two matches of `end`; brackets belong to the clause that they stand in."""
    window = max(0, place - 300)
    near = text[window : place + 300]
    level = _BRACKETS.sub(lambda match: re.sub(r"[.;,!?]", " ", match[0]), near)
    here = place - window
    before = [match.end() for match in end.finditer(level, 0, here)]
    after = end.search(level, here + 1)
    return near[before[-1] if before else 0 : after.start() if after else len(near)]
