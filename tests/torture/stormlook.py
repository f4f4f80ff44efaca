"""What a kill must not have done: read from the ledger, the witness, git and /proc, and not by the product."""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import hashlib
import re
import shutil
import sqlite3
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.torture.stormcases import Case

NOT_ENDED = ("died", "cut-short")
TOLD = re.compile(r"^attempt (\d+)  .*  (CLEAN|INCONSISTENT|FAILED|BROKEN|TIMEOUT|INFRA)  \(", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be."""

    kind: str
    detail: str
    lost: bool = True
    """Whether it is a loss, and not merely ugly."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A row of the ledger that has an end."""

    uuid: str
    kind: str
    outcome: str
    signature: str
    ended: float

    @property
    def counts(self) -> bool:
        return self.signature not in NOT_ENDED


@dataclass(frozen=True, slots=True)
class Sight:
    """What is there between two runs."""

    rows: dict[int, Ended]
    open: tuple[int, ...]
    """Numbers of attempts without an end."""
    verdicts: frozenset[tuple[str, str]]
    witnessed: tuple[str, ...]
    user: tuple[str, ...]
    """The user's tree, as git and the disk tell it."""
    integrity: str


def look(case: Case) -> Sight:
    """See all of it, from copies where looking would change something."""
    rows, left, verdicts, integrity = _ledger(case)
    witnessed = tuple(case.witness.read_text().splitlines()) if case.witness.exists() else ()
    return Sight(rows, left, verdicts, witnessed, _user(case), integrity)


def _ledger(case: Case) -> tuple[dict[int, Ended], tuple[int, ...], frozenset[tuple[str, str]], str]:
    file = case.state / "ledger.sqlite"
    if not file.exists() or not file.stat().st_size:
        return {}, (), frozenset(), "ok"
    with tempfile.TemporaryDirectory() as aside:
        for path in case.state.glob("ledger.sqlite*"):
            if not path.name.endswith("-shm"):
                shutil.copy(path, aside)
        with contextlib.closing(sqlite3.connect(Path(aside) / file.name)) as db:
            integrity = " ".join(row[0] for row in db.execute("pragma integrity_check"))
            if not db.execute("select 1 from sqlite_master where name = 'attempts'").fetchone():
                return {}, (), frozenset(), integrity
            found = db.execute("select number, uuid, kind, outcome, signature, ended from attempts").fetchall()
            verdicts = db.execute("select revision, verdict from verdicts").fetchall()
    rows = {number: Ended(*rest) for number, *rest in found if rest[-1] is not None}
    return rows, tuple(one[0] for one in found if one[-1] is None), frozenset(verdicts), integrity


def _user(case: Case) -> tuple[str, ...]:
    refs = case.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    theirs = "\n".join(ref for ref in refs if not ref.startswith(("refs/bisect/", "refs/bisectsyms/")))
    there = [case.git("status", "--porcelain"), theirs, (case.repo / ".git/config").read_text()]
    if not case.moves:
        index = hashlib.sha256((case.repo / ".git/index").read_bytes()).hexdigest()
        there += [case.git("rev-parse", "HEAD"), index]
        there += [str((case.repo / ".git/index.lock").exists())]
    if case.verb != "step":
        there += [" ".join(sorted(path.name for path in (case.repo / ".git").glob("BISECT_*")))]
    return tuple(there)


def compare(case: Case, before: Sight, after: Sight, output: str) -> list[Finding]:
    """What one run, however it ended, did that it must not have done; `output` is all that it said."""
    found = []
    if after.integrity != "ok":
        found.append(Finding("the ledger is damaged", after.integrity))
    if case.verb == "demo":  # its repository is its own, and new each time
        return found + ([Finding("the user's tree was touched", str(after.user))] if before.user != after.user else [])
    for number, row in before.rows.items():
        if after.rows.get(number) != row:
            found.append(Finding("an attempt is lost or changed", f"{number}: {row}, {after.rows.get(number)}"))
    for uuid, times in Counter(row.uuid for row in after.rows.values()).items():
        if times > 1:
            found.append(Finding("an attempt is there twice", uuid))
    for number, outcome in TOLD.findall(output):
        there = after.rows.get(int(number))
        if there is None or there.outcome != outcome:
            found.append(Finding("an attempt that was told is not in the ledger", f"{number} {outcome}: {there}"))
    if len(after.open) > case.at_once:
        found.append(Finding("more attempts without an end than could run", str(after.open)))
    found += _numbered(case, before, after) if case.numbered else _counted(case, before, after)
    if before.user != after.user:
        found.append(Finding("the user's tree was touched", f"{before.user} -> {after.user}"))
    return found + _git_state(case, after)


def _numbered(case: Case, before: Sight, after: Sight) -> list[Finding]:
    """Attempts that count are those that the command saw end, but for those that a kill came between."""
    found = []
    seen = Counter(int(line.split()[0]) for line in after.witnessed)
    status = {int(line.split()[0]): int(line.split()[1]) for line in after.witnessed}
    counted = {number for number, row in after.rows.items() if row.counts}
    if twice := [number for number, times in seen.items() if times > 1]:
        found.append(Finding("one number for two attempts", str(twice)))
    if unseen := counted - seen.keys():
        found.append(Finding("an attempt counts that never ended", str(unseen)))
    wrong = [one for one in counted & seen.keys() if (after.rows[one].outcome == "CLEAN") != (status[one] == 0)]
    if wrong:
        found.append(Finding("an attempt has another outcome than it had", str(wrong)))
    old = {int(line.split()[0]) for line in before.witnessed}
    if len(lost := seen.keys() - old - counted) > case.at_once:
        found.append(Finding("an attempt that ended is lost", str(lost)))
    return found


def _counted(case: Case, before: Sight, after: Sight) -> list[Finding]:
    """As `_numbered`, where only the number of ends is known. A replay has no make."""
    made = len(after.witnessed) - len(before.witnessed)
    new = [row for number, row in after.rows.items() if number not in before.rows]
    ended = sum(row.counts and row.kind != "replay" for row in new)
    if ended > made:
        return [Finding("an attempt counts that never ended", f"{ended} ended, {made} were seen to end")]
    if made - ended > case.at_once:
        return [Finding("an attempt that ended is lost", f"{made} were seen to end, {ended} are in the ledger")]
    return []


def _git_state(case: Case, after: Sight) -> list[Finding]:
    """Every verdict that git was told is in the ledger, and none is false."""
    if case.verb != "step":
        return []
    found = []
    ends = set(case.git("rev-parse", "good", "bad").split())
    for line in case.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/bisect").splitlines():
        name, commit = line.split()
        word = name.removeprefix("refs/bisect/").partition("-")[0]
        if commit in ends or word not in ("good", "bad"):
            continue
        if (commit, word.upper()) not in after.verdicts:
            found.append(Finding("git was told what the ledger does not have", line))
        has = case.git("merge-base", case.culprit, commit).strip() == case.culprit
        if has != (word == "bad"):
            found.append(Finding("git was told what is not true", line))
    return found


def left_running(case: Case) -> list[str]:
    """Processes of this case, by the HOME that they were given."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get("HOME") == str(case.home) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.pid} {' '.join(process.cmdline())[:200]}")
    return found


def still_locked(case: Case) -> list[str]:
    """Slots that somebody still holds."""
    held = []
    for path in case.slots.glob("*/*/lock"):
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                held.append(str(path))
    return held


def damaged_evidence(case: Case) -> list[str]:
    """Files of attempts that are not there, or not what their name says."""
    file, bad = case.state / "ledger.sqlite", []
    if not file.exists():
        return []
    with contextlib.closing(sqlite3.connect(file)) as db:
        digests = [row[0] for row in db.execute("select distinct digest from evidence")]
    for digest in digests:
        try:
            content = gzip.decompress((case.state / "evidence" / digest[:2] / f"{digest[2:]}.gz").read_bytes())
        except (OSError, EOFError) as error:
            bad.append(f"{digest}: {error}")
            continue
        if hashlib.sha256(content).hexdigest() != digest:
            bad.append(digest)
    return bad
