"""Twins and reverts of a range: git makes the patches of the few that may be some, and git patch-id compares them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from bisectsyms.core.kinship import Kin, alike, kin_of
from bisectsyms.core.prior import Change
from bisectsyms.effects.changes import kept, span
from bisectsyms.effects.dag import Range
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.search.history import History

MENTIONS = r"This reverts commit [0-9a-f]|cherry picked from commit [0-9a-f]|[Cc]ommit [0-9a-f]{12,64} upstream"
COMMIT = re.compile(r"^([0-9a-f]{40}|[0-9a-f]{64})\n", re.MULTILINE)
DIFF = "diff --git "
REVERSED = ("-R", "--src-prefix=b/", "--dst-prefix=a/")
"""git turns the prefixes, too, and they are part of the id."""


def read_kin(repository: Repository, commits: Range, changes: Sequence[Change | None]) -> Kin:
    """Twins and reverts among the commits of the range.

    Empty in a partial clone: every patch would have to be fetched first.
    """
    if repository.is_partial():
        return Kin()
    among = alike(changes, commits.commits, _messages(repository, commits))
    if not among.commits:
        return Kin()
    names = [[commits.commits[one] for one in some] for some in (among.commits, sorted(among.reverting))]
    text = kept(repository, ["kin", *names[0], "undone", *names[1]], lambda: _patch_ids(repository, *names))
    patches, undone = json.loads(text)
    at, history = commits.index(), History(commits.parents)
    return kin_of(
        {at[commit]: patch for commit, patch in patches.items()},
        {at[commit]: patch for commit, patch in undone.items()},
        lambda revert, one: bool(history.ancestors(revert)[one]),
    )


def _messages(repository: Repository, commits: Range) -> dict[int, str]:
    """The messages that mention another commit in the form of a trailer."""
    words = ["log", "--no-show-signature", "-E", f"--grep={MENTIONS}", "-z", "--no-merges", "--format=%H%n%B"]
    words += span(commits)
    at = commits.index()
    records = (record.partition("\n") for record in kept(repository, words, lambda: repository.git(*words)).split("\0"))
    return {at[commit]: message for commit, _, message in records if commit in at}


def _patch_ids(repository: Repository, commits: Iterable[str], undone: Iterable[str]) -> str:
    return json.dumps([_ids(repository, commits), _ids(repository, undone, *REVERSED)])


def _ids(repository: Repository, commits: Iterable[str], *reverse: str) -> dict[str, str]:
    """Commit to patch-id; without those that change no text, because their id would say too little."""
    words = ("--root", "-r", "--no-renames", "--no-ext-diff", "--no-textconv", "--full-index", *reverse)
    shown = repository.git("diff-tree", "--stdin", "-p", *words, given="".join(f"{one}\n" for one in commits))
    parts = COMMIT.split(shown)[1:]
    whole = [f"{commit}\n{patch}\n" for commit, patch in zip(parts[::2], parts[1::2], strict=True) if _is_text(patch)]
    lines = repository.git("patch-id", "--stable", given="".join(whole)).splitlines()
    return {commit: patch for patch, commit in (line.split() for line in lines)}


def _is_text(patch: str) -> bool:
    """Whether every file in it has a hunk and keeps its mode: patch-id passes over the rest, or some gits do."""
    files = f"\n{patch}".split(f"\n{DIFF}")[1:]
    return bool(files) and all("\n@@ " in one and "\nold mode " not in one.partition("\n@@ ")[0] for one in files)
