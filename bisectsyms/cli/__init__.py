"""The command line. Bare `bisectsyms` is `bisectsyms step`, because that is what git bisect run types.

This module only turns words into options and calls one use case; it imports that use case when it is
asked for, so that `--version` is quick. Usage errors become our own error: click's status 2 would be
read as "bad" by git.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bisectsyms import __version__
from bisectsyms.cli import (
    calibrating,
    completing,
    diagnosing,
    hunting,
    looking,
    measuring,
    reporting,
    reproducing,
    searching,
)
from bisectsyms.cli.shared import (
    known_toolchains,
    open_bench,
    open_repository,
    profile_folders,
    reopen_bench,
    show_result,
    slots_folder,
)
from bisectsyms.cli.summaries import SECTIONS, SUMMARIES
from bisectsyms.errors import InfraError, UserError
from bisectsyms.inputs.options import bench_options, json_option, slots_option, step_options

if TYPE_CHECKING:
    from bisectsyms.usecases.judging import StepOptions

EXIT_STATUS = """\b
Exit status of step:  0 good, 1 bad, 125 skip, 128 abort, 130 Ctrl-C.
Of other verbs:       0 answered, 3 no answer, 128 error, 130 Ctrl-C.
"""


BARE = (
    "git bisect start BAD GOOD, then git bisect run bisectsyms --profile NAME; all verbs: bisectsyms --help; "
    "to see it work: bisectsyms demo"
)
"""What somebody may have wanted who typed nothing but our name."""


class Verbs(click.Group):
    """A group whose missing verb is `step`, and whose --help has its verbs by what they are for."""

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Give the verb its line, and add it."""
        cmd.short_help = SUMMARIES.get(cmd.name or "", cmd.short_help)
        super().add_command(cmd, name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs, section by section."""
        longest = max(map(len, SUMMARIES))
        for title, verbs in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(verb.ljust(longest), line) for verb, line in verbs.items()])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words as those of `step` where no verb stands first."""
        if (not args and not completing.asked()) or (args and _is_option(args[0])):
            args = ["step", *args]
        return super().parse_args(ctx, args)


def _is_option(word: str) -> bool:
    """Whether it is one of the verb `step`, which need not be named."""
    return word.startswith("-") and word not in ("--help", "-h", "--version")


def run(argv: list[str]) -> tuple[int, bool]:
    """Run the command line; (exit status, whether the verb was step).

    Raises:
        BisectsymsError: with its next step; every error ends with 128.
    """
    is_step = not argv or argv[0] == "step" or _is_option(argv[0])
    if not is_step or {"--help", "-h"} & set(argv) or completing.asked():
        _refuse_under_bisect_run(argv)
    try:
        status = main.main(argv, prog_name="bisectsyms", standalone_mode=False)
    except click.exceptions.Exit as done:
        status = done.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    except SystemExit as ended:
        if completing.asked():
            return int(ended.code or 0), False
        if isinstance(ended.__context__, BrokenPipeError):  # click's answer to it
            raise InfraError("nobody reads the output any more; what was found is in the ledger") from ended
        raise
    except click.ClickException as error:
        raise UserError(error.format_message(), next_step=f"bisectsyms {_verb(error)}--help") from error
    return int(status or 0), is_step


def _verb(error: click.ClickException) -> str:
    ctx = getattr(error, "ctx", None)
    return f"{ctx.command_path.partition(' ')[2]} ".lstrip() if ctx is not None else ""


def _refuse_under_bisect_run(argv: list[str]) -> None:
    """git would take the 0 of `--version` for "good" at every revision, and name a commit."""
    from bisectsyms.effects.caller import called_by_bisect_run

    if called_by_bisect_run():
        raise UserError(
            f"`bisectsyms {' '.join(argv)}` judges nothing, so git bisect run must not call it",
            next_step="git bisect run bisectsyms --profile NAME",
        )


@click.group(cls=Verbs, epilog=EXIT_STATUS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bisectsyms")
def main() -> None:
    """git bisect for kernel builds that fail sometimes with "Inconsistent kallsyms data".

    \b
        git bisect start BAD GOOD
        git bisect run bisectsyms --profile s3c6400
    """


@main.command(epilog=EXIT_STATUS)
@click.argument("rev", required=False)
@click.option("--dry-run", is_flag=True, help="Print the exact make lines; build nothing.")
@click.option("--find-fix", is_flag=True, help="The failure is at the old end; which commit fixed it?")
@step_options
@bench_options
@json_option
def step(rev: str | None, dry_run: bool, find_fix: bool, **given: Any) -> int:
    """Judge the revision that git checked out, or REV (the verb of git bisect run).

    \b
    Example:  git bisect run bisectsyms --profile s3c6400
    """
    from bisectsyms.effects.bisecting import read_bisect
    from bisectsyms.render import text
    from bisectsyms.render.console import echo
    from bisectsyms.usecases import step as use
    from bisectsyms.usecases.judging import Judging

    try:
        repository = open_repository()
    except UserError as error:
        if rev is not None or given["profile"]:
            raise
        raise UserError(error.message, next_step=f"{error.next_step}; {BARE}") from error
    state = read_bisect(repository, find_fix=find_fix)
    at_terminal = sys.stdin is not None and sys.stdin.isatty()
    if rev is None and state is None and (at_terminal or not given["profile"]):
        if at_terminal:
            click.echo(main.get_help(click.Context(main, info_name="bisectsyms")))
        raise UserError("no bisect runs here, and no revision was given", next_step=BARE)
    if find_fix and state is None:
        raise UserError("--find-fix: no bisect runs here", next_step="git bisect start, with both ends")
    options = _judging(given)
    with open_bench(repository, given) as bench:
        revision = repository.head() if rev is None else repository.resolve(rev)
        if dry_run:
            for line in bench.dry_run(revision):
                echo(line)
            raise UserError("--dry-run: nothing was judged")
        result = use.step(Judging(bench, options), revision, state)
        for line in text.step_lines(result):
            bench.reporter.say(line)
    if given["as_json"]:
        show_result(result, lambda _: None, as_json=True)
    verdict = result.decision.verdict
    return int(verdict.value if state is None else state.tells(verdict))


@main.command()
@click.argument("number", type=int)
@bench_options
@json_option
def again(number: int, **given: Any) -> int:
    """Repeat attempt NUMBER: same revision, kind and draw.

    \b
    Example:  bisectsyms again 37
    """
    from bisectsyms.render import text
    from bisectsyms.usecases import again as use

    repository = open_repository()
    first = use.find_here(repository, number)
    with reopen_bench(repository, first, given) as bench:
        repeated = use.again(bench, first)
    show_result(repeated, text.show_repeated, given["as_json"])
    return 0 if repeated.same_outcome else 3


@main.command()
@click.option("--rejudge", is_flag=True, help="Apply today's rules to all attempts of the ledger.")
@json_option
def status(rejudge: bool, as_json: bool) -> int:
    """Where the bisect stands: rates, verdicts, why, and how sure.

    \b
    Example:  bisectsyms status --rejudge
    """
    from bisectsyms.render import text
    from bisectsyms.usecases import status as use

    report = use.status(open_repository(), rejudge=rejudge)
    show_result(report, text.show_status, as_json)
    return 0 if report.cells else 3


@main.command()
@click.option("--profile", "names", metavar="NAME", multiple=True, help="By default that of the newest attempt.")
@slots_option
@json_option
def doctor(names: tuple[str, ...], slots_dir: Path | None, as_json: bool) -> int:
    """Check what this machine has for a profile; what is missing comes as one apt-get line.

    Other profiles get a line each: whether their compiler, ld and nm are here.

    \b
    Example:  bisectsyms doctor --profile s3c6400
    """
    from bisectsyms.inputs.profile import available, find_profile
    from bisectsyms.render import text
    from bisectsyms.usecases.doctor import apt_line, examine, in_use, others

    folders, known = profile_folders(), known_toolchains()
    there = [name for name, _ in available(**folders)]
    wanted, checks = (names, []) if names else in_use(folders["state_dir"], there)
    profiles = [find_profile(name, **folders) for name in wanted]
    checks += examine(profiles, toolchains=known, slots_dir=slots_folder(slots_dir), state_dir=folders["state_dir"])
    if not names:
        rest = [name for name in there if name not in wanted]
        checks += others(rest, lambda name: find_profile(name, **folders), known)
    show_result(checks, partial(text.show_checks, install=apt_line(checks)), as_json)
    return 3 if any(check.state == "missing" for check in checks) else 0


@main.command()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path))
@json_option
def toolchains(folders: tuple[Path, ...], as_json: bool) -> int:
    """List the compilers found on PATH, in your toolchains.yaml's folders and in FOLDERS, and what they serve.

    \b
    Example:  bisectsyms toolchains ~/toolchains
    """
    from bisectsyms.inputs.profile import available, find_profile
    from bisectsyms.render import text
    from bisectsyms.usecases.toolchains import listing

    known = profile_folders()
    profiles = [find_profile(name, **known) for name, _ in available(**known)]
    found = listing(profiles, known_toolchains(folders), os.environ)
    show_result(found, text.show_toolchains, as_json)
    return 0 if found else 3


@main.command()
@click.option("--yes", is_flag=True, help="Remove them; without it they are only shown.")
@slots_option
@json_option
def clean(yes: bool, slots_dir: Path | None, as_json: bool) -> int:
    """Show the slots of this repository and their sizes; --yes removes them, never the ledger.

    \b
    Example:  bisectsyms clean --yes
    """
    from bisectsyms.render import text
    from bisectsyms.usecases import clean as use

    show_result(use.clean(open_repository(), slots_folder(slots_dir), remove=yes), text.show_slots, as_json)
    return 0


@main.command()
@click.option("--failure", type=click.Choice(["race", "layout", "always"]), default="race", show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, another history.")
@click.option("--commits", type=click.IntRange(20, 400), default=40, show_default=True)
@click.option("--confidence", type=click.FloatRange(0.5, 0.9999), default=0.95, show_default=True)
@click.option("--keep", type=click.Path(path_type=Path), help="Work in this new folder and keep it.")
@json_option
def demo(as_json: bool, **given: Any) -> int:
    """Write a history of a small kernel and find its flaky commit with a real git bisect run.

    \b
    Example:  bisectsyms demo --failure race --seed 7
    """
    from bisectsyms.render import text
    from bisectsyms.render.console import echo
    from bisectsyms.usecases import demo as use

    outcome = use.demo(use.DemoOptions(**given), say=lambda line: echo(line, err=True))
    show_result(outcome, text.show_demo, as_json)
    return 0 if outcome.right else 3


VERBS = (looking, searching, calibrating, measuring, diagnosing, hunting, reporting, reproducing, completing)
for verb in (verb for module in VERBS for verb in module.VERBS):
    main.add_command(verb)


def _judging(given: dict[str, Any]) -> StepOptions:
    from bisectsyms.model import Verdict
    from bisectsyms.usecases.judging import StepOptions

    return StepOptions(
        confidence=given["confidence"],
        rate=given["rate"],
        lowest_rate=given["min_rate"],
        failures=given["failures"],
        max_attempts=given["max_attempts"],
        max_time=given["max_time"],
        classify=given["classify"] or 0,
        flaky=Verdict[given["flaky"].upper()],
    )
