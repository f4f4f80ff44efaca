"""The first Ctrl-C or SIGTERM asks a hunt to stop after the attempts that run; the second one ends these, too."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

NUMBERS = (signal.SIGINT, signal.SIGTERM)


class Stopping:
    """Whether we were asked to."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self.asked = ""
        """By what; empty as long as we were not."""

    @contextlib.contextmanager
    def heard(self) -> Iterator[None]:
        """While this is open the first signal is only noted."""
        before = {number: signal.getsignal(number) for number in NUMBERS}

        def hear(number: int, frame: FrameType | None) -> None:
            name = signal.Signals(number).name
            if not self.asked:
                self.asked = "Ctrl-C" if number == signal.SIGINT else name
                self._say(f"{self.asked}: the running attempt is finished first; once more ends it at once")
                return
            old = before[signal.Signals(number)]
            if callable(old):
                old(number, frame)
            raise KeyboardInterrupt

        for number in NUMBERS:
            signal.signal(number, hear)
        try:
            yield
        finally:
            for number, old in before.items():
                signal.signal(number, old)
