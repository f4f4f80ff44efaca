"""`make kernel-test`, its second part: four git bisects of real kernels, as they come up in the field.

    make kernel-test KERNEL_FIELD='--only fix --only llvm'

A search for the fix with terms of one's own, LLVM=1, a fixup that half of the revisions need, and a full .config of
which an option vanishes half-way; each to the commit that it must name. It can be stopped and goes on where it was;
remove the folder to begin anew. Needs linux-source-6.1 and what `bisectsyms doctor` asks for arm and for LLVM.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import click
import yaml

from benchmarks import report
from benchmarks.bisect_run import BIN, bisect_run, git
from benchmarks.field_history import Case, cases
from benchmarks.field_results import NAME, Progress, row_of, said, write
from bisectsyms.core.words import seconds_in
from bisectsyms.errors import BisectsymsError

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bisectsyms-kernel-field"
KCONFIG = ("CONFIG_KALLSYMS=y", "# CONFIG_LOCALVERSION_AUTO is not set")
"""tinyconfig has it the other way round."""
CROSS = "arm-linux-gnueabi-"


@click.command(help=__doc__)
@click.option(
    "--source", type=click.Path(path_type=Path), default="/usr/src/linux-source-6.1.tar.xz", show_default=True
)
@click.option("--folder", type=click.Path(path_type=Path), default=CACHE, show_default=True)
@click.option("--confidence", type=float, default=0.95, show_default=True)
@click.option("--time-box", default="90m", show_default=True, help="Stop then; the rest is not run, and said to be.")
@click.option("--only", "names", multiple=True, help="Only these cases: fix, llvm, fixups, config.")
def main(source: Path, folder: Path, confidence: float, time_box: str, names: tuple[str, ...]) -> None:
    """Write the history, bisect it four times, compare with the answers; 1 if one was wrong or did not end."""
    deadline = time.monotonic() + seconds_in(time_box)
    click.echo(f"a history of a real kernel in {folder / 'linux'} (half a gigabyte)")
    try:
        all_cases = cases(folder, source)
    except BisectsymsError as error:
        raise click.ClickException(str(error)) from error
    wanted = [case for case in all_cases if not names or case.name in names]
    for case in wanted:
        state = Progress.load(folder, case)
        if state.row is None and time.monotonic() < deadline:
            _bisect(folder, case, state, confidence, deadline)
        click.echo(f"{case.name}: {said(state.row)}")
        write([(one, Progress.load(folder, one).row) for one in all_cases])
    sys.exit(any((row := Progress.load(folder, case).row) is None or not row.right for case in wanted))


def _bisect(folder: Path, case: Case, state: Progress, confidence: float, deadline: float) -> None:
    """Run one case, or go on with it; leaves git at the end of the history."""
    repo, began = folder / "linux", time.monotonic()
    current = folder / "current"
    if not (repo / ".git/BISECT_START").exists() or not current.exists() or current.read_text() != case.name:
        git(repo, "bisect", "reset")
        profile = _profile(folder, case)
        (folder / f"{case.name}.yaml").write_text(yaml.safe_dump(profile, sort_keys=False))
        old, new = case.terms
        git(repo, "bisect", "start", f"--term-old={old}", f"--term-new={new}", case.new, case.old)
        current.write_text(case.name)
    words = ["--profile", str(folder / f"{case.name}.yaml"), "--confidence", str(confidence), "-j2"]
    words += ["--slots-dir", str(folder / "slots"), *case.options]
    log = report.RESULTS / f"{NAME}.log"
    try:
        bisect_run(repo, words, log, hide=folder, seconds=max(1.0, deadline - time.monotonic()))
    finally:
        state.seconds += time.monotonic() - began
        state.save()
    told = subprocess.run([BIN / "bisectsyms", "status", "--json"], cwd=repo, capture_output=True, check=True).stdout
    status = json.loads(told)
    if status["culprit"]:
        state.row = row_of(repo, case, status, state.seconds)
        state.save()
        git(repo, "bisect", "reset")


def _profile(folder: Path, case: Case) -> dict[str, object]:
    """The keys of the profile of a case; a full .config is made by its oldest revision."""
    keys: dict[str, object] = {"arch": "arm", "toolchain": "gcc"}
    if case.full_config:
        keys["config"] = str(_full_config(folder, case))
    else:
        keys |= {"defconfig": "tinyconfig", "kconfig": list(KCONFIG)}
    return keys | ({"fixups": [case.fixup]} if case.fixup else {})


def _full_config(folder: Path, case: Case) -> Path:
    """A .config as a report carries one: tinyconfig and KCONFIG, completed by the oldest revision of the case."""
    repo, obj = folder / "linux", folder / "full-config"
    git(repo, "checkout", "--quiet", "--detach", case.old)
    make = ["make", "-C", str(repo), f"O={obj}", "ARCH=arm", f"CROSS_COMPILE={CROSS}"]
    for argv in (
        [*make, "tinyconfig"],
        [str(repo / "scripts/config"), "--file", str(obj / ".config"), "-e", "KALLSYMS", "-d", "LOCALVERSION_AUTO"],
        [*make, "olddefconfig"],
    ):
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    git(repo, "checkout", "--quiet", "main")
    return obj / ".config"


if __name__ == "__main__":
    main()
