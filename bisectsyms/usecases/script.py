"""The verb that writes a failing attempt down for people who have nothing of ours: all that repeats it."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bisectsyms.core.environment import LOCALE, for_build
from bisectsyms.core.factors import applied
from bisectsyms.core.nature import Nature, nature
from bisectsyms.core.rated import rated
from bisectsyms.core.tools import Tools, on_path
from bisectsyms.core.tuxmake import tuxmake_line
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.kconfig import FRAGMENT
from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.makelines import MakeLines
from bisectsyms.effects.needs import here
from bisectsyms.effects.objtree import Objtree
from bisectsyms.effects.pad import OBJECT, SOURCE
from bisectsyms.effects.runner import MARK
from bisectsyms.effects.sandbox import View, mapped
from bisectsyms.effects.source import Source, source_of
from bisectsyms.effects.toolpath import LD_INSTEAD, LINKED_TOO
from bisectsyms.effects.toolsearch import choose
from bisectsyms.errors import UserError
from bisectsyms.inputs.knowledge import load_knowledge
from bisectsyms.inputs.profile import LoadedProfile
from bisectsyms.inputs.toolchains import Toolchains
from bisectsyms.inputs.variations import shipped_variations, variation_of
from bisectsyms.model import Attempt, Kind, Revision
from bisectsyms.usecases import again
from bisectsyms.usecases.cells import objtree_key

MISS = 0.01
"""Chance that the script sees no failure although the rate is at the lower end of what was measured."""
FEWEST, MOST = 3, 500
"""Links that it makes at most: the bounds of that."""
OURS = frozenset((MARK, "PATH", LINKED_TOO, LD_INSTEAD, "CCACHE_BASEDIR"))
"""Of the environment of an attempt, what has a meaning here alone."""


@dataclass(frozen=True, slots=True)
class Repetition:
    """Everything that repeats an attempt, as words and texts; who writes the script quotes them."""

    revision: Revision
    attempt: int
    kind: Kind
    draw: str
    seen: str
    """How often such attempts failed."""
    nature: Nature
    compiler: str
    """First line of its --version."""
    path: str
    """A folder that PATH needs; empty where it needs none."""
    work: str
    src: str
    obj: str
    environment: tuple[tuple[str, str], ...]
    config: str
    """A full .config; empty where a target makes it."""
    fragment: tuple[str, str]
    """Name and text of what is laid over it."""
    configure: tuple[tuple[str, ...], ...]
    make: tuple[str, ...]
    outputs: tuple[str, ...]
    """Patterns of what the link makes, in the objtree."""
    links: int
    linker: str
    """The program that stands for ld in the link; empty where nothing has to be put in its place."""
    linker_instead: str
    pad: str
    """Source of an object that is joined to every pass of the link; empty for none."""
    pad_compiler: tuple[str, ...]
    """What assembles it, without what says for which machine."""
    pad_object: tuple[str, ...]
    """The make line of the object that says for which machine."""
    tuxmake: tuple[str, ...]
    """Empty where tuxmake cannot say it."""


def failing(repository: Repository, number: int | None) -> Attempt:
    """The attempt to be repeated: the one that was named, else the newest that failed.

    Raises:
        UserError: there is none, it is of another host, or it did not fail.
    """
    with Ledger.open(repository.state_dir) as ledger:
        failed = [one for one in ledger.attempts() if one.result and one.result.outcome.is_failure]
    if number is None:
        if not failed:
            raise UserError("no attempt of the ledger has failed", next_step="bisectsyms reproduce REPORT")
        number = failed[-1].number
    attempt = again.find_here(repository, number)
    again.refuse_foreign(repository, attempt)
    if not attempt.result or not attempt.result.outcome.is_failure:
        names = ", ".join(str(one.number) for one in failed[-5:]) or "none"
        raise UserError(f"attempt {number} did not fail", next_step=f"name one that did: {names}")
    if attempt.plan.kind is Kind.TEST:
        raise UserError(f"attempt {number} ran a command, no build", next_step=attempt.plan.command)
    return attempt


def repetition(
    repository: Repository, attempt: Attempt, loaded: LoadedProfile, known: Toolchains, environ: Mapping[str, str]
) -> Repetition:
    """What repeats `attempt`, which was made by the profile `loaded`; nothing is built.

    Raises:
        UserError: the profile has changed since, or fixups were applied.
    """
    plan, cell = attempt.plan, attempt.plan.cell
    if loaded.digest != cell.kconfig:
        raise UserError(
            f"the profile {loaded.name} has changed since attempt {attempt.number}",
            next_step="bisectsyms script ATTEMPT of another one",
        )
    if cell.fixups:
        raise UserError(f"attempt {attempt.number} had fixups", next_step=f"bisectsyms again {attempt.number}")
    env, _ = for_build(environ, loaded.profile.environment)
    chosen, _ = choose(loaded.profile, "", known, env, cell.toolchain.digest)
    tools, path = on_path(chosen)
    lines, source = _lines(repository, attempt, loaded, tools)
    varied = applied(plan.draw, lines.factors, lines.place)
    bare = replace(source, era=None)  # then nm is the tool's own: the maps are of no interest
    make = lines.make(bare, Kind.CLEAN, plan.draw, *cell.targets, jobs=True)
    own = {name: value for name, value in make.env.items() if name not in OURS}
    instead = make.env.get(LD_INSTEAD, "")
    kind, seen, links, shown = _seen(repository, attempt)
    return Repetition(
        revision=plan.revision,
        attempt=attempt.number,
        kind=kind,
        draw=str(plan.draw),
        seen=seen,
        nature=shown,
        compiler=cell.toolchain.compiler,
        path=path,
        work=str(lines.slot),
        src=str(lines.view.src),
        obj=str(lines.view.obj),
        environment=tuple(sorted((LOCALE | own).items())),
        config=loaded.config.text if loaded.config else "",
        fragment=(FRAGMENT, "\n".join(loaded.lines)),
        configure=tuple(command.argv for command in lines.configure(bare, Kind.CLEAN, plan.draw)),
        make=make.argv,
        outputs=source.era.outputs if source.era else ("vmlinux", "System.map"),
        links=links,
        linker=tools.linker if varied.pad or instead else "",
        linker_instead=instead,
        pad=SOURCE.format(bytes=varied.pad) if varied.pad else "",
        pad_compiler=(tools.compiler,) if varied.pad else (),
        pad_object=lines.make(bare, Kind.CLEAN, plan.draw, OBJECT, jobs=True).argv if varied.pad else (),
        tuxmake=_tuxmake(attempt, loaded, chosen, known) if shown is not Nature.LAYOUT and not varied.pad else (),
    )


def _lines(repository: Repository, attempt: Attempt, loaded: LoadedProfile, tools: Tools) -> tuple[MakeLines, Source]:
    """The make lines of the attempt in a folder of the script's own, whose name is as long as ours was.

    With O= the paths of sources are in the image (__FILE__), so another length would be another layout.
    """
    plan, knowledge = attempt.plan, load_knowledge()
    words = shlex.split(plan.command)
    seen = Path(words[words.index("-C") + 1]).parent if "-C" in words else Path("/tmp")  # noqa: S108 - a length
    work = Path(f"/tmp/kallsyms-{plan.revision.commit[:8]}".ljust(len(str(seen)), "x"))  # noqa: S108 - the script's
    compiling = variation_of(plan.cell.variation).compiling
    key = objtree_key(plan.cell, compiling, closed=loaded.profile.is_closed)
    src = work / "src"
    obj = src if plan.cell.in_tree else work / "obj" / key
    view = mapped(work, src, obj) if plan.paths == "prefix-map" else View("plain", src, obj)
    source = source_of(lambda name: repository.text(plan.revision.commit, name), knowledge.eras)
    lines = MakeLines(
        loaded=loaded,
        cell=plan.cell,
        tools=tools,
        slot=work,
        objtree=Objtree(obj),
        view=view,
        env={},
        factors=shipped_variations(),
        place=here(plan.cell.jobs, dict(tools.make).get("CROSS_COMPILE", "")),
    )
    return lines, source


def _seen(repository: Repository, attempt: Attempt) -> tuple[Kind, str, int, Nature]:
    """(kind, how often, how many links the script makes, class) of attempts such as this one."""
    plan = attempt.plan
    with Ledger.open(repository.state_dir) as ledger:
        seen = ledger.observations(plan.revision.tree, plan.cell.key)
    mine = [one for one in seen if one.kind is plan.kind and one.outcome.is_evidence]
    failed = sum(one.outcome.is_failure for one in mine)
    rate = rated(failed, len(mine) - failed)
    links = math.ceil(math.log(MISS) / math.log1p(-min(max(rate.low, 1e-3), 0.999)))
    shown = nature(plan.kind, mine, variation_of(plan.cell.variation).layouts, plan.cell.jobs).nature
    return plan.kind, f"{failed} of {len(mine)}", max(FEWEST, min(MOST, links)), shown


def _tuxmake(attempt: Attempt, loaded: LoadedProfile, tools: Tools, known: Toolchains) -> tuple[str, ...]:
    """The same for tuxmake: not for a full .config, which would have to lie beside it.

    It fixes time, user, host and path of the build in its own way, which is another layout; so not where that decides.
    """
    cell = attempt.plan.cell
    if loaded.config or cell.in_tree or attempt.plan.draw.factors:
        return ()
    return tuxmake_line(
        known.arches,
        arch=cell.arch,
        cross_compile=dict(tools.make).get("CROSS_COMPILE", ""),
        toolchain=cell.toolchain.name,
        kconfig=[*loaded.base, *loaded.lines],
        jobs=cell.jobs,
        variables=(("KBUILD_BUILD_VERSION", str(attempt.plan.draw.build_version)), *cell.variables),
    )
