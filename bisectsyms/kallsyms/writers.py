"""Which targets of a build wrote a file, as its log shows: who is to blame for an input that did not hold still."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

SHORT = re.compile(r"  ([A-Z][A-Z0-9_]*(?: \[\w\])?) +(\S+)")
"""How kbuild shows a command by default: `  CC      init/main.o` (quiet_cmd_* in scripts/Makefile.build)."""
MOST = 6
"""Commands that are told."""
LONGEST = 160
"""Characters of a command in full."""


def writers(lines: Iterable[str], paths: Sequence[str]) -> tuple[str, ...]:
    """Commands that make one of `paths` (in the objtree), each once: `FPRINT init/version-timestamp.o`.

    Of a log in full (V=1) the command itself, if it names one of the paths behind -o, > or mv.
    """
    if not paths:
        return ()
    wanted = frozenset(paths)
    full = re.compile(
        r"(?:-o +|> *|\bmv +(?:-\w+ +)?\S+ +)(?:\./)?(?:"
        + "|".join(re.escape(path) for path in sorted(wanted))
        + r")(?=[\s;]|$)"
    )
    found = dict[str, None]()
    for line in lines:
        if short := SHORT.match(line):
            if short[2].removeprefix("./") in wanted:
                found[f"{short[1]} {short[2]}"] = None
        elif full.search(line):
            text = " ".join(line.split())
            found[text if len(text) <= LONGEST else f"{text[:LONGEST]}…"] = None
        if len(found) >= MOST:
            break
    return tuple(found)
