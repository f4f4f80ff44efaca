"""The bench for any flaky test: a command of the user's and its setup, in a worktree of ours."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bisectsyms.core.commandrule import STOPPED, TIME_OVER
from bisectsyms.core.variation import Variation
from bisectsyms.core.words import listed
from bisectsyms.effects import slots
from bisectsyms.effects.commandbuild import CommandBuilder
from bisectsyms.effects.commandwords import Named, named
from bisectsyms.effects.fixups import Reject
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.errors import UserError
from bisectsyms.model import Attempt, Cell, Kind, Outcome, Revision, Toolchain
from bisectsyms.usecases.bench import Bench, Options
from bisectsyms.usecases.desk import Reporter

ARCH = "command"
"""In place of an arch, in cells of commands."""
WANTED = "failure-line"
"""Name of the regular expression among the variables of a cell."""
STAMP_LAG = 0.02
"""Seconds that the stamps of files may be behind the clock: the kernel takes them from its last tick, 10 ms at most."""
ALL_UNTESTABLE = 5
"""So many attempts without any evidence: `env` and `time` end with 125 on errors of their own, a setup may be wrong."""


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
        except (re.error, OverflowError, RecursionError) as error:
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
        self,
        repository: Repository,
        tested: Tested,
        options: Options,
        environ: Mapping[str, str],
        reporter: Reporter,
        *,
        ends: tuple[str, ...] = (),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        words = named(tested.words, repository, ends)
        cell = cell_of(tested, words)
        super().__init__(repository, cell, Variation(1), options, reporter, sleep=sleep)
        self._made = 0
        self._told = set[str]()
        try:
            objtree = self.slot.in_tree(cell.key)
            self.builder: CommandBuilder = CommandBuilder(
                cell=cell,
                named=words,
                setup=tested.setup,
                wanted=tested.wanted,
                worktree=self.slot,
                objtree=objtree,
                env=environ,
                store=self.store,
                timeout=tested.timeout,
                slots_in_use=partial(slots.in_use, options.slots_dir, repository),
                warn=reporter.say,
            )
            for path, _ in words.content:
                reporter.say(f"{path} is not git's: it is run as it is now, and another content begins a new cell")
            before = {one.result.exit_status for one in self.ledger.attempts(cell=cell.key) if one.result}
            if TIME_OVER in before or any(Path(word).name == "timeout" for word in tested.words):
                self._tell_time_over()
        except BaseException:
            self.close()
            raise

    def _tell_once(self, text: str) -> None:
        if text not in self._told:
            self.reporter.say(text)
        self._told.add(text)

    def _tell_time_over(self) -> None:
        self._tell_once(
            f"a command that ends with {TIME_OVER} has failed, and so `timeout` ends when its time is over: if that is "
            "not the failure, use --timeout of bisectsyms, or let it `|| exit 125`"
        )

    def _move_to(self, revision: Revision) -> Reject | None:
        """As for a kernel, but never two revisions in one second.

        Python takes compiled code for fresh by the size and the second of its source.
        """
        objtree, now = self.builder.objtree, time.time() - STAMP_LAG
        if objtree.exists() and objtree.at() != revision.tree and int(objtree.marked()) >= int(now):
            self._sleep(int(objtree.marked()) + 1 - now)
        return super()._move_to(revision)

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
        if result.exit_status == TIME_OVER and result.outcome.is_failure:
            self._tell_time_over()
        if result.outcome.is_evidence and not self.builder.objtree.at():
            self._tell_once(
                "the command changes files that are git's: each attempt begins with them as they were, and its setup"
            )
        self._made += 1
        made = [one.result for one in self.ledger.attempts(cell=self.cell.key) if one.result]
        silent = all(one.outcome is Outcome.BROKEN for one in made)
        if silent and ALL_UNTESTABLE in (len(made), self._made):
            ends = Counter(one.signature for one in made)
            raise UserError(
                f"none of {len(made)} attempts showed anything ({listed(list(ends))}); `env` and `time` end with 125 "
                "on errors of their own, and the setup or the failure line may be wrong",
                next_step=f"bisectsyms log {attempt.number}; the same command goes on all the same",
            )


def cell_of(tested: Tested, words: Named) -> Cell:
    """A cell in which the command stands for the compiler; its text, its files and its setup are its identity."""
    identity: list[object] = [words.words, tested.setup, tested.wanted]
    identity += [[digest for _, digest in words.content]] if words.content else []
    digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()
    return Cell(
        profile="",
        arch=ARCH,
        toolchain=Toolchain(Path(words.words[0]).name, shlex.join(words.words), tested.setup, digest),
        kconfig="",
        jobs=1,
        targets=words.words,
        variables=((WANTED, tested.wanted),) if tested.wanted else (),
        environment=(),
        variation=str(Variation(1)),
    )


def tested_in(cell: Cell) -> Tested:
    """What `cell_of` made this cell of."""
    return Tested(cell.targets, cell.toolchain.linker, dict(cell.variables).get(WANTED, ""))
