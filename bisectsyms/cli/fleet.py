"""`hunt --cluster`: the same hunt, made by workers on other machines. Whatever is for one machine alone is refused."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bisectsyms.errors import UserError

if TYPE_CHECKING:
    from bisectsyms.effects.cluster import Cluster
    from bisectsyms.effects.gitrepo import Repository
    from bisectsyms.effects.ledger import Ledger
    from bisectsyms.inputs.plan import HuntPlan
    from bisectsyms.inputs.profile import LoadedProfile
    from bisectsyms.render.progress import Reporter
    from bisectsyms.usecases.fleet import Fleet, Party
    from bisectsyms.usecases.hunt import HuntOptions, World
    from bisectsyms.usecases.matrix import Matrix


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
            raise UserError(f"{option} and --cluster exclude each other", next_step="start as many workers as you want")
    store = EvidenceStore(matrix.repository.state_dir / "evidence", cap=given["keep_evidence"], warn=reporter.say)
    cluster = Cluster(given["cluster"], reporter.say)
    with contextlib.closing(cluster):
        party = _party(matrix, plan, given, cluster)
        # Disk, battery and turns are the workers' matters; each looks after its own machine.
        elsewhere = World(asked_to_stop=world.asked_to_stop, notify=world.notify, show=world.show)
        yield Fleet(ledger, store, Workbench.kinds, party, cluster, reporter, options, elsewhere)


def _party(matrix: Matrix, plan: HuntPlan, given: dict[str, Any], cluster: Cluster) -> Party:
    from bisectsyms.effects import copies
    from bisectsyms.effects.fixups import by_ids
    from bisectsyms.usecases.fleet import Party
    from bisectsyms.usecases.orders import Home, Join

    repository = matrix.repository
    if given["source"]:
        copies.check_source(given["source"])
    home = Home(
        key=copies.key_of(repository),
        name=repository.top.name,
        slots_dir=given["slots_dir"] and given["slots_dir"].absolute(),
        nice=given["nice"],
        floor=given["floor"],
        disk=given["disk"],
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
    commits = [repository.resolve(name).commit for name in (*plan.revisions, *filter(None, named))]
    return tuple(dict.fromkeys(commits))
