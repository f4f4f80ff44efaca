"""The history between two ends as indices: what the search works on, read from git in one call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from bisectsyms.core.words import count, listed
from bisectsyms.effects.gitrepo import RefusedError, Repository
from bisectsyms.errors import UserError


@dataclass(frozen=True, slots=True)
class Range:
    """Commits from old to new: every parent stands before its child; the older ends come first."""

    commits: tuple[str, ...]
    """Full ids."""
    parents: tuple[tuple[int, ...], ...]
    """For each commit the indices of its parents in the range, the first parent first."""
    olds: tuple[int, ...]
    new: int
    trees: tuple[str, ...]
    """For each commit the id of its git tree."""
    find_fix: bool = False

    @property
    def good(self) -> tuple[int, ...]:
        """The ends without the failure."""
        return (self.new,) if self.find_fix else self.olds

    @property
    def bads(self) -> tuple[int, ...]:
        """The ends with the failure."""
        return self.olds if self.find_fix else (self.new,)

    @property
    def bad(self) -> int:
        """Where the failure is shown first, and its rate is learnt."""
        return self.bads[0]

    @property
    def candidates(self) -> int:
        """How many commits could be the one looked for."""
        return len(self.commits) - len(self.olds)

    def index(self) -> dict[str, int]:
        """Full id -> place in `commits`."""
        return {commit: number for number, commit in enumerate(self.commits)}


@dataclass(frozen=True, slots=True)
class Ends:
    """Where a search begins."""

    olds: tuple[str, ...]
    """Full ids; each an ancestor of the new one."""
    new: str
    said: str = ""
    """What had to be done to get there, for people."""
    find_fix: bool = False

    @property
    def good(self) -> tuple[str, ...]:
        """The ends without the failure."""
        return (self.new,) if self.find_fix else self.olds

    @property
    def bad(self) -> str:
        """The end with the failure; the first, where several merge bases stand for it."""
        return self.olds[0] if self.find_fix else self.new


def find_ends(repository: Repository, good: str, bad: str, *, find_fix: bool = False) -> Ends:
    """Resolve both ends; where the older one is no ancestor of the newer, their merge bases take its place.

    The older end is `good`, or in a search for the fix `bad`.

    Raises:
        UserError: a name is unknown, the histories are not related, or the ends are the wrong way round.
    """
    older, newer = (bad, good) if find_fix else (good, bad)
    old, new = repository.resolve(older), repository.resolve(newer)
    bases = repository.merge_bases(old.commit, new.commit)
    if not bases:
        raise UserError(f"{good} and {bad} have no common history", next_step="name two commits of one history")
    if new.commit in bases and old.commit == new.commit:
        raise UserError(f"{good} and {bad} are one commit", next_step="name two different commits")
    if new.commit in bases:
        way = ("without --find-fix", "brought the failure in") if find_fix else ("with --find-fix", "fixed it")
        raise UserError(
            f"{newer} is an ancestor of {older}",
            next_step=f"GOOD is where the failure is not: bisectsyms bisect {bad} {good}; or {way[0]}, for the commit "
            f"that {way[1]}",
        )
    if bases == (old.commit,):
        return Ends(bases, new.commit, find_fix=find_fix)
    names = listed([base[:12] for base in bases])
    said = f"{older} is no ancestor of {newer}: the search begins at their merge base {names}"
    return Ends(bases, new.commit, said, find_fix)


def refuse_cut(repository: Repository, commits: Iterable[str], end: str) -> None:
    """A commit at the boundary of a shallow clone stands for all its ancestors and must not be named.

    `end` is what the older end is called.

    Raises:
        UserError: such a commit is among `commits`.
    """
    file = repository.common_dir / "shallow"
    cut = set(file.read_text().split()) if file.exists() else set()
    if open_ends := cut.intersection(commits) if cut else cut:
        raise UserError(
            f"this clone is shallow: between the ends its history is cut off at {count(len(open_ends), 'commit')} "
            f"({min(open_ends)[:12]}), so the commit looked for may not be here",
            next_step=f"git fetch --unshallow, or git fetch --shallow-exclude=TAG with a tag older than the {end} end",
        )


def read_range(repository: Repository, ends: Ends, *, first_parent: bool = False, paths: Sequence[str] = ()) -> Range:
    """All commits that are reachable from the newer end and from no older one.

    With `paths` git leaves out commits that do not touch them and connects the others (git-rev-list(1), "History
    simplification"); the newer end is kept, because it is tested.

    Raises:
        UserError: no commit of the range touches the paths, or the clone is shallow between the ends.
    """
    words = ["rev-list", "--parents", "--topo-order", "--reverse", "--format=%T"]
    words += ["--first-parent"] if first_parent else []
    at = {commit: number for number, commit in enumerate(ends.olds)}
    parents: list[tuple[int, ...]] = [()] * len(at)
    trees = [repository.resolve(commit).tree for commit in ends.olds]
    # Two lines for each commit: `commit ID PARENT…`, and its tree. A range may have a million.
    lines = repository.lines(*words, ends.new, "--not", *ends.olds, "--", *paths)
    for line, tree in zip(lines, lines, strict=True):
        _, commit, *mine = line.split()
        given = mine[:1] if first_parent else mine
        parents.append(tuple(at[parent] for parent in given if parent in at))
        trees.append(tree)
        at[commit] = len(at)
    if len(at) == len(ends.olds):
        raise UserError(
            f"no commit between both ends touches {listed(paths)}", next_step="check the pathspecs with git log"
        )
    refuse_cut(repository, islice(at, len(ends.olds), None), "older")
    if ends.new not in at:
        inner = {parent for mine in parents for parent in mine}
        parents.append(tuple(number for number in range(len(ends.olds), len(at)) if number not in inner))
        trees.append(repository.resolve(ends.new).tree)
        at[ends.new] = len(at)
    olds = tuple(range(len(ends.olds)))
    return Range(tuple(at), tuple(parents), olds, at[ends.new], tuple(trees), ends.find_fix)


def read_skipped(repository: Repository, commits: Range, names: Sequence[str]) -> frozenset[int]:
    """The commits of the range that each of `names`, a commit or `A..B`, stands for.

    Raises:
        UserError: git does not know one of them, or it names nothing in the range.
    """
    at, found = commits.index(), set[int]()
    for name in names:
        words = (
            ["rev-list", "--end-of-options", name] if ".." in name else ["rev-parse", "--verify", f"{name}^{{commit}}"]
        )
        try:
            mine = {at[commit] for commit in repository.git(*words).split() if commit in at}
        except RefusedError as error:
            raise UserError(f"--skip {name}: no such commits here", next_step="name a commit, or A..B") from error
        if not mine:
            raise UserError(f"--skip {name}: no commit of it lies between the ends", next_step="leave it out")
        found |= mine
    return frozenset(found)
