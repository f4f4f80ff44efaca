"""Much of everything: attempts in one ledger, commits in one repository, bytes in one log.

`--rounds N` is the number of attempts, 100 000 by default; commits are ten times as many, bytes of a log 10 000 times.
Seconds are those of the CPU, so that they mean something on a machine that does other things as well.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.speed import TOOL
from bisectsyms.core.logscan import scan
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import exchange
from bisectsyms.inputs.knowledge import load_knowledge
from bisectsyms.render.reports.forms import FORMS
from tests.manyattempts import Shape, history, records
from tests.torture.outcome import Options, Row

ATTEMPTS = 100_000
STATUS_SECONDS, REPORT_SECONDS = 1.0, 10.0
MOST_MEMORY = 1 << 30
"""Bytes that any of these may take."""
LEAST_SPEED = 100e6
"""Bytes of a log per second, of those that builds write."""
CHUNK = 1 << 20
VIEWS = ("rates", "cost", "history", "excluded", "attempts_view", "spots_view", "failures_view", "hours_view")


@dataclass(frozen=True, slots=True)
class Took:
    """What a process took."""

    status: int
    seconds: float
    """Of the CPU, its children's too."""
    memory: int
    """Bytes at most at once."""
    output: int
    """Bytes."""

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s, {self.memory / 1e6:.0f} MB of memory, {self.output / 1e6:.2f} MB of output"


def run(options: Options) -> list[Row]:
    attempts = options.rounds or ATTEMPTS
    shapes = {
        "1 cell, 40 revisions": Shape(attempts, revisions=40),
        "200 cells, 10 bisects, 4000 spots": Shape(attempts, bisects=10, cells=200, revisions=20),
    }
    rows = []
    with tempfile.TemporaryDirectory(prefix="bisectsyms-load-") as name:
        folder = Path(name)
        for what, shape in shapes.items():
            rows += _ledger(folder / f"ledger-{shape.cells}", what, shape, options.seed)
        for merges in (0, 10):
            repo = folder / f"history-{merges}"
            rows += _commits(repo, attempts * 10, merges)
            shutil.rmtree(repo)
        rows += [_log(kind, attempts * 10_000) for kind in LOGS]
    return rows


def _ledger(repo: Path, what: str, shape: Shape, seed: int) -> list[Row]:
    commits = shape.bisects * shape.revisions
    history(repo, commits)
    repository = Repository.discover(repo, {})
    revisions = repository.described(repository.git("rev-list", "--reverse", "main").split())
    export, page = repo.parent / "many.jsonl", repo.parent / "page.html"
    with export.open("wb") as file:
        file.writelines(exchange.write("night", records(shape, revisions, seed=seed)))
    verbs: dict[str, tuple[float, Sequence[str]]] = {
        "ledger import": (60.0, (str(export),)),
        "status": (STATUS_SECONDS, ()),
        "status --json": (STATUS_SECONDS, ()),
        **{f"report --format {form}": (REPORT_SECONDS, ()) for form in FORMS},
        "report --html": (REPORT_SECONDS, (str(page),)),
        "ledger export": (60.0, ("-",)),
    }
    rows = []
    for verb, (limit, words) in verbs.items():
        took = _took([str(TOOL), *verb.split(), *words], repo)
        slow = took.status != 0 or took.seconds > limit or took.memory > MOST_MEMORY
        rows.append(Row(f"{verb}: {what}", shape.attempts, "attempts", lost=int(slow), found=int(slow), note=str(took)))
    with closing(sqlite3.connect(repository.state_dir / "ledger.sqlite")) as db:
        (kept,) = db.execute("select count(*) from attempts").fetchone()
        read = [db.execute(f"select count(*) from (select * from {view})").fetchone()[0] for view in VIEWS]
    note = f"{sum(read)} rows in {len(VIEWS)} views"
    rows.append(Row(f"kept: {what}", kept, "attempts", lost=shape.attempts - kept, note=note))
    return rows


def _commits(repo: Path, commits: int, merges: int) -> list[Row]:
    """The first attempt between ends so many commits apart, and a thousand apart."""
    history(repo, commits, merge_every=merges)
    what = f"{commits} commits, {'one in ten a merge' if merges else 'no merge'}"
    rows = []
    for apart in (commits - 1, 1000):
        words = ["bisect", f"main~{apart if not merges else apart // 2}", "main", "--max-attempts", "1", "--", "false"]
        took = _took([str(TOOL), *words], repo)
        wrong = took.status != 3 or took.memory > 4 * MOST_MEMORY
        told = f"the first attempt of a search over {apart}: {what}"
        rows.append(Row(told, 1, "attempt", lost=int(wrong), found=int(wrong), note=str(took)))
    return rows


def _took(argv: Sequence[str], cwd: Path) -> Took:
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(argv, cwd=cwd, stdout=out, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        seconds = usage.ru_utime + usage.ru_stime
        return Took(child.returncode, seconds, usage.ru_maxrss << 10, out.seek(0, os.SEEK_END))


def _lines(text: bytes) -> bytes:
    return b"".join(text % {b"n": b"%d" % number} for number in range(1000))


LOGS = {
    "quiet": _lines(b"  CC      drivers/char/hw_random/core-%(n)b.o\n"),
    "V=1": b"  arm-linux-gnueabi-gcc -Wp,-MMD,kernel/.fork.o.d -nostdinc " + b"-Wall " * 100 + b"kernel/fork.c\n",
    "one line": b"x y " * 1000,
    "nothing but newlines": b"\n",
    "NUL": bytes(1),
    "random bytes": random.Random(1).randbytes(1 << 20),
    "warnings": _lines(b"a/b%(n)b.c:9:3: warning: unused variable [-Wunused]\n  9 |  int x;\n      |  ^\n"),
    "warnings of the linker": _lines(
        b"arm-linux-gnueabi-ld: warning: orphan section `.x%(n)b' from `a/b%(n)b.o' being placed in section `.x%(n)b'\n"
    ),
    "lines without a margin": _lines(b"arm-linux-gnueabi-gcc -c -o kernel/fork%(n)b.o kernel/fork.c\n"),
    "nothing but errors": _lines(b"drivers/a/b%(n)b.c:9:3: error: 'x' undeclared\n"),
    "nothing but the message": b"Inconsistent kallsyms data\n",
    "the message, quoted": b"+ echo Inconsistent kallsyms data\n",
    "the message, quoted, no line twice": _lines(b"+ echo %(n)b Inconsistent kallsyms data\n"),
    "words of errors that are none": b"*** " * 20 + b"\n",
    "words of errors that are none, no line twice": _lines(b"*** " * 20 + b"%(n)b\n"),
}
"""What a log repeats."""
SLOW = ("the message, quoted, no line twice",)
"""Logs that no build writes for long, and of which each line has to be looked at up to the last."""


def digest(kind: str, size: int) -> int:
    """Read so many bytes of a kind of log, as a build's log is read; how many lines there were."""
    part = LOGS[kind] * (CHUNK // len(LOGS[kind]) + 1)

    def chunks() -> Iterator[bytes]:
        left = size
        while left > 0:
            for at in range(0, len(part), CHUNK):
                yield part[at : min(at + CHUNK, at + left)]
                left -= len(part[at : at + CHUNK])

    return scan(chunks(), load_knowledge().signatures).lines


def _log(kind: str, size: int) -> Row:
    code = f"from tests.torture.load import digest; digest({kind!r}, {{}})"
    bare, took = (_took([sys.executable, "-c", code.format(each)], Path.cwd()) for each in (0, size))
    speed = size / max(took.seconds - bare.seconds, 1e-3)
    more = took.memory - bare.memory
    slow = took.status != 0 or more > 64 * CHUNK or (speed < LEAST_SPEED and kind not in SLOW)
    note = f"{speed / 1e6:.0f} MB/s, {more / 1e6:.0f} MB of memory more than for an empty log"
    return Row(f"a log digested: {kind}", size, "bytes", lost=int(slow), found=int(slow), note=note)
