"""The verbs that look again at what was found, and say something about it. See the package for the rules."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from bisectsyms.cli.shared import (
    as_then,
    known_toolchains,
    load_profile,
    open_bench,
    open_repository,
    show_result,
    slots_folder,
)
from bisectsyms.errors import UserError
from bisectsyms.inputs.options import bench_options, cell_options, json_option


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default="bisectsyms.yaml")
@click.option("--arch", help="ARCH=; by default this machine's.")
@click.option("--defconfig", help="By default the arch's own.")
@json_option
def init(path: Path, arch: str | None, defconfig: str | None, as_json: bool) -> int:
    """Write a commented profile from what is found here: the tree's defconfigs, compilers, CPUs.

    \b
    Example:  bisectsyms init --defconfig multi_v7_defconfig
    """
    from bisectsyms.render import looking as render
    from bisectsyms.usecases import init as use

    top = open_repository().top
    written = use.init(top, path, known_toolchains(), os.environ, arch=arch, defconfig=defconfig)
    show_result(written, render.show_written, as_json)
    return 0


@click.command()
@click.argument("number", type=int)
def log(number: int) -> int:
    """Show the log of attempt NUMBER, through your pager at a terminal.

    \b
    Example:  bisectsyms log 37 | grep -i warning
    """
    from bisectsyms.render import looking as render
    from bisectsyms.usecases import log as use

    with use.log(open_repository(), number) as content:
        render.show_log(content)
    return 0


@click.command()
@click.argument("number", type=int)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@bench_options
def shell(number: int, words: tuple[str, ...], **given: Any) -> int:
    """Open $SHELL (or run COMMAND) in the slot as attempt NUMBER saw it; $BISECTSYMS_COMMAND is its make line.

    \b
    Example:  bisectsyms shell 37
    """
    from bisectsyms.usecases import again
    from bisectsyms.usecases import shell as use
    from bisectsyms.usecases.commandbench import ARCH

    repository = open_repository()
    attempt = again.find_here(repository, number)
    cell = attempt.plan.cell
    if cell.arch == ARCH:
        raise UserError(
            f"attempt {number} ran a command, no make: there is no shell for it",
            next_step=f"bisectsyms again {number} repeats it; for a look, git worktree add and the command there",
        )
    given |= as_then(cell, given)
    identity = "" if given["toolchain"] else cell.toolchain.digest
    with open_bench(repository, given, identity) as bench:
        ended = use.shell(bench, attempt, words, os.environ)
    return 3 if words and ended.exit_status else 0


@click.command()
@click.argument("number", type=int)
@click.option("--why", default="", help="The reason; every verdict will say it.")
@click.option("--undo", is_flag=True, help="Let it count again.")
@json_option
def exclude(number: int, why: str, undo: bool, as_json: bool) -> int:
    """Take attempt NUMBER out of the evidence; it stays in the ledger, and every verdict says so.

    \b
    Example:  bisectsyms exclude 37 --why "wrong toolchain"
    """
    from bisectsyms.render import looking as render
    from bisectsyms.usecases import exclude as use

    if not undo and not why.strip():
        raise UserError("an attempt is not excluded without a reason", next_step="--why TEXT")
    excluded = use.exclude(open_repository(), number, why.strip(), undo=undo)
    show_result(excluded, render.show_excluded, as_json)
    return 0


@click.command()
@json_option
def variations(as_json: bool) -> int:
    """List what attempts can be varied by, why, and whether this machine has what it needs.

    \b
    Example:  bisectsyms variations
              bisectsyms step HEAD --profile s3c6400 --vary pad:8
    """
    from bisectsyms.effects.needs import here
    from bisectsyms.inputs.variations import shipped_variations
    from bisectsyms.render import looking as render
    from bisectsyms.usecases import variations as use

    found = use.listing(shipped_variations().values(), here(os.cpu_count() or 1, ""))
    show_result(found, render.show_variations, as_json)
    return 0


@click.command()
@click.argument("rev")
@click.argument("word", type=click.Choice(["failed", "clean", "untestable", "nothing"]))
@click.option("--why", default="", help="How you know; every verdict will say it.")
@cell_options
@json_option
def tell(rev: str, word: str, why: str, as_json: bool, **given: Any) -> int:
    """Tell what REV is, instead of attempts; `nothing` takes it back. It is marked as your word everywhere.

    \b
    Example:  bisectsyms tell v6.1-rc3 untestable --why "hangs the board"
    """
    from bisectsyms.model import Word
    from bisectsyms.render import looking as render
    from bisectsyms.usecases import tell as use
    from bisectsyms.usecases.bench import Options

    repository = open_repository()
    cell = None
    if given["profile"]:
        options = Options(
            slots_dir=slots_folder(None),
            toolchains=known_toolchains(),
            toolchain=given["toolchain"] or "",
            jobs=given["jobs"],
            lengths=given["sweep"],
            vary=given["vary"],
        )
        cell = use.cell_for(repository, load_profile(repository, given["profile"]), options, os.environ)
    elif given["toolchain"] or given["jobs"] or given["sweep"] or given["vary"]:
        raise UserError(
            "--toolchain, -j, --sweep and --vary say which cell only with a profile", next_step="--profile NAME"
        )
    show_result(use.tell(repository, rev, Word(word), why.strip(), cell), render.show_telling, as_json)
    return 0


@click.group()
def ledger() -> None:
    """Carry the ledger to another host and merge it there; an attempt is never counted twice.

    \b
    Example:  bisectsyms ledger export - |
                  ssh fast 'cd linux && bisectsyms ledger import -'
    """


@ledger.command("export", short_help="Write all that has ended as JSON lines to the new FILE.")
@click.argument("file", default="-")
def export_ledger(file: str) -> int:
    """Write all that has ended as JSON lines to the new FILE; - is standard output.

    \b
    Example:  bisectsyms ledger export ledger.jsonl
    """
    from bisectsyms.render.console import echo
    from bisectsyms.usecases import transfer as use

    attempts = use.export(open_repository(), file)
    if file != use.STANDARD:
        echo(f"{attempts} attempts in {file}", err=True)
    return 0


@ledger.command("import", short_help="Add what FILE has and this ledger has not, all or nothing.")
@click.argument("file")
@json_option
def import_ledger(file: str, as_json: bool) -> int:
    """Add what FILE has and this ledger has not, the whole file or nothing; - is standard input.

    \b
    Example:  bisectsyms ledger import ledger.jsonl
    """
    from bisectsyms.render import looking as render
    from bisectsyms.usecases import transfer as use

    show_result(use.take_in(open_repository(), file), render.show_merged, as_json)
    return 0


VERBS: tuple[click.Command, ...] = (log, shell, exclude, tell, init, ledger, variations)
