"""Experiments on a bench whose attempts end as a test says: which arms are made, what counts, how it ends."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bisectsyms.core.comparing import Turn
from bisectsyms.core.decide import Ask
from bisectsyms.core.experiments import EXPERIMENTS, Design
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.errors import UserError
from bisectsyms.inputs.profile import find_profile
from bisectsyms.inputs.toolchains import load_toolchains
from bisectsyms.model import Attempt, Draw, Kind, Outcome, Plan
from bisectsyms.render.experiment import lines, show_conducted
from bisectsyms.render.jsontext import document
from bisectsyms.smallkernel.history import Failure
from bisectsyms.usecases.bench import Options
from bisectsyms.usecases.experiment import Conducted, run_experiment
from bisectsyms.usecases.limits import Limits
from bisectsyms.usecases.workbench import Workbench
from tests.conftest import MakeHistory, User
from tests.scripted import Heard, Scripted, Shows
from tests.test_searching import write

Experimenting = Callable[..., Conducted]
FAILING = Draw(3)


@pytest.fixture
def conduct(tmp_path: Path) -> Iterator[Experimenting]:
    """`conduct("ld", shows)`: after one failure at length 3, on one ledger; the attempts stay in `conduct.made`."""
    repo = write(tmp_path / "repo", ["true"] * 3)

    def run(
        name: str,
        shows: Shows,
        *,
        limit: int | None = None,
        most: int = 96,
        lengths: int = 16,
        jobs: int = 8,
        first: tuple[Kind, ...] = (Kind.INCREMENTAL, Kind.RELINK),
        failing: Draw = FAILING,
        latest: bool = False,
    ) -> Conducted:
        with Scripted(repo, tmp_path, shows, lengths, jobs=jobs) as bench:
            revision = bench.repository.resolve("3")
            if not bench.ledger.count():
                for kind in first:
                    bench.attempt(revision, Ask(kind, "the failure", failing))
            begun = bench.made
            limits = Limits(None, limit, lambda: bench.made - begun, time.time)
            run.made = bench.heard.made  # type: ignore[attr-defined]
            run.said = bench.heard.lines  # type: ignore[attr-defined]
            failure = bench.ledger.last(Outcome.INCONSISTENT) if latest else None
            return run_experiment(bench, revision, name, limits, most=most, failure=failure)

    yield run


def ends(failed: bool, layout: object = "") -> tuple[Outcome, str]:
    return Outcome.INCONSISTENT if failed else Outcome.CLEAN, str(layout)


def has(plan: Plan, factor: str) -> bool:
    return factor in dict(plan.draw.factors)


def only_at_three(plan: Plan) -> tuple[Outcome, str]:
    return ends(plan.draw.length == 3 and not plan.draw.factors, plan.draw.length)


def test_a_further_pass_that_ends_it(conduct: Experimenting) -> None:
    told = conduct("extra-pass", only_at_three)
    base, other = told.arms
    assert (told.turn, told.answered, told.failure) == (Turn.FEWER, True, 2)
    assert (base.failed, base.clean, other.failed, other.clean) == (6, 0, 0, 6)
    assert told.p == pytest.approx(2 / 924)
    assert "inner-layout" in told.speaks_for
    made = conduct.made[2:]  # type: ignore[attr-defined]
    assert {one.plan.kind for one in made} == {Kind.RELINK}
    assert [has(one.plan, "extra-pass") for one in made][:4] == [False, True, True, False], "by turns"
    assert {one.plan.cell.variation for one in made if has(one.plan, "extra-pass")} == {"sweep:16+extra-pass"}
    assert {one.plan.cell.variation for one in made if not has(one.plan, "extra-pass")} == {"sweep:16"}
    assert "Up to 12 attempts (relink), about 33.0 s" in " ".join(conduct.said)  # type: ignore[attr-defined]


def test_it_goes_on_where_it_stopped(conduct: Experimenting) -> None:
    first = conduct("extra-pass", only_at_three, limit=5)
    assert (first.turn, first.answered, first.stopped) == (Turn.UNDECIDED, False, "--max-attempts 5")
    assert first.next_step == "the same command goes on"
    second = conduct("extra-pass", only_at_three)
    assert (second.turn, second.attempts) == (Turn.FEWER, 7)
    assert [arm.before for arm in second.arms] == [3, 2]
    third = conduct("extra-pass", only_at_three)
    assert (third.turn, third.attempts, third.p) == (Turn.FEWER, 0, second.p)


def test_it_goes_on_although_the_last_failure_is_one_of_its_own(conduct: Experimenting) -> None:
    first = conduct("extra-pass", only_at_three, limit=5, latest=True)
    second = conduct("extra-pass", only_at_three, latest=True)
    assert (first.failure, second.failure, second.turn, second.attempts) == (2, 2, Turn.FEWER, 7)


def test_a_failure_that_chose_the_experiment_is_not_counted(conduct: Experimenting) -> None:
    """It would make every arm that it is in look worse than it is."""
    calls = Counter[str]()

    def once(plan: Plan) -> tuple[Outcome, str]:
        calls["made"] += 1
        return ends(calls["made"] <= 2)

    answer = conduct("repeat", once)
    assert (answer.turn, answer.arms[0].failed, answer.arms[0].clean) == (Turn.UNDECIDED, 0, 24)
    assert "does not show any more" in answer.why


@pytest.mark.parametrize(("pattern", "turn"), [("+", Turn.ALWAYS), ("+-", Turn.BOTH)])
def test_the_same_draw_again(conduct: Experimenting, pattern: str, turn: Turn) -> None:
    calls = Counter[str]()

    def shows(plan: Plan) -> tuple[Outcome, str]:
        calls["made"] += 1
        return ends(calls["made"] < 3 or pattern[calls["made"] % len(pattern)] == "+")

    told = conduct("repeat", shows)
    assert told.turn is turn
    assert ("race" in told.speaks_for) == (turn is Turn.BOTH)


def test_one_job_that_fails_answers_at_once(conduct: Experimenting) -> None:
    told = conduct("jobs=1", lambda plan: ends(True))
    assert (told.turn, told.attempts) == (Turn.SAME, 4), "the failure, two of the base, one with -j1"
    assert told.speaks_against == ("race",)


def test_what_calibrate_made_with_one_job_counts(conduct: Experimenting, tmp_path: Path) -> None:
    def shows(plan: Plan) -> tuple[Outcome, str]:
        return ends(plan.cell.jobs > 1 and not has(plan, "jobs-one"))

    conduct("jobs=1", shows, limit=0)
    with Scripted(tmp_path / "repo", tmp_path, shows, 16, jobs=1) as alone:
        for _ in range(6):
            alone.attempt(alone.repository.resolve("3"), Ask(Kind.RELINK, "as calibrate", FAILING))
    told = conduct("jobs=1", shows)
    assert (told.turn, [arm.before for arm in told.arms], told.attempts) == (Turn.FEWER, [0, 6], 6)


def test_another_ld_is_tried_on_many_layouts_each_counted_once(conduct: Experimenting) -> None:
    def shows(plan: Plan) -> tuple[Outcome, str]:
        return ends(not has(plan, "ld-lld"), f"{has(plan, 'ld-lld')} {(plan.draw.length - 1) // 2}")

    told = conduct("ld", shows)
    assert (told.turn, told.speaks_for, told.arms[1].name) == (Turn.FEWER, ("toolchain",), "ld-lld")
    made = Counter(one.plan.draw for one in conduct.made[2:])  # type: ignore[attr-defined]
    assert max(made.values()) == 1
    assert told.arms[0].failed == 6, "of eight layouts"


def test_too_few_layouts_decide_nothing(conduct: Experimenting) -> None:
    def shows(plan: Plan) -> tuple[Outcome, str]:
        return ends(not has(plan, "ld-lld"), f"{has(plan, 'ld-lld')} {plan.draw.length // 8}")

    told = conduct("ld", shows)
    assert (told.turn, "too few" in told.why, told.answered) == (Turn.UNDECIDED, True, False)


@pytest.mark.parametrize(
    ("fails", "turn", "cause"),
    [(lambda length: length % 4 == 3, Turn.FEWER, "version-string"), (lambda length: True, Turn.SAME, "")],
)
def test_other_lengths(conduct: Experimenting, fails: Callable[[int], bool], turn: Turn, cause: str) -> None:
    told = conduct("sweep", lambda plan: ends(fails(plan.draw.length)))
    assert (told.turn, cause in told.speaks_for or not cause) == (turn, True)
    others = {one.plan.draw.length for one in conduct.made[2:]} - {3}  # type: ignore[attr-defined]
    assert len(others) >= 6


def test_lengths_that_the_policy_does_not_have_are_of_another_cell(conduct: Experimenting) -> None:
    told = conduct("sweep", lambda plan: ends(plan.draw.length == 1), lengths=1, failing=Draw(1))
    assert told.turn is Turn.FEWER
    policies = {(one.plan.draw.length == 1, one.plan.cell.variation) for one in conduct.made}  # type: ignore[attr-defined]
    assert policies == {(True, "pinned"), (False, "sweep:16")}


class Tree:
    """An objtree in which something stale is left by an incremental build."""

    def __init__(self) -> None:
        self.stale = True

    def __call__(self, plan: Plan) -> tuple[Outcome, str]:
        if plan.kind is Kind.CLEAN:
            self.stale = False
        elif plan.kind is Kind.INCREMENTAL:
            self.stale = True
        return ends(self.stale)


def test_what_is_stale_is_gone_in_a_tree_from_scratch(conduct: Experimenting) -> None:
    told = conduct("clean-tree", Tree())
    assert (told.turn, told.speaks_for) == (Turn.FEWER, ("stale",))
    kinds = [one.plan.kind for one in conduct.made[2:]]  # type: ignore[attr-defined]
    assert kinds == [*[Kind.RELINK] * 6, Kind.CLEAN, *[Kind.RELINK] * 6], "the tree that may be lost comes first"


def test_a_tree_that_was_lost_is_made_again_by_way_of_the_parent(conduct: Experimenting) -> None:
    told = conduct("clean-tree", Tree(), first=(Kind.INCREMENTAL, Kind.RELINK, Kind.CLEAN))
    assert told.turn is Turn.FEWER
    made = [one.plan for one in conduct.made[3:]]  # type: ignore[attr-defined]
    assert [one.kind for one in made][:3] == [Kind.INCREMENTAL, Kind.INCREMENTAL, Kind.RELINK]
    assert [one.revision.title for one in made][:2] == ["2", "3"]


def test_a_failure_from_scratch_needs_no_experiment(conduct: Experimenting) -> None:
    told = conduct("clean-tree", lambda plan: ends(True), first=(Kind.CLEAN, Kind.RELINK))
    assert (told.turn, told.arms, told.attempts) == (Turn.SAME, (), 2)
    assert "attempt 1 failed, which began with an empty objtree" in told.why


def test_what_does_not_build_is_no_evidence_and_ends_it(conduct: Experimenting) -> None:
    def shows(plan: Plan) -> tuple[Outcome, str]:
        return (Outcome.BROKEN, "") if has(plan, "ld-lld") else ends(True, plan.draw.length)

    told = conduct("ld", shows)
    assert (told.turn, "4 attempts in a row were no evidence" in told.stopped) == (Turn.UNDECIDED, True)


@pytest.mark.parametrize(
    ("name", "jobs", "says"),
    [("faster", 8, "there is no experiment"), ("recompile", 8, "there is no experiment"), ("jobs=1", 1, "-j1 already")],
)
def test_what_cannot_be_asked(conduct: Experimenting, name: str, jobs: int, says: str) -> None:
    with pytest.raises(UserError, match=says):
        conduct(name, lambda plan: ends(True), jobs=jobs)


def test_without_a_failure_there_is_nothing_to_experiment_on(conduct: Experimenting) -> None:
    with pytest.raises(UserError, match="none of the attempts at 3 failed") as refused:
        conduct("repeat", lambda plan: ends(False))
    assert refused.value.next_step == "bisectsyms calibrate REV"


@pytest.mark.parametrize("name", [one.name for one in EXPERIMENTS.values() if one.design is not Design.RECOMPILE])
def test_it_is_told(conduct: Experimenting, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = conduct(name, only_at_three, most=24)
    show_conducted(told)
    out = capsys.readouterr().out
    assert told.question in out
    assert all(line in out for line in lines(told))
    assert json.loads(document(told))["turn"] == str(told.turn)


@pytest.mark.slow
def test_a_real_link_that_does_not_settle_fails_with_a_further_pass(user: User, make_history: MakeHistory) -> None:
    """On a real bench: the same objects, the same draw, a cell of its own for the attempts with the further pass."""
    history = make_history(Failure.LAYOUT, commits=12, broken=False, unrelated=False)
    repository = Repository.discover(history.repo, {})
    options = Options(slots_dir=user.slots, toolchains=load_toolchains(user.home))
    loaded = find_profile("smallkernel", state_dir=user.home, xdg_config_home=user.home, cwd=user.home)
    heard = Heard()
    with Workbench(repository, loaded, options, user.env, heard) as bench:
        bad = repository.resolve(history.bad)
        while not any(one.plan.kind is Kind.RELINK and _failed(one) for one in heard.made):
            bench.attempt(bad, Ask(bench.arrival(bad) or Kind.RELINK, "until it fails"))
        told = run_experiment(bench, bad, "extra-pass", Limits(None, 40, lambda: bench.made, time.time))
        always = run_experiment(bench, bad, "repeat", Limits(None, 80, lambda: bench.made, time.time))
    assert (told.turn, told.speaks_against, always.turn) == (Turn.SAME, ("inner-layout",), Turn.ALWAYS)
    plans = [one.plan for one in heard.made if has(one.plan, "extra-pass")]
    assert {one.cell.variation for one in plans} == {"sweep:64+extra-pass"}
    assert all("KALLSYMS_EXTRA_PASS=1" in one.command for one in plans)


def _failed(attempt: Attempt) -> bool:
    return attempt.result is not None and attempt.result.outcome.is_failure
