"""The verbs around the search of our own. See the package for the rules."""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bisectsyms.cli.shared import bench_settings, new_reporter, open_bench, open_repository, show_result
from bisectsyms.errors import UserError
from bisectsyms.inputs.options import Seconds, bench_options, json_option

if TYPE_CHECKING:
    from bisectsyms.effects.gitrepo import Repository
    from bisectsyms.usecases.bench import Bench


MOST = 2000
"""Attempts that a verdict at the end may take; the limits of the search end it before."""


@click.command()
@click.argument("good")
@click.argument("bad")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@click.option("--setup", default="", metavar="LINE", help="Shell line, run once per move, before COMMAND.")
@click.option("--failure-line", default="", metavar="REGEX", help="Only a failure that prints such a line counts.")
@click.option("--timeout", type=Seconds(), default="2h", show_default=True, help="Of COMMAND, and of its setup.")
@click.option("--confidence", type=click.FloatRange(0.5, 0.9999), default=0.95, show_default=True)
@click.option(
    "--min-rate",
    type=click.FloatRange(0.001, 0.2),
    default=0.01,
    show_default=True,
    help="A failure that shows more seldom is not looked for.",
)
@click.option("--for", "lasting", type=Seconds(), metavar="DURATION", help="Stop after so long, e.g. 7h.")
@click.option("--until", metavar="HH:MM", help="Stop at this time of day.")
@click.option("--max-attempts", type=click.IntRange(1), help="Stop after so many.")
@click.option("--first-parent", is_flag=True, help="Only the first parents of merges, as git bisect does.")
@click.option("--path", "paths", metavar="PATHSPEC", multiple=True, help="Only commits that touch it.")
@click.option(
    "--prior",
    "priors",
    metavar="RULE",
    multiple=True,
    help="How likely a commit is beside the others: path:GLOB=W, author:REGEX=W, subject:REGEX=W, or flat.",
)
@bench_options
@json_option
def bisect(good: str, bad: str, words: tuple[str, ...], **given: Any) -> int:
    """Search for the commit between GOOD and BAD that brought a failure in, spending time where it tells most.

    Builds kernels, or runs COMMAND: 0 clean, 1-124 failed, 125 untestable; 126 and more stop the search.

    \b
    Example:  bisectsyms bisect v6.1 v6.3 --profile s3c6400 --until 08:00
              bisectsyms bisect v1.0 main --setup 'make -s' -- ./flaky-test.sh
    """
    from bisectsyms.core.prior import rules
    from bisectsyms.effects.dag import find_ends, read_range
    from bisectsyms.render import searching as render
    from bisectsyms.usecases.judging import Judging, StepOptions
    from bisectsyms.usecases.searching import Searching, SearchOptions

    repository = open_repository()
    ends = find_ends(repository, good, bad)
    commits = read_range(repository, ends, first_parent=given["first_parent"], paths=given["paths"])
    options = SearchOptions(
        confidence=given["confidence"],
        min_rate=given["min_rate"],
        deadline=_deadline(given["lasting"], given["until"]),
        max_attempts=given["max_attempts"],
        first_parent=given["first_parent"],
        paths=given["paths"],
        prior=rules(given["priors"]),
    )
    judged = StepOptions(confidence=options.confidence, lowest_rate=options.min_rate, max_attempts=MOST)
    with _bench(repository, words, (*ends.good, ends.bad), given) as bench:
        if ends.said:
            bench.reporter.say(ends.said)
        found = Searching(Judging(bench, judged), ends, commits, options).run()
    show_result(found, render.show_found, given["as_json"])
    return 0 if found.answered else 3


def _bench(repository: Repository, words: tuple[str, ...], ends: tuple[str, ...], given: dict[str, Any]) -> Bench:
    """A bench for the command, or for the profile where there is none."""
    from bisectsyms.usecases.commandbench import CommandBench, Tested

    if not words:
        if given["setup"] or given["failure_line"]:
            raise UserError("--setup and --failure-line are for a command", next_step="-- COMMAND at the end")
        return open_bench(repository, given)
    if given["profile"]:
        raise UserError("a profile builds kernels, a command is run: give one of the two", next_step="--help")
    if Path.cwd().resolve() != repository.top.resolve():
        raise UserError(
            "a command is run at the top of a worktree, and so must be this one", next_step=f"cd {repository.top}"
        )
    tested = Tested(words, given["setup"], given["failure_line"], given["timeout"])
    return CommandBench(repository, tested, bench_settings(given), os.environ, new_reporter(repository), ends=ends)


def _deadline(lasting: float | None, until: str | None) -> float | None:
    """Seconds since the epoch; the earlier of both."""
    now = time.time()
    ends = [now + lasting] if lasting is not None else []
    if until is not None:
        try:
            at = datetime.strptime(until, "%H:%M").time()
        except ValueError as error:
            raise UserError(f"--until {until!r} is no time of day", next_step="--until 08:00") from error
        today = datetime.fromtimestamp(now).astimezone()
        then = today.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
        ends.append((then if then > today else then + timedelta(days=1)).timestamp())
    return min(ends, default=None)


@click.command()
@click.option("--n", "commits", type=click.IntRange(2), default=64, show_default=True, help="Commits, ends included.")
@click.option("--old", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Failure rate before.")
@click.option("--new", type=click.FloatRange(0, 1), default=0.2, show_default=True, help="Failure rate from it on.")
@click.option("--layouts", type=click.IntRange(0), metavar="K", help="Layouts decide, K at each commit; 0: no end.")
@click.option("--spread", type=click.FloatRange(0, min_open=True), metavar="KAPPA", help="Commits differ: Beta spread.")
@click.option("--merges", type=click.FloatRange(0, 0.1), default=0.0, show_default=True, help="Share of merges.")
@click.option("--move", type=click.FloatRange(0), default=0.0, metavar="COST", help="A move costs so many repeats.")
@click.option("--at-once", type=click.IntRange(1, 64), default=1, show_default=True, help="Attempts at the same time.")
@click.option("--confidence", type=click.FloatRange(0.5, 0.9999), default=0.95, show_default=True)
@click.option("--trials", type=click.IntRange(1), default=100, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the first world; each has its own.")
@json_option
def simulate(as_json: bool, **given: Any) -> int:
    """Search made histories: how many attempts and moves a bisect would take, and how often it is right.

    \b
    Example:  bisectsyms simulate --n 1000 --new .1 --move 10 --trials 20
    """
    from bisectsyms.render.simulated import show_simulated
    from bisectsyms.search.worlds import Setting
    from bisectsyms.usecases import simulate as use

    names = ("commits", "old", "new", "layouts", "spread", "merges")
    setting = Setting(**{name: given.pop(name) for name in names})
    result = use.simulate(use.SimulateOptions(setting, **given))
    show_result(result, show_simulated, as_json)
    return 0


VERBS: tuple[click.Command, ...] = (bisect, simulate)
