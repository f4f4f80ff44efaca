"""Tells somebody who is not at the terminal: a command of the user's, with the news on its stdin."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from subprocess import PIPE, STDOUT, TimeoutExpired
from typing import Any

from plumbum import CommandNotFound, local

from bisectsyms.core.words import visible
from bisectsyms.effects.runner import end_group
from bisectsyms.errors import UserError

PATIENCE = 60.0
"""Seconds; a notice must not hold up the night."""
GRACE = 2.0


def words_of(command: str) -> tuple[str, ...]:
    """The argument list that is meant: quoting as in a shell, but no shell runs it.

    Raises:
        UserError: a quote is not closed, there is no word, or no such program.
    """
    try:
        words = tuple(shlex.split(command))
        if not words:
            raise ValueError("no command")
        local.which(words[0])
    except (ValueError, CommandNotFound) as error:
        raise UserError(f"--notify {command!r}: {error}", next_step="--notify 'mail -s news me@example.org'") from error
    return words


def notify(
    words: tuple[str, ...], news: Mapping[str, str], text: str, say: Callable[[str], None], patience: float = PATIENCE
) -> None:
    """Run it once with `text` on stdin and `news` as BISECTSYMS_* variables. That it fails is said, and no error."""
    env = {f"BISECTSYMS_{name.upper()}": visible(value) for name, value in news.items()}
    try:
        with local.env(**env):
            process: Any = local[words[0]].popen(words[1:], stdin=PIPE, stdout=PIPE, stderr=STDOUT, new_session=True)
    except (CommandNotFound, OSError) as error:
        say(f"--notify: {error}")
        return
    try:
        out, _ = process.communicate(visible(text).encode(), timeout=patience)
    except TimeoutExpired:
        end_group(process.pid, GRACE)
        process.returncode = -1
        say(f"--notify: {words[0]} took longer than {patience:.0f} s and was ended")
        return
    if process.returncode:
        shown = os.fsdecode(out).strip().splitlines()[-1:] or [""]
        say(f"--notify: {words[0]} ended with {process.returncode} {shown[0]}".rstrip())
