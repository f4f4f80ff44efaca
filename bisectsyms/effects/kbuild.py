"""One attempt: configure, make, look at what came out, and say which outcome it was.

Whatever moves the layout by itself (build number, time, user, host, local version) is pinned, the link
always runs in the attempt, and every outcome goes through `classify` with the facts it asks for.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bisectsyms.core.classify import CLOCK, Ruling, Seen, classify
from bisectsyms.core.decide import NO_LINK_SCRIPT
from bisectsyms.core.eras import Era
from bisectsyms.core.logscan import scan
from bisectsyms.core.words import listed
from bisectsyms.effects import kconfig, link, nmtap
from bisectsyms.effects.beneath import regular, text_beneath
from bisectsyms.effects.evidence import EvidenceStore
from bisectsyms.effects.inputs import Inputs, inputs, lines
from bisectsyms.effects.kconfig import Came
from bisectsyms.effects.lastclean import LastClean
from bisectsyms.effects.linkfiles import ERA
from bisectsyms.effects.logfile import to_keep
from bisectsyms.effects.machine import Health, health
from bisectsyms.effects.makelines import MakeLines
from bisectsyms.effects.replay import Replay, forget, shows
from bisectsyms.effects.runner import MARK, Command, Ended, end_marked, run
from bisectsyms.effects.seeds import Seeds
from bisectsyms.effects.source import Source, source_of
from bisectsyms.effects.toolchain import Installed
from bisectsyms.errors import InfraError
from bisectsyms.inputs.knowledge import Knowledge
from bisectsyms.model import Draw, Kind, Measured, Outcome, Plan, Result, Revision

NO_SCRIPT = Ruling(Outcome.BROKEN, NO_LINK_SCRIPT, "this revision has no link script that could be run by itself")
CHUNK = 1 << 20
MOST_RELEASE = 1 << 10


@dataclass(frozen=True, slots=True)
class Builder(MakeLines):
    """Everything that stays the same between the attempts of one run in one slot."""

    toolchain: Installed
    src: Path
    """The worktree; with `in_tree` the objtree, too."""
    dropped: tuple[str, ...]
    knowledge: Knowledge
    store: EvidenceStore
    seeds: Seeds
    timeout: float
    """Seconds that one attempt may take."""
    slots_in_use: Callable[[], int] = lambda: 1
    """Of this repository, now."""
    warn: Callable[[str], None] = lambda text: None

    @property
    def log(self) -> Path:
        """What make prints, outside of what the build can write to."""
        return self.slot / "log"

    def plan(self, revision: Revision, kind: Kind, draw: Draw) -> Plan:
        """What is about to be done, exactly."""
        return Plan(
            revision=revision,
            cell=self.cell,
            kind=kind,
            draw=draw,
            slot=self.slot.name,
            paths=self.view.mode,
            from_scratch=kind.is_from_scratch or not self.objtree.exists(),
            command=self.make(self.source(), kind, draw, *self.cell.targets, jobs=True).pasteable(),
            dropped=self.dropped,
        )

    def source(self) -> Source:
        """The revision that is checked out in the slot."""
        return source_of(partial(text_beneath, self.src), self.knowledge.eras)

    def make_ready(self, source: Source) -> None:
        """Put in place what the make lines of this revision name, and out of the way what would stop them."""
        if not self.cell.in_tree:
            link.remove_build(self.src)
        if self.taps(source.era):
            self.tap.install(self.tools.nm)

    def carry_out(self, plan: Plan, number: int) -> Result:
        """Run the attempt. Only Ctrl-C, SIGTERM and trouble of the machine leave by an exception."""
        self.toolchain.still_there()
        self.log.unlink(missing_ok=True)
        self.tool_path.forget()
        before, in_use = health(self.slot), self.slots_in_use()
        source = self.source()
        era = source.era
        self.make_ready(source)
        if plan.kind.is_from_scratch:
            self.objtree.set_aside()
        with self.objtree.in_use() as begun:
            given = plan.from_scratch and self.seeds.give(self.objtree.path)
            steps = self._run_steps(plan, source)
            if self.view.mode != "bwrap":
                end_marked(str(self.slot))
        maps = self._maps(era, begun)
        came = kconfig.came_of(self.loaded, self.objtree.path)
        made = link.image_fresh(self.objtree.path, begun)
        ruling = self._rule(steps[-1], maps, era, came, before, made=made) if steps else NO_SCRIPT
        linked = self._linked(plan, ruling)
        kept = self._kept(plan, ruling, maps, era, linked)
        release = text_beneath(self.objtree.path, "include/config/kernel.release", MOST_RELEASE).strip()
        if ruling.outcome.is_evidence:
            self.objtree.arrived(plan.revision.tree)
            if plan.kind is not Kind.REPLAY:
                self._catch(plan)
            if plan.from_scratch and not self._kept_seeds() and not given:
                self.objtree.suspect()
        elif ruling.signature == CLOCK or (steps and steps[-1].killed):
            self.objtree.suspect()
        elif plan.kind.is_from_scratch:
            self.objtree.take_back()
        return Result(
            outcome=ruling.outcome,
            signature=ruling.signature,
            why=_told(ruling, linked),
            measured=Measured(
                seconds=sum(step.seconds for step in steps),
                cpu_seconds=sum(step.cpu_seconds for step in steps),
                peak_rss=max((step.peak_rss for step in steps), default=0),
                load=before.load,
                slots_in_use=in_use,
            ),
            exit_status=steps[-1].exit_status if steps else None,
            layout=maps.layout if steps else "",
            inputs=linked.digest if linked else "",
            kernel_release=release,
            evidence=kept,
            vanished=came.vanished,
        )

    def _kept_seeds(self) -> bool:
        """As `Seeds.take`; a full disk must not take the outcome of the attempt away."""
        try:
            return self.seeds.take(self.objtree.path)
        except OSError as error:
            self.warn(f"keys and seeds of this build could not be kept: {error}")
            return True

    def _run_steps(self, plan: Plan, source: Source) -> list[Ended]:
        """Run the commands of an attempt until one fails; the last one decides."""
        steps = []
        for command in self._commands(plan, source):
            ended = run(command, log=self.log, timeout=self.timeout)
            if command.argv[0] != "make" and ended.exit_status is not None and ended.exit_status > 128:
                ended = replace(ended, exit_status=128 - ended.exit_status)  # as bwrap and sh report a signal
            steps.append(ended)
            if ended.exit_status != 0:
                break
        if not steps and plan.kind is not Kind.REPLAY:
            return [Ended(0, 0.0, 0.0, 0)]
        return steps

    def _commands(self, plan: Plan, source: Source) -> Iterator[Command]:
        """The commands of an attempt, lazily: each is made only when those before it passed."""
        outputs = source.era.outputs if source.era else ("vmlinux", "System.map")
        if plan.kind is Kind.REPLAY:
            if replay := self.replay(plan):
                yield from self.joined(plan, source, arrived=True)
                link.remove(self.objtree.path, outputs)
                yield replay
            return
        arrived = self.objtree.at() == plan.revision.tree
        if not arrived:
            self.objtree.leave()
            forget(self.objtree.path)
            kconfig.prepare(self.loaded, self.objtree.path)
            yield from self.configure(source, plan.kind, plan.draw)
        yield from self.joined(plan, source, arrived=arrived)
        link.remove(self.objtree.path, outputs)
        came = kconfig.came_of(self.loaded, self.objtree.path)
        if came.kallsyms and not came.lost:
            yield self.make(source, plan.kind, plan.draw, *plan.cell.targets, jobs=True)

    def _maps(self, era: Era | None, begun: float) -> link.Maps:
        """The two maps that the link left, else those that were caught from its nm."""
        maps = link.maps(self.objtree.path, era, begun)
        if era is None or maps.equal is not None or not self.taps(era):
            return maps
        script = self.tap.filter_script(self.view.src, era)
        filters = Command((*self.view.prefix, "sh", "-c", script), self.slot, {**self.env, MARK: str(self.slot)})
        if script and run(filters, log=self.tap.folder / "log", timeout=self.timeout).exit_status == 0:
            return link.maps(self.tap.folder, era, begun)
        return maps

    def _rule(self, last: Ended, maps: link.Maps, era: Era | None, came: Came, before: Health, *, made: bool) -> Ruling:
        after = health(self.slot)
        seen = Seen(
            exit_status=last.exit_status,
            timed_out=last.timed_out,
            flooded=last.flooded,
            oom_kills=max(0, after.oom_kills - before.oom_kills),
            free_bytes=after.free_bytes,
            kallsyms=came.kallsyms,
            options_lost=came.lost,
            maps_fresh=maps.fresh,
            maps_equal=maps.equal,
            beyond_link=self.cell.targets != ("vmlinux",),
            image_fresh=made,
            era=era.id if era else "",
            clock_set_back=before.set_back(after),
            leaves_maps=era.leaves_maps if era else True,
        )
        roots = (str(self.view.src), str(self.view.obj))
        chunks = () if last.timed_out else _chunks(self.log)  # what was cut short proves nothing
        return classify(scan(chunks, self.knowledge.signatures, roots=roots), seen)

    def _linked(self, plan: Plan, ruling: Ruling) -> Inputs | None:
        """What the link of this attempt was made of; None where it proves nothing."""
        if not ruling.outcome.is_evidence:
            return None
        obj = self.objtree.path
        if plan.kind is Kind.REPLAY and not shows(obj / "vmlinux", plan.draw.build_version):
            self.warn("the version string of a replay is not the one that was drawn: all its draws are one layout")
        linked, last, key = self.inputs(), LastClean(self.slot), f"{plan.revision.tree} {plan.draw.factors}"
        if ruling.outcome is Outcome.CLEAN:
            last.note(key, linked)
            return linked
        return replace(linked, unlike=last.differing(key, linked))

    def inputs(self) -> Inputs:
        """What the last link in the objtree was made of."""
        return inputs(self.objtree.path, self.tool_path.noted(), self.view.obj)

    def _catch(self, plan: Plan) -> None:
        """Keep how make called the link script; a full disk must not take the outcome of the attempt away."""
        noted = self.tool_path.noted()
        try:
            Replay.save(self.objtree.path, plan.revision.tree, noted.caller if noted else None)
        except OSError as error:
            self.warn(f"the link of this revision cannot be replayed: {error}")

    def _kept(
        self, plan: Plan, ruling: Ruling, maps: link.Maps, era: Era | None, linked: Inputs | None
    ) -> tuple[tuple[str, str], ...]:
        """Keep what can be kept: a full disk must not take the outcome of the attempt away."""
        try:
            return self._keep(plan, ruling, maps, era, linked)
        except (InfraError, OSError) as error:
            self.warn(f"{error}; the attempt itself counts")
            return ()

    def _keep(
        self, plan: Plan, ruling: Ruling, maps: link.Maps, era: Era | None, linked: Inputs | None
    ) -> tuple[tuple[str, str], ...]:
        """Keep the log of every attempt, and of a failure all that explains it, never vmlinux itself."""
        files = [("log", to_keep(self.log))]
        if ruling.outcome is Outcome.INCONSISTENT:
            obj, made = self.objtree.path, self.slot / "evidence"
            made.mkdir(exist_ok=True)
            if linked:
                (made / "link-inputs").write_text(lines((*linked.files, *linked.drawn)))
                (made / "link-moved").write_text("".join(f"{text}\n" for text in linked.moved))
                (made / "link-unlike").write_text("".join(f"{name}\n" for name in linked.unlike))
            (made / ERA).write_text(f"{era.id}\n" if era else "")
            command = replay.pasteable() if plan.kind is Kind.REPLAY and (replay := self.replay(plan)) else plan.command
            (made / "command").write_text(f"{command}\n")
            (made / "toolchain").write_text(f"{plan.cell.toolchain.compiler}\n{plan.cell.toolchain.linker}\n")
            files += [(path.name, path) for path in sorted(made.iterdir())]
            files += [(name, obj / name) for name in (".config", ".version") if regular(obj, name)]
            files += [(path.name, path) for path in (maps.before, maps.after) if path]
            files += [(path.name, path) for path in self._said_of_images(era)]
            files += [(path.name, path) for path in (self.tap.copies() if self.taps(era) else ())]
            files += [(path.name, path) for name in (era.passes if era else ()) for path in obj.glob(name)]
        # What is no regular file was never there: the build put it in the place of one.
        return self.store.keep({name: path for name, path in files if regular(path.parent, path.name)}.items())

    def _said_of_images(self, era: Era | None) -> list[Path]:
        """What nm and readelf said of vmlinux, which make deletes, and of the temporary images that left no map."""
        said = nmtap.copies(self.tool_path.watch)
        passes = [path for path in said if path.name.startswith(".tmp_")]
        final = [path for path in said if path not in passes]
        kept = [*(passes[-1:] if era and era.maps() else passes), *final]
        return [*kept, *(one for path in kept if (one := path.with_suffix(nmtap.SECTIONS)).exists())]


def _told(ruling: Ruling, linked: Inputs | None) -> str:
    """Why it ended as it did, and which inputs of the link did not hold still, or are others than where it passed."""
    told = [ruling.why]
    if linked and ruling.outcome is Outcome.INCONSISTENT:
        told += [listed(linked.moved, 3)] if linked.moved else []
        told += [f"unlike the last attempt here that passed: {listed(linked.unlike, 3)}"] if linked.unlike else []
    return "; ".join(told)


def _chunks(path: Path) -> Iterator[bytes]:
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
