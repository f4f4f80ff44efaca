"""The bisect of this worktree, read from git's own files: its ends, its terms, what is left of it.

Nothing of it is stored by us: whoever edits git's log and replays it has changed what these functions say.
The names of the files are those of git's builtin/bisect.c and bisect.c.
"""

from __future__ import annotations

import re
import shlex

from bisectsyms.core.direction import BisectState, terms_tell
from bisectsyms.effects.dag import refuse_cut
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.errors import InfraError, UserError


def read_bisect(repository: Repository, *, find_fix: bool = False) -> BisectState | None:
    """The bisect that runs here, None if none does; `find_fix` wins over what the terms tell.

    Raises:
        UserError: a bisect was started, but an end has not been named yet, or a file of git's is damaged.
    """
    folder = repository.git_dir
    if not (folder / "BISECT_START").exists():
        return None
    new_term, old_term = _terms(_text(repository, "BISECT_TERMS"))
    refs = dict(
        line.split(" ", 1)[::-1]
        for line in repository.git("for-each-ref", "--format=%(objectname) %(refname)", "refs/bisect/").splitlines()
    )
    new = refs.get(f"refs/bisect/{new_term}", "")
    olds = {commit for name, commit in refs.items() if name.startswith(f"refs/bisect/{old_term}-")}
    if not new or not olds:
        missing = old_term if new else new_term
        raise UserError(f"the bisect has no {missing} end yet", next_step=f"git bisect {missing} REV")
    log = _text(repository, "BISECT_LOG")
    named = [commit for commit in _logged(log, old_term) if commit in olds]
    found = _logged(log, f"first {new_term} commit")
    return BisectState(
        old_term=old_term,
        new_term=new_term,
        new=new,
        news=tuple(dict.fromkeys([*_logged(log, new_term), new])),
        olds=tuple(dict.fromkeys([*named, *sorted(olds)])),
        culprit=found[-1] if found else "",
        find_fix=find_fix or bool(terms_tell(old_term, new_term)),
        first_parent=(folder / "BISECT_FIRST_PARENT").exists(),
        paths=_paths(_text(repository, "BISECT_NAMES")),
        merge_bases_passed=(folder / "BISECT_ANCESTORS_OK").exists(),
    )


def candidates(repository: Repository, state: BisectState, new: str = "") -> int:
    """How many commits git can still name: reachable from `new`, by default the current new end, and no old one."""
    return int(repository.git("rev-list", "--count", *_range(state, new or state.new)))


def is_merge_base(repository: Repository, state: BisectState, commit: str) -> bool:
    """Whether git asks about `commit` only because an old end is no ancestor of the new one.

    git tests the merge bases first, and stops if one of them turns out to be new (git-bisect-lk2009,
    "Checking merge bases").
    """
    if state.merge_bases_passed or commit in state.olds:
        return False
    return commit in repository.git("merge-base", "--all", state.new, *state.olds).split()


def refuse_cut_history(repository: Repository, state: BisectState) -> None:
    """A commit at the boundary of a shallow clone stands for all its ancestors and must not be named.

    Raises:
        UserError: such a commit is a candidate.
    """
    if (repository.common_dir / "shallow").exists():
        commits = repository.git("rev-list", *_range(state, state.new)).split()
        refuse_cut(repository, commits, state.old_term)


def _range(state: BisectState, new: str) -> list[str]:
    first_parent = ["--first-parent"] if state.first_parent else []
    return [*first_parent, new, "--not", *state.olds, "--", *state.paths]


def _text(repository: Repository, name: str) -> str:
    """A file of git's, empty if there is none; what is no UTF-8 goes back to git as the bytes that it was."""
    try:
        return (repository.git_dir / name).read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise InfraError(f"{repository.git_dir / name}: {error.strerror}", next_step="ls -l it") from error


def _terms(text: str) -> tuple[str, str]:
    """The words for new and old; git checks them when it writes them (builtin/bisect.c, check_term_format)."""
    words = text.split() or ["bad", "good"]
    if len(words) != 2 or words[0] == words[1] or any(one[0] == "-" or not one.isprintable() for one in words):
        raise _damaged("BISECT_TERMS", "it holds no two terms")
    return words[0], words[1]


def _paths(text: str) -> tuple[str, ...]:
    try:
        if "\0" in text:
            raise ValueError("a NUL")
        return tuple(word for word in shlex.split(text) if word != "--")
    except ValueError as error:
        raise _damaged("BISECT_NAMES", f"its paths cannot be read ({error})") from error


def _damaged(name: str, why: str) -> UserError:
    return UserError(
        f"git's {name} is damaged: {why}", next_step="git bisect log > FILE, git bisect reset, git bisect replay FILE"
    )


def _logged(log: str, what: str) -> list[str]:
    """The commits of lines such as `# bad: [0a1b…] title`."""
    return re.findall(rf"^# {re.escape(what)}: \[([0-9a-f]{{40,64}})\]", log, re.MULTILINE)
