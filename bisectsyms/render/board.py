"""The table of a hunt as it stands, at a terminal of any size: nothing in it is cut off unseen, and it is calm.

What fails and how often is never cut. Where there is no room, columns go that tell no row from another, then long names
end in an ellipsis; rows that have no room are counted. It measures when it is drawn, so it fits after a resize at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from bisectsyms.core.spots import State
from bisectsyms.core.words import count, duration, percent, plain
from bisectsyms.model import Consistency
from bisectsyms.usecases.hunted import Line, Picture, summary

COLUMNS: dict[str, Callable[[Line], str]] = {
    "revision": lambda line: line.revision,
    "profile": lambda line: line.profile,
    "toolchain": lambda line: f"{line.arch}/{line.toolchain}",
    "-j": lambda line: str(line.jobs),
    "variation": lambda line: line.variation,
    "kind": lambda line: str(line.kind) if line.rate.attempts else "",
    "failed": lambda line: f"{line.rate.failed} of {line.rate.attempts}" if line.rate.attempts else "",
}
NAMES = ("revision", "profile", "toolchain", "variation")
"""May end in an ellipsis."""
STYLE = {Consistency.BAD: "bold red", Consistency.FLAKY: "red", Consistency.GOOD: "green"}
GAP = 2
SHORTEST = 6
BELOW = 4
"""Lines that are not rows: head, a blank, how it stands, what comes next."""


@dataclass(frozen=True, slots=True)
class Board:
    """A picture of a hunt that fits where it is drawn."""

    shown: Picture

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        rows = in_order(self.shown.lines, calm=True)
        room = max(1, (options.height or console.height) - BELOW)
        table, alike = fitted(rows[:room], brief, options.max_width, among=rows, wrap=False)
        yield table
        yield Text()
        for line in (self._standing(len(rows) - room, alike), f"now {self.shown.now}"):
            yield Text(plain(line), no_wrap=True, overflow="ellipsis")

    def _standing(self, more: int, alike: str) -> str:
        """The least important last, where it may be cut."""
        one = self.shown
        left = f"about {duration(one.left)} left" if one.left is not None else ""
        beside = count(one.slots, "slot") if one.slots > 1 else ""
        words = [f"{more} more rows" if more > 0 else "", summary(one.lines), left, alike]
        return "; ".join(filter(None, [*words, f"{one.per_hour:.0f} attempts an hour", beside]))


def fitted(
    rows: Sequence[Line], word: Callable[[Line], str], width: int, among: Sequence[Line] = (), *, wrap: bool = True
) -> tuple[Table, str]:
    """The table of `rows`, no wider than `width`, and what was left out because it is alike in all that are `among`.

    With `wrap` a long verdict goes on in the next line; else a row is a line.
    """
    words = [plain(word(line)) for line in rows]
    last = max([len("verdict"), *map(cell_len, words)])
    cells = {name: [plain(of(line)) for line in rows] for name, of in COLUMNS.items()}
    alike = list[str]()
    for name in [*_constant(among or rows), *_needless(among or rows)]:
        if _width(cells, last) > width and cells.pop(name, None) is not None and name in _constant(among or rows):
            alike += filter(None, [COLUMNS[name](rows[0])]) if rows else []
    room = width - last - GAP * len(cells)
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
    for name, wide in _widths(cells, room).items():
        table.add_column(
            name, width=wide, no_wrap=True, overflow="ellipsis", justify="right" if name == "-j" else "left"
        )
    least = min(last, max(SHORTEST, width // 3))
    table.add_column("verdict", no_wrap=not wrap, overflow="fold" if wrap else "ellipsis", min_width=least)
    for number, line in enumerate(rows):
        style = STYLE.get(line.consistency, "red" if line.failing else "")
        table.add_row(*(Text(column[number]) for column in cells.values()), Text(words[number], style=style))
    return table, f"all {' '.join(alike)}" if alike else ""


def brief(line: Line) -> str:
    """The verdict in few words: it has to stay in view where there is no room."""
    rate = line.rate
    if line.state in (State.UNTESTABLE, State.ARTEFACT):
        return str(line.state)
    if line.consistency is Consistency.GOOD:
        return f"good, below {percent(rate.high)}"
    if line.consistency is Consistency.BAD:
        return f"bad, above {percent(rate.low)}"
    if rate.failed:
        word = "flaky" if line.consistency is Consistency.FLAKY else "fails"
        return f"{word} {percent(rate.rate)} ({percent(rate.low)} to {percent(rate.high)})"
    if line.failing:
        return "fails, by which kind?"
    return f"open, below {percent(rate.high)}" if rate.attempts else ""


def in_order(rows: Iterable[Line], *, calm: bool = False) -> list[Line]:
    """Those that fail first, the surest of them on top; then what is open, and what is good or left.

    `calm` for a table that is looked at: a row moves up when its rate has grown by a tenth, not with every attempt.
    """
    order = {State.OPEN: 0, State.ARTEFACT: 1, State.SETTLED: 2, State.UNTESTABLE: 3}
    digits = 1 if calm else 9
    return sorted(rows, key=lambda line: (not line.failing, -round(line.rate.low, digits), order[line.state]))


def _constant(rows: Sequence[Line]) -> list[str]:
    """Columns but the counts that say the same in every row, the least missed first."""
    names = ("kind", "profile", "variation", "toolchain", "-j", "revision")
    return [name for name in names if len({COLUMNS[name](line) for line in rows} - {""}) == 1]


def _needless(rows: Sequence[Line]) -> list[str]:
    """The profile, where every row can be told from every other without it."""
    keys = [tuple(COLUMNS[name](line) for name in ("revision", "toolchain", "-j", "variation")) for line in rows]
    return ["profile"] if len(set(keys)) == len(keys) else []


def _width(cells: dict[str, list[str]], last: int) -> int:
    return sum(_widest(name, column) + GAP for name, column in cells.items()) + last


def _widest(name: str, column: Iterable[str]) -> int:
    return max([cell_len(name), *map(cell_len, column)])


def _widths(cells: dict[str, list[str]], room: int) -> dict[str, int]:
    """What each column gets of the room: names give way, the longest first."""
    widths = {name: _widest(name, column) for name, column in cells.items()}
    while sum(widths.values()) > room:
        longest = max((name for name in widths if name in NAMES), key=lambda name: widths[name], default="")
        if not longest or widths[longest] <= SHORTEST:
            break
        widths[longest] -= 1
    return widths
