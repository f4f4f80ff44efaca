"""The bench that builds kernels: a profile, its compiler and its fixups in a slot."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from bisectsyms.core.environment import for_build
from bisectsyms.core.factors import applied, drawn
from bisectsyms.core.tools import Tools, on_path
from bisectsyms.core.words import listed
from bisectsyms.effects import slots
from bisectsyms.effects.ccache import Ccache
from bisectsyms.effects.cloning import clone
from bisectsyms.effects.closing import closed, closed_works, needed
from bisectsyms.effects.fixups import Fixups, Reject, resolve
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.kbuild import Builder
from bisectsyms.effects.machine import Health, health
from bisectsyms.effects.needs import here, refuse_unwatched, refuse_without, run_quietly
from bisectsyms.effects.objtree import Objtree
from bisectsyms.effects.sandbox import View, bwrap_works, mapped, mounted
from bisectsyms.effects.seeds import Seeds
from bisectsyms.effects.source import source_of
from bisectsyms.effects.toolchain import Installed
from bisectsyms.effects.toolsearch import choose
from bisectsyms.errors import UserError
from bisectsyms.inputs.knowledge import load_knowledge
from bisectsyms.inputs.profile import LoadedProfile, Profile
from bisectsyms.inputs.variations import shipped_variations
from bisectsyms.model import Attempt, Draw, Kind, Revision
from bisectsyms.usecases.bench import Bench, Options
from bisectsyms.usecases.cells import cell_of, objtree_key, variation_for
from bisectsyms.usecases.desk import Place, Reporter
from bisectsyms.usecases.notices import Notices

NO_HOME = "/nonexistent"
"""Where there is none (Debian Policy 9.2.1)."""
STRANGERS = "reports"
"""Folder beside the slots for the cache of builds that reports ask for."""


def closed_wanted(sandbox: str, say: Callable[[str], None], works: Callable[[], bool] = closed_works) -> bool:
    """Whether builds are closed off, by a profile's key `sandbox`; `say` hears where that is wanted and not to be had.

    Raises:
        UserError: it is required.
    """
    if sandbox == "usual":
        return False
    if works():
        return True
    if sandbox == "required":
        raise UserError(
            "bubblewrap cannot close a build off here, and that is required: nothing is built",
            next_step="apt-get install bubblewrap; in a container or under AppArmor, another host; or --sandbox auto",
        )
    say("NO SANDBOX: bubblewrap cannot close a build off here; it runs as you, with your files and network")
    return False


class Workbench(Bench):
    """A bench that builds kernels by a profile.

    Raises:
        UserError: the toolchain or a fixup's commit is missing, the ledger is of a newer version.
        InfraError: no slot, no space.
    """

    kinds = (Kind.REPLAY, Kind.RELINK, Kind.CLEAN)

    def __init__(
        self,
        repository: Repository,
        loaded: LoadedProfile,
        options: Options,
        environ: Mapping[str, str],
        reporter: Reporter,
        *,
        sleep: Callable[[float], None] = time.sleep,
        health: Callable[[Path], Health] = health,
    ) -> None:
        profile = loaded.profile
        env, dropped = for_build(environ, profile.environment)
        if loaded.config and loaded.config.emptied:
            reporter.say(
                f"{loaded.base_name}: emptied, because they name files of where it was made: "
                f"{listed(loaded.config.emptied)}; `kconfig:` can set them"
            )
        if dropped:
            reporter.say(f"not passed on to the build: {' '.join(dropped)}")
        chosen, installed = choose(profile, options.toolchain, options.toolchains, env, options.identity)
        tools, folder = on_path(chosen)
        if folder:
            env["PATH"] = os.pathsep.join([folder, env.get("PATH", os.defpath)])
        self._closed = closed_wanted(profile.sandbox, reporter.say)
        if self._closed:
            env.pop("TMPDIR", None)  # it may lie where a closed build sees nothing to write to
            env["HOME"] = NO_HOME
        programs = (tools.compiler, tools.linker, tools.nm, tools.ar, "make")
        self._needed = needed(programs, env.get("PATH", os.defpath), Path.home()) if self._closed else ()
        cache = self._cache(slots.repository_folder(options.slots_dir, repository), env, profile, reporter.say)
        env |= cache.environment
        self.from_nothing = Kind.CACHED if cache.program else Kind.CLEAN
        variation = variation_for(profile, options.lengths, options.vary)
        fixups = resolve(repository, loaded.fixups)
        cell = cell_of(loaded, installed.identity, jobs=options.jobs, variation=variation, fixups=fixups)
        self._place = here(cell.jobs, dict(tools.make).get("CROSS_COMPILE", ""))
        factors = [part.factor for part in variation.parts]
        self._run = partial(run_quietly, path=env.get("PATH", os.defpath))
        refuse_without(factors, self._place, self._run)
        super().__init__(repository, cell, variation, options, reporter, sleep=sleep, health=health)
        self._notices = Notices(reporter.say, self.ledger.last_release(cell.key))
        try:
            ids = {one.commit: one.tree for one in self.ledger.revisions(cell.key)}
            self.fixups = Fixups(repository, loaded.fixups, fixups, self.slot, ids, reporter.say)
            self.builder: Builder = self._builder(loaded, tools, installed, self.slot, env, dropped, cache)
            self.builder.tool_path.install(tools, env.get("PATH", os.defpath), cache.program)
            refuse_unwatched(factors, tools.linker, watched=self.builder.tool_path.watches(tools))
        except BaseException:
            self.close()
            raise

    def _builder(
        self,
        loaded: LoadedProfile,
        tools: Tools,
        installed: Installed,
        slot: slots.Slot,
        env: Mapping[str, str],
        dropped: tuple[str, ...],
        cache: Ccache,
    ) -> Builder:
        key = objtree_key(self.cell, self.variation.compiling, closed=loaded.profile.is_closed)
        objtree = slot.in_tree(key) if self.cell.in_tree else slot.objtree(key)
        return Builder(
            loaded=loaded,
            cell=self.cell,
            tools=tools,
            toolchain=installed,
            slot=slot.path,
            src=slot.src,
            objtree=objtree,
            view=self._view(slot, objtree.path, cache.folder),
            env=env,
            dropped=dropped,
            knowledge=load_knowledge(),
            factors=shipped_variations(),
            place=self._place,
            store=self.store,
            seeds=Seeds(self.repository.state_dir / ("seeds-of-reports" if loaded.profile.is_closed else "seeds")),
            timeout=loaded.profile.timeout,
            slots_in_use=partial(slots.in_use, self._options.slots_dir, self.repository),
            warn=self.reporter.say,
        )

    def _view(self, slot: slots.Slot, obj: Path, cache: Path | None) -> View:
        if bwrap_works():
            varied = applied(Draw(factors=self.variation.compiling), shipped_variations(), self._place)
            mount = self._options.slots_dir / (varied.mount or "build")
            off = closed(slot.path, self.repository, self._needed) if self._closed else None
            return mounted(slot.path, slot.src, obj, mount, self.repository.common_dir, cache, off)
        self.reporter.say("bubblewrap does not work here: paths are hidden from the compiler by prefix maps")
        return mapped(slot.path, slot.src, obj)

    @staticmethod
    def _cache(folder: Path, env: Mapping[str, str], profile: Profile, say: Callable[[str], None]) -> Ccache:
        """What a stranger's build leaves in a cache is for builds of strangers alone."""
        if not profile.is_closed:
            return Ccache.of(folder, env, wanted=profile.ccache, say=say)
        without = {name: value for name, value in env.items() if name != "CCACHE_DIR"}
        return Ccache.of(folder / STRANGERS, without, wanted=profile.ccache, say=say)

    @property
    def clones(self) -> bool:
        """With prefix maps a copy is seen at another path, and everything would be compiled again."""
        return self.builder.view.mode == "bwrap" and not self.cell.in_tree

    def check(self, draw: Draw) -> None:
        factors = [factor for factor, _ in drawn(draw, shipped_variations())]
        refuse_without(factors, self._place, self._run)
        tools = self.builder.tools
        refuse_unwatched(factors, tools.linker, watched=self.builder.tool_path.watches(tools))

    def _clone(self) -> None:
        if cloned := clone(self.slot, self.objtree.path.name, self.repository):
            self.reporter.say(f"{self.slot.path.name}: objtree copied from {cloned.slot} ({cloned.seconds:.1f} s)")

    def known(self, revision: Revision) -> Revision:
        """`revision` as the ledger has it in this cell: with the id of its tree and the fixups that apply to it.

        Every revision that comes in goes through here once; twice does no harm.
        """
        return self.fixups.known(revision)

    def _move_to(self, revision: Revision) -> Reject | None:
        return self.fixups.move_to(revision).reject

    def _look_at(self, attempt: Attempt) -> None:
        self._notices.look(attempt)

    @contextlib.contextmanager
    def lent(self, revision: Revision) -> Iterator[bool]:
        """The slot at `revision`, for people; whether the objtree is there too.

        What they change must not reach a later attempt. So worktree and objtree are distrusted before
        they begin, in case we are killed meanwhile, and once more when they have ended.
        """
        objtree, prepared = self.builder.objtree, self.fixups.move_to(revision)
        if prepared.reject:
            self.reporter.say(f"{prepared.reject.why}; the worktree is without any")
        arrived = objtree.at() == self.known(revision).tree
        try:
            self._distrust(self.slot, objtree)
            yield arrived
        finally:
            self._distrust(self.slot, objtree)

    @staticmethod
    def _distrust(slot: slots.Slot, objtree: Objtree) -> None:
        slot.distrust()
        objtree.path.mkdir(parents=True, exist_ok=True)
        objtree.suspect()

    def dry_run(self, revision: Revision) -> list[str]:
        """The make lines an arrival at `revision` and its first relink would run; nothing is run."""
        draw = self.variation.next_draw(self.known(revision).tree, ())
        arrival = self.arrival_from(Place.of(self.objtree), revision) or Kind.RELINK
        prepared = self.fixups.prepare(revision.commit)
        lines = [f"# {revision}: git worktree {self.builder.src}, objtree {self.builder.objtree.path}"]
        lines += [f"# .config there: from {config}" for config in [self.builder.loaded.profile.config] if config]
        lines += [f"# with fixup {name}" for name in prepared.names]
        if prepared.reject:
            return [*lines, f"# {prepared.reject.why}; nothing is built"]
        treeish = prepared.tree or revision.commit
        source = source_of(lambda path: self.repository.text(treeish, path), self.builder.knowledge.eras)
        lines += [command.pasteable() for command in self.builder.dry_run(source, arrival, draw)]
        return lines
