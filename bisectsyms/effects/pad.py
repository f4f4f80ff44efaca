"""An object of so many bytes in each section, to be joined to the link: it moves what the version string cannot.

It is assembled by the cell's own compiler, told the same machine as init/main.o was: an object for another float ABI
or byte order would not link. Joining it is done by the ld of the build (effects/toolpath.py), which is told its path.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from bisectsyms.effects.beneath import text_beneath, write_beneath

OBJECT = "init/main.o"
"""Every kernel has it, and it is compiled for the machine that runs the kernel."""
SOURCE = """\
\t.text
\t.space {bytes}
\t.section .rodata, "a"
\t.space {bytes}
\t.data
\t.space {bytes}
\t.bss
\t.space {bytes}
"""
MACHINE = ("-m", "-Wa,-m", "--target=", "-EB", "-EL")
"""How options begin that say for which machine to assemble."""
WITH_A_WORD = frozenset(("-mllvm",))
"""These take the next word, which says how to optimise."""


@dataclass(frozen=True, slots=True)
class Pad:
    """The folder of such objects in a slot."""

    folder: Path
    seen: Path
    """The same folder as the build sees it."""

    def object(self, size: int) -> Path:
        """The object of this size, as the build sees it."""
        return self.seen / f"{size}.o"

    def write(self, size: int) -> None:
        """Write its source."""
        self.folder.mkdir(exist_ok=True)
        write_beneath(self.folder, f"{size}.S", SOURCE.format(bytes=size).encode())

    def assembling(self, size: int, compiler: str, obj: Path) -> tuple[str, ...]:
        """The command that makes the object, for the kernel that was built in `obj`."""
        source = str(self.seen / f"{size}.S")
        return (compiler, *machine_flags(_command_of(obj)), "-c", "-o", str(self.object(size)), source)


def machine_flags(command: str) -> tuple[str, ...]:
    """Those options of a compiler's command that an object has to share with the others of its link."""
    try:
        words = shlex.split(command)
    except ValueError:  # kbuild escapes for make, not for a shell; what it is about cannot be told then
        words = command.split()
    return tuple(word for word in words if word.startswith(MACHINE) and word not in WITH_A_WORD)


def _command_of(obj: Path) -> str:
    """The command that compiled init/main.o, from the file that kbuild keeps it in; empty where there is none."""
    folder, _, name = OBJECT.rpartition("/")
    first = text_beneath(obj, f"{folder}/.{name}.cmd").partition("\n")[0]
    return first.partition(":=")[2]
