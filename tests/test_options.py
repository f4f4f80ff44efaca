"""Options that no other test types: each does what its line in --help says."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import click
import pytest

from bisectsyms.cli import main
from bisectsyms.smallkernel.history import Failure, History
from tests.conftest import MakeHistory, User

REPORT = """\
From: A B <a@example.org>
To: l@example.org
Subject: Inconsistent kallsyms data
Message-ID: <1@example.org>
Date: Tue, 02 Aug 2011 12:00:00 +0200

with smallkernel_defconfig for ARM and make -j2 the build stops:

Inconsistent kallsyms data

tree: https://127.0.0.1:1/linux.git
HEAD is {commit}, gcc version 12.2.0.
"""


def options() -> dict[str, set[str]]:
    """The verbs that have each option."""
    found: dict[str, set[str]] = {}
    for verb, command in main.commands.items():
        commands = command.commands.values() if isinstance(command, click.Group) else [command]
        for param in (param for each in commands for param in each.params):
            for name in (*param.opts, *param.secondary_opts):
                if name.startswith("--"):
                    found.setdefault(name, set()).add(verb)
    return found


def test_every_option_is_typed_by_a_test() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.rglob("*.py"))
    never = [name for name in options() if not re.search(re.escape(name) + r"(?![\w-])", tests)]
    assert not never


@pytest.fixture
def always(make_history: MakeHistory) -> History:
    return make_history(Failure.ALWAYS, unrelated=False, broken=False)


def answer(user: User, history: History, *words: str) -> dict[str, Any]:
    """What a verb says with --json, which is among the words."""
    done = user.run("bisectsyms", *words, cwd=history.repo)
    assert done.returncode in (0, 3), done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def exclusions(user: User, history: History) -> list[bool]:
    exported = user.run("bisectsyms", "ledger", "export", "-", cwd=history.repo).stdout.splitlines()
    return [bool(one["excluded"]) for one in map(json.loads, exported) if one["record"] == "exclusion"]


def test_undo_lets_an_attempt_count_again(user: User, always: History) -> None:
    assert user.run("bisectsyms", "step", always.bad, *user.step()[1:], cwd=always.repo).returncode == 1
    user.run("bisectsyms", "exclude", "1", "--why", "the fan stood still", cwd=always.repo)
    assert exclusions(user, always) == [True]
    user.run("bisectsyms", "exclude", "1", "--undo", cwd=always.repo)
    assert exclusions(user, always) == [True, False]


@pytest.mark.slow
def test_a_flaky_revision_counts_as_is_said(user: User, make_history: MakeHistory) -> None:
    history = make_history(Failure.RACE, unrelated=False, broken=False)
    step = ("bisectsyms", "step", history.bad, *user.step()[1:], "-j2", "--classify", "16")
    statuses = [user.run(*step, "--flaky", word, cwd=history.repo).returncode for word in ("skip", "good", "bad")]
    assert statuses == [125, 0, 1]
    outcomes = {one["outcome"] for one in user.attempts(history.repo)}
    assert outcomes == {"CLEAN", "INCONSISTENT"}
    assert len(user.attempts(history.repo)) >= 16


def test_max_time_ends_a_step_that_knows_too_little(user: User, always: History) -> None:
    words = ("bisectsyms", "step", always.good, *user.step()[1:], "--rate", "0.01", "--max-time", "0s")
    done = user.run(*words, cwd=always.repo)
    assert done.returncode == 125
    assert "the time for this step is over" in done.stderr


def test_what_takes_longer_than_timeout_is_no_evidence(user: User, always: History) -> None:
    words = ("--timeout", "1s", always.good, always.bad, "--max-attempts", "2", "--", "sleep", "30")
    found = answer(user, always, "bisect", "--json", "--slots-dir", str(user.slots), *words)
    assert found["kind"] == "undecided"
    assert {one["outcome"] for one in user.attempts(always.repo)} == {"TIMEOUT"}


def test_a_report_diagnoses_so_many_failures(user: User, always: History) -> None:
    assert user.run("bisectsyms", "step", always.bad, *user.step()[1:], cwd=always.repo).returncode == 1
    none, one = (
        user.run("bisectsyms", "report", "--format", "md", "--causes", most, cwd=always.repo).stdout
        for most in ("0", "1")  # what was found is kept
    )
    assert "mechanism" in one or "trigger" in one
    assert "mechanism" not in none and "trigger" not in none


@pytest.mark.slow
def test_a_hunt_over_toolchains_within_a_budget_of_disk(user: User, always: History) -> None:
    if shutil.which("clang") is None:
        pytest.skip("apt-get install clang lld llvm")
    words = ("--rev", "good", "--profile", "smallkernel", "--toolchains", "x86-gcc,x86-llvm", "-j", "1", "--nice")
    limits = ("--disk", "1M", "--host-slots", "1", "--floor", "1M", "--max-attempts", "4", "--slots-dir")
    found = answer(user, always, "hunt", "--json", *words, *limits, str(user.slots))
    assert {line["asked"] for line in found["lines"]} == {"gcc", "llvm"}
    objtrees = [path for path in user.slots.glob("*/*/obj") if any(path.rglob("*.o"))]
    assert len(objtrees) == 1, "the other one is over the budget"


def test_both_ends_of_the_bisect_after_a_hunt_are_looked_up_before_it(user: User, always: History) -> None:
    words = ("--rev", "good", "--profile", "smallkernel", "--then", "bisect", "--good", "good", "--bad", "nowhere")
    done = user.run(
        "bisectsyms", "hunt", *words, "--max-attempts", "1", "--slots-dir", str(user.slots), cwd=always.repo
    )
    assert done.returncode == 128
    assert "nowhere" in done.stderr
    assert not user.attempts(always.repo)


@pytest.mark.slow
def test_workers_fetch_from_where_they_are_told(user: User, always: History) -> None:
    pytest.importorskip("distributed", reason="pip install 'bisectsyms[cluster]'")
    words = ("--rev", "good", "--profile", "smallkernel", "-j", "1", "--no-nice", "--floor", "1M")
    more = ("--cluster", "local:1", "--max-attempts", "3", "--slots-dir", str(user.slots))
    done = user.run("bisectsyms", "hunt", *words, *more, "--cluster-git", str(always.repo / ".git"), cwd=always.repo)
    assert len(user.attempts(always.repo)) >= 3, done.stderr
    wrong = user.run("bisectsyms", "hunt", *words, *more, "--cluster-git", "ftp://none.invalid", cwd=always.repo)
    assert wrong.returncode == 128, wrong.stderr


def report(history: History, tmp_path: Path) -> str:
    path = tmp_path / "report.eml"
    path.write_text(REPORT.format(commit=history.bad))
    return str(path)


def test_a_report_is_tried_with_a_config_and_compilers_of_ours(user: User, always: History, tmp_path: Path) -> None:
    (tmp_path / "mine.config").write_text("CONFIG_KALLSYMS=y\nCONFIG_MINE=y\n")
    unpacked = tmp_path / "unpacked/gcc-9.9.9/bin"
    unpacked.mkdir(parents=True)
    gcc = shutil.which("arm-linux-gnueabi-gcc")
    assert gcc, "apt-get install gcc-arm-linux-gnueabi"
    (unpacked / "arm-linux-gnueabi-gcc").symlink_to(gcc)
    words = ("--plan", "--config", str(tmp_path / "mine.config"), "--toolchain-dir", str(tmp_path / "unpacked"))
    done = user.run("bisectsyms", "reproduce", report(always, tmp_path), *words, cwd=always.repo)
    assert done.returncode == 0, done.stderr
    assert "CONFIG_MINE=y" in done.stdout or "mine.config" in done.stdout
    missing = user.run(
        "bisectsyms", "reproduce", report(always, tmp_path), "--toolchain-dir", "/nowhere", cwd=always.repo
    )
    assert missing.returncode == 128
    assert "/nowhere" in missing.stderr


def test_no_report_is_tried_where_it_must_be_closed_off_and_cannot(user: User, always: History, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "bwrap").write_text("#!/bin/sh\nexit 1\n")
    (tools / "bwrap").chmod(0o755)
    env = {"PATH": f"{tools}{os.pathsep}{user.env['PATH']}"}
    words = (
        "bisectsyms",
        "reproduce",
        report(always, tmp_path),
        "--sandbox",
        "require",
        "--slots-dir",
        str(user.slots),
    )
    done = user.run(*words, cwd=always.repo, env=env)
    assert done.returncode == 128
    assert "closed off" in done.stderr or "bubblewrap" in done.stderr
    assert not user.attempts(always.repo)


def test_fetch_asks_the_tree_of_the_report(user: User, always: History, tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.eml"
    path.write_text(REPORT.format(commit="0123456789abcdef" * 2 + "01234567"))
    without, fetched = (
        user.run("bisectsyms", "reproduce", str(path), *more, cwd=always.repo) for more in ((), ("--fetch",))
    )
    assert (without.returncode, fetched.returncode) == (128, 128)
    assert "--fetch" in without.stderr
    assert "127.0.0.1:1" in fetched.stderr, "it was asked, and is not there"


def test_made_worlds_have_the_rates_and_the_spread_that_are_said(user: User, tmp_path: Path) -> None:
    words = ("bisectsyms", "simulate", "--n", "16", "--new", ".9", "--trials", "4", "--json")
    plain, spread = (
        json.loads(user.run(*words, *more, cwd=tmp_path).stdout) for more in ((), ("--old", ".2", "--spread", "2"))
    )
    assert spread["attempts"] > plain["attempts"], (plain, spread)
