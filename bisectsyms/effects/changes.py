"""What each commit of a range changed and who wrote it, read from git in one call and kept for the next search.

The trees of 100 000 commits are compared in seconds on a small repository, in more on the kernel's. A range never
changes, so what git said of it is kept beside the ledger.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from bisectsyms.core.prior import Change
from bisectsyms.effects.dag import Range
from bisectsyms.effects.evidence.files import make_folder
from bisectsyms.effects.gitrepo import Repository

FOLDER = "ranges"
KEPT = 8
"""Ranges whose changes are kept."""
PLAIN = ("-c", "log.follow=false", "-c", "log.showRoot=true")
"""Settings of the user's that would change which paths are told."""
RECORD, FIELD = "\0\x01", "\0"
FORMAT = "%x01%H%x00%an <%ae>%x00%at%x00%s"


def read_changes(
    repository: Repository, commits: Range, *, first_parent: bool = False, paths: Sequence[str] = ()
) -> tuple[Change | None, ...]:
    """The change of each commit of the range, in its order; None for one that git does not show.

    Those are the older ends, and a newer one that does not touch `paths`. A merge has the paths that are not as in any
    of its parents, but with `first_parent` it stands for its branch and has all that came with it.
    """
    words = ["log", "--no-show-signature", "--no-renames", "--no-ext-diff", "--ignore-submodules=none", "--name-only"]
    words += ["-z", f"--format={FORMAT}", "--parents", "--topo-order", "--full-diff"]
    words += ["--first-parent", "--diff-merges=first-parent"] if first_parent else ["--diff-merges=combined"]
    words += [*span(commits), "--", *paths]
    text = kept(repository, words, lambda: repository.git(*PLAIN, *words))
    at = commits.index()
    changes: list[Change | None] = [None] * len(at)
    for record in text.removeprefix("\x01").split(RECORD):
        commit, author, authored, title, *names = record.split(FIELD)
        if (number := at.get(commit)) is not None:
            touched = tuple(name for name in (names[0].removeprefix("\n"), *names[1:]) if name) if names else ()
            merge = not first_parent and len(commits.parents[number]) > 1
            changes[number] = Change(author, int(authored), title, touched, merge)
    return tuple(changes)


def span(commits: Range) -> tuple[str, ...]:
    """The range as git log takes it: the newer end is the last of its commits, the older ones are the first."""
    olds = commits.commits[: len(commits.commits) - commits.candidates]
    return commits.commits[-1], "--not", *olds


def kept(repository: Repository, key: Sequence[str], ask: Callable[[], str]) -> str:
    """What `ask` answers, from the last time if it was asked before; the oldest answers are dropped."""
    folder = repository.state_dir / FOLDER
    path = folder / hashlib.sha256("\0".join(key).encode(errors="surrogateescape")).hexdigest()[:16]
    try:
        return zlib.decompress(path.read_bytes()).decode(errors="surrogateescape")
    except (OSError, zlib.error):
        text = ask()
    with contextlib.suppress(OSError):  # a full disk costs the next search seconds, nothing else
        make_folder(repository.state_dir)
        make_folder(folder)
        part = path.with_name(f"{path.name}.{os.getpid()}")
        part.write_bytes(zlib.compress(text.encode(errors="surrogateescape"), 1))
        part.rename(path)
        for old in sorted(folder.iterdir(), key=_age)[:-KEPT]:
            old.unlink(missing_ok=True)
    return text


def _age(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0.0
