"""Fragments and full .configs of the user's, read from disk and checked line by line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bisectsyms.core.kconfig import LINE, without_paths
from bisectsyms.errors import UserError
from bisectsyms.inputs.smallfile import small_text

LARGEST = 4 << 20
"""Bytes; an allmodconfig is a quarter of a megabyte."""


@dataclass(frozen=True, slots=True)
class FullConfig:
    """A full .config as it is handed to every revision."""

    text: str
    emptied: tuple[str, ...]
    """Options that named files of the machine where it was made, CONFIG_X; they are empty now."""


def read_fragment(path: Path) -> list[str]:
    """The lines of a fragment.

    Raises:
        UserError: it cannot be read, or a line is none of a .config; with file and line.
    """
    return _lines(path, "fragments:")


def read_config(path: Path) -> FullConfig:
    """A full .config, without what would not hold across revisions and machines.

    LOCALVERSION_AUTO is turned off, because a version string that changes its length is another layout.

    Raises:
        UserError: it cannot be read, it sets nothing, or a line is none of a .config; with file and line.
    """
    lines, emptied = without_paths(line for line in _lines(path, "config:") if LINE.fullmatch(line))
    if not lines:
        raise UserError(f"{path} sets no option at all", next_step="mend `config:` in the profile")
    lines = [line for line in lines if line != "CONFIG_LOCALVERSION_AUTO=y"]
    return FullConfig("\n".join([*lines, "# CONFIG_LOCALVERSION_AUTO is not set"]) + "\n", emptied)


def _lines(path: Path, key: str) -> list[str]:
    text = small_text(path, LARGEST, what=".config", next_step=f"mend `{key}` in the profile")
    lines = [line.strip() for line in text.splitlines()]
    for number, line in enumerate(lines, 1):
        if line and not line.startswith("#") and not LINE.fullmatch(line):
            macro = line.startswith("CONFIG_") and any(sign in line for sign in "$`\\")
            why = "is not taken: make runs macros in values" if macro else "is no line of a .config"
            raise UserError(f"{path}:{number}:1: {line!r} {why}", next_step=f"edit {path}")
    return lines
