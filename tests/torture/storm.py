"""A storm of kills: four verbs, four signals, to the process or to its whole group, at random moments.

After each kill the same command is typed again, and killed again, until a case has had its share; then it may end.
What must hold between any two runs is in `stormlook`, what is killed in `stormcases`. The seed is in the note; the
moments are random in time, so a seed repeats the plan of kills and not the exact instant.
"""

from __future__ import annotations

import contextlib
import enum
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.torture.outcome import Options, Row
from tests.torture.stormcases import CASES, Case, Templates
from tests.torture.stormlook import Finding, Sight, compare, damaged_evidence, left_running, look, still_locked

KILLS = 300
PER_CASE = 10
"""Kills before a case may end."""
SHARES = {
    "bisect -- command": 120,
    "bisect --slots 2 -- command": 40,
    "bisect": 20,
    "step under git bisect run": 40,
    "step under git bisect run, --no-checkout": 40,
    "hunt": 20,
    "demo": 20,
}
"""Of 300."""
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""SIGKILL twice as often: nothing of ours can soften it."""
TO_END = 120.0
"""Seconds in which what was told to end has to have ended."""
AFTERGLOW = 30.0
"""Seconds in which what a killed driver left has to be gone, on a machine that does other things."""
TO_FINISH = 3600.0
AT_ONCE = 7
"""Kinds of cases that are killed at the same time."""


class Moment(enum.StrEnum):
    """What a kill waits for before its random delay."""

    START = "start"
    LEDGER = "the ledger's opening"
    WORKTREE = "making the worktree"
    CONFIRM = "confirming"
    ANY = "any moment"


@dataclass(frozen=True, slots=True)
class Blow:
    """One kill as it is planned."""

    number: signal.Signals
    group: bool
    """To the whole group, as a terminal does, and not to our process alone."""
    moment: Moment
    delay: float
    """Seconds after that."""
    again: float | None
    """Seconds until the same once more, into the cleaning up."""

    def __str__(self) -> str:
        twice = "" if self.again is None else f", again after {self.again:.3f} s"
        whom = "group" if self.group else "process"
        return f"{self.number.name} to the {whom} {self.delay:.3f} s after {self.moment}{twice}"


@dataclass
class Tally:
    """What came of the kills of one kind of case."""

    kills: Counter[str] = field(default_factory=Counter)
    late: int = 0
    """The run had ended before."""
    cases: int = 0
    ended: int = 0
    """Attempts."""
    git_locks: int = 0
    """Locks of the user's own git that a kill of its group left."""
    findings: list[Finding] = field(default_factory=list)


def run(options: Options) -> list[Row]:
    """Every verb; `rounds` kills in place of 300, or as many as fit into `seconds`."""
    until = math.inf if options.seconds is None else time.monotonic() + options.seconds
    share = (options.rounds or KILLS) / KILLS
    folder = Path(tempfile.mkdtemp(prefix="storm-"))

    def one(number: int, what: str) -> Row:
        kills = max(1, round(SHARES[what] * share))
        seed = options.seed * 1000 + number
        return _row(what, storm(folder / f"{number}", what, kills, seed, _say, until=until), options.seed)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        rows = list(pool.map(one, *zip(*enumerate(CASES), strict=True)))
    if not any(row.lost for row in rows):
        shutil.rmtree(folder, ignore_errors=True)
    return rows


def _say(text: str) -> None:
    print(f"    {time.strftime('%H:%M:%S')} {text}", flush=True)


def _row(what: str, tally: Tally, seed: int) -> Row:
    kinds = Counter(finding.kind for finding in tally.findings)
    seen = "; ".join(f"{kind} ({times})" for kind, times in kinds.items())
    signals = " ".join(f"{name} {times}" for name, times in sorted(tally.kills.items()))
    note = f"{signals}; {tally.ended} attempts in {tally.cases} repositories; seed {seed}"
    if tally.git_locks:
        note += f"; git's own index.lock was left by {tally.git_locks} kills of its group"
    lost = sum(finding.lost for finding in tally.findings)
    return Row(what, tally.kills.total(), "kills", lost, len(kinds), f"{note}. {seen}".rstrip(". "))


def storm(
    folder: Path,
    what: str,
    kills: int,
    seed: int,
    say: Callable[[str], None],
    *,
    per_case: int = PER_CASE,
    until: float = math.inf,
) -> Tally:
    """Kill one kind of case so often, in as many repositories as that takes; none is begun after `until`."""
    chance, tally = random.Random(seed), Tally()
    templates = Templates(folder / "templates")
    while tally.kills.total() < kills and time.monotonic() < until:
        case = templates.make(what, folder / f"case{tally.cases}")
        tally.cases += 1
        found = len(tally.findings)
        left = min(per_case, kills - tally.kills.total())
        for blow in _plan(chance, left, case):
            if not _strike(case, blow, tally, say):
                break
        else:
            _finish(case, tally, say)
        if len(tally.findings) == found:  # else it is kept to be looked at
            shutil.rmtree(case.folder, ignore_errors=True)
    return tally


def _plan(chance: random.Random, kills: int, case: Case) -> list[Blow]:
    """The kills of one case; the moments that come but once in its life stand first."""
    moments = [Moment.LEDGER, Moment.WORKTREE, Moment.START][: kills // 2]
    confirm = 2 if case.verb == "bisect" and kills > 5 else 0
    moments += [Moment.ANY] * (kills - len(moments) - confirm) + [Moment.CONFIRM] * confirm
    if case.verb == "demo":
        moments = [chance.choice((Moment.START, Moment.ANY)) for _ in moments]
    longest = {Moment.START: 2.0, Moment.LEDGER: 0.05, Moment.WORKTREE: 0.3, Moment.CONFIRM: 4.0, Moment.ANY: 8.0}
    return [
        Blow(
            number=chance.choice(SIGNALS),
            group=chance.random() < 0.5,
            moment=moment,
            delay=chance.uniform(0, longest[moment]),
            again=chance.uniform(0, 0.5) if chance.random() < 0.25 else None,
        )
        for moment in moments
    ]


def _strike(case: Case, blow: Blow, tally: Tally, say: Callable[[str], None]) -> bool:
    """Start the command, kill it, and look; False if the case can take no more."""
    before = look(case)
    with _started(case) as (process, output):
        deadline = time.monotonic() + 60
        while process.poll() is None and not _is_there(case, blow.moment, output) and time.monotonic() < deadline:
            time.sleep(0.005)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(blow.delay)
        if process.poll() is not None:
            tally.late += 1
            say(f"{case.folder.name}: ended before {blow}: {process.returncode}")
            return _looked(case, before, output, tally, say, blow)
        while not (hit := _hit(process, blow, case)) and process.poll() is None:
            time.sleep(0.005)  # git has not begun a step yet, or the last one has just ended
        if hit and blow.again is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(blow.again)
            _hit(process, blow, case)
        tally.kills[blow.number.name] += hit
        try:
            process.wait(TO_END)
        except subprocess.TimeoutExpired:
            _note(tally, say, blow, case, Finding("it does not end", str(blow)))
            return False
        say(f"{case.folder.name}: {blow}: {process.returncode}")
    return _looked(case, before, output, tally, say, blow)


def _looked(case: Case, before: Sight, output: Path, tally: Tally, say: Callable[[str], None], blow: Blow) -> bool:
    patience = time.monotonic() + AFTERGLOW
    # A command that was left by SIGKILL ends by itself, or at the next start of ours; a build falls with its driver.
    while (left := left_running(case)) and time.monotonic() < patience:
        time.sleep(0.05)
    lock, fine = case.repo / ".git/index.lock", len(tally.findings)
    if case.moves and lock.exists():
        tally.git_locks += 1
        lock.unlink()
    after = look(case)
    text = output.read_text(errors="replace")
    for finding in compare(case, before, after, text):
        _note(tally, say, blow, case, finding)
    if left:
        _note(tally, say, blow, case, Finding("a process is left", str(left)))
        _end(left)
    if held := still_locked(case):
        _note(tally, say, blow, case, Finding("a slot stays locked", str(held)))
    # An interrupt before the first line of ours is shown by Python itself.
    if "internal error" in text or ("Traceback" in text and "KeyboardInterrupt" not in text):
        _note(tally, say, blow, case, Finding("a traceback", text[-3000:], lost=False))
    for demo in (case.folder / "tmp").glob("bisectsyms-demo-*"):
        if not (blow.number == signal.SIGKILL and blow.group):  # which leaves nobody who could remove it
            _note(tally, say, blow, case, Finding("the demo's folder is left", str(blow), lost=False))
        shutil.rmtree(demo, ignore_errors=True)  # of this kill, and not of the next
    return len(tally.findings) == fine


def _finish(case: Case, tally: Tally, say: Callable[[str], None]) -> None:
    """The same command once more, to its end: the answer, and everything usable without a manual step."""
    before, blow = look(case), Blow(signal.SIGCONT, False, Moment.ANY, 0.0, None)
    with _started(case) as (process, output):
        try:
            status = process.wait(TO_FINISH)
        except subprocess.TimeoutExpired:
            _note(tally, say, blow, case, Finding("it does not come to its end", output.read_text()[-2000:]))
            return
    text = output.read_text(errors="replace")
    _looked(case, before, output, tally, say, blow)
    if status not in (0, 3) or (case.culprit and case.verb != "hunt" and not _named(case, text)):
        _note(tally, say, blow, case, Finding("it does not go on to the right answer", f"{status}: {text[-3000:]}"))
    after = look(case)
    tally.ended += sum(row.counts for row in after.rows.values())
    if after.open:
        _note(tally, say, blow, case, Finding("an attempt without an end", str(after.open)))
    if bad := damaged_evidence(case):
        _note(tally, say, blow, case, Finding("evidence is damaged", str(bad)))
    if case.verb != "demo":
        done = subprocess.run(
            ("bisectsyms", "clean", "--yes", "--slots-dir", str(case.slots)),
            cwd=case.repo, env=case.env, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        if done.returncode or case.git("worktree", "list").count("\n") != 1 or list(case.slots.glob("*/*/src")):
            _note(tally, say, blow, case, Finding("clean does not clean", done.stdout + done.stderr))
    say(f"{case.folder.name}: ended with {status}")


def _named(case: Case, text: str) -> bool:
    if case.verb == "step":
        return f"{case.culprit} is the first bad commit" in text
    if case.verb == "demo":
        return "that is the commit that the demo had planted: right" in text
    return f"culprit: {case.culprit} " in text


def _note(tally: Tally, say: Callable[[str], None], blow: Blow, case: Case, finding: Finding) -> None:
    tally.findings.append(finding)
    say(f"!! {case.folder}: {finding.kind}: {finding.detail} [{blow}]")


@contextlib.contextmanager
def _started(case: Case) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """The command in a session of its own, as a terminal starts it; its output goes to a file."""
    output = case.folder / "output"
    # A shell starts background jobs with SIGINT ignored, and whatever runs this may be one.
    words = ("env", "--default-signal=INT,HUP,TERM", *case.words)
    with output.open("wb") as out:
        process = subprocess.Popen(
            words, cwd=case.repo, env=case.env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield process, output
    finally:
        if process.poll() is None:  # whoever is in the group, or has left it: git's helper outlives git
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            _end(left_running(case))


def _end(left: list[str]) -> None:
    """Those that `left_running` has found."""
    for text in left:
        with contextlib.suppress(psutil.Error):
            psutil.Process(int(text.split()[0])).kill()


def _is_there(case: Case, moment: Moment, output: Path) -> bool:
    match moment:
        case Moment.LEDGER:
            return (case.state / "ledger.sqlite").exists()
        case Moment.WORKTREE:
            return any(case.slots.glob("*/*/src")) or any(case.slots.glob("*/*/tree/*"))
        case Moment.CONFIRM:
            return b"once more" in output.read_bytes()
    return True


def _hit(process: subprocess.Popen[bytes], blow: Blow, case: Case) -> bool:
    """Send it; whether there was anybody to send it to."""
    with contextlib.suppress(ProcessLookupError, psutil.Error):
        if blow.group:
            os.killpg(process.pid, blow.number)
            return True
        whom = psutil.Process(process.pid)
        if case.verb == "step":
            ours = [one for one in whom.children(recursive=True) if _is_ours(one)]
            if not ours:
                return False
            whom = ours[0]
        whom.send_signal(blow.number)
        return True
    return False


def _is_ours(process: psutil.Process) -> bool:
    """Whether it is the step that git runs."""
    with contextlib.suppress(psutil.Error):
        words = process.cmdline()
        return any(word.endswith("/bisectsyms") for word in words[1:3])
    return False


if __name__ == "__main__":  # python -m tests.torture.storm 'bisect -- command' 10 [SEED]
    told = storm(Path(tempfile.mkdtemp(prefix="storm-")), sys.argv[1], int(sys.argv[2]), int((*sys.argv, "1")[3]), _say)
    print(_row(sys.argv[1], told, 0))
