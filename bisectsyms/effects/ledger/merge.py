"""Two ledgers made one: what another host has seen is added, and nothing is counted twice.

An attempt has the same uuid wherever it goes. Verdicts are not taken over: they are derived here, from
all attempts, and what an import changes is noted so that verdicts given before it are looked at again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisectsyms.effects.ledger import rows
from bisectsyms.effects.ledger.file import explained, transaction
from bisectsyms.effects.ledger.people import People
from bisectsyms.model import Exclusion, Revision, Told

if TYPE_CHECKING:
    from bisectsyms.effects.ledger.exchange import AnswerLine, AttemptLine, Batch, ExclusionLine

NOT_ENDED = "(ended is null or (buried = 1 and :buried = 0))"
"""An attempt whose end is not known here, or only guessed although the other ledger knows it."""
EXCLUSIONS = """
    select 'exclusion' as record, uuid as attempt, said, exclusions.who, exclusions.why, excluded
    from exclusions join attempts on attempt = number where ended is not null order by said
"""
TOLD = "select 'told' as record, * from told order by said"
ANSWERS = "select 'answer' as record, * from answers order by number"
VERDICTS = """
    select 'verdict' as record, judged, revision, cell, kind, verdict, consistency, rationale, miss
    from verdicts order by number
"""


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
    answers: int = 0
    """New ones of searches."""


class Merging(People):
    """The part of `Ledger` that other ledgers are read and written by."""

    def records(self, after: int | None = None) -> Iterator[dict[str, object]]:
        """Everything that has ended, as the lines of an export: cells, attempts, words, answers, verdicts.

        With a number: only attempts that came after it, and the cells. All are of one moment, whatever is written
        meanwhile; they are read one by one, and until the last one was taken this ledger cannot write.
        """
        with explained(self._path):
            self._db.execute("begin")
            try:
                for cell in self.cells():
                    yield {"record": "cell", "key": cell.key, "cell": cell.fields}
                yield from self._attempt_records(after or 0)
                if after is None:
                    yield from self._other_records()
            finally:
                self._db.rollback()

    def _attempt_records(self, after: int) -> Iterator[dict[str, object]]:
        ended = "select * from attempts where ended is not null and number > ? order by number"
        for row in self._db.execute(ended, (after,)):
            lists = {name: json.loads(row[name] or "[]") for name in rows.LISTS}
            record = {"record": "attempt", **dict(row), **lists}
            del record["imported"]
            kept = self._select(
                "select name, digest from evidence where attempt = ? order by rowid", record.pop("number")
            )
            yield record | {"evidence": list(map(tuple, kept))}

    def _other_records(self) -> Iterator[dict[str, object]]:
        for query in (EXCLUSIONS, TOLD):
            yield from map(dict, self._db.execute(query))
        for row in self._db.execute(ANSWERS):
            answer = dict(row) | {name: json.loads(row[name]) for name in rows.ANSWER_LISTS}
            del answer["number"]
            yield answer
        yield from map(dict, self._db.execute(VERDICTS))

    def take_over(self, batch: Batch) -> Merged:
        """Add what another ledger has and this one has not, all of it or nothing; numbers are given anew.

        Raises:
            UserError: the file is not as it was when it was checked.
        """
        attempts = known = words = answers = 0
        changed = set[tuple[str, str]]()
        with explained(self._path), transaction(self._db):
            for line in batch.lines():
                if line.record == "cell":
                    self._insert("cells", rows.cell_row(line.cell), "on conflict do nothing")
                elif line.record == "attempt":
                    if self._take_attempt(line):
                        attempts += 1
                        changed.add((line.cell, line.tree))
                    else:
                        known += 1
                elif line.record == "exclusion":
                    if place := self._take_exclusion(line):
                        words += 1
                        changed.add(place)
                elif line.record == "told":
                    revision = Revision(line.revision, line.tree, line.title, line.name)
                    told = Told(revision, line.cell, line.word, line.why, line.who, line.said)
                    if self._insert("told", rows.told_row(told), "on conflict do nothing"):
                        words += 1
                        changed.add((line.cell, line.tree))
                elif line.record == "answer":
                    answers += self._take_answer(line, batch.host)
            for cell, tree in sorted(changed):
                self._revise(tree, cell)
        self.rewritten += words
        return Merged(batch.host, attempts, known, words, answers)

    def _take_attempt(self, attempt: AttemptLine) -> bool:
        """Whether anything was learnt."""
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
            self.rewritten += new
        else:
            number, new = self._insert("attempts", {**row, "imported": self._now()}), True
        for name, digest in attempt.evidence if new else ():
            kept: rows.Row = {"attempt": number, "name": name, "digest": digest}
            self._insert("evidence", kept, "on conflict do nothing")
        return new

    def _take_exclusion(self, line: ExclusionLine) -> tuple[str, str] | None:
        """Cell and tree of the attempt; None if this word was here."""
        ((number, *place),) = self._select("select number, cell, tree from attempts where uuid = ?", line.attempt)
        row = rows.exclusion_row(Exclusion(number, line.why, line.who, line.said), excluded=bool(line.excluded))
        cell, tree = map(str, place)
        return (cell, tree) if self._insert("exclusions", row, "on conflict do nothing") else None

    def _take_answer(self, line: AnswerLine, host: str) -> bool:
        """Whether it was not here. No search tells two answers to one question at one time."""
        row = line.row() | {"host": line.host or host}
        same = " and ".join(f"{name} = :{name}" for name in ("told", "cell", "good", "bad", "find_fix"))
        if self._db.execute(f"select 1 from answers where {same}", row).fetchone():  # noqa: S608 - names of our own
            return False
        self._insert("answers", row)
        return True
