"""The link script once more by itself: with the environment and the arguments that make gave it, and another draw.

Caught from a real `make vmlinux` of the same objtree at the same revision, and kept in the objtree. There has been a
script since 3.5; before, the link is a recipe of the top Makefile and nothing can be replayed.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from bisectsyms.core.makeflags import rewritten
from bisectsyms.effects.toolpath import Caller

CAUGHT = ".bisectsyms-link"
"""In the objtree."""
UTS_LENGTH = 63
"""Of the 64 bytes of a field of struct new_utsname the last one is its end."""
THERE = 'cd "$1" && shift && exec "$@"'


@dataclass(frozen=True, slots=True)
class Replay:
    """One link that can be run again."""

    tree: str
    """Of the revision it is a link of, as the ledger has it."""
    argv: tuple[str, ...]
    """Empty where there is no script to run."""
    cwd: str
    env: Mapping[str, str]

    @classmethod
    def load(cls, obj: Path, tree: str) -> Replay | None:
        """What was caught in an objtree; None if that was at another revision, or nothing was."""
        try:
            found = json.loads((obj / CAUGHT).read_text())
            replay = cls(found["tree"], tuple(found["argv"]), found["cwd"], found["env"])
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return replay if replay.tree == tree else None

    @classmethod
    def save(cls, obj: Path, tree: str, caller: Caller | None) -> None:
        """Keep what was caught, or that nothing was."""
        caller = caller or Caller((), "", {})
        caught = cls(tree, tuple(caller.argv), caller.cwd, dict(caller.env))
        (obj / CAUGHT).write_text(json.dumps(asdict(caught)))

    def words(self) -> tuple[str, ...]:
        """The command."""
        return ("sh", "-c", THERE, "sh", self.cwd, *self.argv)

    def environment(
        self, variables: Mapping[str, str], env: Mapping[str, str], without: Collection[str] = ()
    ) -> dict[str, str]:
        """That of the link, with these make variables instead, and `env` over all of it.

        What is called as in `without` is of the draw that was caught, and not taken over.
        """
        flags = rewritten(self.env.get("MAKEFLAGS", ""), variables, without)
        caught = {name: value for name, value in self.env.items() if name not in without}
        return {**caught, **variables, "MAKEFLAGS": flags, **env}


def forget(obj: Path) -> None:
    """The objtree is left for another revision."""
    (obj / CAUGHT).unlink(missing_ok=True)


def shows(image: Path, build_version: str) -> bool:
    """Whether the banner of an image says that it is this build; true for an image that is not there.

    The part of a version that does not fit into UTS_VERSION is cut off (init/Makefile).
    """
    needle = f"#{build_version} "[:UTS_LENGTH].encode()
    try:
        with image.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(needle) >= 0
    except (OSError, ValueError):
        return True
