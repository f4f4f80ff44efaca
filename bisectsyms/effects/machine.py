"""What the machine itself says about an attempt: memory kills, free space, load.

A build that died because the machine ran out of something says nothing about the revision, and the
log does not always tell.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

LEAST_FREE_BYTES = 64 * 1024**2
"""Below this not even a link of a small kernel fits."""


@dataclass(frozen=True, slots=True)
class Health:
    """A reading before or after an attempt."""

    oom_kills: int
    """Counter of processes killed for want of memory in our cgroup, or on the whole machine."""
    free_bytes: int
    load: float

    @property
    def trouble(self) -> str:
        """What is wrong now, or the empty string."""
        if self.free_bytes < LEAST_FREE_BYTES:
            return f"only {self.free_bytes / 1e6:.0f} MB free"
        return ""


def health(folder: Path) -> Health:
    """Read the machine; `folder` is on the file system whose free space matters."""
    while not folder.exists():
        folder = folder.parent
    return Health(_oom_kills(), shutil.disk_usage(folder).free, os.getloadavg()[0])


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
