"""Which compilers this machine has, who they are, and which profiles each can build."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bisectsyms.core.environment import for_build
from bisectsyms.effects.toolchain import short_name
from bisectsyms.effects.toolsearch import find, identified
from bisectsyms.errors import UserError
from bisectsyms.inputs.profile import LoadedProfile
from bisectsyms.inputs.toolchains import Toolchains


@dataclass(frozen=True, slots=True)
class Listed:
    """A toolchain for one arch."""

    arch: str
    name: str
    """What --toolchain and `toolchain:` call it."""
    program: str
    short: str
    """`gcc-12.2.0`; this and what follows is empty where it does not run."""
    compiler: str
    """First line of its --version."""
    linker_short: str
    linker: str
    profiles: tuple[str, ...]
    """Profiles of this arch; each is built with it by --toolchain NAME."""
    trouble: str = ""


def listing(profiles: Sequence[LoadedProfile], known: Toolchains, environ: Mapping[str, str]) -> list[Listed]:
    """Every toolchain of every known arch; of two with one name the one that the name means."""
    env, _ = for_build(environ, {})
    found = []
    for arch in known.arches:
        serves = tuple(loaded.name for loaded in profiles if arch.is_for(loaded.profile.arch))
        named = {tools.name: tools for tools in reversed(list(find(arch, known, env.get("PATH", ""))))}
        for tools in named.values():
            try:
                who = identified(arch, tools, env).identity
            except UserError as error:
                found.append(Listed(arch.arch, tools.name, tools.compiler, "", "", "", "", serves, str(error)))
                continue
            linker = short_name(who.linker)
            found.append(
                Listed(arch.arch, tools.name, tools.compiler, who.name, who.compiler, linker, who.linker, serves)
            )
    return sorted(found, key=lambda one: (one.arch, one.name))
