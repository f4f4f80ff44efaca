"""A whole search over real kernels, beside `git bisect run` with so many clean makes for each commit.

    python -m benchmarks.kernel_search --folder DIR [--repo REPO --good REV --bad REV --culprit REV]

`bisectsyms bisect` is run once for a folder and timed, from nothing to the confirmed culprit. What git bisect run with
plain make would take is counted: the commits that it asks about, each built as often as the rate of clean builds asks
for, in the time that the fastest clean build here took. That rate is measured in clean builds at the culprit and at the
bad end; with more of them asked for, what was made before counts.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from benchmarks import report
from benchmarks.benches import opened
from benchmarks.bisect_run import git, logged
from benchmarks.kernel_history import case
from benchmarks.kernel_test import CACHE
from bisectsyms.core.decide import Ask
from bisectsyms.core.words import duration
from bisectsyms.errors import BisectsymsError
from bisectsyms.model import Kind, Outcome, Result

NAME = "kernel-search"


@dataclass(frozen=True, slots=True)
class Question:
    """What is searched, and the answer."""

    repo: Path
    good: str
    bad: str
    culprit: str
    broken: tuple[str, ...] = ()
    """Commits that do not build."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What git bisect asks about on its way to the culprit."""

    good: int
    bad: int
    broken: int


def asked(question: Question) -> Asked:
    """Follow git bisect run in a checkout of its own, with the right answer at each commit."""
    with tempfile.TemporaryDirectory() as folder:
        checkout, told = Path(folder) / "checkout", Path(folder) / "told"
        git(question.repo, "worktree", "add", "--quiet", "--detach", "--no-checkout", str(checkout), question.bad)
        broken = " | ".join(question.broken) or "none"
        script = (
            f"case $(git rev-parse BISECT_HEAD) in {broken}) echo broken >> {told}; exit 125;; esac\n"
            f"git merge-base --is-ancestor {question.culprit} BISECT_HEAD && {{ echo bad >> {told}; exit 1; }}\n"
            f"echo good >> {told}\n"
        )
        try:
            git(checkout, "bisect", "start", "--no-checkout", question.bad, question.good)
            git(checkout, "bisect", "run", "sh", "-c", script)
            named = subprocess.run(
                ["git", "rev-parse", "refs/bisect/bad"], cwd=checkout, check=True, capture_output=True, text=True
            ).stdout.strip()
        finally:
            git(question.repo, "worktree", "remove", "--force", str(checkout))
        if named != question.culprit:
            raise click.ClickException(f"git bisect comes to {named}, not to {question.culprit}")
        counts = Counter(told.read_text().split())
        return Asked(counts["good"], counts["bad"], counts["broken"])


def makes(rate: float, ways: Asked, confidence: float) -> tuple[int, float, float]:
    """Clean makes of each commit that may be good, and of all: each commit built to the end, or to its first failure.

    A commit that is bad passes N times in a row with (1 - rate)^N; over all commits asked about that may happen with
    1 - confidence (the union bound). One that does not build is found out by one.
    """
    steps = ways.good + ways.bad
    number = math.ceil(math.log((1 - confidence) / steps) / math.log(1 - rate)) if rate < 1 else 1
    early = (1 - (1 - rate) ** number) / rate
    return number, steps * number + ways.broken, ways.good * number + ways.bad * early + ways.broken


def clean_builds(question: Question, folder: Path, wanted: int) -> list[Result]:
    """Clean builds at the culprit and the bad end, those of the search among them; more are made if they are few."""
    with opened(question.repo, folder / "slots", "s3c6400") as bench:
        made = list[Result]()
        revisions = [bench.repository.resolve(one) for one in (question.culprit, question.bad)]
        for revision in revisions:
            attempts = bench.ledger.attempts(tree=bench.known(revision).tree, cell=bench.cell.key)
            made += [one.result for one in attempts if one.plan.kind is Kind.CLEAN and one.result]
        made = [one for one in made if one.outcome.is_evidence]
        while len(made) < wanted:
            attempt = bench.attempt(revisions[len(made) % 2], Ask(Kind.CLEAN, "the rate of clean builds"))
            if attempt.result and attempt.result.outcome.is_evidence:
                made.append(attempt.result)
    return made


def search(question: Question, folder: Path, words: Sequence[str]) -> tuple[dict[str, object], float]:
    """The answer of `bisectsyms bisect` and the seconds that it took, logged with the results; kept, and made once.

    One that is interrupted goes on when it is called again; the seconds of all calls count.
    """
    kept, part, answer = (folder / name for name in ("search.json", "search-part.json", "answer-search.json"))
    if not kept.exists():
        before = float(json.loads(part.read_text())["seconds"]) if part.exists() else 0.0
        argv = ["bisectsyms", "bisect", question.good, question.bad, "--profile", "s3c6400", "--json"]
        argv += ["--slots-dir", str(folder / "slots"), *words]
        folder.mkdir(parents=True, exist_ok=True)
        begun = time.monotonic()
        ended = logged(argv, question.repo, report.RESULTS / f"{NAME}.log", hide=folder, result=answer)
        spent = json.dumps({"seconds": before + time.monotonic() - begun})
        if ended not in (0, 3):
            part.write_text(spent)
            raise click.ClickException(f"bisectsyms ended with {ended}")
        kept.write_text(spent)
    return dict(json.loads(answer.read_text())), float(json.loads(kept.read_text())["seconds"])


@click.command(help=__doc__)
@click.option(
    "--source", type=click.Path(path_type=Path), default="/usr/src/linux-source-6.1.tar.xz", show_default=True
)
@click.option("--folder", type=click.Path(path_type=Path), default=CACHE, show_default=True)
@click.option("--repo", type=click.Path(path_type=Path), help="another history than that of make kernel-test")
@click.option("--good", default="good")
@click.option("--bad", default="bad")
@click.option("--culprit", default="")
@click.option("--broken", multiple=True, help="a commit that does not build")
@click.option("--clean-builds", "wanted", default=4, show_default=True)
@click.option("--confidence", default=0.95, show_default=True)
@click.argument("words", nargs=-1)
def main(
    source: Path,
    folder: Path,
    repo: Path | None,
    good: str,
    bad: str,
    culprit: str,
    broken: tuple[str, ...],
    wanted: int,
    confidence: float,
    words: tuple[str, ...],
) -> None:
    """Search, count, write the page."""
    try:
        if repo:
            question = Question(repo, good, bad, culprit, broken)
        else:
            truth = case(folder, source)
            question = Question(Path(truth.repo), truth.good, truth.bad, truth.culprit, truth.broken)
        ways = asked(question)
        answer, seconds = search(question, folder, words)
        built = clean_builds(question, folder, wanted)
    except BisectsymsError as error:
        raise click.ClickException(str(error)) from error
    failed = sum(one.outcome is Outcome.INCONSISTENT for one in built)
    named = answer["culprit"]
    right = isinstance(named, dict) and named["commit"] == question.culprit
    fastest = min(one.measured.seconds for one in built)
    result: dict[str, object] = {"right": right, "seconds": round(seconds)}
    result |= {"clean_builds": len(built), "failed": failed, "clean_build": round(fastest), "asked": asdict(ways)}
    rows = [("the culprit was named", "yes" if right else "no"), ("bisectsyms bisect", duration(seconds))]
    rows += [("clean builds that fail", f"{failed} of {len(built)}"), ("one clean build", duration(fastest))]
    if failed:
        number, whole, early = makes(failed / len(built), ways, confidence)
        result |= {"makes_each": number, "fixed": whole * fastest / seconds, "early": early * fastest / seconds}
        of = f"{number} clean makes of each of {ways.good + ways.bad} commits"
        rows += [(of, f"{duration(whole * fastest)}: {whole * fastest / seconds:.1f} times as long")]
        rows += [("the same, to the first failure", f"{early * fastest / seconds:.1f} times as long")]
    report.save(NAME, result)
    report.write_markdown(NAME, "A search over real kernels, beside clean makes", report.table(("", ""), rows))
    click.echo(report.table(("", ""), rows))
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
