"""Results of the verbs that look again: words of people, logs, imports, a new profile."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Sequence
from typing import BinaryIO

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from bisectsyms.core.report import cell_words
from bisectsyms.core.words import count, plain
from bisectsyms.effects.ledger.merge import Merged
from bisectsyms.model import Word
from bisectsyms.render.console import console as make_console
from bisectsyms.render.progress import attempt_line
from bisectsyms.usecases.exclude import Excluded
from bisectsyms.usecases.init import Written
from bisectsyms.usecases.tell import Telling
from bisectsyms.usecases.variations import Varied

PIECE = 1 << 20
"""Bytes of a log that are held at once."""
REVISED = "verdicts that git was told already are looked at again by the next step (bisectsyms status)"


def _say(*lines: str) -> None:
    console = make_console()
    for line in lines:
        console.print(plain(line), soft_wrap=True, markup=False)


def show_log(log: BinaryIO) -> None:
    """Byte by byte, unless it is a person who reads: then through a pager, and nothing in it moves the terminal.

    A piece at a time: a log may have gigabytes.
    """
    if sys.stdout.isatty():
        pieces = iter(lambda: log.readline(PIECE), b"")
        click.echo_via_pager(plain(piece.decode(errors="backslashreplace")) for piece in pieces)
    else:
        shutil.copyfileobj(log, sys.stdout.buffer, PIECE)


def show_excluded(excluded: Excluded) -> None:
    """The line of the attempt, and whether it counts."""
    what = "counts again" if excluded.counts else f"is out of the evidence: {excluded.exclusion.why}"
    _say(attempt_line(excluded.attempt), f"attempt {excluded.attempt.number} {what}", REVISED)


def show_variations(found: Sequence[Varied]) -> None:
    """A row each; what this machine lacks comes in place of what is drawn."""
    table = Table(box=SIMPLE_HEAD)
    for column in ("--vary", "draws", "why"):
        table.add_column(column, overflow="fold", no_wrap=column == "--vary")
    for one in found:
        notes = [word for word, holds in _notes(one) if holds]
        why = f"{one.why} ({', '.join(notes)})" if notes else one.why
        table.add_row(Text(one.name), Text(f"not here: {one.lacks}" if one.lacks else one.draws), Text(why))
    make_console().print(table)


def _notes(one: Varied) -> tuple[tuple[str, bool], ...]:
    return (
        ("moves the layout beyond the string", one.moves_the_layout),
        ("recompiles, one value at a time", one.recompiles),
        ("cannot be combined", one.alone),
    )


def show_telling(telling: Telling) -> None:
    """What is told of the revision now, by whom, and in which cell."""
    told, cell = telling.told, " ".join(filter(None, cell_words(telling.cell)[:3]))
    if told.word is Word.NOTHING:
        _say(f"{told.revision} ({told.revision.title}): nothing is told any more, attempts decide ({cell})", REVISED)
    else:
        _say(f"{told.revision} ({told.revision.title}): {told.word}, by the word of {told.who} ({cell})", REVISED)


def show_merged(merged: Merged) -> None:
    """How much an import has brought."""
    answers = f", {count(merged.answers, 'search answer')}" if merged.answers else ""
    _say(
        f"from {merged.host}: {count(merged.attempts, 'new attempt')}, {count(merged.words, 'new word')} of people"
        f"{answers}; {count(merged.known, 'attempt')} known already",
        REVISED if merged.attempts or merged.words else "no verdict changes" if answers else "nothing has changed",
    )


def show_written(written: Written) -> None:
    """What a new profile was made of, and the lines that use it."""
    path = shlex.quote(str(written.path) if "/" in str(written.path) else f"./{written.path}")
    found = f"toolchains found: {', '.join(written.toolchains) or 'none'}"
    _say(
        f"{path}: {written.arch}, {written.defconfig} (of {written.defconfigs}), {written.toolchain}; {found}",
        f"check it:  bisectsyms doctor --profile {path}",
        f"use it:    git bisect run bisectsyms --profile {path}",
    )
