"""What the bisects of benchmarks/kernel_field.py showed: kept per case, so that they go on, and as a table."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.field_history import Case
from bisectsyms.core.words import duration, percent

NAME = "kernel-field"
EVIDENCE = ("CLEAN", "INCONSISTENT")


@dataclass(frozen=True, slots=True)
class Row:
    """What one case showed."""

    case: str
    what: str
    right: bool
    answer: str
    named: str
    attempts: int
    seconds: int
    confidence: float | None
    failed: int
    """Of `tried` relinks at the failing end."""
    tried: int
    no_evidence: int
    """Attempts of the whole case that were neither CLEAN nor INCONSISTENT."""
    load: float
    """Mean over the attempts."""


@dataclass(slots=True)
class Progress:
    """How far a case has come, kept in a file of the folder."""

    path: Path
    seconds: float = 0.0
    """What earlier runs that were stopped have taken."""
    row: Row | None = None

    @classmethod
    def load(cls, folder: Path, case: Case) -> Progress:
        path = folder / f"{case.name}.json"
        kept: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"seconds": 0.0, "row": None}
        return cls(path, kept["seconds"], Row(**kept["row"]) if kept["row"] else None)

    def save(self) -> None:
        row = asdict(self.row) if self.row else None
        self.path.write_text(json.dumps({"seconds": self.seconds, "row": row}, indent=2))


def row_of(repo: Path, case: Case, status: dict[str, Any], seconds: float) -> Row:
    """What the ledger holds of the range of the case; no two cases share a revision."""
    listed = subprocess.run(["git", "rev-list", f"{case.old}..{case.new}"], cwd=repo, capture_output=True, check=True)
    revisions = [case.old, *listed.stdout.decode().split()]
    query = (
        "select revision, kind, outcome, load from attempts where ended is not null and revision in "
        f"({', '.join('?' * len(revisions))})"
    )
    with closing(sqlite3.connect(repo / ".git/bisectsyms/ledger.sqlite")) as db:
        made: list[tuple[str, str, str, float]] = list(db.execute(query, revisions))
    end = [outcome for revision, kind, outcome, _ in made if (revision, kind) == (case.failing_end, "relink")]
    return Row(
        case=case.name,
        what=case.what,
        right=status["culprit"] == case.answer,
        answer=case.answer,
        named=status["culprit"],
        attempts=len(made),
        seconds=round(seconds),
        confidence=status["confidence"],
        failed=end.count("INCONSISTENT"),
        tried=sum(outcome in EVIDENCE for outcome in end),
        no_evidence=sum(one[2] not in EVIDENCE for one in made),
        load=round(sum(one[3] for one in made) / len(made), 1),
    )


def said(row: Row | None) -> str:
    if row is None:
        return "not ended; run it again to go on"
    return f"{'right' if row.right else 'NOT right'}: {row.named[:12]} was named, {row.attempts} attempts"


def write(found: Sequence[tuple[Case, Row | None]]) -> None:
    report.save(NAME, {"cases": [asdict(row) if row else {"case": case.name, "right": None} for case, row in found]})
    head = ("case", "", "right", "named", "attempts", "no evidence", "failing end", "confidence", "time", "load")
    table = report.table(head, [_cells(case, row) for case, row in found])
    body = (
        "`make kernel-test`: Linux 6.1 for ARM, tinyconfig with KALLSYMS, a planted race, nine or ten commits in each\n"
        "range. *Failing end* is how many of its relinks failed, *load* the mean of all attempts, *no evidence* those\n"
        f"that were neither CLEAN nor INCONSISTENT. Every line that was printed is in [{NAME}.log]({NAME}.log).\n\n"
    )
    report.write_markdown(NAME, "Four git bisects of real kernels, as they come up in the field", body + table)


def _cells(case: Case, row: Row | None) -> tuple[object, ...]:
    if row is None:
        return (case.name, case.what, "not run", *[""] * 7)
    return (
        case.name,
        case.what,
        "yes" if row.right else "NO",
        row.named[:12],
        row.attempts,
        row.no_evidence,
        f"{row.failed} of {row.tried}",
        "none" if row.confidence is None else percent(row.confidence),
        duration(row.seconds),
        row.load,
    )
