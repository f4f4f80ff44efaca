"""What people say to the ledger: that an attempt is no evidence, and what a revision is in their eyes.

Words are only added, never changed: the newest one counts, so that two ledgers that heard different
things agree after they were merged. Every word notes that what is known of its revision has changed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from bisectsyms.effects.ledger import rows
from bisectsyms.effects.ledger.file import explained, transaction
from bisectsyms.effects.ledger.owner import whoami
from bisectsyms.effects.ledger.queries import Queries
from bisectsyms.model import Attempt, Cell, Exclusion, Revision, Told, Word


class People(Queries):
    """The part of `Ledger` that people write, and the writing of rows that all parts share."""

    def __init__(self, db: sqlite3.Connection, path: Path, now: Callable[[], float]) -> None:
        super().__init__(db, path)
        self._now = now

    def exclude(self, attempt: Attempt, why: str, *, undo: bool = False) -> Exclusion:
        """Take an attempt out of the evidence, or with `undo` back into it; the word as it was written."""
        exclusion = Exclusion(attempt.number, why, whoami(), self._now())
        with explained(self._path), transaction(self._db):
            self._insert("exclusions", rows.exclusion_row(exclusion, excluded=not undo))
            self._revise(attempt.plan.revision.tree, attempt.plan.cell.key)
        self.rewritten += 1
        return exclusion

    def tell(self, revision: Revision, cell: Cell, word: Word, why: str) -> Told:
        """Write down a word about a revision; Word.NOTHING takes back what was told before."""
        told = Told(revision, cell.key, word, why, whoami(), self._now())
        with explained(self._path), transaction(self._db):
            self._insert("cells", rows.cell_row(cell), "on conflict do nothing")
            self._insert("told", rows.told_row(told))
            self._revise(revision.tree, cell.key)
        self.rewritten += 1
        return told

    def _revise(self, tree: str, cell: str) -> None:
        """Note that verdicts about this tree which were given until now rest on what has changed since."""
        row: rows.Row = {"tree": tree, "cell": cell, "at": self._now()}
        self._insert("revised", row, "on conflict do update set at = excluded.at")

    def _insert(self, table: str, row: rows.Row, conflict: str = "") -> int:
        """Insert a row; its rowid, or 0 if it was there and `conflict` says to do nothing."""
        names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
        # Names of tables and columns are constants of ours; values are bound.
        done = self._db.execute(
            f"insert into {table} ({names}) values ({marks}) {conflict}",  # noqa: S608 - names of our own
            rows.writable(row),
        )
        return int(done.lastrowid or 0) if done.rowcount else 0
