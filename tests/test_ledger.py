"""What is written into the ledger comes back as it was, and answers what is asked of it."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bisectsyms.effects.ledger import Ledger
from bisectsyms.model import Attempt, Draw, Kind, Outcome, Verdict, Word
from tests.ledgers import CELL, CLANG, CLEAN, FAILED, digest, judged, plan


def test_an_attempt_comes_back_as_it_was_written(tmp_path: Path) -> None:
    clock = iter([100.0, 103.0])
    result = replace(FAILED, evidence=(("log", digest(1)), ("System.map", digest(2)), (".config", digest(1))))
    with Ledger.open(tmp_path, now=lambda: next(clock)) as ledger:
        number = ledger.begin(plan())
        assert ledger.get(number) == Attempt(number, plan(), 100.0, None)
        ledger.finish(number, result)
    with Ledger.open(tmp_path) as ledger:
        assert ledger.get(number) == Attempt(number, plan(), 100.0, result)
        assert ledger.get(number + 1) is None
        assert ledger.cell(CELL.key) == CELL
        assert ledger.cells() == [CELL]
        assert ledger.cell("no such") is None
        assert ledger.count() == 1


def test_an_unnamed_revision_and_a_signal_come_back(tmp_path: Path) -> None:
    bare = replace(plan(), revision=replace(plan().revision, name=""), dropped=(), from_scratch=True)
    result = replace(FAILED, outcome=Outcome.TIMEOUT, exit_status=None)
    with Ledger.open(tmp_path) as ledger:
        for ended in (result, replace(result, exit_status=-9)):
            ledger.finish(ledger.begin(bare), ended)
        assert [one.result for one in ledger.attempts()] == [result, replace(result, exit_status=-9)]
        assert ledger.attempts()[0].plan == bare


def test_what_was_drawn_comes_back(tmp_path: Path) -> None:
    drew = plan(draw=Draw(5, (("pad", "64"), ("jobs-double", ""))))
    with Ledger.open(tmp_path) as ledger:
        ledger.finish(ledger.begin(drew), FAILED)
        assert ledger.attempts()[0].plan == drew
        (seen,) = ledger.observations(drew.revision.tree, drew.cell.key)
        assert str(seen.draw) == "length=5 pad=64 jobs-double"


def test_odd_bytes_of_a_log_do_not_cost_the_attempt(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        odd = replace(plan(), revision=replace(plan().revision, title="ä \udcff"))
        number = ledger.begin(odd)
        ledger.finish(number, replace(FAILED, why="at \udce4"))
        got = ledger.get(number)
    assert got and got.result
    assert (got.plan.revision.title, got.result.why) == ("ä \\udcff", "at \\udce4")


def test_an_attempt_ends_once(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        number = ledger.begin(plan())
        ledger.finish(number, CLEAN)
        for again in (number, number + 1):
            with pytest.raises(ValueError, match="is not running"):
                ledger.finish(again, replace(FAILED, evidence=(("log", digest(1)),)))
        got = ledger.get(number)
        assert got and got.result == CLEAN


def test_attempts_are_narrowed_and_in_order(tmp_path: Path) -> None:
    same_tree = plan(2).revision.tree
    with Ledger.open(tmp_path) as ledger:
        plans = [plan(1), plan(2), plan(2, cell=CLANG), plan(3, tree=same_tree), plan(2)]
        for one in plans:
            ledger.begin(one)
        for number in (2, 4):
            ledger.finish(number, CLEAN)

        def numbers(**narrow: str) -> list[int]:
            return [one.number for one in ledger.attempts(**narrow)]

        assert numbers() == [1, 2, 3, 4, 5]
        assert numbers(tree=same_tree) == [2, 3, 4, 5]
        assert numbers(tree=same_tree, cell=CELL.key) == [2, 4, 5]
        assert numbers(commit=plan(2).revision.commit) == [2, 3, 5]
        assert numbers(tree="none") == []
        assert [one.plan for one in ledger.attempts()] == plans
        assert ledger.cells() == [CELL, CLANG]
        # A revision of the same tree counts; one that has not ended does not.
        ended = [one.observation() for one in ledger.attempts() if one.result]
        assert list(ledger.observations(same_tree, CELL.key)) == ended
        assert ledger.revisions(CLANG.key) == [plan(2).revision]


def test_revisions_come_in_the_order_of_their_first_attempt_as_last_named(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        for number in (7, 3, 7, 5):
            ledger.begin(plan(number))
        renamed = replace(plan(7), revision=replace(plan(7).revision, name="v7-final"))
        ledger.begin(renamed)
        assert ledger.revisions() == [renamed.revision, plan(3).revision, plan(5).revision]


def test_last(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        assert ledger.last() is None
        for result in (FAILED, CLEAN, CLEAN, None):
            number = ledger.begin(plan())
            if result:
                ledger.finish(number, result)
        found = (ledger.last(), ledger.last(Outcome.INCONSISTENT), ledger.last(Outcome.BROKEN))
        assert [one and one.number for one in found] == [3, 1, None]


def test_verdicts_and_the_latest_of_them(tmp_path: Path) -> None:
    a, b = plan(1).revision.commit, plan(2).revision.commit
    given = [judged(a), judged(b, Verdict.BAD), judged(a, Verdict.SKIP, Kind.CLEAN, 9.25)]
    with Ledger.open(tmp_path) as ledger:
        for one in given:  # nothing was tried in their cell
            ledger.judge(one, CELL)
        assert ledger.verdicts() == given
        assert ledger.verdicts(commits=[a], cell=CELL.key) == [given[0], given[2]]
        assert ledger.verdicts(cell=CLANG.key) == []
        assert ledger.latest_verdicts() == [given[1], given[2]]
        assert ledger.latest_verdicts(commits=[b]) == [given[1]]


def test_the_tables_can_be_read_by_hand(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        for result in (CLEAN, FAILED, CLEAN, CLEAN, replace(CLEAN, outcome=Outcome.INFRA)):
            ledger.finish(ledger.begin(plan()), result)
        ledger.begin(plan(2))
    db = sqlite3.connect(tmp_path / "ledger.sqlite")
    rates = db.execute("select revision, kind, inconsistent, clean, no_evidence, rate from rates").fetchall()
    assert rates == [("v1", "relink", 1, 3, 1, 0.25)]
    assert db.execute("select attempts, seconds from cost").fetchall() == [(6, 13.8)]
    assert db.execute("select outcome from history where revision = 'v2'").fetchall() == [("running",)]
    db.close()


def test_evidence_by_value(tmp_path: Path) -> None:
    serial = itertools.count(1)
    kept: dict[int, str] = {}

    def made(ledger: Ledger, outcome: Outcome, *shared: str) -> None:
        number = next(serial)
        kept[number] = digest(number)
        evidence = tuple((f"file{place}", one) for place, one in enumerate([digest(number), *shared]))
        ledger.finish(ledger.begin(plan()), replace(CLEAN, outcome=outcome, evidence=evidence))

    fail, clean = Outcome.INCONSISTENT, Outcome.CLEAN
    config, map_ = digest(101), digest(102)
    with Ledger.open(tmp_path) as ledger:
        assert ledger.evidence_by_value().expendable == ()
        made(ledger, fail, config)
        made(ledger, clean, digest(100))
        made(ledger, Outcome.BROKEN, digest(100))
        made(ledger, fail, config, map_)
        made(ledger, clean, map_)
        made(ledger, fail, digest(103))
        made(ledger, clean, digest(103))
        worth = ledger.evidence_by_value()
    # Passes, then the broken one, which shares 100 with a pass, then failures; the newest failure is not named.
    order = [digest(2), digest(5), digest(7), digest(100), digest(3), digest(1), config, digest(4), map_]

    def by_rank(found: Sequence[str]) -> list[set[str]]:
        return [set(found[:3]), set(found[3:5]), set(found[5:6]), set(found[6:8]), set(found[8:])]

    assert list(worth.expendable[:3]) == order[:3]
    assert by_rank(worth.expendable) == by_rank(order)
    assert worth.precious == {digest(6), digest(103)}


def test_the_size_of_evidence_is_written_where_it_is_known(tmp_path: Path) -> None:
    place = tmp_path / "evidence" / digest(5)[:2] / f"{digest(5)[2:]}.gz"
    place.parent.mkdir(parents=True)
    place.write_bytes(bytes(3000))
    with Ledger.open(tmp_path) as ledger:
        ledger.finish(ledger.begin(plan()), replace(CLEAN, evidence=(("a", digest(5)), ("b", "../../etc/passwd"))))
        sizes = [tuple(row) for row in ledger._db.execute("select name, size from evidence order by name")]
    assert sizes[0][1] >= 3000
    assert sizes[1] == ("b", None)


def test_attempts_that_end_in_another_order_are_all_told_of(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        first, second, third = (ledger.begin(plan(number)) for number in (1, 2, 3))
        ledger.finish(second, CLEAN)
        seen, settled = ledger.evidence(CELL.key)
        assert ([one.number for one in seen], settled) == ([second], first - 1), "the first is still to come"
        ledger.finish(first, FAILED)
        seen, settled = ledger.evidence(CELL.key, settled)
        assert ([one.number for one in seen], settled) == ([first, second], second)
        ledger.finish(third, FAILED)
        seen, settled = ledger.evidence(CELL.key, settled)
        assert ([one.number for one in seen], settled) == ([third], third)
        assert ledger.evidence(CELL.key, settled) == ([], third)


def test_what_was_known_changes_by_words_and_not_by_attempts(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger, Ledger.open(tmp_path) as other:
        number = ledger.begin(plan())
        before, writes = ledger.changed(), ledger.changes_by_others()
        other.finish(number, CLEAN)
        other.finish(other.begin(plan(2)), FAILED)
        assert ledger.changes_by_others() != writes
        assert ledger.changed() == before
        attempt = other.get(number)
        assert attempt
        other.exclude(attempt, "the disk was full")
        excluded = ledger.changed()
        assert excluded != before
        other.exclude(attempt, "it was not", undo=True)
        taken_back = ledger.changed()
        assert taken_back != excluded
        other.tell(attempt.plan.revision, CELL, Word.FAILED, "")
        assert ledger.changed() != taken_back


def test_attempts_are_counted_by_how_many_slots_were_in_use(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        for slots, outcome in ((1, CLEAN), (2, CLEAN), (2, FAILED), (2, replace(CLEAN, outcome=Outcome.INFRA))):
            measured = replace(outcome.measured, slots_in_use=slots)
            ledger.finish(ledger.begin(plan()), replace(outcome, measured=measured))
        assert ledger.side_by_side(CELL.key) == {2: 2, 1: 1}
