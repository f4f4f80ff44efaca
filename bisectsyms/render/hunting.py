"""A hunt that has ended, for people: the table of its cells, and what was made of it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from bisectsyms.core.spots import State
from bisectsyms.core.words import count, duration, plain
from bisectsyms.render.board import fitted, in_order
from bisectsyms.render.console import console as make_console
from bisectsyms.render.searching import show_found
from bisectsyms.usecases.hunted import Hunted, Line, summary

WIDE = 240


def show_hunted(hunted: Hunted) -> None:
    """The table on stdout, those that fail first; then what was made of it."""
    console = make_console(soft_wrap=True)
    if not console.is_terminal:  # no line is cut for a file
        console.width = WIDE
    table, alike = fitted(in_order(hunted.lines), lambda line: line.verdict, console.width)
    console.print(table)
    console.print(plain(alike), markup=False)
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
