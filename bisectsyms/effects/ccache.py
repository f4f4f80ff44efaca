"""ccache, on where it is installed: with a folder of its own for each repository, common to all slots.

It makes arrivals cheap. What it compiles beside other compilers is another race, so no link and no clean build uses it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = "ccache"


@dataclass(frozen=True, slots=True)
class Ccache:
    """The program and its folder; empty where there is none or none is wanted."""

    program: str = ""
    folder: Path | None = None

    @classmethod
    def of(cls, slots: Path, env: Mapping[str, str], *, wanted: bool = True) -> Ccache:
        """That of the repository with these slots; who sets CCACHE_DIR or CCACHE_DISABLE has the last word."""
        program = shutil.which("ccache", path=env.get("PATH"))
        if not wanted or not program or env.get("CCACHE_DISABLE"):
            return cls()
        folder = Path(env.get("CCACHE_DIR") or slots / FOLDER)
        folder.mkdir(parents=True, exist_ok=True)
        return cls(program, folder)

    @property
    def environment(self) -> dict[str, str]:
        """What it needs of the environment of a build.

        kbuild has the compiler name what it read (-MMD). With that ccache does without a preprocessor of its own: of
        46 objects of a real kernel that it did not know, a build took 1.06 times the CPU time of plain make, not 1.19.
        """
        return {"CCACHE_DIR": str(self.folder), "CCACHE_DEPEND": "1"} if self.folder else {"CCACHE_DISABLE": "1"}
