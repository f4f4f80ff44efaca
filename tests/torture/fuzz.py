"""The readers of foreign text, each driven by libFuzzer for an hour (tests/fuzz): how often, and what it found.

What it finds stops that reader, stands in .fuzz/ and belongs into tests/fuzz/corpus, shortened and with a name.
"""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz.targets import TARGETS
from tests.torture.outcome import Options, Row

ROOT = Path(__file__).parents[2]
HOUR = 3600.0


def run(options: Options) -> list[Row]:
    """Each target for so many seconds, one after another."""
    if find_spec("atheris") is None:
        raise SystemExit("atheris is not here; install it: make fuzz FUZZ_SECONDS=1")
    return [_driven(target, int(options.seconds or HOUR), options.seed) for target in TARGETS]


def _driven(target: str, seconds: int, seed: int) -> Row:
    words = [sys.executable, "-m", "tests.fuzz", target, str(seconds), str(seed)]
    ended = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
    return told(target, seconds, seed, ended.returncode, ended.stdout + ended.stderr)


def told(target: str, seconds: int, seed: int, status: int, log: str) -> Row:
    """A row from what libFuzzer said at its end.

    Raises:
        RuntimeError: it did not come to fuzzing at all.
    """
    executions = [int(number) for number in re.findall(r"^stat::number_of_executed_units:\s*(\d+)", log, re.MULTILINE)]
    if not executions:
        raise RuntimeError(f"{target}: {log[-2000:]}")
    kept = re.findall(r"^stat::new_units_added:\s*(\d+)", log, re.MULTILINE)
    found = re.findall(r"Test unit written to (\S*(?:crash|timeout|oom)-\S+)", log)
    note = f"{seconds} s, seed {seed}, {kept[-1] if kept else 0} inputs reached something new"
    if status:
        note += f"; stopped by {found[-1] if found else f'exit status {status}'}"
    return Row(f"reader of {target}", executions[-1], "executions", int(status != 0), int(status != 0), note)
