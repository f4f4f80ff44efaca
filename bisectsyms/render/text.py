"""Results for people: tables and sentences on stdout, colours only on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from bisectsyms.core.people import given_words, without
from bisectsyms.core.report import cell_words
from bisectsyms.core.words import count, duration, listed, percent, plain, side_by_side
from bisectsyms.effects.gitrepo import steps_left
from bisectsyms.render.console import console as make_console
from bisectsyms.render.searching import last_lines

if TYPE_CHECKING:  # each verb loads what it needs itself
    from bisectsyms.usecases.again import Repeated
    from bisectsyms.usecases.clean import SlotSize
    from bisectsyms.usecases.demo import DemoResult
    from bisectsyms.usecases.doctor import Check
    from bisectsyms.usecases.status import CellStatus, Row, Status
    from bisectsyms.usecases.step import StepResult
    from bisectsyms.usecases.toolchains import Listed

MOST_ROWS = 200
"""Revisions that `status` shows; more is for a page or a program."""
STATE_STYLE = {"ok": "green", "missing": "bold red", "warn": "yellow", "other": "dim"}


def step_lines(result: StepResult) -> list[str]:
    """The verdict in words and numbers, and how to repeat it."""
    decision = result.decision
    word = f" (git: {result.git_word})" if result.git_word else ""
    lines = [f"{result.revision} ({result.revision.title}): {decision.verdict.name}{word}: {decision.rationale}"]
    if result.explained:
        why, next_step = result.explained
        lines += [why, f"next: {next_step}"]
    if result.candidates is not None:
        left = steps_left(result.candidates) - 1
        lines.append(
            f"error budget: {percent(result.spent)} of {percent(result.budget)} spent{given_words(result.told)}; "
            f"{count(result.candidates, 'candidate')} before this verdict, about {count(left, 'step')} to go"
        )
    if result.determinism:
        lines.append(result.determinism)
    if result.last_attempt is not None:
        lines.append(f"repeat the last attempt: bisectsyms again {result.last_attempt}")
    return lines


def show_status(report: Status) -> None:
    """Cells with their revisions, then the answer."""
    console = make_console()
    if not report.cells:
        console.print("no attempts yet; start with: git bisect run bisectsyms --profile NAME")
        return
    shown, left_out = _that_fit(report.cells)
    for cell in shown:
        console.print(_cell_table(cell))
        if set(cell.side_by_side) - {1}:
            console.print(f"side by side: {side_by_side(cell.side_by_side)}")
    if left_out:
        rows = count(sum(len(cell.rows) for cell in left_out), "revision")
        console.print(
            f"and {count(len(left_out), 'cell')} with {rows}, where the newest attempt is older: bisectsyms report, or "
            "status --json",
            soft_wrap=True,
        )
    imported = ", ".join(f"{number} made on {plain(host)}" for host, number in report.elsewhere.items())
    console.print(f"{count(report.attempts, 'attempt')} in the ledger{imported and f' ({imported})'}", markup=False)
    if any(one.no_evidence for cell in report.cells for row in cell.rows for one in row.tallies):
        console.print("+N: attempts that are no evidence, as a broken build or a killed compiler")
    if any(one.inconsistent for cell in report.cells if cell.cell.profile for row in cell.rows for one in row.tallies):
        console.print("what differs in the last failure, and by which cause: bisectsyms diagnose")
    if report.search is not None:
        for line in last_lines(report.search):
            console.print(plain(line), markup=False, soft_wrap=True)
    if report.culprit:
        which = "fixed" if report.find_fix else "bad"
        console.print(f"first {which} commit: {report.culprit[:12]} ({report.culprit_title})", markup=False)
        if report.confidence is not None:
            sure = percent(report.confidence) + (f"{given_words(report.told)}," if report.told else "")
            console.print(f"confidence: {sure} that no failing revision was taken for a good one")
    elif report.bisecting:
        console.print("git bisect is not at its end; go on: git bisect run bisectsyms --profile NAME")
    if report.culprit and report.outdated:
        names = ", ".join(commit[:12] for commit in report.outdated)
        console.print(
            f"no confidence: what is known of {names} has changed since its verdict was given; git bisect reset and "
            "start it again, every attempt is kept",
            soft_wrap=True,
        )


def _that_fit(cells: Sequence[CellStatus]) -> tuple[list[CellStatus], list[CellStatus]]:
    """The cells that are shown, and those that are not: the newest as long as their revisions are a few hundred."""
    order, rows = sorted(cells, key=lambda cell: -cell.newest), 0
    shown = set[str]()
    for cell in order:
        rows += len(cell.rows)
        if shown and rows > MOST_ROWS:
            break
        shown.add(cell.cell.key)
    return [one for one in cells if one.cell.key in shown], [one for one in cells if one.cell.key not in shown]


def _cell_table(status: CellStatus) -> Table:
    cell = status.cell
    fixups = f", {count(len(cell.fixups), 'fixup')}" if cell.fixups else ""
    # A command has no profile.
    profile = f" (profile {cell.profile}{fixups})" if cell.profile else ""
    title = Text(plain(" ".join(filter(None, cell_words(cell)[:3])) + profile))
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    table.add_column("revision", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("failed", no_wrap=True)
    table.add_column("why", overflow="fold")
    for row in status.rows:
        why = plain(row.rationale or row.told or row.revision.title)
        if row.outdated:
            why += "; out of date: --rejudge" + (f"; {row.told}" if row.told else "")
        if row.outdated or not row.verdict:
            why += without(row.excluded)
        if row.vanished:
            why += f"; not in .config: {listed(row.vanished)}"
        # Text, because a title may well look like markup.
        table.add_row(*(Text(plain(cell)) for cell in (str(row.revision), row.verdict, _tallies(row), why)))
    return table


def _tallies(row: Row) -> str:
    """`3/10 relink +1`: failed of what is evidence, per kind, and how many were none."""
    parts = [
        f"{one.inconsistent}/{one.inconsistent + one.clean} {one.kind}"
        + (f" +{one.no_evidence}" if one.no_evidence else "")
        for one in row.tallies
    ]
    if row.excluded:
        parts.append(f"{len(row.excluded)} excluded")
    return "\n".join(parts)


def show_checks(checks: Sequence[Check], install: str) -> None:
    """The doctor's findings and the one line that mends what is missing."""
    console = make_console()
    table = Table(box=None, show_header=False)
    for check in checks:
        table.add_row(Text(check.state.upper(), STATE_STYLE[check.state]), check.name, Text(plain(check.detail)))
    console.print(table)
    if install:
        console.print(f"\n{install}", markup=False, soft_wrap=True)


def show_toolchains(found: Sequence[Listed]) -> None:
    """A line per toolchain and arch; the whole version lines are in --json."""
    table = Table(box=SIMPLE_HEAD)
    for column in ("arch", "--toolchain", "compiler", "linker", "for the profiles"):
        table.add_column(column, overflow="fold")
    for number, one in enumerate(found):
        first = number == 0 or found[number - 1].arch != one.arch
        serves = ", ".join(one.profiles) if first else ""
        table.add_row(one.arch if first else "", one.name, one.trouble or one.short, one.linker_short, serves)
    console = make_console()
    if found:
        console.print(table)
    else:
        console.print("no compiler was found; bisectsyms doctor names the packages")


def show_slots(report: Sequence[SlotSize]) -> None:
    """A line for each slot: its size in MB (a million bytes), and what became of it."""
    console = make_console()
    if not report:
        console.print("no slots of this repository")
    for slot in report:
        state = "removed" if slot.removed else "in use" if slot.in_use else "kept"
        console.print(f"{slot.size / 1e6:8.1f} MB  {state:8}  {slot.path}", soft_wrap=True, markup=False)
    if any(not slot.removed and not slot.in_use for slot in report):
        console.print("remove them: bisectsyms clean --yes (the ledger stays)")


def show_repeated(repeated: Repeated) -> None:
    """Whether both attempts ended in the same way; nothing if one has not ended."""
    first, second = repeated.first.result, repeated.second.result
    if first and second:
        word = "the same" if repeated.same_outcome else "another outcome"
        make_console().print(f"attempt {repeated.first.number} was {first.outcome}, now {second.outcome}: {word}")


def show_demo(result: DemoResult) -> None:
    """The last lines of the demo: the culprit, the confidence, and whether it is right."""
    console = make_console()
    if not result.found:
        console.print("git bisect named no commit")
        return
    sure = f", confidence {percent(result.confidence)}" if result.confidence is not None else ""
    console.print(f"\nculprit: {result.found[:12]} ({result.title}){sure}", markup=False, soft_wrap=True)
    console.print(f"{count(result.attempts, 'attempt')} in {duration(result.seconds)}")
    if result.right:
        console.print("that is the commit that the demo had planted: right")
    else:
        console.print(f"the demo had planted {result.culprit[:12]}: wrong")
