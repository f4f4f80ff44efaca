"""Ledgers of other versions: older ones are brought up once, newer ones are left as they are."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from bisectsyms import __version__
from bisectsyms.effects.ledger import Ledger, schema
from bisectsyms.errors import UserError
from tests.ledgers import FAILED, bytes_of, first_version, plan

NEXT = """
alter table attempts add column oops integer not null default 7;
create table notes (attempt integer references attempts (number), text text);
insert into notes select number, 'written by a migration; with a semicolon' from attempts;
"""


def test_an_older_ledger_is_brought_up_once_and_keeps_its_rows(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        ledger.finish(ledger.begin(plan()), FAILED)
    newer = (*schema.MIGRATIONS, NEXT)
    for _ in range(2):
        with Ledger.open(tmp_path, migrations=newer) as ledger:
            got = ledger.get(1)
            assert got and got.result == FAILED
    db = sqlite3.connect(tmp_path / "ledger.sqlite")
    assert db.execute("select * from notes").fetchall() == [(1, "written by a migration; with a semicolon")]
    versions = db.execute("select version from ledger_versions").fetchall()
    assert versions == [(number,) for number in range(1, len(newer) + 1)]
    db.close()


def test_a_ledger_of_the_first_version_keeps_its_rows_and_its_copies_stay_the_same_attempts(tmp_path: Path) -> None:
    for folder in ("one", "copy"):
        first_version(tmp_path / folder, [plan(1), plan(2), plan(2)], FAILED)
    uuids = []
    for folder in ("one", "copy"):
        with Ledger.open(tmp_path / folder) as ledger:
            assert [one.plan for one in ledger.attempts()] == [plan(1), plan(2), plan(2)]
            assert [one.result for one in ledger.attempts()] == [FAILED] * 3
            assert ledger.begin(plan(3)) == 4
            uuids.append([row["uuid"] for row in ledger._db.execute("select uuid from attempts order by number")])
    assert uuids[0][:3] == uuids[1][:3], "a copy of the file holds the same attempts"
    assert len({*uuids[0], *uuids[1]}) == 5, "and what is made afterwards is told apart"


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (NEXT + "insert into no_such_table values (1);\n", sqlite3.OperationalError),
        (NEXT + "delete from cells;\n", RuntimeError),
        (NEXT + "delete from cells", ValueError),
    ],
)
def test_a_migration_that_fails_changes_nothing(tmp_path: Path, script: str, error: type[Exception]) -> None:
    with Ledger.open(tmp_path) as ledger:
        ledger.begin(plan())
    with pytest.raises(error):
        Ledger.open(tmp_path, migrations=(*schema.MIGRATIONS, script))
    with Ledger.open(tmp_path) as ledger:
        assert ledger.count() == 1
        assert ledger._db.execute("select count(*) from sqlite_master where name = 'notes'").fetchone()[0] == 0


def test_a_newer_ledger_is_refused_untouched(tmp_path: Path) -> None:
    # A network file system's journal mode would be changed if we went too far.
    with Ledger.open(tmp_path, migrations=(*schema.MIGRATIONS, NEXT)) as ledger:
        ledger.begin(plan())
        ledger._db.execute("update ledger_versions set software = '9.9' where version > 2")
    before, changed = bytes_of(tmp_path), (tmp_path / "ledger.sqlite").stat().st_mtime_ns
    with pytest.raises(UserError) as caught:
        Ledger.open(tmp_path, fs_type=lambda path: "nfs")
    assert "bisectsyms 9.9" in caught.value.message
    assert f"{__version__} knows versions up to {len(schema.MIGRATIONS)}" in caught.value.message
    assert "9.9" in caught.value.next_step
    assert bytes_of(tmp_path) == before
    assert (tmp_path / "ledger.sqlite").stat().st_mtime_ns == changed
