"""What can be asked of the ledger. Nothing here writes; `Ledger` adds that.

Answers are the model's own types, so nothing above this knows of tables.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

from bisectsyms.core.searchanswer import SearchAnswer, Since
from bisectsyms.effects.evidence.store import Worth
from bisectsyms.effects.ledger import rows
from bisectsyms.effects.ledger.overview import Overviews
from bisectsyms.model import Attempt, Cell, Exclusion, Judged, Kind, Observation, Outcome, Revision, Seen, Told, Word


class Queries(Overviews):
    """The reading half of `Ledger`; needs an open connection to the file at `path`."""

    rewritten = 0
    """Grows when more than an attempt is written through this connection, of which `changes_by_others` says nothing."""

    def get(self, number: int) -> Attempt | None:
        """An attempt by its number, whether it has ended or not; None if there is none."""
        return next(iter(self._attempts("number = ?", number)), None)

    def last(self, outcome: Outcome | None = None) -> Attempt | None:
        """The newest attempt that has ended, of this outcome if one is given."""
        found = self._select(
            "select max(number) from attempts where ended is not null and (?1 is null or outcome = ?1)",
            outcome.value if outcome else None,
        )
        return self.get(found[0][0]) if found[0][0] else None

    def attempts(self, *, tree: str | None = None, cell: str | None = None, commit: str | None = None) -> list[Attempt]:
        """Attempts in the order they were begun, narrowed by git tree id, cell key, commit."""
        given = {name: one for name, one in (("tree", tree), ("cell", cell), ("revision", commit)) if one is not None}
        return self._attempts(" and ".join(f"{name} = ?" for name in given) or "1", *given.values())

    def _attempts(self, condition: str, *values: object) -> list[Attempt]:
        """Attempts that meet a condition, which is one of our constants."""
        found = self._select(f"select * from attempts where {condition} order by number", *values)  # noqa: S608 - names of our own
        evidence: dict[int, list[tuple[str, str]]] = {}
        if found:
            among = f"select number from attempts where {condition}"  # noqa: S608 - names of our own
            query = f"select attempt, name, digest from evidence where attempt in ({among}) order by rowid"  # noqa: S608 - names of our own
            for row in self._select(query, *values):
                evidence.setdefault(row["attempt"], []).append((row["name"], row["digest"]))
        cells = {cell.key: cell for cell in self.cells()} if len(found) > 1 else {}
        attempts = []
        for row in found:
            cell = cells.get(row["cell"]) or self.cell(row["cell"])
            assert cell is not None, "a foreign key"
            attempts.append(rows.to_attempt(row, cell, tuple(evidence.get(row["number"], ()))))
        return attempts

    def observations(self, tree: str, cell: str) -> tuple[Observation, ...]:
        """What the pure core may know: the ended attempts at this git tree, in order of number, none excluded."""
        found = self._select(
            "select * from attempts where tree = ? and cell = ? and ended is not null "
            "and number not in (select attempt from excluded) order by number",
            tree,
            cell,
        )
        return tuple(rows.to_observation(row) for row in found)

    def evidence(self, cell: str, after: int = 0) -> tuple[list[Seen], int]:
        """Every attempt of this cell that has ended and counts, with a number above `after`; in that order.

        And the number up to which there is nothing more to come: attempts of several slots end in any order.
        """
        found = self._select(
            "select * from attempts where cell = ? and number > ? "
            "and number not in (select attempt from excluded) order by number",
            cell,
            after,
        )
        running = [row["number"] for row in found if row["ended"] is None]
        ended = [row for row in found if row["ended"] is not None]
        settled = running[0] - 1 if running else max((row["number"] for row in ended), default=after)
        return [
            Seen(row["number"], rows.to_revision(row), rows.to_observation(row), row["slot"]) for row in ended
        ], settled

    def changes_by_others(self) -> int:
        """A number that changes when another connection writes to the file (sqlite.org/pragma.html, data_version)."""
        return int(self._select("pragma data_version")[0][0])

    def changed(self) -> tuple[object, ...]:
        """Differs once what was known has become something else: by a word, an import, an end in place of a burial.

        An attempt that is begun or ends changes nothing of that.
        """
        query = (
            "select (select count(*) from exclusions), (select count(*) from told), (select count(*) from revised), "
            "(select max(at) from revised), (select count(*) from attempts where buried = 1)"
        )
        return tuple(self._select(query)[0])

    def excluded(self, tree: str, cell: str) -> list[Exclusion]:
        """The attempts at this git tree that somebody has taken out of the evidence, in order of number."""
        found = self._select(
            "select excluded.* from excluded join attempts on attempt = number where tree = ? and cell = ? "
            "order by attempt",
            tree,
            cell,
        )
        return [rows.to_exclusion(row) for row in found]

    def exclusion(self, number: int) -> Exclusion | None:
        """The word by which an attempt is no evidence now; None if it counts."""
        found = self._select("select * from excluded where attempt = ?", number)
        return rows.to_exclusion(found[0]) if found else None

    def told(self, tree: str, cell: str) -> Told | None:
        """The newest word of people about this git tree; None if there is none, or it was taken back."""
        return next((told for told in self.all_told(cell) if told.revision.tree == tree), None)

    def all_told(self, cell: str) -> list[Told]:
        """The newest word about every git tree of this cell, without those that were taken back."""
        newest = self._select("select *, max(said) from told where cell = ? group by tree order by said", cell)
        return [told for row in newest if (told := rows.to_told(row)).word is not Word.NOTHING]

    def revised(self, tree: str, cell: str) -> float:
        """When people or an import last changed what is known of this git tree; 0 if they never did."""
        found = self._select("select at from revised where tree = ? and cell = ?", tree, cell)
        return float(found[0]["at"]) if found else 0.0

    def failed_at(self, tree: str, cell: str) -> float:
        """When the newest attempt at this git tree that failed and counts has ended; 0 if none did."""
        found = self._select(
            "select max(ended) from attempts where tree = ? and cell = ? and outcome in ('INCONSISTENT', 'FAILED') "
            "and number not in (select attempt from excluded)",
            tree,
            cell,
        )
        return float(found[0][0] or 0.0)

    def origins(self) -> dict[str, int]:
        """How many attempts were taken over from other ledgers, by the host that made them."""
        found = self._select("select host, count(*) from attempts where imported is not null group by host order by 1")
        return dict(tuple(row) for row in found)

    def origin(self, number: int) -> str:
        """The host whose ledger an attempt was taken over from; empty for one that was made here."""
        found = self._select("select host from attempts where number = ? and imported is not null", number)
        return str(found[0]["host"]) if found else ""

    def count(self) -> int:
        """How many attempts were ever begun."""
        return int(self._select("select count(*) from attempts")[0][0])

    def mean_seconds(self, cell: str, kind: Kind) -> float | None:
        """Mean duration in seconds of an attempt of this kind that was evidence here; None before the first."""
        (mean,) = self._select(
            "select avg(seconds) from attempts where cell = ? and kind = ? and imported is null "
            "and outcome in ('CLEAN', 'INCONSISTENT', 'FAILED')",
            cell,
            str(kind),
        )[0]
        return None if mean is None else float(mean)

    def side_by_side(self, cell: str) -> dict[int, int]:
        """How many attempts of this cell are evidence, by the number of slots that were in use when they began."""
        found = self._select(
            "select slots_in_use, count(*) from attempts where cell = ? "
            "and outcome in ('CLEAN', 'INCONSISTENT', 'FAILED') and number not in (select attempt from excluded) "
            "group by slots_in_use order by 2 desc",
            cell,
        )
        return dict(tuple(row) for row in found)

    def last_release(self, cell: str) -> str:
        """kernel.release of the newest attempt in this cell that got as far; empty before the first."""
        found = self._select(
            "select kernel_release from attempts where cell = ? and kernel_release <> '' order by number desc limit 1",
            cell,
        )
        return str(found[0]["kernel_release"]) if found else ""

    def revisions(self, cell: str | None = None) -> list[Revision]:
        """Revisions with attempts (in this cell), in the order they were first tried, as last named."""
        found = self._select(
            "select revision, tree, title, name from attempts join ("
            "select max(number) as newest, min(number) as oldest from attempts where ?1 is null or cell = ?1 "
            "group by revision) on number = newest order by oldest",
            cell,
        )
        return [rows.to_revision(row) for row in found]

    def cell(self, key: str) -> Cell | None:
        """The cell with this key; None if it is not in the ledger."""
        found = self._select("select json from cells where key = ?", key)
        return rows.to_cell(found[0]["json"]) if found else None

    def cells(self) -> list[Cell]:
        """Every cell with attempts or words of people, in the order they were first used."""
        return [rows.to_cell(row["json"]) for row in self._select("select json from cells order by rowid")]

    def unfinished(self) -> list[Attempt]:
        """Attempts that were begun and never ended, and whose driver is dead as far as this host can tell."""
        return [attempt for row in self._orphans() if (attempt := self.get(row["number"]))]

    def _orphans(self) -> list[sqlite3.Row]:
        found = self._select("select * from attempts where outcome is null order by number")
        return [row for row in found if rows.to_owner(row).is_gone()]

    def verdicts(self, *, cell: str | None = None, commits: Iterable[str] | None = None) -> list[Judged]:
        """Every verdict in the order they were given, narrowed by cell key and commits."""
        wanted = None if commits is None else set(commits)
        found = self._select("select * from verdicts where ?1 is null or cell = ?1 order by number", cell)
        return [rows.to_judged(row) for row in found if wanted is None or row["revision"] in wanted]

    def latest_verdicts(self, *, cell: str | None = None, commits: Iterable[str] | None = None) -> list[Judged]:
        """The newest verdict per commit and cell, whatever its kind: a bisect holds one per commit."""
        newest: dict[tuple[str, str], Judged] = {}
        for one in self.verdicts(cell=cell, commits=commits):
            newest.pop((one.commit, one.cell), None)  # so that the order is that of the newest
            newest[one.commit, one.cell] = one
        return list(newest.values())

    def search_answer(
        self, cell: str, good: Iterable[str], bad: str, *, find_fix: bool = False, own: bool = False
    ) -> SearchAnswer | None:
        """What the last search with these ends in this cell has told; None if none has ended there.

        With `own`, only searches that were made here.
        """
        ends = (cell, json.dumps(tuple(good)), bad, int(find_fix))
        query = (
            "select * from answers where cell = ? and good = ? and bad = ? and find_fix = ? and (host = '' or not ?) "
            "order by told desc, number desc limit 1"
        )
        found = self._select(query, *ends, int(own))
        return rows.to_answer(found[0]) if found else None

    def since(self, cell: str, when: float) -> Since:
        """What has become known in this cell after `when`, seconds since the epoch."""
        attempts = self._select(
            "select count(*) from attempts where cell = ? and max(ended, coalesce(imported, 0)) > ? "
            "and number not in (select attempt from excluded)",
            cell,
            when,
        )
        revised = self._select("select count(*) from revised where cell = ? and at > ?", cell, when)
        return Since(int(attempts[0][0]), int(revised[0][0]))

    def evidence_by_value(self) -> Worth:
        """What the store may give up, worth least first: passes, other ends, failures, each oldest first.

        What several attempts share is worth what its most valuable user makes it; nothing that the
        newest failure made here has is given up.
        """
        last = "select max(number) from attempts where outcome in ('INCONSISTENT', 'FAILED') and imported is null"
        found = self._select(f"select digest from evidence where attempt = ({last})")  # noqa: S608 - names of our own
        precious = frozenset(str(row["digest"]) for row in found)
        found = self._select(
            "select digest, max(case when outcome = 'CLEAN' then 0 when outcome in ('INCONSISTENT', 'FAILED') then 2 "
            "else 1 end) as worth, max(attempt) as newest from evidence join attempts on attempt = number "
            "group by digest order by worth, newest"
        )
        return Worth(tuple(row["digest"] for row in found if row["digest"] not in precious), precious)
