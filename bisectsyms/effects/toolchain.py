"""Who the compiler and its binutils are: a rate belongs to one toolchain, its exact build included.

The identity is read once by running the tools and then guarded by a stat before every attempt, so that
an upgrade at six in the morning becomes a new cell and not a silent change of the experiment.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from plumbum import local
from plumbum.commands.processes import ProcessExecutionError, ProcessTimedOut

from bisectsyms.core.tools import Tools
from bisectsyms.errors import InfraError, UserError
from bisectsyms.inputs.toolchains import shipped_toolchains
from bisectsyms.model import Toolchain

PATIENCE = 60
"""Seconds for a `--version`; a cold network file system takes its time."""


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


def identify(tools: Tools, env: Mapping[str, str]) -> Installed:
    """Run compiler, ld, nm and make once and take down who they are.

    Raises:
        UserError: one is missing or does not run.
        InfraError: one does not answer.
    """
    programs = (tools.compiler, tools.linker, tools.nm, "make")
    lines, stamps, paths = [], [], []
    for program in programs:
        path = shutil.which(program, path=env.get("PATH"))
        if path is None:
            raise UserError(f"{program} is not on PATH", next_step="bisectsyms doctor names the package")
        try:
            _, out, _ = local[path].run(["--version"], env=dict(env), timeout=PATIENCE)
        except (ProcessExecutionError, OSError) as error:
            raise UserError(f"{path} --version failed: {error}", next_step="bisectsyms doctor") from error
        except ProcessTimedOut as error:
            raise InfraError(f"{path} --version took longer than {PATIENCE} s", next_step="the same again") from error
        lines.append(out.splitlines()[0] if out else "")
        stamps.append(_stamp(Path(path).resolve()))
        paths.append(path)
    backend = _backend(paths[0], env)
    if backend:
        stamps.append(_stamp(Path(backend).resolve()))
    digest = hashlib.sha256(repr((lines, stamps)).encode()).hexdigest()[:16]
    return Installed(Toolchain(short_name(lines[0]), lines[0], lines[1], digest), tuple(stamps))


def short_name(line: str) -> str:
    """`gcc-12.2.0` or `ld-2.40`: what the first line of `--version` comes down to."""
    version = re.search(r"\d+\.\d+(?:\.\d+)?", line)
    family = next((name for mark, name in shipped_toolchains().names.items() if mark in line), "gcc")
    return f"{family}-{version[0] if version else '?'}"


def _backend(compiler: str, env: Mapping[str, str]) -> str:
    """Path of cc1, which is what a package upgrade replaces; empty where the driver knows none."""
    _, out, _ = local[compiler].run(["-print-prog-name=cc1"], env=dict(env), timeout=PATIENCE, retcode=None)
    return out.strip() if Path(out.strip()).is_absolute() else ""


def _stamp(path: Path) -> tuple[str, int, int]:
    try:
        found = path.stat()
    except OSError:
        return str(path), -1, -1
    return str(path), found.st_size, found.st_mtime_ns
