"""How soon does a sweep of the version string's length show a failure that one length in eight has?

Beside builds that nobody helps: kbuild counts up .version, so their version strings have a length of 1 or 2.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import fmean

from benchmarks import report
from benchmarks.benches import opened
from benchmarks.bisect_run import git
from bisectsyms.core.decide import Ask
from bisectsyms.model import Attempt, Draw, Kind
from bisectsyms.smallkernel.causes import spot
from bisectsyms.smallkernel.history import Failure, write_history

LENGTHS = range(3, 9)
"""Of the eight of a period, those that builds of one's own do not have."""
UNAIDED, REPEATS, MOST = 20, 5, 8


def failed(attempt: Attempt) -> bool:
    return attempt.result is not None and attempt.result.outcome.is_failure


def one(length: int, folder: Path) -> tuple[int, int, int]:
    """Attempts until the sweep has the layout that fails, repeats of it that fail, and unaided builds that fail."""
    repo = write_history(folder / "linux", Failure.NONE, seed=1, commits=12, unrelated=False, broken=False).repo
    with opened(repo, folder / "slots", "smallkernel", "pinned") as bench:
        head = bench.repository.head()
        bench.attempt(head, Ask(bench.from_nothing, "benchmark"))
        lines = (bench.objtree.path / "System.map").read_text().splitlines()
    at_one = next(int(line.split()[0], 16) for line in lines if line.endswith(" error_end"))
    edit = spot(at_one + length - 1)
    files = {edit.path: (repo / edit.path).read_text()}
    edit.apply(files)
    (repo / edit.path).write_text(files[edit.path])
    git(repo, "-c", "user.name=small", "-c", "user.email=small@kernel.invalid", "commit", "-qam", "the spot")
    with opened(repo, folder / "slots", "smallkernel", "pinned") as bench:
        head = bench.repository.head()
        bench.attempt(head, Ask(Kind.INCREMENTAL, "arrival"))
        lengths = (len(str(version)) for version in range(1, UNAIDED + 1))
        unaided = [bench.attempt(head, Ask(Kind.RELINK, "unaided", Draw(length))) for length in lengths]
    with opened(repo, folder / "slots", "smallkernel", "sweep:8") as bench:
        swept = [bench.attempt(head, Ask(Kind.RELINK, "sweep"))]
        while not failed(swept[-1]) and len(swept) < 2 * MOST:
            swept.append(bench.attempt(head, Ask(Kind.RELINK, "sweep")))
        again = [bench.again(swept[-1]) for _ in range(REPEATS)]
    return len(swept), sum(map(failed, again)), sum(map(failed, unaided))


def sweep() -> bool:
    """Once for each length; missed if a sweep takes more than eight attempts or a repeat passes."""
    made = list[tuple[int, int, int]]()
    for length in LENGTHS:
        with tempfile.TemporaryDirectory(prefix="bisectsyms-bench-") as name:
            made.append(one(length, Path(name)))
    attempts, repeats, unaided = ([figures[column] for figures in made] for column in range(3))
    result = {"lengths": list(LENGTHS), "attempts": attempts, "repeats_failed": repeats, "unaided_failed": unaided}
    report.save("sweep", result | {"repeats": REPEATS, "unaided": UNAIDED})
    rows = [
        ("attempts until a sweep fails", f"{min(attempts)} to {max(attempts)}, mean {fmean(attempts):.1f}"),
        ("repeats of that draw that fail", f"{sum(repeats)} of {len(made) * REPEATS}"),
        ("unaided builds that fail", f"{sum(unaided)} of {len(made) * UNAIDED}"),
    ]
    body = f"The small kernel, relinked; one length of eight fails, another one in each of {len(made)} rounds.\n\n"
    body += report.table(("", ""), rows)
    report.write_markdown("sweep", "A sweep against a failure of one layout", body)
    print(body)
    return max(attempts) <= MOST and min(repeats) == REPEATS and max(unaided) <= UNAIDED // 20
