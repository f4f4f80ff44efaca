"""A bench at which a benchmark works, with nobody looking on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import click

from bisectsyms.effects.gitrepo import Repository
from bisectsyms.inputs.profile import find_profile
from bisectsyms.inputs.toolchains import load_toolchains
from bisectsyms.model import Attempt, Plan
from bisectsyms.usecases.bench import Options
from bisectsyms.usecases.workbench import Workbench


class Quiet:
    """Nobody looks on."""

    def say(self, text: str) -> None:
        click.echo(f"  {text}")

    def running(self, number: int, plan: Plan, why: str) -> AbstractContextManager[None]:
        return nullcontext()

    def ended(self, attempt: Attempt) -> None:
        pass


@contextmanager
def opened(repo: Path, slots: Path, profile: str, *vary: str) -> Iterator[Workbench]:
    """A bench for a shipped profile, its slots below `slots`; `vary` are variation policies."""
    found = find_profile(profile, state_dir=slots, xdg_config_home=slots, cwd=slots)
    options = Options(slots_dir=slots, toolchains=load_toolchains(slots), vary=vary)
    with Workbench(Repository.discover(repo, {}), found, options, os.environ, Quiet()) as bench:
        yield bench
