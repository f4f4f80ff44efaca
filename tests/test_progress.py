"""What people see while attempts run: one line for each that runs, on a terminal only."""

from __future__ import annotations

import io
from contextlib import ExitStack

from rich.console import Console

from bisectsyms.render.progress import Reporter
from tests.ledgers import plan


class Terminal(io.StringIO):
    """What looks like one."""

    def isatty(self) -> bool:
        return True


def test_several_attempts_are_shown_while_they_run() -> None:
    terminal = Terminal()
    reporter = Reporter(terminal, live=True)
    with ExitStack() as first, ExitStack() as second:
        first.enter_context(reporter.running(1, plan(1), "arrival"))
        second.enter_context(reporter.running(2, plan(2), "it tells most"))
        both = reporter._screen().running  # how often the screen is drawn is the clock's to say
        first.close()
        one = reporter._screen().running
    assert [line[:9] for line in both] == ["attempt 1", "attempt 2"]
    assert [line[:9] for line in one] == ["attempt 2"]
    assert "attempt 2" in terminal.getvalue()
    assert reporter._status is None, "the screen is given back"


def test_many_that_run_at_once_do_not_fill_the_screen() -> None:
    reporter = Reporter(Terminal(), live=True)
    out = io.StringIO()
    with ExitStack() as slots:
        for number in range(1, 9):
            slots.enter_context(reporter.running(number, plan(number), "why " * 60))
        Console(file=out, width=80, height=24).print(reporter._screen())
    lines = out.getvalue().splitlines()
    assert [line[:9] for line in lines] == ["attempt 1", "attempt 2", "attempt 3", "attempt 4", "and 4 mor"]
    assert max(map(len, lines)) <= 80


def test_nothing_moves_where_there_is_no_terminal() -> None:
    out = io.StringIO()
    reporter = Reporter(out, live=True)
    with reporter.running(1, plan(1), "arrival"):
        reporter.say("hello")
    assert out.getvalue() == "bisectsyms: hello\n"
