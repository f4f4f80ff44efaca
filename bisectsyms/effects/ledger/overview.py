"""What is known of all revisions in all cells: one pass for each question, however many there are.

A night's hunt has thousands of spots and a hundred thousand attempts. Asked spot by spot the ledger would be read once
for each cell, and every attempt be made an object only to be counted.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from bisectsyms.effects.ledger import rows
from bisectsyms.effects.ledger.file import explained
from bisectsyms.model import Exclusion, Kind, Outcome, Revision, Told, Word

Place = tuple[str, str]
"""(cell key, tree id)."""
COUNTED = """
    select cell, tree, kind, outcome, slots_in_use, number in (select attempt from excluded) as out, count(*) as made,
           max(ended) as last, max(case when vanished is not null then number end) as looked
    from attempts not indexed where ended is not null group by cell, tree, kind, outcome, slots_in_use, out
"""
"""All of the table is read, and in its order that takes half as long as in that of an index."""
TRIED = """
    select cell, revision, tree, title, name, number from attempts
    join (select max(number) as newest, min(number) as oldest from attempts group by cell, revision) on number = newest
    order by oldest
"""
VANISHED = """
    select cell, tree, vanished, max(number) as number
    from attempts not indexed where vanished != '[]' group by cell, tree
"""
"""Where some option has: most attempts have the empty list."""


@dataclass(frozen=True, slots=True)
class Overview:
    """The ledger in numbers; what has no entry was not seen."""

    revisions: dict[str, list[Revision]] = field(default_factory=dict)
    """By cell, in the order they were first tried, as last named."""
    newest: dict[str, int] = field(default_factory=dict)
    """Number of the newest attempt of each cell."""
    tallies: dict[Place, Counter[tuple[Kind, Outcome]]] = field(default_factory=dict)
    """Attempts that have ended and count."""
    side_by_side: dict[str, dict[int, int]] = field(default_factory=dict)
    """By cell: attempts that are evidence, by the number of slots that were in use; the most first."""
    failed: dict[Place, float] = field(default_factory=dict)
    """When the newest attempt that failed and counts has ended."""
    excluded: dict[Place, list[Exclusion]] = field(default_factory=dict)
    """Attempts that somebody has taken out of the evidence, in order of number."""
    told: dict[str, list[Told]] = field(default_factory=dict)
    """By cell: the newest word about every tree, without those that were taken back."""
    revised: dict[Place, float] = field(default_factory=dict)
    """When people or an import last changed what is known."""
    vanished: dict[Place, tuple[str, ...]] = field(default_factory=dict)
    """Options asked for by name that the newest attempt did not find in .config, CONFIG_X."""


class Overviews:
    """The part of `Queries` that looks at everything at once; needs an open connection to the file at `path`."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db = db
        self._path = path

    def _select(self, query: str, *values: object) -> list[sqlite3.Row]:
        with explained(self._path):
            return self._db.execute(query, values).fetchall()

    def overview(self) -> Overview:
        """Everything; of a hundred thousand attempts in well under a second."""
        found = Overview()
        for row in self._select(TRIED):
            found.revisions.setdefault(row["cell"], []).append(rows.to_revision(row))
            found.newest[row["cell"]] = max(row["number"], found.newest.get(row["cell"], 0))
        beside: dict[str, Counter[int]] = {}
        looked: dict[Place, int] = {}
        for row in self._select(COUNTED):
            outcome, place = Outcome(row["outcome"]), (row["cell"], row["tree"])
            looked[place] = max(row["looked"] or 0, looked.get(place, 0))
            if row["out"]:
                continue
            tally = found.tallies.setdefault(place, Counter())
            tally[Kind(row["kind"]), outcome] += row["made"]
            if outcome.is_failure:
                found.failed[place] = max(float(row["last"]), found.failed.get(place, 0.0))
            if outcome.is_evidence:
                beside.setdefault(row["cell"], Counter())[row["slots_in_use"]] += row["made"]
        found.side_by_side.update({cell: dict(counts.most_common()) for cell, counts in beside.items()})
        for row in self._select(
            "select excluded.*, cell, tree from excluded join attempts on attempt = number order by 1"
        ):
            found.excluded.setdefault((row["cell"], row["tree"]), []).append(rows.to_exclusion(row))
        for row in self._select("select *, max(said) from told group by cell, tree order by said"):
            if (told := rows.to_told(row)).word is not Word.NOTHING:
                found.told.setdefault(told.cell, []).append(told)
        for row in self._select("select cell, tree, at from revised"):
            found.revised[row["cell"], row["tree"]] = float(row["at"])
        for row in self._select(VANISHED):
            if looked.get(place := (row["cell"], row["tree"])) == row["number"]:
                found.vanished[place] = tuple(json.loads(row["vanished"]))
        return found
