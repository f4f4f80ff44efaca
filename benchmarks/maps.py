"""How long two maps of 250 000 symbols take to be read and compared, and how much memory that needs.

Each pair has a process of its own (`python -m benchmarks.maps BEFORE AFTER`), so that no peak hides another. It is the
time of one processor that counts: nothing waits here, and other work on the machine is then no part of it.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks import report
from bisectsyms.kallsyms.compare import compare
from bisectsyms.kallsyms.symbols import read_map

SYMBOLS = 250_000
ROUNDS = 9
MOST_SECONDS = 0.6
MOST_MEGABYTES = 400
Row = tuple[int, str, str]


def maps() -> bool:
    """What the project promises for equal maps, for a shift and for names changed; the rest is for comparison."""
    rows = _rows()
    promised = {
        "equal": rows,
        "moved by 8 from a third on": [
            (address + 8 * (3 * at > SYMBOLS), letter, name) for at, (address, letter, name) in enumerate(rows)
        ],
        "1 % of the names changed": [
            (address, letter, name + ".new" * (at % 100 == 51)) for at, (address, letter, name) in enumerate(rows)
        ],
    }
    others = {
        "10 000 symbols inserted": [
            one for at, row in enumerate(rows) for one in (row, _veneer(row))[: 1 + (at % 25 == 1)]
        ],
        "a tie in another order": [*rows[:1001], rows[1002], rows[1001], *rows[1003:]],
        "all in another order": random.Random(2).sample(rows, len(rows)),
    }
    result = {}
    with tempfile.TemporaryDirectory(prefix="bisectsyms-bench-") as folder:
        before, after = Path(folder, "before"), Path(folder, "after")
        size = _write(before, rows)
        for label, changed in (promised | others).items():
            _write(after, changed)
            argv = [sys.executable, "-m", "benchmarks.maps", str(before), str(after)]
            result[label] = dict[str, float](json.loads(subprocess.check_output(argv, text=True)))
    report.save("maps", result)
    body = (
        f"Two maps of {SYMBOLS} symbols, {size / 1e6:.0f} MB each; one name in ten is not unique. Seconds of one\n"
        f"processor, medians of {ROUNDS} rounds; the peak is that of the whole process, Python and numpy included.\n\n"
    )
    lines = [
        (label, *(f"{one[key]:.2f} s" for key in ("read", "compare", "together")), f"{one['megabytes']:.0f} MB")
        for label, one in result.items()
    ]
    body += report.table(("after against before", "read both", "compare", "together", "peak"), lines)
    report.write_markdown("maps", "How fast two maps are read and compared", body)
    print(body)
    judged = [result[label] for label in promised]
    return all(one["together"] <= MOST_SECONDS and one["megabytes"] <= MOST_MEGABYTES for one in judged)


def _rows() -> list[Row]:
    """Names of 5 to 45 characters; every tenth is that of some hundred others, as `__func__.0` is."""
    numbers = random.Random(1)
    words = [bytes(numbers.choices(range(97, 123), k=numbers.randint(2, 9))).decode() for _ in range(500)]
    names = ("_".join(numbers.choices(words, k=numbers.randint(1, 4))) for _ in range(SYMBOLS))
    unlike = (f"{name}_{at}" if at % 10 else f"__func__.{numbers.randrange(250)}" for at, name in enumerate(names))
    return [
        (0xFFFFFFFF81000000 + 16 * (at - at % 20 // 19), "tTdDbB"[at * 6 // SYMBOLS], name)
        for at, name in enumerate(unlike)
    ]


def _veneer(row: Row) -> Row:
    return row[0], "t", f"__{row[2]}_veneer"


def _write(path: Path, rows: Sequence[Row]) -> int:
    """Bytes written."""
    return path.write_bytes("".join(f"{address:016x} {letter} {name}\n" for address, letter, name in rows).encode())


def _measured(before: Path, after: Path) -> dict[str, float]:
    reading, comparing, peaks = [], [], Path("/proc/self/status")
    for _ in range(ROUNDS):
        begun = time.process_time()
        with before.open("rb") as one, after.open("rb") as two:
            both = read_map(one, before.name), read_map(two, after.name)
        read = time.process_time()
        compare(*both)
        comparing.append(time.process_time() - read)
        reading.append(read - begun)
    peak = next(line for line in peaks.read_text().splitlines() if line.startswith("VmHWM:"))
    return {
        "read": round(median(reading), 3),
        "compare": round(median(comparing), 3),
        "together": round(median(a + b for a, b in zip(reading, comparing, strict=True)), 3),
        "megabytes": round(int(peak.split()[1]) * 1024 / 1e6),
    }


if __name__ == "__main__":
    print(json.dumps(_measured(*map(Path, sys.argv[1:3]))))
