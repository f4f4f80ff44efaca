"""The verb that names the cause of a failure. See the package for the rules."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bisectsyms.cli.searching import deadline_of
from bisectsyms.cli.shared import open_repository, reopen_bench, show_result
from bisectsyms.errors import UserError
from bisectsyms.inputs.options import Seconds, bench_options, json_option

if TYPE_CHECKING:
    from bisectsyms.usecases.diagnose import Diagnosed

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("target", required=False, metavar="[ATTEMPT|DIR]")
@click.option("--maps", nargs=2, type=PATH, metavar="BEFORE AFTER", help="Two maps, and nothing else.")
@click.option("--log", type=PATH, metavar="FILE", help="What the build of DIR printed.")
@click.option(
    "--experiment",
    is_flag=False,
    flag_value="next",
    metavar="[NAME]",
    help="Make the experiment that would settle it, or the one named, with the attempts that an exact test needs.",
)
@click.option(
    "--for", "lasting", type=Seconds(), metavar="DURATION", help="Stop the experiment after so long, e.g. 2h."
)
@click.option("--max-attempts", type=click.IntRange(1), help="Stop the experiment after so many.")
@bench_options
@json_option
def diagnose(target: str | None, maps: tuple[Path, Path] | None, log: Path | None, **given: Any) -> int:
    """Name the cause of a failure, how sure it is, and what would prove it; by default of the last in the ledger.

    DIR is any build directory, also one that nobody built with bisectsyms.

    \b
    Example:  bisectsyms diagnose 37
              bisectsyms diagnose ../obj --log make.log
              bisectsyms diagnose 37 --experiment extra-pass
              bisectsyms diagnose --maps .tmp_System.map System.map
    """
    from bisectsyms.kallsyms.naming import State
    from bisectsyms.render.diagnosed import show_diagnosed

    answer = _diagnosed(target, maps, log)
    if given["experiment"]:
        answer = _settled(answer, given)
    show_result(answer, show_diagnosed, given["as_json"])
    return 0 if answer.diagnosis.state is State.EXPLAINED else 3


def _diagnosed(target: str | None, maps: tuple[Path, Path] | None, log: Path | None) -> Diagnosed:
    from bisectsyms.usecases import diagnose as use

    if maps and target:
        raise UserError("--maps and a target are two questions", next_step=f"leave out {target}, or --maps")
    if maps:
        return use.of_two_maps(*maps, log)
    if target and not target.isdecimal():
        return use.of_folder(Path(target), log)
    if log:
        raise UserError("an attempt has its own log", next_step="leave --log out")
    repository = open_repository()
    return use.of_attempt(repository, int(target) if target else use.last_failure(repository))


def _settled(answer: Diagnosed, given: dict[str, Any]) -> Diagnosed:
    """Make the experiment, and look again."""
    from bisectsyms.render.console import echo
    from bisectsyms.usecases import again
    from bisectsyms.usecases import diagnose as use
    from bisectsyms.usecases.experiment import run_experiment
    from bisectsyms.usecases.limits import Limits

    if answer.attempt is None:
        raise UserError(
            "an experiment needs an attempt of the ledger", next_step="bisectsyms diagnose ATTEMPT --experiment"
        )
    name = use.experiment_for(answer, given["experiment"])
    if not name:
        echo(f"bisectsyms: no experiment would tell more; to make one: {', '.join(use.runnable())}", err=True)
        return answer
    repository = open_repository()
    attempt = again.find_here(repository, answer.attempt)
    deadline = deadline_of(given["lasting"], None)
    with reopen_bench(repository, attempt, given) as bench:
        limits = Limits(deadline, given["max_attempts"], lambda: bench.made, time.time)
        conducted = run_experiment(bench, attempt.plan.revision, name, limits, failure=attempt)
    return use.of_attempt(repository, answer.attempt, conducted)


VERBS: tuple[click.Command, ...] = (diagnose,)
