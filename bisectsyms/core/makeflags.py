"""MAKEFLAGS as make hands them to a make below it: options, and after ` -- ` the variables of the command line.

GNU make manual, "Communicating Options to a Sub-make". These variables win over the environment, so a link that is
run once more by itself with another version string must have it there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

JOBS = re.compile(r"\s*(?:--jobserver-(?:auth|fds)=\S+|(?<!\S)-j\d*(?!\S)|--sync-mutex=\S+)")
"""A jobserver that has ended; without it a make below works alone."""
WORD = re.compile(r"(?:\\.|[^\s\\])+")


def rewritten(flags: str, variables: Mapping[str, str], without: Collection[str] = ()) -> str:
    """MAKEFLAGS= for a make on its own, with these variables on its command line too, and none of `without`."""
    options, separator, given = flags.partition("-- ")
    if not separator and "=" in flags.rpartition(" ")[2]:  # nothing but variables, as make 3.81 hands them down
        options, given = "", flags
    words = [word for word in WORD.findall(given) if word.partition("=")[0] not in {*variables, *without}]
    words += [f"{name}={_escaped(value)}" for name, value in variables.items()]
    return f"{JOBS.sub('', options).rstrip()} -- {' '.join(words)}"


def _escaped(value: str) -> str:
    return re.sub(r"([\s\\])", r"\\\1", value.replace("$", "$$"))
