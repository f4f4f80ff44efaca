"""The report as Markdown, for a bug tracker or a merge request; what it quotes is shown and never obeyed."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence

from bisectsyms.core.report import Failure, Report, SearchState, rate_text, worst_first
from bisectsyms.core.words import count, percent, visible
from bisectsyms.render.reports.plaintext import one_line

OBEYED = re.compile(r"[\\`*_\[\]#|<>~&@]|:(?=//|\w+:)|^[-+!]")
"""What some Markdown makes more of than the letter: `@` calls people, `://` makes a link, `:word:` a picture; round
brackets are nothing without square ones before them."""
MOST_SPOTS = 100
MOST_FAILURES = 10


def markdown(report: Report) -> str:
    """The whole report; long tables are cut, which is said."""
    return "\n".join(_lines(report)) + "\n"


def said(text: str) -> str:
    """Foreign text on one line, in which nothing is markup."""
    return OBEYED.sub(r"\\\g<0>", one_line(text))


def quoted(text: str) -> str:
    """Foreign text as code, with a fence longer than any run of backticks in it."""
    plain = one_line(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", plain)), default=0))
    pad = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{fence}{pad}{plain}{pad}{fence}".replace("|", r"\|") if plain else ""


def block(lines: Iterable[str]) -> Iterator[str]:
    """Foreign lines as a block that none of them can end."""
    shown = [visible(line).replace("\n", " ") for line in lines]
    longest = max((len(run) for line in shown for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    yield fence
    yield from shown
    yield fence


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def _lines(report: Report) -> Iterator[str]:
    yield f"# {said(report.answer)}"
    yield ""
    told = (*report.details, f"{count(report.attempts, 'attempt')}, {report.failed} failed")
    running, notes = (f"running: {text}" for text in report.running), (f"note: {text}" for text in report.notes)
    yield from (f"* {said(text)}" for text in (*told, *running, *notes))
    names = {column.key: column.name for column in report.columns}
    if report.search is not None:
        yield from _search(report.search)
    if report.spots:
        yield from ("", "## Every revision in every cell, the worst first", "")
        rows = (
            (said(spot.revision), said(names[spot.cell]), said(spot.word), said(spot.kind), said(rate_text(spot.rate)),
             said(spot.verdict))
            for _, spot in worst_first(report.spots)[:MOST_SPOTS]
        )  # fmt: skip
        yield from _table(("revision", "cell", "", "kind", "rate", "verdict"), rows)
        if len(report.spots) > MOST_SPOTS:
            yield from ("", f"and {len(report.spots) - MOST_SPOTS} more: `bisectsyms report --format csv`")
    if report.failures:
        yield from ("", "## Failures")
        for failure in report.failures[:MOST_FAILURES]:
            yield from _failure(failure, names)
    if report.columns:
        yield from ("", "## Built with", "")
        chains = ((said(one.name), said(one.compiler), said(one.linker)) for one in report.columns[:MOST_SPOTS])
        yield from _table(("cell", "compiler", "linker"), chains)
    when = time.strftime("%Y-%m-%d %H:%M %z", time.localtime(report.made))
    yield from ("", said(f"{report.made_by}, {when}; an interval holds the rate with 95 %"))


def _search(search: SearchState) -> Iterator[str]:
    yield from ("", "## Which commit", "")
    yield said(f"{search.sentence}. {count(search.commits, 'commit')} from {search.good} to {search.bad}.")
    yield ""
    rows = (
        (said(percent(one.probability)), one.commit[:12], said(one.title), str(one.failed), str(one.clean))
        for one in search.candidates
    )
    yield from _table(("probability", "commit", "subject", "failed", "clean"), rows)


def _failure(one: Failure, names: dict[str, str]) -> Iterator[str]:
    yield from ("", f"### Attempt {one.attempt}: {said(one.revision)}, {said(names[one.cell])}, {one.kind}", "")
    for text in (one.cause, one.why, f"{one.commit[:12]} {one.title}, {one.draw}"):
        if text:
            yield f"* {said(text)}"
    if one.symbol:
        yield f"* the two maps part at {quoted(one.symbol)}"
    yield ""
    if one.tail:
        yield from block(one.tail)
        yield ""
    yield from (f"Again: `{one.again}`, or by hand:", "")
    yield from block([one.command])
