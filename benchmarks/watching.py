"""Does watching ld change how often a race fails? The race of the small kernel, relinked with the wrappers and without.

By turns, so that the load is the same for both; Fisher's exact test says whether the rates differ.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks import report
from benchmarks.benches import opened
from benchmarks.plain_build import OUTPUTS
from bisectsyms.core.decide import Ask
from bisectsyms.core.nature import differ
from bisectsyms.effects import link
from bisectsyms.model import Draw, Kind
from bisectsyms.smallkernel.history import Failure, write_history

LINKS = 250
"""Of each; a difference of .13 at a rate of .5 shows in two of three runs at 1 %."""


def watching() -> bool:
    """Relink both ways; missed if the rates differ."""
    failed, seconds = {True: 0, False: 0}, dict[bool, list[float]]({True: [], False: []})
    with tempfile.TemporaryDirectory(prefix="bisectsyms-bench-") as name:
        folder = Path(name)
        history = write_history(folder / "linux", Failure.RACE, seed=1, commits=12, unrelated=False)
        with opened(history.repo, folder / "slots", "smallkernel-arm") as bench:
            head = bench.repository.resolve(history.bad)
            bench.attempt(head, Ask(bench.from_nothing, "benchmark"))
            make = bench.builder.make(bench.builder.source(), Kind.RELINK, Draw(), "vmlinux", jobs=True)
            for number in range(2 * LINKS):
                watched = number % 2 == 0
                link.remove(bench.objtree.path, OUTPUTS)
                env = make.env if watched else {**make.env, "PATH": os.environ["PATH"]}
                begun = time.perf_counter()
                ended = subprocess.run(make.argv, cwd=make.cwd, env=env, capture_output=True, text=True, check=False)
                seconds[watched].append(time.perf_counter() - begun)
                failed[watched] += "Inconsistent kallsyms data" in ended.stderr
    unlike = differ(*([number < failed[way] for number in range(LINKS)] for way in (True, False)))
    slower = median(seconds[True]) - median(seconds[False])
    report.save("watching", {"links": LINKS, "watched": failed[True], "bare": failed[False], "differ": unlike})
    rows = [
        ("ld watched", f"{failed[True]} of {LINKS}", f"{median(seconds[True]):.3f} s"),
        ("bare", f"{failed[False]} of {LINKS}", f"{median(seconds[False]):.3f} s"),
    ]
    body = (
        f"The race of the small kernel, {LINKS} relinks of each by turns. The rates "
        f"{'differ' if unlike else 'do not differ'} by Fisher's exact test at 1 %. Watching takes "
        f"{1000 * slower:.0f} ms of a link.\n\n"
    )
    body += report.table(("", "failed", "median"), rows)
    report.write_markdown("watching", "What the watching of ld does to a race", body)
    print(body)
    return not unlike
