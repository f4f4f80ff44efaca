"""`make torture`: every torture, or those named; the page docs/reliability.md is made anew from what each has left.

    python -m tests.torture [NAME …] [--seconds S] [--rounds N] [--seed N]

Ends with 1 if anything was lost. A torture is a module of this package with `run(options) -> list[Row]`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.report import machine, table
from tests.torture.outcome import Options, Row

NAMES: tuple[str, ...] = ("storm", "power", "machine", "load", "hunt", "cluster", "fuzz", "mutants")
RESULTS = Path(__file__).parent / "results"
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reliability.md"
TEXT = Path(__file__).parent / "reliability.md"
"""What stands above the table, with what was found and mended."""
HEAD = ("what", "how often", "lost", "found", "note")


def main(words: list[str]) -> int:
    """Run them in the order of NAMES, and keep each result as soon as it is there."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(words)
    if unknown := sorted(set(given.names) - set(NAMES)):
        parser.error(f"no such torture: {', '.join(unknown)}; there are: {', '.join(NAMES)}")
    lost = 0
    for name in given.names or NAMES:
        print(f"{name} (seed {given.seed})", flush=True)
        rows = importlib.import_module(f"tests.torture.{name}").run(Options(given.seconds, given.rounds, given.seed))
        for row in rows:
            print(f"  {row.what}: {row.times} {row.unit}, {row.lost} lost, {row.found} found {row.note}", flush=True)
        lost += sum(row.lost for row in rows)
        save(name, rows)
        PAGE.write_text(page())
    print("something was lost" if lost else "nothing was lost")
    return 1 if lost else 0


def save(name: str, rows: list[Row]) -> None:
    """Write the result of one torture with the machine, whole or not at all."""
    RESULTS.mkdir(exist_ok=True)
    part = RESULTS / f"{name}.json.part"
    part.write_text(json.dumps({"machine": machine(), "rows": [asdict(row) for row in rows]}, indent=2) + "\n")
    part.rename(RESULTS / f"{name}.json")


def page() -> str:
    """docs/reliability.md from the results that are there."""
    told = [(name, json.loads(path.read_text())) for name in NAMES if (path := RESULTS / f"{name}.json").exists()]
    parts = [TEXT.read_text()]
    for name, result in told:
        rows = [Row(**row) for row in result["rows"]]
        cells = [(row.what, f"{row.times} {row.unit}", row.lost, row.found, row.note) for row in rows]
        parts.append(f"\n## {name}\n\n{table(HEAD, cells)}\n{_where(result['machine'])}")
    return "".join(parts)


def _where(facts: dict[str, Any]) -> str:
    return ", ".join(str(facts[key]) for key in ("measured", "processor", "memory", "system", "git", "make")) + ".\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
