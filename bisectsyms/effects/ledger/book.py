"""The ledger of attempts: begun before make starts, finished when it ended, never changed afterwards.

Attempts are the truth, verdicts are derived. SQLite in the common git dir, so all worktrees share it;
every write is on disk before the call returns, and a row without an end tells of a driver that died.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from bisectsyms.core.searchanswer import SearchAnswer
from bisectsyms.effects.evidence.files import stored_size
from bisectsyms.effects.evidence.store import FOLDER
from bisectsyms.effects.ledger import rows, schema
from bisectsyms.effects.ledger.file import NAME, connect, explained, mount_type, transaction
from bisectsyms.effects.ledger.merge import Merging
from bisectsyms.effects.ledger.owner import Owner
from bisectsyms.model import Attempt, Cell, Judged, Measured, Outcome, Plan, Result

DIED = "died"
"""Signature of an attempt whose driver was found dead."""
RUNNING_OR_BURIED = "(ended is null or buried = 1)"


class Ledger(Merging):
    """Open with `Ledger.open`; several processes may use one at once, each with its own.

    Every method may raise InfraError (disk full, not writable, held by another process for 30 s) and
    UserError (the file is damaged); both leave the file as it is.
    """

    def __init__(self, db: sqlite3.Connection, state_dir: Path, now: Callable[[], float]) -> None:
        super().__init__(db, state_dir / NAME, now)
        self._evidence = state_dir / FOLDER

    @classmethod
    def open(
        cls,
        state_dir: Path,
        *,
        now: Callable[[], float] = time.time,
        fs_type: Callable[[Path], str] = mount_type,
        warn: Callable[[str], None] = lambda text: None,
        migrations: Sequence[str] = schema.MIGRATIONS,
    ) -> Self:
        """Open or make the ledger in `state_dir`; `now` tells seconds since the epoch.

        Raises:
            UserError: the file is no ledger, damaged, or of a newer version. It is left as it is.
            InfraError: it cannot be read or written.
        """
        return cls(connect(state_dir, fs_type(state_dir), warn, migrations), state_dir, now)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back; all that was written is on disk already."""
        self._db.close()

    def begin(self, plan: Plan) -> int:
        """Write down an attempt that is about to start; its number. Durable when it returns."""
        row = {"uuid": str(uuid4()), "begun": self._now(), **rows.plan_row(plan, Owner.me())}
        with explained(self._path), transaction(self._db):
            self._insert("cells", rows.cell_row(plan.cell), "on conflict do nothing")
            return self._insert("attempts", row)

    def finish(self, number: int, result: Result) -> None:
        """Write down how an attempt ended; durable when it returns.

        Once only. The one end that is replaced is a burial, which was a guess: where the driver turns
        out to have lived (in a container that could not be looked into), what it saw counts.

        Raises:
            ValueError: it has ended before, or was never begun.
        """
        kept: dict[str, rows.Row] = {
            name: {"attempt": number, "name": name, "digest": digest, "size": stored_size(self._evidence, digest)}
            for name, digest in result.evidence
        }
        with explained(self._path), transaction(self._db):
            if not self._end(number, result, RUNNING_OR_BURIED, buried=False):
                raise ValueError(f"attempt {number} is not running: it has ended, or was never begun")
            for row in kept.values():
                self._insert("evidence", row)

    def bury(self) -> list[Attempt]:
        """Give every attempt of a dead driver an end that is no evidence; those that we buried."""
        numbers = []
        for row in self._orphans():
            why = (
                f"its driver, process {row['pid']} on {row['host']}, was gone when this was written: killed, or the "
                "machine went down"
            )
            result = Result(Outcome.INFRA, DIED, why, Measured(0.0))
            with explained(self._path), transaction(self._db):
                # Another process may have buried it meanwhile, or its driver may just have finished it.
                if self._end(row["number"], result, "ended is null", buried=True):
                    numbers.append(row["number"])
        return [attempt for number in numbers if (attempt := self.get(number))]

    def judge(self, judged: Judged, cell: Cell) -> None:
        """Write down a verdict as it was given; `cell` is its own, in which nothing may have been tried."""
        with explained(self._path), transaction(self._db):
            self._insert("cells", rows.cell_row(cell), "on conflict do nothing")
            self._insert("verdicts", rows.verdict_row(judged))

    def answer(self, answer: SearchAnswer) -> None:
        """Write down what a search has told; its cell must be in the ledger."""
        with explained(self._path), transaction(self._db):
            self._insert("answers", rows.answer_row(answer))

    def _end(self, number: int, result: Result, condition: str, *, buried: bool) -> bool:
        """Set the end of an attempt if it meets the condition, one of our constants; whether it did."""
        row = rows.result_row(result) | {"ended": self._now(), "buried": int(buried)}
        changes = ", ".join(f"{name} = :{name}" for name in row)
        done = self._db.execute(
            f"update attempts set {changes} where number = :number and {condition}",  # noqa: S608 - names of our own
            rows.writable(row | {"number": number}),
        )
        return done.rowcount == 1
