"""The report as plain text of 72 columns: the body of a mail, as kernel lists take it."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP

from bisectsyms.core.report import Failure, Report, SearchState, Spot, worst_first
from bisectsyms.core.words import count, percent, visible

WIDTH = 72
MOST_SPOTS = 30
MOST_FAILURES = 3
MOST_SUBJECT = 120
INSIDE = " -- "
"""Between the sandbox and what is run in it (effects/sandbox.py)."""


def mail(report: Report) -> str:
    """A mail without sender and recipients: `bisectsyms report --format mail >report.eml`; nothing is sent.

    Attachments are not welcome on kernel lists, so there is none; a long line is a command, and is left as it is.
    """
    message = EmailMessage(policy=SMTP.clone(linesep="\n"))
    subject = one_line(f"[{report.subject}] {report.answer}")
    message["Subject"] = subject if len(subject) <= MOST_SUBJECT else f"{subject[:MOST_SUBJECT]}…"
    message.set_content("\n".join(lines(report)) + "\n", charset="utf-8", cte="8bit")
    return message.as_string()


def one_line(text: str) -> str:
    """Foreign text in which no line can begin."""
    return " ".join(visible(text).split())


def lines(report: Report) -> Iterator[str]:
    """The body."""
    yield from _wrapped(report.answer)
    yield ""
    for text in (*report.details, f"{count(report.attempts, 'attempt')}, {report.failed} failed"):
        yield from _wrapped(text, "* ")
    for text in report.running:
        yield from _wrapped(f"running: {text}", "* ")
    for text in report.notes:
        yield from _wrapped(text, "! ")
    if report.search is not None:
        yield from _search(report.search)
    names = {column.key: column.name for column in report.columns}
    if report.spots:
        yield from ("", "Every revision in every cell, the worst first:", "")
        for _, spot in worst_first(report.spots)[:MOST_SPOTS]:
            yield from _spot(spot, names)
        if len(report.spots) > MOST_SPOTS:
            yield f"  and {len(report.spots) - MOST_SPOTS} more: bisectsyms report"
    for failure in report.failures[:MOST_FAILURES]:
        yield from _failure(failure, names)
    yield ""
    if report.columns:
        yield "Built with:"
        for column in report.columns[:MOST_SPOTS]:
            yield from _wrapped(f"{column.name}: {column.compiler}; {column.linker}", "  ")
        yield ""
    when = time.strftime("%Y-%m-%d %H:%M %z", time.localtime(report.made))
    yield from _wrapped(
        f"{report.made_by}, {when}; rates are of one kind of attempt, intervals hold the rate with 95 %"
    )


def _search(search: SearchState) -> Iterator[str]:
    yield ""
    yield from _wrapped(f"{search.sentence}. {count(search.commits, 'commit')} from {search.good} to {search.bad}.")
    yield ""
    for one in search.candidates:
        tried = f"{one.failed} of {count(one.failed + one.clean, 'attempt')} failed" if one.failed + one.clean else ""
        text = f"{percent(one.probability):>7}  {one.commit[:12]} {one.title}{tried and f' ({tried})'}"
        yield from _wrapped(text, "  ")


def _spot(spot: Spot, names: dict[str, str]) -> Iterator[str]:
    kinds = ((spot.kind, spot.rate), *((one.kind, one.rate) for one in spot.others))
    made = "".join(f"; {kind}: {rate.failed} of {rate.attempts} failed" for kind, rate in kinds if rate.attempts)
    yield from _wrapped(f"{spot.revision}, {names[spot.cell]}:", "  ")
    yield from _wrapped(f"{spot.verdict}{made}", "      ")


def _failure(one: Failure, names: dict[str, str]) -> Iterator[str]:
    yield ""
    yield from _wrapped(f"Attempt {one.attempt}, {one.revision}, {names[one.cell]}, {one.kind} {one.draw}:")
    for text in (one.cause, one.symbol and f"the maps part at {one.symbol}", one.why):
        if text:
            yield from _wrapped(text, "  ")
    yield ""
    yield from (f"    {' '.join(visible(line).splitlines())}".rstrip() for line in one.tail)
    yield ""
    yield f"  again: {one.again}; its make line:"
    yield f"    {one_line(make_line(one.command))}"


def make_line(command: str) -> str:
    """What a reader elsewhere can use of a command: make and its words, without the sandbox and folders of a host."""
    return command[at + len(INSIDE) :] if (at := command.rfind(INSIDE)) >= 0 else command


def _wrapped(text: str, indent: str = "") -> list[str]:
    """Lines of a paragraph; a word that is longer than a line keeps one for itself, so that it can be copied."""
    return textwrap.wrap(
        one_line(text),
        WIDTH,
        initial_indent=indent,
        subsequent_indent=" " * len(indent),
        break_long_words=False,
        break_on_hyphens=False,
    )
