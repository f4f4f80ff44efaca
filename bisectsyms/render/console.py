"""The one way to a terminal: whatever is printed, nothing in it is obeyed by the terminal or hidden from who reads.

Text of strangers comes by many ways (titles, logs, symbols, hosts of imported ledgers, words of compilers), and a gate
at each would be forgotten at the next. So it stands at the end: what goes to the screen is the text, and the colours
and cursor movements that rich itself made.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, TextIO

import click
from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType, RenderHook, RenderResult
from rich.segment import Segment

from bisectsyms.core.words import visible


def console(out: TextIO | None = None, **settings: Any) -> Console:
    """A console for `out`, by default stdout; neither markup nor emoji are read from what is printed."""
    made = Console(file=out or sys.stdout, highlight=False, markup=False, emoji=False, **settings)
    made.push_render_hook(_Gate())
    return made


def echo(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Text that is not to be wrapped or coloured; what programs read goes by click.echo itself."""
    click.echo(visible(text), err=err, nl=nl)


class _Gate(RenderHook):
    def process_renderables(self, renderables: Sequence[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Inert(one) for one in renderables]


class _Inert:
    """A renderable of which only the text is foreign."""

    def __init__(self, inner: RenderableType) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for one in console.render(self._inner, options):
            yield one if one.control else Segment(visible(one.text), one.style)
