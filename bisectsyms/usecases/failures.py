"""Failures in full: what decided, the cause, the symbol, the end of the log, and how to see it again.

A night can fail a thousand times. So each spot tells its newest ones, and what costs (the log, the cause) is read for
those alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass

from bisectsyms.core.report import Failure
from bisectsyms.effects.evidence import EvidenceStore
from bisectsyms.effects.evidence.store import FOLDER
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.ledger.reading import Reading
from bisectsyms.errors import BisectsymsError
from bisectsyms.model import Attempt
from bisectsyms.usecases.commandbench import ARCH as COMMAND

PER_SPOT = 3
TAIL_LINES = 12
LONGEST_LINE = 400
"""Characters of a line that are shown; a link line of a kernel has thousands."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why an attempt failed, in one line, and the symbol at which its two maps part; both may be empty."""

    text: str = ""
    symbol: str = ""


CauseOf = Callable[[Attempt], Cause]


def failures_of(
    repository: Repository, ledger: Reading, spots: Collection[tuple[str, str]], most: int, cause_of: CauseOf
) -> tuple[Failure, ...]:
    """At most `most` failures at these spots (tree id, cell key): the newest of every spot before any second one."""
    ranks: dict[tuple[str, str], int] = {}
    ranked: list[tuple[int, Attempt]] = []
    for one in ledger.newest_failures(PER_SPOT):
        key = one.plan.revision.tree, one.plan.cell.key
        if key in spots:
            ranks[key] = ranks.get(key, 0) + 1
            ranked.append((ranks[key], one))
    ranked.sort(key=lambda pair: (pair[0], -pair[1].number))
    store = EvidenceStore(repository.state_dir / FOLDER)
    return tuple(
        # A command has no maps, so that a diagnosis of it would speak of what is not there.
        _failure(one, ledger, store, Cause() if one.plan.cell.arch == COMMAND else cause_of(one))
        for _, one in ranked[:most]
    )


def _failure(one: Attempt, ledger: Reading, store: EvidenceStore, cause: Cause) -> Failure:
    assert one.result is not None, "it has failed"
    origin = ledger.origin(one.number)
    plan = one.plan
    return Failure(
        attempt=one.number,
        revision=str(plan.revision),
        commit=plan.revision.commit,
        title=plan.revision.title,
        cell=plan.cell.key,
        kind=plan.kind,
        draw=str(plan.draw),
        begun=one.begun,
        seconds=one.result.measured.seconds,
        host=origin,
        imported=bool(origin),
        why=one.result.why,
        cause=cause.text,
        symbol=cause.symbol,
        tail=tail(store, dict(one.result.evidence).get("log", "")),
        again=f"bisectsyms again {one.number}",
        command=plan.command,
    )


def tail(store: EvidenceStore, digest: str) -> tuple[str, ...]:
    """The last lines of a log that is kept, shortened; empty where it is not, which the reader is told by that."""
    if not digest:
        return ()
    lines: deque[bytes] = deque(maxlen=TAIL_LINES)
    try:
        with store.open(digest) as log:
            while line := log.readline(1 << 20):
                lines.append(line[: 4 * LONGEST_LINE])
    except (BisectsymsError, OSError, EOFError):
        return ()
    return tuple(_shortened(line.decode("utf-8", "replace").rstrip("\r\n")) for line in lines)


def _shortened(line: str) -> str:
    return line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]} […]"
