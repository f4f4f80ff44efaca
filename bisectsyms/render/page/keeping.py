"""A page that is rewritten while a hunt goes on: whole at every moment, seldom enough to cost nothing.

It is an onlooker. Whatever goes wrong with it is told once, and never ends or slows what it looks at.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from bisectsyms.core.report import Report
from bisectsyms.effects.newfile import replace_file
from bisectsyms.errors import BisectsymsError
from bisectsyms.render.page.page import page

EVERY = 60.0
"""Seconds between two writings, at least."""
SHARE = 0.02
"""Of the time that writing may take."""


class KeptPage:
    """Call it as often as you like; it writes when it is time."""

    def __init__(
        self,
        path: Path,
        report: Callable[[], Report],
        say: Callable[[str], None],
        *,
        every: float = EVERY,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._report, self._say, self._now = path, report, say, now
        self._every = every
        self._next = now()
        self._told = False

    def __call__(self) -> None:
        """Write it if it is time."""
        if self._now() >= self._next:
            self.write()

    def write(self) -> None:
        """Write it now."""
        begun = self._now()
        try:
            replace_file(self._path, page(self._report()).encode())
        except Exception as error:  # a night of attempts is worth more than its page, whatever is wrong with that
            if not self._told:
                self._told = True
                what = error if isinstance(error, BisectsymsError) else f"{type(error).__name__}: {error}"
                self._say(f"{self._path} is not written: {what}")
        ended = self._now()
        self._next = ended + max(self._every, (ended - begun) / SHARE)
