"""LOCALVERSION such that kernel.release has one length at every revision.

The release stands in the version string, and with its length the layout moves: from 6.1.9 to 6.1.10, from -rc8 to the
release. So what we append is padded to a width that every known form of a version leaves room for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

OURS = "-bisectsyms"
WIDTH = 40
"""Characters. `6.12.0-rc7-next-20241123` and ours are 35; utsname has room for 64 (scripts/setlocalversion)."""
LOCALVERSION_FILES = ("localversion", "localversion-next", "localversion-rt")
"""Files at the top of a tree whose text is appended, too (scripts/setlocalversion)."""
PART = re.compile(r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) *=[ \t]*([^\n#]*?)[ \t]*$", re.MULTILINE)


def localversion(makefile: str, appended: Iterable[str]) -> str:
    """LOCALVERSION= for the revision with this top Makefile and these texts of localversion files.

    Without a version in the Makefile it is not padded.
    """
    version = _kernelversion(makefile)
    if not version:
        return OURS
    length = len(version) + sum(len("".join(text.split())) for text in appended) + len(OURS)
    return OURS + "_" * max(0, WIDTH - length)


def _kernelversion(makefile: str) -> str:
    """KERNELVERSION as the top Makefile puts it together."""
    found: dict[str, str] = dict(PART.findall(makefile))
    numbers = [found.get(name, "") for name in ("VERSION", "PATCHLEVEL", "SUBLEVEL")]
    return ".".join(number for number in numbers if number) + found.get("EXTRAVERSION", "")
