"""Files that only their owner may write to, a ledger that came from elsewhere, and nothing fetched without its hash."""

from __future__ import annotations

import re
import sqlite3
import stat
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bisectsyms.cli.shared import named_in
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.ledger.reading import Reading
from bisectsyms.effects.slots import acquire
from bisectsyms.errors import UserError
from bisectsyms.smallkernel.history import Failure
from tests.conftest import MakeHistory, User
from tests.ledgers import CELL, FAILED, plan

ROOT = Path(__file__).resolve().parent.parent


def open_to_others(folder: Path, bits: int) -> Iterator[Path]:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink() and stat.S_IMODE(path.stat().st_mode) & bits:
            yield path


@pytest.mark.parametrize("umask", ["000", "077"])
def test_nobody_else_can_write_to_our_files(user: User, make_history: MakeHistory, umask: str) -> None:
    history = make_history(Failure.NONE, commits=12)
    words = "bisectsyms tell HEAD untestable --why x --profile smallkernel"
    done = user.run("sh", "-c", f"umask {umask}; exec {words}", cwd=history.repo)
    assert done.returncode == 0, done.stderr
    state = history.repo / ".git/bisectsyms"
    assert stat.S_IMODE(state.stat().st_mode) == 0o700 and (state / "ledger.sqlite").exists()
    assert list(open_to_others(state, 0o022)) == []


def test_a_slot_is_its_owners(make_history: MakeHistory, tmp_path: Path) -> None:
    history = make_history(Failure.NONE, commits=12)
    slot = acquire(tmp_path / "cache/slots", Repository.discover(history.repo, {}))
    assert stat.S_IMODE(slot.path.parent.stat().st_mode) == 0o700
    slot.release()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    with Ledger.open(tmp_path / "state") as ledger:
        ledger.finish(ledger.begin(plan()), FAILED)
    return tmp_path / "state"


def _bend(state: Path, *statements: str) -> bytes:
    db = sqlite3.connect(state / "ledger.sqlite", isolation_level=None)
    for one in statements:
        db.execute(one)
    db.execute("pragma wal_checkpoint(truncate)")
    db.close()
    return (state / "ledger.sqlite").read_bytes()


def test_a_ledger_with_triggers_is_refused(state: Path) -> None:
    before = _bend(state, "create trigger evil after insert on attempts begin delete from attempts; end")
    for opener in (Ledger, Reading):
        with pytest.raises(UserError, match="has triggers"):
            opener.open(state)
    assert (state / "ledger.sqlite").read_bytes() == before


def test_views_of_a_ledger_run_nothing(state: Path) -> None:
    """A table of another kind behind a view: with a schema that is trusted it would be read."""
    _bend(state, "alter table verdicts rename to aside", "create virtual table v using fts5(x)")
    _bend(state, "create view verdicts as select *, (select count(*) from v) as more from aside")
    with Reading.open(state) as ledger, pytest.raises(sqlite3.Error, match="unsafe use"):
        ledger._select("select more from verdicts")


def test_a_field_does_not_take_all_memory(state: Path) -> None:
    _bend(state, "update attempts set title = zeroblob(68000000)")
    with pytest.raises((sqlite3.Error, UserError)), Reading.open(state) as ledger:
        ledger.tried()


@pytest.mark.parametrize("name", ["./evil.yaml", "../x", "a/b", "evil.yml", "a\nb", "a\x1bb"])
def test_a_profile_of_the_ledger_is_a_name(name: str) -> None:
    assert named_in(CELL) == CELL.profile
    with pytest.raises(UserError, match="no name of a profile"):
        named_in(replace(CELL, profile=name))


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-fuzz.lock"])
def test_everything_that_is_installed_is_pinned_with_its_hash(lock: str) -> None:
    entries = re.split(r"\n(?=[A-Za-z])", re.sub(r"(?m)^\s*#.*\n", "", (ROOT / lock).read_text()).strip())
    assert entries and all(re.match(r"[\w.\[\]-]+==\S+", one) for one in entries)
    assert [one.split()[0] for one in entries if "--hash=sha256:" not in one] == []


def test_nothing_is_installed_without_its_hash() -> None:
    lines = [line for name in ("Makefile", ".ci/run") for line in (ROOT / name).read_text().splitlines()]
    fetching = [line for line in lines if re.search(r"\bpip install\b", line) and "--no-deps" not in line]
    assert fetching and all("--require-hashes" in line for line in fetching)


def test_every_dependency_is_in_the_lock() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*told["project"]["dependencies"], *told["dependency-groups"]["dev"], *told["build-system"]["requires"]]
    names = {re.split(r"[<>=!~ \[]", one)[0].lower() for one in wanted}
    locked = {
        line.split("==")[0].lower() for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line
    }
    assert names - locked == set()
