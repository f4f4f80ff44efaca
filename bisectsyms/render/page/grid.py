"""The matrix of a report as rows and columns of a table: what there is less of goes across."""

from __future__ import annotations

from dataclasses import dataclass

from bisectsyms.core.report import Report, Spot


@dataclass(frozen=True, slots=True)
class Head:
    """Of a row or column."""

    text: str
    full: str
    """The same with nothing left out."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Squares by row; None where nothing was tried."""

    corner: str
    across: tuple[Head, ...]
    down: tuple[Head, ...]
    squares: tuple[tuple[tuple[int, Spot] | None, ...], ...]
    """(place of the spot in the report, spot)."""


def grid_of(report: Report) -> Grid:
    """Revisions and cells crossed, in the order in which they were first tried."""
    revisions: dict[tuple[str, str], Head] = {}  # fixups give a commit several trees
    for spot in report.spots:
        revisions.setdefault((spot.commit, spot.tree), Head(spot.revision, f"{spot.revision} {spot.title}"))
    cells = {column.key: Head(column.label, column.name) for column in report.columns}
    at = {((spot.commit, spot.tree), spot.cell): (number, spot) for number, spot in enumerate(report.spots)}
    if len(revisions) <= len(cells):
        squares = tuple(tuple(at.get((one, key)) for one in revisions) for key in cells)
        return Grid("cell", tuple(revisions.values()), tuple(cells.values()), squares)
    squares = tuple(tuple(at.get((one, key)) for key in cells) for one in revisions)
    return Grid("revision", tuple(cells.values()), tuple(revisions.values()), squares)
