"""`make kernel-test`, its third part: a failure that is a function of the layout, in a real kernel.

    make kernel-test KERNEL_LAYOUT='--time-box 20m'

Every commit with the culprit has version strings at which its link fails, and others at which it does not, and most
pass at the one that nobody varies: repeats at that one layout are wrong, however many. What is right is found by make
alone: the culprit and its parent, at every length of the sweep. It can be stopped and goes on where it was; remove the
folder to begin anew. Needs linux-source-6.1 and what `bisectsyms doctor` asks for arm.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click

from benchmarks.layout_history import KCONFIG, history
from benchmarks.layout_measured import Measured, measure
from benchmarks.layout_results import right, said, write
from benchmarks.layout_ways import Ways
from benchmarks.plain_build import PlainBuild
from bisectsyms.core.words import seconds_in
from bisectsyms.errors import BisectsymsError

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bisectsyms-kernel-layout"


@click.command(help=__doc__)
@click.option(
    "--source", type=click.Path(path_type=Path), default="/usr/src/linux-source-6.1.tar.xz", show_default=True
)
@click.option("--folder", type=click.Path(path_type=Path), default=CACHE, show_default=True)
@click.option("--confidence", type=float, default=0.95, show_default=True)
@click.option("--time-box", default="90m", show_default=True, help="Stop then; the rest is not run, and said to be.")
def main(source: Path, folder: Path, confidence: float, time_box: str) -> None:
    """Write the history, measure the truth, search in four ways; 1 if ours was wrong or did not end."""
    deadline = time.monotonic() + seconds_in(time_box)
    click.echo(f"a history of a real kernel in {folder / 'linux'} (half a gigabyte)")
    try:
        found = history(folder, source)
    except BisectsymsError as error:
        raise click.ClickException(str(error)) from error
    measured = Measured.load(folder)
    build = PlainBuild(Path(found.repo), folder / "plain", "arm", "arm-linux-gnueabi-", KCONFIG)
    if not measure(found, build, measured, lambda: time.monotonic() > deadline):
        click.echo("not ended; run it again to go on")
        sys.exit(1)
    ways = Ways(folder, found, measured, build, confidence, lambda: deadline - time.monotonic())
    for name, search in ways.all().items():
        if name not in measured.ways and deadline > time.monotonic() and (way := search(name)) is not None:
            measured.ways[name] = way
            measured.save()
        click.echo(f"{name}: {said(found, measured.ways.get(name))}")
        write(found, measured)
    sys.exit(not right(found, measured))


if __name__ == "__main__":
    main()
