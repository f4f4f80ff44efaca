"""What a git that failed has run into, from its own words: the next step, and whether its status was an answer at all.

A git that is killed or finds no memory has not said that there is no such commit or no common ancestor.
"""

from __future__ import annotations

import re

from bisectsyms.core.trouble import AGAIN

MACHINE = re.compile(
    "No space left on device|Disk quota exceeded|Read-only file system|Input/output error|Stale file handle"
    "|Cannot allocate memory|[Oo]ut of memory|Resource temporarily unavailable|Too many open files|cannot fork"
    "|unable to create thread|error while loading shared libraries|File exists|promisor remote"
)
"""The machine's trouble, a lock of another git, a remote that cannot be reached: nothing about the repository."""
LOCK = re.compile(r"Unable to create '([^']+\.lock)': File exists")
KILLED = 128
"""git ends with 128 where it dies by itself; a shell reports a signal above that."""


def spoilt(status: object, said: str) -> bool:
    """Whether git did not get as far as to answer."""
    number = status if isinstance(status, int) else 1
    return number < 0 or number > KILLED + 1 or MACHINE.search(said) is not None


def next_step(said: str) -> str:
    """What to do about it."""
    if lock := LOCK.search(said):
        return f"wait for the other git; if there is none (fuser {lock[1]}), rm {lock[1]}; {AGAIN}"
    if "promisor remote" in said:
        return "git fetch, to see that the remote of this partial clone can be reached"
    if re.search("No space left|quota", said):
        return f"free space there, {AGAIN}"
    if re.search("Permission denied|Read-only", said):
        return f"make it writable, {AGAIN}"
    return f"mend what git says (git fsck, bisectsyms doctor), {AGAIN}"
