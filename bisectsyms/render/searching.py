"""The answer of a search for people: what is named, how sure, what else it could be, and what to do with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bisectsyms.core.ladder import LOOK_FURTHER
from bisectsyms.core.searchanswer import ENDINGS, NO_FIX, answer_words
from bisectsyms.core.words import count, duration, percent, plain, side_by_side
from bisectsyms.model import Revision, Verdict
from bisectsyms.render.console import console as make_console

if TYPE_CHECKING:  # `status` shows the answer of a search, and would load all that makes one
    from bisectsyms.usecases.answering import Found
    from bisectsyms.usecases.blaming import Blame
    from bisectsyms.usecases.confirming import About, Revert
    from bisectsyms.usecases.lastsearch import LastSearch
    from bisectsyms.usecases.suspects import Suspected

MOST_SUSPECTS = 20
REVERTED = {Verdict.GOOD.name: "the failure is gone", Verdict.BAD.name: "the failure stays"}


def show_found(found: Found) -> None:
    """The culprit, or the other endings with their probabilities; then the way on."""
    console = make_console(soft_wrap=True)
    if found.culprit is not None:
        for line in culprit_lines(found, found.culprit):
            console.print(plain(line), markup=False)
    elif found.kind == "predates" and found.terms.find_fix:
        console.print(f"{NO_FIX} ({percent(found.probability)} sure): name a newer GOOD")
    elif found.kind == "predates":
        console.print(f"{ENDINGS['predates']} ({percent(found.probability)} sure): name an older GOOD")
    elif found.kind == "not-reproduced":
        console.print(f"{ENDINGS['not-reproduced']} ({percent(found.probability)} sure): {LOOK_FURTHER}")
    else:
        _undecided(console, found)
    console.print(f"{count(found.attempts, 'attempt')} in {duration(found.seconds)}")
    if set(found.side_by_side) - {1}:
        console.print(f"side by side: {side_by_side(found.side_by_side)}")
    if found.log is not None:
        console.print(f"git bisect replay {found.log}", markup=False)


def last_lines(last: LastSearch) -> Iterator[str]:
    """How the last search ended, or that it has not, and what to type to go on."""
    told, over = last.answer, f"bisectsyms bisect, {last.good} to {last.bad}"
    if told is None or not told.is_given:
        ended = "has given no answer yet" if told is None else f"ended undecided on {last.when}"
        yield f"{over}, {ended}; it goes on with: bisectsyms bisect; who is in question: bisectsyms suspects"
        return
    yield f"{over}, has answered on {last.when}: {answer_words(told, last.title)}"
    if told.commit:
        yield f"  {told.means}"
        yield from (f"  warning: {one}" for one in told.warnings)
    if last.since:
        yield f"  {last.since}: bisectsyms report tells what the answer would be now, bisectsyms bisect goes on"


def show_suspects(suspected: Suspected) -> None:
    """One full id a line, the likeliest first, as `git log --no-walk --stdin` reads them."""
    for suspect in suspected.suspects:
        print(suspect.revision.commit)


def _called(found: Found) -> str:
    """What the commit is, in the words of the search."""
    old, new = found.terms.old, found.terms.new
    return "culprit" if (old, new) == ("good", "bad") else f"first {new} commit"


def culprit_lines(found: Found, culprit: Revision) -> Iterator[str]:
    """Who is named, what was looked at once more, and what a report needs; the text in it is foreign."""
    wrong = found.about is not None and found.about.likely_wrong
    sure = "LIKELY WRONG, see below" if wrong else f"{percent(found.probability)} sure"
    yield f"{_called(found)}: {culprit.commit} ({culprit.title}), {sure}"
    yield from _proof_lines(found)
    if found.about is not None and found.about.blame is not None:
        yield from _blame_lines(found.about.blame)


def _proof_lines(found: Found) -> Iterator[str]:
    for one in found.confirmed:
        yield f"  {one.revision.commit[:12]} {one.verdict}: {one.rationale}"
    if found.about is not None:
        yield from _about_lines(found.about)


def _about_lines(about: About) -> Iterator[str]:
    if about.clean is not None:
        yield f"  {about.clean.revision.commit[:12]} from scratch {about.clean.verdict}: {about.clean.rationale}"
    if about.revert is not None:
        yield f"  reverted on top of the bad end: {_reverted(about.revert)}"
    yield f"  {about.means}"
    for warning in about.warnings:
        yield f"  warning: {warning}"
    if about.again:
        yield f"  repeat a failing attempt: {about.again}"


def _reverted(revert: Revert) -> str:
    said = REVERTED.get(revert.verdict)
    return f"{said} ({revert.rationale}); commit {revert.commit[:12]}" if said else revert.rationale


def _blame_lines(blame: Blame) -> Iterator[str]:
    if blame.fixes:
        yield blame.fixes
    if blame.contains:
        yield f"first tag that contains it: {blame.contains}"
    if blame.recipients:
        yield f"to tell, if you will: {', '.join(dict.fromkeys((blame.author, *blame.recipients)))}"


def _undecided(console: Console, found: Found) -> None:
    why = f" ({found.stopped})" if found.stopped else ""
    if found.kind == "artefact":
        text = f"an artefact of the attempt, no culprit{why}: nobody who builds from scratch has this failure"
    else:
        text = f"undecided{why}; the same command goes on"
    for line in (text, *_proof_lines(found)):
        console.print(plain(line), markup=False)
    table = Table(box=SIMPLE_HEAD)
    for column in ("probability", "commit", "title"):
        table.add_column(column, overflow="fold")
    for suspect in found.suspects[:MOST_SUSPECTS]:
        commit = suspect.revision
        table.add_row(percent(suspect.probability), commit.commit[:12], Text(plain(commit.title)))
    for kind in ("predates", "not-reproduced"):
        if found.endings[kind] > 1.0 - found.confidence:
            text = NO_FIX if found.terms.find_fix and kind == "predates" else ENDINGS[kind]
            table.add_row(percent(found.endings[kind]), "", text)
    console.print(table)
    if len(found.suspects) > MOST_SUSPECTS:
        console.print(f"and {len(found.suspects) - MOST_SUSPECTS} more: --json")
