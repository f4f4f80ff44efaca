"""Trouble of the machine is waited out between attempts; the result of an attempt is never retried away."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import pytest

from bisectsyms.core.decide import Ask
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.kbuild import Builder
from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.machine import LEAST_FREE_BYTES, Health
from bisectsyms.errors import InfraError
from bisectsyms.inputs.profile import find_profile
from bisectsyms.inputs.toolchains import load_toolchains
from bisectsyms.model import Attempt, Draw, Kind, Measured, Outcome, Plan, Result
from bisectsyms.smallkernel.history import Failure, write_history
from bisectsyms.usecases.bench import MOST_INFRA, Options
from bisectsyms.usecases.workbench import Workbench

FINE = Health(oom_kills=0, free_bytes=10 * LEAST_FREE_BYTES, load=0.0)
FULL = replace(FINE, free_bytes=0)


@dataclass
class Heard:
    """A reporter that remembers."""

    lines: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.lines.append(text)

    def running(self, number: int, plan: Plan, why: str) -> AbstractContextManager[None]:
        return nullcontext()

    def ended(self, attempt: Attempt) -> None:
        assert attempt.result is not None
        self.lines.append(str(attempt.result.outcome))


class Spoilt(Builder):
    """A real build whose outcome is then said to be the machine's fault."""

    def carry_out(self, plan: Plan, number: int) -> Result:
        return replace(
            super().carry_out(plan, number), outcome=Outcome.INFRA, signature="disk-full", why="No space left"
        )


OpenBench = Callable[..., tuple[Workbench, list[float]]]


@pytest.fixture
def open_bench(tmp_path: Path) -> Iterator[OpenBench]:
    """Opens a bench on a small history; readings of the machine are given, sleeping is only noted."""
    history = write_history(tmp_path / "linux", Failure.NONE, seed=1, commits=12, unrelated=False)
    opened: list[Workbench] = []

    def build(
        readings: list[Health], infra_wait: float = 1800.0, slept: list[float] | None = None
    ) -> tuple[Workbench, list[float]]:
        slept = [] if slept is None else slept
        left = iter(readings)
        bench = Workbench(
            Repository.discover(history.repo, {}),
            find_profile("smallkernel", state_dir=tmp_path, xdg_config_home=tmp_path, cwd=tmp_path),
            Options(slots_dir=tmp_path / "slots", toolchains=load_toolchains(tmp_path), infra_wait=infra_wait),
            os.environ,
            Heard(),
            sleep=slept.append,
            health=lambda folder: next(left, FINE),
        )
        bench.builder = Spoilt(**{one.name: getattr(bench.builder, one.name) for one in fields(bench.builder)})
        opened.append(bench)
        return bench, slept

    yield build
    for bench in opened:
        bench.close()


def test_a_full_disk_is_waited_for_with_growing_pauses(open_bench: OpenBench) -> None:
    bench, slept = open_bench([FULL, FULL, FULL, FINE])
    attempt = bench.attempt(bench.repository.head(), Ask(Kind.CLEAN, "test"))
    assert attempt.result is not None
    assert attempt.result.outcome is Outcome.INFRA
    assert slept == [0.5, 1.0, 2.0, 4.0]  # first after the attempt, then between the looks at the disk


def test_a_disk_that_stays_full_stops_without_a_verdict(open_bench: OpenBench) -> None:
    bench, _ = open_bench([FULL] * 1000, infra_wait=0.0)
    with pytest.raises(InfraError, match="0 MB free"):
        bench.attempt(bench.repository.head(), Ask(Kind.CLEAN, "test"))
    assert [one.outcome for one in bench.seen(bench.repository.head())] == [Outcome.INFRA], "it is in the ledger"


def test_a_machine_that_spoils_everything_stops(open_bench: OpenBench) -> None:
    bench, slept = open_bench([])
    head = bench.repository.head()
    for _ in range(MOST_INFRA - 1):
        bench.attempt(head, Ask(Kind.RELINK, "test"))
    with pytest.raises(InfraError, match=f"{MOST_INFRA} attempts in a row"):
        bench.attempt(head, Ask(Kind.RELINK, "test"))
    assert slept == sorted(slept)
    assert len(bench.seen(head)) == MOST_INFRA


class Full(Builder):
    """A real build on whose way our own files find no room, and then make finds no process."""

    def carry_out(self, plan: Plan, number: int) -> Result:
        if number == 1:
            raise OSError(errno.ENOSPC, "No space left on device", str(self.objtree.path))
        raise InfraError("no process") from BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")


def test_a_full_disk_that_we_run_into_ourselves_is_waited_for_as_well(open_bench: OpenBench) -> None:
    bench, slept = open_bench([FULL, FINE])
    bench.builder = Full(**{one.name: getattr(bench.builder, one.name) for one in fields(bench.builder)})
    for says in ("No space left", "Resource temporarily unavailable"):
        attempt = bench.attempt(bench.repository.head(), Ask(Kind.CLEAN, "test"))
        assert attempt.result is not None
        assert (attempt.result.outcome, says in attempt.result.why) == (Outcome.INFRA, True)
    assert slept == [0.5, 1.0, 1.0]


class Mending(list[float]):
    """Seconds that were slept; the second time somebody mends the disk."""

    ledger: Ledger | None = None

    def append(self, seconds: float) -> None:
        super().append(seconds)
        if len(self) == 2 and self.ledger:
            self.ledger._db.execute("pragma query_only = off")


def test_what_an_attempt_has_shown_waits_until_it_can_be_written_down(open_bench: OpenBench) -> None:
    slept = Mending()
    bench, _ = open_bench([], slept=slept)
    heard = bench.reporter
    assert isinstance(heard, Heard)
    number = bench.ledger.begin(bench.builder.plan(bench.repository.head(), Kind.CLEAN, Draw()))
    slept.ledger = bench.ledger
    bench.ledger._db.execute("pragma query_only = on")  # as on a disk that was remounted read-only
    bench._write_down(number, Result(Outcome.CLEAN, "", "", Measured(1.0)))
    attempt = bench.ledger.get(number)
    assert attempt and attempt.result and attempt.result.outcome is Outcome.CLEAN
    assert slept == [1.0, 2.0]
    assert [line for line in heard.lines if "waits to be written down" in line]
