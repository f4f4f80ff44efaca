"""What several verbs need before and after their use case: the repository, the bench, and how a result is shown.

Every import of weight is inside a function, so that `--version` and `--help` stay quick.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bisectsyms.errors import UserError
from bisectsyms.inputs.userfolders import config_home, slots_home

if TYPE_CHECKING:
    from bisectsyms.effects.gitrepo import Repository
    from bisectsyms.inputs.profile import LoadedProfile
    from bisectsyms.inputs.toolchains import Toolchains
    from bisectsyms.model import Attempt, Cell
    from bisectsyms.render.progress import Reporter
    from bisectsyms.usecases import desk
    from bisectsyms.usecases.bench import Bench, Options
    from bisectsyms.usecases.workbench import Workbench


def show_result(result: Any, show: Callable[[Any], None], as_json: bool) -> None:
    """One object on stdout for scripts, or text for people."""
    if as_json:
        from bisectsyms.render.jsontext import document

        click.echo(document(result))
    else:
        show(result)


def open_repository() -> Repository:
    """The repository of the current folder.

    Raises:
        UserError: there is none.
    """
    from bisectsyms.effects.gitrepo import Repository

    return Repository.discover(Path.cwd(), os.environ)


def slots_folder(given: Path | None) -> Path:
    """Where slots are, if not told otherwise in the user's cache."""
    if given is not None:
        return given.absolute()
    return slots_home()


def profile_folders() -> dict[str, Path]:
    """Where profiles are looked up beside the shipped ones."""
    xdg = config_home()
    try:
        state_dir = open_repository().state_dir
    except UserError:
        state_dir = xdg / "bisectsyms"
    return {"state_dir": state_dir, "xdg_config_home": xdg, "cwd": Path.cwd()}


def known_toolchains(folders: tuple[Path, ...] = ()) -> Toolchains:
    """What is known of compilers, and further `folders` to look for them in."""
    from bisectsyms.inputs.toolchains import load_toolchains

    return load_toolchains(config_home(), folders)


def load_profile(repository: Repository, name: str | None) -> LoadedProfile:
    """The profile called `name`, looked up for `repository`.

    Raises:
        UserError: none was named, there is none, or it has errors.
    """
    from bisectsyms.inputs.profile import available, find_profile

    folders = {**profile_folders(), "state_dir": repository.state_dir}
    if not name:
        names = ", ".join(known for known, _ in available(**folders))
        raise UserError("no profile was named", next_step=f"--profile NAME; there are: {names}")
    return find_profile(name, **folders)


def open_bench(
    repository: Repository, given: dict[str, Any], identity: str = "", reporter: desk.Reporter | None = None
) -> Workbench:
    """The bench for the profile and the options that were given; to be used with `with`.

    `identity` is the digest of the toolchain to use if it is still there.
    """
    from bisectsyms.usecases.workbench import Workbench

    loaded = load_profile(repository, given["profile"])
    settings = bench_settings(given, identity)
    return Workbench(repository, loaded, settings, os.environ, reporter or new_reporter(repository))


def reopen_bench(repository: Repository, attempt: Attempt, given: dict[str, Any]) -> Bench:
    """The bench on which an attempt of the ledger can be repeated: its command, or its profile unless one is given.

    Raises:
        UserError: it ran a command that came from another host's ledger.
    """
    from bisectsyms.usecases import again, commandbench

    cell = attempt.plan.cell
    if cell.arch != commandbench.ARCH:
        given |= as_then(cell, given)
        return open_bench(repository, given, "" if given["toolchain"] else cell.toolchain.digest)
    if given["profile"]:
        raise UserError(f"attempt {attempt.number} ran a command, no profile", next_step="leave --profile out")
    again.refuse_foreign(repository, attempt)
    tested = commandbench.tested_in(cell)
    return commandbench.CommandBench(repository, tested, bench_settings(given), os.environ, new_reporter(repository))


def as_then(cell: Cell, given: dict[str, Any]) -> dict[str, Any]:
    """Options that say which cell is meant, those of an attempt where nothing else was typed."""
    vary = given["vary"] if given["vary"] or given["sweep"] else (cell.variation,)
    return {"profile": given["profile"] or named_in(cell), "jobs": given["jobs"] or cell.jobs, "vary": vary}


def named_in(cell: Cell) -> str:
    """The profile of a cell of the ledger.

    Raises:
        UserError: it is no name that we would have written there; a path could lead into the tree under test.
    """
    name = cell.profile
    if "/" in name or name.endswith((".yaml", ".yml")) or not name.isprintable():
        raise UserError(
            f"the ledger names {name!r}, which is no name of a profile",
            next_step="bisectsyms again NUMBER --profile NAME",
        )
    return name


def new_reporter(repository: Repository) -> Reporter:
    """Who tells people what happens; it also writes the log beside the ledger."""
    from bisectsyms.effects.caller import called_by_bisect_run
    from bisectsyms.render.progress import Reporter, log_to

    log_to(repository.state_dir)
    return Reporter(live=not called_by_bisect_run())


def bench_settings(given: dict[str, Any], identity: str = "") -> Options:
    """What the options of every bench add to what it works with."""
    from bisectsyms.usecases.bench import Options

    return Options(
        slots_dir=slots_folder(given["slots_dir"]),
        toolchains=known_toolchains(),
        toolchain=given["toolchain"] or "",
        identity=identity,
        jobs=given["jobs"],
        lengths=given["sweep"],
        vary=given["vary"],
        keep_evidence=given["keep_evidence"],
        infra_wait=given["infra_wait"],
    )
