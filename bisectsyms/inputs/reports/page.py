"""The text of an archive's page, a pasted log, three lines of a colleague: letters without headers of a mail.

What pages of archives write above a mail is looked for in the first lines only: pipermail's `NAME user at host` and
date, lore's and marc's From:, Date:, Subject: and Message-ID:.
"""

from __future__ import annotations

import email.utils
import re
from datetime import date

from bisectsyms.core.reportfields import shown
from bisectsyms.inputs.reports.letter import CHAT, Letter, quoted_lines
from bisectsyms.inputs.reports.mail import LONGEST_LINE, message_id_in, without_tags
from bisectsyms.inputs.reports.stream import Kept

HEAD_LINES = 40
_PERSON = re.compile(r"([^\d<>@:]{2,60}?)\s+([\w.+-]+ at [\w.-]+\.\w+)")
_DAY = re.compile(
    r"(?:\w{3}),? (?:(\w{3}) +(\d\d?)|(\d\d?) (\w{3})),?(?: \d\d:\d\d(?::\d\d)?(?: [A-Z]{2,5}| [+-]\d{4})?)? (\d{4})"
)
_LABEL = re.compile(r"(From|Date|Subject|Message-ID|To|Cc|List):\s+(\S.*)", re.IGNORECASE)
_NAVIGATION = re.compile(
    r"\s*\*?\s*(?:Next|Previous) (?:message|in thread|by date)|\s*\*?\s*(?:In reply to|Maybe reply|Reply):", re.I
)
"""Titles of other mails, on hypermail's and pipermail's pages."""
_BY = re.compile(
    r"Reported:\s+.*? by (.{2,60})|(?:\*\*)?([\w-]{1,40})(?:\*\*)? (?:opened this issue|commented on [A-Z]\w\w \d)\b.*"
    r"|(?:Posted|Pasted|Opened) by ([^,]{2,60}?)(?:,| on ).*"
)
_AMERICAN = re.compile(r"\b([A-Z][a-z]{2})[a-z]* (\d\d?),? (\d{4})\b")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MARKUP = re.compile(r"<(?:html|body|pre|!doctype)\b", re.IGNORECASE)


def read_page(kept: Kept, number: int) -> Letter:
    """The text as one letter; what it does not say stays empty."""
    text = kept.content.decode("utf-8", errors="replace").replace("\r\n", "\n")
    if _MARKUP.search(text[:2000]):
        text = without_tags(text)
    lines = ["" if _NAVIGATION.match(line) else line[:LONGEST_LINE] for line in text.split("\n")]
    found: dict[str, str] = {}
    person = 0
    for index, line in enumerate(lines[:HEAD_LINES]):
        stripped = line.strip()
        if stripped.startswith((">", "diff ", "make")):
            break
        if match := _LABEL.match(stripped):
            found.setdefault(match[1].lower(), match[2])
        elif (match := _PERSON.fullmatch(stripped)) and "from" not in found:
            found["from"] = f"{match[1]} <{match[2].replace(' at ', '@')}>"
            person = index
        elif (match := _BY.fullmatch(stripped)) and "from" not in found:
            found["from"] = next(filter(None, match.groups()))
        elif (match := CHAT.match(stripped)) and "from" not in found:
            found["from"] = match[1]
        if "date" not in found and (day := _iso(stripped)):
            found["date"] = day
    if person and "subject" not in found:  # pipermail: the title stands above the person
        found["subject"] = next((line for line in reversed(lines[:person]) if line.strip()), "")
    place = f"mail {number + 1}" if number else "text"
    sender = shown(found.get("from", ""))
    name = email.utils.parseaddr(sender)[0] or sender
    return Letter(
        number,
        name=place,
        sender=sender,
        subject=shown(found.get("subject", "")),
        date=_iso(found.get("date", "")),
        message_id=message_id_in(f"<{found.get('message-id', '').strip('<> ')}>"),
        recipients=" ".join([found.get("to", ""), found.get("cc", ""), found.get("list", ""), *_footer(lines)]),
        lines=tuple(quoted_lines(lines, place, number, name)),
        notes=("part of it is left out: it is too long",) if kept.cut else (),
    )


def _iso(text: str) -> str:
    """The day that a line of a page's head names, in ISO form."""
    if match := re.search(r"\b(\d{4})-(\d\d)-(\d\d)(?![\d-])", text):
        year, month, day = match.groups()
    elif (match := _DAY.search(text)) or (match := _AMERICAN.search(text)):
        words = [one for one in match.groups() if one]
        name, day = sorted(words[:2], key=str.isdigit)
        year, month = words[2], str(_MONTHS.index(name.lower()) + 1) if name.lower() in _MONTHS else "0"
    else:
        return ""
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return ""


def _footer(lines: list[str]) -> list[str]:
    """The name of the list, as pipermail writes it below."""
    tail = " ".join(lines[-6:])
    return re.findall(r"More information about the ([\w-]+) mailing list", tail)
