"""What a move to another commit is expected to cost, from what the objects were made from and what was seen."""

from __future__ import annotations

import numpy as np
import pytest

from bisectsyms.core.moving import Made, Moves, moves, sums_of
from bisectsyms.core.prior import Change
from bisectsyms.core.reach import Objects

OBJECTS = Objects(
    {"kernel/fork.c": 1, "include/linux/sched.h": 8}, frozenset(f"o{number}.o" for number in range(10)), frozenset()
)


def change(path: str) -> Change:
    return Change("A <a@x>", 0, "t", (path,))


def test_the_share_that_is_made_anew() -> None:
    """Of ten objects fork.c is in one and sched.h in eight; unknown files cost nothing."""
    changes = [None, change("kernel/fork.c"), change("MAINTAINERS"), change("include/linux/sched.h")]
    plan = Moves(sums_of(changes, OBJECTS), compiling=100.0, fixed=5.0)
    places = np.arange(4)
    assert plan(0, places) == pytest.approx([5.0, 15.0, 15.0, 5.0 + 100 * (1 - 0.9 * 0.2)])
    assert plan(3, places)[0] == pytest.approx(plan(0, places)[3]), "there and back alike"


def test_a_move_never_costs_more_than_all_objects_nor_nothing_at_all() -> None:
    everything = Objects({"include/linux/kconfig.h": 10}, OBJECTS.targets, OBJECTS.there)
    changes = [change("include/linux/kconfig.h")] * 100_000
    costs = Moves(sums_of(changes, everything), compiling=100.0, fixed=5.0)(0, np.arange(100_000))
    assert np.isfinite(costs).all()
    assert costs.min() == 5.0
    assert costs.max() == pytest.approx(105.0)


def test_moves_are_fitted_to_what_was_seen() -> None:
    sums = sums_of([None, change("kernel/fork.c")], OBJECTS)
    fitted = moves(sums, [Made(0, 1, 22.0), Made(1, 0, 18.0)], [105.0, 95.0], repeat=20.0)
    assert fitted is not None
    assert fitted.compiling == pytest.approx(80.0)
    assert fitted.fixed == pytest.approx(20.0 - 8.0)
    quicker = moves(sums, [Made(0, 1, 3.0), Made(1, 0, 5.0)], [100.0], repeat=20.0)
    assert quicker is not None
    assert quicker(0, np.array([1])) == pytest.approx(4.0), "as seen, though a tenth from scratch took 8"
    assert moves(sums, [], [100.0], 5.0) is None
    assert moves(sums, [Made(0, 1, 22.0)], [], 5.0) is None
    quick = moves(sums, [Made(0, 1, 1.0)], [100.0], 500.0)
    assert quick is not None
    assert quick.compiling == 0.0, "a build from scratch that was quicker than a link says nothing"
