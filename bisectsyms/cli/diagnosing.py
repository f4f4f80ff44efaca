"""The verb that names the cause of a failure. See the package for the rules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bisectsyms.cli.shared import open_repository, show_result
from bisectsyms.errors import UserError
from bisectsyms.inputs.options import json_option

if TYPE_CHECKING:
    from bisectsyms.usecases.diagnose import Diagnosed

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("target", required=False, metavar="[ATTEMPT|DIR]")
@click.option("--maps", nargs=2, type=PATH, metavar="BEFORE AFTER", help="Two maps, and nothing else.")
@click.option("--log", type=PATH, metavar="FILE", help="What the build of DIR printed.")
@json_option
def diagnose(target: str | None, maps: tuple[Path, Path] | None, log: Path | None, as_json: bool) -> int:
    """Name the cause of a failure, how sure it is, and what would prove it; by default of the last in the ledger.

    DIR is any build directory, also one that nobody built with bisectsyms.

    \b
    Example:  bisectsyms diagnose 37
              bisectsyms diagnose ../obj --log make.log
              bisectsyms diagnose --maps .tmp_System.map System.map
    """
    from bisectsyms.kallsyms.naming import State
    from bisectsyms.render.diagnosed import show_diagnosed

    answer = _diagnosed(target, maps, log)
    show_result(answer, show_diagnosed, as_json)
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


VERBS: tuple[click.Command, ...] = (diagnose,)
