"""The ledger at one moment, for who only looks: nothing is written, and nobody who writes has to wait.

All questions are answered from one snapshot, so that what a report says fits together while attempts go on. Where the
journal is of the older kind, on a network file system, a reader would hold up who writes, so there each stands alone.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from bisectsyms.effects.ledger import migrating, rows, schema
from bisectsyms.effects.ledger.file import NAME, explained
from bisectsyms.effects.ledger.queries import Queries
from bisectsyms.errors import UserError
from bisectsyms.model import Attempt, Outcome, Revision


@dataclass(frozen=True, slots=True)
class Tried:
    """A revision in a cell, as the ledger has it."""

    revision: Revision
    cell: str
    last: float
    """When its newest attempt began, seconds since the epoch."""


class Reading(Queries):
    """Open with `Reading.open`, use with `with`. Every method may raise as those of `Ledger`."""

    @classmethod
    def open(cls, state_dir: Path) -> Reading:
        """Begin to read the ledger in `state_dir`.

        Raises:
            UserError: there is none, it is damaged, of another program or of another version.
            InfraError: it cannot be read.
        """
        path = state_dir / NAME
        if not path.exists():
            raise UserError(
                "there is no attempt in this repository yet", next_step="bisectsyms step REV --profile NAME makes some"
            )
        with explained(path):
            db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30.0, isolation_level=None)
            try:
                db.row_factory = sqlite3.Row
                migrating.distrust(db)
                migrating.check(db, str(path))
                if db.execute("pragma user_version").fetchone()[0] != len(schema.MIGRATIONS):
                    raise UserError(
                        f"{path} was written by an older bisectsyms", next_step="bisectsyms status brings it up"
                    )
                if db.execute("pragma journal_mode").fetchone()[0] == "wal":
                    db.execute("begin")
            except BaseException:
                db.close()
                raise
        return cls(db, path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def tried(self, since: float = 0.0) -> list[Tried]:
        """Every revision in every cell where an attempt began since then, in the order they were first tried."""
        found = self._select(
            "select revision, tree, title, name, cell, last from attempts join ("
            "select max(number) as newest, min(number) as oldest, max(begun) as last from attempts group by tree, cell"
            ") on number = newest where last >= ? order by oldest",
            since,
        )
        return [Tried(rows.to_revision(row), row["cell"], row["last"]) for row in found]

    def newest_profile(self) -> str | None:
        """Name of the profile of the newest attempt; empty for a command, None before the first attempt."""
        found = self._select(
            "select profile from attempts join cells on cells.key = attempts.cell order by number desc limit 1"
        )
        return str(found[0]["profile"]) if found else None

    def moments(self) -> list[tuple[str, str, float, Outcome, str]]:
        """(tree, cell, begun, outcome, host) of every attempt that has ended and counts, in order of number."""
        found = self._select(
            "select tree, cell, begun, outcome, host from attempts where ended is not null "
            "and number not in (select attempt from excluded) order by number"
        )
        return [(row["tree"], row["cell"], row["begun"], Outcome(row["outcome"]), row["host"]) for row in found]

    def newest_failures(self, most: int) -> list[Attempt]:
        """Of each revision in each cell the newest `most` attempts that failed and count, newest first."""
        ranked = (
            "select number, row_number() over (partition by tree, cell order by number desc) as place from attempts "
            "where outcome in ('INCONSISTENT', 'FAILED') and number not in (select attempt from excluded)"
        )
        among = f"number in (select number from ({ranked}) where place <= ?)"  # noqa: S608 - names of our own
        return list(reversed(self._attempts(among, most)))

    def known_at(self, attempt: Attempt) -> int:
        """How many attempts have ended at the same tree in the same cell."""
        found = self._select(
            "select count(*) from attempts where tree = ? and cell = ? and ended is not null",
            attempt.plan.revision.tree,
            attempt.plan.cell.key,
        )
        return int(found[0][0])

    def running(self) -> list[Attempt]:
        """Attempts that have no end yet."""
        return self._attempts("ended is null")
