"""Who should hear of a commit, by the tree's own scripts/get_maintainer.pl; nothing is ever sent.

The script and what it reads are taken out of the tree into a folder of ours, so that no worktree has to move. It
is foreign, and so is its text: it runs as a bounded child, closed off where bubblewrap works, and only what looks like
an address is taken over.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bisectsyms.core.words import plain
from bisectsyms.effects.closing import closed
from bisectsyms.effects.fixups import PICK
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.runner import Command, run
from bisectsyms.errors import UserError

SCRIPT = "scripts/get_maintainer.pl"
READS = (SCRIPT, "MAINTAINERS", ".mailmap", ".get_maintainer.ignore")
WORDS = ("--no-tree", "--no-git", "--no-git-fallback", "--norolestats")
"""The commits that touched a file last are no maintainers, and reading them costs minutes."""
SECONDS = 60.0
MOST = 50
MOST_BYTES = 1 << 16
ADDRESS = re.compile(r'(?:[^<>@]{0,120}<)?[^\s<>@"]{1,100}@[^\s<>@"]{1,100}>?')


@dataclass(frozen=True, slots=True)
class Recipients:
    """Addresses in the script's order, or why there are none."""

    addresses: tuple[str, ...] = ()
    missing: str = ""


def recipients(repository: Repository, commit: str, at: str, scratch: Path, environ: Mapping[str, str]) -> Recipients:
    """Who is responsible for what `commit` changed, by the files of `at`. `scratch` is removed afterwards.

    Raises:
        InfraError: git could not.
    """
    parents = repository.parents(commit)
    if not repository.text(at, SCRIPT):
        return Recipients(missing=f"there is no {SCRIPT}")
    if not shutil.which("perl", path=environ.get("PATH", os.defpath)):
        return Recipients(missing="there is no perl")
    if not parents:
        return Recipients(missing="it has no parent")
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        for name in READS:
            (scratch / name).parent.mkdir(parents=True, exist_ok=True)
            (scratch / name).write_text(repository.text(at, name) + "\n", errors="surrogateescape")
        patch, log = scratch / "patch", scratch / "log"
        repository.git(*PICK, f"--output={patch}", parents[0], commit)
        env = {"PATH": environ.get("PATH", os.defpath), "HOME": str(scratch), "LC_ALL": "C"}
        # Of a commit that a stranger's report names it is a stranger's program.
        off = closed(scratch.parent, repository)
        prefix = off.around(scratch) if off else ()
        ended = run(Command((*prefix, "perl", SCRIPT, *WORDS, str(patch)), scratch, env), log=log, timeout=SECONDS)
        with log.open("rb") as file:
            said = file.read(MOST_BYTES).decode(errors="replace")
    except UserError as error:
        return Recipients(missing=error.message)
    except OSError as error:
        return Recipients(missing=f"{scratch}: {error.strerror}")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if ended.exit_status != 0:
        how = "did not end" if ended.exit_status is None else f"ended with {ended.exit_status}"
        return Recipients(missing=f"{SCRIPT} {how}")
    lines = [plain(line).strip() for line in said.splitlines()]
    return Recipients(tuple(line for line in lines if ADDRESS.fullmatch(line))[:MOST])
