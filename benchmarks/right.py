"""Is the commit that a real `git bisect run bisectsyms` names the right one?

Each run writes a history of the small kernel from a seed of its own and solves it. A run that stops and
says so is not right, but not wrong either; wrong is a commit named that is not the culprit.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import report

WANTED = {"race": 18, "layout": 18, "always": 20}
RUNS = 20
CONFIDENCE = 0.99
TOOL = Path(sys.executable).parent / "bisectsyms"


def right() -> bool:
    """Run what is missing of RUNS runs of each failure, then tell; True if every target is met."""
    result = report.load("right")
    runs: list[dict[str, Any]] = result.get("runs", [])
    done = {(run["failure"], run["seed"]) for run in runs}
    for seed in range(1, RUNS + 1):
        for failure in WANTED:
            if (failure, seed) not in done:
                runs.append(_run(failure, seed))
                report.save("right", {"confidence": CONFIDENCE, "runs": runs})
                print(_line(runs[-1]), flush=True)
    return _tell(runs)


def _run(failure: str, seed: int) -> dict[str, Any]:
    begun, load = time.monotonic(), round(os.getloadavg()[0], 1)
    words = ["demo", "--failure", failure, "--seed", str(seed), "--confidence", str(CONFIDENCE), "--json"]
    done = subprocess.run([TOOL, *words], capture_output=True, text=True, check=False)
    run: dict[str, Any] = {"failure": failure, "seed": seed, "seconds": round(time.monotonic() - begun, 1)}
    run["load"] = load
    if done.returncode in (0, 3):
        answer = json.loads(done.stdout)
        ending = "right" if answer["right"] else "wrong"
        return run | {"ending": ending, "attempts": answer["attempts"], "stated": answer["confidence"]}
    said = [line for line in done.stderr.splitlines() if line.startswith("bisectsyms: ")]
    return run | {"ending": "stopped", "status": done.returncode, "why": (said or [""])[-2 if len(said) > 1 else -1]}


def _line(run: dict[str, Any]) -> str:
    return f"{run['failure']:6} seed {run['seed']:2}: {run['ending']} in {run['seconds']} s {run.get('why', '')}"


def _tell(runs: list[dict[str, Any]]) -> bool:
    rows, met = [], True
    for failure, wanted in WANTED.items():
        mine = [run for run in runs if run["failure"] == failure]
        endings = {ending: sum(run["ending"] == ending for run in mine) for ending in ("right", "stopped", "wrong")}
        silent = sum(run["ending"] == "wrong" and run["stated"] is None for run in mine)
        met = met and endings["right"] >= wanted and not silent
        attempts = [run["attempts"] for run in mine if "attempts" in run]
        loads = [run["load"] for run in mine if "load" in run]
        rows.append(
            (
                failure,
                f"{endings['right']} of {len(mine)} (wanted: {wanted})",
                endings["stopped"],
                endings["wrong"],
                median(attempts) if attempts else "",
                f"{median(run['seconds'] for run in mine):.0f} s",
                f"{median(loads):.1f}" if loads else "not recorded",
            )
        )
    head = ("failure", "right", "stopped, and said why", "wrong", "attempts (median)", "time (median)", "load (median)")
    body = (
        f"`make bench`: bisectsyms demo --confidence {CONFIDENCE}, seeds 1 to {RUNS}, 40 commits, each a real\n"
        "`git bisect run` over kernels linked by the real toolchain. The load is of the machine when a run began.\n\n"
    )
    report.write_markdown("right", "Is the named commit the right one?", body + report.table(head, rows))
    print(report.table(head, rows))
    return met
