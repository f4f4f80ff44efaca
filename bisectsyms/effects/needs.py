"""Whether this machine has what a variation needs, found by trying it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Sequence

from plumbum import local
from plumbum.commands.processes import ProcessTimedOut

from bisectsyms.core.factors import Factor, Place
from bisectsyms.effects.toolpath import LD_INSTEAD
from bisectsyms.errors import UserError

Run = Callable[[Sequence[str]], tuple[int, str]]
PATIENCE = 10
"""Seconds for a program that only says who it is."""


def run_quietly(argv: Sequence[str], path: str = "") -> tuple[int, str]:
    """(exit status, stdout and stderr); 127 when there is no such program on `path`, 124 after 10 s."""
    env = {"PATH": path or os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": "/nonexistent"}
    program = shutil.which(argv[0], path=env["PATH"])
    if program is None:
        return 127, ""
    try:
        status, out, err = local[program].run(argv[1:], env=env, retcode=None, timeout=PATIENCE)
    except ProcessTimedOut:
        return 124, ""
    return int(status), f"{out}{err}"


def version(text: str) -> tuple[int, int]:
    """The first number of the form 4.3 in a text; (0, 0) where there is none."""
    match = re.search(r"(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def lacking(factor: Factor, place: Place, run: Run = run_quietly) -> str:
    """What `factor` needs and is not here; empty if all is."""
    needs = factor.needs
    if needs.make:
        status, out = run(("make", "--version"))
        if status or version(out) < version(needs.make):
            here = out.splitlines()[0].strip() if out and not status else "none"
            return f"GNU make {needs.make} or later; here is {here}"
    command = [place.fill(word) for word in needs.runs]
    if command:
        status, out = run(command)
        if status == 127:
            return f"{command[0]}, which is not on PATH"
        if status:
            said = out.strip().splitlines()
            return f"`{' '.join(command)}`, which fails here: {said[-1] if said else f'exit status {status}'}"
    return ""


def refuse_without(factors: Iterable[Factor], place: Place, run: Run = run_quietly) -> None:
    """Make sure that all of these can be built with here.

    Raises:
        UserError: one cannot.
    """
    for factor in factors:
        if lacks := lacking(factor, place, run):
            package = factor.needs.package
            raise UserError(
                f"the variation {factor.name} needs {lacks}",
                next_step=f"{f'apt-get install {package}, or ' if package else ''}another of bisectsyms variations",
            )


def refuse_unwatched(factors: Iterable[Factor], linker: str, *, watched: bool) -> None:
    """Make sure that our ld stands in the place of the toolchain's, where a factor is applied by it.

    Raises:
        UserError: it does not, and the factor would change nothing.
    """
    by_ld = [one.name for one in factors if one.pad or LD_INSTEAD in dict(one.environment)]
    if by_ld and not watched:
        raise UserError(
            f"the variation {by_ld[0]} is applied by an ld of ours in front of PATH, and {linker} is named by its path",
            next_step="let the profile name its toolchain, as in bisectsyms toolchains",
        )


def here(jobs: int, cross: str) -> Place:
    """Where builds of this cell run."""
    cores = os.sched_getaffinity(0)
    return Place(jobs=jobs, cpu=min(cores), cpus=len(cores), cross=cross)
