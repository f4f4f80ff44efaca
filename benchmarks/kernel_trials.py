"""`make bench-kernel`: what one attempt of each kind costs on a real kernel, beside make and the link script by hand.

    make bench-kernel BENCH_KERNEL='--folder DIR --source TARBALL --rounds 12'

A clean build of s3c6400_defconfig by plain make, two with ccache in another slot, and links by turns: half an hour
on two idle cores. Needs what `bisectsyms doctor --profile s3c6400` asks for, ccache, and linux-source-6.1.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import click

from benchmarks import report
from benchmarks.benches import opened
from benchmarks.kernel_history import Case, case
from benchmarks.kernel_test import CACHE
from benchmarks.plain_build import OUTPUTS
from bisectsyms.core.decide import Ask
from bisectsyms.core.makeflags import rewritten
from bisectsyms.core.tools import gcc_tools
from bisectsyms.effects import link
from bisectsyms.effects.makelines import PINNED
from bisectsyms.effects.toolpath import Caller, ToolPath
from bisectsyms.errors import BisectsymsError
from bisectsyms.model import Draw, Kind
from bisectsyms.usecases.workbench import Workbench

NAME = "kernel-trials"
REVISION = "HEAD~8"
"""A commit before the failure of the history: what is measured are attempts, not luck."""
LENGTH = 5


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds of one run."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class ByHand:
    """An objtree of plain make beside ours, with the same configuration and the same pinned variables."""

    src: Path
    obj: Path

    def make(self, *targets: str, path: str = os.environ["PATH"]) -> Took:
        variables = {"O": str(self.obj), "ARCH": "arm", "CROSS_COMPILE": "arm-linux-gnueabi-", **PINNED}
        variables |= {"LOCALVERSION": "", "KBUILD_BUILD_VERSION": Draw(LENGTH).build_version}
        words = ["make", "-C", str(self.src), *(f"{name}={value}" for name, value in variables.items()), *targets]
        return _run(words, {**os.environ, "PATH": path, "CCACHE_DISABLE": "1"})

    def clean(self, kconfig: Path) -> Took:
        """A build from nothing."""
        shutil.rmtree(self.obj, ignore_errors=True)
        self.obj.mkdir(parents=True)
        shutil.copy(kconfig, self.obj / ".config")
        self.make("olddefconfig")
        return self.make(f"-j{os.cpu_count()}", "vmlinux")

    def caught(self) -> Caller:
        """How make starts the link script here."""
        tools = ToolPath(self.obj.with_name("by-hand"), self.obj.with_name("by-hand"))
        tools.slot.mkdir(exist_ok=True)
        tools.install(gcc_tools("arm-linux-gnueabi-"), os.environ["PATH"])
        self._remove()
        self.make("vmlinux", path=tools.path(os.environ["PATH"]))
        noted = tools.noted()
        assert noted is not None and noted.caller is not None
        return noted.caller

    def link(self, caller: Caller) -> Took:
        """The script alone, without any wrapper."""
        self._remove()
        flags = rewritten(caller.env["MAKEFLAGS"], {})
        env = {**caller.env, "MAKEFLAGS": flags, "PATH": os.environ["PATH"]}
        return _run(caller.argv, env, Path(caller.cwd))

    def _remove(self) -> None:
        link.remove(self.obj, OUTPUTS)


def _run(argv: Sequence[str], env: Mapping[str, str], cwd: Path | None = None) -> Took:
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(argv, env=dict(env), cwd=cwd, check=True, capture_output=True)
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Took(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _attempt(bench: Workbench, kind: Kind) -> Took:
    """One attempt with all that we do around it; it must be clean."""
    begun = time.perf_counter()
    made = bench.attempt(bench.repository.resolve(REVISION), Ask(kind, "benchmark", Draw(LENGTH)))
    wall = time.perf_counter() - begun
    assert made.result is not None
    if not made.result.outcome.is_evidence:
        raise click.ClickException(f"{kind}: {made.result.outcome}: {made.result.why}")
    return Took(wall, made.result.measured.cpu_seconds)


def _arrive(bench: Workbench) -> None:
    while arrival := bench.arrival(bench.repository.resolve(REVISION)):
        _attempt(bench, arrival)


def _many(repo: Path, slots: Path, times: int) -> tuple[float, float]:
    """When so many replays began and ended, in a slot of its own that was warm before."""
    with opened(repo, slots, "s3c6400") as bench:
        _arrive(bench)
        begun = time.time()
        for _ in range(times):
            _attempt(bench, Kind.REPLAY)
        return begun, time.time()


def _side_by_side(repo: Path, slots: Path, times: int) -> float:
    """Replays per second of two slots, as far as they worked at the same time."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        spans = [one.result() for one in [pool.submit(_many, repo, slots, times) for _ in range(2)]]
    return sum(times / (end - begun) for begun, end in spans)


def measure(truth: Case, folder: Path, rounds: int, say: Callable[[str], None]) -> dict[str, float]:
    """All figures; seconds unless a name says otherwise."""
    repo, slots = Path(truth.repo), folder / "slots"
    slots.mkdir(exist_ok=True)
    figures: dict[str, float] = {}
    with opened(repo, slots, "s3c6400") as bench:
        say("arriving in the first slot")
        _arrive(bench)
        by_hand = ByHand(bench.slot.src, folder / "plain")
        say("a clean build by make alone")
        clean = [by_hand.clean(bench.objtree.path / ".config")]
        figures["clean make"] = min(one.wall for one in clean)
        figures["clean make, CPU"] = min(one.cpu for one in clean)
        caller = by_hand.caught()
        say(f"links by turns, {rounds} rounds")
        runs: dict[str, list[Took]] = {"script by hand": [], "replay": [], "relink": []}
        for _ in range(rounds):
            runs["script by hand"].append(by_hand.link(caller))
            runs["replay"].append(_attempt(bench, Kind.REPLAY))
            runs["relink"].append(_attempt(bench, Kind.RELINK))
        for name, made in runs.items():
            figures[name] = statistics.median(one.wall for one in made)
            figures[f"{name}, CPU"] = statistics.median(one.cpu for one in made)
        figures["replay / script"] = statistics.median(
            ours.wall / theirs.wall for ours, theirs in zip(runs["replay"], runs["script by hand"], strict=True)
        )
        say("the inputs of a link that did not change")
        begun = time.perf_counter()
        bench.builder.inputs()
        figures["inputs"] = time.perf_counter() - begun
        say("a build with a warm ccache in a second slot")
        with opened(repo, slots, "s3c6400") as second:
            _attempt(second, Kind.CACHED)  # what the first slot has not compiled through ccache
            figures["cached clean build, CPU"] = _attempt(second, Kind.CACHED).cpu
            _arrive(second)
    say(f"replays in one slot and in two, {rounds} each")
    alone = statistics.median(rounds / (end - begun) for begun, end in [_many(repo, slots, rounds) for _ in range(2)])
    figures["replays per hour, one slot"] = 3600 * alone
    figures["replays per hour, two slots"] = 3600 * _side_by_side(repo, slots, rounds)
    return figures


def rows(figures: Mapping[str, float]) -> list[tuple[str, str, str, str]]:
    """The table: what, measured how, ratio, reach."""
    clean, cpu = figures["clean make"], figures["clean make, CPU"]
    replay, relink = figures["replay"], figures["relink"]
    one, two = figures["replays per hour, one slot"], figures["replays per hour, two slots"]
    return [
        ("bare clean make ÷ replay", f"{clean:.0f} s ÷ {replay:.2f} s", f"{clean / replay:.0f}", "≥ 50"),
        ("bare clean make ÷ relink", f"{clean:.0f} s ÷ {relink:.2f} s", f"{clean / relink:.0f}", "≥ 20"),
        (
            "replay ÷ the link script by hand",
            f"{replay:.2f} s ÷ {figures['script by hand']:.2f} s, median of pairs",
            f"{figures['replay / script']:.2f}",
            "≤ 1.15",
        ),
        (
            "clean build, warm ccache, other slot ÷ cold clean make",
            f"{figures['cached clean build, CPU']:.0f} CPU s ÷ {cpu:.0f} CPU s",
            f"{figures['cached clean build, CPU'] / cpu:.2f}",
            "≤ 0.2",
        ),
        ("replays per hour, two slots ÷ one", f"{two:.0f} ÷ {one:.0f}", f"{two / one:.2f}", "≥ 1.6"),
        ("hashes of all inputs, nothing changed", f"{1000 * figures['inputs']:.0f} ms", "", "≤ 100 ms"),
    ]  # fmt: skip


@click.command(help=__doc__)
@click.option(
    "--source", type=click.Path(path_type=Path), default="/usr/src/linux-source-6.1.tar.xz", show_default=True
)
@click.option("--folder", type=click.Path(path_type=Path), default=CACHE, show_default=True)
@click.option("--rounds", type=click.IntRange(min=3), default=12, show_default=True)
def main(source: Path, folder: Path, rounds: int) -> None:
    """Write the history if it is not there, measure, write the page."""
    try:
        truth = case(folder, source)
        figures = measure(truth, folder, rounds, click.echo)
    except BisectsymsError as error:
        raise click.ClickException(str(error)) from error
    report.save(NAME, {"rounds": rounds, "load_at_end": round(os.getloadavg()[0], 1), "figures": figures})
    body = (
        f"`make bench-kernel`: s3c6400_defconfig, Linux 6.1, {rounds} links of each kind by turns (medians), wall "
        "seconds unless CPU seconds are said. Ours include the ledger, the evidence, the hashes of all inputs and the "
        "sandbox.\n\n"
    )
    body += report.table(("", "measured", "ratio", "reach"), rows(figures))
    report.write_markdown(NAME, "Attempts on a real kernel", body)
    click.echo(body)


if __name__ == "__main__":
    main()
