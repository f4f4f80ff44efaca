"""The link script once more by itself: with the environment and the arguments that make gave it, and another draw.

Caught from a real `make vmlinux` of the same objtree at the same revision, and kept in the objtree. There has been a
script since 3.5; before, the link is a recipe of the top Makefile and nothing can be replayed.
"""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from bisectsyms.core.makeflags import rewritten
from bisectsyms.effects.beneath import open_beneath, read_beneath, write_beneath
from bisectsyms.effects.toolpath import Caller

CAUGHT = ".bisectsyms-link"
"""In the objtree."""
UTS_LENGTH = 63
"""Of the 64 bytes of a field of struct new_utsname the last one is its end."""
THERE = 'cd "$1" && shift && exec "$@"'
VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
"""make exports no other names (GNU make manual, "Communicating Variables to a Sub-make")."""


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
            found = json.loads(read_beneath(obj, CAUGHT))
            replay = cls(found["tree"], tuple(found["argv"]), found["cwd"], dict(found["env"]))
        except (OSError, ValueError, TypeError, KeyError):
            return None
        said = (replay.tree, *replay.argv, replay.cwd, *replay.env, *replay.env.values())
        if not all(isinstance(word, str) and "\0" not in word for word in said):  # the build can write there, too
            return None
        return replay if replay.tree == tree else None

    @classmethod
    def save(cls, obj: Path, tree: str, caller: Caller | None) -> None:
        """Keep what was caught, or that nothing was."""
        caller = caller or Caller((), "", {})
        caught = cls(tree, tuple(caller.argv), caller.cwd, dict(caller.env))
        write_beneath(obj, CAUGHT, json.dumps(asdict(caught)).encode())

    def words(
        self, variables: Mapping[str, str], env: Mapping[str, str], without: Collection[str] = ()
    ) -> tuple[str, ...]:
        """The command, in the environment of the link with these make variables instead, and `env` over all of it.

        What is called as in `without` is of the draw that was caught, and not taken over. The environment is part of
        the command: what a build has left there is nothing for whoever starts the sandbox around it (LD_PRELOAD).
        """
        flags = rewritten(self.env.get("MAKEFLAGS", ""), variables, without)
        caught = {name: value for name, value in self.env.items() if name not in without and VARIABLE.fullmatch(name)}
        there = {**caught, **variables, "MAKEFLAGS": flags, **env}
        return (
            "env",
            *(f"{name}={value}" for name, value in there.items()),
            "sh",
            "-c",
            THERE,
            "sh",
            self.cwd,
            *self.argv,
        )


def forget(obj: Path) -> None:
    """Remove what was caught: the objtree is left for another revision."""
    (obj / CAUGHT).unlink(missing_ok=True)


def shows(image: Path, build_version: str) -> bool:
    """Whether the banner of an image says that it is this build; true for an image that is not there.

    The part of a version that does not fit into UTS_VERSION is cut off (init/Makefile).
    """
    needle = f"#{build_version} "[:UTS_LENGTH].encode()
    try:
        with (
            open_beneath(image.parent, image.name) as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            return content.find(needle) >= 0
    except (OSError, ValueError):
        return True
