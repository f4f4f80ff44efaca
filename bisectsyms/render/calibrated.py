"""What was measured at a revision, for people: a table of the kinds, then the choice, the class and the way on."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.table import Table

from bisectsyms.core.rated import Rate
from bisectsyms.core.words import count, duration, percent, plain
from bisectsyms.render.console import console as make_console
from bisectsyms.usecases.calibrate import Calibrated


def show_calibrated(calibrated: Calibrated) -> None:
    """The answer on stdout."""
    console = make_console(soft_wrap=True)
    revision = calibrated.revision
    where = f"{calibrated.cell} -j{calibrated.jobs} {calibrated.variation} (profile {calibrated.profile})"
    console.print(plain(f"{revision} ({revision.title}), {where}"), markup=False)
    table = Table(box=SIMPLE_HEAD)
    for column in ("kind", "failed", "rate", "per attempt", "failures per hour"):
        table.add_column(column, no_wrap=True)
    for one in calibrated.kinds:
        table.add_row(
            str(one.kind),
            f"{one.seen.failed} of {one.seen.attempts}" if one.seen.attempts else "not tried",
            rate_text(one.seen) if one.seen.attempts else "",
            duration(one.seconds) if one.seconds is not None else "",
            f"{one.per_hour:.{0 if one.per_hour >= 10 else 2}f}" if one.per_hour else "",
        )
    console.print(table)
    for line in lines(calibrated):
        console.print(plain(line), markup=False)


def lines(calibrated: Calibrated) -> Iterator[str]:
    """What is below the table."""
    if calibrated.stopped:
        yield f"not measured to the end ({calibrated.stopped})"
    if calibrated.chosen is None:
        yield calibrated.why
    else:
        yield f"kind: {calibrated.chosen} ({calibrated.why})"
        yield from _estimates(calibrated)
        yield f"class: {calibrated.nature}"
        for seen in (*calibrated.experiments, calibrated.circumstances):
            if seen:
                yield f"  {seen}"
    yield f"{count(calibrated.attempts, 'attempt')} made now; next: {calibrated.next_step}"


def _estimates(calibrated: Calibrated) -> Iterator[str]:
    selected, fresh = calibrated.selected, calibrated.fresh
    if selected is not None:
        yield f"  when it was chosen: {selected.failed} of {selected.attempts} failed, {rate_text(selected)}"
    if fresh is not None:
        yield f"  on fresh attempts since: {fresh.failed} of {fresh.attempts} failed, {rate_text(fresh)}"


def rate_text(rate: Rate) -> str:
    """`12 % (4 % to 25 %)`, or what is excluded where nothing failed."""
    if not rate.failed:
        return f"under {percent(rate.high)}"
    return f"{percent(rate.rate)} ({percent(rate.low)} to {percent(rate.high)})"
