"""`--cluster`: the same hunt or search, made by workers on other machines. What is for one machine alone is refused."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from bisectsyms.cli.shared import known_toolchains, load_profile, new_reporter, slots_folder
from bisectsyms.errors import UserError

if TYPE_CHECKING:
    from bisectsyms.effects.cluster import Cluster
    from bisectsyms.effects.dag import Ends
    from bisectsyms.effects.gitrepo import Repository
    from bisectsyms.effects.ledger import Ledger
    from bisectsyms.effects.question import Question
    from bisectsyms.inputs.plan import HuntPlan
    from bisectsyms.inputs.profile import LoadedProfile
    from bisectsyms.render.progress import Reporter
    from bisectsyms.usecases.fleet import Fleet
    from bisectsyms.usecases.hunt import HuntOptions, World
    from bisectsyms.usecases.matrix import Matrix
    from bisectsyms.usecases.remotecrew import RemoteCrew
    from bisectsyms.usecases.roster import Party

WORKERS = "start as many workers as you want"


@contextlib.contextmanager
def open_fleet(
    ledger: Ledger,
    matrix: Matrix,
    plan: HuntPlan,
    given: dict[str, Any],
    reporter: Reporter,
    options: HuntOptions,
    world: World,
) -> Iterator[Fleet]:
    """The hunt, with the cluster open for as long.

    Raises:
        UserError: an option is for one machine, or something of the plan is not there.
        InfraError: no scheduler answers.
    """
    from bisectsyms.effects.cluster import Cluster
    from bisectsyms.effects.evidence import EvidenceStore
    from bisectsyms.usecases.fleet import Fleet
    from bisectsyms.usecases.hunt import World
    from bisectsyms.usecases.workbench import Workbench

    for name in ("slots", "host_slots"):
        if given[name]:
            option = f"--{name.replace('_', '-')}"
            raise UserError(f"{option} and --cluster exclude each other", next_step=WORKERS)
    store = EvidenceStore(matrix.repository.state_dir / "evidence", cap=given["keep_evidence"], warn=reporter.say)
    cluster = Cluster(given["cluster"], reporter.say)
    with contextlib.closing(cluster):
        party = _party(matrix, plan, given, cluster)
        # Disk, battery and turns are the workers' matters; each looks after its own machine.
        elsewhere = World(asked_to_stop=world.asked_to_stop, notify=world.notify, show=world.show)
        yield Fleet(ledger, store, Workbench.kinds, party, cluster, reporter, options, elsewhere)


@contextlib.contextmanager
def open_crew(
    repository: Repository,
    question: Question,
    ends: Ends,
    given: dict[str, Any],
    most: int | None,
    deadline: float | None,
) -> Iterator[RemoteCrew]:
    """The desk of a search, with the cluster open for as long.

    `most` is how many attempts may be begun; for a worker nobody waits longer than until `deadline` (since the epoch).

    Raises:
        UserError: an option is for one machine, or something is not there.
        InfraError: no scheduler answers, or no worker comes.
    """
    from bisectsyms.effects.cluster import Cluster
    from bisectsyms.effects.evidence import EvidenceStore
    from bisectsyms.effects.slots import repository_folder
    from bisectsyms.inputs.plan import HuntPlan
    from bisectsyms.usecases.cells import variation_for
    from bisectsyms.usecases.matrix import Matrix
    from bisectsyms.usecases.remotecrew import RemoteCrew

    if question.words:
        raise UserError("--cluster is for kernels, a command is run here", next_step="--slots for several at once")
    if question.slots != 1:
        raise UserError("--slots and --cluster exclude each other", next_step=WORKERS)
    loaded = load_profile(repository, question.profile)
    plan = HuntPlan(
        plan="hunt",
        revisions=(*ends.olds, ends.new),
        profiles=(question.profile or "",),
        toolchains=(question.toolchain,) if question.toolchain else (),
        jobs=(question.jobs,) if question.jobs else (),
        variations=(str(variation_for(loaded.profile, question.sweep, question.vary)),),
    )
    matrix = Matrix(repository, known_toolchains(), os.environ, partial(load_profile, repository), list)
    reporter = new_reporter(repository)
    if not given["cluster"]:
        reporter.say(f"on the cluster {question.cluster}, as before; --cluster '' for this machine alone")
    store = EvidenceStore(repository.state_dir / "evidence", cap=given["keep_evidence"], warn=reporter.say)
    aside = repository_folder(slots_folder(given["slots_dir"]), repository) / "aside"
    with contextlib.closing(Cluster(question.cluster, reporter.say)) as cluster:
        party = _party(matrix, plan, given | {"source": question.source}, cluster)
        with RemoteCrew(
            party, cluster, aside, store, reporter, preferred=question.cell, most=most, deadline=deadline
        ) as crew:
            yield crew


def _party(matrix: Matrix, plan: HuntPlan, given: dict[str, Any], cluster: Cluster) -> Party:
    from bisectsyms.effects import copies
    from bisectsyms.effects.fixups import by_ids
    from bisectsyms.usecases.orders import Home, Join
    from bisectsyms.usecases.roster import Party

    repository = matrix.repository
    if given["source"]:
        copies.check_source(given["source"])
    home = Home(
        key=copies.key_of(repository),
        name=repository.top.name,
        slots_dir=given["slots_dir"] and given["slots_dir"].absolute(),
        nice=given.get("nice", False),  # this and the next two are a hunt's
        floor=given.get("floor", 0),
        disk=given.get("disk"),
        keep_evidence=given["keep_evidence"],
        infra_wait=given["infra_wait"],
    )
    profiles = {
        name: replace(one, fixups=by_ids(repository, one.fixups)) for name, one in matrix.profiles(plan).items()
    }
    source = given["source"] or (str(repository.common_dir) if cluster.is_local else "")
    return Party(repository, matrix, Join(home, plan, profiles, _commits(repository, plan, profiles), source))


def _commits(repository: Repository, plan: HuntPlan, profiles: dict[str, LoadedProfile]) -> tuple[str, ...]:
    """What a worker needs: the revisions, and what fixups are picked from or told by."""
    named = [
        name for one in profiles.values() for fixup in one.fixups for name in (fixup.commit, fixup.since, fixup.before)
    ]
    from bisectsyms.inputs.plan import at_key

    commits = []
    for number, name in enumerate(plan.revisions):
        with at_key("revisions", number):
            commits.append(repository.resolve(name).commit)
    commits += [repository.resolve(name).commit for name in filter(None, named)]
    return tuple(dict.fromkeys(commits))
