"""A commit taken back on top of another, as a commit of ours: no worktree is touched, and attempts find it by its tree.

The patch is applied as git revert would, with a three-way merge. The commit has the id that its content gives it, so
the same question asked again is the same commit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from bisectsyms.core.words import listed, plain
from bisectsyms.effects.fixups import APPLY, MACHINE, PICK
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.errors import InfraError
from bisectsyms.model import Revision

REFUSED = re.compile(r"^error: (.+): (?:patch does not apply|does not exist in index|already exists in index)$", re.M)
WHO = {"NAME": "bisectsyms", "EMAIL": "bisectsyms@localhost"}


@dataclass(frozen=True, slots=True)
class Reverted:
    """The commit, or why there is none."""

    revision: Revision | None
    why: str = ""


def revert_on_top(repository: Repository, culprit: Revision, top: str, scratch: Path) -> Reverted:
    """`culprit` taken back on top of `top`; of a merge what it brought to its first parent. `scratch` may be removed.

    Raises:
        InfraError: git could not.
    """
    parents = repository.parents(culprit.commit)
    if not parents:
        return Reverted(None, "it has no parent")
    scratch.mkdir(parents=True, exist_ok=True)
    index, patch = scratch / "index", scratch / "revert.patch"
    for left in (index, index.with_name("index.lock")):  # by one of ours that was killed
        left.unlink(missing_ok=True)
    env = {"GIT_INDEX_FILE": str(index)}
    repository.git(*PICK, f"--output={patch}", culprit.commit, parents[0])
    if not patch.stat().st_size:
        return Reverted(None, "it changes nothing")
    repository.git("read-tree", top, env=env)
    status, said = repository.tried(*APPLY, "--3way", str(patch), env=env)
    if status and (status != 1 or any(word in said for word in MACHINE)):
        raise InfraError(f"git apply of the revert of {culprit.commit[:12]} failed: {said.strip()[-200:]}")
    if status:
        unmerged = repository.git("diff", "--cached", "--name-only", "--diff-filter=U", env=env).splitlines()
        names = sorted({*unmerged, *REFUSED.findall(said)})
        where = f" ({listed([plain(name) for name in names])})" if names else ""
        return Reverted(None, f"its revert does not apply there{where}")
    tree = repository.git("write-tree", env=env)
    if tree == repository.resolve(top).tree:
        return Reverted(None, "it is taken back there already")
    return Reverted(repository.resolve(_commit(repository, tree, culprit, top)))


def _commit(repository: Repository, tree: str, culprit: Revision, top: str) -> str:
    when = f"@{repository.git('log', '-1', '--no-show-signature', '--format=%ct', top)} +0000"
    env = {
        f"GIT_{who}_{what}": text for who in ("AUTHOR", "COMMITTER") for what, text in (*WHO.items(), ("DATE", when))
    }
    text = f'Revert "{culprit.title}"\n\nThis reverts commit {culprit.commit}.'
    return repository.git("commit-tree", tree, "-p", top, "-m", text, env=env)
