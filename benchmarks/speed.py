"""What the driver costs: over bare make per attempt, at its start, and per megabyte of log.

Everything is a ratio or a difference of two things timed by turns in one run, because machines are noisy.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median

from benchmarks import report
from bisectsyms.core.logscan import scan
from bisectsyms.inputs.knowledge import load_knowledge
from bisectsyms.smallkernel.history import Failure, History, write_history

TOOL = Path(sys.executable).parent / "bisectsyms"
ROUNDS = 8
MOST_OVERHEAD_SECONDS = 0.150
MOST_OVERHEAD_SHARE = 0.03
MOST_START_SECONDS = 0.3


def overhead() -> bool:
    """Seconds per attempt of a step against the same make lines in a shell, by turns."""
    with tempfile.TemporaryDirectory(prefix="bisectsyms-bench-") as name:
        folder = Path(name)
        history = write_history(folder / "linux", Failure.NONE, seed=1, commits=12, unrelated=False)
        _step(history, folder)
        pairs = [_pair(history, folder) for _ in range(ROUNDS)]
    extra = median(ours - bare for ours, bare in pairs)
    share = median(ours / bare - 1.0 for ours, bare in pairs)
    result = {
        "rounds": [{"step": round(ours, 4), "make": round(bare, 4)} for ours, bare in pairs],
        "extra_seconds_per_attempt": round(extra, 4),
        "extra_share": round(share, 4),
    }
    report.save("overhead", result)
    rows = [(f"{median(p[0] for p in pairs):.3f} s", f"{median(p[1] for p in pairs):.3f} s", f"{extra * 1000:.0f} ms")]
    body = (
        f"One step of 17 relinks of the small kernel and the same make lines in a shell, by turns, {ROUNDS} rounds;\n"
        "the start of the driver, git, the ledger and the judging are in it. Medians of one attempt.\n\n"
    )
    body += report.table(("attempt of a step", "make alone", "difference"), rows)
    report.write_markdown("overhead", "What the driver adds to make", body)
    print(body)
    return extra <= MOST_OVERHEAD_SECONDS or share <= MOST_OVERHEAD_SHARE


def _step(history: History, folder: Path) -> tuple[int, float]:
    """Judge the bad tag of a history that never fails, from an empty ledger; (attempts, seconds)."""
    shutil.rmtree(history.repo / ".git/bisectsyms", ignore_errors=True)
    words = ["step", history.bad, "--profile", "smallkernel", "--slots-dir", str(folder / "slots"), "--sweep", "1"]
    begun = time.monotonic()
    done = subprocess.run(
        [TOOL, *words, "--rate", ".25", "--confidence", ".99"], cwd=history.repo, capture_output=True, text=True
    )
    seconds = time.monotonic() - begun
    if done.returncode:
        raise SystemExit(f"the step ended with {done.returncode}:\n{done.stderr}")
    with closing(sqlite3.connect(history.repo / ".git/bisectsyms/ledger.sqlite")) as db:
        return int(db.execute("select count(*) from attempts where outcome = 'CLEAN'").fetchone()[0]), seconds


def _pair(history: History, folder: Path) -> tuple[float, float]:
    """Seconds per attempt of a step and of the same commands without us."""
    attempts, seconds = _step(history, folder)
    with closing(sqlite3.connect(history.repo / ".git/bisectsyms/ledger.sqlite")) as db:
        (command,) = db.execute("select command from attempts order by number desc limit 1").fetchone()
    obj = next((folder / "slots").glob("*/*/obj/*/.bisectsyms-built")).parent
    script = f"cd {obj} && rm -f vmlinux System.map .tmp_vmlinux* .tmp_System.map && {command}"
    begun = time.monotonic()
    for _ in range(attempts):
        subprocess.run(["sh", "-c", script], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return seconds / attempts, (time.monotonic() - begun) / attempts


def startup() -> bool:
    """Seconds of `bisectsyms --version` and of an empty Python, by turns."""
    ours, bare = [], []
    for _ in range(20):
        ours.append(_timed([str(TOOL), "--version"]))
        bare.append(_timed([sys.executable, "-c", "pass"]))
    result = {"version_seconds": round(median(ours), 4), "python_seconds": round(median(bare), 4)}
    report.save("startup", result)
    rows = [("bisectsyms --version", f"{median(ours):.3f} s"), ("an empty Python", f"{median(bare):.3f} s")]
    body = "Medians of 20 rounds, by turns.\n\n" + report.table(("start", "seconds"), rows)
    report.write_markdown("startup", "How long it takes to start", body)
    print(body)
    return median(ours) < MOST_START_SECONDS


def _timed(argv: list[str]) -> float:
    begun = time.monotonic()
    subprocess.run(argv, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - begun


def classify() -> bool:
    """Megabytes of log digested in a second, and how many times longer than counting its lines."""
    quiet = b"".join(b"  CC      drivers/char/hw_random/core-%d.o\n" % number for number in range(1000))
    verbose = b"  arm-linux-gnueabi-gcc -Wp,-MMD,kernel/.fork.o.d -nostdinc -I./arch/arm/include " + b"-Wall " * 100
    logs = {"quiet": quiet * 500, "V=1": (verbose + b"-c -o kernel/fork.o kernel/fork.c\n") * 30_000}
    signatures = load_knowledge().signatures
    rows, result = [], {}
    for name, log in logs.items():
        chunks = [log[at : at + (1 << 20)] for at in range(0, len(log), 1 << 20)]
        ours, lines = [], []
        for _ in range(5):
            begun = time.monotonic()
            scan(chunks, signatures)
            ours.append(time.monotonic() - begun)
            begun = time.monotonic()
            sum(1 for _ in log.splitlines())
            lines.append(time.monotonic() - begun)
        speed, ratio = len(log) / 1e6 / median(ours), median(a / b for a, b in zip(ours, lines, strict=True))
        result[name] = {"megabytes_per_second": round(speed, 1), "times_counting_lines": round(ratio, 2)}
        rows.append((name, f"{speed:.0f} MB/s", f"{ratio:.1f}"))
    report.save("classify", result)
    body = report.table(("log", "digested", "times the cost of counting its lines"), rows)
    report.write_markdown("classify", "How fast a log is read", body)
    print(json.dumps(result))
    return True
