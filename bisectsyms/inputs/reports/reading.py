"""A report from its bytes to what is understood of it, each value with its place and how sure it is."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bisectsyms.core.findings import Finding, Source, Understood, weigh
from bisectsyms.core.makeline import Refused
from bisectsyms.core.reportfields import Confidence
from bisectsyms.inputs.reportknowledge import ReportKnowledge
from bisectsyms.inputs.reports.attached import AttachedConfig, read_attachments
from bisectsyms.inputs.reports.builds import read_builds
from bisectsyms.inputs.reports.commands import read_commands
from bisectsyms.inputs.reports.failures import read_failures
from bisectsyms.inputs.reports.gather import Address, Gathered
from bisectsyms.inputs.reports.labels import read_labels
from bisectsyms.inputs.reports.letter import Letter
from bisectsyms.inputs.reports.mail import is_mail, read_mail
from bisectsyms.inputs.reports.origin import NO_ORIGIN, Origin, origin_of
from bisectsyms.inputs.reports.page import read_page
from bisectsyms.inputs.reports.prose import read_prose
from bisectsyms.inputs.reports.stream import Kept, read_mails

MOST_MAILS = 200
"""Of a thread; later ones are not read, and that is said."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TREE_FOR = re.compile(rf"linux-next: Tree for ({'|'.join(_MONTHS)})\w* (\d\d?)\b")
_PATCH = re.compile(r"Re: \[[^\]]*PATCH[^\]]*\] (\S.*)")
_TROUBLE = re.compile(r"\b(?:fail|reproduce|issue|bug|problem|stop|break|broke|error|inconsistent)\w*", re.IGNORECASE)
READERS = (read_labels, read_commands, read_builds, read_failures, read_prose)


@dataclass(frozen=True, slots=True)
class Report:
    """What is understood of a report."""

    name: str
    """Of its file."""
    fields: dict[str, Understood]
    variables: tuple[tuple[str, str, Source], ...] = ()
    """Make variables that passed."""
    kconfig_lines: tuple[tuple[str, Source], ...] = ()
    kconfig: AttachedConfig | None = None
    refused: tuple[tuple[Refused, Source], ...] = ()
    addresses: tuple[Address, ...] = ()
    notes: tuple[str, ...] = ()
    origin: Origin = NO_ORIGIN
    """For an answer to it."""


def read_report(source: io.BufferedReader, name: str, knowledge: ReportKnowledge) -> Report:
    """Read a mail, an mbox (both also gzip'd), or the text of a page.

    Raises:
        UserError: it is empty or cannot be read.
    """
    kept = read_mails(source, name)
    notes = [f"it has {len(kept)} mails; the first {MOST_MAILS} are read"] if len(kept) > MOST_MAILS else []
    letters = _in_order([letter for index, one in enumerate(kept[:MOST_MAILS]) for letter in _letters(one, index)])
    into = Gathered(knowledge)
    config: AttachedConfig | None = None
    known: set[str] = set()
    for letter in letters:
        own = _without_repeated(letter, known)
        attached, texts = read_attachments(letter, into)
        config = config or attached
        for reader in READERS:
            reader(own, into)
        with into.guessing():  # a log that is attached may be one that passed
            for reader in READERS:
                reader(texts, into)
        notes += [f"{letter.name}: {note}" for note in letter.notes]
    reporter = _envelope(letters, into)
    fields = weigh(into.findings, reporter)
    return Report(
        name,
        fields,
        tuple((variable, *place) for variable, place in into.variables.items()),
        tuple(into.kconfig_lines.items()),
        config,
        tuple(into.refused.items()),
        tuple(into.addresses),
        tuple(notes),
        origin_of(letters, (one.finding.source for one in fields.values())),
    )


def _in_order(letters: Sequence[Letter]) -> list[Letter]:
    """Oldest first where every mail says when it was written; places keep the numbers of the file."""
    return sorted(letters, key=lambda one: one.moment) if all(one.moment for one in letters) else list(letters)


def _without_repeated(letter: Letter, known: set[str]) -> Letter:
    """The letter without quoted lines that an earlier one of the thread has: they are no second source."""
    lines = tuple(line for line in letter.lines if not (line.depth and line.text.strip() in known))
    known |= {line.text.strip() for line in letter.lines}
    return replace(letter, lines=lines)


def _letters(kept: Kept, index: int) -> list[Letter]:
    return read_mail(kept, index) if is_mail(kept.content) else [read_page(kept, index)]


def _envelope(letters: Sequence[Letter], into: Gathered) -> str:
    """What the headers say: who reported it, when, under which id, on a list of which arch; the reporter's name."""
    first = letters[0]
    reporter, quoted = _reporter(first, into)
    of_a_patch = first.subject.startswith("[PATCH") and any(line.text.startswith("diff --git") for line in first.lines)
    sure = Confidence.GUESSED if of_a_patch else Confidence.STATED
    if first.date:
        into.add("date", first.date, sure, first.header("Date", first.date))
    if quoted and first.answers:
        into.add(
            "link", first.answers, Confidence.DERIVED, first.header("In-Reply-To", first.answers), "what is quoted"
        )
    if first.message_id:
        into.add(
            "link",
            first.message_id,
            min(sure, Confidence.DERIVED) if quoted else sure,
            first.header("Message-ID", first.message_id),
        )
    if not quoted and first.sender:
        into.add("reporter", first.sender, sure, first.header("From", first.sender))
    for name, arch in into.knowledge.names.lists.items():
        if name in first.recipients:
            into.add("arch", arch, Confidence.GUESSED, first.header("To", name), f"it went to the list {name}")
            break
    subject = first.header("Subject", first.subject)
    if (match := _TREE_FOR.search(first.subject)) and first.date:
        month = _MONTHS.index(match[1]) + 1
        of_that_day = f"next-{first.date[:4]}{month:02d}{int(match[2]):02d}"
        into.add("describe", of_that_day, Confidence.DERIVED, subject, "its tag")
    if (match := _PATCH.match(first.subject)) and any("[auto build test" in line.text for line in first.lines):
        into.add("subject", match[1], Confidence.DERIVED, subject, "the patch that the robot built")
    if "syzbot" in first.sender.casefold() and not any(one.field == "arch" for one in into.findings):
        into.add(
            "arch",
            "x86_64",
            Confidence.GUESSED,
            first.header("From", first.sender),
            "what syzbot builds if it says nothing",
        )
    return reporter


def _reporter(first: Letter, into: Gathered) -> tuple[str, bool]:
    """Who wrote of the failure, and whether that is somebody quoted: a first mail can be the answer to it."""
    build = ("fresh_tree", "jobs", "defconfig", "commit", "toolchain")
    shows = [one for one in into.findings if one.source.letter == first.number and one.source.author]
    told = [one for one in shows if one.source.quoted and one.field in build]
    new = [one for one in shows if not one.source.quoted and one.field in build]
    trouble = any(line.depth and _TROUBLE.search(line.text) for line in first.lines)
    if told and not new and trouble:
        author = told[0].source.author
        note = "quoted by " + first.sender if first.sender else "quoted"
        into.findings.append(Finding("reporter", author, Confidence.DERIVED, told[0].source, note))
        return author, True
    return first.sender, False
