"""A report tried here: what it says first, then what else shows such failures; and how that ended.

What is tried is written into the ledger as by every other verb, in the cell of a profile made of the report, so that
the same command goes on and `again`, `bisect` and `diagnose` know of it.
"""

from __future__ import annotations

import contextlib
import enum
import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from bisectsyms.core.decide import Ask
from bisectsyms.core.environment import for_build
from bisectsyms.core.nearest import Here, exact_one, nearest
from bisectsyms.core.rated import Rate
from bisectsyms.core.tools import Arch, Tools
from bisectsyms.core.words import listed
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.locating import Clues, Located, locate
from bisectsyms.effects.toolsearch import find, identified
from bisectsyms.errors import UserError
from bisectsyms.inputs.profile import LoadedProfile
from bisectsyms.inputs.reports.plan import ReproducePlan
from bisectsyms.inputs.toolchains import Toolchains
from bisectsyms.inputs.yamlfile import where
from bisectsyms.model import Kind, Observation, Revision
from bisectsyms.usecases.calibrate import Calibrated, calibrate, chosen, one_job_tells, untold, with_one_job
from bisectsyms.usecases.desk import Desk
from bisectsyms.usecases.judging import Judging, StepOptions
from bisectsyms.usecases.limits import Limits
from bisectsyms.usecases.reproduce import Understanding
from bisectsyms.usecases.strangers import pinned_variables, profile_of

FURTHER = "pad:8"
"""What reaches layouts that no length of the version string does, for two seconds a link (docs/variations.md)."""
OF_THE_LINK = (Kind.REPLAY, Kind.RELINK)
OF_AN_ARRIVAL = (Kind.INCREMENTAL, Kind.CACHED)
"""Stale or cached objects may have failed: alone they prove nothing of a build without any (core/ladder.py)."""
MOST = 2000
"""Attempts at one revision in one cell, whatever the limits are."""


class Ending(enum.StrEnum):
    """How it ended."""

    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not reproduced"
    CANNOT = "cannot be tried"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Excluded:
    """Of a kind, with 95 %: fewer than 1 in `one_in` attempts fail, if they fail independently."""

    kind: Kind
    one_in: int
    attempts: int
    """All clean."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is built of a report: where, by what profile, and how that differs from what it says."""

    loaded: LoadedProfile
    located: Located
    fresh_tree: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """The answer of `bisectsyms reproduce`."""

    ending: Ending
    why: str
    next_step: str
    profile: str
    """Its name, for every other verb."""
    revision: Revision
    located_by: str
    commit_is_sure: bool
    notes: tuple[str, ...]
    """Where what was built differs from what the report says."""
    rounds: tuple[Calibrated, ...]
    """The cells that were tried, each with another variation; the last one failed if any did."""
    failing: int | None
    """Number of an attempt that failed."""
    excluded: tuple[Excluded, ...]
    """One for each kind, where nothing failed."""
    layouts: int
    """How many different ones were seen: of a failure that hangs on the layout, nothing more is excluded."""
    attempts: int
    """Of this call."""

    @property
    def answered(self) -> bool:
        """Whether the failure is there. That it was not seen excludes a rate, and is no answer to the report."""
        return self.ending is Ending.REPRODUCED


Open = Callable[[LoadedProfile, str], AbstractContextManager[Desk]]
"""Opens a bench for a profile and a policy of variation; an empty one is the profile's."""


def clues_of(plan: ReproducePlan) -> Clues:
    """What a plan says of its commit."""
    names = ("revision", "commit", "describe", "kernel_version", "subject", "author", "date", "tree", "branch")
    return Clues(**{name: getattr(plan, name) for name in names})


def prepare(
    found: Understanding,
    repository: Repository,
    known: Toolchains,
    environ: Mapping[str, str],
    *,
    required: bool = False,
    fetch: Callable[[Clues], Located] | None = None,
) -> Prepared:
    """Everything that is needed before the first build; nothing of the report is run or fetched for it.

    `fetch` gets what is missing, where the user allowed that.

    Raises:
        UserError: the report cannot be tried; why, and what would help.
    """
    plan = found.plan
    lacks = [one for one in found.missing if one.needed and not (one.field == "revision" and plan.date)]
    if lacks:
        what = "; ".join(one.what for one in lacks)
        raise UserError(f"the report does not say {what}", next_step=listed([one.option for one in lacks]))
    tools, notes = _tools(plan, known, environ)
    clues = clues_of(plan)
    try:
        located = locate(repository, clues)
    except UserError as error:
        if fetch is None:
            raise _placed(error, found) from None
        located = fetch(clues)
    loaded = profile_of(plan, tools, repository.state_dir, required=required)
    if not located.sure:
        notes.append(located.how)
    if pinned := pinned_variables(plan):
        notes.append(f"bisectsyms sets {listed(pinned)} itself, and varies the version string")
    if not plan.jobs:
        notes.append(f"the report does not say -j: -j{os.cpu_count() or 1}, the number of CPUs here")
    return Prepared(loaded, located, plan.fresh_tree == "yes", tuple(notes))


def _placed(error: UserError, found: Understanding) -> UserError:
    """With file, line and key, where people wrote the revision into a plan."""
    if not found.plan.revision or found.report is not None or "revision" in found.given:
        return error
    return UserError(f"{where(Path(found.name), ('revision',))}: {error.message}", next_step=error.next_step)


def _tools(plan: ReproducePlan, known: Toolchains, environ: Mapping[str, str]) -> tuple[str, list[str]]:
    """What `toolchain:` of the profile says, and how it differs from the report's compiler.

    Raises:
        UserError: there is none of that family for the arch here.
    """
    arch, wanted = known.arch(plan.arch), plan.toolchain or "gcc"
    environ = for_build(environ, {})[0]
    here = {tools.name: (tools, one) for tools, one in reversed(list(_here(arch, known, environ)))}
    match = nearest(wanted, [one for _, one in here.values()])
    if match is None:
        others = listed([one.called for _, one in here.values()]) or "none"
        raise UserError(
            f"no {wanted} for {plan.arch} was found; compilers for it: {others}",
            next_step=f"{exact_one(wanted, arch, known.llvm)}; or --toolchain for another one",
        )
    notes = [] if plan.toolchain else [f"the report does not say which compiler: {match.here.called} is taken"]
    if match.difference:
        notes.append(f"{match.difference}; the exact one: {exact_one(wanted, arch, known.llvm)}")
    compiler = here[match.here.name][0].compiler
    return (str(Path(compiler).absolute().parent.parent) if "/" in compiler else match.here.name), notes


def _here(arch: Arch, known: Toolchains, environ: Mapping[str, str]) -> list[tuple[Tools, Here]]:
    found = []
    for tools in find(arch, known, environ.get("PATH", os.defpath)):
        with contextlib.suppress(UserError):  # one that does not run builds nothing
            found.append((tools, Here(tools.name, identified(arch, tools, environ).identity.name)))
    return found


def try_it(
    prepared: Prepared,
    opened: Open,
    options: StepOptions,
    limits: Callable[[Callable[[], int]], Limits],
    policies: Sequence[str] = ("", FURTHER),
    alone: Open | None = None,
) -> Tried:
    """Try it as the report says, then in other layouts, until it fails, all is excluded, or the limits are over.

    `limits` makes them of a count of the attempts made so far. `alone` opens a bench that differs by -j1 alone: what
    fails by chance is asked there whether two jobs of make race. Without it, that is left open.

    Raises:
        UserError, InfraError: see `Workbench`.
    """
    rounds: list[Calibrated] = []
    made = 0
    revision = prepared.located.revision
    failing: int | None = None
    layouts: set[str] = set()
    mine: list[Observation] = []
    for number, policy in enumerate(policies):
        with opened(prepared.loaded, policy) as desk:
            before = made
            over = limits(lambda desk=desk, before=before: before + desk.made)  # type: ignore[misc]  # bound now
            if not number and prepared.fresh_tree and not over.over():
                _from_scratch(desk, revision)
            if number:
                desk.kinds = tuple(kind for kind in desk.kinds if kind in OF_THE_LINK)
            rounds.append(calibrate(Judging(desk, options), revision, over))
            made += desk.made
            failing = _failing(desk, revision)
            layouts |= layouts_of(desk.seen(revision))
            mine = chosen(desk, rounds[-1])
        if rounds[-1].chosen is not None or rounds[-1].stopped or not _evidence(rounds):
            break
    if alone and one_job_tells(rounds[-1], mine):
        with alone(prepared.loaded, policies[len(rounds) - 1]) as desk:
            before = made
            over = limits(lambda: before + desk.made)
            rounds[-1] = with_one_job(Judging(desk, options), rounds[-1], mine, over)
            made += desk.made
    rounds[-1] = replace(rounds[-1], experiments=tuple(filter(None, (*rounds[-1].experiments, untold(rounds[-1])))))
    return _told(prepared, tuple(rounds), failing, len(layouts), made)


def _from_scratch(desk: Desk, revision: Revision) -> None:
    """One build as the reporter made it: the report says that a fresh tree fails, too."""
    if not any(one.kind is Kind.CLEAN for one in desk.seen(revision)):
        desk.at_once(revision, Ask(Kind.CLEAN, "from an empty tree, as the report says"))


def _failing(desk: Desk, revision: Revision) -> int | None:
    """The newest attempt that failed, of the cheapest kind that did."""
    order = list(Kind)
    attempts = desk.ledger.attempts(tree=desk.known(revision).tree, cell=desk.cell.key)
    failed = [one for one in attempts if one.result and one.result.outcome.is_failure]
    best = min(failed, key=lambda one: (order.index(one.plan.kind), -one.number), default=None)
    return best.number if best else None


def _evidence(rounds: Sequence[Calibrated]) -> list[tuple[Kind, Rate]]:
    """By kind, what all rounds together have shown; the layouts of one are not those of another, but all were tried."""
    return [(one.kind, one.seen) for calibrated in rounds for one in calibrated.kinds if one.seen.attempts]


def layouts_of(seen: Sequence[Observation]) -> set[str]:
    """Keys of the layouts that were checked."""
    return {one.layout for one in seen if one.outcome.is_evidence and one.layout}


def _told(prepared: Prepared, rounds: tuple[Calibrated, ...], failing: int | None, layouts: int, made: int) -> Tried:
    last, evidence = rounds[-1], _evidence(rounds)
    failed = any(rate.failed for kind, rate in evidence if kind not in OF_AN_ARRIVAL)
    artefact = not failed and any(rate.failed for _, rate in evidence)
    told = Tried(
        ending=Ending.UNDECIDED,
        why=last.stopped or last.why,
        next_step=last.next_step,
        profile=prepared.loaded.name,
        revision=prepared.located.revision,
        located_by=prepared.located.how,
        commit_is_sure=prepared.located.sure,
        notes=prepared.notes,
        rounds=rounds,
        failing=failing,
        excluded=() if failed or artefact else excluded(evidence),
        layouts=layouts,
        attempts=made,
    )
    if failed:
        return replace(
            told,
            ending=Ending.REPRODUCED,
            next_step="bisectsyms reproduce REPORT --then bisect --good REV; bisectsyms script, bisectsyms reply",
        )
    if not evidence:
        if last.stopped:
            return told
        return replace(told, ending=Ending.CANNOT, next_step="bisectsyms status, bisectsyms log NUMBER")
    if last.stopped or artefact:
        return told
    next_step = "bisectsyms reply; another --toolchain, -j or --config, or a lower --min-rate to look longer"
    return replace(told, ending=Ending.NOT_REPRODUCED, next_step=next_step)


def excluded(evidence: Sequence[tuple[Kind, Rate]]) -> tuple[Excluded, ...]:
    """What attempts that never failed exclude with 95 %, the kinds in their order."""
    most: dict[Kind, Rate] = {}
    for kind, rate in evidence:
        if not rate.failed and (kind not in most or rate.attempts > most[kind].attempts):
            most[kind] = rate
    return tuple(
        Excluded(kind, math.floor(1 / most[kind].high), most[kind].attempts)
        for kind in Kind
        if kind in most and most[kind].high < 1
    )
