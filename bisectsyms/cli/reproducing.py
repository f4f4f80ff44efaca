"""The verbs around a report of somebody else's: try it, answer it, write down what fails for people without us."""

from __future__ import annotations

import os
import time
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bisectsyms.cli.searching import deadline_of, search
from bisectsyms.cli.shared import (
    bench_settings,
    known_toolchains,
    load_profile,
    named_in,
    new_reporter,
    open_repository,
    show_result,
)
from bisectsyms.errors import UserError
from bisectsyms.inputs.options import Seconds, Size, json_option, slots_option

if TYPE_CHECKING:
    from bisectsyms.effects.dag import Ends
    from bisectsyms.effects.gitrepo import Repository
    from bisectsyms.effects.locating import Clues, Located
    from bisectsyms.effects.question import Question
    from bisectsyms.effects.reproductions import Reproduction
    from bisectsyms.inputs.profile import LoadedProfile
    from bisectsyms.inputs.toolchains import Toolchains
    from bisectsyms.render.progress import Reporter
    from bisectsyms.usecases.desk import Desk
    from bisectsyms.usecases.reproduce import Understanding
    from bisectsyms.usecases.suspects import Suspected
    from bisectsyms.usecases.trying import Tried
    from bisectsyms.usecases.workbench import Workbench


@click.command()
@click.argument("report")
@click.option("--plan", "only_plan", is_flag=True, help="Only print what was understood, as YAML to edit.")
@click.option("--rev", metavar="REV", help="What to build, if the report does not say it or is wrong.")
@click.option("--arch", metavar="ARCH", help="ARCH=, in place of the report's.")
@click.option("--defconfig", metavar="NAME", help="Targets that make .config, in place of the report's.")
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="A .config, in place of the report's.")
@click.option("--toolchain", metavar="NAME", help="gcc-13, clang-17 …, in place of the report's.")
@click.option(
    "--toolchain-dir",
    "folders",
    metavar="FOLDER",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Look for compilers that were unpacked here, too.",
)
@click.option("-j", "--jobs", type=click.IntRange(1, 1024), help="make -jN, in place of the report's.")
@click.option(
    "--sandbox",
    type=click.Choice(["auto", "require"]),
    default="auto",
    show_default=True,
    help="require: build nothing where builds cannot be closed off.",
)
@click.option("--fetch", is_flag=True, help="Fetch the commit if it is not here, from the tree that the report names.")
@click.option("--vary", metavar="POLICY", help="This variation alone, in place of sweep:32 and then pad:8.")
@click.option(
    "--min-rate", type=click.FloatRange(0.001, 1.0), default=0.05, show_default=True, help="Lowest looked for."
)
@click.option("--for", "lasting", type=Seconds(), metavar="DURATION", help="Stop after so long, e.g. 2h.")
@click.option("--until", metavar="HH:MM", help="Stop at this time of day.")
@click.option("--max-attempts", type=click.IntRange(1), help="Stop after so many.")
@click.option("--then", type=click.Choice(["bisect"]), help="What to go on with where it is reproduced.")
@click.option("--good", metavar="REV", help="For --then bisect: the good end; by default the report's.")
@click.option("--keep-evidence", type=Size(), default="2G", show_default=True, help="Cap on disk.")
@click.option("--infra-wait", type=Seconds(), default="30m", show_default=True, help="For a full disk.")
@slots_option
@json_option
def reproduce(report: str, only_plan: bool, **given: Any) -> int:
    """Try REPORT here: a mail, an mbox, the text of a page or a plan; - is standard input.

    No text of it is run, and nothing is fetched for it unless you say --fetch.

    \b
    Example:  bisectsyms reproduce report.eml --for 2h
              bisectsyms reproduce report.eml --plan >plan.yaml
              b4 mbox -o- MESSAGE-ID | bisectsyms reproduce -
    """
    from bisectsyms.render import planned
    from bisectsyms.render import tried as render

    found = _understood(report, given)
    if only_plan:
        show_result(found, planned.show_plan, given["as_json"])
        return 0
    repository = open_repository()
    tried = _tried(found, repository, given)
    if given["then"] and tried.failing is not None:
        return _bisected(repository, found, tried, given)
    show_result(tried, render.show_tried, given["as_json"])
    return 0 if tried.answered else 3


def _understood(report: str, given: dict[str, Any]) -> Understanding:
    from bisectsyms.usecases.reproduce import understand

    jobs = given["jobs"]
    options = {"revision": given["rev"], "jobs": None if jobs is None else str(jobs)}
    options |= {name: given[name] for name in ("arch", "defconfig", "toolchain")}
    return understand(
        report, {name: value for name, value in options.items() if value is not None}, config=given["config"]
    )


def _tried(found: Understanding, repository: Repository, given: dict[str, Any]) -> Tried:
    """Try it, and remember for `reply` what was tried."""
    from bisectsyms.effects.reproductions import Reproduction, remember
    from bisectsyms.inputs.reports.origin import NO_ORIGIN
    from bisectsyms.usecases import trying as use
    from bisectsyms.usecases.judging import StepOptions
    from bisectsyms.usecases.limits import Limits

    reporter = new_reporter(repository)
    for refused, source in found.report.refused if found.report else ():
        reporter.say(f"not passed on: {refused.what}: {refused.why} ({source.where})")
    known = known_toolchains(given["folders"])
    about = Reproduction(report=found.name, plan=found.plan, origin=found.report.origin if found.report else NO_ORIGIN)
    fetch = partial(_fetch, repository, reporter) if given["fetch"] else None
    try:
        prepared = use.prepare(
            found, repository, known, os.environ, required=given["sandbox"] == "require", fetch=fetch
        )
    except UserError as error:
        remember(repository.state_dir, about.model_copy(update={"cannot": error.message}))
        raise
    located = prepared.located
    about = about.model_copy(
        update={
            "notes": prepared.notes,
            "commit": located.revision.commit,
            "located_by": located.how,
            "profile": prepared.loaded.name,
        }
    )
    reporter.say(f"{located.revision} ({located.revision.title}): {located.how}; profile {prepared.loaded.name}")
    for note in prepared.notes:
        reporter.say(note)
    deadline = deadline_of(given["lasting"], given["until"])
    opened = _Opener(repository, reporter, given, known, about)
    policies = (given["vary"],) if given["vary"] else ("", use.FURTHER)
    return use.try_it(
        prepared,
        opened,
        StepOptions(lowest_rate=given["min_rate"], max_attempts=use.MOST),
        lambda made: Limits(deadline, given["max_attempts"], made, time.time),
        policies,
        opened.with_one_job,
    )


class _Opener:
    """Opens benches for a profile made of a report, and remembers their cells."""

    def __init__(
        self, repository: Repository, reporter: Reporter, given: dict[str, Any], known: Toolchains, about: Reproduction
    ) -> None:
        self._repository, self._reporter, self._given, self._known, self._about = (
            repository, reporter, given, known, about,
        )  # fmt: skip

    def __call__(self, loaded: LoadedProfile, policy: str) -> AbstractContextManager[Desk]:
        from bisectsyms.effects.reproductions import remember

        bench = self._bench(loaded, policy, None)
        cells = dict.fromkeys((*self._about.cells, bench.cell.key))
        self._about = self._about.model_copy(update={"cells": tuple(cells)})
        remember(self._repository.state_dir, self._about)
        return bench

    def with_one_job(self, loaded: LoadedProfile, policy: str) -> AbstractContextManager[Desk]:
        """For an experiment: no cell in which the report is tried."""
        return self._bench(loaded, policy, 1)

    def _bench(self, loaded: LoadedProfile, policy: str, jobs: int | None) -> Workbench:
        from bisectsyms.usecases.workbench import Workbench

        vary = (policy,) if policy else ()
        settings = bench_settings(self._given | {"toolchain": None, "jobs": jobs, "sweep": None, "vary": vary})
        settings = replace(settings, toolchains=self._known)
        return Workbench(self._repository, loaded, settings, os.environ, self._reporter)


def _fetch(repository: Repository, reporter: Reporter, clues: Clues) -> Located:
    from bisectsyms.core.words import duration
    from bisectsyms.effects.fetching import BYTES, SECONDS, fetch
    from bisectsyms.effects.locating import fetch_words

    at_most = f"{duration(SECONDS)} and {BYTES // 1024**3} GiB at most"
    reporter.say(f"--fetch: git fetch {' '.join(fetch_words(clues))}, {at_most}")
    return fetch(repository, clues)


def _bisected(repository: Repository, found: Understanding, tried: Tried, given: dict[str, Any]) -> int:
    """Go on with a search for the commit that brought it in."""
    from bisectsyms.render import searching as render
    from bisectsyms.render import tried as shown

    if not given["as_json"]:
        shown.show_tried(tried)
    question, ends = _question(repository, found, tried, given)
    deadline = deadline_of(given["lasting"], given["until"])
    bench = {"slots_dir": given["slots_dir"], "keep_evidence": given["keep_evidence"]}
    bench |= {"infra_wait": given["infra_wait"], "toolchain": None, "jobs": None, "sweep": None, "vary": question.vary}
    answer = search(repository, question, ends, bench, deadline=deadline, max_attempts=given["max_attempts"])
    show_result(answer, render.show_found, given["as_json"])
    return 0 if answer.answered else 3


def _question(
    repository: Repository, found: Understanding, tried: Tried, given: dict[str, Any]
) -> tuple[Question, Ends]:
    from bisectsyms.effects.dag import find_ends
    from bisectsyms.effects.question import Question

    good = given["good"] or found.plan.introduced.partition("..")[0] if ".." in found.plan.introduced else given["good"]
    if not good:
        raise UserError(
            "the report does not say where it was still good",
            next_step=f"the same command with --good REV, or bisectsyms bisect REV {tried.revision.commit[:12]} "
            f"--profile {tried.profile}",
        )
    first = repository.resolve(good).commit
    bad = tried.revision.commit
    policy = tried.rounds[-1].variation
    question = Question(first, bad, profile=tried.profile, vary=(policy,), min_rate=min(given["min_rate"], 0.2))
    return question, find_ends(repository, first, bad, find_fix=False)


@click.command()
@json_option
def reply(as_json: bool) -> int:
    """Print the answer to the report that was tried last, as a mail in its thread; nothing is ever sent.

    \b
    Example:  bisectsyms reply >answer.eml && mutt -H answer.eml
    """
    from bisectsyms.effects.reproductions import last_reproduction
    from bisectsyms.render.replymail import mail_of
    from bisectsyms.usecases import reply as use

    repository = open_repository()
    about = last_reproduction(repository.state_dir)
    answer = use.answer(repository, about, partial(_suspected, repository))
    show_result(answer, lambda one: click.echo(mail_of(one), nl=False), as_json)
    return 0


def _suspected(repository: Repository) -> Suspected:
    """How the last search stands."""
    from bisectsyms.core.direction import search_terms
    from bisectsyms.effects.dag import find_ends, read_range, read_skipped
    from bisectsyms.effects.ledger import Ledger
    from bisectsyms.effects.question import read_question
    from bisectsyms.usecases import suspects as use
    from bisectsyms.usecases.asked import options_of

    question = read_question(repository.state_dir)
    terms = search_terms(question.terms, find_fix=question.find_fix)
    ends = find_ends(repository, question.good, question.bad, find_fix=terms.find_fix)
    commits = read_range(repository, ends, first_parent=question.first_parent, paths=question.paths)
    with Ledger.open(repository.state_dir) as ledger:
        cell = ledger.cell(question.cell)
    if cell is None:
        raise UserError("the last search has left no attempt", next_step="bisectsyms bisect")
    options = options_of(question, read_skipped(repository, commits, question.skip))
    return use.suspects(repository, cell, commits, options)


@click.command()
@click.argument("attempt", required=False, type=int)
@json_option
def script(attempt: int | None, as_json: bool) -> int:
    """Print a POSIX shell script that makes ATTEMPT fail again without bisectsyms; by default the newest that failed.

    \b
    Example:  bisectsyms script 37 >reproduce.sh; sh reproduce.sh
    """
    from bisectsyms.render.shellscript import script_of
    from bisectsyms.usecases import script as use

    repository = open_repository()
    failed = use.failing(repository, attempt)
    loaded = load_profile(repository, named_in(failed.plan.cell))
    made = use.repetition(repository, failed, loaded, known_toolchains(), os.environ)
    show_result(made, lambda one: click.echo(script_of(one), nl=False), as_json)
    return 0


VERBS: tuple[click.Command, ...] = (reproduce, reply, script)
