"""What the machine itself says about an attempt: memory kills, free space, load.

A build that died because the machine ran out of something says nothing about the revision, and the
log does not always tell.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

LEAST_FREE_BYTES = 64 * 1024**2
"""Below this not even a link of a small kernel fits."""
CLOCK_SLACK = 0.01
"""Seconds between two readings of the two clocks. Slewing moves both alike (clock_gettime(2))."""


@dataclass(frozen=True, slots=True)
class Health:
    """A reading before or after an attempt."""

    oom_kills: int
    """Counter of processes killed for want of memory in our cgroup, or on the whole machine."""
    free_bytes: int
    load: float
    clock: float = 0.0
    """Seconds by which the time of day is ahead of the monotonic clock: it falls only when the clock is set back."""

    @property
    def trouble(self) -> str:
        """What is wrong now, or the empty string."""
        if self.free_bytes < LEAST_FREE_BYTES:
            return f"only {self.free_bytes / 1e6:.0f} MB free"
        return ""

    def set_back(self, after: Health) -> float:
        """Seconds by which the clock was set back between this reading and `after`; 0 if it was not."""
        seconds = self.clock - after.clock
        return seconds if seconds > CLOCK_SLACK else 0.0


def health(folder: Path) -> Health:
    """Read the machine; `folder` is on the file system whose free space matters."""
    while not folder.exists():
        folder = folder.parent
    return Health(_oom_kills(), shutil.disk_usage(folder).free, os.getloadavg()[0], time.time() - time.monotonic())


def from_future(mark: Path) -> bool:
    """Whether the clock was set back since this file was written.

    Make would then take what was built before for newer than what is checked out after, and build half of a
    revision; it warns of it (`Clock skew detected`) only until the clock has caught up. A server whose clock is
    ahead of ours gives its time to all files alike, so its own is asked before we believe it.
    """
    try:
        written = mark.stat().st_mtime
        return written > time.time() and written > _disk_time(mark.parent)
    except OSError:
        return False


def _disk_time(folder: Path) -> float:
    with tempfile.TemporaryFile(dir=folder) as fresh:
        return os.fstat(fresh.fileno()).st_mtime


def _oom_kills() -> int:
    """oom_kill of the cgroup's memory.events (cgroup-v2), else of /proc/vmstat."""
    candidates = [Path("/proc/vmstat")]
    try:
        path = Path("/proc/self/cgroup").read_text().strip().rpartition("::")[2]
        candidates.insert(0, Path("/sys/fs/cgroup") / path.lstrip("/") / "memory.events")
    except OSError:
        pass
    for file in candidates:
        try:
            for line in file.read_text().splitlines():
                name, _, value = line.partition(" ")
                if name == "oom_kill":
                    return int(value)
        except (OSError, ValueError):
            continue
    return 0
