"""One budget of attempts at once for all hunts of a host: whoever begins some takes places, and waits for them.

A place is a lock file, so it is free again however its holder ended. They are taken for the time of the attempts and
not of the hunt: two hunts then go on by turns, and neither waits for a night.
"""

from __future__ import annotations

import contextlib
import fcntl
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from bisectsyms.errors import InfraError

FOLDER = "turns"
WAIT = 0.2
"""Seconds between two looks."""


class Turns:
    """The places of this host, in a folder that all its hunts share."""

    def __init__(self, slots_dir: Path, places: int, sleep: Callable[[float], None] = time.sleep) -> None:
        self._folder = slots_dir / FOLDER
        self._places = max(1, places)
        self._sleep = sleep

    @contextlib.contextmanager
    def taken(self, wanted: int, go_on: Callable[[], bool] = lambda: True) -> Iterator[bool]:
        """Hold so many places, or all if there are fewer; False where `go_on` said no before they were free.

        All of them or none are held while waiting, so that two who want more than one do not block each other.

        Raises:
            InfraError: the folder cannot be written.
        """
        with contextlib.ExitStack() as held:
            while not (got := self._take(min(wanted, self._places), held)) and go_on():
                self._sleep(WAIT)
            yield got

    def _take(self, wanted: int, held: contextlib.ExitStack) -> bool:
        with contextlib.ExitStack() as attempt:
            found = 0
            for number in range(self._places):
                if found < wanted and _lock(attempt.enter_context(self._open(number))):
                    found += 1
            if found < wanted:
                return False
            held.push(attempt.pop_all())
            return True

    def _open(self, number: int) -> IO[str]:
        path = self._folder / f"{socket.gethostname()}-{number}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            return path.open("a")
        except OSError as error:
            raise InfraError(f"{path}: {error.strerror}", next_step="--slots-dir, or free space there") from error


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
