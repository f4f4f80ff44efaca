"""What people see while attempts run: a line when one ends, and on a terminal what runs now.

Everything here goes to stderr; stdout is for results. Under git bisect run there is no live display,
because git's own lines would be torn apart by it.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from bisectsyms.core.words import duration, plain, visible
from bisectsyms.effects.evidence.files import make_folder
from bisectsyms.errors import InfraError
from bisectsyms.model import Attempt, Kind, Outcome, Plan

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.status import Status

STYLE = {Outcome.CLEAN: "green", Outcome.INCONSISTENT: "bold red", Outcome.FAILED: "bold red", Outcome.BROKEN: "yellow"}
MOST_RUNNING = 4
"""Attempts of which each has its line."""
LOGGER = logging.getLogger("bisectsyms")


def log_to(state_dir: Path) -> None:
    """Also write the trace to a log beside the ledger: 4 MiB, and three older ones of that size.

    Raises:
        InfraError: the folder cannot be made.
    """
    from logging.handlers import RotatingFileHandler

    try:
        make_folder(state_dir)
        handler = RotatingFileHandler(state_dir / "log", maxBytes=4 * 1024**2, backupCount=3, delay=True)
    except OSError as error:
        raise InfraError(f"{state_dir}: {error.strerror}", next_step="make the folder writable") from error
    handler.setFormatter(_Inert("%(asctime)s %(process)d %(message)s"))
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    logging.raiseExceptions = False  # a full disk must not print tracebacks over the results


class _Inert(logging.Formatter):
    """Who looks at the log with cat is not to be fooled either."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))


class Reporter:
    """Tells a person what happens; also writes it to the log in the state directory."""

    def __init__(self, out: TextIO | None = None, *, live: bool = False) -> None:
        from bisectsyms.render.console import console

        self._console = console(out or sys.stderr, soft_wrap=True)
        self._live = live and self._console.is_terminal
        self._running: dict[int, str] = {}
        self._above: RenderableType | None = None
        self._status: Status | None = None

    def say(self, text: str) -> None:
        """One line of trace."""
        LOGGER.info("%s", text)
        self._console.print(plain(f"bisectsyms: {text}"), markup=False)

    @contextlib.contextmanager
    def running(self, number: int, plan: Plan, why: str) -> Iterator[None]:
        """Around an attempt: what it is and what it is for. Several may run at once."""
        LOGGER.info("attempt %d begins (%s): %s", number, why, plan.command)
        self._running[number] = plain(f"attempt {number}  {plan.revision}  {plan.kind} ({why})")
        try:
            self._show()
            yield
        finally:
            del self._running[number]
            self._show()

    def show_above(self, what: RenderableType | None) -> None:
        """Keep this on the screen above what runs, until it is None; only at a terminal."""
        self._above = what
        self._show()

    @property
    def height(self) -> int:
        """Lines of the terminal; 0 where nothing is kept on a screen."""
        return self._console.height if self._live else 0

    def _show(self) -> None:
        """What runs now, a line for each; nothing is left on the screen where nothing runs."""
        if not self._live:
            return
        shown = bool(self._running) or self._above is not None
        if self._status is not None and not shown:
            self._status.stop()
            self._status = None
        elif self._status is not None:
            self._status.update(self._screen())
        elif shown:
            self._status = self._console.status(self._screen())
            self._status.start()

    def _screen(self) -> _Screen:
        return _Screen(self._above, tuple(self._running.values()))

    def ended(self, attempt: Attempt) -> None:
        """The line of an attempt that has ended."""
        text, outcome = attempt_line(attempt), attempt.result and attempt.result.outcome
        LOGGER.info("%s", text)
        style = STYLE.get(outcome) if outcome else None
        self._console.print(plain(text), style=style, markup=False)


@dataclass(frozen=True, slots=True)
class _Screen:
    """What is kept on the screen; it measures itself when it is drawn, so that it also fits after a resize."""

    above: RenderableType | None
    running: tuple[str, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        more = len(self.running) - MOST_RUNNING
        lines = [*self.running[:MOST_RUNNING], *([f"and {more} more"] if more > 0 else [])]
        if self.above is not None:
            # The last line is the cursor's: a live display that is as high as the terminal scrolls.
            yield from console.render(self.above, options.update(height=max(1, console.height - len(lines) - 1)))
        yield Text("\n".join(lines), no_wrap=True, overflow="ellipsis")


def attempt_line(attempt: Attempt) -> str:
    """`attempt 3  v6.1-rc2  arm/gcc-12.2.0  -j8  relink  length=4  INCONSISTENT  (2.8 s)`."""
    plan, result = attempt.plan, attempt.result
    words = [f"attempt {attempt.number}", str(plan.revision), str(plan.cell)]
    words += [str(plan.kind)] if plan.kind is Kind.TEST else [f"-j{plan.cell.jobs}", str(plan.kind), str(plan.draw)]
    if result is None:
        return "  ".join([*words, "running"])
    words += [str(result.outcome), f"({duration(result.measured.seconds)})"]
    if not result.outcome.is_evidence:
        words.append(result.why)
    return "  ".join(words)
