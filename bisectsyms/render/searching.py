"""The answer of a search for people: what is named, how sure, what else it could be, and what to do with it."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bisectsyms.core.words import count, duration, percent, plain
from bisectsyms.usecases.answering import Found
from bisectsyms.usecases.suspects import Suspected

MOST_SUSPECTS = 20
ENDINGS = {
    "culprit": "a commit of the range",
    "predates": "the failure was there before GOOD",
    "not-reproduced": "the failure does not show here",
}
NO_FIX = "no commit of the range fixed it: the failure is still there at GOOD"
"""What "predates" means in a search for the fix."""


def show_found(found: Found) -> None:
    """The culprit, or the other endings with their probabilities; then the way on."""
    console = Console(highlight=False, soft_wrap=True)
    if found.culprit is not None:
        commit = found.culprit
        named = f"{_called(found)}: {commit.commit} ({commit.title})"
        console.print(plain(f"{named}, {percent(found.probability)} sure"), markup=False)
        for one in found.confirmed:
            console.print(plain(f"  {one.revision.commit[:12]} {one.verdict}: {one.rationale}"), markup=False)
        if not found.terms.find_fix:
            console.print(plain(f'Fixes: {commit.commit[:12]} ("{commit.title}")'), markup=False)
    elif found.kind == "predates" and found.terms.find_fix:
        console.print(f"{NO_FIX} ({percent(found.probability)} sure): name a newer GOOD")
    elif found.kind == "predates":
        console.print(f"{ENDINGS['predates']} ({percent(found.probability)} sure): name an older GOOD")
    elif found.kind == "not-reproduced":
        console.print(
            f"{ENDINGS['not-reproduced']} ({percent(found.probability)} sure): check -j, toolchain and kconfig "
            "against the report, or give a lower --min-rate"
        )
    else:
        _undecided(console, found)
    console.print(f"{count(found.attempts, 'attempt')} in {duration(found.seconds)}")
    if found.log is not None:
        console.print(f"git bisect replay {found.log}", markup=False)


def show_suspects(suspected: Suspected) -> None:
    """One full id a line, the likeliest first, as `git log --no-walk --stdin` reads them."""
    for suspect in suspected.suspects:
        print(suspect.revision.commit)


def _called(found: Found) -> str:
    """What the commit is, in the words of the search."""
    old, new = found.terms.old, found.terms.new
    return "culprit" if (old, new) == ("good", "bad") else f"first {new} commit"


def _undecided(console: Console, found: Found) -> None:
    why = f" ({found.stopped})" if found.stopped else ""
    console.print(f"undecided{why}; the same command goes on", markup=False)
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
