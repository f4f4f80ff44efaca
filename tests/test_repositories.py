"""Repositories as people have them: a slot holds what the commit holds, and nothing of the user's runs or moves."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from bisectsyms.effects import slots
from bisectsyms.effects.bisecting import read_bisect
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.slots import Slot
from bisectsyms.errors import InfraError, UserError

FILES = {"Makefile": "all:\n", "drivers/a.c": "int a;\n", "drivers/b.bat": "rem\n", "lib/c.c": "int c;\n"}
ATTRIBUTES = "*.bat text eol=crlf\n*.c filter=theirs diff=theirs text=auto\n"


def git(repo: Path, *args: str) -> str:
    words = ["git", "-c", "user.name=a", "-c", "user.email=a@kernel.invalid", "-c", "protocol.file.allow=always"]
    done = subprocess.run([*words, "-C", str(repo), *args], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{args}: {done.stderr}"
    return done.stdout.strip()


def write(repo: Path, *options: str) -> Path:
    """A repository of two commits, tagged old and new."""
    repo.mkdir()
    git(repo, "init", "-q", "-b", "main", *options)
    for tag in ("old", "new"):
        for name, text in FILES.items():
            (repo / name).parent.mkdir(exist_ok=True)
            (repo / name).write_text(f"{text}/* {tag} */\n")
        (repo / ".gitattributes").write_text(ATTRIBUTES)
        git(repo, "add", ".")
        git(repo, "commit", "-q", "-m", tag)
        git(repo, "tag", tag)
    return repo


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return write(tmp_path / "linux")


def moved(repo: Path, tmp_path: Path) -> Slot:
    """A slot of `repo` that went to old, then to new."""
    repository = Repository.discover(repo, {})
    slot = slots.acquire(tmp_path / "slots", repository)
    for name in ("old", "new"):
        slot.move_to(repository.resolve(name))
    return slot


def whole(slot: Slot) -> None:
    """Every file of the commit is there, byte for byte, but for what the commit's own attributes ask."""
    for name, text in FILES.items():
        ends = "\r\n" if name.endswith(".bat") else "\n"
        assert (slot.src / name).read_bytes() == f"{text}/* new */\n".replace("\n", ends).encode(), name


def test_settings_of_the_user_neither_run_nor_show(repo: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    program = f"touch {ran}; cat"
    settings = {
        "core.autocrlf": "true",
        "core.eol": "crlf",
        "core.attributesFile": str(tmp_path / "attributes"),
        "core.fsmonitor": program,
        "core.pager": program,
        "core.untrackedCache": "true",
        "filter.theirs.smudge": program,
        "filter.theirs.clean": program,
        "filter.theirs.process": program,
        "filter.theirs.required": "true",
        "diff.theirs.textconv": program,
        "log.showSignature": "true",
        "log.mailmap": "true",
        "color.ui": "always",
        "commit.gpgsign": "true",
        "gpg.program": program,
        "submodule.recurse": "true",
        **{f"alias.{verb}": f"!touch {ran}" for verb in ("log", "rev-parse", "worktree", "checkout", "for-each-ref")},
    }
    (tmp_path / "attributes").write_text("* text eol=crlf\n")
    for name, value in settings.items():
        git(repo, "config", name, value)
    for hook in ("post-checkout", "reference-transaction", "post-index-change"):
        path = repo / ".git" / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch {ran}\n")
        path.chmod(0o755)

    slot = moved(repo, tmp_path)

    whole(slot)
    assert not ran.exists()
    revision = Repository.discover(repo, {}).resolve("new")
    assert (revision.title, len(revision.commit)) == ("new", 40)


@pytest.mark.parametrize("cone", ["--cone", "--no-cone"])
def test_a_sparse_checkout_is_the_users_alone(repo: Path, tmp_path: Path, cone: str) -> None:
    git(repo, "sparse-checkout", "set", cone, "lib")
    before = git(repo, "ls-files", "-t")
    whole(moved(repo, tmp_path))
    assert git(repo, "ls-files", "-t") == before
    assert not (repo / "drivers").exists()


def test_sparse_settings_in_the_shared_config(repo: Path, tmp_path: Path) -> None:
    git(repo, "config", "core.sparseCheckout", "true")
    (repo / ".git" / "info" / "sparse-checkout").write_text("/lib/\n")
    git(repo, "read-tree", "-mu", "HEAD")
    whole(moved(repo, tmp_path))


def test_submodules_stay_as_they_are(repo: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other")
    git(repo, "submodule", "--quiet", "add", f"file://{other}", "tools/other")
    git(repo, "commit", "-q", "-m", "submodule")
    git(repo, "tag", "-f", "new")
    git(repo, "config", "submodule.recurse", "true")
    git(repo / "tools" / "other", "checkout", "-q", "old")
    slot = moved(repo, tmp_path)
    whole(slot)
    assert not any((slot.src / "tools" / "other").iterdir())
    assert git(repo / "tools" / "other", "log", "-1", "--format=%s") == "old"


def test_a_partial_clone_fetches_what_it_needs(repo: Path, tmp_path: Path) -> None:
    git(repo, "config", "uploadpack.allowFilter", "true")
    git(repo, "config", "uploadpack.allowAnySHA1InWant", "true")
    clone = tmp_path / "partial"
    git(tmp_path, "clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{repo}", str(clone))
    assert "?" in git(clone, "rev-list", "--objects", "--all", "--missing=print")
    whole(moved(clone, tmp_path))


def test_a_partial_clone_whose_remote_is_gone_is_no_verdict(repo: Path, tmp_path: Path) -> None:
    git(repo, "config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "partial"
    git(tmp_path, "clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{repo}", str(clone))
    repo.rename(tmp_path / "gone")
    with pytest.raises(InfraError) as stopped:
        moved(clone, tmp_path)
    assert "promisor remote" in str(stopped.value) or "does not appear to be a git repository" in str(stopped.value)
    assert "git fetch" in stopped.value.next_step


def test_ids_of_sha256(tmp_path: Path) -> None:
    repo = write(tmp_path / "linux", "--object-format=sha256")
    whole(moved(repo, tmp_path))
    git(repo, "commit", "-q", "--allow-empty", "-m", "newest")
    git(repo, "bisect", "start", "HEAD", "old")
    state = read_bisect(Repository.discover(repo, {}))
    assert state
    assert len(state.news[0]) == 64
    assert state.olds == (git(repo, "rev-parse", "old"),)


def test_a_tested_commit_outlives_its_branch_and_its_slot(repo: Path, tmp_path: Path) -> None:
    commit = git(repo, "rev-parse", "new")
    slot = moved(repo, tmp_path)
    slot.release()
    git(repo, "tag", "-d", "new")
    git(repo, "reset", "-q", "--hard", "old")
    shutil.rmtree(tmp_path / "slots")
    git(repo, "worktree", "prune")
    git(repo, "reflog", "expire", "--expire=now", "--all")
    git(repo, "gc", "-q", "--prune=now")
    repository = Repository.discover(repo, {})
    again = slots.acquire(tmp_path / "slots", repository)
    again.move_to(repository.resolve(commit))
    whole(again)


def test_a_repository_of_somebody_else_is_gits_to_refuse(repo: Path) -> None:
    """git's own variable for its tests stands in for another owner."""
    os.environ["GIT_TEST_ASSUME_DIFFERENT_OWNER"] = "1"
    try:
        with pytest.raises(UserError, match="dubious ownership") as refused:
            Repository.discover(repo, {})
    finally:
        del os.environ["GIT_TEST_ASSUME_DIFFERENT_OWNER"]
    assert refused.value.next_step == f"git config --global --add safe.directory {repo}"
