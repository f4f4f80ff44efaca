"""Write a profile from what is found: the tree's defconfigs, the compilers for its arch, this machine's CPUs."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bisectsyms.core.environment import for_build
from bisectsyms.core.words import count
from bisectsyms.effects.newfile import write_new
from bisectsyms.effects.toolsearch import find
from bisectsyms.errors import UserError
from bisectsyms.inputs.skeleton import skeleton
from bisectsyms.inputs.toolchains import Toolchains

KCONFIG = ("# CONFIG_LOCALVERSION_AUTO is not set", "# CONFIG_WERROR is not set")
"""What every shipped profile of the kernel turns off; docs/profiles.md says why."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was chosen, and from how much."""

    path: Path
    arch: str
    defconfig: str
    defconfigs: int
    """How many the tree has for this arch."""
    toolchain: str
    toolchains: tuple[str, ...]
    """All that were found for this arch."""


def init(
    top: Path,
    path: Path,
    known: Toolchains,
    environ: Mapping[str, str],
    *,
    arch: str | None = None,
    defconfig: str | None = None,
    machine: str = platform.machine(),
) -> Written:
    """Write a profile for the tree at `top` to the new file `path`; `machine` is that of uname -m.

    Raises:
        UserError: the file exists, there is no kernel tree, or several archs could be meant.
    """
    arch = arch or _arch(top, known, defconfig, machine)
    configs = sorted(found.name for found in (top / "arch" / arch / "configs").glob("*defconfig"))
    if not configs and not (top / "arch" / arch).is_dir():
        raise UserError(f"{top} has no arch/{arch}", next_step=f"--arch, one of: {', '.join(_arches(top))}")
    defconfig = defconfig or _defconfig(configs, machine)
    env, _ = for_build(environ, {})
    serving = [entry for entry in known.arches if entry.is_for(arch)]
    names = [tools.name for entry in serving for tools in find(entry, known, env.get("PATH", ""))]
    compilers = tuple(dict.fromkeys(names))
    toolchain = "gcc" if "gcc" in compilers or not compilers else compilers[0]
    text = skeleton(
        {"arch": arch, "toolchain": toolchain, "defconfig": defconfig, "kconfig": json.dumps(KCONFIG)},
        {
            "arch": f"The tree has {', '.join(_arches(top))}.",
            "toolchain": f"Found for {arch}: {', '.join(compilers) or 'none, see bisectsyms doctor'}.",
            "defconfig": f"The tree has {count(len(configs), 'defconfig')} for {arch}"
            + (f", such as {', '.join(configs[:3])}." if configs else "."),
            "jobs": f"Here that is {os.cpu_count() or 1}.",
        },
    )
    write_new(path, [text.encode()])
    return Written(path, arch, defconfig, len(configs), toolchain, compilers)


def _arches(top: Path) -> list[str]:
    return sorted(folder.parent.name for folder in (top / "arch").glob("*/configs"))


def _arch(top: Path, known: Toolchains, defconfig: str | None, machine: str) -> str:
    """The arch that has `defconfig`; of several, or without one, that of this machine."""
    there = _arches(top)
    if not there:
        raise UserError(f"{top} has no arch/*/configs", next_step="run it in a work tree of the kernel")
    having = [one for one in there if defconfig is None or (top / "arch" / one / "configs" / defconfig).exists()]
    native = [entry.arch for entry in known.arches if machine in entry.machines and entry.arch in having]
    if len(having) == 1 or native:
        return native[0] if native else having[0]
    what = f"{defconfig} is one of {', '.join(having)}" if having else f"no arch of the tree has {defconfig}"
    raise UserError(
        what if defconfig else f"no arch of the tree is that of this machine ({machine})",
        next_step=f"--arch, one of: {', '.join(having or there)}",
    )


def _defconfig(configs: list[str], machine: str) -> str:
    """The only one, or that of the machine (x86_64_defconfig), or the arch's own choice: `make defconfig`."""
    if len(configs) == 1:
        return configs[0]
    return f"{machine}_defconfig" if f"{machine}_defconfig" in configs else "defconfig"
