"""Which process drives an attempt, told so that it can be looked for after a crash or a reboot; and whose word it is.

A pid alone is not enough: pids are used again, and mean something else in another container. Where
nothing can be said for certain, a process counts as alive: taking a living one for dead costs more.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from bisectsyms.effects.boots import boot_id

SAME_START = 1.5
"""Seconds by which two readings of one start time may differ; the boot time is told in whole seconds."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, told apart from every other one of every boot."""

    host: str
    boot: str
    """Changes at every boot."""
    pids: str
    """The pid namespace; a pid says nothing in another one."""
    pid: int
    started: float
    """Seconds after boot: unlike a time of day, it does not move when the clock is set."""

    @classmethod
    def me(cls) -> Self:
        """This process."""
        process = psutil.Process()
        return cls(socket.gethostname(), boot_id(), _pids(), process.pid, _started(process))

    def is_gone(self) -> bool:
        """Whether the process is dead for certain; False for one of another host or container."""
        if self.host != socket.gethostname():
            return False
        if self.boot != boot_id():
            return True
        if self.pids != _pids():
            return False
        try:
            process = psutil.Process(self.pid)
            # A zombie has ended, and some containers have nobody to reap it.
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
            return abs(_started(process) - self.started) > SAME_START
        except psutil.NoSuchProcess:
            return not psutil.pid_exists(self.pid)  # /proc mounted with hidepid shows less than kill(2)
        except psutil.AccessDenied:
            return False


def whoami() -> str:
    """The person at the keyboard, as user@host: whose word it is."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a uid without a name, as in some containers
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _started(process: psutil.Process) -> float:
    return process.create_time() - psutil.boot_time()


def _pids() -> str:
    with contextlib.suppress(OSError):
        return str(Path("/proc/self/ns/pid").stat().st_ino)
    return ""
