"""A plan, crossed out: every cell that it means, at every revision, each once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import nullcontext
from dataclasses import dataclass

from bisectsyms.core.environment import for_build
from bisectsyms.effects.fixups import known, resolve
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.toolsearch import choose
from bisectsyms.errors import UserError
from bisectsyms.inputs.plan import Exclude, HuntPlan, at_key
from bisectsyms.inputs.profile import LoadedProfile
from bisectsyms.inputs.toolchains import Toolchains
from bisectsyms.inputs.variations import variation_of
from bisectsyms.model import Cell, Revision
from bisectsyms.usecases.cells import cell_of, objtree_key


@dataclass(frozen=True, slots=True)
class Build:
    """One cell of the matrix: what a bench is opened for."""

    profile: str
    toolchain: str
    """As --toolchain takes it; empty for the profile's own."""
    jobs: int | None
    vary: tuple[str, ...]
    cell: Cell
    objtree: str
    """Key of the objtree that it shares with others."""
    base: tuple[str, ...] = ()
    """Targets of make that make .config; none where a full one is asked for."""
    options: tuple[tuple[str, str], ...] = ()
    """Those of kconfig in which the profiles of the plan differ, by name and value."""

    @property
    def beside(self) -> str:
        """Hash of all that its profile says but the options: alike where two profiles differ in nothing else."""
        mine = ("profile", "toolchain", "kconfig", "jobs", "variation")
        fields = {name: value for name, value in self.cell.fields.items() if name not in mine}
        return hashlib.sha256(json.dumps([self.base, fields], sort_keys=True).encode()).hexdigest()[:12]

    def __str__(self) -> str:
        return f"{self.cell} -j{self.cell.jobs} {self.cell.variation} ({self.profile})"


@dataclass(frozen=True, slots=True)
class Spot:
    """A cell at one revision: what a hunt has a rate for."""

    revision: Revision
    """As the ledger has it in this cell."""
    build: Build

    @property
    def key(self) -> tuple[str, str]:
        """Tree id and cell key, by which the ledger has its attempts."""
        return self.revision.tree, self.build.cell.key

    def __str__(self) -> str:
        return f"{self.revision} {self.build}"


class Matrix:
    """Crosses plans for one repository on this machine."""

    def __init__(
        self,
        repository: Repository,
        toolchains: Toolchains,
        environ: Mapping[str, str],
        find: Callable[[str], LoadedProfile],
        shipped: Callable[[], list[LoadedProfile]],
    ) -> None:
        """`find` loads the profile that a name or path means, `shipped` every one that a bare name can mean."""
        self.repository = repository
        self._toolchains = toolchains
        self._environ = environ
        self._find = find
        self._shipped = shipped

    def spots(self, plan: HuntPlan) -> tuple[Spot, ...]:
        """Every spot of the plan, in its order; what two names mean is there once.

        Raises:
            UserError: a revision, profile or toolchain is not there, a toolchain builds none of the profiles, or
                nothing is left.
        """
        spots, fitting = self.cross(plan, list(self.builds(plan, self.profiles(plan))))
        for number in set(range(len(plan.exclude))) - fitting:
            with at_key("exclude", number):
                raise UserError("this fits no cell of the plan", next_step="write it as the plan does")
        if not spots:
            raise UserError("`exclude` leaves nothing of the plan", next_step="take entries away from it")
        return spots

    def cross(self, plan: HuntPlan, builds: Sequence[Build]) -> tuple[tuple[Spot, ...], set[int]]:
        """Every spot of these cells, and which entries of `exclude` have left something out.

        Raises:
            UserError: a revision is not there.
        """
        revisions = []
        for number, name in enumerate(plan.revisions):
            with at_key("revisions", number):
                revisions.append(self.repository.resolve(name))
        found: dict[tuple[str, str], Spot] = {}
        fitting = set[int]()
        for name, revision in zip(plan.revisions, revisions, strict=True):
            for build in builds:
                spot = Spot(known(self.repository, build.cell.fixups, revision), build)
                out = {number for number, one in enumerate(plan.exclude) if _fits(one, name, build)}
                fitting |= out
                if not out:
                    found.setdefault(spot.key, spot)
        return tuple(found.values()), fitting

    def profiles(self, plan: HuntPlan) -> dict[str, LoadedProfile]:
        """What the plan builds, by the name that it is asked for with.

        Raises:
            UserError: one is not there, or a defconfig has none or several.
        """
        profiles = dict[str, LoadedProfile]()
        for number, name in enumerate(plan.profiles):
            with at_key("profiles", number):
                profiles[name] = self._find(name)
        for number, defconfig in enumerate(plan.defconfigs):
            with at_key("defconfigs", number):
                profiles |= self._with_defconfig(defconfig, plan.toolchains)
        return profiles

    def builds(
        self, plan: HuntPlan, profiles: Mapping[str, LoadedProfile], lacking: Callable[[UserError], None] | None = None
    ) -> Iterator[Build]:
        """The cells of the plan, as this machine has them.

        Raises:
            UserError: a toolchain builds none of the profiles, or is not here and nobody hears of it by `lacking`.
        """
        wanted = [self._arch_and_name(name) for name in plan.toolchains] or [("", "")]
        used = set()
        common = set[tuple[str, str]].intersection(*(set(loaded.asked) for loaded in profiles.values()))
        for name, loaded in profiles.items():
            for number, (arch, toolchain) in enumerate(wanted):
                if arch and not self._toolchains.arch(arch).is_for(loaded.profile.arch):
                    continue
                used.add((arch, toolchain))
                try:
                    with at_key("toolchains", number) if toolchain else nullcontext():
                        built = list(self._crossed(plan, name, loaded, toolchain, common))
                    yield from built
                except UserError as error:
                    if lacking is None:
                        raise
                    lacking(error)
        for number, (arch, toolchain) in enumerate(wanted):
            if (arch, toolchain) not in used:
                with at_key("toolchains", number):
                    raise UserError(
                        f"toolchain {arch}-{toolchain} builds none of {', '.join(profiles)}",
                        next_step="name a profile of its arch, or leave it out",
                    )

    def _crossed(
        self, plan: HuntPlan, name: str, loaded: LoadedProfile, toolchain: str, common: Set[tuple[str, str]]
    ) -> Iterator[Build]:
        profile = loaded.profile
        env, _ = for_build(self._environ, profile.environment)
        _, installed = choose(profile, toolchain, self._toolchains, env)
        fixups = resolve(self.repository, loaded.fixups)
        options = tuple(one for one in loaded.asked if one not in common)
        for policy in plan.variations or (None,):
            variation = variation_of(policy) if policy else profile.variation
            for jobs in plan.jobs or (None,):
                cell = cell_of(loaded, installed.identity, jobs=jobs, variation=variation, fixups=fixups)
                vary = (policy,) if policy else ()
                objtree = objtree_key(cell, variation.compiling, closed=profile.is_closed)
                yield Build(name, toolchain, jobs, vary, cell, objtree, loaded.base, options)

    def _arch_and_name(self, name: str) -> tuple[str, str]:
        """`arm-gcc-12` -> arm, gcc-12; without an arch, or for a folder, any arch is meant."""
        for arch in self._toolchains.arches:
            for known_as in (arch.arch, *arch.also):
                if name.startswith(f"{known_as}-"):
                    return arch.arch, name.removeprefix(f"{known_as}-")
        return "", name

    def _with_defconfig(self, defconfig: str, toolchains: tuple[str, ...]) -> dict[str, LoadedProfile]:
        """The profiles that build it, those of the arches that the toolchains name."""
        arches = {arch for arch, _ in map(self._arch_and_name, toolchains) if arch}
        found = {one.name: one for one in self._shipped() if one.profile.defconfig == defconfig}
        fit = {
            name: one
            for name, one in found.items()
            if not arches or any(self._toolchains.arch(arch).is_for(one.profile.arch) for arch in arches)
        }
        if len(fit) == 1:
            return fit
        if fit:
            raise UserError(
                f"{defconfig} is built by several profiles: {', '.join(fit)}", next_step="name one with --profile"
            )
        raise UserError(
            f"no profile builds {defconfig}", next_step=f"bisectsyms init --defconfig {defconfig} writes one"
        )


def _fits(exclude: Exclude, revision: str, build: Build) -> bool:
    names = {build.toolchain, f"{build.cell.arch}-{build.toolchain}"}
    return (
        exclude.revision in (None, revision)
        and exclude.profile in (None, build.profile)
        and (exclude.toolchain is None or exclude.toolchain in names)
        and exclude.jobs in (None, build.cell.jobs)
        and exclude.variation in (None, build.cell.variation)
    )
