"""Completion in real shells, and that nothing of it can become a verdict."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import User


def complete(user: User, cwd: Path, *words: str) -> list[str]:
    """What the bash script offers for the last of the words."""
    line = " ".join(words)
    script = (
        'eval "$(bisectsyms completion bash)"; '
        f"COMP_WORDS=({line}{' ' if words[-1] else ' ' + chr(39) * 2}); COMP_CWORD={len(words) - 1}; "
        "_bisectsyms_completion bisectsyms; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    done = user.run("bash", "--norc", "-c", script, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_bash_completes_verbs_options_and_profiles(user: User, tmp_path: Path) -> None:
    assert complete(user, tmp_path, "bisectsyms", "di") == ["diagnose"]
    assert {"bisect", "hunt", "step"} <= set(complete(user, tmp_path, "bisectsyms", ""))
    assert complete(user, tmp_path, "bisectsyms", "step", "--find") == ["--find-fix"]
    assert complete(user, tmp_path, "bisectsyms", "--profile", "s3c") == ["s3c6400"]


def test_a_path_completes_where_a_profile_stands(user: User, tmp_path: Path) -> None:
    (tmp_path / "board.yaml").touch()
    asks = {"_BISECTSYMS_COMPLETE": "bash_complete", "COMP_CWORD": "3"}
    done = user.run("bisectsyms", cwd=tmp_path, env=asks | {"COMP_WORDS": "bisectsyms bisect --profile ./b"})
    assert done.stdout.split() == ["file,./b"], "the shell looks for files itself"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(user: User, tmp_path: Path, shell: str) -> None:
    done = user.run("bisectsyms", "completion", shell, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_BISECTSYMS_COMPLETE={shell}_complete" in done.stdout


def test_git_bisect_run_takes_no_completion_for_a_verdict(user: User, tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    git = ("git", "-C", str(repo), "-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", "init", "-q", str(repo)], check=True)
    for number in range(4):
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", str(number)], check=True)
    subprocess.run([*git, "bisect", "start", "HEAD", "HEAD~3"], check=True, capture_output=True)
    done = user.run("git", "bisect", "run", "bisectsyms", cwd=repo, env={"_BISECTSYMS_COMPLETE": "bash_source"})
    assert done.returncode != 0
    assert "first bad commit" not in done.stdout
