"""The verbs around the search of our own. See the package for the rules."""

from __future__ import annotations

import os
import time
from contextlib import AbstractContextManager
from dataclasses import fields, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from bisectsyms.cli.shared import (
    bench_settings,
    known_toolchains,
    load_profile,
    new_reporter,
    open_bench,
    open_repository,
    show_result,
    slots_folder,
)
from bisectsyms.core.words import time_of_day
from bisectsyms.errors import UserError
from bisectsyms.inputs.options import (
    AUTO,
    Seconds,
    Slots,
    bench_options,
    cell_options,
    cluster_options,
    json_option,
    question_options,
)

if TYPE_CHECKING:
    from bisectsyms.effects.dag import Ends
    from bisectsyms.effects.gitrepo import Repository
    from bisectsyms.effects.question import Question
    from bisectsyms.model import Cell
    from bisectsyms.usecases.answering import Found
    from bisectsyms.usecases.bench import Bench
    from bisectsyms.usecases.commandbench import Tested
    from bisectsyms.usecases.desk import Desk, Reporter
    from bisectsyms.usecases.learning import SearchOptions
    from bisectsyms.usecases.slotcount import OpenDesk

MOST = 2000
"""Attempts that a verdict at the end may take; the limits of the search end it before."""


@click.command()
@click.argument("good", required=False)
@click.argument("bad", required=False)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@question_options
@click.option("--for", "lasting", type=Seconds(), metavar="DURATION", help="Stop after so long, e.g. 7h.")
@click.option("--until", metavar="HH:MM", help="Stop at this time of day.")
@click.option("--max-attempts", type=click.IntRange(1), help="Stop after so many.")
@click.option("--slots", type=Slots(), default=1, show_default=True, metavar="K|auto", help="Attempts at once.")
@cluster_options
@bench_options
@json_option
def bisect(good: str | None, bad: str | None, words: tuple[str, ...], **given: Any) -> int:
    """Search for the commit between GOOD and BAD that brought a failure in, spending time where it tells most.

    Builds kernels, or runs COMMAND: 0 clean, 1-124 failed, 125 untestable; 126 and more stop the search.
    Without GOOD and BAD the last search goes on; options that are given replace those of then.

    \b
    Example:  bisectsyms bisect v6.1 v6.3 --profile s3c6400 --until 08:00
              bisectsyms bisect v1.0 main --setup 'make -s' -- ./flaky-test.sh
    """
    from bisectsyms.render import searching as render

    repository = open_repository()
    question, ends = _question(repository, good, bad, words, given)
    deadline = deadline_of(given["lasting"], given["until"])
    found = search(repository, question, ends, given, deadline=deadline, max_attempts=given["max_attempts"])
    show_result(found, render.show_found, given["as_json"])
    return 0 if found.answered else 3


def search(repository: Repository, question: Question, ends: Ends, given: dict[str, Any], **limits: Any) -> Found:
    """Search between two ends and remember the question; `limits` are `deadline` and `max_attempts`."""
    from bisectsyms.effects.dag import read_range, read_skipped
    from bisectsyms.effects.question import write_question
    from bisectsyms.usecases.judging import Judging, StepOptions
    from bisectsyms.usecases.searching import Searching

    commits = read_range(repository, ends, first_parent=question.first_parent, paths=question.paths)
    skipped = read_skipped(repository, commits, question.skip)
    options = _options(question, skipped, **limits)
    judged = StepOptions(confidence=options.confidence, lowest_rate=options.min_rate, max_attempts=MOST)
    opened, made = _desk(repository, question, ends, given, options)
    with opened as desk:
        slots = question.slots if question.cluster else desk.slots
        write_question(repository.state_dir, replace(question, slots=slots, cell=desk.cell.key))
        if ends.said:
            desk.reporter.say(ends.said)
        return Searching(Judging(desk, judged), ends, commits, options, made=made).run()


@click.command()
@click.argument("good", required=False)
@click.argument("bad", required=False)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@question_options
@cell_options
@json_option
def suspects(good: str | None, bad: str | None, words: tuple[str, ...], **given: Any) -> int:
    """Print the commits that the last search holds for possible, or one with these ends and options.

    One id a line, the likeliest first: the fewest that reach the confidence. Nothing is built.

    \b
    Example:  bisectsyms suspects | git log --no-walk --stdin
    """
    from bisectsyms.effects.dag import read_range, read_skipped
    from bisectsyms.render import searching as render
    from bisectsyms.usecases import suspects as use

    repository = open_repository()
    question, ends = _question(repository, good, bad, words, given)
    commits = read_range(repository, ends, first_parent=question.first_parent, paths=question.paths)
    options = _options(question, read_skipped(repository, commits, question.skip))
    suspected = use.suspects(repository, _cell(repository, question, ends), commits, options)
    show_result(suspected, render.show_suspects, given["as_json"])
    return 0 if suspected.suspects else 3


def _question(
    repository: Repository, good: str | None, bad: str | None, words: tuple[str, ...], given: dict[str, Any]
) -> tuple[Question, Ends]:
    """What is searched: as typed, or as in the last search, options that were typed in place of its own."""
    from bisectsyms.core.direction import search_terms
    from bisectsyms.effects.dag import find_ends
    from bisectsyms.effects.question import Question, read_question

    source = click.get_current_context().get_parameter_source
    asked = {field.name: given[field.name] for field in fields(Question) if field.name in given}
    if good is None:
        typed = {name for name in asked if source(name) is ParameterSource.COMMANDLINE}
        question = replace(read_question(repository.state_dir), **{name: asked[name] for name in typed})
        if typed & {"profile", "toolchain", "jobs", "sweep", "vary"}:
            question = replace(question, cell="")
    elif bad is None:
        raise UserError("only one end was named", next_step="bisectsyms bisect GOOD BAD")
    else:
        question = Question(good=good, bad=bad, words=words, **asked)
    terms = search_terms(question.terms, find_fix=question.find_fix)
    ends = find_ends(repository, question.good, question.bad, find_fix=terms.find_fix)
    # A name may mean another commit when the search goes on.
    first, second = (repository.resolve(name).commit for name in (question.good, question.bad))
    return replace(question, good=first, bad=second), ends


def _options(question: Question, skipped: frozenset[int], **limits: Any) -> SearchOptions:
    from bisectsyms.usecases.asked import options_of

    return options_of(question, skipped, **limits)


def _desk(
    repository: Repository, question: Question, ends: Ends, given: dict[str, Any], options: SearchOptions
) -> tuple[AbstractContextManager[Desk], int]:
    """Where attempts are made, here or by a cluster, and how many were made to find out in how many slots."""
    from bisectsyms.cli.fleet import open_crew

    most = options.max_attempts
    if question.cluster:
        return open_crew(repository, question, ends, given, most, options.deadline), 0
    opened = partial(open_desk, repository, question, ends, given)
    slots, made = _slots(question, ends, options, opened)
    return opened(slots, None if most is None else max(0, most - made)), made


def _slots(question: Question, ends: Ends, options: SearchOptions, opened: OpenDesk) -> tuple[int, int]:
    """In how many slots to work, and how many attempts were made to find that out."""
    from bisectsyms.core.throughput import MOST_SLOTS
    from bisectsyms.effects.throughputs import cpus
    from bisectsyms.usecases.slotcount import SlotCount

    if question.slots != AUTO:
        return question.slots, 0
    chosen = SlotCount(opened, ends.bad, options, most=min(cpus(), MOST_SLOTS)).choose()
    return chosen.slots, chosen.made


def open_desk(
    repository: Repository, question: Question, ends: Ends, given: dict[str, Any], slots: int, most: int | None
) -> Desk:
    """A bench, or a crew of several where there are several slots; `most` is how many attempts may be begun."""
    from bisectsyms.usecases.crew import Crew

    reporter, opened = new_reporter(repository), partial(bench_for, repository, question, ends, given)
    return opened(reporter) if slots == 1 else Crew(slots, opened, repository, reporter, most)


def bench_for(
    repository: Repository, question: Question, ends: Ends, given: dict[str, Any], reporter: Reporter
) -> Bench:
    """A bench for the command, or for the profile where there is none.

    Raises:
        UserError: a command, and we are not at the top of a worktree; or see `open_bench`.
    """
    from bisectsyms.usecases.commandbench import CommandBench

    given = given | {name: getattr(question, name) for name in ("profile", "toolchain", "jobs", "sweep", "vary")}
    if (tested := _tested(question)) is None:
        return open_bench(repository, given, reporter=reporter)
    if Path.cwd().resolve() != repository.top.resolve():
        raise UserError(
            "a command is run at the top of a worktree, and so must be this one", next_step=f"cd {repository.top}"
        )
    commits = (*ends.good, ends.bad)
    return CommandBench(repository, tested, bench_settings(given), os.environ, reporter, ends=commits)


def _cell(repository: Repository, question: Question, ends: Ends) -> Cell:
    """The cell whose attempts the bench of this question would make."""
    from bisectsyms.effects.commandwords import named
    from bisectsyms.effects.ledger import Ledger
    from bisectsyms.usecases.bench import Options
    from bisectsyms.usecases.commandbench import cell_of
    from bisectsyms.usecases.tell import cell_for

    if (tested := _tested(question)) is not None:
        return cell_of(tested, named(tested.words, repository, (*ends.good, ends.bad)))
    if question.cluster and question.cell:  # this machine may have another compiler, or none
        with Ledger.open(repository.state_dir) as ledger:
            if (cell := ledger.cell(question.cell)) is not None:
                return cell
    options = Options(
        slots_dir=slots_folder(None),
        toolchains=known_toolchains(),
        toolchain=question.toolchain or "",
        jobs=question.jobs,
        lengths=question.sweep,
        vary=question.vary,
    )
    return cell_for(repository, load_profile(repository, question.profile), options, os.environ)


def _tested(question: Question) -> Tested | None:
    """The command; None where kernels are built."""
    from bisectsyms.usecases.commandbench import Tested

    if not question.words:
        if question.setup or question.failure_line:
            raise UserError("--setup and --failure-line are for a command", next_step="-- COMMAND at the end")
        return None
    if question.vary:
        raise UserError("--vary is for kernels, a command is run as it is", next_step="-- COMMAND without --vary")
    if question.profile:
        raise UserError("a profile builds kernels, a command is run: give one of the two", next_step="--help")
    return Tested(question.words, question.setup, question.failure_line, question.timeout)


def deadline_of(lasting: float | None, until: str | None) -> float | None:
    """Seconds since the epoch, the earlier of both; None without either. A time of day that has passed is tomorrow's.

    Raises:
        UserError: `until` is no time of day.
    """
    now = time.time()
    ends = [now + lasting] if lasting is not None else []
    if until is not None:
        try:
            hour, minute = time_of_day(until)
        except ValueError as error:
            raise UserError(f"--until: {error}", next_step="--until 08:00") from error
        today = datetime.fromtimestamp(now).astimezone()
        then = today.replace(hour=hour, minute=minute, second=0, microsecond=0)
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


VERBS: tuple[click.Command, ...] = (bisect, suspects, simulate)
