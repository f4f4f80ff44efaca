"""A report tried here: how it ends, what is said of where it differs, and that the profile made of it is closed."""

from __future__ import annotations

import io
import random
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bisectsyms.core.nature import Nature
from bisectsyms.core.variation import Variation
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.locating import Located
from bisectsyms.errors import UserError
from bisectsyms.inputs.profile import LoadedProfile, available, find_profile
from bisectsyms.inputs.reports.plan import ReproducePlan
from bisectsyms.inputs.toolchains import load_toolchains
from bisectsyms.inputs.variations import variation_of
from bisectsyms.model import Kind, Outcome, Plan
from bisectsyms.render.tried import lines
from bisectsyms.usecases.judging import StepOptions
from bisectsyms.usecases.limits import Limits
from bisectsyms.usecases.reproduce import understand
from bisectsyms.usecases.strangers import profile_of
from bisectsyms.usecases.trying import Ending, Excluded, Prepared, Tried, prepare, try_it
from bisectsyms.usecases.workbench import closed_wanted
from tests.ledgers import CELL
from tests.scripted import Scripted
from tests.test_locating import repo as repo
from tests.test_searching import write

FAILED, CLEAN, BROKEN = (Outcome.INCONSISTENT, ""), (Outcome.CLEAN, ""), (Outcome.BROKEN, "")
Shows = Callable[[Plan], tuple[Outcome, str]]
PLAN = ReproducePlan(plan="reproduce", arch="arm", defconfig="s3c6400_defconfig", jobs=5)


@pytest.fixture
def tried(tmp_path: Path) -> Iterator[Callable[..., Tried]]:
    """Try at the newest of three commits whose attempts end as a test says."""
    folder = write(tmp_path / "repo", ["true"] * 3)
    loaded = profile_of(PLAN, "gcc", tmp_path / "state", required=False)

    def run(
        shows: Shows,
        *,
        most: int | None = None,
        fresh: bool = False,
        arrival: Kind = Kind.CLEAN,
        one_job: Shows | None = None,
    ) -> Tried:
        def opened(_: LoadedProfile, policy: str, jobs: int = CELL.jobs, shown: Shows = shows) -> Scripted:
            vary = variation_of(policy) if policy else Variation(1)
            bench = Scripted(folder, tmp_path, shown, vary=vary, jobs=jobs)
            bench.from_nothing = arrival
            return bench

        with opened(loaded, "") as bench:
            revision = bench.repository.resolve("3")
        prepared = Prepared(loaded, Located(revision, "by --rev", sure=True), fresh, ("something differs",))
        options = StepOptions(lowest_rate=0.2)
        alone = partial(opened, jobs=1, shown=one_job) if one_job else None
        return try_it(prepared, opened, options, lambda made: Limits(None, most, made, time.time), alone=alone)

    yield run


def by_chance(rate: float, kind: Kind) -> Shows:
    rng = random.Random(1)
    return lambda plan: FAILED if plan.kind is kind and rng.random() < rate else CLEAN


def test_what_fails_is_reproduced_with_its_rate_and_an_attempt_to_repeat(tried: Callable[..., Tried]) -> None:
    answer = tried(by_chance(0.5, Kind.RELINK))
    assert (answer.ending, answer.answered, len(answer.rounds)) == (Ending.REPRODUCED, True, 1)
    assert answer.rounds[0].chosen is Kind.RELINK
    assert answer.failing is not None
    text = "\n".join(lines(answer))
    assert text.startswith("reproduced: 3 ")
    assert "something differs" in text
    assert f"bisectsyms again {answer.failing}" in text


@pytest.mark.parametrize(
    ("alone", "expected", "says"),
    [
        (CLEAN, Nature.SCHEDULE, "it stays clean with -j1 in "),
        (FAILED, Nature.ENVIRONMENT, "it fails with -j1 in 1 attempt, too (1), so it is no race between jobs of make"),
    ],
)
def test_what_fails_by_chance_is_tried_with_one_job_of_make(
    tried: Callable[..., Tried], alone: tuple[Outcome, str], expected: Nature, says: str
) -> None:
    answer = tried(by_chance(0.5, Kind.RELINK), one_job=lambda plan: alone)
    assert answer.ending is Ending.REPRODUCED
    assert answer.rounds[-1].nature is expected
    assert says in "\n".join(lines(answer))
    assert answer.rounds[-1].alone is not None
    made = sum(one.seen.attempts for one in answer.rounds[-1].kinds)
    assert answer.attempts == made + answer.rounds[-1].alone.attempts


def test_why_one_job_was_not_tried_is_said(tried: Callable[..., Tried]) -> None:
    made: list[Plan] = []

    def one_job(plan: Plan) -> tuple[Outcome, str]:
        made.append(plan)
        return CLEAN

    answer = tried(by_chance(0.5, Kind.CLEAN), one_job=one_job)
    assert (answer.rounds[-1].chosen, made) == (Kind.CLEAN, [])
    assert "whether it fails with -j1, too, was not tried: each attempt is a clean build" in "\n".join(lines(answer))


def test_what_never_fails_is_tried_in_further_layouts_and_excluded(tried: Callable[..., Tried]) -> None:
    answer = tried(lambda plan: CLEAN)
    assert (answer.ending, answer.answered, answer.failing) == (Ending.NOT_REPRODUCED, False, None)
    assert [one.variation for one in answer.rounds] == ["pinned", "pad:8"]
    assert answer.excluded == (Excluded(Kind.RELINK, 5, 14), Excluded(Kind.CLEAN, 5, 14))
    assert "fewer than 1 in 5 relink attempts fail here, with 95 % (14, all clean)" in "\n".join(lines(answer))


def test_a_layout_that_no_version_string_reaches_is_found_by_padding(tried: Callable[..., Tried]) -> None:
    answer = tried(lambda plan: FAILED if dict(plan.draw.factors).get("pad") == "8" else CLEAN)
    assert (answer.ending, len(answer.rounds)) == (Ending.REPRODUCED, 2)
    assert {one.kind for one in answer.rounds[1].kinds if one.seen.failed} == {Kind.RELINK}


def test_what_does_not_build_says_nothing_of_the_report(tried: Callable[..., Tried]) -> None:
    answer = tried(lambda plan: BROKEN)
    assert (answer.ending, answer.answered, answer.excluded) == (Ending.CANNOT, False, ())
    assert len(answer.rounds) == 1, "no other layout makes it build"


def test_a_failure_of_cached_builds_alone_is_not_called_reproduced(tried: Callable[..., Tried]) -> None:
    answer = tried(by_chance(1.0, Kind.CACHED), arrival=Kind.CACHED)
    assert (answer.ending, answer.answered, answer.excluded) == (Ending.UNDECIDED, False, ())


def test_a_limit_leaves_it_undecided_and_the_same_command_goes_on(tried: Callable[..., Tried]) -> None:
    first = tried(lambda plan: CLEAN, most=4)
    assert (first.ending, first.answered, first.attempts) == (Ending.UNDECIDED, False, 4)
    second = tried(lambda plan: CLEAN)
    assert second.ending is Ending.NOT_REPRODUCED
    assert sum(one.seen.attempts for one in second.rounds[0].kinds) == 28, "those of before count"


def test_a_report_of_a_fresh_tree_begins_with_a_build_from_scratch(tried: Callable[..., Tried]) -> None:
    made: list[Kind] = []

    def shows(plan: Plan) -> tuple[Outcome, str]:
        made.append(plan.kind)
        return FAILED

    tried(shows, fresh=True)
    assert made[0] is Kind.CLEAN


def test_the_profile_made_of_a_report_is_closed_and_known_by_its_name(tmp_path: Path) -> None:
    plan = replace_plan(make_variables={"W": "1", "KBUILD_BUILD_VERSION": "7"}, kconfig_lines=("CONFIG_SMP=y",))
    made = profile_of(plan, "gcc-12", tmp_path, required=False)
    again = find_profile(made.name, state_dir=tmp_path, xdg_config_home=tmp_path / "x", cwd=tmp_path)
    assert made.name not in dict(available(state_dir=tmp_path, xdg_config_home=tmp_path / "x", cwd=tmp_path))
    assert again == made == profile_of(plan, "gcc-12", tmp_path, required=False)
    assert (made.profile.sandbox, made.profile.jobs, made.profile.variables) == ("closed", 5, {"W": "1"})
    assert made.lines == ("CONFIG_SMP=y", "# CONFIG_LOCALVERSION_AUTO is not set")
    assert profile_of(plan, "gcc-12", tmp_path, required=True).profile.sandbox == "required"


def test_a_whole_config_takes_the_place_of_a_defconfig(tmp_path: Path) -> None:
    plan = replace_plan(defconfig="", kconfig='CONFIG_SMP=y\nCONFIG_INITRAMFS_SOURCE=""\n')
    made = profile_of(plan, "gcc", tmp_path, required=False)
    assert made.config is not None
    assert made.base == ()
    assert "CONFIG_SMP=y" in made.config.text
    assert replace(made, name="") != replace(profile_of(PLAN, "gcc", tmp_path, required=False), name="")


def replace_plan(**changes: object) -> ReproducePlan:
    return ReproducePlan.model_validate(PLAN.model_dump() | changes)


def test_where_a_build_cannot_be_closed_off_that_is_said_or_refused() -> None:
    said: list[str] = []
    assert not closed_wanted("usual", said.append, lambda: pytest.fail("nobody asked"))
    assert closed_wanted("closed", said.append, lambda: True)
    assert said == []
    assert not closed_wanted("closed", said.append, lambda: False)
    assert said[0].startswith("NO SANDBOX")
    with pytest.raises(UserError, match="nothing is built"):
        closed_wanted("required", said.append, lambda: False)


def test_a_compiler_unpacked_anywhere_is_found_and_named_by_its_folder(
    repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shutil.which("arm-linux-gnueabi-gcc")
    if real is None:
        pytest.skip("apt-get install gcc-arm-linux-gnueabi")
    here = tmp_path / "unpacked/gcc-13.2.0-nolibc/arm-linux-gnueabi/bin"
    there = tmp_path / "path"
    for folder in (here, there):
        folder.mkdir(parents=True)
    for tool in ("gcc", "ld", "nm", "ar"):
        (here / f"arm-linux-gnueabi-{tool}").symlink_to(real.removesuffix("gcc") + tool)
    (there / "make").symlink_to(shutil.which("make") or "make")
    monkeypatch.chdir(tmp_path)
    found = understand("-", stdin=io.BytesIO(b"Inconsistent kallsyms data at v3.0, s3c6400_defconfig with gcc 3.4.5"))
    known = load_toolchains(tmp_path, (Path("unpacked"),))
    prepared = prepare(found, repo, known, {"PATH": str(there)})
    assert prepared.loaded.profile.toolchain == str(here.parent)
    assert "the report has gcc-3.4.5, here it is gcc-" in prepared.notes[0]
    with pytest.raises(UserError, match=r"no gcc-3\.4\.5 for arm was found; compilers for it: none"):
        prepare(found, repo, load_toolchains(tmp_path), {"PATH": str(there)})


@pytest.mark.parametrize(
    ("text", "options", "why", "next_step"),
    [
        ("Inconsistent kallsyms data, defconfig on ARM", {}, "which commit was built", "--rev REV"),
        ("Inconsistent kallsyms data at v3.0 on ARM", {"revision": "v3.0"}, "where .config comes from", "--defconfig"),
        ("Inconsistent kallsyms data", {"revision": "v3.0", "defconfig": "x_defconfig"}, "ARCH", "--arch"),
    ],
)
def test_what_is_needed_and_not_said_is_asked_for(
    repo: Repository, tmp_path: Path, text: str, options: dict[str, str], why: str, next_step: str
) -> None:
    found = understand("-", options, stdin=io.BytesIO(text.encode()))
    with pytest.raises(UserError) as raised:
        prepare(found, repo, load_toolchains(tmp_path), {"PATH": "/usr/bin:/bin"})
    assert why in raised.value.message
    assert next_step in raised.value.next_step
