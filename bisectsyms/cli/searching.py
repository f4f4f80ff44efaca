"""The verbs around the search of our own. See the package for the rules."""

from __future__ import annotations

from typing import Any

import click

from bisectsyms.cli.shared import show_result
from bisectsyms.inputs.options import json_option


@click.command()
@click.option("--n", "commits", type=click.IntRange(2), default=64, show_default=True, help="Commits, ends included.")
@click.option("--old", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Failure rate before.")
@click.option("--new", type=click.FloatRange(0, 1), default=0.2, show_default=True, help="Failure rate from it on.")
@click.option("--layouts", type=click.IntRange(0), metavar="K", help="Layouts decide, K at each commit; 0: no end.")
@click.option("--spread", type=click.FloatRange(0, min_open=True), metavar="KAPPA", help="Commits differ: Beta spread.")
@click.option("--merges", type=click.FloatRange(0, 0.1), default=0.0, show_default=True, help="Share of merges.")
@click.option("--move", type=click.FloatRange(0), default=0.0, metavar="COST", help="A move costs so many repeats.")
@click.option("--at-once", type=click.IntRange(1, 64), default=1, show_default=True, help="Attempts at the same time.")
@click.option("--confidence", type=click.FloatRange(0.5, 0.9999), default=0.95, show_default=True)
@click.option("--trials", type=click.IntRange(1), default=100, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the first world; each has its own.")
@json_option
def simulate(as_json: bool, **given: Any) -> int:
    """Search made histories: how many attempts and moves a bisect would take, and how often it is right.

    \b
    Example:  bisectsyms simulate --n 1000 --new .1 --move 10 --trials 20
    """
    from bisectsyms.render.simulated import show_simulated
    from bisectsyms.search.worlds import Setting
    from bisectsyms.usecases import simulate as use

    names = ("commits", "old", "new", "layouts", "spread", "merges")
    setting = Setting(**{name: given.pop(name) for name in names})
    result = use.simulate(use.SimulateOptions(setting, **given))
    show_result(result, show_simulated, as_json)
    return 0


VERBS: tuple[click.Command, ...] = (simulate,)
