"""The side of a worker: it makes attempts for a hunt that another host leads, in a slot and a ledger of its own.

Whatever ends the one who asked, the scheduler or the way between, an attempt that has ended is in the ledger here, and
is told when the next hunt asks.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path

from bisectsyms import __version__
from bisectsyms.core.decide import Ask
from bisectsyms.core.probing import probe
from bisectsyms.effects import apart, copies, manners, thinning
from bisectsyms.effects.evidence.files import place
from bisectsyms.effects.evidence.store import FOLDER
from bisectsyms.effects.forked import Stopped
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger import Ledger
from bisectsyms.errors import BisectsymsError, InfraError, UserError
from bisectsyms.inputs.toolchains import load_toolchains
from bisectsyms.inputs.userfolders import config_home, slots_home
from bisectsyms.model import Attempt, Kind, Plan
from bisectsyms.usecases.bench import Options
from bisectsyms.usecases.desk import Place
from bisectsyms.usecases.mate import Beside, Done, Failed
from bisectsyms.usecases.matrix import Build, Matrix
from bisectsyms.usecases.orders import Home, Join, Joined, Made, Stint, Turn, pack, unpack
from bisectsyms.usecases.workbench import Workbench

MOST_EVIDENCE = 8 * 1024**2
"""Bytes of evidence, compressed, that go with the answer to one stint."""


def serve(version: str, order: bytes) -> bytes:
    """In a thread of a worker of Dask: have the order carried out in a process of its own; its answer.

    Raises:
        UserError: another version of bisectsyms asks.
        InfraError: the process was killed.
    """
    if version != __version__:
        raise UserError(f"bisectsyms is {__version__} there and {version} here", next_step="install one version")
    return apart.ask(__name__, order)


def main() -> None:
    """The process of its own."""
    apart.answer(carry_out)


def carry_out(order: bytes) -> bytes:
    """Do what a packed message of `orders` asks for; the packed answer.

    Raises:
        TypeError: it is none of them.
    """
    match unpack(order):
        case Join() as join:
            return pack(_join(join))
        case Stint() as stint:
            return pack(_at_bench(stint, partial(_attempts, stint)))
        case Turn() as turn:
            return pack(_at_bench(turn, partial(_turn, turn)))
        case Beside(call):
            return pack(_beside(call))
        case other:
            raise TypeError(f"{other!r} is no order")


class Notes:
    """A reporter whose listener is elsewhere: what is said goes with the answer."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        """Keep a line."""
        self.lines.append(text)

    def running(self, number: int, plan: Plan, why: str) -> AbstractContextManager[None]:
        """Nobody watches."""
        return nullcontext()

    def ended(self, attempt: Attempt) -> None:
        """It will be in the records."""


def _slots_dir(home: Home) -> Path:
    return home.slots_dir or slots_home()


def _copy(home: Home) -> Repository:
    return copies.copy_in(_slots_dir(home), home.key, home.name)


def _join(join: Join) -> Joined:
    copy = _copy(join.home)
    if join.bundle:
        copies.unpack(copy, join.bundle)
    elif join.source:
        copies.fetch(copy, join.source, join.commits)
    missing = copies.lacking(copy, join.commits)
    notes: list[str] = []
    builds: tuple[Build, ...] = () if missing else _builds(copy, join, notes)
    with Ledger.open(copy.state_dir, warn=notes.append) as ledger:
        ledger.bury()
        records = tuple(ledger.records(0))
    return Joined(socket.gethostname(), time.time(), missing, copies.held(copy), builds, tuple(notes), records)


def _builds(copy: Repository, join: Join, notes: list[str]) -> tuple[Build, ...]:
    """The cells of the plan with the compilers of this host."""
    known = load_toolchains(config_home(), ())
    matrix = Matrix(copy, known, os.environ, join.profiles.__getitem__, lambda: [*join.profiles.values()])

    def lacks(error: UserError) -> None:
        notes.append(error.message)

    return tuple(matrix.builds(join.plan, join.profiles, lacks))


def _at_bench(order: Stint | Turn, work: Callable[[Workbench], str]) -> Made:
    """Do some work at a bench in the cell that is meant; what `work` answers is why a spot takes no more attempts."""
    home, copy, notes = order.home, _copy(order.home), Notes()
    if home.nice:
        manners.go_behind()
    trouble, left, from_nothing = "", "", Kind.CLEAN
    place: Place | None = None
    error: BisectsymsError | None = None
    with Ledger.open(copy.state_dir, warn=notes.say) as ledger:
        before = ledger.count()
        try:
            trouble = _make_room(home, copy, order.build, notes)
            if not trouble:
                with _open(copy, order, notes) as bench:
                    from_nothing = bench.from_nothing
                    left = work(bench)
                    place = Place.of(bench.objtree)
        except BisectsymsError as found:
            error = found
        except Stopped:  # what was cut short is written down, and worth an answer while there is somebody to hear it
            error = InfraError("it was told to end")
        records = tuple(ledger.records(before))
    evidence, left_out = _evidence(copy, records)
    said = tuple(notes.lines)
    return Made(time.time(), records, evidence, left_out, said, from_nothing, place, left, trouble, error)


def _make_room(home: Home, copy: Repository, build: Build, notes: Notes) -> str:
    """Remove objtrees that are too many; why no attempt should begin all the same, or the empty string."""
    folder = _slots_dir(home)
    thinned = thinning.thin(folder, copy, home.disk, home.floor, {build.objtree})
    if thinned.trees:
        notes.say(manners.told(thinned.freed, thinned.trees))
    return manners.trouble(folder, home.floor)


def _open(copy: Repository, order: Stint | Turn, notes: Notes) -> Workbench:
    """A bench for the cell that is meant.

    Raises:
        UserError: there is another compiler by now.
        InfraError: no slot, no space.
    """
    home, build = order.home, order.build
    options = Options(
        slots_dir=_slots_dir(home),
        toolchains=load_toolchains(config_home(), ()),
        toolchain=build.toolchain,
        jobs=build.jobs,
        vary=build.vary,
        keep_evidence=home.keep_evidence,
        infra_wait=home.infra_wait,
        first_slot=order.slot,
    )
    bench = Workbench(copy, order.profile, options, os.environ, notes)
    if bench.cell.key != build.cell.key:
        bench.close()
        raise UserError(f"{build} is another cell by now: {bench.cell.toolchain.compiler}")
    return bench


def _turn(turn: Turn, bench: Workbench) -> str:
    if turn.revision is not None and turn.ask is not None:
        bench.attempt(turn.revision, turn.ask)
    return ""


def _beside(call: Callable[[], object]) -> Done | Failed:
    try:
        return Done(call())
    except BisectsymsError as error:
        return Failed(error)


def _attempts(stint: Stint, bench: Workbench) -> str:
    """Make them; why the spot takes none any more, or the empty string."""
    seen, until = list(stint.seen), time.monotonic() + stint.seconds
    draws = list(stint.draws)
    while draws and bench.made < stint.most and (not bench.made or time.monotonic() < until):
        ask = probe(seen, stint.kind, bench.arrival(stint.revision))
        if not isinstance(ask, Ask):
            return ask.rationale
        if ask.kind is stint.kind:
            ask = Ask(ask.kind, stint.why, draws.pop(0))
        made = bench.attempt(stint.revision, ask).observation()
        assert made is not None, "it has ended"
        seen.append(made)
        if not made.outcome.is_evidence:
            break  # what that means for the spot is for the hunt to say
    return ""


def _evidence(copy: Repository, records: tuple[dict[str, object], ...]) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """What the attempts left, as it lies in the store, up to a bound; and names of what is left out."""
    folder, size = copy.state_dir / FOLDER, 0
    found: dict[str, bytes] = {}
    left_out: list[str] = []
    for name, digest in ((name, digest) for one in records for name, digest in _files(one)):
        path = place(folder, digest)
        try:
            more = 0 if digest in found else path.stat().st_size
            if size + more > MOST_EVIDENCE:
                left_out.append(name)
            elif digest not in found:
                found[digest] = path.read_bytes()
                size += more
        except OSError:  # given up already, by its cap
            left_out.append(name)
    return found, tuple(left_out)


def _files(record: Mapping[str, object]) -> list[tuple[str, str]]:
    files = record.get("evidence", ())
    assert isinstance(files, list | tuple)
    return [(str(name), str(digest)) for name, digest in files]
