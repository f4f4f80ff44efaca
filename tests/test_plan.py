"""The plan of a hunt: what a file and options may say, and which cells come of it."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path

import pytest

from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.hunts import Remembered, recall, remember
from bisectsyms.errors import UserError
from bisectsyms.inputs.plan import HuntPlan, load_plan, plan_of, told_where
from bisectsyms.inputs.profile import LoadedProfile, find_profile
from bisectsyms.inputs.toolchains import load_toolchains
from bisectsyms.usecases.matrix import Matrix, Spot
from tests.test_searching import write

WHOLE = """\
plan: hunt
revisions: [v6.1, v6.0]
profiles: [s3c6400, multi_v7]
toolchains: [arm-gcc-12, llvm]
jobs: [1, 2, 5]
variations: [pinned, "pad:8+sweep:4"]
exclude:
  - {profile: multi_v7, jobs: 1}
until: 08:00
for: 9h30m
then: [isolate, bisect]
good: v6.0
notify: mail -s news me@example.org
page: report.html
kind: relink
slots: 2
"""


def plan_file(folder: Path, text: str) -> Path:
    path = folder / "plan.yaml"
    path.write_text(text)
    return path


def test_a_whole_plan(tmp_path: Path) -> None:
    plan = load_plan(plan_file(tmp_path, WHOLE))
    assert plan.jobs == (1, 2, 5)
    assert plan.variations == ("pinned", "sweep:4+pad:8"), "one spelling"
    assert plan.exclude[0].profile == "multi_v7"
    assert (plan.until, plan.lasting, plan.then) == ("08:00", 34200.0, ("isolate", "bisect")), "no sexagesimal 480"
    assert plan.page == tmp_path / "report.html", "beside the plan, wherever it is run from"


def test_the_plan_of_the_documentation_can_be_loaded_and_has_every_key(tmp_path: Path) -> None:
    page = Path(__file__).resolve().parent.parent / "docs" / "hunting.md"
    text = page.read_text(encoding="utf-8")
    shown = text.split("```yaml\n")[1].split("```")[0]
    plan = load_plan(plan_file(tmp_path, shown))
    shorter_alone = {"defconfigs", "lasting", "kind", "slots", "bad", "page"}
    assert plan.model_fields_set == set(HuntPlan.model_fields) - shorter_alone
    told = "".join(line.split("|")[1] for line in text.splitlines() if line.startswith("| `"))
    assert all(f"`{field.alias or key}`" in told for key, field in HuntPlan.model_fields.items())


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("plan: hunt\nrevisions: v6.1\nprofile: x\n", r"plan.yaml:3:\d+: profile: no such key; did you mean profiles"),
        ("plan: hunt\nprofiles: x\n", "revisions: this key is missing"),
        ("plan: hunt\nrevisions: v6.1\n", "profiles, defconfigs must say what to build"),
        ("plan: night\nrevisions: v6.1\nprofiles: x\n", r"plan.yaml:1:\d+: plan: "),
        ("plan: hunt\nrevisions: v6.1\nprofiles: x\njobs: [1, many]\n", r"plan.yaml:4:\d+: jobs.1: "),
        ("plan: hunt\nrevisions: v6.1\nprofiles: x\nvariations: [sweep:900]\n", r"plan.yaml:4:\d+: variations.0: "),
        ("plan: hunt\nrevisions: v6.1\nprofiles: x\nexclude: [{}]\n", "leave out everything"),
        ("plan: hunt\nrevisions: v6.1\nrevisions: v6.0\n", r"plan.yaml:3:\d+: revisions: this key is here twice"),
        ("plan: hunt\nrevisions: []\nprofiles: x\n", r"plan.yaml:2:\d+: revisions: "),
        ("plan: hunt\nrevisions: a\nprofiles: x\nuntil: 25:00\n", r"plan.yaml:4:\d+: until: '25:00' is no time of day"),
        ("plan: hunt\nrevisions: a\nprofiles: x\nuntil: 8 am\n", r"plan.yaml:4:\d+: until: '8 am' is no time of day"),
        ("plan: hunt\nrevisions: a\nprofiles: x\nfor: soon\n", r"plan.yaml:4:\d+: for: 'soon' is no duration"),
        ("plan: hunt\nrevisions: a\nprofiles: x\nfor: 0s\n", r"plan.yaml:4:\d+: for: "),
        ("plan: hunt\nrevisions: a\nprofiles: x\nthen: [rest]\n", r"plan.yaml:4:\d+: then.0: .*isolate"),
        ("plan: hunt\nrevisions: a\nprofiles: x\nuntill: 08:00\n", "untill: no such key; did you mean until"),
    ],
)
def test_errors_say_where(tmp_path: Path, text: str, where: str) -> None:
    with pytest.raises(UserError, match=where):
        load_plan(plan_file(tmp_path, text))


def test_options_say_the_same_as_a_file(tmp_path: Path) -> None:
    text = "plan: hunt\nrevisions: [v6.1, v6.0]\nprofiles: s3c6400\njobs: [1, 2]\nvariations: [pinned]\n"
    words = {"revisions": ("v6.1,v6.0",), "profiles": ("s3c6400",), "jobs": ("1", "2"), "variations": ("pinned",)}
    assert plan_of(words) == load_plan(plan_file(tmp_path, text))


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ({"profiles": ("x",)}, "--rev: is missing"),
        ({"revisions": ("v6.1",)}, "--profile: "),
        ({"revisions": ("v6.1",), "profiles": ("x",), "jobs": ("many",)}, "-j: "),
        ({"revisions": ("v6.1",), "profiles": ("x",), "variations": ("no-such",)}, "--vary: 'no-such'"),
    ],
)
def test_errors_of_options_name_them(words: dict[str, tuple[str, ...]], option: str) -> None:
    with pytest.raises(UserError, match=option):
        plan_of(words)


def test_the_last_hunt_is_remembered(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no hunt here yet"):
        recall(tmp_path)
    hunt = Remembered(load_plan(plan_file(tmp_path, WHOLE)), 1e9, 2, "relink", "tcp://boss:8786", "/srv/linux.git")
    remember(tmp_path, hunt)
    assert recall(tmp_path) == hunt, "with what the plan says of its end"
    older = {"schema": 1, "plan": {"plan": "hunt", "revisions": ["a"], "profiles": ["b"]}, "deadline": None}
    (tmp_path / "hunt.json").write_text(json.dumps(older | {"slots": 1, "kind": ""}))
    assert recall(tmp_path).cluster == ""
    (tmp_path / "hunt.json").write_text('{"schema": 1, "plan": {"plan": "hunt"}}')
    with pytest.raises(UserError, match="none of this version"):
        recall(tmp_path)


@pytest.fixture
def matrix(tmp_path: Path) -> Matrix:
    repository = Repository.discover(write(tmp_path / "repo", ["true", "false"]), {})
    find = partial(find_profile, state_dir=tmp_path, xdg_config_home=tmp_path, cwd=tmp_path)

    def shipped() -> list[LoadedProfile]:
        return [find(name) for name in ("smallkernel", "x86_64")]

    return Matrix(repository, load_toolchains(tmp_path), os.environ, find, shipped)


def crossed(matrix: Matrix, **keys: object) -> tuple[Spot, ...]:
    given = {"plan": "hunt", "revisions": ("1", "2"), "profiles": ("smallkernel",)} | keys
    return matrix.spots(HuntPlan.model_validate(given))


def test_everything_is_crossed_with_everything_once(matrix: Matrix) -> None:
    spots = crossed(matrix, jobs=(1, 2), variations=("pinned", "sweep:8"), revisions=("1", "2", "2"))
    assert len(spots) == len({spot.key for spot in spots}) == 8
    assert len({spot.build.cell.key for spot in spots}) == 4
    assert len({spot.build.objtree for spot in spots}) == 1, "-j and what is drawn compile alike"
    first = spots[0]
    assert str(first).startswith("1 x86/gcc-")
    assert str(first).endswith("-j1 pinned (smallkernel)")


def test_what_is_left_to_the_profile(matrix: Matrix) -> None:
    (spot,) = crossed(matrix, revisions=("1",))
    assert spot.build.cell.variation == "sweep:64"
    assert spot.build.vary == ()
    assert crossed(matrix, revisions=("1",), profiles=(), defconfigs=("smallkernel_defconfig",)) == (spot,)


def test_cells_are_left_out(matrix: Matrix) -> None:
    spots = crossed(matrix, jobs=(1, 2), exclude=[{"revision": "1", "jobs": 2}])
    assert [(str(spot.revision), spot.build.cell.jobs) for spot in spots] == [("1", 1), ("2", 1), ("2", 2)]
    with pytest.raises(UserError, match="this fits no cell"):
        crossed(matrix, exclude=[{"revision": "3"}])
    with pytest.raises(UserError, match="leaves nothing"):
        crossed(matrix, jobs=(1,), exclude=[{"jobs": 1}])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("revisions: ['1', v9.9]\nprofiles: smallkernel", "2:18: revisions.1: v9.9: no such commit here"),
        ("revisions: v9.9\nprofiles: smallkernel", "2:1: revisions: v9.9: no such commit here"),
        ("revisions: '1'\nprofiles: [smallkernl]", "3:12: profiles.0: there is no profile 'smallkernl'"),
        ("revisions: '1'\ndefconfigs: [x_defconfig]", "3:14: defconfigs.0: no profile builds x_defconfig"),
        (
            "revisions: '1'\nprofiles: smallkernel\ntoolchains: [gcc, gcc-1.2.3]",
            "4:19: toolchains.1: there is no toolchain 'gcc-1.2.3'",
        ),
        (
            "revisions: '1'\nprofiles: smallkernel\ntoolchains: [arm-gcc]",
            "4:14: toolchains.0: toolchain arm-gcc builds none of smallkernel",
        ),
        (
            "revisions: '1'\nprofiles: smallkernel\nexclude:\n  - revision: '1'\n    jobs: 77",
            "5:5: exclude.0: this fits no cell of the plan",
        ),
    ],
)
def test_what_is_not_here_is_said_with_its_place_in_the_plan(
    matrix: Matrix, tmp_path: Path, text: str, says: str
) -> None:
    path = plan_file(tmp_path, f"plan: hunt\n{text}\n")
    with pytest.raises(UserError) as caught, told_where(path, typed=True):
        matrix.spots(load_plan(path))
    assert caught.value.message.startswith(f"{path}:{says}")
    assert caught.value.next_step


def test_without_a_file_it_is_said_with_the_option_or_that_it_is_of_the_last_hunt(matrix: Matrix) -> None:
    for typed, says in ((True, "--rev: v9.9: no such"), (False, "the last hunt: revisions.0: v9.9: no such")):
        with pytest.raises(UserError, match=says), told_where(None, typed=typed):
            crossed(matrix, revisions=("v9.9",))


def test_toolchains_with_and_without_their_arch(matrix: Matrix) -> None:
    (spot,) = crossed(matrix, revisions=("1",), toolchains=("x86-gcc",))
    assert spot == crossed(matrix, revisions=("1",), toolchains=("gcc",))[0]
    with pytest.raises(UserError, match="arm-gcc-12 builds none of smallkernel"):
        crossed(matrix, toolchains=("arm-gcc-12",))
    with pytest.raises(UserError, match=r"there is no toolchain 'gcc-1\.2\.3'"):
        crossed(matrix, toolchains=("gcc-1.2.3",))
    with pytest.raises(UserError, match="no profile builds other_defconfig"):
        crossed(matrix, profiles=(), defconfigs=("other_defconfig",))


def test_profiles_are_told_apart_by_their_options(matrix: Matrix, tmp_path: Path) -> None:
    head = "arch: x86\ndefconfig: smallkernel_defconfig\nhosttools: no\n"
    for name, more in {
        "plain": "kconfig: ['CONFIG_A=y']",
        "other": "kconfig: ['CONFIG_A=y', '# CONFIG_B is not set']",
        "llvm": "kconfig: ['CONFIG_A=y', 'CONFIG_B=y']\nvariables: {LLVM_IAS: '1'}",
    }.items():
        (tmp_path / f"{name}.yaml").write_text(f"{head}{more}\n")
    spots = crossed(matrix, revisions=("1",), profiles=("plain", "other", "llvm"))
    builds = {spot.build.profile: spot.build for spot in spots}
    assert {name: build.options for name, build in builds.items()} == {
        "plain": (),
        "other": (("B", "n"),),
        "llvm": (("B", "y"),),
    }
    assert builds["plain"].beside == builds["other"].beside != builds["llvm"].beside
