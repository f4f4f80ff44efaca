"""What doctor finds, and the one line that mends it. Programs that are missing are missing from PATH, for real."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bisectsyms.effects.ledger import Ledger
from bisectsyms.effects.needs import Run, run_quietly
from bisectsyms.inputs.profile import LoadedProfile, find_profile
from bisectsyms.inputs.toolchains import load_toolchains
from bisectsyms.usecases.doctor import Check, apt_line, examine, in_use, others
from tests.conftest import SCRIPTS, User
from tests.ledgers import CELL, plan


@pytest.fixture
def s3c6400(tmp_path: Path) -> LoadedProfile:
    return find_profile("s3c6400", state_dir=tmp_path, xdg_config_home=tmp_path, cwd=tmp_path)


def without(*programs: str) -> Run:
    """The real programs but for some."""

    def run(argv: Sequence[str]) -> tuple[int, str]:
        return (127, "") if argv[0] in programs else run_quietly(argv)

    return run


@pytest.mark.parametrize(
    ("programs", "name", "state", "package"),
    [
        (("arm-linux-gnueabi-gcc",), "arm-linux-gnueabi-gcc", "missing", "gcc-arm-linux-gnueabi"),
        (("arm-linux-gnueabi-nm",), "arm-linux-gnueabi-gcc", "missing", "gcc-arm-linux-gnueabi"),
        (("flex",), "flex", "missing", "flex"),
        (("git",), "git", "missing", "git"),
        (("make",), "make", "missing", "make"),
        (("gcc",), "openssl/opensslv.h", "missing", "libssl-dev"),
        (("ccache",), "ccache", "warn", "ccache"),
        (("bwrap",), "bubblewrap", "warn", "bubblewrap"),
    ],
)
def test_what_is_missing_is_in_the_line(
    s3c6400: LoadedProfile, tmp_path: Path, programs: tuple[str, ...], name: str, state: str, package: str
) -> None:
    checks = examine(
        [s3c6400], toolchains=load_toolchains(tmp_path), slots_dir=tmp_path / "not" / "yet", run=without(*programs)
    )
    found = next(check for check in checks if check.name == name)
    assert found.state == state
    assert package in apt_line(checks).split()


@pytest.mark.parametrize(
    ("arch", "toolchain", "says"),
    [("sparc", "llvm", "for sparc"), ("s390", "llvm-17", "from 18.1.0 on"), ("s390", "llvm", "and this is 14.0.6")],
)
def test_llvm_is_not_asked_for_where_it_makes_no_kernel(tmp_path: Path, arch: str, toolchain: str, says: str) -> None:
    def run(argv: Sequence[str]) -> tuple[int, str]:
        return (0, "Debian clang version 14.0.6\n") if argv[0] == "clang" else run_quietly(argv)

    for program, package in (("clang", "clang"), ("ld.lld", "lld"), ("llvm-nm", "llvm")):
        if shutil.which(program) is None:
            pytest.skip(f"apt-get install {package}")
    (tmp_path / "mine.yaml").write_text(f"arch: {arch}\ntoolchain: {toolchain}\ndefconfig: defconfig\n")
    mine = find_profile(str(tmp_path / "mine.yaml"), state_dir=tmp_path, xdg_config_home=tmp_path, cwd=tmp_path)
    checks = examine([mine], toolchains=load_toolchains(tmp_path), slots_dir=tmp_path, run=run)
    found = next(check for check in checks if says in check.detail)
    assert (found.state, found.package) == ("missing", "")


def test_the_profile_is_that_of_the_newest_attempt(tmp_path: Path) -> None:
    there = ["arm64", "s3c6400"]
    assert in_use(tmp_path, there)[0] == ("s3c6400",)
    assert "no attempt in this repository yet" in in_use(tmp_path, there)[1][0].detail
    with Ledger.open(tmp_path) as ledger:
        assert in_use(tmp_path, there)[0] == ("s3c6400",)
        ledger.begin(plan(cell=replace(CELL, profile="s3c6400")))
        ledger.begin(plan(cell=replace(CELL, profile="arm64", arch="arm64")))
        names, (check,) = in_use(tmp_path, there)
        assert names == ("arm64",) and "newest attempt" in check.detail and "--profile NAME" in check.detail
        names, (check,) = in_use(tmp_path, ["s3c6400"])
        assert names == ("s3c6400",) and "arm64, is not found" in check.detail
        ledger.begin(plan(cell=replace(CELL, profile="", arch="command")))
        assert in_use(tmp_path, there)[0] == (), "a command needs no compiler of ours"


def test_every_other_profile_is_a_line_and_asks_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("arch: arm\njobs: five\n")
    find = partial(find_profile, state_dir=tmp_path, xdg_config_home=tmp_path, cwd=tmp_path)
    run = without("arm-linux-gnueabi-gcc")
    found = list(others(["multi_v7", "smallkernel", "wrong"], find, load_toolchains(tmp_path), run=run))
    assert [(one.name, one.state) for one in found] == [(n, "other") for n in ("multi_v7", "smallkernel", "wrong")]
    assert apt_line(found) == ""
    lacks, here, wrong = (one.detail for one in found)
    assert lacks == "tools missing: doctor --profile multi_v7"
    assert here == "tools here: doctor --profile smallkernel"
    assert "wrong.yaml:2:1: jobs: 'five' is no whole number" in wrong


def test_the_command_asks_for_one_profile(user: User, tmp_path: Path) -> None:
    done = user.run("bisectsyms", "doctor", "--json", cwd=tmp_path)
    checks = json.loads(done.stdout)["result"]
    assert checks[0]["name"] == "profile" and checks[0]["detail"].startswith("s3c6400: ")
    named = [one["name"] for one in checks if one["state"] == "other"]
    assert "arm64" in named and "s3c6400" not in named
    assert {"missing", "warn"}.isdisjoint(one["state"] for one in checks if one["name"] in named)


def test_nothing_to_mend_is_no_line() -> None:
    assert apt_line([Check("git", "ok", "2.39", "git"), Check("disk", "warn", "0 GB")]) == ""


@pytest.mark.parametrize(
    ("version", "state"),
    [
        ("git version 2.30.2", "missing"),
        ("git version 2.31.8", "missing"),
        ("git version 2.32.0", "ok"),
        ("git version 3.0", "ok"),
    ],
)
def test_a_git_that_is_too_old(tmp_path: Path, version: str, state: str) -> None:
    def run(argv: Sequence[str]) -> tuple[int, str]:
        return (0, version) if argv[0] == "git" else run_quietly(argv)

    assert examine([], toolchains=load_toolchains(tmp_path), slots_dir=tmp_path, run=run)[0].state == state


def test_the_command_ends_with_3_where_something_is_missing(user: User, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("git", "make", "gcc", "ld", "nm"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    env = {"PATH": f"{SCRIPTS}{os.pathsep}{tools}"}
    words = ("bisectsyms", "doctor", "--profile", "s3c6400")
    done = user.run(*words, cwd=tmp_path, env=env)
    assert done.returncode == 3, done.stderr
    assert "gcc-arm-linux-gnueabi" in done.stdout.splitlines()[-1]
    assert done.stdout.splitlines()[-1].startswith("sudo apt-get install ")
    report = json.loads(user.run(*words, "--json", cwd=tmp_path, env=env).stdout)
    assert report["schema"] == 1
    assert {check["state"] for check in report["result"]} <= {"ok", "missing", "warn"}, "no other profile"


@pytest.mark.parametrize(("status", "said"), [(0, "shares its blocks"), (1, "takes its space again")])
def test_whether_a_copy_shares_its_blocks_is_tried_where_the_slots_will_be(
    s3c6400: LoadedProfile, tmp_path: Path, status: int, said: str
) -> None:
    tried = list[str]()

    def run(argv: Sequence[str]) -> tuple[int, str]:
        if argv[0] != "cp":
            return run_quietly(argv)
        tried.extend(argv)
        assert Path(argv[-2]).is_file()
        return status, ""

    checks = examine([s3c6400], toolchains=load_toolchains(tmp_path), slots_dir=tmp_path / "not" / "yet", run=run)
    (found,) = [check for check in checks if check.name == "reflink (slots)"]
    assert (found.state, said in found.detail) == ("ok", True)
    assert Path(tried[-1]).parent.parent == tmp_path
    assert not list(tmp_path.iterdir()), "nothing is left"


def test_a_folder_that_cannot_be_written_is_said(s3c6400: LoadedProfile, tmp_path: Path) -> None:
    checks = examine([s3c6400], toolchains=load_toolchains(tmp_path), slots_dir=Path("/proc/1/slots"))
    (found,) = [check for check in checks if check.name == "reflink (slots)"]
    assert (found.state, "/proc" in found.detail) == ("warn", True)
