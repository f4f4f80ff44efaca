"""Shared ground: a hermetic user with an empty home, histories of the small kernel, real git bisect runs.

With BISECTSYMS_NO_SKIPS set, as CI sets it, a test that is skipped for want of a package fails instead.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from hypothesis import settings

from bisectsyms.smallkernel.history import Failure, History, write_history

SCRIPTS = Path(sys.executable).parent
FIRST_BAD = "is the first bad commit"

# An example that waits for a busy machine has not failed; and what one run of the tests says, the next one says, too.
# BISECTSYMS_RANDOM=1 looks for further examples.
settings.register_profile("bisectsyms", deadline=None, derandomize=not os.environ.get("BISECTSYMS_RANDOM"))
settings.load_profile("bisectsyms")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]  # pytest's own hook shape
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("BISECTSYMS_NO_SKIPS") and "apt-get install" in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"skipped, and CI has every package: {report.longrepr}"


@dataclass(frozen=True)
class User:
    """Somebody with an empty home who types commands."""

    home: Path
    slots: Path

    @property
    def env(self) -> dict[str, str]:
        return {
            "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "LC_ALL": "C",
        }

    def run(self, *argv: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; output as text."""
        return subprocess.run(
            argv,
            cwd=cwd,
            env=self.env | (env or {}),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=600,
            check=False,
        )

    def start(self, *argv: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a command in a session of its own, as a terminal would.

        A shell starts background jobs with SIGINT ignored, and whatever runs the tests may be one.
        """
        return subprocess.Popen(
            ("env", "--default-signal=INT", *argv),
            cwd=cwd,
            env=self.env | (env or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def bisect(self, history: History, *options: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """`git bisect start` and `git bisect run bisectsyms`, with the small kernel's profile."""
        where = cwd or history.repo
        started = self.run("git", "bisect", "start", history.bad, history.good, cwd=where)
        assert started.returncode == 0, started.stderr
        return self.run("git", "bisect", "run", *self.step(*options), cwd=where)

    def step(self, *options: str) -> tuple[str, ...]:
        """The command line of a step."""
        return "bisectsyms", "--profile", "smallkernel", "--slots-dir", str(self.slots), *options

    def attempts(self, repo: Path) -> list[dict[str, object]]:
        """What the ledger has of each attempt, as it is exported."""
        exported = self.run("bisectsyms", "ledger", "export", "-", cwd=repo).stdout.splitlines()
        return [line for line in map(json.loads, exported) if line["record"] == "attempt"]

    def processes(self) -> list[psutil.Process]:
        """What runs in our slots."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("BISECTSYMS_SLOT", "").startswith(str(self.slots)):
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return [process for process in found if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture
def user(tmp_path: Path) -> User:
    home = tmp_path / "home"
    home.mkdir()
    return User(home, tmp_path / "slots")


def git(repo: Path, *args: str) -> str:
    """What git says in `repo`, where somebody has a name; it must not fail."""
    words = ["git", "-c", "user.name=a", "-c", "user.email=a@kernel.invalid", "-C", str(repo), *args]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


MakeHistory = Callable[..., History]


@pytest.fixture
def make_history(tmp_path: Path) -> MakeHistory:
    """`make_history(Failure.RACE, seed=1, commits=16, …)` writes a history into the test's own folder."""

    def make(
        failure: Failure,
        *,
        seed: int = 1,
        commits: int = 16,
        broken: bool = True,
        unrelated: bool = True,
        name: str = "linux",
    ) -> History:
        return write_history(tmp_path / name, failure, seed=seed, commits=commits, broken=broken, unrelated=unrelated)

    return make


def named(output: str) -> str:
    """The commit that git bisect named, or the empty string."""
    for line in output.splitlines():
        if line.endswith(FIRST_BAD):
            return line.split()[0]
    return ""
