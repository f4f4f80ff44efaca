"""A ledger of very many attempts, made in a moment: as an export of another host, which is then taken over."""

from __future__ import annotations

import random
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bisectsyms.effects.ledger import Ledger, exchange, rows
from bisectsyms.effects.ledger.owner import Owner
from bisectsyms.model import Cell, Draw, Kind, Outcome, Plan, Result, Revision
from tests.ledgers import CELL, CLEAN, FAILED, GCC, MEASURED, digest

BROKEN = Result(Outcome.BROKEN, "make:Error 2", "make: *** [all] Error 2", MEASURED, 2)
OWNER = Owner("night", "boot", "4026531836", 42, 3.5)
FIRST_BEGUN = 1_700_000_000.0


@dataclass(frozen=True, slots=True)
class Shape:
    """How the attempts are spread: `bisects` histories of `revisions` each, tried in every one of their cells."""

    attempts: int
    bisects: int = 1
    cells: int = 1
    """Of all bisects together."""
    revisions: int = 20
    """Of each bisect."""


def cells_of(shape: Shape) -> list[Cell]:
    """Cells that differ in toolchain, -j and kconfig, as those of a hunt do."""
    chains = [replace(GCC, name=f"gcc-{8 + number}") for number in range(7)]
    return [
        replace(CELL, toolchain=chains[number % 7], jobs=1 + number // 7 % 8, kconfig=f"{number // 56:06x}")
        for number in range(shape.cells)
    ]


def records(shape: Shape, revisions: Sequence[Revision], *, seed: int = 1) -> Iterator[dict[str, object]]:
    """Lines of an export; `revisions` are those of all bisects, one after the other.

    In each bisect the newer half of the revisions fails in one build of five; one attempt of fifty breaks. What failed
    has five files of evidence.
    """
    chance, cells = random.Random(seed), cells_of(shape)
    for cell in cells:
        yield {"record": "cell", "key": cell.key, "cell": cell.fields}
    for number in range(shape.attempts):
        which = number % shape.cells
        first = which % shape.bisects * shape.revisions
        at = number // shape.cells % shape.revisions
        result = CLEAN
        if chance.random() < 0.02:
            result = BROKEN
        elif 2 * at >= shape.revisions and chance.random() < 0.2:
            files = (("log", digest(number)), *((f"map.{one}", digest(one << 40 | number)) for one in range(1, 5)))
            result = replace(FAILED, evidence=files)
        plan = Plan(
            revisions[first + at], cells[which], Kind.RELINK, Draw(1 + number % 64), f"slot-{number % 4}", "bwrap",
            False, "make -C src O=../obj -j8 ARCH=arm CROSS_COMPILE=arm-linux-gnueabi- vmlinux",
        )  # fmt: skip
        row = rows.plan_row(plan, OWNER) | rows.result_row(result)
        lists = {"dropped": plan.dropped, "vanished": result.vanished, "draw_factors": plan.draw.factors}
        begun = FIRST_BEGUN + 3.0 * number
        yield {
            "record": "attempt", **row, **lists, "uuid": str(uuid.UUID(int=chance.getrandbits(128))), "begun": begun,
            "ended": begun + 2.75, "buried": 0, "evidence": result.evidence,
        }  # fmt: skip


def fill(state_dir: Path, shape: Shape, revisions: Sequence[Revision]) -> None:
    """Take such an export over, by the way that `bisectsyms ledger import` goes."""
    with (state_dir.parent / "many.jsonl").open("w+b") as file:
        file.writelines(exchange.write("night", records(shape, revisions)))
        file.seek(0)
        with Ledger.open(state_dir) as ledger:
            ledger.take_over(exchange.read(file, "many.jsonl"))


def history(folder: Path, commits: int, *, merge_every: int = 0) -> None:
    """A repository of so many commits on main, numbered by their titles and by their one file.

    With `merge_every` each so-many-th commit merges a side branch of one commit, which counts.
    """
    subprocess.run(["git", "init", "-q", "-b", "main", "--template=", folder], check=True)
    subprocess.run(
        ["git", "fast-import", "--quiet", "--done"], cwd=folder, input=b"".join(_stream(commits, merge_every)),
        check=True,
    )  # fmt: skip
    subprocess.run(["git", "reset", "-q", "--hard", "refs/heads/main"], cwd=folder, check=True)


def _stream(commits: int, merge_every: int) -> Iterator[bytes]:
    who = b"committer A U Thor <author@example.com> %d +0000\n"
    for number in range(1, commits + 1):
        side = merge_every and number % merge_every == merge_every - 1 and 1 < number < commits
        merging = merge_every and number % merge_every == 0 and number > 2
        title = b"%d" % number
        yield b"commit refs/heads/%s\nmark :%d\n" % (b"side" if side else b"main", number) + who % (10**9 + number)
        yield b"data %d\n%s\n" % (len(title), title)
        if side:
            yield b"from :%d\n" % (number - 1)
        elif merging:
            yield b"from :%d\nmerge :%d\n" % (number - 2, number - 1)
        elif number > 1:
            yield b"from :%d\n" % (number - 1)
        yield b"M 100644 inline number\ndata %d\n%s\n" % (len(title), title)
    yield b"done\n"
