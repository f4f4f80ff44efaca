"""A mail or page of a report as lines that know where they stand, who wrote them and how deep they are quoted."""

from __future__ import annotations

import email.utils
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bisectsyms.core.findings import Source
from bisectsyms.core.reportfields import shown
from bisectsyms.core.words import plain

_QUOTE = re.compile(r"(?:[ \t]?>(?!From ))+[ \t]?|[ \t]?(?:[A-Za-z]{1,3}>[ \t]?)+")
_IS_ATTRIBUTION = re.compile(r"\b(?:wrote|writes|schrieb|said)\b[^:]*:\s*$")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text."""

    text: str
    """Without quotation marks at its beginning."""
    where: str
    depth: int = 0
    author: str = ""
    letter: int = 0

    def source(self, *, corrects: bool = False) -> Source:
        """This line as a place; `corrects`: its sentence says that it corrects something."""
        return Source(self.where, shown(self.text, 160), self.letter, self.depth, self.author, corrects)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part of a mail that is no text of its body."""

    name: str
    content: bytes
    where: str
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail, or a page of an archive."""

    number: int
    name: str = ""
    """For people: `mail 2`, `text`."""
    sender: str = ""
    subject: str = ""
    date: str = ""
    """ISO day; empty if it is not known."""
    moment: float = 0.0
    """Seconds since 1970 by its Date:, to put a thread in order."""
    message_id: str = ""
    """With its angle brackets."""
    answers: str = ""
    """The id of the mail that it answers."""
    recipients: str = ""
    lines: tuple[Line, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    notes: tuple[str, ...] = field(default=())
    """What could not be read of it."""

    def header(self, name: str, text: str) -> Source:
        """The place of a header."""
        return Source(f"{self.name}, {name}", shown(text, 160), self.number, 0, self.sender)


_STAMP = re.compile(r"\[?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z?\]? ?")
"""What consoles of CI systems write in front of each line."""
CHAT = re.compile(r"\[?\d\d:\d\d(?::\d\d)?\]? <[ @+]?([\w`|^-]{1,30})> ")
_SECTION = re.compile(
    r"From: (?P<lore>.{2,60}?) @ \d{4}-\d\d-\d\d .*|Comment \d+ (?P<bugzilla>.{2,60}?) \d{4}-\d\d-\d\d .*"
    r"|Description (?P<first>.{2,60}?) \d{4}-\d\d-\d\d .*|\*\*(?P<github>[\w-]{1,40})\*\* (?:commented|opened) .*"
    r"|(?P<page>[\w-]{1,40}) (?:commented|opened this issue) on [A-Z][a-z]{2} \d{1,2}, \d{4}.*"
)
"""Where another person begins to write on one page: lore's, bugzilla's, GitHub's."""
_ORIGINAL = re.compile(
    r"-{2,}\s*(?:Original Message|Forwarded message|Urspr\u00fcngliche Nachricht)\s*-{2,}", re.IGNORECASE
)


def quoted_lines(texts: Sequence[str], where: str, letter: int, sender: str, *, first: int = 1) -> Iterator[Line]:
    """Lines with the depth of their quotation, and who wrote them where an attribution says so."""
    authors = {0: sender}
    pending = ""
    outlook = False
    for number, raw in enumerate(texts, first):
        raw = _STAMP.sub("", plain(raw.replace("\xa0", " ")), count=1)
        if chat := CHAT.match(raw):
            authors = {0: chat[1]}
            raw = raw[chat.end() :]
        elif section := _SECTION.fullmatch(raw.strip()):
            authors = {0: next(filter(None, section.groups()))}
        mark = _QUOTE.match(raw)
        depth = mark[0].count(">") if mark else 0
        if mark and ">>" in mark[0] and not (authors.get(depth) or authors.get(depth - 1)):
            depth -= 2  # the robot's mark of a new error, not of a quotation
            text = f">> {raw[mark.end() :]}"
        else:
            text = raw[mark.end() :] if mark else raw.removeprefix(">")
        depth += outlook
        yield Line(text.rstrip(), f"{where}, line {number}", depth, authors.get(depth, ""), letter)
        stripped = text.strip()
        if _ORIGINAL.fullmatch(stripped):  # all below is of somebody else, without any mark
            outlook = True
            authors = {0: sender}
        elif outlook and stripped.startswith("From: ") and depth == 1:
            authors[1] = email.utils.parseaddr(stripped[6:])[0] or shown(stripped[6:], 80)
        elif _IS_ATTRIBUTION.search(stripped) and (who := attributed(f"{pending} {stripped}".strip())):
            authors = {known: name for known, name in authors.items() if known <= depth} | {depth + 1: who}
        pending = stripped if stripped.startswith("On ") and len(stripped) < 120 else ""


def attributed(text: str) -> str:
    """Who wrote what follows: `Tomasz Figa wrote:`, `On Tue, 2 Aug 2011, at 12:29, A B <a@b> wrote:`."""
    before = re.split(r"\s*\b(?:wrote|writes|schrieb|said)\b", shown(text, 400))[0]
    if match := re.search(r"([^,<>]{2,60})\s*<[^<>\s]{3,80}(?:@| at )[^<>]{1,80}>\s*$", before):
        name = match[1].strip(" \"'*")
        return re.sub(r"^.*\d{4}\s+(?:at\s+)?\d\d?:\d\d(?::\d\d)?(?:\s*[AP]M)?(?:\s+[+-]\d{4})?,?\s*", "", name)
    name = before.rpartition(",")[2].strip(" \"'*")
    name = re.sub(r"^.*\b\d\d?:\d\d(?::\d\d)?(?:\s*[AP]M)?(?:\s+[+-]\d{4})?,?\s*", "", name)
    return name if 2 <= len(name) <= 60 and not name.endswith((".", "?")) else ""
