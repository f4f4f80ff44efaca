"""`bisectsyms calibrate`: what is measured at a revision that fails, and that bisect and step go on from it."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bisectsyms.core.decide import Ask
from bisectsyms.core.nature import Nature
from bisectsyms.effects.dag import find_ends, read_range
from bisectsyms.model import Kind, Outcome, Plan
from bisectsyms.render.calibrated import lines
from bisectsyms.smallkernel.history import Failure
from bisectsyms.usecases.calibrate import Calibrated, calibrate, chosen, one_job_tells, with_one_job
from bisectsyms.usecases.judging import Judging, StepOptions
from bisectsyms.usecases.learning import SearchOptions
from bisectsyms.usecases.limits import Limits
from bisectsyms.usecases.searching import Searching
from tests.conftest import MakeHistory, User, git, named
from tests.scripted import Scripted
from tests.test_searching import CHANCE, bisect, found, write

FAILED, CLEAN = (Outcome.INCONSISTENT, ""), (Outcome.CLEAN, "")
Shows = Callable[[Plan], tuple[Outcome, str]]


@pytest.fixture
def measure(tmp_path: Path) -> Iterator[Callable[..., Calibrated]]:
    """Calibrate at the newest of three commits whose attempts end as a test says, on one ledger."""
    repo = write(tmp_path / "repo", ["true"] * 3)

    def run(shows: Shows, *, most: int | None = None, lengths: int = 1, rate: float = 0.2) -> Calibrated:
        with Scripted(repo, tmp_path, shows, lengths) as bench:
            limits = Limits(None, most, lambda: bench.made, time.time)
            judging = Judging(bench, StepOptions(lowest_rate=rate))
            return calibrate(judging, bench.repository.resolve("3"), limits)

    yield run


def by_chance(rate: float, kind: Kind, seed: int = 1) -> Shows:
    rng = random.Random(seed)
    return lambda plan: FAILED if plan.kind is kind and rng.random() < rate else CLEAN


def test_the_kind_that_fails_is_found_and_its_rate_measured(measure: Callable[..., Calibrated]) -> None:
    answer = measure(by_chance(0.5, Kind.RELINK))
    assert (answer.chosen, answer.answered, answer.nature) == (Kind.RELINK, True, Nature.SCHEDULE)
    assert answer.selected is not None
    assert answer.fresh is not None
    assert answer.selected.failed == 1
    assert answer.fresh.failed >= 7
    relinks, builds = answer.kinds
    assert relinks.seen.attempts == answer.selected.attempts + answer.fresh.attempts
    assert relinks.seen.low < relinks.seen.rate < relinks.seen.high
    assert relinks.per_hour == pytest.approx(3600 * relinks.seen.rate / 2.75)
    assert (builds.kind, builds.seen.failed, builds.seen.low) == (Kind.CLEAN, 0, 0.0)
    assert builds.seen.high == pytest.approx(1 - 0.05 ** (1 / builds.seen.attempts)), "what is excluded"


def test_a_failure_of_clean_builds_alone_is_climbed_to(measure: Callable[..., Calibrated]) -> None:
    answer = measure(by_chance(0.7, Kind.CLEAN))
    assert answer.chosen is Kind.CLEAN
    assert "relink stayed clean" in answer.why
    assert "not in the link alone" in answer.why
    assert "--slots" in answer.next_step


def test_it_goes_on_where_it_stopped(measure: Callable[..., Calibrated]) -> None:
    shows = by_chance(0.5, Kind.RELINK)
    first = measure(shows, most=5)
    assert (first.answered, first.attempts, first.stopped) == (False, 5, "--max-attempts 5")
    assert first.next_step == "the same command goes on"
    second = measure(shows)
    assert second.answered
    assert sum(one.seen.attempts for one in second.kinds) == 5 + second.attempts, "nothing is made again"
    third = measure(shows)
    assert (third.attempts, third.kinds, third.nature) == (0, second.kinds, second.nature)


def test_what_never_fails_is_not_reproduced(measure: Callable[..., Calibrated]) -> None:
    answer = measure(lambda plan: CLEAN)
    assert (answer.chosen, answer.answered, answer.nature) == (None, False, Nature.UNKNOWN)
    assert "never failed here (14 relink, 14 clean attempts, all clean)" in answer.why
    assert "--min-rate" in answer.next_step
    assert any("never failed here" in line for line in lines(answer))


def test_a_function_of_the_layout_is_told(measure: Callable[..., Calibrated]) -> None:
    def shows(plan: Plan) -> tuple[Outcome, str]:
        length = plan.draw.length
        return (Outcome.INCONSISTENT if length % 4 == 1 else Outcome.CLEAN), str(length)

    answer = measure(shows, lengths=16)
    assert answer.nature is Nature.LAYOUT
    assert "and 12 other draws never did" in answer.experiments[0]


def test_one_job_that_stays_clean_tells_of_a_race(tmp_path: Path) -> None:
    repo = write(tmp_path / "repo", ["true"] * 2)
    forever = Limits(None, None, lambda: 0, time.time)

    def judged(bench: Scripted) -> Judging:
        return Judging(bench, StepOptions(lowest_rate=0.2))

    with Scripted(repo, tmp_path, by_chance(0.5, Kind.RELINK)) as bench:
        measured = calibrate(judged(bench), bench.repository.resolve("2"), forever)
        mine = chosen(bench, measured)
    wanted = one_job_tells(measured, mine)
    assert wanted > 0
    with Scripted(repo, tmp_path / "one", lambda plan: CLEAN, jobs=1) as alone:
        cold = with_one_job(judged(alone), measured, mine, forever)
        assert (alone.made, cold.alone) == (0, None), "the objtree is not there: no build for an experiment"
    with Scripted(repo, tmp_path, lambda plan: CLEAN, jobs=1) as alone:
        answer = with_one_job(judged(alone), measured, mine, forever)
    assert answer.alone is not None
    assert (answer.alone.failed, answer.alone.attempts) == (0, wanted)
    assert "with -j1" in answer.experiments[-1]
    with Scripted(repo, tmp_path, lambda plan: FAILED, jobs=1) as alone:
        again = with_one_job(judged(alone), measured, mine, forever)
        assert (alone.made, again.nature) == (0, Nature.SCHEDULE), "from the ledger"


def test_a_search_ends_where_only_an_arrival_failed(tmp_path: Path) -> None:
    """Else it would make clean builds for ever: they speak neither for the failure nor against it."""
    repo = write(tmp_path / "repo", ["true"] * 8)
    with Scripted(repo, tmp_path, lambda plan: FAILED if plan.kind is Kind.INCREMENTAL else CLEAN) as bench:
        repository = bench.repository
        bench.attempt(repository.resolve("1"), Ask(Kind.CLEAN, "so that there is an objtree"))
        ends = find_ends(repository, "1", "8")
        options = SearchOptions(min_rate=0.2, max_attempts=100)
        answer = Searching(Judging(bench, StepOptions()), ends, read_range(repository, ends), options).run()
        assert (answer.kind, answer.culprit) == ("undecided", None)
        assert "failed in incremental attempts alone (1 of 1), which are made on arrival" in answer.stopped
        made = [one.plan.kind for one in bench.heard.made]
        assert (made.count(Kind.RELINK), made.count(Kind.CLEAN)) == (14, 15)
        limits = Limits(None, None, lambda: bench.made, time.time)
        told = calibrate(Judging(bench, StepOptions(lowest_rate=0.2)), repository.resolve("8"), limits)
        assert (told.chosen, told.attempts - answer.attempts) == (None, 0)
        assert "clean --yes" in told.next_step


# The command line


def run(user: User, repo: Path, *words: str) -> tuple[dict[str, Any], int, str]:
    done = user.run("bisectsyms", "calibrate", "--json", "--slots-dir", str(user.slots), *words, cwd=repo)
    return json.loads(done.stdout or "{}"), done.returncode, done.stderr


def test_a_command_is_measured_at_the_bad_end_of_the_last_bisect(user: User, tmp_path: Path) -> None:
    repo = write(tmp_path / "repo", ["exit 0"] * 4 + [CHANCE.format(of_256=128)] * 4)
    nothing, status, error = run(user, repo)
    assert (nothing, status) == ({}, 128)
    assert "no profile was named" in error
    bisect(user, repo, "--max-attempts", "1", "1", "8", "--", "sh", "test.sh")
    answer, status, error = run(user, repo, "--max-attempts", "2")
    assert (status, answer["stopped"]) == (3, "--max-attempts 2"), error
    answer, status, error = run(user, repo)
    assert (status, answer["chosen"], answer["revision"]["title"]) == (0, "test", "8"), error
    assert answer["fresh"]["failed"] + answer["selected"]["failed"] >= 8
    other, _, _ = run(user, repo, "--max-attempts", "1", "7")
    assert other["revision"]["title"] == "7"
    git(repo, "bisect", "start", "6", "2")
    running, _, _ = run(user, repo, "--max-attempts", "1")
    assert running["revision"]["title"] == "6", "the bisect that runs here"


def test_a_race_of_the_small_kernel_is_told(user: User, make_history: MakeHistory) -> None:
    history = make_history(Failure.RACE, broken=False, unrelated=False)
    answer, status, error = run(user, history.repo, "--profile", "smallkernel", "bad")
    assert (status, answer["chosen"], answer["nature"]) == (0, "relink", "schedule"), error
    assert answer["alone"]["failed"] == 0, "never at -j1"
    assert "a race between jobs" in answer["experiments"][-1]
    shown = user.run("bisectsyms", "calibrate", "--slots-dir", str(user.slots), *PROFILE, "bad", cwd=history.repo)
    assert "class: schedule" in shown.stdout
    assert "0 attempts made now" in shown.stdout


PROFILE = ("--profile", "smallkernel")


def test_what_is_varied_is_what_was_typed(user: User, make_history: MakeHistory) -> None:
    history = make_history(Failure.NONE, commits=12, broken=False, unrelated=False)
    answer, status, error = run(user, history.repo, *PROFILE, "--vary", "pad:2", "--max-attempts", "1", "bad")
    assert (status, answer["variation"]) == (3, "pad:2"), error


@pytest.mark.slow
def test_a_race_that_only_clean_builds_show_is_found_by_climbing(user: User, make_history: MakeHistory) -> None:
    history = make_history(Failure.HEADER, seed=2, commits=12, broken=False, unrelated=False)
    words = ("--json", "--confidence", "0.99", "good", "bad", *PROFILE)
    done = bisect(user, history.repo, *words)
    assert json.loads(done.stdout)["culprit"]["commit"] == history.culprit, done.stderr
    assert "not in the link alone" in done.stderr
    answer, status, error = run(user, history.repo)
    assert (status, answer["chosen"], answer["nature"]) == (0, "clean", "schedule"), error
    assert next(one for one in answer["kinds"] if one["kind"] == "relink")["seen"]["failed"] == 0


@pytest.mark.slow
def test_what_calibrate_has_measured_is_taken_over(user: User, make_history: MakeHistory) -> None:
    history = make_history(Failure.HEADER, seed=3, commits=12, broken=False, unrelated=False)
    answer, status, error = run(user, history.repo, *PROFILE, "bad")
    assert (status, answer["chosen"]) == (0, "clean"), error
    done = bisect(user, history.repo, "--json", "--confidence", "0.99", "good", "bad", *PROFILE)
    assert found(done)[0] == "culprit"
    assert json.loads(done.stdout)["culprit"]["commit"] == history.culprit
    assert "  relink  " not in done.stderr, "it knows that no relink shows it"


@pytest.mark.slow
def test_git_bisect_run_climbs_to_clean_builds(user: User, make_history: MakeHistory) -> None:
    history = make_history(Failure.HEADER, seed=1, commits=12, broken=False, unrelated=False)
    done = user.bisect(history, "--confidence", "0.99")
    assert named(done.stdout) == history.culprit, done.stderr
