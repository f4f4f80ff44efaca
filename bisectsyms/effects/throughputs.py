"""What so many slots got through on this machine, kept beside the ledger: measured once for each cell and kind."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from bisectsyms.core.throughput import Throughput
from bisectsyms.effects.newfile import replace_file
from bisectsyms.model import Cell, Kind

NAME = "slots.json"
SCHEMA = 1


def cpus() -> int:
    """How many this process may use (sched_getaffinity(2))."""
    return len(os.sched_getaffinity(0))


def read(state_dir: Path, cell: Cell, kind: Kind) -> tuple[Throughput, ...]:
    """What was measured on this host, with the CPUs that it has now; empty if that was not, or cannot be read."""
    try:
        found = _all(state_dir)[_key(cell, kind)]
        return tuple(Throughput(int(one["slots"]), int(one["attempts"]), float(one["seconds"])) for one in found)
    except (KeyError, TypeError, ValueError):
        return ()


def write(state_dir: Path, cell: Cell, kind: Kind, measured: Sequence[Throughput]) -> None:
    """Keep it in place of what was measured before.

    Raises:
        InfraError: it cannot be written.
    """
    found = {**_all(state_dir), _key(cell, kind): [asdict(one) for one in measured]}
    text = json.dumps({"schema": SCHEMA, "measured": found}, indent=2)
    replace_file(state_dir / NAME, f"{text}\n".encode())


def _all(state_dir: Path) -> Mapping[str, Sequence[Mapping[str, float]]]:
    try:
        found = json.loads((state_dir / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    known = isinstance(found, dict) and found.get("schema") == SCHEMA and isinstance(found.get("measured"), dict)
    return found["measured"] if known else {}


def _key(cell: Cell, kind: Kind) -> str:
    return f"{socket.gethostname()} {cpus()} {cell.key} {kind}"
