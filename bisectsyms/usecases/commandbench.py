"""The bench for any flaky test: a command of the user's and its setup, in a worktree of ours."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bisectsyms.core.commandrule import SAID_UNTESTABLE, STOPPED
from bisectsyms.core.variation import Variation
from bisectsyms.effects import slots
from bisectsyms.effects.commandbuild import CommandBuilder
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.errors import UserError
from bisectsyms.model import Attempt, Cell, Kind, Revision, Toolchain
from bisectsyms.usecases.bench import Bench, Options, Reporter

ARCH = "command"
"""In place of an arch, in cells of commands."""
ALL_UNTESTABLE = 5
"""So many attempts that all ended with 125: `env` and `time` end so on errors of their own."""


@dataclass(frozen=True, slots=True)
class Tested:
    """What is run at every revision."""

    words: tuple[str, ...]
    setup: str = ""
    wanted: str = ""
    timeout: float = 7200.0
    """Seconds for the setup, and for the command."""

    def __post_init__(self) -> None:
        try:
            re.compile(self.wanted)
        except re.error as error:
            raise UserError(
                f"--failure-line {self.wanted!r}: {error}", next_step="give a regular expression"
            ) from error


class CommandBench(Bench):
    """A bench that runs a command.

    Raises:
        UserError: the ledger is of a newer version.
        InfraError: no slot, no space.
    """

    kinds = (Kind.TEST,)
    failure = "failed"

    def __init__(
        self, repository: Repository, tested: Tested, options: Options, environ: Mapping[str, str], reporter: Reporter
    ) -> None:
        cell = cell_of(tested)
        super().__init__(repository, cell, Variation(1), options, reporter)
        try:
            objtree = self.slot.in_tree(cell.key)
            self.builder: CommandBuilder = CommandBuilder(
                cell=cell,
                words=_found(tested.words, repository),
                setup=tested.setup,
                wanted=tested.wanted,
                slot=self.slot.path,
                src=self.slot.src,
                objtree=objtree,
                env=environ,
                store=self.store,
                timeout=tested.timeout,
                slots_in_use=slots.in_use(options.slots_dir, repository),
            )
        except BaseException:
            self.close()
            raise

    def arrival(self, revision: Revision) -> Kind | None:
        """Nothing: the setup belongs to the first attempt at a revision."""
        return None

    def _look_at(self, attempt: Attempt) -> None:
        """Stop where going on would prove nothing.

        Raises:
            UserError: the command could not be run, or was killed, or never says anything but 125.
        """
        result = attempt.result
        assert result is not None
        if result.signature.startswith(STOPPED):
            raise UserError(
                f"{result.why} at {attempt.plan.revision}: that says nothing about any revision",
                next_step=f"bisectsyms log {attempt.number}; mend it and run the same command again",
            )
        made = self.ledger.attempts(cell=self.cell.key)
        if len(made) == ALL_UNTESTABLE and all(one.result and one.result.signature == SAID_UNTESTABLE for one in made):
            raise UserError(
                f"all {ALL_UNTESTABLE} attempts ended with 125; `env` and `time` end so on errors of their own",
                next_step=f"bisectsyms log {attempt.number}; the same command goes on all the same",
            )


def cell_of(tested: Tested) -> Cell:
    """A cell in which the command stands for the compiler; its text and its setup are its identity."""
    digest = hashlib.sha256(json.dumps([tested.words, tested.setup, tested.wanted]).encode()).hexdigest()
    name = Path(tested.words[0]).name
    return Cell(
        profile="",
        arch=ARCH,
        toolchain=Toolchain(name, shlex.join(tested.words), tested.setup, digest),
        kconfig="",
        jobs=1,
        targets=tested.words,
        variables=(),
        environment=(),
        variation=str(Variation(1)),
    )


def _found(words: tuple[str, ...], repository: Repository) -> tuple[str, ...]:
    """The command as it can be started in the worktree of a slot: a script that is not git's is named in full."""
    script = Path(words[0])
    if "/" in words[0] and script.is_file() and not repository.is_tracked(script.resolve()):
        return (str(script.resolve()), *words[1:])
    return words
