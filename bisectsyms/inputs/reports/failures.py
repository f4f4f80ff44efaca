"""The line with which the build failed: ours first, else the first error that a log in the report shows."""

from __future__ import annotations

import re

from bisectsyms.core.errorlines import NEEDLES, error_line
from bisectsyms.core.findings import Source
from bisectsyms.core.reportfields import Confidence
from bisectsyms.inputs.reports.gather import Gathered
from bisectsyms.inputs.reports.letter import Letter

OURS = re.compile(r"Inconsistent kallsyms data(?:, try setting CONFIG_KALLSYMS_EXTRA_PASS)?", re.IGNORECASE)
OTHERS = re.compile(
    r"kallsyms failure: .*|Symbol .* too long for kallsyms.*|Failed to (?:generate BTF|sort kernel tables).*"
)
_MARK = re.compile(r"^(?:\s*>>\s?|\s+(?:> )?|\| |\d{4}-\d\d-\d\dT\S+ |\[\s*[\d.]+s?\] )+")
"""What consoles, robots and builders of packages (Nix, bitbake, the Open Build Service) write in front of a line."""
_NEEDLES = tuple(needle.decode() for needle in NEEDLES)
MOST_LINES = 200_000


def read_failures(letter: Letter, into: Gathered) -> None:
    """The failure that the letter is about, from its log, its text or its subject.

    A line of a log wins over a sentence: people mention ours beside another one.
    """
    mentioned: list[tuple[str, Source]] = []
    marked = other = None
    ours = False
    for line in letter.lines[:MOST_LINES]:
        text = _MARK.sub("", line.text)
        if match := OURS.search(text):
            if OURS.fullmatch(text.rstrip(".")):
                ours = True
                into.add("message", match[0], Confidence.STATED, line.source())
            elif line.text[:1] not in "+-":  # no line of a patch
                mentioned.append((match[0], line.source()))
        elif OTHERS.match(text):
            other = other or (text, line.source())
        elif line.text.startswith(">> "):
            marked = marked or (text, line.source())
        elif other is None and any(needle in text for needle in _NEEDLES) and not text.startswith("make"):
            other = (text, line.source()) if error_line(text) else None
    if (found := marked or other) and not ours:
        into.add("message", found[0].strip(), Confidence.DERIVED, found[1], "the first error that is shown")
    if match := OURS.search(letter.subject):
        mentioned.append((match[0], letter.header("Subject", letter.subject)))
    for value, source in mentioned:
        into.add("message", value, Confidence.GUESSED if found else Confidence.DERIVED, source)
