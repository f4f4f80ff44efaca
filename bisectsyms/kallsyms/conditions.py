"""What other attempts at one revision say of a failure: each set beside it differs from it in one thing.

An attempt that differs in two things tells nothing about either, and is left out; so is what is no evidence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from bisectsyms.kallsyms.facts import Tried
from bisectsyms.model import Attempt, Kind

ONE_JOB = "jobs-one"
LINKERS = "ld-"
FURTHER = "extra-pass"
"""Names of factors in configs/knowledge/variations.yaml."""
OTHER = "something else"
"""It was built otherwise: that is no comparison of one thing."""
OF_THE_BUILD = ("arch", "kconfig", "targets", "variables", "environment", "in_tree", "fixups")
"""Fields of a cell that make another build of it."""
HOST = "host="
HERE = "here"
"""The host whose ledger it is, for attempts that were not taken over from another."""


def tried(base: Attempt, attempts: Iterable[Attempt], hosts: Mapping[int, str]) -> tuple[Tried, ...]:
    """Counts per condition. `attempts` are those at this revision in the order of their numbers, base among them.

    Hosts, and where an objtree came from, are told only where there are two to compare.
    `hosts` has the host of each attempt that was taken over from another ledger, by number.
    """
    failed, clean = Counter[str](), Counter[str]()
    for one, provenance in with_provenance(attempts):
        if one.result is None or not one.result.outcome.is_evidence:
            continue
        for condition in _conditions(base, one, provenance, hosts):
            (failed if one.result.outcome.is_failure else clean)[condition] += 1
    found = [Tried(name, failed[name], clean[name]) for name in dict.fromkeys((*failed, *clean))]
    names = {one.condition for one in found}
    hosts_too = sum(name.startswith(HOST) for name in names) > 1
    trees_too = {"clean", "incremental"} <= names
    alone = {name for name in names if name.startswith(HOST) and not hosts_too}
    alone |= set() if trees_too else {"clean", "incremental"}
    return tuple(one for one in found if one.condition not in alone)


def with_provenance(attempts: Iterable[Attempt]) -> Iterable[tuple[Attempt, str]]:
    """Each attempt, and whether its objtree was built `clean` or is `incremental`; empty where that is not known."""
    arrived = dict[str, str]()
    for one in attempts:
        if not one.plan.kind.is_link_alone:
            arrived[one.plan.slot] = "clean" if one.plan.from_scratch else "incremental"
        yield one, arrived.get(one.plan.slot, "")


def _conditions(base: Attempt, one: Attempt, provenance: str, hosts: Mapping[int, str]) -> Sequence[str]:
    differing = _differing(base, one, hosts)
    kind, other = base.plan.kind, one.plan.kind
    arrivals = (Kind.INCREMENTAL, Kind.CLEAN)
    if kind is not other:  # rates of different kinds are never pooled, but what these two show is compared
        return [provenance] if not differing and kind in arrivals and other in arrivals else []
    if differing:
        return differing if len(differing) == 1 and differing != [OTHER] else []
    host = f"{HOST}{hosts.get(one.number, HERE)}"
    return [name for name in ("same", host, f"length={one.plan.draw.length}", provenance) if name]


def _differing(base: Attempt, one: Attempt, hosts: Mapping[int, str]) -> list[str]:
    """The things in which it differs, as conditions; the length of the version string is none of them."""
    mine, its = base.plan, one.plan
    cell, other = mine.cell, its.cell
    found = []
    if _jobs(base) != _jobs(one):
        found.append(f"jobs={_jobs(one)}")
    if (linker := _linker(one)) != _linker(base):
        found.append(f"ld={linker}")
    if _has(one, FURTHER) != _has(base, FURTHER):
        found.append(FURTHER if _has(one, FURTHER) else f"without {FURTHER}")
    if hosts.get(base.number, HERE) != hosts.get(one.number, HERE):
        found.append(f"{HOST}{hosts.get(one.number, HERE)}")
    same_build = all(getattr(cell, name) == getattr(other, name) for name in OF_THE_BUILD)
    if not same_build or cell.toolchain.compiler != other.toolchain.compiler or _others(base) != _others(one):
        found.append(OTHER)
    return found


def _jobs(attempt: Attempt) -> int:
    return 1 if _has(attempt, ONE_JOB) else attempt.plan.cell.jobs


def _linker(attempt: Attempt) -> str:
    """The factor that chose it, else the toolchain's own."""
    chosen = (name for name, _ in attempt.plan.draw.factors if name.startswith(LINKERS))
    return next(chosen, attempt.plan.cell.toolchain.linker).removeprefix(LINKERS)


def _has(attempt: Attempt, factor: str) -> bool:
    return any(name == factor for name, _ in attempt.plan.draw.factors)


def _others(attempt: Attempt) -> list[tuple[str, str]]:
    known = (ONE_JOB, FURTHER)
    return [pair for pair in attempt.plan.draw.factors if pair[0] not in known and not pair[0].startswith(LINKERS)]
