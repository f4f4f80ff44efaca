"""What attempts of a ledger say beside the one that failed, and what they do not."""

from __future__ import annotations

from dataclasses import replace

from bisectsyms.kallsyms.conditions import HERE, tried
from bisectsyms.kallsyms.facts import Tried
from bisectsyms.model import Attempt, Draw, Kind, Outcome, Plan, Result
from tests.ledgers import CELL, CLEAN, FAILED, GCC, plan

SPOILT = replace(FAILED, outcome=Outcome.INFRA)


def attempts(*made: tuple[Plan, Result]) -> list[Attempt]:
    return [Attempt(number, one, 0.0, result) for number, (one, result) in enumerate(made, 1)]


def counts(made: list[Attempt], hosts: dict[int, str] | None = None) -> dict[str, tuple[int, int]]:
    return {one.condition: (one.failed, one.clean) for one in tried(made[0], made, hosts or {})}


def drawn(*factors: str, length: int = 3, kind: Kind = Kind.RELINK) -> Plan:
    return plan(kind=kind, draw=Draw(length, tuple((name, "") for name in factors)))


def test_each_condition_is_counted_by_itself() -> None:
    made = attempts(
        (drawn(), FAILED),
        (drawn(), CLEAN),
        (drawn(length=9), CLEAN),
        (drawn("jobs-one"), CLEAN),
        (drawn("ld-lld"), CLEAN),
        (drawn("extra-pass"), FAILED),
        (drawn(), SPOILT),
    )
    assert counts(made) == {
        "same": (1, 2),
        "length=3": (1, 1),
        "length=9": (0, 1),
        "jobs=1": (0, 1),
        "ld=lld": (0, 1),
        "extra-pass": (1, 0),
    }


def test_another_cell_counts_where_it_differs_in_one_thing_only() -> None:
    one_job, other_ld = replace(CELL, jobs=1), replace(CELL, toolchain=replace(GCC, linker="GNU ld 2.42", digest="cd"))
    clang = replace(CELL, toolchain=replace(GCC, compiler="clang"))
    made = attempts(
        (plan(), FAILED),
        (plan(cell=one_job), CLEAN),
        (plan(cell=other_ld), CLEAN),
        (plan(cell=replace(other_ld, jobs=1)), CLEAN),
        (plan(cell=clang), CLEAN),
        (plan(cell=replace(CELL, kconfig="x")), CLEAN),
    )
    assert counts(made) == {"same": (1, 0), "length=3": (1, 0), "jobs=1": (0, 1), "ld=GNU ld 2.42": (0, 1)}


def test_kinds_are_not_pooled_and_where_an_objtree_came_from_is_known() -> None:
    made = attempts(
        (drawn(kind=Kind.INCREMENTAL), FAILED),
        (drawn(), FAILED),
        (replace(drawn(kind=Kind.CLEAN), from_scratch=True), CLEAN),
        (drawn(), CLEAN),
    )
    assert counts(made) == {"same": (1, 0), "length=3": (1, 0), "incremental": (1, 0), "clean": (0, 1)}
    assert "incremental" not in counts(made[:1])
    links = {one.condition: one for one in tried(made[1], made, {})}
    assert links["incremental"] == Tried("incremental", 1, 0)
    assert links["clean"] == Tried("clean", 0, 1)


def test_hosts_are_told_apart_where_there_are_two() -> None:
    made = attempts((plan(), FAILED), (plan(), CLEAN), (plan(), CLEAN))
    assert counts(made, {2: "fast", 3: "fast"}) == {
        "same": (1, 0),
        f"host={HERE}": (1, 0),
        "length=3": (1, 0),
        "host=fast": (0, 2),
    }
