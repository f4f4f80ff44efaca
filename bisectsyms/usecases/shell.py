"""A shell in the slot as an attempt saw it: its revision, its objtree, its environment, its paths.

The make line is made anew from the profile. What the ledger holds is not used for it: an imported
attempt could bring any line along.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bisectsyms.effects.runner import attend, run
from bisectsyms.model import Attempt
from bisectsyms.usecases.again import tell_cell
from bisectsyms.usecases.workbench import Workbench

COMMAND = "BISECTSYMS_COMMAND"
"""Variable that holds the make line of the attempt."""
PASSED = ("TERM", "COLORTERM")
"""What a shell at a terminal needs beside the environment of the build."""


@dataclass(frozen=True, slots=True)
class ShellEnded:
    """How the shell ended."""

    exit_status: int
    """Negative, or 128 and more from bubblewrap, for a signal."""


def shell(bench: Workbench, attempt: Attempt, words: tuple[str, ...], environ: Mapping[str, str]) -> ShellEnded:
    """Run `words`, by default $SHELL, at our own terminal.

    Raises:
        UserError: the program cannot be run.
        InfraError: the slot cannot be brought to the revision.
    """
    tell_cell(bench, attempt)
    plan, builder = attempt.plan, bench.builder
    with bench.lent(plan.revision) as arrived:
        source = builder.source()
        builder.make_ready(source)
        for command in builder.joined(plan, source, arrived=True):  # the object that the link takes along
            run(command, log=builder.log, timeout=builder.timeout)
        make = builder.make(source, plan.kind, plan.draw, *bench.cell.targets, jobs=True)
        line = shlex.join(make.argv[len(builder.view.prefix) :])
        bench.reporter.say(f"attempt {attempt.number} ({plan.revision}, {plan.kind}, {plan.draw}): {line}")
        if not arrived:
            bench.reporter.say(
                f"the objtree is not at this revision: bisectsyms again {attempt.number} brings it there"
            )
        bench.reporter.say(f"the line is in ${COMMAND}; what is done here is thrown away when the shell ends")
        env = {name: environ[name] for name in PASSED if name in environ} | dict(make.env) | {COMMAND: line}
        chosen = words or (environ.get("SHELL") or "/bin/sh",)
        return ShellEnded(attend(replace(make, argv=(*builder.view.prefix, *chosen), env=env)))
