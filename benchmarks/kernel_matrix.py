"""`make kernel-test`, its first part: every shipped profile's kernel, as tinyconfig, with gcc and with LLVM.

Each cell is one clean build and at least one relink by `bisectsyms step`, on real kernels. The table goes to
docs/proven.md. A compiler that is missing is a row that names its package; when the time is up, the rest keeps what
an earlier run measured, with its date. It can be stopped and goes on where it was.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click
import yaml

from benchmarks import report
from benchmarks.kernel_source import begin, commit
from bisectsyms.core.words import seconds_in
from bisectsyms.inputs.profile import LoadedProfile, available, find_profile
from bisectsyms.inputs.toolchains import Toolchains, load_toolchains
from bisectsyms.usecases.toolchains import listing

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bisectsyms-kernel-matrix"
SOURCES = ("/usr/src/linux-source-6.1.tar.xz", "/usr/src/linux-source-6.12.tar.xz")
TOOLCHAINS = ("gcc", "llvm")
NAME = "kernel-matrix"
KALLSYMS = "CONFIG_KALLSYMS=y"
"""tinyconfig turns it off."""
FURTHER = {"x86_64": ["CONFIG_64BIT=y"]}
"""tinyconfig of ARCH=x86 is a 32-bit one."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one cell showed."""

    kernel: str
    profile: str
    toolchain: str
    compiler: str
    clean: str = "not run"
    relinks: str = ""
    clean_seconds: float | None = None
    relink_seconds: float | None = None
    measured: str = ""
    """Day of the run, YYYY-MM-DD."""

    @property
    def place(self) -> tuple[str, str, str]:
        return self.kernel, self.profile, self.toolchain


@click.command(help=__doc__)
@click.option("--source", "sources", type=click.Path(path_type=Path), multiple=True, default=SOURCES, show_default=True)
@click.option("--folder", type=click.Path(path_type=Path), default=CACHE, show_default=True)
@click.option("--time-box", default="45m", show_default=True)
@click.option("--only", "names", multiple=True, help="Only these profiles.")
def main(sources: Sequence[Path], folder: Path, time_box: str, names: tuple[str, ...]) -> None:
    """Build the matrix, write the table; 1 if a cell that ran was not CLEAN."""
    deadline = time.monotonic() + seconds_in(time_box)
    home = folder / "config"
    known = load_toolchains(home)
    profiles = [loaded for loaded in _profiles(folder, home) if not names or loaded.name in names]
    rows = {row.place: row for row in (Row(**row) for row in report.load(NAME).get("rows", ()))}
    for source in sources:
        if not source.exists():
            click.echo(f"{source} is not there: apt-get install {source.name.split('.tar')[0]}")
            continue
        repo = _repository(folder, source)
        for row in _rows(repo, profiles, known, folder, deadline):
            click.echo("  ".join(str(value) for value in asdict(row).values()))
            if row.measured or row.place not in rows:
                rows[row.place] = row
            _write(sorted(rows.values(), key=lambda row: row.place))
    sys.exit(any(row.clean not in ("CLEAN", "not run") and "apt-get" not in row.clean for row in rows.values()))


def _profiles(folder: Path, home: Path) -> Iterator[LoadedProfile]:
    where = {"state_dir": home, "xdg_config_home": home, "cwd": folder}
    for name, _ in available(**where):
        loaded = find_profile(name, **where)
        if loaded.profile.hosttools:  # the small kernel needs none
            yield loaded


def _repository(folder: Path, source: Path) -> Path:
    """A repository of one commit with the kernel of the tarball, made once."""
    repo = folder / source.name.split(".tar")[0]
    made = folder / f"{repo.name}.made"
    if not made.exists():
        click.echo(f"unpacking {source.name} to {repo} (1.5 GB)")
        shutil.rmtree(repo, ignore_errors=True)
        repo.mkdir(parents=True)
        subprocess.run(["tar", "-xf", source, "--strip-components=1", "-C", repo], check=True)
        commit(begin(repo), source.name)
        made.touch()
    return repo


def _rows(
    repo: Path, profiles: Sequence[LoadedProfile], known: Toolchains, folder: Path, deadline: float
) -> Iterator[Row]:
    there = {(one.arch, one.name): one.short for one in listing((), known, os.environ)}
    for loaded in profiles:
        arch = known.arch(loaded.profile.arch)
        for toolchain in TOOLCHAINS:
            compiler = there.get((arch.arch, toolchain), "")
            row = Row(repo.name.removeprefix("linux-source-"), loaded.name, toolchain, compiler)
            if not compiler:
                package = arch.package if toolchain == "gcc" else " ".join(known.llvm.packages)
                yield replace(row, clean=f"apt-get install {package}")
            elif time.monotonic() > deadline:
                yield row
            else:
                yield _built(repo, loaded, folder, row)


def _built(repo: Path, loaded: LoadedProfile, folder: Path, row: Row) -> Row:
    """Step with a tinyconfig in place of the profile's own defconfig; attempts of an earlier run count."""
    profile = loaded.profile
    asked = {
        "arch": profile.arch,
        "defconfig": "tinyconfig",
        "kconfig": [KALLSYMS, *FURTHER.get(loaded.name, []), *profile.kconfig],
        "variables": profile.variables,
    }
    path = folder / f"tiny-{loaded.name}.yaml"
    path.write_text(yaml.safe_dump(asked))
    words = ["step", "HEAD", "--profile", str(path), "--toolchain", row.toolchain, "--slots-dir", str(folder / "slots")]
    words += ["--rate", "0.9", "--confidence", "0.5", "--sweep", "1", "--json"]
    done = subprocess.run([BIN / "bisectsyms", *words], cwd=repo, capture_output=True, text=True, check=False)
    if not done.stdout:
        return replace(row, clean=f"no attempt: {(done.stderr.splitlines() or [''])[0]}")
    made = _attempts(repo / ".git/bisectsyms/ledger.sqlite", json.loads(done.stdout)["last_attempt"])
    clean = [one for one in made if one[0] == "clean"]
    relinks = [one for one in made if one[0] == "relink"]
    _, outcome, seconds, why = clean[-1]
    return replace(
        row,
        measured=time.strftime("%Y-%m-%d"),
        clean=outcome if outcome == "CLEAN" else f"{outcome}: {why}",
        relinks=", ".join(one[1] for one in relinks),
        clean_seconds=round(seconds, 1),
        relink_seconds=round(relinks[0][2], 1) if relinks else None,
    )


def _attempts(ledger: Path, number: int) -> list[tuple[str, str, float, str]]:
    """(kind, outcome, seconds, why) of all attempts in the cell of attempt `number`."""
    query = (
        "select kind, outcome, seconds, why from attempts where ended is not null "
        "and cell = (select cell from attempts where number = ?) order by number"
    )
    with closing(sqlite3.connect(ledger)) as db:
        return list(db.execute(query, (number,)))


def _write(rows: Sequence[Row]) -> None:
    result = {"rows": [asdict(row) for row in rows]}
    report.save(NAME, json.loads(json.dumps(result)))
    head = ("kernel", "profile", "--toolchain", "compiler", "clean build", "s", "relinks", "s", "measured")
    cells = [
        (
            row.kernel,
            row.profile,
            row.toolchain,
            row.compiler,
            row.clean,
            row.clean_seconds,
            row.relinks,
            row.relink_seconds,
            row.measured,
        )
        for row in rows
    ]
    table = report.table(head, [["" if cell is None else cell for cell in row] for row in cells])
    body = (
        "# What the shipped profiles were built with\n\n"
        "`make kernel-test` writes this page. Each row is the profile's kernel as a tinyconfig with KALLSYMS, built\n"
        "from an empty objtree and linked again, by `bisectsyms step`.\n\n"
    )
    (ROOT / "docs/proven.md").write_text(
        f"{body}{table}\n{report.table(('machine', ''), list(report.machine().items()))}"
    )


if __name__ == "__main__":
    main()
