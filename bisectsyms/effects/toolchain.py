"""Who the compiler and its binutils are: a rate belongs to one toolchain, its exact build included.

The identity is read once by running the tools and then guarded by a stat before every attempt, so that
an upgrade at six in the morning becomes a new cell and not a silent change of the experiment.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from plumbum import local
from plumbum.commands.processes import ProcessExecutionError

from bisectsyms.errors import InfraError, UserError
from bisectsyms.model import Toolchain


@dataclass(frozen=True, slots=True)
class Installed:
    """A toolchain on this machine and the files that make it up."""

    identity: Toolchain
    stamps: tuple[tuple[str, int, int], ...]
    """(path, size, mtime in ns) of each program."""

    def still_there(self) -> None:
        """Check that no program was replaced since.

        Raises:
            InfraError: one was; attempts made now would be of another cell.
        """
        for path, size, when in self.stamps:
            if _stamp(Path(path)) != (path, size, when):
                raise InfraError(
                    f"{path} changed while attempts were made",
                    next_step="run the same command again: a new cell begins",
                )


def identify(prefix: str, compiler: str, env: Mapping[str, str]) -> Installed:
    """Run `compiler`, the `prefix`ed ld and nm, and make once and take down who they are.

    Raises:
        UserError: one is missing or does not run.
    """
    programs = (compiler or f"{prefix}gcc", f"{prefix}ld", f"{prefix}nm", "make")
    lines, stamps = [], []
    for program in programs:
        path = shutil.which(program, path=env.get("PATH"))
        if path is None:
            raise UserError(f"{program} is not on PATH", next_step="bisectsyms doctor names the package")
        try:
            _, out, _ = local[path].run(["--version"], env=dict(env), timeout=20)
        except (ProcessExecutionError, OSError) as error:
            raise UserError(f"{path} --version failed: {error}", next_step="bisectsyms doctor") from error
        lines.append(out.splitlines()[0] if out else "")
        stamps.append(_stamp(Path(path).resolve()))
    backend = _backend(programs[0], env)
    if backend:
        stamps.append(_stamp(Path(backend).resolve()))
    digest = hashlib.sha256(repr((lines, stamps)).encode()).hexdigest()[:16]
    version = lines[0].rsplit(" ", 1)[-1] if lines[0] else "?"
    family = "clang" if "clang" in lines[0] else "gcc"
    return Installed(Toolchain(f"{family}-{version}", lines[0], lines[1], digest), tuple(stamps))


def _backend(compiler: str, env: Mapping[str, str]) -> str:
    """Path of cc1, which is what a package upgrade replaces; empty where the driver knows none."""
    _, out, _ = local[compiler].run(["-print-prog-name=cc1"], env=dict(env), timeout=20, retcode=None)
    return out.strip() if Path(out.strip()).is_absolute() else ""


def _stamp(path: Path) -> tuple[str, int, int]:
    try:
        found = path.stat()
    except OSError:
        return str(path), -1, -1
    return str(path), found.st_size, found.st_mtime_ns
