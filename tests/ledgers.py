"""Plans and results to fill a ledger with, and processes that use one."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bisectsyms.effects.ledger import migrating, rows, schema
from bisectsyms.effects.ledger.owner import Owner
from bisectsyms.model import (
    Cell,
    Consistency,
    Draw,
    Judged,
    Kind,
    Measured,
    Outcome,
    Plan,
    Result,
    Revision,
    Toolchain,
    Verdict,
)

NAMES = """
import os, signal, sqlite3, sys, time
from dataclasses import replace
from pathlib import Path
from bisectsyms.effects.ledger import Ledger
from bisectsyms.errors import *
from bisectsyms.model import *
from tests.ledgers import *
"""
"""What the code of a child process may use."""

GCC = Toolchain("gcc-12", "arm-linux-gnueabi-gcc (Debian 12.2.0-14) 12.2.0", "GNU ld 2.40", "ab" * 32)
CELL = Cell("s3c", "arm", GCC, "c0ffee", 8, ("vmlinux",), (("LOCALVERSION", "-x"),), (("LANG", "C"),), "sweep:7")
CLANG = replace(CELL, toolchain=replace(GCC, name="clang-15"))
MEASURED = Measured(2.75, 2.2, 371_000_000, 0.5, 2)
CLEAN = Result(Outcome.CLEAN, "", "the maps are equal", MEASURED, 0, "layout1", "6.1.0-x")
FAILED = Result(Outcome.INCONSISTENT, "kallsyms", "Inconsistent kallsyms data", MEASURED, 2, "layout2", "6.1.0-x")


def digest(number: int) -> str:
    return f"{number:064x}"


def plan(
    number: int = 1, *, cell: Cell = CELL, tree: str = "", kind: Kind = Kind.RELINK, draw: Draw | None = None
) -> Plan:
    """A plan for the commit called `number`."""
    revision = Revision(f"{number:040x}", tree or f"{number + 1000:040x}", f"title {number}", f"v{number}")
    return Plan(revision, cell, kind, draw or Draw(3), "slot-0", "bwrap", False, "make -j8 vmlinux", ("CC", "O"))


def judged(commit: str, verdict: Verdict = Verdict.GOOD, kind: Kind = Kind.RELINK, when: float = 1.5) -> Judged:
    return Judged(commit, CELL.key, kind, verdict, Consistency.GOOD, "12 clean attempts", 0.03, when)


def first_version(state_dir: Path, plans: Sequence[Plan], result: Result) -> None:
    """A ledger as bisectsyms wrote it before attempts had a uuid: these attempts, all ended with `result`."""
    state_dir.mkdir()
    db = sqlite3.connect(state_dir / "ledger.sqlite", isolation_level=None)
    migrating.migrate(db, schema.MIGRATIONS[:1])

    def insert(table: str, row: rows.Row) -> None:
        db.execute(f"insert or ignore into {table} ({', '.join(row)}) values (:{', :'.join(row)})", row)

    owner = Owner("hostA", "boot", "1", 42, 3.5)
    for number, one in enumerate(plans):
        insert("cells", rows.cell_row(one.cell))
        end = {**rows.result_row(result), "begun": 100.25 + number, "ended": 103.0}
        for later in ("vanished", "inputs"):
            del end[later]
        begun = rows.plan_row(one, owner)
        del begun["draw_factors"]
        insert("attempts", begun | end)
    db.close()


def child(code: str, *args: object) -> subprocess.Popen[str]:
    """A process that runs `code` with NAMES; it prints to a pipe."""
    return subprocess.Popen(
        [sys.executable, "-c", f"{NAMES}{textwrap.dedent(code)}", *map(str, args)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": "."},
        cwd=Path(__file__).parents[1],
    )


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def small_disk(folder: Path, code: str, *, size: str = "256k", readonly: bool = False) -> list[str]:
    """Run `code` in `folder` on a small file system of its own; the lines it printed."""
    if shutil.which("unshare") is None:
        pytest.skip("apt-get install util-linux")
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
        pytest.skip("user namespaces are not permitted here (sysctl kernel.apparmor_restrict_unprivileged_userns)")
    how = (
        'mount -o bind "$1" "$1" && mount -o remount,bind,ro "$1"'
        if readonly
        else f'mount -t tmpfs -o size={size} none "$1"'
    )
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-ec", f'{how}\nexec "$2" -c "$3" "$1"', "sh", str(folder), sys.executable,
         f"{NAMES}{textwrap.dedent(code)}"],
        env={**os.environ, "PYTHONPATH": "."},
        cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return done.stdout.splitlines()
