"""ccache, on where it is installed: with a folder of its own for each repository, common to all slots.

It makes arrivals cheap. What it compiles beside other compilers is another race, so no link and no clean build uses it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bisectsyms.effects.needs import run_quietly

FOLDER = "ccache"


@dataclass(frozen=True, slots=True)
class Ccache:
    """The program and its folder; empty where there is none or none is wanted."""

    program: str = ""
    folder: Path | None = None

    @classmethod
    def of(
        cls, slots: Path, env: Mapping[str, str], *, wanted: bool = True, say: Callable[[str], None] = lambda text: None
    ) -> Ccache:
        """That of the repository with these slots; who sets CCACHE_DIR or CCACHE_DISABLE has the last word.

        One that does not work is left out, which `say` hears: with it nothing would compile.
        """
        program = shutil.which("ccache", path=env.get("PATH"))
        if not wanted or not program or env.get("CCACHE_DISABLE"):
            return cls()
        folder = Path(env.get("CCACHE_DIR") or slots / FOLDER)
        if why := _broken(program, folder):
            say(f"ccache is left out, so arrivals compile everything: {why}")
            return cls()
        return cls(program, folder)

    @property
    def environment(self) -> dict[str, str]:
        """What it needs of the environment of a build.

        kbuild has the compiler name what it read (-MMD). With that ccache does without a preprocessor of its own: of
        46 objects of a real kernel that it did not know, a build took 1.06 times the CPU time of plain make, not 1.19.
        """
        return {"CCACHE_DIR": str(self.folder), "CCACHE_DEPEND": "1"} if self.folder else {"CCACHE_DISABLE": "1"}


def _broken(program: str, folder: Path) -> str:
    """Why it cannot work; empty where it can. ccache makes new folders there, so we do."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryDirectory(dir=folder, prefix=".bisectsyms-").cleanup()
    except OSError as error:
        return f"{folder}: {error.strerror}"
    status, said = run_quietly((program, "--version"))
    if not status:
        return ""
    last = said.strip().rpartition("\n")[2] or "it says nothing"
    return f"{program} --version ends with {status}: {last}"
