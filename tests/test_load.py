"""What must not grow with the ledger: questions asked of it, rows shown. The long form is tests/torture/load.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import Ledger
from bisectsyms.errors import InfraError
from bisectsyms.model import Draw, Kind, Outcome, Word
from bisectsyms.render.text import MOST_ROWS, show_status
from bisectsyms.usecases.report import ReportOptions, report
from bisectsyms.usecases.status import described
from tests.ledgers import CELL, CLANG, CLEAN, FAILED, MEASURED, plan
from tests.manyattempts import Shape, fill, history


class Counting(Ledger):
    """A ledger that counts what it is asked."""

    asked = 0

    def _select(self, query: str, *values: object):  # type: ignore[no-untyped-def]
        self.asked += 1
        return super()._select(query, *values)


Made = Callable[[str, Shape], Repository]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """A repository whose ledger has so many attempts."""

    def make(name: str, shape: Shape) -> Repository:
        history(tmp_path / name, shape.bisects * shape.revisions)
        repository = Repository.discover(tmp_path / name, {})
        fill(repository.state_dir, shape, repository.described(repository.git("rev-list", "--reverse", "main").split()))
        return repository

    return make


def test_status_asks_as_much_of_a_large_ledger_as_of_a_small_one(made: Made) -> None:
    asked = []
    for shape in (Shape(40, cells=2, revisions=4), Shape(400, bisects=4, cells=40, revisions=5)):
        repository = made(f"{shape.cells}", shape)
        with Counting.open(repository.state_dir) as ledger:
            found = described(repository, ledger, rejudge=False)
        asked.append(ledger.asked)
        assert found.attempts == shape.attempts
        assert [len(cell.rows) for cell in found.cells] == [shape.revisions] * shape.cells
        tallies = [tally for cell in found.cells for row in cell.rows for tally in row.tallies]
        assert sum(one.inconsistent + one.clean + one.no_evidence for one in tallies) == shape.attempts
    assert asked[0] == asked[1] < 15


def test_status_shows_the_newest_cells_and_counts_the_rest(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    repository = made("repo", Shape(600, cells=60, revisions=10))
    with Ledger.open(repository.state_dir) as ledger:
        show_status(described(repository, ledger, rejudge=False))
    shown = capsys.readouterr().out
    assert shown.count("revision   ") == MOST_ROWS // 10
    assert f"and 40 cells with {600 - MOST_ROWS} revisions" in shown
    assert "600 attempts in the ledger" in shown


def test_an_import_notes_each_revision_once(made: Made) -> None:
    repository = made("repo", Shape(60, revisions=5))
    with Ledger.open(repository.state_dir) as ledger:
        assert len(ledger.overview().revised) == 5


def test_the_overview_says_what_the_single_questions_say(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "state") as ledger:
        results = [CLEAN, FAILED, replace(CLEAN, vanished=("CONFIG_A",)), replace(FAILED, outcome=Outcome.BROKEN)]
        for number, result in enumerate(results * 3):
            cell, kind = (CELL, CLANG)[number % 2], (Kind.RELINK, Kind.CLEAN)[number % 3 == 0]
            measured = replace(MEASURED, slots_in_use=1 + number % 2)
            made = plan(number % 5, cell=cell, kind=kind, draw=Draw(1 + number))
            ledger.finish(ledger.begin(made), replace(result, measured=measured))
        ledger.begin(plan(2))
        for number in (1, 4):
            found = ledger.get(number)
            assert found is not None
            ledger.exclude(found, "wrong compiler")
            if number == 4:
                ledger.exclude(found, "it was right", undo=True)
        ledger.tell(plan(3).revision, CELL, Word.UNTESTABLE, "hangs")
        ledger.tell(plan(4).revision, CELL, Word.FAILED, "seen")
        ledger.tell(plan(4).revision, CELL, Word.NOTHING, "")
        overview = ledger.overview()
        for cell in (CELL, CLANG):
            assert overview.revisions[cell.key] == ledger.revisions(cell.key)
            assert overview.newest[cell.key] == ledger.attempts(cell=cell.key)[-1].number
            assert overview.side_by_side[cell.key] == ledger.side_by_side(cell.key)
            assert overview.told.get(cell.key, []) == ledger.all_told(cell.key)
            for revision in ledger.revisions(cell.key):
                place = cell.key, revision.tree
                seen = ledger.observations(revision.tree, cell.key)
                assert overview.tallies.get(place, Counter()) == Counter((one.kind, one.outcome) for one in seen)
                assert overview.excluded.get(place, []) == ledger.excluded(revision.tree, cell.key)
                assert overview.revised.get(place, 0.0) == ledger.revised(revision.tree, cell.key)
        ended = [(one.plan, one.result) for one in ledger.attempts() if one.result]
        newest = {(made.cell.key, made.revision.tree): result.vanished for made, result in ended}
        assert overview.vanished == {place: names for place, names in newest.items() if names}
        assert sum(map(bool, newest.values())) not in (0, len(newest))


def test_lines_are_what_git_says_and_its_failure_is_told(made: Made) -> None:
    repository = made("repo", Shape(3, revisions=3))
    assert list(repository.lines("rev-list", "main")) == repository.git("rev-list", "main").splitlines()
    with pytest.raises(InfraError, match=r"rev-list .*no-such-commit"):
        list(repository.lines("rev-list", "no-such-commit"))


def test_a_report_of_many_cells(made: Made) -> None:
    shape = Shape(400, bisects=4, cells=40, revisions=5)
    repository = made("repo", shape)
    found = report(repository, ReportOptions(failures=5, causes=0))
    assert (len(found.spots), found.attempts, len(found.failures)) == (200, 400, 5)
