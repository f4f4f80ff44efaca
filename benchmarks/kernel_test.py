"""`make kernel-test`: a real git bisect run over real kernels, to the commit that it must name.

    make kernel-test KERNEL_TEST='--folder DIR --source TARBALL'

Takes most of an hour on two cores. It can be stopped and goes on where it was. Needs what
`bisectsyms doctor --profile s3c6400` asks for, and linux-source-6.1.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import click

from benchmarks import report
from benchmarks.bisect_run import BIN, bisect_run, git
from benchmarks.kernel_history import Case, case
from bisectsyms.core.words import duration, percent
from bisectsyms.errors import BisectsymsError

NAME = "kernel-test"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bisectsyms-kernel-test"


@click.command(help=__doc__)
@click.option(
    "--source", type=click.Path(path_type=Path), default="/usr/src/linux-source-6.1.tar.xz", show_default=True
)
@click.option("--folder", type=click.Path(path_type=Path), default=CACHE, show_default=True)
@click.option("--confidence", type=float, default=0.95, show_default=True)
def main(source: Path, folder: Path, confidence: float) -> None:
    """Write the history, bisect it, compare with the answer."""
    click.echo(f"a history of a real kernel in {folder / 'linux'} (half a gigabyte)")
    try:
        truth = case(folder, source)
    except BisectsymsError as error:
        raise click.ClickException(str(error)) from error
    repo = Path(truth.repo)
    if not (repo / ".git/BISECT_START").exists():
        git(repo, "bisect", "start", truth.bad, truth.good)
    words = ["--profile", "s3c6400", "--confidence", str(confidence), "--slots-dir", str(folder / "slots")]
    begun, load = time.monotonic(), os.getloadavg()[0]
    ended = bisect_run(repo, words, report.RESULTS / f"{NAME}.log", hide=folder)
    seconds = time.monotonic() - begun
    told = subprocess.run([BIN / "bisectsyms", "status", "--json"], cwd=repo, capture_output=True, check=True).stdout
    status = json.loads(told)
    right = ended == 0 and status["culprit"] == truth.culprit
    _write(truth, status, seconds=seconds, load=load, right=right)
    click.echo(f"{'right' if right else 'NOT right'}: {status['culprit'][:12] or 'no commit'} was named")
    sys.exit(0 if right else 1)


def _write(truth: Case, status: dict[str, object], *, seconds: float, load: float, right: bool) -> None:
    result = {
        "right": right,
        "culprit": truth.culprit,
        "named": status["culprit"],
        "confidence": status["confidence"],
        "attempts": status["attempts"],
        "seconds": round(seconds),
        "load_at_begin": round(load, 1),
    }
    report.save(NAME, result)
    confidence = status["confidence"]
    rows = [
        ("the culprit was named", "yes" if right else "no"),
        ("confidence stated", percent(confidence) if isinstance(confidence, float) else "none"),
        ("attempts", status["attempts"]),
        ("time", duration(seconds)),
        ("load when it began", round(load, 1)),
    ]
    body = f"`make kernel-test`; every line it printed is in [{NAME}.log]({NAME}.log).\n\n"
    report.write_markdown(NAME, "A real git bisect run over real kernels", body + report.table(("", ""), rows))


if __name__ == "__main__":
    main()
