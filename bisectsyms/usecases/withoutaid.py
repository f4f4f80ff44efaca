"""Before a culprit is told: was it found by something that moves the layout as no other build does?

What is built without it is of another policy, and stands in a cell of its own: no rate is changed by it.
"""

from __future__ import annotations

from collections.abc import Callable

from bisectsyms.core.decide import Ask, Decision
from bisectsyms.core.unaided import unaided, unaided_draws
from bisectsyms.model import Draw, Kind, Revision, Verdict
from bisectsyms.usecases.desk import Desk


def found_by(bench: Desk, failing: Revision, kind: Kind, over: Callable[[], str]) -> str:
    """What to say of a failure that needs a variation to show; empty where it shows without one, or none was used.

    `over` says why no more attempts may be made.

    Raises:
        UserError, InfraError: see `Bench`.
    """
    variation = bench.variation
    failed = [one.draw for one in bench.seen(failing) if one.outcome.is_failure]
    if not variation.moving or not failed:
        return ""
    aid = _aid(failed[-1], variation.moving)
    if {name for name, _ in variation.compiling} & set(variation.moving):
        return f"found by {aid}, and not built without it: that takes another objtree, as with --vary pinned"
    bench.reporter.say(f"found by {aid}: does {failing} fail without it, too?")
    decision = _built(bench, failing, kind, over, unaided_draws(variation, failed[-1]))
    if isinstance(decision, Decision) and decision.verdict is Verdict.BAD:
        bench.reporter.say(f"{failing}: {decision.rationale}")
        return ""
    why = decision.rationale if isinstance(decision, Decision) else f"not built without it to the end: {decision}"
    return f"found by {aid}: {why}; it may never be seen without"


def _built(
    bench: Desk, failing: Revision, kind: Kind, over: Callable[[], str], draws: tuple[Draw, ...]
) -> Decision | str:
    """Whether it fails at one of `draws`; why it is not known, where the limits ended it."""
    cell, tree = bench.cell_of(draws[0]), bench.known(failing).tree
    while not isinstance(answer := unaided(bench.ledger.observations(tree, cell.key), draws), Decision):
        if said := over():
            return said
        arrival = bench.arrival(failing) if kind is not Kind.CLEAN else None
        bench.at_once(failing, Ask(arrival or kind, "does it fail without what it was found by?", answer))
    return answer


def _aid(draw: Draw, moving: tuple[str, ...]) -> str:
    """`pad=64`, or `ld-bfd pad=64`."""
    return " ".join(f"{name}={value}" if value else name for name, value in draw.factors if name in moving)
