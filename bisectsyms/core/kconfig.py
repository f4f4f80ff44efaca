"""Lines of a .config: which may be handed to a tree, and what became there of what was asked for.

A .config is code: make reads it, and `CONFIG_INITRAMFS_SOURCE="$(shell touch X)"` ran under make on 6.1. So only
lines whose values make takes literally are let through.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

LINE = re.compile(r"CONFIG_(\w+)=([ymn]|-?\d+|0x[0-9a-fA-F]+|\"[^\"$`\\\n]*\")|# CONFIG_(\w+) is not set")
"""$ and backtick begin macros, a quote or a backslash could end the string early."""
PATHS = re.compile(r"INITRAMFS_SOURCE|EXTRA_FIRMWARE(?:_DIR)?|\w+_KEYS?|\w+_PATH")
"""String options that name files of the machine on which a .config was made."""
OWN_KEY = '"certs/signing_key.pem"'
"""The default of MODULE_SIG_KEY: not somebody's file, but one that the build makes (certs/Makefile)."""
PROGRAMS = re.compile(r"SHELL|CROSS_COMPILE|MAKE|CC|LD|NM|AR|AS|CPP|\w*CFLAGS\w*")
"""Options that name programs or flags, or would, if make read them as its own variables."""
_SHELL = frozenset(";|&<>*?~!{}[]'")
"""What a shell obeys in a value that a recipe does not quote."""
DERIVED = re.compile(r"(?:HAVE|ARCH|CC|GCC|CLANG|AS|LD|LLD|RUSTC|PAHOLE|TOOLS|GENERIC)_\w+")
"""Options that say what an arch or a compiler can do; nobody asks for them, and they come and go."""


def options(lines: Iterable[str]) -> dict[str, str]:
    """Name without CONFIG_ to value as written, `n` for one that is not set; the last line of a name counts."""
    found = {}
    for line in lines:
        if match := LINE.fullmatch(line):
            found[match[1] or match[3]] = match[2] or "n"
    return found


def vanished(asked: Mapping[str, str], got: Mapping[str, str]) -> tuple[str, ...]:
    """The options, as CONFIG_X, that did not come out as asked for, in the order they were asked for.

    An option that is built in where a module was asked for is there all the same.
    """
    return tuple(f"CONFIG_{name}" for name, value in asked.items() if not _is_there(value, got.get(name, "n")))


def _is_there(asked: str, got: str) -> bool:
    return got == asked or (asked, got) == ("m", "y") or (asked in ('""', "0", "0x0") and got == "n")


def without_paths(lines: Iterable[str]) -> tuple[list[str], tuple[str, ...]]:
    """The lines with every option that names files emptied, and the names of those that were not empty."""
    kept, emptied = [], []
    for line in lines:
        name, _, value = line.removeprefix("CONFIG_").partition("=")
        if value.startswith('"') and value not in ('""', OWN_KEY) and PATHS.fullmatch(name):
            emptied.append(f"CONFIG_{name}")
            line = f'CONFIG_{name}=""'
        kept.append(line)
    return kept, tuple(emptied)


@dataclass(frozen=True, slots=True)
class Foreign:
    """A .config of a stranger's, as far as it may be handed to a tree."""

    lines: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]
    """(line, why) of what was taken out or emptied."""


def foreign(lines: Iterable[str]) -> Foreign:
    """The lines of a stranger's .config of which no value reaches a shell, make's macros or a file.

    Values that pass `LINE` are literal to make, but recipes hand some to a shell: MODULE_SIG_HASH in certs/Makefile,
    INITRAMFS_SOURCE in usr/Makefile. CROSS_COMPILE named programs in init/Kconfig; SHELL would be CONFIG_SHELL.
    """
    kept: list[str] = []
    refused: list[tuple[str, str]] = []
    for raw in lines:
        line = raw.strip()
        if not line or (line.startswith("#") and not line.startswith("# CONFIG_")):
            continue
        match = LINE.fullmatch(line)
        if match is None or not line.isascii() or not line.isprintable():
            if line.startswith("CONFIG_"):
                refused.append((line, "make or a shell could run its value"))
        elif match[1] and PROGRAMS.fullmatch(match[1]):
            refused.append((line, "it names a program"))
        elif match[1] and set(match[2]) & _SHELL:
            refused.append((line, "a shell could run its value"))
        else:
            kept.append(line)
    emptied_lines, emptied = without_paths(kept)
    refused += [(name, "it names files of another machine and is empty now") for name in emptied]
    return Foreign(tuple(emptied_lines), tuple(refused))
