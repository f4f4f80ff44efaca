"""The bench on which attempts are made: one repository, one cell, one locked slot, one ledger.

It moves the slot, makes one attempt, and writes it down before and after; it holds no judgement. Trouble
of the machine is waited out here, between attempts: the result of an attempt is never retried away. What
an attempt is, its builder knows.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Protocol

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    retry_if_result,
    stop_after_delay,
    wait_exponential,
)

from bisectsyms.core.decide import Ask
from bisectsyms.core.trouble import passing
from bisectsyms.core.variation import Variation
from bisectsyms.effects import slots
from bisectsyms.effects.evidence import EvidenceStore
from bisectsyms.effects.fixups import Reject, refused
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.ledger.book import DIED
from bisectsyms.effects.machine import Health, health
from bisectsyms.effects.objtree import Objtree
from bisectsyms.errors import InfraError
from bisectsyms.inputs.toolchains import Toolchains
from bisectsyms.model import Attempt, Cell, Draw, Kind, Measured, Outcome, Plan, Result, Revision
from bisectsyms.usecases.desk import Desk, Place, Reporter, T

CUT_SHORT = "cut-short"
"""Signature of an attempt that Ctrl-C, a signal or an error of ours ended."""
MACHINE = "machine"
"""Signature of an attempt of ours, not of make's, that the machine stood in the way of."""
MOST_INFRA = 6
"""Attempts in a row that the machine may spoil before the step stops."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line adds to a profile."""

    slots_dir: Path
    toolchains: Toolchains
    toolchain: str = ""
    """Name or folder; overrides the profile."""
    identity: str = ""
    """Digest of the toolchain to use if it is still there, so that an attempt can be repeated."""
    jobs: int | None = None
    lengths: int | None = None
    """Lengths of the version string to sweep; overrides the profile."""
    vary: tuple[str, ...] = ()
    """What to vary besides, terms of a policy; overrides the profile."""
    keep_evidence: int = 2 * 1024**3
    """Bytes."""
    infra_wait: float = 1800.0
    """Seconds that trouble of the machine may last before the step stops."""
    first_slot: int = 0
    """The slot that is tried before all others, because it is warm."""


class Makes(Protocol):
    """What makes the attempts of a bench."""

    @property
    def objtree(self) -> Objtree:
        """What it builds in."""
        ...

    @property
    def slot(self) -> Path:
        """Folder of the slot."""
        ...

    @property
    def log(self) -> Path:
        """What the last attempt printed."""
        ...

    def plan(self, revision: Revision, kind: Kind, draw: Draw) -> Plan:
        """What is about to be done, exactly; the slot is at the revision."""
        ...

    def carry_out(self, plan: Plan, number: int) -> Result:
        """Run the attempt that the ledger has under this number."""
        ...


class Bench(Desk):
    """Open with `with`: the slot is locked for as long. Whoever derives from it gives it a builder.

    Raises:
        UserError: the ledger is of a newer version.
        InfraError: no slot, no space.
    """

    builder: Makes

    def __init__(
        self,
        repository: Repository,
        cell: Cell,
        variation: Variation,
        options: Options,
        reporter: Reporter,
        *,
        sleep: Callable[[float], None] = time.sleep,
        health: Callable[[Path], Health] = health,
    ) -> None:
        self.repository = repository
        self.cell = cell
        self.variation = variation
        self.reporter = reporter
        self._options = options
        self._sleep = sleep
        self._health = health
        self.ledger = Ledger.open(repository.state_dir, warn=reporter.say)
        self.made = 0
        self._ended: list[Attempt] = []
        self._empty = True
        """Whether a copy has not been tried since the last attempt."""
        self._slot: slots.Slot | None = None
        try:
            for died in self.ledger.bury():
                reporter.say(f"attempt {died.number} died with the run that made it: no evidence")
            self.store = EvidenceStore(repository.state_dir / "evidence", cap=options.keep_evidence, warn=reporter.say)
            self.slot = self._slot = slots.acquire(
                options.slots_dir, repository, first=options.first_slot, say=reporter.say
            )
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._slot is not None:
            self._slot.release()
        self.ledger.close()

    @property
    def aside(self) -> Path:
        return self.slot.path

    @property
    def objtree(self) -> Objtree:
        return self.builder.objtree

    @property
    def clones(self) -> bool:
        """Whether an empty slot can become a copy of a warm one."""
        return False

    def places(self) -> dict[int, Place]:
        return {} if self._ended else {0: Place.of(self.objtree)}

    def ready(self) -> dict[int, Place]:
        if self.clones and self._empty and not self.objtree.exists():
            self._clone()
        self._empty = False
        return self.places()

    def start(self, slot: int, revision: Revision, ask: Ask) -> None:
        self._ended.append(self.attempt(revision, ask))

    def wait(self) -> tuple[int, Attempt]:
        return 0, self._ended.pop()

    def at_once(self, revision: Revision, ask: Ask) -> tuple[Attempt, ...]:
        return (self.attempt(revision, ask),)

    def beside(self, call: Callable[[], T]) -> T:
        return call()

    def attempt(self, revision: Revision, ask: Ask) -> Attempt:
        """Make the attempt that was asked for and write it down; then wait out trouble of the machine.

        Raises:
            InfraError: the machine spoilt too many attempts in a row, or its trouble lasts too long.
        """
        revision = self.known(revision)
        draw = ask.draw or self.next_draw(revision, ask.kind)
        self.builder.objtree.repair()  # before the move, which it may ask to check out all of git's files
        reject = self._move_to(revision)
        plan = self._at_home(self.builder.plan(revision, ask.kind, draw))
        number = self.ledger.begin(plan)
        with self.reporter.running(number, plan, ask.why):
            result = self._carry_out(number, plan, reject)
        self._write_down(number, result)
        self.made, self._empty = self.made + 1, True
        self.store.prune(self.ledger.evidence_by_value())
        attempt = self.ledger.get(number)
        assert attempt is not None
        self.reporter.ended(attempt)
        self._look_at(attempt)
        if result.outcome is Outcome.INFRA:
            self._wait_out(revision, result)
        return attempt

    def check(self, draw: Draw) -> None:
        """Make sure that attempts with this draw, of another policy than ours, are what they say.

        Raises:
            UserError: this machine or toolchain lacks something.
        """

    def again(self, attempt: Attempt) -> Attempt:
        """Repeat an attempt: same revision, kind and draw."""
        plan = attempt.plan
        if plan.kind.is_link_alone and (arrival := self.arrival(plan.revision)):
            self.attempt(plan.revision, Ask(arrival, f"to {plan.kind} as attempt {attempt.number} did"))
        return self.attempt(plan.revision, Ask(plan.kind, f"attempt {attempt.number} again", plan.draw))

    def _clone(self) -> None:
        """Make the objtree a copy of that of another slot, if one can be had."""

    def _at_home(self, plan: Plan) -> Plan:
        """In the cell of the policy that its draw is of, so that no rate of another policy is taken for ours."""
        return replace(plan, cell=self.cell_of(plan.draw))

    def _move_to(self, revision: Revision) -> Reject | None:
        """Check it out in the slot; a fixup that does not apply."""
        self.slot.move_to(revision)
        return None

    def _look_at(self, attempt: Attempt) -> None:
        """A chance to say more of an attempt that has ended."""

    def _carry_out(self, number: int, plan: Plan, reject: Reject | None) -> Result:
        """Run it; an attempt that is cut short is written down before the reason goes on."""
        begun = time.monotonic()
        try:
            if reject:
                return refused(reject, self.builder.log, self.store, self.reporter.say)
            return self.builder.carry_out(plan, number)
        except BaseException as error:
            measured = Measured(seconds=time.monotonic() - begun)
            if said := passing(error) or passing(error.__cause__ or error):  # waited for, as if make had run into it
                return Result(Outcome.INFRA, MACHINE, said, measured)
            why = f"cut short: {type(error).__name__} {error}".strip()
            self.ledger.finish(number, Result(Outcome.INFRA, CUT_SHORT, why, measured))
            raise

    def _write_down(self, number: int, result: Result) -> None:
        """What an attempt has shown is not lost to a full disk: there it waits, at most `infra_wait` seconds."""
        patient = Retrying(
            stop=stop_after_delay(self._options.infra_wait),
            wait=wait_exponential(1, max=60),
            retry=retry_if_exception_type(InfraError),
            before_sleep=lambda state: self._say_unwritten(number, result, state),
            sleep=self._sleep,
            reraise=True,
        )
        patient(self.ledger.finish, number, result)

    def _say_unwritten(self, number: int, result: Result, state: RetryCallState) -> None:
        if state.attempt_number == 1 and state.outcome:
            error = state.outcome.exception()
            self.reporter.say(f"attempt {number} ended {result.outcome}, and waits to be written down: {error}")

    def _wait_out(self, revision: Revision, result: Result) -> None:
        """Wait until the machine is fine again, at most `infra_wait` seconds."""
        shown = [one for one in self.seen(revision) if one.signature not in (CUT_SHORT, DIED)]
        spoilt = sum(1 for _ in takewhile(lambda one: one.outcome is Outcome.INFRA, reversed(shown)))
        if spoilt >= MOST_INFRA:
            raise InfraError(
                f"{spoilt} attempts in a row were spoilt by the machine, the last by: {result.why}",
                next_step="bisectsyms doctor; mend it and run the same command again, nothing is lost",
            )
        self._sleep(min(30.0, 0.25 * 2**spoilt))
        patient = Retrying(
            stop=stop_after_delay(self._options.infra_wait),
            wait=wait_exponential(1, max=60),
            retry=retry_if_result(bool),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else "",
            sleep=self._sleep,
        )
        trouble = patient(lambda: self._health(self.builder.slot).trouble)
        if trouble:
            raise InfraError(f"{self.builder.slot}: {trouble}", next_step="free space, then the same command again")
