"""How an experiment ended, for people: a table of the arms, then what it means in one sentence with its p value."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.table import Table

from bisectsyms.core.words import count, plain
from bisectsyms.render.calibrated import rate_text
from bisectsyms.render.console import console as make_console
from bisectsyms.usecases.experiment import Conducted


def show_conducted(conducted: Conducted) -> None:
    """The answer on stdout."""
    console = make_console(soft_wrap=True)
    revision = conducted.revision
    where = f"{conducted.cell}, {conducted.kind}, after attempt {conducted.failure}"
    console.print(plain(f"{conducted.question} {revision} ({revision.title}), {where}"), markup=False)
    table = Table(box=SIMPLE_HEAD)
    for column in ("arm", "failed", "rate", "from before"):
        table.add_column(column, no_wrap=True)
    for arm in conducted.arms:
        failed = f"{arm.failed} of {arm.failed + arm.clean}"
        table.add_row(*map(plain, (arm.name, failed, rate_text(arm.seen), str(arm.before))))
    if conducted.arms:
        console.print(table)
    for line in lines(conducted):
        console.print(plain(line), markup=False)


def lines(conducted: Conducted) -> Iterator[str]:
    """What is below the table."""
    yield from (f"{arm.name}: {arm.how}" for arm in conducted.arms)
    p = f"; p = {conducted.p:.2g}, Fisher's exact test" if conducted.p is not None else ""
    yield f"{conducted.turn}: {conducted.why}{p}"
    if conducted.answered:
        yield f"that is: {conducted.meaning}"
        if conducted.speaks_for:
            yield f"  for: {', '.join(conducted.speaks_for)}"
        if conducted.speaks_against:
            yield f"  against: {', '.join(conducted.speaks_against)}"
    yield f"{count(conducted.attempts, 'attempt')} made now; next: {conducted.next_step}"
