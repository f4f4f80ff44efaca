"""Fixups in a repository: which of them a revision gets, and what they make of its tree.

They are applied in an index of our own, so no worktree is touched before it is known that all of them fit.
Exactly as git apply does, context and all: a three-way merge would guess, and its answer would hang on
which blobs this clone happens to have.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from bisectsyms.core.fixups import REFUSED, known_as
from bisectsyms.effects.evidence import EvidenceStore
from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.slots import Slot
from bisectsyms.errors import InfraError, UserError
from bisectsyms.inputs.fixups import FixupText
from bisectsyms.model import Fixup, Measured, Outcome, Result, Revision

APPLY = ("-c", "apply.ignoreWhitespace=no", "-c", "apply.whitespace=nowarn", "apply", "--cached")
"""What the user has set for git apply must not decide whether a revision can be tested."""
PICK = (
    "diff-tree",
    "--root",
    "--no-commit-id",
    "-p",
    "--binary",
    "--full-index",
    "-M",
    "--no-ext-diff",
    "--no-textconv",
)
"""The patch of a commit, whatever the user has set for git diff."""
MACHINE = ("failed to read", "promisor remote", "unable to ", "Out of memory")
"""git apply ends with 1 for these as well, and they say nothing about the patch."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A fixup that does not apply."""

    name: str
    why: str
    """One sentence."""
    text: str
    """What git said, and the hunks that it refused."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the fixups make of a revision."""

    tree: str = ""
    """Id of a git tree; empty where the revision is left as it is."""
    names: tuple[str, ...] = ()
    """Of those that apply."""
    reject: Reject | None = None


@dataclass(frozen=True, slots=True)
class Patch:
    """What a fixup is called, and the file that git apply is given for it."""

    name: str
    file: Path


def resolve(repository: Repository, texts: Sequence[FixupText]) -> tuple[Fixup, ...]:
    """The fixups of a profile, every name of a revision replaced by the id of its commit.

    Raises:
        UserError: there is no such commit, or one to be picked is a merge.
    """
    return tuple(_resolved(repository, one) for one in texts)


def by_ids(repository: Repository, texts: Sequence[FixupText]) -> tuple[FixupText, ...]:
    """The same entries with ids in place of names, for a copy of the repository that lacks the names.

    Raises:
        UserError: there is no such commit.
    """
    return tuple(
        replace(
            one,
            commit=_commit(repository, one.commit, f"{one.where}.commit"),
            since=_commit(repository, one.since, f"{one.where}.from"),
            before=_commit(repository, one.before, f"{one.where}.before"),
        )
        for one in texts
    )


def _resolved(repository: Repository, text: FixupText) -> Fixup:
    commit = _commit(repository, text.commit, f"{text.where}.commit")
    since = _commit(repository, text.since, f"{text.where}.from")
    before = _commit(repository, text.before, f"{text.where}.before")
    if commit and len(repository.parents(commit)) > 1:
        raise UserError(
            f"{text.where}.commit: {text.commit} is a merge, and which of its sides is meant cannot be told",
            next_step=f"git diff {text.commit}^1 {text.commit} > FILE, and `patch: FILE` in place of `commit:`",
        )
    return Fixup(commit or text.digest, since, before or commit)


def _commit(repository: Repository, name: str, where: str) -> str:
    """The id of the commit that `name` means; empty for no name."""
    try:
        return repository.resolve(name).commit if name else ""
    except UserError as error:
        raise UserError(f"{where}: {error.message}", next_step=error.next_step) from error


def applying(repository: Repository, fixups: Sequence[Fixup], commit: str) -> tuple[Fixup, ...]:
    """Those of `fixups` that are for `commit`, in their order.

    Raises:
        UserError: the clone is shallow, and its history does not tell.
    """
    return tuple(
        one
        for one in fixups
        if (not one.since or repository.contains(commit, one.since))
        and not (one.before and repository.contains(commit, one.before))
    )


def known(repository: Repository, fixups: Sequence[Fixup], revision: Revision) -> Revision:
    """`revision` with the id under which a cell with these fixups has its attempts.

    Raises:
        UserError: its commit is not here, or the clone is shallow and does not tell.
    """
    if not fixups:
        return revision
    tree = repository.resolve(revision.commit).tree  # that of `revision` may be such an id already
    return replace(revision, tree=known_as(tree, applying(repository, fixups, revision.commit)))


class Fixups:
    """The fixups of one profile in one slot; what was found out about a commit is kept while it lives."""

    def __init__(
        self,
        repository: Repository,
        texts: Sequence[FixupText],
        fixups: tuple[Fixup, ...],
        slot: Slot,
        ids: Mapping[str, str],
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        """`fixups` is what `resolve` made of `texts`; `ids` are those of the ledger, by commit.

        Raises:
            UserError: one is no patch that git can read, or changes nothing.
            InfraError: the slot cannot be written.
        """
        self._repository = repository
        self._fixups = fixups
        self._slot = slot
        self._folder = slot.path / "fixups"
        self._ids = dict(ids)
        self._say = say
        self._applied: dict[str, tuple[Fixup, ...]] = {}
        self._prepared: dict[str, Prepared] = {}
        shutil.rmtree(self._folder, ignore_errors=True)
        self._patches = {
            one: self._write(one, text, n) for n, (one, text) in enumerate(zip(fixups, texts, strict=True))
        }

    def _write(self, fixup: Fixup, text: FixupText, number: int) -> Patch:
        file = self._folder / f"{number}.patch"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.patch)
            if text.commit:
                self._repository.git(*PICK, f"--output={file}", fixup.patch)
            empty = not file.stat().st_size
        except OSError as error:
            raise InfraError(f"{file}: {error.strerror}", next_step="--slots-dir, or free space there") from error
        key = f"{text.where}.{'commit' if text.commit else 'patch'}"
        if empty:
            raise UserError(f"{key}: {text.commit} changes nothing", next_step="take it out of the profile")
        status, said = self._repository.tried("apply", "--numstat", str(file))
        if status:
            raise UserError(
                f"{key}: {text.name or text.commit}: git cannot read this patch: {_errors(said)[0]}",
                next_step="make it anew with git format-patch or git diff",
            )
        return Patch(text.name or fixup.patch[:12], file)

    def known(self, revision: Revision) -> Revision:
        """As the function of this name; git is asked once about a commit that the ledger does not know."""
        if not self._fixups:
            return revision
        commit = revision.commit
        if commit not in self._ids:
            self._ids[commit] = known_as(self._repository.resolve(commit).tree, self._applying(commit))
        return replace(revision, tree=self._ids[commit])

    def _applying(self, commit: str) -> tuple[Fixup, ...]:
        if commit not in self._applied:
            self._applied[commit] = applying(self._repository, self._fixups, commit)
        return self._applied[commit]

    def move_to(self, revision: Revision) -> Prepared:
        """The slot to `revision`, with its fixups, or with none if one of them does not apply.

        Raises:
            InfraError: git could not.
        """
        first = revision.commit not in self._prepared
        prepared = self.prepare(revision.commit)
        if first and prepared.names:
            self._say(f"{revision}: with {' and '.join(f'fixup {name}' for name in prepared.names)}")
        self._slot.move_to(revision, prepared.tree)
        return prepared

    def prepare(self, commit: str) -> Prepared:
        """The git tree of `commit` with its fixups, or why there is none.

        Raises:
            InfraError: git could not write it, or not read what it needs.
        """
        if commit not in self._prepared:
            patches = [self._patches[one] for one in self._applying(commit)]
            self._prepared[commit] = self._prepare(commit, patches) if patches else Prepared()
        return self._prepared[commit]

    def _prepare(self, commit: str, patches: Sequence[Patch]) -> Prepared:
        index = self._folder / "index"
        env = {"GIT_INDEX_FILE": str(index)}
        for left in (index, index.with_name("index.lock")):  # by one of ours that was killed
            left.unlink(missing_ok=True)
        git = self._repository
        git.git("read-tree", commit, env=env)
        for patch in patches:
            status, said = git.tried(*APPLY, "--check", str(patch.file), env=env)
            if status == 1 and not any(word in said for word in MACHINE):
                return Prepared(reject=self._reject(commit, patch, said, env))
            if status:
                raise InfraError(f"git apply of fixup {patch.name} to {commit[:12]} failed: {_errors(said)[-1]}")
            git.git(*APPLY, str(patch.file), env=env)
        return Prepared(git.git("write-tree", env=env), tuple(patch.name for patch in patches))

    def _reject(self, commit: str, patch: Patch, said: str, env: Mapping[str, str]) -> Reject:
        """What there is to say about a patch that git apply refuses."""
        why = f"fixup {patch.name} does not apply: {_errors(said)[0]}"
        there = self._repository.tried(*APPLY, "--check", "--reverse", str(patch.file), env=env)[0] == 0
        if there:
            why += "; all of it is there already, so `before:` should name what brought it in"
        title = f"bisectsyms: fixup {patch.name} does not apply to {commit}, so nothing was built"
        parts = [title, f"$ git apply {patch.name}", said.strip(), *([] if there else self._hunks(patch, env))]
        return Reject(patch.name, why, "\n".join([*parts, ""]))

    def _hunks(self, patch: Patch, env: Mapping[str, str]) -> list[str]:
        """The hunks that git apply --reject leaves out, each file's after its name.

        It writes them beside the files, so it is given an empty worktree that has just the folders.
        """
        scratch = self._folder / "rejects"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        where = {"GIT_DIR": str(self._repository.git_dir), "GIT_WORK_TREE": str(scratch)}
        names = self._repository.git("apply", "--numstat", str(patch.file)).splitlines()
        for name in (PurePosixPath(line.split("\t")[-1]) for line in names):
            if ".." not in name.parts and not name.is_absolute():
                (scratch / name).parent.mkdir(parents=True, exist_ok=True)
        self._repository.tried(*APPLY, "--reject", str(patch.file), cwd=scratch, env={**env, **where})
        found = sorted(scratch.rglob("*.rej"))
        texts = [f"\n{file.relative_to(scratch)}:\n{file.read_text(errors='replace').rstrip()}" for file in found]
        shutil.rmtree(scratch, ignore_errors=True)
        return texts


def refused(reject: Reject, log: Path, store: EvidenceStore, warn: Callable[[str], None]) -> Result:
    """How an attempt ends before make starts; its log is the reject."""
    kept: tuple[tuple[str, str], ...] = ()
    try:
        log.write_text(reject.text, errors="surrogateescape")
        kept = store.keep([("log", log)])
    except (OSError, InfraError) as error:
        warn(f"{error}; the attempt itself counts")
    return Result(Outcome.BROKEN, f"{REFUSED}{reject.name}", reject.why, Measured(0.0), evidence=kept)


def _errors(said: str) -> list[str]:
    """git's reasons, each without the word `error`; never empty."""
    lines = [line.partition(": ")[2] for line in said.splitlines() if line.startswith(("error: ", "fatal: "))]
    return lines or [said.strip() or "git gave no reason"]
