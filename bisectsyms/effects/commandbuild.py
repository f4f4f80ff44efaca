"""One attempt of a user's own command: its setup where it is the first at a revision, then the command.

It runs in a worktree of ours, with the environment of the caller; nothing that it starts is left running. What an
attempt sees must be of its revision alone: git's files as they are there, and a setup that passed for it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bisectsyms.core.classify import ENDLESS, Ruling
from bisectsyms.core.commandrule import rule, setup_rule, unless_spoilt
from bisectsyms.core.words import plain
from bisectsyms.effects.commandwords import Named
from bisectsyms.effects.evidence import EvidenceStore
from bisectsyms.effects.logfile import to_keep
from bisectsyms.effects.machine import health
from bisectsyms.effects.objtree import Objtree
from bisectsyms.effects.runner import MARK, Command, Ended, end_marked, run
from bisectsyms.effects.slots import Slot
from bisectsyms.errors import InfraError, UserError
from bisectsyms.model import Cell, Draw, Kind, Measured, Outcome, Plan, Result, Revision

LONGEST_LINE = 1 << 16
"""Bytes of a line that are looked at."""


@dataclass(frozen=True, slots=True)
class CommandBuilder:
    """Everything that stays the same between the attempts of one run in one slot."""

    cell: Cell
    named: Named
    setup: str
    """A line for the shell; may be empty."""
    wanted: str
    """Regular expression of a line that a failure must print; may be empty."""
    worktree: Slot
    objtree: Objtree
    """The same worktree, and the revision for which its setup has passed."""
    env: Mapping[str, str]
    store: EvidenceStore
    timeout: float
    """Seconds for the setup, and for the command."""
    slots_in_use: Callable[[], int] = lambda: 1
    """Of this repository, now."""
    warn: Callable[[str], None] = lambda text: None

    @property
    def slot(self) -> Path:
        """Folder of the slot."""
        return self.worktree.path

    @property
    def src(self) -> Path:
        """Worktree in which the command runs."""
        return self.worktree.src

    @property
    def log(self) -> Path:
        """What setup and command print, outside of the worktree."""
        return self.slot / "log"

    def plan(self, revision: Revision, kind: Kind, draw: Draw) -> Plan:
        """What is about to be done, exactly."""
        return Plan(
            revision=revision,
            cell=self.cell,
            kind=kind,
            draw=draw,
            slot=self.slot.name,
            paths="worktree",
            from_scratch=kind is Kind.CLEAN or not self.objtree.exists(),
            command=self._pasteable(revision),
        )

    def carry_out(self, plan: Plan, number: int) -> Result:
        """Run the attempt. Only Ctrl-C, SIGTERM and trouble of the machine leave by an exception."""
        self.log.unlink(missing_ok=True)
        before, in_use = health(self.slot), self.slots_in_use()
        arriving = plan.kind is Kind.CLEAN or self.objtree.at() != plan.revision.tree
        if arriving:
            self.worktree.restore()
            self.objtree.leave()
        if plan.kind is Kind.CLEAN or (arriving and not self.setup):
            self.objtree.set_aside()  # without a setup nothing that is left is of this revision
        with self.objtree.in_use():
            ruling, steps = self._run(plan, number, arriving=arriving)
            end_marked(str(self.slot))
        after = health(self.slot)
        ruling = unless_spoilt(ruling, after.oom_kills - before.oom_kills, after.trouble)
        if _killed(steps[-1]):
            self.objtree.suspect()
        return Result(
            outcome=ruling.outcome,
            signature=ruling.signature,
            why=plain(ruling.why),
            measured=Measured(
                seconds=sum(step.seconds for step in steps),
                cpu_seconds=sum(step.cpu_seconds for step in steps),
                peak_rss=max(step.peak_rss for step in steps),
                load=before.load,
                slots_in_use=in_use,
            ),
            exit_status=steps[-1].exit_status,
            evidence=self._kept(),
        )

    def _run(self, plan: Plan, number: int, *, arriving: bool) -> tuple[Ruling, list[Ended]]:
        steps, env = [], self._env(plan.revision, number)
        if arriving and self.setup:
            steps.append(run(Command(("sh", "-c", self.setup), self.src, env), log=self.log, timeout=self.timeout))
            if failed := ENDLESS if steps[-1].flooded else setup_rule(steps[-1].exit_status):
                return failed, steps
        self.objtree.arrived(plan.revision.tree)
        self._refuse_doubles(plan.revision)
        if missing := [path for path in self.named.needed if not (self.src / path).exists()]:
            why = f"{plan.revision} has no {missing[0]}, and no setup made it"
            with self.log.open("a") as log:
                log.write(f"{why}\n")
            return Ruling(Outcome.BROKEN, "no-file", why), steps or [Ended(0, 0.0, 0.0, 0)]
        begins, found = self.log.stat().st_size if self.log.exists() else 0, self.worktree.changes(plan.revision)
        steps.append(run(Command(self.named.words, self.src, env), log=self.log, timeout=self.timeout))
        if self.worktree.changes(plan.revision) != found:
            self.objtree.leave()  # or a repeat would be of something else
        if steps[-1].flooded:
            return ENDLESS, steps
        return rule(steps[-1].exit_status, line=self._line(begins), wanted=self.wanted), steps

    def _env(self, revision: Revision, number: int) -> dict[str, str]:
        ours = {"BISECTSYMS_REVISION": revision.commit, "BISECTSYMS_ATTEMPT": str(number), MARK: str(self.slot)}
        return {**self.env, **ours}

    def _refuse_doubles(self, revision: Revision) -> None:
        """A file of the user's checkout may be meant as it is there, or as a setup or another revision makes it.

        Raises:
            UserError: there are both.
        """
        for path in self.named.inside:
            if (self.src / path).exists():
                raise UserError(
                    f"{path} is in your checkout without being git's, and there is another one at {revision}",
                    next_step="copy yours out of the repository and name the copy, or remove yours to mean the other",
                )

    def _kept(self) -> tuple[tuple[str, str], ...]:
        """Keep the log: a full disk must not take the outcome of the attempt away."""
        try:
            return self.store.keep([("log", to_keep(self.log))])
        except (InfraError, OSError) as error:
            self.warn(f"{error}; the attempt itself counts")
            return ()

    def _pasteable(self, revision: Revision) -> str:
        """One line that repeats it; without the caller's environment, which is nobody's business."""
        return (
            f"cd {shlex.quote(str(self.src))} && BISECTSYMS_REVISION={revision.commit} {shlex.join(self.named.words)}"
        )

    def _line(self, begins: int) -> str | None:
        """The first line of the command's own output that is wanted."""
        if not self.wanted:
            return None
        pattern = re.compile(self.wanted)
        with self.log.open("rb") as file:
            file.seek(begins)
            while raw := file.readline(LONGEST_LINE):
                text = raw.decode(errors="replace").rstrip("\n")
                if pattern.search(text):
                    return text
        return None


def _killed(ended: Ended) -> bool:
    """As `Ended.killed`, and as a shell reports what was killed in it."""
    return ended.killed or (ended.exit_status or 0) > 128
