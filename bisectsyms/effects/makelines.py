"""What make is told, and the link script when it runs alone: the command lines of an attempt.

Whatever moves the layout by itself (time, user, host, local version) is pinned; what the attempt drew is laid over it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bisectsyms.core.eras import Era
from bisectsyms.core.factors import Applied, Factors, Place, applied, names
from bisectsyms.core.tools import Tools
from bisectsyms.effects import kconfig
from bisectsyms.effects.nmtap import NmTap
from bisectsyms.effects.objtree import Objtree
from bisectsyms.effects.pad import OBJECT, Pad
from bisectsyms.effects.replay import Replay
from bisectsyms.effects.runner import MARK, Command
from bisectsyms.effects.sandbox import View
from bisectsyms.effects.source import Source
from bisectsyms.effects.toolpath import LINKED_TOO, ToolPath
from bisectsyms.inputs.profile import LoadedProfile
from bisectsyms.model import Cell, Draw, Kind, Plan

PINNED = {
    "KBUILD_BUILD_TIMESTAMP": "Sat Jan  1 00:00:00 UTC 2022",
    "KBUILD_BUILD_USER": "bisectsyms",
    "KBUILD_BUILD_HOST": "bisectsyms",
}
"""A timestamp that `date -d` and tar accept, because kheaders and the initramfs parse it."""
USES_CCACHE = (Kind.INCREMENTAL, Kind.CACHED)
"""A cached object would hide a race between two compilers in a clean build; in a link it would only take its time."""


@dataclass(frozen=True, slots=True)
class MakeLines:
    """What the commands of a slot are made of."""

    loaded: LoadedProfile
    cell: Cell
    tools: Tools
    """By their names, on the PATH of `env`."""
    slot: Path
    objtree: Objtree
    view: View
    env: Mapping[str, str]
    factors: Factors
    """What a draw may name."""
    place: Place

    @property
    def tool_path(self) -> ToolPath:
        """Where wrappers stand in for the tools."""
        return ToolPath(self.slot, self.view.src.parent)

    @property
    def tap(self) -> NmTap:
        """Where the wrapper for nm keeps its copies."""
        return NmTap(self.slot / "tap", self.view.src.parent / "tap")

    @property
    def pads(self) -> Pad:
        """Where objects are that a draw joins to the link."""
        return Pad(self.slot / "pad", self.view.src.parent / "pad")

    def taps(self, era: Era | None) -> bool:
        """Whether maps must be caught from nm; a profile with an nm of its own keeps that."""
        return era is not None and not era.leaves_maps and "NM" not in self.loaded.profile.variables

    def make(self, source: Source, kind: Kind, draw: Draw, *targets: str, jobs: bool = False) -> Command:
        """The make line for `targets` in a revision, as the build sees it."""
        profile = self.loaded.profile
        variables = {"ARCH": profile.arch} | dict(self.tools.make)
        if not self.cell.in_tree:
            variables["O"] = str(self.view.obj)
        if self.taps(source.era):  # in every command: another NM between two of them runs syncconfig again
            variables["NM"] = str(self.tap.nm)
        variables |= PINNED | {"LOCALVERSION": source.localversion, "KBUILD_BUILD_VERSION": draw.build_version}
        variables |= dict(self.view.make)
        varied = applied(draw, self.factors, self.place)
        variables |= dict(profile.variables) | dict(varied.variables)
        for name, value in varied.append:
            variables[name] = f"{variables.get(name, '')} {value}".strip()
        words = [f"{name}={value}" for name, value in variables.items()]
        words += [f"-j{varied.jobs}", *varied.flags] if jobs else []
        before = (*self.view.prefix, *(varied.words if jobs else ()))
        argv = (*before, "make", "-C", str(self.view.src), *words, *targets)
        return Command(argv, self.slot, self._environment(kind, varied))

    def _environment(self, kind: Kind, varied: Applied) -> dict[str, str]:
        env = dict(self.env) | dict(self.view.env) | dict(varied.environment) | {MARK: str(self.slot)}
        env["PATH"] = self.tool_path.path(env.get("PATH", os.defpath))
        if varied.pad:
            env[LINKED_TOO] = str(self.pads.object(varied.pad))
        if kind not in USES_CCACHE:
            env["CCACHE_DISABLE"] = "1"
        return env

    def replay(self, plan: Plan) -> Command | None:
        """The link script alone; None where this revision has none."""
        replay = Replay.load(self.objtree.path, plan.revision.tree)
        if replay is None or not replay.argv:
            return None
        varied = applied(plan.draw, self.factors, self.place)
        variables = PINNED | dict(self.loaded.profile.variables) | dict(varied.variables)
        variables["KBUILD_BUILD_VERSION"] = plan.draw.build_version
        env = self._environment(plan.kind, varied)
        words = replay.words(variables, env, names(self.factors))
        return Command((*self.view.prefix, *varied.words, *words), self.slot, env)

    def joined(self, plan: Plan, source: Source, *, arrived: bool) -> Iterator[Command]:
        """What makes the object that a draw joins to the link; it has to know for which machine."""
        size = applied(plan.draw, self.factors, self.place).pad
        if size:
            if not arrived:
                yield self.make(source, plan.kind, plan.draw, OBJECT, jobs=True)
            self.pads.write(size)
            words = self.pads.assembling(size, self.tools.compiler, self.objtree.path)
            yield Command((*self.view.prefix, *words), self.slot, {**self.env, MARK: str(self.slot)})

    def configure(self, source: Source, kind: Kind, draw: Draw) -> Iterator[Command]:
        """What makes .config of a revision."""
        return kconfig.configure(self.loaded, source, self.view, partial(self.make, source, kind, draw))

    def dry_run(self, source: Source, kind: Kind, draw: Draw) -> tuple[Command, ...]:
        """All commands of an attempt of this kind, none of them run."""
        configure = () if kind.is_link_alone else self.configure(source, kind, draw)
        return (*configure, self.make(source, kind, draw, *self.cell.targets, jobs=True))
