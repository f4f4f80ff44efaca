"""How trying a report ended, for people."""

from __future__ import annotations

from collections.abc import Iterator

from bisectsyms.core.words import count
from bisectsyms.render.calibrated import lines as calibrated_lines
from bisectsyms.render.calibrated import rate_text
from bisectsyms.render.console import echo
from bisectsyms.usecases.trying import Ending, Tried


def show_tried(tried: Tried) -> None:
    """The answer on stdout."""
    for line in lines(tried):
        echo(line)


def lines(tried: Tried) -> Iterator[str]:
    """How it ended first, then by what, and the way on."""
    yield f"{tried.ending}: {tried.revision} ({tried.revision.title}), profile {tried.profile}"
    yield f"  revision {tried.located_by}" + ("" if tried.commit_is_sure else " (A GUESS)")
    for note in tried.notes:
        yield f"  {note}"
    for one in tried.rounds:
        rates = [
            f"{kind.seen.failed} of {kind.seen.attempts} {kind.kind} ({rate_text(kind.seen)})"
            for kind in one.kinds
            if kind.seen.attempts
        ]
        yield f"  {one.cell} -j{one.jobs} {one.variation}: {', '.join(rates) or 'no attempt that says anything'}"
    if tried.ending is Ending.REPRODUCED:
        yield from (f"  {line}" for line in list(calibrated_lines(tried.rounds[-1]))[:-1])
        yield f"  an attempt that failed: bisectsyms again {tried.failing}"
    else:
        yield f"  {tried.why}"
    for never in tried.excluded:
        few = f"fewer than 1 in {never.one_in} {never.kind} attempts fail here, with 95 %"
        yield f"  a race: {few} ({never.attempts}, all clean)"
    if tried.excluded and tried.layouts:
        yield f"  a layout: {count(tried.layouts, 'layout')} were seen, and another one may still fail"
    yield f"{count(tried.attempts, 'attempt')} made now; next: {tried.next_step}"
