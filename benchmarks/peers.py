"""Other ways to search, on the same made worlds: told the rates, repeat-N git bisect, and git_bayesect.

git_bayesect is no dependency: its cells are left out where it cannot be imported. All of them are for linear
histories whose newest commit is bad and whose oldest is good; the good end is commit 0.
"""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

import numpy as np

from bisectsyms.search.worlds import Run, World

CAP = 4000
"""Attempts after which a peer is stopped, without an answer."""


def told_the_rates(world: World, confidence: float) -> Run:
    """Greedy Bayes that knows both rates, and that there is a culprit: the attempt that tells most, one at a time."""
    setting = world.setting
    old, new = np.clip([setting.old, setting.new], 1e-12, 1.0 - 1e-12)
    mass = np.full(setting.commits - 1, 1.0 / (setting.commits - 1))
    tested: list[int] = []
    while mass.max() < confidence and len(tested) < CAP:
        behind = np.cumsum(mass)
        chance = behind * new + (1.0 - behind) * old
        gain = _entropy(chance) - behind * _entropy(new) - (1.0 - behind) * _entropy(old)
        place = int(np.argmax(gain))
        failed, _ = world.attempt(place + 1)
        tested.append(place + 1)
        inside, outside = (new, old) if failed else (1.0 - new, 1.0 - old)
        mass *= np.where(np.arange(len(mass)) <= place, inside, outside)
        mass /= mass.sum()
    return _run(world, tested, int(np.argmax(mass)) + 1, float(mass.max()), confidence)


def repeat_n(world: World, confidence: float) -> Run:
    """git bisect, each step repeated until a failure or N clean ones; N from the true rate and the error budget.

    It believes that old commits never fail.
    """
    setting = world.setting
    steps = math.ceil(math.log2(setting.commits - 1))
    share = (1.0 - confidence) / steps
    times = 1 if setting.new >= 1.0 else math.ceil(math.log(share) / math.log1p(-setting.new))
    good, bad = 0, setting.commits - 1
    tested: list[int] = []
    while bad - good > 1:
        middle = (good + bad) // 2
        for _ in range(times):
            tested.append(middle)
            if world.attempt(middle)[0]:
                bad = middle
                break
        else:
            good = middle
    return _run(world, tested, bad, 1.0, confidence)


def bayesect(world: World, confidence: float) -> Run | None:
    """git_bayesect's own loop; None where it is not installed. It counts its commits from the newest."""
    try:
        git_bayesect: Any = import_module("git_bayesect")
    except ImportError:
        return None
    last = world.setting.commits - 1
    search = git_bayesect.Bisector(np.ones(last + 1))
    tested: list[int] = []
    while search.distribution.max() < confidence and len(tested) < CAP:
        index = int(search.select())
        tested.append(last - index)
        search.record(index, world.attempt(last - index)[0])
    stated = float(search.distribution.max())
    return _run(world, tested, last - int(np.argmax(search.distribution)), stated, confidence)


def _entropy(p: Any) -> Any:
    return -(p * np.log(p) + (1.0 - p) * np.log1p(-p))


def _run(world: World, tested: list[int], named: int, stated: float, confidence: float) -> Run:
    moves = sum(one != other for one, other in zip(tested, [None, *tested[:-1]], strict=True))
    kind = "culprit" if stated >= confidence else "undecided"
    right = kind == world.setting.truth and named == world.culprit
    return Run(len(tested), moves, float(len(tested)), len(tested), kind, right, right, stated)
