"""What somebody sees who types the first commands: where to go from an error, and what was found, in real calls."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import click
import pytest

from bisectsyms.cli import main
from bisectsyms.cli.summaries import SUMMARIES
from tests.conftest import User
from tests.test_commands import history
from tests.test_searching import bisect, write

WIDTH = 78
"""What click leaves of a terminal of 80 columns."""
MOST_LINES = 50


def summaries(group: click.Group) -> list[str]:
    ctx = click.Context(group, info_name="bisectsyms", terminal_width=WIDTH, max_content_width=WIDTH)
    return group.get_help(ctx).splitlines()


def test_the_first_help_has_every_verb_on_one_whole_line() -> None:
    lines = summaries(main)
    assert len(lines) <= MOST_LINES
    assert not [line for line in lines if len(line) > WIDTH]
    longest = max(map(len, main.commands))
    assert set(SUMMARIES) == set(main.commands)
    for verb, command in main.commands.items():
        assert f"  {verb.ljust(longest)}  {command.short_help}" in lines


@pytest.mark.parametrize("group", [one for one in main.commands.values() if isinstance(one, click.Group)])
def test_so_has_that_of_a_verb_with_verbs(group: click.Group) -> None:
    lines = summaries(group)
    assert all(any(str(command.short_help) in line for line in lines) for command in group.commands.values())


@pytest.mark.parametrize(("inside", "at_terminal"), [(True, True), (True, False), (False, False)])
def test_nothing_but_our_name_leads_somewhere(user: User, tmp_path: Path, inside: bool, at_terminal: bool) -> None:
    cwd = write(tmp_path / "repo", ["true", "false"]) if inside else tmp_path
    ours, theirs = pty.openpty()
    stdin = theirs if at_terminal else subprocess.DEVNULL
    done = subprocess.run(
        ["bisectsyms"], cwd=cwd, env=user.env, stdin=stdin, capture_output=True, text=True, check=False
    )
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 128
    last = done.stderr.splitlines()[-1]
    assert last.endswith("all verbs: bisectsyms --help; to see it work: bisectsyms demo")
    assert ("Usage:" in done.stdout) is (inside and at_terminal)


def test_a_search_is_told_by_status_and_report(user: User, tmp_path: Path) -> None:
    repo = history(tmp_path / "repo", *["exit 0"] * 3, *["exit 1"] * 3)
    stopped = bisect(user, repo, "--max-attempts", "2", "1", "6", "--", "./t.sh")
    assert stopped.returncode == 3, stopped.stderr
    said = user.run("bisectsyms", "status", cwd=repo).stdout
    assert "ended undecided on " in said and "it goes on with: bisectsyms bisect;" in said
    assert bisect(user, repo).returncode == 0
    said = user.run("bisectsyms", "status", cwd=repo).stdout
    culprit = user.run("git", "rev-parse", "4", cwd=repo).stdout[:12]
    assert f"culprit: {culprit} (4), " in said and "attempts since" not in said
    assert "()" not in said and "command/t.sh" in said
    told = user.run("bisectsyms", "report", cwd=repo).stdout
    assert told.startswith(f"# The failure came with {culprit}")
    assert "()" not in told and "pinned" not in told and "command/t.sh" in told


def test_a_revision_of_a_plan_that_is_not_here(user: User, tmp_path: Path) -> None:
    repo = write(tmp_path / "repo", ["true", "false"])
    plan = tmp_path / "plan.yaml"
    plan.write_text("plan: hunt\nrevisions:\n  - '1'\n  - v9.9\nprofiles: smallkernel\n")
    done = user.run("bisectsyms", "hunt", str(plan), cwd=repo)
    assert done.returncode == 128
    assert f"{plan}:4:5: revisions.1: v9.9: no such commit here" in done.stderr
    plan.write_text("plan: hunt\nrevisions: '1'\nprofiles: smallkernel\nthen: bisect\ngood: v9.8\n")
    assert f"{plan}:5:1: good: v9.8: no such commit here" in user.run("bisectsyms", "hunt", str(plan), cwd=repo).stderr
    typed = user.run("bisectsyms", "hunt", "--rev", "1,v9.9", "--profile", "smallkernel", cwd=repo)
    assert "bisectsyms: --rev: v9.9: no such commit here" in typed.stderr


def test_the_revision_of_a_plan_to_reproduce_that_is_not_here(user: User, tmp_path: Path) -> None:
    repo = write(tmp_path / "repo", ["true", "false"])
    plan = tmp_path / "plan.yaml"
    plan.write_text("plan: reproduce\narch: x86\ndefconfig: defconfig\nrevision: v9.9\n")
    done = user.run("bisectsyms", "reproduce", str(plan), cwd=repo)
    assert f"{plan}:4:1: revision: v9.9: no such commit here" in done.stdout + done.stderr
    given = user.run("bisectsyms", "reproduce", str(plan), "--rev", "v9.8", cwd=repo)
    assert "v9.8: no such commit here" in given.stdout + given.stderr and "plan.yaml:" not in given.stderr
