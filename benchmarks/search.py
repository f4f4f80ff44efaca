"""How few attempts find the culprit, and how true the stated confidence is: ours, and others, on the same worlds.

    python -m benchmarks.search [--trials 400] [--seed 1000] [--confidence .95 ...] [--peers] [CELL...]

The seeds count up from --seed in every cell, for every tool and every confidence. The others are measured at the
first confidence; `pip install git-bayesect==1.2` into the Python that runs this adds its column. What is done
already, of the same trials and seed, is not done again; remove benchmarks/results/search.json to begin anew.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from benchmarks import peers, report
from bisectsyms.core.words import listed
from bisectsyms.search.bounds import fano
from bisectsyms.search.worlds import Run, Setting, World
from bisectsyms.usecases.simulate import Simulated, SimulateOptions, simulate

TRIALS, SEED, CONFIDENCES = 400, 1000, (0.95, 0.8, 0.9, 0.99)


@dataclass(frozen=True, slots=True)
class Cell:
    """One row of the table."""

    setting: Setting
    reach: float | None
    """Attempts (cost, rounds) that are wanted at most."""
    move: float = 0.0
    at_once: int = 1
    accuracy: float | None = None
    """Wanted of the commits named, where it is not the confidence."""


def _schedule(commits: int, old: float, new: float) -> Setting:
    return Setting(commits, old, new)


CELLS: dict[str, Cell] = {
    f"{commits} ({old:g}, {new:g})": Cell(_schedule(commits, old, new), reach)
    for commits, old, new, reach in (
        (64, 0, 1, 11),
        (64, 0, 0.5, 35),
        (64, 0, 0.2, 100),
        (64, 0.1, 0.9, 22),
        (64, 0.01, 0.2, 160),
        (64, 0.02, 0.5, 50),
        (1024, 0, 1, 15),
        (1024, 0, 0.5, 48),
        (1024, 0.1, 0.9, 35),
    )
}
CELLS |= {
    "layouts, Beta mean .2 κ 5": Cell(Setting(64, 0, 0.2, 0, 5.0), 260, accuracy=0.93),
    "layouts, 16 at p .2": Cell(Setting(64, 0, 0.2, 16), 230, accuracy=0.93),
    "layouts, 4 at p .5": Cell(Setting(64, 0, 0.5, 4), 85, accuracy=0.93),
    "no change, p .5": Cell(Setting(64, 0.5, 0.5, truth="predates"), None),
    "no change, p .2": Cell(Setting(64, 0.2, 0.2, truth="predates"), None),
    "1024 (0, .2), a move costs 10": Cell(Setting(1024, 0, 0.2), 330, move=10.0),
    "1024 (0, 1), four at once: rounds": Cell(Setting(1024, 0, 1), 0.40 * 15, at_once=4),
    "1024 (0, .2)": Cell(Setting(1024, 0, 0.2), 140),
    "1024 (0, .2), four at once: rounds": Cell(Setting(1024, 0, 0.2), 0.30 * 140, at_once=4),
    "merges 8 %, 1024 (0, .5)": Cell(Setting(1024, 0, 0.5, merges=0.08), None),
    "no change, p .05": Cell(Setting(64, 0.05, 0.05, truth="predates"), None),
    "never fails": Cell(Setting(64, 0, 0, truth="not-reproduced"), None),
    "64 (0, .05)": Cell(Setting(64, 0, 0.05), 430),
    "1024 (0, .05)": Cell(Setting(1024, 0, 0.05), 620),
}
OTHERS: dict[str, Callable[..., Run | None]] = {
    "told the rates": peers.told_the_rates,
    "repeat-N, told the rate": peers.repeat_n,
    "git_bayesect": peers.bayesect,
}


Tables = dict[str, dict[str, Any]]
"""Confidence -> cell -> who -> figures."""


def main(argv: list[str]) -> int:
    """Measure what is missing, tell all; 1 if a figure is not reached."""
    parser = argparse.ArgumentParser()
    parser.add_argument("cells", nargs="*")
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--confidence", type=float, nargs="+", default=CONFIDENCES)
    parser.add_argument("--peers", action="store_true", help="measure the others, too")
    given = parser.parse_args(argv)
    run = {"trials": given.trials, "seed": given.seed}
    result = report.load("search")
    tables: Tables = result["tables"] if result.get("run") == run else {}
    for confidence in given.confidence:
        rows = tables.setdefault(f"{confidence:g}", {})
        for name in given.cells or CELLS:
            row = rows.setdefault(name, {})
            if "ours" not in row:
                row["ours"] = _ours(CELLS[name], confidence=confidence, **run)
            if given.peers and confidence == given.confidence[0]:
                _others(CELLS[name], row, confidence=confidence, **run)
            print(confidence, name, row, flush=True)
            report.save("search", {"run": run, "tables": tables})
    return 0 if _tell(run, tables) else 1


def search() -> bool:
    """As `make bench` runs it."""
    return main(["--peers"]) == 0


def _ours(cell: Cell, *, trials: int, seed: int, confidence: float) -> dict[str, Any]:
    done: Simulated = simulate(SimulateOptions(cell.setting, confidence, cell.move, cell.at_once, trials, seed))
    names = ("attempts", "moves", "cost", "rounds", "right", "named", "right_of_named")
    stated = [(one.answers, round(one.stated, 4), round(one.right, 4)) for one in done.calibration]
    return {name: getattr(done, name) for name in names} | {"calibration": stated}


def _others(cell: Cell, row: dict[str, Any], *, trials: int, seed: int, confidence: float) -> None:
    setting = cell.setting
    if setting.layouts is not None or setting.merges or setting.truth != "culprit" or cell.at_once > 1:
        return
    for name, play in OTHERS.items():
        if name not in row:
            runs = [run for number in range(trials) if (run := play(World(setting, seed + number), confidence))]
            if runs:
                cost = fmean(run.attempts + cell.move * run.moves for run in runs)
                row[name] = {"cost": cost, "right": fmean(run.right for run in runs), "trials": len(runs)}


def least_right(trials: int, chance: float, cells: int) -> float:
    """Share of right answers below which `chance` is excluded at 1 % (one-sided, corrected for so many cells)."""
    heights = 0.0
    for right in range(trials + 1):
        heights += math.comb(trials, right) * chance**right * (1.0 - chance) ** (trials - right)
        if heights > 0.01 / cells:
            return right / trials
    return 1.0


def _tell(run: dict[str, int], tables: Tables) -> bool:
    met, body = True, ""
    for number, (confidence, rows) in enumerate(tables.items()):
        done = [(name, rows[name]) for name in CELLS if "ours" in rows.get(name, {})]
        lines = [_line(name, row, float(confidence), run["trials"]) for name, row in done]
        met = met and all(line.sound and line.reached for line in lines)
        others = list(OTHERS) if number == 0 else []
        head = ("cell: commits (old, new)", "Fano", "ours (right)", "wanted", "accurate", "names a commit", *others)
        cells = [(*line.cells, *line.others) if number == 0 else line.cells for line in lines]
        body += f"## Confidence {confidence}\n\n{report.table(head, cells)}\n"
    intro = (
        f"`python -m benchmarks.search --peers`: {run['trials']} trials a cell, seeds from {run['seed']}.\n"
        "Mean attempts to the end, those at the ends of the range included; cost where a move has one; in brackets\n"
        "the share of right answers (with layouts, of the commits named). The others are linear, and those told the\n"
        f"rates are also told that there is a culprit; they have {listed(_of_others(tables))} trials. Attempts are\n"
        "wanted of the first table only.\n\n"
    )
    report.write_markdown("search", "How few attempts find the culprit?", intro + body)
    print(body)
    return met


def _of_others(tables: Tables) -> list[str]:
    rows = [row[name] for table in tables.values() for row in table.values() for name in OTHERS if name in row]
    return [str(trials) for trials in sorted({row["trials"] for row in rows})] or ["no"]


@dataclass(frozen=True, slots=True)
class Line:
    """One cell as it is told."""

    cells: tuple[str, ...]
    others: tuple[str, ...]
    sound: bool
    reached: bool


def _line(name: str, row: dict[str, Any], confidence: float, trials: int) -> Line:
    cell, ours = CELLS[name], row["ours"]
    figure = ours["rounds"] if cell.at_once > 1 else ours["cost"]
    accuracy = ours["right_of_named"] if cell.accuracy else ours["right"]
    first = confidence == CONFIDENCES[0]
    # `accuracy` of the cells with layouts is wanted at the first confidence; at the others it is shown.
    wanted = least_right(trials, min(cell.accuracy or 1.0, confidence), len(CELLS))
    sound = accuracy is not None and accuracy >= wanted and (cell.reach is None or ours["named"] >= 0.9)
    setting = cell.setting
    changed = setting.truth == "culprit"
    most_named = {0.95: 0.05, 0.99: 0.02}.get(confidence, 1.0)
    reached = (not first or figure <= (cell.reach or math.inf)) if changed else ours["named"] <= most_named
    wish = (f"{cell.reach:.0f}" if cell.reach and first else "") if changed else "names none"
    plain = changed and setting.layouts is None and not cell.move and cell.at_once == 1
    bound = fano(setting.commits - 1, setting.old, setting.new, confidence) if plain else None
    return Line(
        (
            name,
            f"{bound:.0f}" if bound else "",
            f"{figure:.1f} ({accuracy or 0:.3f})",
            wish + ("" if reached else ", **not reached**"),
            "yes" if sound else f"**no**, wanted {wanted:.3f}",
            f"{ours['named']:.3f}",
        ),
        tuple(f"{row[one]['cost']:.0f} ({row[one]['right']:.3f})" if one in row else "" for one in OTHERS),
        sound,
        reached,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
