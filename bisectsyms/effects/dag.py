"""The history between two ends as indices: what the search works on, read from git in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bisectsyms.core.words import count, listed
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.errors import UserError


@dataclass(frozen=True, slots=True)
class Range:
    """Commits from old to new: every parent stands before its child; the good ends come first."""

    commits: tuple[str, ...]
    """Full ids."""
    parents: tuple[tuple[int, ...], ...]
    """For each commit the indices of its parents in the range, the first parent first."""
    good: tuple[int, ...]
    bad: int

    @property
    def candidates(self) -> int:
        """How many commits could be the culprit."""
        return len(self.commits) - len(self.good)

    def index(self) -> dict[str, int]:
        return {commit: number for number, commit in enumerate(self.commits)}


@dataclass(frozen=True, slots=True)
class Ends:
    """Where a search begins."""

    good: tuple[str, ...]
    """Full ids; each an ancestor of the bad one."""
    bad: str
    said: str = ""
    """What had to be done to get there, for people."""


def find_ends(repository: Repository, good: str, bad: str) -> Ends:
    """Resolve both ends; where the good one is no ancestor of the bad one, their merge bases take its place.

    Raises:
        UserError: a name is unknown, the histories are not related, or the ends are the wrong way round.
    """
    old, new = repository.resolve(good), repository.resolve(bad)
    bases = repository.merge_bases(old.commit, new.commit)
    if not bases:
        raise UserError(f"{good} and {bad} have no common history", next_step="name two commits of one history")
    if new.commit in bases:
        same = old.commit == new.commit
        raise UserError(
            f"{good} and {bad} are one commit" if same else f"{bad} is an ancestor of {good}",
            next_step="name two different commits" if same else f"bisectsyms bisect {bad} {good}, or --find-fix",
        )
    if bases == (old.commit,):
        return Ends(bases, new.commit)
    names = listed([base[:12] for base in bases])
    return Ends(bases, new.commit, f"{good} is no ancestor of {bad}: the search begins at their merge base {names}")


def refuse_cut(repository: Repository, commits: Sequence[str], end: str) -> None:
    """A commit at the boundary of a shallow clone stands for all its ancestors and must not be named.

    `end` is what the older end is called.

    Raises:
        UserError: such a commit is among `commits`.
    """
    file = repository.common_dir / "shallow"
    cut = set(file.read_text().split()) if file.exists() else set()
    if open_ends := cut.intersection(commits):
        raise UserError(
            f"this clone is shallow: between the ends its history is cut off at {count(len(open_ends), 'commit')} "
            f"({min(open_ends)[:12]}), so the commit looked for may not be here",
            next_step=f"git fetch --unshallow, or git fetch --shallow-exclude=TAG with a tag older than the {end} end",
        )


def read_range(repository: Repository, ends: Ends, *, first_parent: bool = False, paths: Sequence[str] = ()) -> Range:
    """All commits that are reachable from the bad end and from no good one.

    With `paths` git leaves out commits that do not touch them and connects the others (git-rev-list(1), "History
    simplification"); the bad end is kept, because it is tested.

    Raises:
        UserError: no commit of the range touches the paths, or the clone is shallow between the ends.
    """
    words = ["rev-list", "--parents", "--topo-order", "--reverse", *(["--first-parent"] if first_parent else [])]
    lines = repository.git(*words, ends.bad, "--not", *ends.good, "--", *paths).splitlines()
    if not lines:
        raise UserError(
            f"no commit between both ends touches {listed(paths)}", next_step="check the pathspecs with git log"
        )
    refuse_cut(repository, [line.partition(" ")[0] for line in lines], "good")
    at = {commit: number for number, commit in enumerate(ends.good)}
    parents: list[tuple[int, ...]] = [()] * len(at)
    for line in lines:
        commit, *mine = line.split()
        given = mine[:1] if first_parent else mine
        parents.append(tuple(at[parent] for parent in given if parent in at))
        at[commit] = len(at)
    if ends.bad not in at:
        inner = {parent for mine in parents for parent in mine}
        parents.append(tuple(number for number in range(len(ends.good), len(at)) if number not in inner))
        at[ends.bad] = len(at)
    return Range(tuple(at), tuple(parents), tuple(range(len(ends.good))), at[ends.bad])
