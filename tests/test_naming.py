"""Real links that went wrong by each cause are named for it; pairs of maps that nothing explains are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bisectsyms.effects.linkfiles import find
from bisectsyms.errors import UserError
from bisectsyms.inputs.causes import load_causes
from bisectsyms.kallsyms.facts import Facts
from bisectsyms.kallsyms.naming import Diagnosis, State, diagnose
from bisectsyms.model import Outcome
from bisectsyms.usecases.diagnose import of_two_maps
from bisectsyms.usecases.gathering import of_link, with_log
from tests.causes import CASES, Case, build, missing, variants
from tests.causes.unexplained import Pair, pairs

ENOUGH = 0.9
"""Of the variants of a cause are named first."""
FAMILIES = sorted({case.mechanism or case.trigger for case in CASES} | {case.trigger for case in CASES if case.trigger})


def named(case: Case, folder: Path) -> Diagnosis:
    """What is said of a case, with the attempts that a ledger would have of it."""
    obj = build(case, folder)
    log = folder / "make.log"
    try:
        facts = of_link(find(obj), log, obj).facts
    except UserError:  # it never came to its link
        facts = with_log(Facts("", None), log)
    facts = replace(facts, tried=case.tried)
    if case.why:
        facts = replace(facts, outcome=Outcome.INFRA, outcome_why=case.why)
    known = load_causes()
    return diagnose(facts, known.names, known.upstream)


def right(case: Case, told: Diagnosis) -> bool:
    """Whether the first on each axis that is certain in the case is the one it should be."""
    mechanism, trigger = (one.id if one else "" for one in (told.mechanism, told.trigger))
    return case.mechanism in ("", mechanism) and case.trigger in ("", trigger)


def build_or_skip(case: Case) -> None:
    if package := missing(case):
        pytest.skip(f"apt-get install {package}")


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_cause_is_named_first_in_its_own_case(case: Case, tmp_path: Path) -> None:
    build_or_skip(case)
    told = named(case, tmp_path)
    assert right(case, told), told.summary


@pytest.mark.slow
@pytest.mark.parametrize("cause", FAMILIES)
def test_a_cause_is_named_first_in_nine_of_ten_variants(cause: str, tmp_path: Path) -> None:
    case = next(
        one for one in CASES if cause in (one.mechanism, one.trigger) and one.id.startswith(cause.split("-")[0])
    )
    others = [one for one in variants(case) if not missing(one)]
    if len(others) < 10:
        pytest.skip("apt-get install " + next(missing(one) for one in variants(case) if missing(one)))
    wrong = {}
    for number, one in enumerate(others):
        told = named(one, tmp_path / str(number))
        if not right(one, told):
            wrong[one.id] = told.summary
    assert len(others) - len(wrong) >= ENOUGH * len(others), wrong


@pytest.mark.parametrize("pair", pairs(), ids=lambda pair: pair.id)
def test_what_no_cause_explains_is_not_explained(pair: Pair, tmp_path: Path) -> None:
    before, after = tmp_path / ".tmp_vmlinux2.syms", tmp_path / "System.map"
    before.write_text(pair.before)
    after.write_text(pair.after)
    told = of_two_maps(before, after)
    assert told.diagnosis.state is State.UNEXPLAINED, told.diagnosis.summary
    assert not told.facts.final or not told.facts.final.is_equal
    (tmp_path / "include").mkdir()
    folder = of_link(find(tmp_path), None, tmp_path)
    known = load_causes()
    assert not diagnose(folder.facts, known.names, known.upstream).named
