"""Results of a benchmark as JSON and as Markdown, with the machine and the versions beside every figure."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
from plumbum import CommandNotFound, local

from bisectsyms import __version__

RESULTS = Path(__file__).parent / "results"
VERSIONS = ("git", "make", "gcc", "ld", "arm-linux-gnueabi-gcc", "arm-linux-gnueabi-ld")


def machine() -> dict[str, str]:
    """Processor, memory, system and the versions of everything that takes part."""
    facts = {
        "measured": time.strftime("%Y-%m-%d"),
        "processor": f"{os.cpu_count()} x {_processor()}",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "bisectsyms": __version__,
    }
    return facts | {program: version for program in VERSIONS if (version := _version(program))}


def _processor() -> str:
    with Path("/proc/cpuinfo").open() as lines:
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _version(program: str) -> str:
    try:
        return str(local[program]("--version")).splitlines()[0]
    except CommandNotFound:
        return ""


def load(name: str) -> dict[str, Any]:
    """What an earlier run of this benchmark left, or an empty dict."""
    path = RESULTS / f"{name}.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def save(name: str, result: Mapping[str, Any]) -> None:
    """Write the result with the machine, whole or not at all."""
    RESULTS.mkdir(exist_ok=True)
    part = RESULTS / f"{name}.json.part"
    part.write_text(json.dumps({"machine": machine()} | dict(result), indent=2) + "\n")
    part.rename(RESULTS / f"{name}.json")


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(str(cell) for cell in line) + " |\n" for line in lines)


def write_markdown(name: str, title: str, body: str) -> None:
    """The page people read, with the machine at its end."""
    facts = table(("machine", ""), list(machine().items()))
    (RESULTS / f"{name}.md").write_text(f"# {title}\n\n{body}\n{facts}")
