"""The user's repository, read and never moved: where it is, and which revision is meant.

Our git calls run nothing of the repository's own (hooks, fsmonitor, aliases), and they are always told
which repository is meant: git bisect run exports GIT_DIR in a linked worktree, and a call that inherits
it answers for the wrong tree.
"""

from __future__ import annotations

import math
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from functools import cached_property
from pathlib import Path

os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

from git import Git
from git.exc import GitCommandError, GitCommandNotFound

from bisectsyms.effects.gittrouble import next_step, spoilt
from bisectsyms.errors import InfraError, UserError
from bisectsyms.model import Revision

KEPT = re.compile(r"GIT_CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+)")
"""Where git finds its configuration (safe.directory above all) is the user's business and stays."""

OLDEST_GIT = (2, 32)
"""For `apply --3way --cached` (git's release notes of 2.32). `log --diff-merges=combined` is not in 2.30, where
`rev-parse` prints `--path-format=absolute` as if it were an answer [tried]."""
MOST_AT_ONCE = 1000
"""Commits named on one command line."""
INERT = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.attributesFile=/dev/null",
    "core.autocrlf=false",
    "core.eol=lf",
    "core.sparseCheckout=false",
    "submodule.recurse=false",
    "protocol.ext.allow=never",
    "gc.auto=0",
    "maintenance.auto=false",
    "advice.detachedHead=false",
    "core.filesRefLockTimeout=2000",
    "core.packedRefsTimeout=2000",
)
"""Settings under which git runs no program of the repository's, checks out what is in it, and waits for another git."""


class RefusedError(InfraError):
    """git has answered, with another status than 0: there is no such commit, file or common ancestor."""


class Repository:
    """A git repository as seen from one worktree."""

    def __init__(self, top: Path, git_dir: Path, common_dir: Path) -> None:
        self.top = top
        self.git_dir = git_dir
        self.common_dir = common_dir
        self._git = Git(str(top))

    @classmethod
    def discover(cls, cwd: Path, environ: MutableMapping[str, str]) -> Repository:
        """Find the repository of `cwd`, honouring GIT_DIR, then take every GIT_* out of `environ`.

        Raises:
            UserError: there is no git, or it is too old; `cwd` is in no repository or in a bare one.
        """
        asked = ("--path-format=absolute", "--git-dir", "--git-common-dir", "--show-toplevel")
        git = Git(str(cwd))
        try:
            check_git()
            answer = git.execute(["git", "rev-parse", *asked])
        except GitCommandError as error:
            said = _what_git_said(error)
            raise UserError(
                f"{cwd}: {said}",
                next_step=_lines(error)[-1]  # git's own advice, with the path it wants
                if "dubious ownership" in said
                else "run bisectsyms in a work tree of the kernel's repository",
            ) from error
        finally:
            for name in [name for name in environ if name.startswith("GIT_") and not KEPT.fullmatch(name)]:
                del environ[name]
        git_dir, common_dir, top = str(answer).splitlines()
        return cls(Path(top), Path(git_dir), Path(common_dir))

    @property
    def state_dir(self) -> Path:
        """Where the ledger lives: shared by all worktrees of the repository."""
        return self.common_dir / "bisectsyms"

    def git(
        self, *args: str, cwd: Path | None = None, env: Mapping[str, str] | None = None, given: str | None = None
    ) -> str:
        """Run git with nothing of the repository's own; stdout without the last newline.

        `env` is added to the environment, `given` is what git reads from stdin.

        Raises:
            RefusedError: git ended with another status than 0; its own reason is quoted.
            InfraError: it did not get as far as to answer, or could not be started.
        """
        runner = self._runner(cwd)
        try:
            if given is None:
                return str(runner.execute(["git", *self._settings, *args], env=env))
            with tempfile.TemporaryFile() as file:
                file.write(given.encode(errors="surrogateescape"))
                file.seek(0)
                return str(runner.execute(["git", *self._settings, *args], env=env, istream=file))
        except GitCommandError as error:
            raise _failed(args, error) from error
        except GitCommandNotFound as error:
            raise InfraError("git cannot be started", next_step="bisectsyms doctor") from error

    def lines(self, *args: str) -> Iterator[str]:
        """What `git` says, a line at a time: for answers that may be too long to hold.

        Raises:
            RefusedError: as `git`, found out after the last line.
            InfraError: likewise.
        """
        try:
            process = self._runner(None).execute(["git", *self._settings, *args], as_process=True)
            assert process.stdout is not None, "GitPython makes a pipe"
            for line in process.stdout:
                yield line.decode(errors="surrogateescape").rstrip("\n")
            process.wait()
        except GitCommandError as error:
            raise _failed(args, error) from error
        except GitCommandNotFound as error:
            raise InfraError("git cannot be started", next_step="bisectsyms doctor") from error

    def tried(self, *args: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Run git as `git` does where another status than 0 is an answer: the status, and what it wrote to stderr.

        Raises:
            InfraError: it did not get as far as to answer, or could not be started.
        """
        runner = self._runner(cwd)
        try:
            status, _, said = runner.execute(
                ["git", *self._settings, *args], env=env, with_extended_output=True, with_exceptions=False
            )
        except GitCommandNotFound as error:
            raise InfraError("git cannot be started", next_step="bisectsyms doctor") from error
        if status and spoilt(int(status), str(said)):
            lines = str(said).strip().splitlines() or [f"exit status {status}"]
            raise InfraError(f"git {' '.join(args[:3])} failed: {lines[-1]}", next_step=next_step(str(said)))
        return int(status), str(said)

    def _runner(self, cwd: Path | None) -> Git:
        """GitPython takes our own folder where this one is gone, and what answers is another repository.

        Raises:
            InfraError: it is gone.
        """
        folder = cwd or self.top
        if not folder.is_dir():
            raise InfraError(f"{folder} is gone", next_step="where the repository is now, the same command again")
        return self._git if cwd is None else Git(str(cwd))

    @property
    def _settings(self) -> list[str]:
        return [word for setting in (*INERT, *self._no_filters) for word in ("-c", setting)]

    @cached_property
    def _no_filters(self) -> tuple[str, ...]:
        """Settings that switch off every filter driver (gitattributes(5)): a program of the user's, not of the commit.

        An empty driver passes the blob through; one that is required would refuse to.
        """
        asked = ("config", "--null", "--name-only", "--get-regexp", r"^filter\..+\.(smudge|clean|process|required)$")
        keys = str(self._git.execute(["git", *asked], with_exceptions=False)).split("\0")
        return tuple(f"{key}={'false' if key.endswith('.required') else ''}" for key in sorted(set(keys)) if key)

    def resolve(self, name: str) -> Revision:
        """The commit that `name` stands for.

        Raises:
            UserError: there is no such commit.
        """
        try:
            line = self.git(
                "log", "-1", "--no-show-signature", "--format=%H%x00%T%x00%s", "--end-of-options", name, "--"
            )
        except RefusedError as error:
            raise UserError(f"{name}: no such commit here", next_step="git fetch, or check the spelling") from error
        commit, tree, title = line.split("\0", 2)
        return Revision(commit, tree, title, commit[:12] if name in (commit, "HEAD", "BISECT_HEAD") else name)

    def described(self, commits: Sequence[str]) -> list[Revision]:
        """What `resolve` says of each of these full ids, with few calls of git."""
        found: dict[str, Revision] = {}
        words = ("log", "--no-walk=unsorted", "--no-show-signature", "--format=%H%x00%T%x00%s", "--end-of-options")
        for low in range(0, len(commits), MOST_AT_ONCE):
            for line in self.git(*words, *commits[low : low + MOST_AT_ONCE], "--").splitlines():
                commit, tree, title = line.split("\0", 2)
                found[commit] = Revision(commit, tree, title, commit[:12])
        return [found[commit] for commit in commits]

    def contains(self, commit: str, other: str) -> bool:
        """Whether `other` is `commit` or an ancestor of it.

        Raises:
            UserError: the history that is here does not tell, because it is cut off.
            InfraError: git could not.
        """
        status, said = self.tried("merge-base", "--is-ancestor", other, commit)
        if status == 0:
            return True
        if status != 1 and self.tried("cat-file", "-e", f"{other}^{{commit}}")[0] == 0:
            raise InfraError(f"git merge-base --is-ancestor {other} {commit} failed: {said}")
        # What is not here at all is in no history that is whole.
        shallow = (self.common_dir / "shallow").exists()
        if shallow and self.tried("merge-base", "--is-ancestor", commit, other)[0] != 0:
            raise UserError(
                f"this clone is shallow: whether {commit[:12]} contains {other[:12]} cannot be told",
                next_step="git fetch --unshallow",
            )
        return False

    def text(self, treeish: str, path: str) -> str:
        """The text of a file of a commit or tree; empty if it has no such file."""
        try:
            return self.git("cat-file", "blob", f"{treeish}:{path}")
        except RefusedError:
            return ""

    def head(self) -> Revision:
        """The revision to judge: BISECT_HEAD of a bisect without checkout, else HEAD."""
        return self.resolve("BISECT_HEAD" if (self.git_dir / "BISECT_HEAD").exists() else "HEAD")

    def first_parents(self, start: str, goods: Iterable[str], most: int) -> tuple[str, ...]:
        """`start` and the commits before it along the first parents, none of them in `goods`."""
        return tuple(self.git("rev-list", "--first-parent", f"-{most}", start, "--not", *goods).split())

    def is_tracked(self, path: Path) -> bool:
        """Whether a file of the work tree is git's."""
        try:
            return bool(self.git("ls-files", "--", str(path)))
        except RefusedError:  # it is outside
            return False

    def has(self, commit: str, path: str) -> bool:
        """Whether a commit has a file or folder at this path from the top."""
        return self.tried("cat-file", "-e", f"{commit}:{path}")[0] == 0

    def is_ignored(self, path: Path) -> bool:
        """Whether git is told to ignore a file of the work tree: it is built, most likely."""
        return self.tried("check-ignore", "--quiet", "--", str(path))[0] == 0

    def is_partial(self) -> bool:
        """Whether files may have to be fetched when they are looked at."""
        return self.tried("config", "--get-regexp", r"^remote\..*\.promisor$")[0] == 0

    def merge_bases(self, one: str, other: str) -> tuple[str, ...]:
        """The best common ancestors of two commits, as full ids; empty for unrelated histories."""
        try:
            return tuple(self.git("merge-base", "--all", one, other).split())
        except RefusedError:  # git ends with 1 if there is none
            return ()

    def parents(self, commit: str) -> tuple[str, ...]:
        """Full ids, the first parent first; empty for a root."""
        return tuple(self.git("rev-parse", f"{commit}^@").split())

    def short(self, commit: str) -> str:
        """The id as kernel people quote it: 12 digits, or more where they are ambiguous."""
        return self.git("rev-parse", "--short=12", commit)

    def contained_in(self, commit: str) -> str:
        """The first tag that contains a commit, as git describe --contains names it; empty if none does."""
        try:
            return self.git("describe", "--contains", commit)
        except RefusedError:  # git ends with 128 if there is none
            return ""

    def author(self, commit: str) -> str:
        """`Name <address>`, by the tree's .mailmap."""
        return self.git("log", "-1", "--no-show-signature", "--format=%aN <%aE>", commit)

    def changed(self, one: str, other: str) -> tuple[str, ...]:
        """Paths in which two commits differ."""
        names = self.git("diff-tree", "-r", "-z", "--name-only", "--no-renames", one, other)
        return tuple(name for name in names.split("\0") if name)


def check_git() -> None:
    """Whether there is a git that we can use.

    Raises:
        UserError: there is none, or it is too old.
    """
    try:
        refuse_old(str(Git().execute(["git", "--version"])))
    except GitCommandNotFound as error:
        raise UserError("git is not installed", next_step="bisectsyms doctor") from error


def refuse_old(said: str) -> None:
    """`said` is what `git --version` prints.

    Raises:
        UserError: that git is older than OLDEST_GIT.
    """
    match = re.search(r"(\d+)\.(\d+)", said)
    if match and (int(match[1]), int(match[2])) < OLDEST_GIT:
        needed = ".".join(map(str, OLDEST_GIT))
        raise UserError(
            f"{said.strip()} is too old: {needed} or newer is needed", next_step="install a newer git, first on PATH"
        )


def steps_left(candidates: int) -> int:
    """Steps that halving still needs, the present one included."""
    return max(1, math.ceil(math.log2(max(2, candidates))))


def _lines(error: GitCommandError) -> list[str]:
    """What git wrote to stderr, without GitPython's frame around it."""
    text = str(error.stderr).strip().removeprefix("stderr: ").strip("'")
    return [line.strip() for line in text.splitlines() if line.strip()]


def _failed(args: Sequence[str], error: GitCommandError) -> InfraError:
    """It as an error of ours: whether git has answered, why, and what to do."""
    said = str(error.stderr)
    kind = InfraError if spoilt(error.status, said) else RefusedError
    return kind(f"git {' '.join(args[:3])} failed: {_what_git_said(error)}", next_step=next_step(said))


def _what_git_said(error: GitCommandError) -> str:
    """git's own reason, or its last line."""
    lines = _lines(error)
    reasons = [line for line in lines if line.startswith("fatal: ")] or lines
    return reasons[-1] if reasons else f"exit status {error.status}"
