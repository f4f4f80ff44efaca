"""How close a build came, for people: one line for each measure, then what has happened already."""

from __future__ import annotations

from collections.abc import Iterator

from bisectsyms.core.words import count, listed, percent, plain
from bisectsyms.kallsyms.nearmiss import NearMiss, Reach, Slack
from bisectsyms.render.console import console as make_console
from bisectsyms.usecases.nearmiss import Measured

MOST = 6


def show_measured(measured: Measured) -> None:
    """The answer on stdout."""
    console = make_console(soft_wrap=True)
    for line in lines(measured):
        console.print(plain(line), markup=False)


def lines(measured: Measured) -> Iterator[str]:
    """All of it."""
    near, made = measured.near, f", attempt {measured.attempt}" if measured.attempt else ""
    yield f"{measured.folder} ({measured.era}{made}): {count(near.symbols, 'symbol')}"
    if measured.passed is False:
        yield "its two maps differ, so it did not pass: bisectsyms diagnose tells why"
    yield from _ties(near)
    yield f"  order     {_order(near)}"
    yield f"  tables    {_tables(near)}"
    yield f"  slack     {_slack(near.slack)}"
    yield f"  branches  {_reach(near.reach)}"
    if measured.close:
        yield "close:"
        yield from (f"  {one}" for one in measured.close)
    else:
        yield "nothing of this has happened here; it is what a change of the layout would work on (docs/near-miss.md)"


def _ties(near: NearMiss) -> Iterator[str]:
    several = [tie for tie in near.ties if len(tie.labels) > 1]
    yield f"  ties      {len(near.ties)} at which a boundary has company, {len(several)} of them several boundaries"
    if several:
        most = max(several, key=lambda tie: len(tie.labels))
        yield f"            {len(most.labels)} at {most.address:x}: {listed(most.labels, MOST)}"


def _order(near: NearMiss) -> str:
    if near.passes < 2:
        return "not known: no maps of the passes"
    if not near.flips:
        return f"the same in all {near.passes} maps"
    return f"{count(len(near.flips), 'group')} at one address changed it, as {listed(near.flips[0].after, 3)}"


def _tables(near: NearMiss) -> str:
    if near.settled is None:
        return "not known: fewer than two objects"
    third = "a third pass ran" if near.third_pass else "no third pass"
    if not near.growth:
        return f"of one size in the first two passes, {third}"
    grown = (f"{one.part} {one.before} to {one.after}" for one in near.growth)
    return f"{', '.join(grown)} bytes from the first to the second, {third}, {'' if near.settled else 'not '}settled"


def _slack(slack: Slack | None) -> str:
    if slack is None:
        return "not known: no image of this link, or no boundary behind its tables"
    text = f"{count(slack.free, 'byte')} until {slack.behind} moves"
    return f"{text}; {count(slack.symbols, 'symbol')} before it move at once"


def _reach(reach: Reach | None) -> str:
    if reach is None:
        return "no limit known for this machine, or no image of this link"
    return f".text has {percent(reach.text / reach.branch)} of the {reach.branch >> 20} MB that a branch reaches"
