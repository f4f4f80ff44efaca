"""The verb that runs a matrix of cells until a deadline. See the package for the rules."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bisectsyms.cli.reporting import kept_page
from bisectsyms.cli.searching import deadline_of, search
from bisectsyms.cli.shared import (
    bench_settings,
    known_toolchains,
    load_profile,
    new_reporter,
    open_repository,
    profile_folders,
    show_result,
    slots_folder,
)
from bisectsyms.errors import UserError
from bisectsyms.inputs.options import Seconds, Size, cluster_options, json_option, slots_option

if TYPE_CHECKING:
    from bisectsyms.effects.gitrepo import Repository
    from bisectsyms.effects.hunts import Remembered
    from bisectsyms.effects.stopping import Stopping
    from bisectsyms.inputs.plan import HuntPlan
    from bisectsyms.inputs.profile import LoadedProfile
    from bisectsyms.render.page.keeping import KeptPage
    from bisectsyms.render.progress import Reporter
    from bisectsyms.usecases.answering import Found
    from bisectsyms.usecases.desk import Desk
    from bisectsyms.usecases.hunt import World
    from bisectsyms.usecases.hunted import Hunted, Line, Picture
    from bisectsyms.usecases.matrix import Build

SEVERAL: dict[str, Any] = {"multiple": True}
KINDS = ("replay", "relink", "clean")
FROM_PLAN = {"then": "then", "good": "good", "bad": "bad", "notify": "command", "page": "page"}
"""Key of a plan -> what is typed in its place."""


@click.command()
@click.argument("plan", required=False, type=click.Path(path_type=Path))
@click.option("--rev", "revisions", metavar="REV,...", help="Revisions.", **SEVERAL)
@click.option(
    "--profile", "profiles", metavar="NAME,...", help="What to build: names, or paths of profiles.", **SEVERAL
)
@click.option(
    "--defconfig", "defconfigs", metavar="NAME,...", help="In place of --profile: that which builds it.", **SEVERAL
)
@click.option(
    "--toolchains", metavar="NAME,...", help="gcc-12, arm-gcc-12, arm-llvm; by default the profile's.", **SEVERAL
)
@click.option("-j", "--jobs", metavar="N,...", help="make -jN; by default the profile's.", **SEVERAL)
@click.option("--vary", "variations", metavar="POLICY,...", help="Policies, each a cell of its own.", **SEVERAL)
@click.option("--resume", is_flag=True, help="Go on with the last hunt.")
@click.option("--for", "lasting", type=Seconds(), metavar="DURATION", help="Stop after so long, e.g. 7h.")
@click.option("--until", metavar="HH:MM", help="Stop at this time of day.")
@click.option("--max-attempts", type=click.IntRange(1), help="Stop after so many, of this call.")
@click.option("--kind", type=click.Choice(KINDS), help="This kind of attempt alone; by default what shows the failure.")
@click.option("--slots", type=click.IntRange(1, 64), help="Attempts at once, all of one cell.  [default: 1]")
@click.option("--then", "then", type=click.Choice(["isolate", "bisect"]), help="What to go on with.", **SEVERAL)
@click.option("--good", metavar="REV", help="For --then bisect: the good end.")
@click.option("--bad", metavar="REV", help="For --then bisect: the bad end; by default where the worst cell failed.")
@click.option("--notify", "command", metavar="CMD", help="Run at the first failure and at the end.")
@click.option("--page", type=click.Path(path_type=Path), help="Keep a page of the hunt in FILE while it goes on.")
@click.option("--nice/--no-nice", default=True, show_default=True, help="Let other processes go first.")
@click.option("--floor", type=Size(), default="2G", show_default=True, help="Pause while less than this is free.")
@click.option("--disk", type=Size(), help="Budget of all objtrees; those used least lately go first.")
@click.option("--host-slots", type=click.IntRange(1, 1024), help="Attempts at once of all hunts here.  [default: CPUs]")
@cluster_options
@click.option("--keep-evidence", type=Size(), default="2G", show_default=True, help="Cap on disk.")
@click.option("--infra-wait", type=Seconds(), default="30m", show_default=True, help="For a full disk.")
@slots_option
@json_option
def hunt(plan: Path | None, **given: Any) -> int:
    """Run every cell of a matrix until a deadline, and spend the time where it settles most.

    The matrix is a PLAN, in YAML, or given by options. All is in the ledger: the same command goes on.

    \b
    Example:  bisectsyms hunt plan.yaml --until 08:00
              bisectsyms hunt --rev v6.1 --profile s3c6400 -j 1,5 --for 8h
    """
    from bisectsyms.effects import manners
    from bisectsyms.effects.hunts import remember
    from bisectsyms.effects.ledger import Ledger
    from bisectsyms.effects.stopping import Stopping
    from bisectsyms.inputs.plan import told_where
    from bisectsyms.model import Kind
    from bisectsyms.render import hunting as render
    from bisectsyms.usecases.hunt import Hunting, HuntOptions
    from bisectsyms.usecases.matrix import Matrix
    from bisectsyms.usecases.workbench import Workbench

    repository = open_repository()
    asked = _asked(repository, plan, given)
    given = _filled(given, asked.plan)
    reporter = new_reporter(repository)
    if asked.cluster and not given["cluster"]:
        reporter.say(f"on the cluster {asked.cluster}, as before; --slots 1 for this machine alone")
    given |= {"cluster": asked.cluster, "source": asked.source}
    find = partial(load_profile, repository)
    matrix = Matrix(repository, known_toolchains(), os.environ, find, partial(_profiles, repository))
    placed = partial(told_where, plan, typed=not given["resume"])
    with placed():
        spots = () if given["cluster"] else matrix.spots(asked.plan)
        _check_ends(repository, given, asked.plan)
    words = _notify_words(given["command"])
    kept = None
    if given["page"] is not None:
        # Of a cluster the cells are known as its workers come.
        about = partial(
            kept_page, repository, given["page"], lambda: {spot.key for spot in hunting.knowing.spots}, reporter.say
        )
        kept = about()
    remember(repository.state_dir, asked)
    kind = Kind(asked.kind) if asked.kind else None
    options = HuntOptions(kind=kind, deadline=asked.deadline, max_attempts=given["max_attempts"])
    stopping = Stopping(reporter.say)
    with ExitStack() as night:
        ledger = night.enter_context(Ledger.open(repository.state_dir, warn=reporter.say))
        for died in ledger.bury():
            reporter.say(f"attempt {died.number} died with the run that made it: no evidence")
        if given["nice"]:
            manners.go_behind()
        night.enter_context(placed())
        night.enter_context(manners.awake(f"hunt in {repository.top.name}", reporter.say))
        night.enter_context(stopping.heard())
        night.callback(reporter.show_above, None)
        world = _world(repository, given, words, reporter, stopping, kept)
        if given["cluster"]:
            from bisectsyms.cli.fleet import open_fleet

            hunting: Hunting = night.enter_context(
                open_fleet(ledger, matrix, asked.plan, given, reporter, options, world)
            )
        else:
            opened = partial(_open_desk, repository, given, reporter, asked.slots)
            hunting = Hunting(ledger, spots, Workbench.kinds, opened, reporter, options, world)
        if kept is not None:
            night.callback(kept.write)  # also when the hunt ends in trouble
        hunted = hunting.run()
    hunted = _then(repository, hunted, given, asked, stopping)
    if kept is not None and hunted.found is not None:
        about(search=True).write()
    show_result(hunted, render.show_hunted, given["as_json"])
    return 0 if hunted.answered else 3


def _asked(repository: Repository, plan: Path | None, given: dict[str, Any]) -> Remembered:
    """The hunt that is meant: a plan's, that of the options, or the last one; what is typed besides wins."""
    from bisectsyms.effects.hunts import Remembered, recall
    from bisectsyms.inputs.plan import OPTIONS, load_plan, plan_of

    words = {key: given[key] for key in OPTIONS if given[key]}
    if (plan is not None) + bool(words) + given["resume"] != 1:
        raise UserError(
            "a plan, options that say the same, and --resume are three ways to say one thing",
            next_step="bisectsyms hunt plan.yaml, or --rev and --profile, or --resume",
        )
    deadline = deadline_of(given["lasting"], given["until"])
    if given["resume"]:
        last = recall(repository.state_dir)
        if deadline is None and last.deadline is not None and last.deadline > time.time():
            deadline = last.deadline
        here = bool(given["slots"] or given["host_slots"]) and not given["cluster"]  # those are of this machine
        asked = replace(
            last,
            slots=given["slots"] or last.slots,
            kind=given["kind"] or last.kind,
            cluster="" if here else given["cluster"] or last.cluster,
            source="" if here else given["source"] or last.source,
        )
    else:
        meant = load_plan(plan) if plan is not None else plan_of(words)
        where = {name: given[name] for name in ("cluster", "source")}
        asked = Remembered(meant, None, given["slots"] or meant.slots, given["kind"] or meant.kind or "", **where)
    return replace(asked, deadline=deadline or deadline_of(asked.plan.lasting, asked.plan.until))


def _filled(given: dict[str, Any], plan: HuntPlan) -> dict[str, Any]:
    """With what the plan says where nothing was typed."""
    return given | {option: getattr(plan, key) for key, option in FROM_PLAN.items() if not given[option]}


def _profiles(repository: Repository) -> list[LoadedProfile]:
    """Every profile that a bare name can mean and that can be read."""
    from bisectsyms.inputs.profile import available

    folders = {**profile_folders(), "state_dir": repository.state_dir}
    return [load_profile(repository, name) for name, _ in available(**folders)]


def _notify_words(command: str | None) -> tuple[str, ...]:
    from bisectsyms.effects.notify import words_of

    return words_of(command) if command else ()


def _check_ends(repository: Repository, given: dict[str, Any], plan: HuntPlan) -> None:
    """Before the night, not after it.

    Raises:
        UserError: an end that is needed is missing or is no revision.
    """
    from bisectsyms.inputs.plan import at_key

    if "bisect" in given["then"] and not given["good"]:
        raise UserError("--then bisect needs the good end", next_step="--good REV, or `good: REV` in the plan")
    for key, planned in (("good", plan.good), ("bad", plan.bad)):
        if name := given[key]:
            with at_key(key) if name == planned else nullcontext():
                repository.resolve(name)


def _open_desk(
    repository: Repository, given: dict[str, Any], reporter: Reporter, slots: int, build: Build, most: int | None
) -> Desk:
    """A bench for this cell, or a crew of several."""
    from bisectsyms.usecases.crew import Crew
    from bisectsyms.usecases.desk import Reporter as Tells
    from bisectsyms.usecases.workbench import Workbench

    loaded = load_profile(repository, build.profile)
    cell = {"toolchain": build.toolchain, "jobs": build.jobs, "sweep": None, "vary": build.vary}
    settings = bench_settings(given | cell)

    def bench(tells: Tells) -> Workbench:
        return Workbench(repository, loaded, settings, os.environ, tells)

    return bench(reporter) if slots == 1 else Crew(slots, bench, repository, reporter, most)


def _world(
    repository: Repository,
    given: dict[str, Any],
    words: tuple[str, ...],
    reporter: Reporter,
    stopping: Stopping,
    kept: KeptPage | None,
) -> World:
    """What the hunt sees and does of the machine."""
    from bisectsyms.effects import manners, thinning
    from bisectsyms.effects.notify import notify
    from bisectsyms.effects.throughputs import cpus
    from bisectsyms.effects.turns import Turns
    from bisectsyms.render.board import Board
    from bisectsyms.usecases.hunt import World

    folder, floor = slots_folder(given["slots_dir"]), given["floor"]

    def make_room(objtree: str) -> None:
        thinned = thinning.thin(folder, repository, given["disk"], floor, {objtree})
        if thinned.trees:
            reporter.say(manners.told(thinned.freed, thinned.trees))

    def show(shown: Picture) -> None:
        if reporter.height:
            reporter.show_above(Board(shown))
        if kept is not None:
            kept()

    def tell(news: Any, text: str) -> None:
        if words:
            notify(words, {**news, "repository": str(repository.top)}, text, reporter.say)

    return World(
        trouble=lambda: manners.trouble(folder, floor),
        make_room=make_room,
        turn=Turns(folder, given["host_slots"] or cpus()).taken,
        asked_to_stop=lambda: stopping.asked,
        notify=tell,
        show=show,
    )


def _then(
    repository: Repository, hunted: Hunted, given: dict[str, Any], asked: Remembered, stopping: Stopping
) -> Hunted:
    """Go on with what was wanted, unless somebody stopped us."""
    from bisectsyms.core.isolating import isolate

    if "isolate" in given["then"]:
        hunted = replace(hunted, isolated=isolate([line.sampled() for line in hunted.lines]))
    worst = hunted.worst
    over = bool(hunted.stopped) and not hunted.set_aside  # then there is nothing left for a search, either
    if "bisect" in given["then"] and worst is not None and not over and not stopping.asked:
        hunted = replace(hunted, found=_bisect(repository, worst, given, asked, hunted.attempts))
    return hunted


def _bisect(repository: Repository, worst: Line, given: dict[str, Any], asked: Remembered, made: int) -> Found:
    """Search in the worst cell, with what is left of the limits; `made` attempts were made before."""
    from bisectsyms.core.direction import search_terms
    from bisectsyms.effects.dag import find_ends
    from bisectsyms.effects.question import Question

    good, bad = (repository.resolve(name).commit for name in (given["good"], given["bad"] or worst.commit))
    question = Question(
        good,
        bad,
        profile=worst.profile,
        toolchain=worst.asked or None,
        jobs=worst.jobs,
        vary=(worst.variation,),
        slots=1 if asked.cluster else asked.slots,
        cluster=asked.cluster,
        source=asked.source,
    )
    ends = find_ends(repository, good, bad, find_fix=search_terms(None, find_fix=False).find_fix)
    most = None if given["max_attempts"] is None else max(0, given["max_attempts"] - made)
    return search(repository, question, ends, given, deadline=asked.deadline, max_attempts=most)


VERBS: tuple[click.Command, ...] = (hunt,)
