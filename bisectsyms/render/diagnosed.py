"""A diagnosis as a page: what differs, the cause and why, what else it might be, and what to do next.

Names of symbols and lines of logs are foreign text: nothing in them reaches the terminal as more than characters.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from rich.table import Table
from rich.text import Text

from bisectsyms.core.words import count, listed, plain
from bisectsyms.kallsyms.difference import Difference, Divergence, Shift, Swap
from bisectsyms.kallsyms.evidence import Sure
from bisectsyms.kallsyms.facts import Facts
from bisectsyms.kallsyms.naming import Named, State
from bisectsyms.kallsyms.passes import part_changes
from bisectsyms.render.console import console as make_console
from bisectsyms.render.experiment import show_conducted
from bisectsyms.usecases.diagnose import Diagnosed, runnable

Row = tuple[str, str, str]
"""Label, text, style of the text."""
STYLE = {Sure.CERTAIN: "bold green", Sure.LIKELY: "bold green", Sure.POSSIBLE: "bold yellow"}
PIPE_WIDTH = 120
"""Columns where nobody's terminal says."""
MOST_NAMES = 4
MOST_ROWS = 3
"""Swaps and shifts that are told; the rest is counted."""


def show_diagnosed(answer: Diagnosed) -> None:
    """Some 20 to 40 lines, below what an experiment showed; colours at a terminal only."""
    if answer.conducted:
        show_conducted(answer.conducted)
    terminal = sys.stdout.isatty()
    console = make_console(width=None if terminal else PIPE_WIDTH)
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for label, text, style in rows(answer):
        table.add_row(Text(label), Text(_one_line(text), style=style))
    with console.capture() as page:
        console.print(table)
    for line in page.get().splitlines():
        print(line.rstrip())


def rows(answer: Diagnosed) -> Iterator[Row]:
    """The page, row by row; the label is empty where a row goes on with the one above."""
    told, facts = answer.diagnosis, answer.facts
    yield "diagnosis", answer.of, ""
    explained = told.state is State.EXPLAINED
    yield "answer", told.summary if explained else f"{told.state}: {told.summary}", "bold"
    yield "", "", ""
    yield from _difference(answer, facts.final)
    yield from _tables(facts)
    if facts.final is None or not facts.final.is_equal:
        yield from _inputs(facts)
    yield from _tried(facts)
    for one in told.named:
        yield "", "", ""
        yield from _cause(one, str(one.axis), STYLE[one.sure] if one.sure else "")
    for number, one in enumerate(told.others):
        if number == 0:
            yield "", "", ""
        yield from _other(one, "next best" if number == 0 else "")
    yield from _next(answer)


def _difference(answer: Diagnosed, difference: Difference | None) -> Iterator[Row]:
    if difference is None:
        return
    before, after = answer.maps
    yield "maps", f"{before} against {after}, {count(answer.symbols, 'symbol')}", ""
    if difference.first is None:
        return
    yield "first", _first(difference.first), ""
    if not difference.same_names:
        yield "appeared", _names(difference.appeared), ""
        yield "vanished", _names(difference.vanished), ""
    if difference.retyped:
        yield "other type", _names(difference.retyped), ""
    if difference.strayed:
        yield "went away", _names(difference.strayed), ""
    yield from _some("swapped", [_swap(one) for one in difference.swaps])
    moved = f"{difference.moved} of both maps"
    shifts = [_shift(one) for one in difference.shifts if one.delta]
    yield "moved", f"{moved}, in {count(len(shifts), 'shift')}" if shifts else moved, ""
    yield from _some("", shifts)


def _tables(facts: Facts) -> Iterator[Row]:
    for number, one in enumerate(facts.tables):
        size = f"{one.size} bytes" if one.size else "size of the object unknown"
        changes = part_changes(facts.tables[number - 1], one) if number else ()
        parts = ", ".join(f"{name.removeprefix('kallsyms_')} {room}" for name, room in one.parts)
        text = f"{one.name}: {size}" + (f"; {listed(changes)}" if changes else "")
        yield "tables" if number == 0 else "", text if number else f"{text} ({parts})", ""
    if facts.image and facts.image.table_wrong:
        wrong = listed(facts.image.table_wrong, MOST_NAMES)
        yield "wrong table", f"what {facts.image.name} holds is not true to it: {wrong}", "red"


def _inputs(facts: Facts) -> Iterator[Row]:
    if facts.moved:
        yield "inputs", listed(facts.moved, MOST_NAMES), ""
    elif facts.final is None:
        pass
    elif facts.watched:
        yield "inputs", "none changed while the link ran", ""
    else:
        yield "inputs", "nobody watched whether they changed while the link ran", ""
    if facts.unlike:
        yield "", f"unlike the last attempt that passed: {listed(facts.unlike, MOST_NAMES)}", ""
    if facts.writers:
        yield "written by", listed(facts.writers, MOST_NAMES), ""
    log = facts.log
    facts_of_it = (("made twice", log.twice), ("made during the link", log.late), ("damaged", log.damaged))
    told = [f"{what}: {listed(lines, 2)}" for what, lines in facts_of_it if lines]
    if log.shuffle:
        told.append(f"make --shuffle={log.shuffle}")
    if told:
        yield "log", "; ".join(told), ""


def _tried(facts: Facts) -> Iterator[Row]:
    lengths = [one for one in facts.tried if one.condition.startswith("length=")]
    shown = [one for one in facts.tried if one not in lengths]
    texts = [f"{one.condition} {one.failed} of {one.failed + one.clean} failed" for one in shown]
    if len(lengths) > 1:
        texts.append(f"at {sum(one.failed > 0 for one in lengths)} of {len(lengths)} lengths of the version string")
    if sum(one.failed + one.clean for one in shown) > 1:
        yield "attempts", "; ".join(texts), ""
    if facts.nature and facts.nature_why:
        yield "", f"{facts.nature}: {facts.nature_why[0]}", ""


def _cause(one: Named, label: str, style: str) -> Iterator[Row]:
    yield label, f"{one.id}: {one.title} ({one.sure})", style
    for text in one.evidence_for:
        yield "  for", text, ""
    for text in one.evidence_against:
        yield "  against", text, ""
    for bug in one.upstream[:2]:
        where = " ".join(filter(None, (bug.commit, str(bug.year) if bug.year else "", bug.url)))
        yield "  upstream", f"{where}: {bug.what}", ""
    yield "  mend", one.mend, ""


def _other(one: Named, label: str) -> Iterator[Row]:
    fits = one.evidence_for[0] if one.evidence_for else one.title
    yield label, f"{one.axis} {one.id}{f' ({one.sure})' if one.sure else ', not named'}: {fits}", ""
    if one.evidence_against:
        yield "  against", listed(one.evidence_against, 2), ""


def _next(answer: Diagnosed) -> Iterator[Row]:
    told = answer.diagnosis
    if told.experiment or answer.repeat or answer.notes:
        yield "", "", ""
    if told.experiment:
        known = answer.attempt and told.experiment in runnable()
        how = f"bisectsyms diagnose {answer.attempt} --experiment {told.experiment}" if known else ""
        yield "experiment", f"{told.experiment} would tell: {told.experiment_why}", ""
        if how:
            yield "", how, ""
    if answer.repeat:
        yield "repeat", answer.repeat, ""
    for note in answer.notes:
        yield "note", note, ""


def _first(first: Divergence) -> str:
    if first.delta is not None:
        if not first.delta:
            return f"line {first.line}: {first.before}, at the same address with another letter"
        return f"line {first.line}: {first.before} moved by {first.delta:+d} bytes"
    return f"line {first.line}: {first.before or 'the end'} before, {first.after or 'the end'} after"


def _swap(one: Swap) -> str:
    tie = "one address" if one.tied else "near"
    return f"{listed(one.before, MOST_NAMES)} -> {listed(one.after, MOST_NAMES)} ({tie} 0x{one.address:x})"


def _shift(one: Shift) -> str:
    return f"{one.delta:+d} from {one.first} on ({count(one.symbols, 'symbol')})"


def _some(label: str, texts: list[str]) -> Iterator[Row]:
    for number, text in enumerate(texts[:MOST_ROWS]):
        yield label if number == 0 else "", text, ""
    if len(texts) > MOST_ROWS:
        yield "", f"and {len(texts) - MOST_ROWS} more", ""


def _names(names: Iterable[str]) -> str:
    found = tuple(names)
    return f"{len(found)}: {listed(found, MOST_NAMES)}" if found else "none"


def _one_line(text: str) -> str:
    return " ".join(plain(text).split())
