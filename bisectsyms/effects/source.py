"""What the make lines must know of a revision before anything of it is built, read from its own files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bisectsyms.core.eras import Era
from bisectsyms.core.release import LOCALVERSION_FILES, localversion
from bisectsyms.effects import link

RUST_CHECK = "rustavailable"
"""A target of the top Makefile since there is Rust in the kernel (6.1): says why it cannot be built here."""


@dataclass(frozen=True, slots=True)
class Source:
    """A revision as far as it decides how it is built."""

    era: Era | None
    localversion: str
    """LOCALVERSION=, such that kernel.release has one length at every revision."""
    has_rust_check: bool


def source_of(read: Callable[[str], str], eras: Sequence[Era]) -> Source:
    """Look at a revision; `read` gives the text of a file by its path, empty for a file that is not there."""
    makefile = read("Makefile")
    return Source(
        era=link.era_of(read, eras),
        localversion=localversion(makefile, map(read, LOCALVERSION_FILES)),
        has_rust_check=f"\n{RUST_CHECK}:" in makefile,
    )
