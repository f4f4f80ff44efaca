"""Two ledgers made one: what another host has seen is added, and nothing is counted twice.

An attempt has the same uuid wherever it goes. Verdicts are not taken over: they are derived here, from
all attempts, and what an import changes is noted so that verdicts given before it are looked at again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisectsyms.effects.ledger import rows
from bisectsyms.effects.ledger.file import explained, transaction
from bisectsyms.effects.ledger.people import People
from bisectsyms.model import Exclusion, Revision, Told

if TYPE_CHECKING:
    from bisectsyms.effects.ledger.exchange import AttemptLine, Batch

NOT_ENDED = "(ended is null or (buried = 1 and :buried = 0))"
"""An attempt whose end is not known here, or only guessed although the other ledger knows it."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What an import brought."""

    host: str
    """Whose ledger it was."""
    attempts: int
    """New ones, and those whose end was not known here."""
    known: int
    """Attempts that were here already."""
    words: int
    """New exclusions and told words."""


class Merging(People):
    """The part of `Ledger` that other ledgers are read and written by."""

    def records(self, after: int | None = None) -> list[dict[str, object]]:
        """Everything that has ended, as the lines of an export: cells, attempts, words, verdicts.

        With a number: only attempts that came after it, and the cells.
        """
        with explained(self._path):
            self._db.execute("begin")  # one snapshot, whatever is written meanwhile
            try:
                found = [*self._cell_records(), *self._attempt_records(after or 0)]
                return found if after is not None else [*found, *self._other_records()]
            finally:
                self._db.rollback()

    def _cell_records(self) -> list[dict[str, object]]:
        return [{"record": "cell", "key": cell.key, "cell": cell.fields} for cell in self.cells()]

    def _attempt_records(self, after: int) -> list[dict[str, object]]:
        evidence: dict[int, list[tuple[str, str]]] = {}
        kept = "select attempt, name, digest from evidence where attempt > ? order by rowid"
        for row in self._select(kept, after):
            evidence.setdefault(row["attempt"], []).append((row["name"], row["digest"]))
        records = []
        ended = "select * from attempts where ended is not null and number > ? order by number"
        for row in self._select(ended, after):
            lists = {name: json.loads(row[name] or "[]") for name in rows.LISTS}
            record = {"record": "attempt", **dict(row), **lists}
            del record["imported"]
            records.append(record | {"evidence": evidence.get(record.pop("number"), [])})
        return records

    def _other_records(self) -> list[dict[str, object]]:
        exclusions = (
            "select 'exclusion' as record, uuid as attempt, said, exclusions.who, exclusions.why, excluded "
            "from exclusions join attempts on attempt = number where ended is not null order by said"
        )
        told = "select 'told' as record, * from told order by said"
        verdicts = (
            "select 'verdict' as record, judged, revision, cell, kind, verdict, consistency, rationale, miss "
            "from verdicts order by number"
        )
        return [dict(row) for query in (exclusions, told, verdicts) for row in self._select(query)]

    def take_over(self, batch: Batch) -> Merged:
        """Add what another ledger has and this one has not, all of it or nothing; numbers are given anew."""
        attempts = words = 0
        changed = set[tuple[str, str]]()
        with explained(self._path), transaction(self._db):
            for line in batch.cells:
                self._insert("cells", rows.cell_row(line.cell), "on conflict do nothing")
            numbers = dict[str, int]()
            for attempt in batch.attempts:
                numbers[attempt.uuid], new = self._take_attempt(attempt)
                if new:
                    attempts += 1
                    changed.add((attempt.tree, attempt.cell))
            where = {attempt.uuid: (attempt.tree, attempt.cell) for attempt in batch.attempts}
            for one in batch.exclusions:
                exclusion = Exclusion(numbers[one.attempt], one.why, one.who, one.said)
                row = rows.exclusion_row(exclusion, excluded=bool(one.excluded))
                if self._insert("exclusions", row, "on conflict do nothing"):
                    words += 1
                    changed.add(where[one.attempt])
            for word in batch.told:
                revision = Revision(word.revision, word.tree, word.title, word.name)
                told = Told(revision, word.cell, word.word, word.why, word.who, word.said)
                if self._insert("told", rows.told_row(told), "on conflict do nothing"):
                    words += 1
                    changed.add((word.tree, word.cell))
            for place in sorted(changed):
                self._revise(*place)
        return Merged(batch.host, attempts, len(batch.attempts) - attempts, words)

    def _take_attempt(self, attempt: AttemptLine) -> tuple[int, bool]:
        """Its number here, and whether anything was learnt."""
        row = attempt.row()
        found = self._select("select number from attempts where uuid = ?", attempt.uuid)
        if found:
            number = int(found[0]["number"])
            changes = ", ".join(f"{name} = :{name}" for name in row)
            done = self._db.execute(
                f"update attempts set {changes} where number = :number and {NOT_ENDED}",  # noqa: S608 - names of our own
                rows.writable(row | {"number": number}),
            )
            new = done.rowcount == 1
        else:
            number, new = self._insert("attempts", {**row, "imported": self._now()}), True
        for name, digest in attempt.evidence if new else ():
            kept: rows.Row = {"attempt": number, "name": name, "digest": digest}
            self._insert("evidence", kept, "on conflict do nothing")
        return number, new
