"""Keys and seeds that a build makes up, kept per repository: else every new objtree would be another kernel.

The first build from scratch that makes one gives it; later objtrees begin with a copy. kbuild makes it again only if
the command that makes it has changed, which it tells from the .cmd file beside it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bisectsyms.effects.beneath import read_beneath, regular, write_beneath
from bisectsyms.effects.evidence.files import make_folder, sync_folder

MOST = 1 << 20
GENERATED = (
    "certs/x509.genkey",
    "certs/signing_key.pem",
    "scripts/basic/randstruct.seed",
    "include/generated/randstruct_hash.h",
    "scripts/gcc-plugins/randomize_layout_seed.h",
    "include/generated/randomize_layout_hash.h",
)
"""certs/Makefile; scripts/basic/Makefile since 5.19; scripts/gcc-plugins/Makefile from 4.13 on."""


@dataclass(frozen=True, slots=True)
class Seeds:
    """The folder in which they are kept; only its owner can read it."""

    folder: Path

    def give(self, obj: Path) -> bool:
        """Put copies into an objtree that has none, newer than their sources; False if none is kept."""
        names = list(self._names(self.folder))
        for name in names:
            if not regular(obj, name):
                write_beneath(obj, name, (self.folder / name).read_bytes())
        return bool(names)

    def take(self, obj: Path) -> bool:
        """Keep what a build from scratch has made; False if another one had made its own meanwhile.

        An objtree that does not have what is kept is another kernel than those to come.
        """
        same = True
        make_folder(self.folder)
        for name in self._names(obj):
            kept = self.folder / name
            made = read_beneath(obj, name, MOST)
            if not kept.exists():
                _write_new(kept, made)
            elif not name.endswith(".cmd"):
                same = same and kept.read_bytes() == made
        return same

    @staticmethod
    def _names(folder: Path) -> Iterator[str]:
        for name in GENERATED:
            path = Path(name)
            if regular(folder, name):
                yield name
                command = path.with_name(f".{path.name}.cmd")
                if regular(folder, str(command)):
                    yield str(command)


def _write_new(path: Path, content: bytes) -> None:
    """Write a file that nobody else can read; whoever was first is right."""
    make_folder(path.parent)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    with contextlib.suppress(FileExistsError):
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # an empty seed after a power loss would be given to every objtree to come
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
        temporary.unlink()
        sync_folder(path.parent)
