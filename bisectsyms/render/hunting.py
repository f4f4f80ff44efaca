"""A hunt for people: the table of its cells, live while it runs and plain when it has ended."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bisectsyms.core.spots import State
from bisectsyms.core.words import count, duration, plain
from bisectsyms.model import Consistency
from bisectsyms.render.console import console as make_console
from bisectsyms.render.searching import show_found
from bisectsyms.usecases.hunted import Hunted, Line, Picture, summary

COLUMNS = ("revision", "profile", "toolchain", "-j", "variation", "kind", "failed", "verdict")
STYLE = {Consistency.BAD: "bold red", Consistency.FLAKY: "red", Consistency.GOOD: "green"}
WIDE = 240
BESIDE = 9
"""Lines of a terminal that are not rows of the table."""


def show_hunted(hunted: Hunted) -> None:
    """The table on stdout, those that fail first; then what was made of it."""
    console = make_console(soft_wrap=True)
    if not console.is_terminal:  # no line is cut for a file
        console.width = WIDE
    console.print(_table(_sorted(hunted.lines)))
    for line in lines(hunted):
        console.print(plain(line), markup=False)
    if hunted.found is not None:
        show_found(hunted.found)


def lines(hunted: Hunted) -> Iterator[str]:
    """What is below the table."""
    yield f"{summary(hunted.lines)}; {count(hunted.attempts, 'attempt')} in {duration(hunted.seconds)}"
    for spot, why in hunted.set_aside.items():
        yield f"set aside: {spot}: {why}"
    if hunted.isolated is not None:
        yield f"isolated: {hunted.isolated.why}"
        for one in hunted.isolated.differences:
            yield f"  {one}"
    worst = hunted.worst
    if hunted.stopped or not hunted.answered:
        yield f"not to the end ({hunted.stopped or 'cells were set aside'}); bisectsyms hunt --resume goes on"
    if worst is not None and hunted.found is None:
        yield f"{'or' if hunted.stopped else 'next'}: {bisect_line(worst)}"
    elif worst is not None or not hunted.answered:
        return
    elif any(line.state is State.ARTEFACT for line in hunted.lines):
        yield "next: bisectsyms clean --yes, and the same command again: stale objects may have failed"
    else:
        yield "nothing failed: what is excluded is in the table, rarer failures are not"


def bisect_line(worst: Line) -> str:
    """The command that searches in this cell."""
    words = ["--profile", worst.profile, *(["--toolchain", worst.asked] if worst.asked else [])]
    words += ["-j", str(worst.jobs), "--vary", worst.variation]
    return shlex.join(["bisectsyms", "bisect", "GOOD", worst.revision, *words])


def picture(shown: Picture, height: int) -> RenderableType:
    """The same while it runs, cut to a terminal of so many lines."""
    rows, room = _sorted(shown.lines), max(3, height - BESIDE)
    more = f"and {len(rows) - room} more; " if len(rows) > room else ""
    left = f"; about {duration(shown.left)} left" if shown.left is not None else ""
    beside = f", {count(shown.slots, 'slot')}" if shown.slots > 1 else ""
    state = f"{more}{summary(shown.lines)}; {shown.per_hour:.0f} attempts an hour{beside}{left}"
    return Group(_table(rows[:room]), Text(plain(state)), Text(plain(f"now {shown.now}"), overflow="ellipsis"))


def _table(rows: Iterable[Line]) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for column in COLUMNS:
        table.add_column(column, no_wrap=column != "verdict", overflow="fold")
    for line in rows:
        cells = (
            line.revision,
            line.profile,
            f"{line.arch}/{line.toolchain}",
            str(line.jobs),
            line.variation,
            str(line.kind) if line.rate.attempts else "",
            f"{line.rate.failed} of {line.rate.attempts}" if line.rate.attempts else "",
        )
        word = Text(plain(line.verdict), style=STYLE.get(line.consistency, ""))
        table.add_row(*(Text(plain(cell)) for cell in cells), word)
    return table


def _sorted(rows: Iterable[Line]) -> list[Line]:
    """Those that fail first, the surest of them on top; then what is open, and what is good or left."""
    order = {State.OPEN: 0, State.ARTEFACT: 1, State.SETTLED: 2, State.UNTESTABLE: 3}
    return sorted(rows, key=lambda line: (not line.failing, -line.rate.low, order[line.state]))
