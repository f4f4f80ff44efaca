"""How a hunt lives with the machine for a night: it goes behind others, keeps it awake, and waits on battery."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any

import psutil
from plumbum import local

from bisectsyms.core.words import count

NICE = 10
"""As nice(1) adds by default."""
SOON = 0.5
"""Seconds in which systemd-inhibit that is refused has ended."""
HOLD = 'exec 3<&0; "$@" <&3 3<&- >/dev/null 2>&1 & echo $!'
"""For sh: start it so that it is not our child, because a runner ends all children of ours after each build."""


def go_behind(nice: int = NICE) -> None:
    """Let every other process go first, at the CPU by `nice` and at the disk by the lowest priority that still moves.

    Not the idle class, which a busy desktop could starve for hours while an attempt's time-out runs.
    """
    process = psutil.Process()
    with contextlib.suppress(psutil.Error, OSError, ValueError):
        process.nice(max(process.nice(), nice))
    with contextlib.suppress(psutil.Error, OSError, ValueError, AttributeError):
        process.ionice(psutil.IOPRIO_CLASS_BE, 7)


def on_battery() -> bool:
    """Whether this machine runs on battery now; False where it has none or does not tell."""
    try:
        battery = psutil.sensors_battery()
    except (AttributeError, OSError, RuntimeError):
        return False
    return battery is not None and battery.power_plugged is False


@contextlib.contextmanager
def awake(why: str, say: Callable[[str], None], inhibit: str | None = None, soon: float = SOON) -> Iterator[None]:
    """Keep the machine from going to sleep by itself, by systemd-inhibit where that is there and allowed.

    What holds it reads from a pipe of ours, so it ends with us however we end. `inhibit` is the path of the program;
    within `soon` seconds it has ended if it is refused.
    """
    inhibit = inhibit or shutil.which("systemd-inhibit")
    if inhibit is None:
        yield
        return
    what = ("--what=sleep:idle", "--who=bisectsyms", f"--why={why}", "--mode=block")
    held: Any = local["sh"].popen(["-c", HOLD, "sh", inhibit, *what, "cat"], stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
    try:
        pid = int(held.stdout.readline() or 0)
        held.wait()
        if pid and not _lives(pid, soon):
            say("systemd-inhibit is refused here: the machine may go to sleep by itself")
        yield
    finally:
        held.stdin.close()
        held.stdout.close()


def _lives(pid: int, soon: float) -> bool:
    try:
        psutil.Process(pid).wait(soon)
    except psutil.TimeoutExpired:
        return True
    except psutil.Error:
        return False
    return False


def trouble(folder: Path, floor: int, *, battery: Callable[[], bool] = on_battery) -> str:
    """Why no attempt should begin now; empty if one may. `floor` is in bytes of the file system of `folder`."""
    if battery():
        return "on battery"
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < floor:
        return f"only {free / 1e9:.1f} GB free at {folder}, {floor / 1e9:.1f} GB are to stay free"
    return ""


def told(freed: int, trees: int) -> str:
    """What was removed, for people."""
    return f"removed {count(trees, 'objtree')} that were used least lately: {freed / 1e6:.0f} MB"
