"""One attempt of a user's own command: its setup where it is the first at a revision, then the command.

It runs in a worktree of ours, with the environment of the caller; nothing that it starts is left running.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bisectsyms.core.classify import Ruling
from bisectsyms.core.commandrule import rule, setup_rule
from bisectsyms.core.words import plain
from bisectsyms.effects.evidence import EvidenceStore
from bisectsyms.effects.machine import health
from bisectsyms.effects.runner import MARK, Command, Ended, end_marked, run
from bisectsyms.effects.slots import Objtree
from bisectsyms.model import Cell, Draw, Kind, Measured, Plan, Result, Revision

LONGEST_LINE = 1 << 16
"""Bytes of a line that are looked at."""


@dataclass(frozen=True, slots=True)
class CommandBuilder:
    """Everything that stays the same between the attempts of one run in one slot."""

    cell: Cell
    words: tuple[str, ...]
    setup: str
    """A line for the shell; may be empty."""
    wanted: str
    """Regular expression of a line that a failure must print; may be empty."""
    slot: Path
    src: Path
    objtree: Objtree
    """The same worktree, and the revision for which its setup has run."""
    env: Mapping[str, str]
    store: EvidenceStore
    timeout: float
    """Seconds for the setup, and for the command."""
    slots_in_use: int = 1

    @property
    def log(self) -> Path:
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

    def carry_out(self, plan: Plan) -> Result:
        """Run the attempt. Only Ctrl-C, SIGTERM and trouble of the machine leave by an exception."""
        self.log.unlink(missing_ok=True)
        before = health(self.slot)
        if plan.kind is Kind.CLEAN:
            self.objtree.set_aside()
        with self.objtree.in_use():
            ruling, steps = self._run(plan)
            end_marked(str(self.slot))
        if ruling.outcome.is_evidence or not setup_failed(ruling):
            self.objtree.arrived(plan.revision.tree)
        return Result(
            outcome=ruling.outcome,
            signature=ruling.signature,
            why=plain(ruling.why),
            measured=Measured(
                seconds=sum(step.seconds for step in steps),
                cpu_seconds=sum(step.cpu_seconds for step in steps),
                peak_rss=max(step.peak_rss for step in steps),
                load=before.load,
                slots_in_use=self.slots_in_use,
            ),
            exit_status=steps[-1].exit_status,
            evidence=self.store.keep([("log", self.log)]),
        )

    def _run(self, plan: Plan) -> tuple[Ruling, list[Ended]]:
        steps = []
        if self.setup and self.objtree.at() != plan.revision.tree:
            setup = self._command(plan.revision, ("sh", "-c", self.setup))
            steps.append(run(setup, log=self.log, timeout=self.timeout))
            if failed := setup_rule(steps[-1].exit_status):
                return failed, steps
        begins = self.log.stat().st_size if self.log.exists() else 0
        steps.append(run(self._command(plan.revision, self.words), log=self.log, timeout=self.timeout))
        return rule(steps[-1].exit_status, line=self._line(begins), wanted=self.wanted), steps

    def _command(self, revision: Revision, words: tuple[str, ...]) -> Command:
        env = {**self.env, "BISECTSYMS_REVISION": revision.commit, MARK: str(self.slot)}
        return Command(words, self.src, env)

    def _pasteable(self, revision: Revision) -> str:
        """One line that repeats it; without the caller's environment, which is nobody's business."""
        return f"cd {shlex.quote(str(self.src))} && BISECTSYMS_REVISION={revision.commit} {shlex.join(self.words)}"

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


def setup_failed(ruling: Ruling) -> bool:
    """Whether the setup did not pass, so that it has to run again."""
    return ruling.signature.startswith("setup-")
