"""The verb that measures a failure where it is known to show. See the package for the rules."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from bisectsyms.cli.searching import bench_for, deadline_of, open_desk
from bisectsyms.cli.shared import new_reporter, open_repository, show_result
from bisectsyms.errors import UserError
from bisectsyms.inputs.options import AUTO, Seconds, bench_options, json_option

if TYPE_CHECKING:
    from bisectsyms.effects.dag import Ends
    from bisectsyms.effects.gitrepo import Repository
    from bisectsyms.effects.question import Question
    from bisectsyms.usecases.desk import Desk

MOST = 2000
"""Attempts at one revision, whatever the limits are."""
LOWEST_RATE = 0.05


@click.command()
@click.argument("rev", required=False)
@click.option(
    "--min-rate",
    type=click.FloatRange(0.001, 1.0),
    help="Lowest rate looked for; by default that of the last bisect, else 0.05.",
)
@click.option("--for", "lasting", type=Seconds(), metavar="DURATION", help="Stop after so long, e.g. 2h.")
@click.option("--until", metavar="HH:MM", help="Stop at this time of day.")
@click.option("--max-attempts", type=click.IntRange(1), help="Stop after so many.")
@click.option("--slots", type=click.IntRange(1, 64), help="Attempts at once; by default as in the last bisect.")
@bench_options
@json_option
def calibrate(rev: str | None, **given: Any) -> int:
    """Measure the failure at REV: which kind of attempt shows it, how often, and of which class it is.

    REV is by default the bad end of the bisect that runs here, else of the last `bisectsyms bisect`, else HEAD.
    What is measured is in the ledger, and `bisect` and `step` go on from there.

    \b
    Example:  bisectsyms calibrate v6.3 --profile s3c6400 --for 2h
    """
    from bisectsyms.render import calibrated as render
    from bisectsyms.usecases import calibrate as use
    from bisectsyms.usecases.judging import Judging, StepOptions
    from bisectsyms.usecases.limits import Limits

    repository = open_repository()
    question, ends = _question(repository, rev, given)
    revision = repository.resolve(question.bad)
    deadline = deadline_of(given["lasting"], given["until"])
    options = StepOptions(lowest_rate=question.min_rate, max_attempts=MOST)

    def limits(desk: Desk, before: int = 0) -> Limits:
        return Limits(deadline, given["max_attempts"], lambda: before + desk.made, time.time)

    slots = 1 if question.slots == AUTO else question.slots
    with open_desk(repository, question, ends, given, slots, given["max_attempts"]) as desk:
        measured = use.calibrate(Judging(desk, options), revision, limits(desk))
        mine = use.chosen(desk, measured)
    if use.one_job_tells(measured, mine):
        with bench_for(repository, replace(question, jobs=1), ends, given, new_reporter(repository)) as alone:
            measured = use.with_one_job(Judging(alone, options), measured, mine, limits(alone, measured.attempts))
    show_result(measured, render.show_calibrated, given["as_json"])
    return 0 if measured.answered else 3


def _question(repository: Repository, rev: str | None, given: dict[str, Any]) -> tuple[Question, Ends]:
    """What is built or run and, as its bad end, where: as in the last search unless a profile is named.

    The ends are those of that search: they tell which files the words of its command name.
    """
    from bisectsyms.core.direction import search_terms
    from bisectsyms.effects.bisecting import read_bisect
    from bisectsyms.effects.dag import Ends, find_ends
    from bisectsyms.effects.question import Question, read_question

    names = ("profile", "toolchain", "jobs", "sweep", "vary", "min_rate", "slots")
    typed = {name: given[name] for name in names if given[name] not in (None, ())}
    state, last, ends = None if rev else read_bisect(repository), None, None
    with contextlib.suppress(UserError):  # no search, or of another version: then all is on the command line
        last = read_question(repository.state_dir)
        terms = search_terms(last.terms, find_fix=last.find_fix)
        ends = find_ends(repository, last.good, last.bad, find_fix=terms.find_fix)
    at = repository.resolve(rev or (state.failing_end if state else ends.bad if ends else "HEAD")).commit
    if last is None or ends is None or given["profile"]:
        return replace(Question(at, at, min_rate=LOWEST_RATE), **typed), Ends((at,), at)
    return replace(last, bad=at, **typed), ends


VERBS: tuple[click.Command, ...] = (calibrate,)
