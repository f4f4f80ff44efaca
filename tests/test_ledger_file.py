"""Nothing is lost: what began is in the ledger, whatever killed what, and no trouble of the file costs a row.

Real files, real processes, real signals; where a file system is needed, a small tmpfs of our own.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.ledger.book import DIED
from bisectsyms.effects.ledger.file import mount_type
from bisectsyms.effects.ledger.owner import Owner
from bisectsyms.errors import InfraError, UserError
from bisectsyms.model import Outcome
from tests.ledgers import CELL, CLEAN, FAILED, bytes_of, child, line, plan, small_disk


def test_the_killed_are_found_and_buried(tmp_path: Path) -> None:
    driver = child(
        """
        ledger = Ledger.open(Path(sys.argv[1]))
        print(ledger.begin(plan()), flush=True)
        time.sleep(60)
        """,
        tmp_path,
    )
    number = int(line(driver))
    with Ledger.open(tmp_path) as ledger:
        assert ledger.unfinished() == [] == ledger.bury(), "its driver lives"
        driver.kill()
        # A zombie has ended already, although nobody has waited for it.
        os.waitid(os.P_PID, driver.pid, os.WEXITED | os.WNOWAIT)
        assert [one.number for one in ledger.unfinished()] == [number]
        driver.communicate()
        mine = ledger.begin(plan(2))
        assert [one.number for one in ledger.unfinished()] == [number], "we live"
        buried = ledger.bury()
        assert buried == [ledger.get(number)]
        assert buried[0].result
        assert (buried[0].result.outcome, buried[0].result.signature) == (Outcome.INFRA, DIED)
        assert str(driver.pid) in buried[0].result.why
        assert ledger.bury() == [] == ledger.unfinished()
        assert ledger.get(mine) == replace(ledger.attempts()[1], result=None)
        # A burial is a guess: the driver's own word replaces it, once.
        ledger.finish(number, FAILED)
        with pytest.raises(ValueError, match="is not running"):
            ledger.finish(number, CLEAN)
        assert [one.outcome for one in ledger.observations(plan().revision.tree, CELL.key)] == [Outcome.INCONSISTENT]


def test_who_counts_as_dead() -> None:
    me = Owner.me()
    assert Owner.me() == me
    assert not me.is_gone()
    assert replace(me, started=me.started - 60).is_gone(), "another process with our pid"
    assert replace(me, boot="an older one").is_gone()
    assert replace(me, pid=2**22 + 1).is_gone()
    # Nothing can be said of these.
    assert not replace(me, host="elsewhere", pid=2**22 + 1).is_gone()
    assert not replace(me, pids="a container", pid=2**22 + 1).is_gone()


def test_a_signal_waits_until_the_result_is_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    driver = child(
        """
        def interrupted(*args):
            raise InterruptedError("SIGTERM arrived")
        signal.signal(signal.SIGTERM, interrupted)
        ledger = Ledger.open(Path(sys.argv[1]))
        number = ledger.begin(plan())
        print(number, flush=True)
        Path(sys.argv[2]).read_text()
        try:
            ledger.finish(number, FAILED)
        except InterruptedError:
            print("interrupted", flush=True)
        """,
        tmp_path,
        tmp_path / "pipe",
    )
    number = int(line(driver))
    holder = sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)
    holder.execute("begin immediate")
    (tmp_path / "pipe").write_text("go\n")
    time.sleep(0.3)  # finish now waits for the lock
    driver.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    holder.execute("rollback")
    holder.close()
    assert line(driver) == "interrupted"
    driver.communicate()
    with Ledger.open(tmp_path) as ledger:
        got = ledger.get(number)
        assert got and got.result == FAILED


# Several processes


def test_two_processes_use_one_ledger_from_its_making_on(tmp_path: Path) -> None:
    writers = [
        child(
            """
            for number in range(15):
                with Ledger.open(Path(sys.argv[1])) as ledger:
                    begun = ledger.begin(plan(int(sys.argv[2])))
                    ledger.finish(begun, replace(CLEAN, evidence=(("log", digest(number)),)))
                    ledger.judge(judged("ab"), CELL)
            """,
            tmp_path / "new",
            number,
        )
        for number in range(3)
    ]
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0
    with Ledger.open(tmp_path / "new") as ledger:
        assert ledger.count() == 45
        assert [one.number for one in ledger.attempts()] == list(range(1, 46))
        assert len(ledger.attempts(commit=plan(1).revision.commit)) == 15
        assert all(one.result and one.result.evidence for one in ledger.attempts())
        assert len(ledger.verdicts()) == 45
        assert ledger.cells() == [CELL]


def test_opening_waits_for_a_writer_that_keeps_it_from_wal(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, fs_type=lambda path: "nfs") as ledger:
        ledger.begin(plan())
    holder = child(
        """
        db = sqlite3.connect(Path(sys.argv[1]) / "ledger.sqlite", isolation_level=None)
        db.execute("begin immediate")
        print("held", flush=True)
        time.sleep(0.4)
        """,
        tmp_path,
    )
    assert line(holder) == "held"
    with Ledger.open(tmp_path, fs_type=lambda path: "ext4") as ledger:
        assert ledger._db.execute("pragma journal_mode").fetchone()[0] == "wal"
        assert ledger.count() == 1
    holder.communicate()


# The file


def test_for_the_owners_eyes_only_and_durable(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with Ledger.open(tmp_path / "state") as ledger:
            ledger.begin(plan())
            modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "state").iterdir()}
            assert ledger._db.execute("pragma synchronous").fetchone()[0] == 2
            assert ledger._db.execute("pragma foreign_keys").fetchone()[0] == 1
            assert ledger._db.execute("pragma busy_timeout").fetchone()[0] == 30_000
    finally:
        os.umask(before)
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert modes == dict.fromkeys(["ledger.sqlite", "ledger.sqlite-shm", "ledger.sqlite-wal"], 0o600)


@pytest.mark.parametrize("kind", ["nfs4", "fuse.sshfs", "9p"])
def test_no_wal_on_a_network_file_system(tmp_path: Path, kind: str) -> None:
    told: list[str] = []
    with Ledger.open(tmp_path, fs_type=lambda path: "ext4", warn=told.append) as ledger:
        ledger.begin(plan())
        assert told == []
    with Ledger.open(tmp_path, fs_type=lambda path: kind, warn=told.append) as ledger:
        assert ledger._db.execute("pragma journal_mode").fetchone()[0] == "delete"
        ledger.finish(1, CLEAN)
        assert ledger.count() == 1
    assert len(told) == 1
    assert kind in told[0]


def test_the_mount_table_tells_of_proc() -> None:
    assert mount_type(Path("/proc/self/status")) == "proc"


@pytest.mark.parametrize("content", [b"hello", b"not SQLite, but long enough for a header\n" * 400, b"\0" * 100])
def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        Ledger.open(tmp_path)
    assert str(path) in caught.value.message
    assert "mv " in caught.value.next_step
    assert bytes_of(tmp_path) == {"ledger.sqlite": content}


def test_a_damaged_ledger_is_left_as_it_is_and_the_advice_saves_what_can_be_read(tmp_path: Path) -> None:
    state = tmp_path / "it's here"
    with Ledger.open(state) as ledger:
        for number in range(100):
            ledger.finish(ledger.begin(plan(number)), CLEAN)
    path = state / "ledger.sqlite"
    content = bytearray(path.read_bytes())
    page = content.index(b"title 50") // 4096 * 4096
    content[page : page + 4096] = b"\xff" * 4096
    path.write_bytes(content)
    with pytest.raises(UserError, match="damaged") as caught, Ledger.open(state) as ledger:
        ledger.attempts()
    assert path.read_bytes() == content
    if shutil.which("sqlite3") is None:
        pytest.skip("apt-get install sqlite3")
    keep, anew = caught.value.next_step.splitlines()
    for command in (keep.removeprefix("keep it: "), anew.partition("of it: ")[2]):
        subprocess.run(["sh", "-c", command], check=True)
    assert (state / "damaged" / "ledger.sqlite").read_bytes() == content
    with Ledger.open(state) as ledger:
        assert ledger.count() > 50
        assert ledger.begin(plan(999)) == 101
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_database_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "ledger.sqlite")
    db.execute("create table attempts (coffee text)")
    db.close()
    before = bytes_of(tmp_path)
    with pytest.raises(UserError, match="another program"):
        Ledger.open(tmp_path)
    assert bytes_of(tmp_path) == before


def test_a_missing_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InfraError, match="cannot be made") as caught:
        Ledger.open(tmp_path / "file" / "state")
    assert caught.value.next_step


def test_an_empty_file_left_by_a_crash_becomes_a_ledger(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").touch()
    with Ledger.open(tmp_path) as ledger:
        assert ledger.begin(plan()) == 1


# Disks


def test_a_full_disk_costs_no_row_that_was_written(tmp_path: Path) -> None:
    printed = small_disk(
        tmp_path,
        """
        folder = Path(sys.argv[1])
        ledger = Ledger.open(folder)
        number = ledger.begin(plan())
        filler = (folder / "filler").open("wb", buffering=0)
        try:
            while filler.write(bytes(512)): pass
        except OSError:
            pass
        begun = 1
        try:
            while begun < 1000: begun += bool(ledger.begin(plan()))
        except InfraError as error:
            print(error)
        filler.close()
        (folder / "filler").unlink()
        assert ledger.count() == begun, "none half-written"
        ledger.finish(number, FAILED)
        print(ledger.get(number).result == FAILED)
        """,
    )
    assert "the disk is full" in printed[0]
    assert "free space" in printed[1]
    assert printed[2:] == ["True"]


def test_no_room_for_a_new_ledger(tmp_path: Path) -> None:
    printed = small_disk(
        tmp_path,
        """
        try:
            Ledger.open(Path(sys.argv[1]))
        except InfraError as error:
            print(error)
        """,
        size="20k",
    )
    assert "next: free space" in printed[-1]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    code = """
        try:
            Ledger.open(Path(sys.argv[1]))
        except InfraError as error:
            print(error)
        """
    printed = small_disk(tmp_path, code, readonly=True)
    with Ledger.open(tmp_path) as ledger:
        ledger.begin(plan())
    printed += small_disk(tmp_path, code, readonly=True)
    assert len(printed) == 4
    assert all("writable" in text for text in printed[1::2])
