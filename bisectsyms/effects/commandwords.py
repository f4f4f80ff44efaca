"""Which files the words of a user's command name: those of the revision under test, or some of the user's own.

A script that git does not have is no part of any revision: it is named in full, so that it runs from where it is, and
its content belongs to the identity of the command. What git ignores is taken for something that is built. An
interpreter that does not find its script ends with 2, which must not look like the failure.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from bisectsyms.effects.gitrepo import Repository
from bisectsyms.errors import UserError


@dataclass(frozen=True, slots=True)
class Named:
    """A command as it can be started at the top of another worktree."""

    words: tuple[str, ...]
    content: tuple[tuple[str, str], ...] = ()
    """(path, sha256) of every file of the user's own among them."""
    inside: tuple[str, ...] = ()
    """Those that are in the user's checkout, by their path from the top."""
    needed: tuple[str, ...] = ()
    """Paths from the top of what the revision must have, or its setup make."""


def named(given: tuple[str, ...], repository: Repository, ends: tuple[str, ...] = ()) -> Named:
    """Look at every word as a name of a file, seen from the top; pytest's FILE::TEST as well.

    `ends` are commits whose files count as git's although the checkout may not have them.

    Raises:
        UserError: a word may mean a file of the user's own, or something else.
    """
    words, content, inside, needed = list[str](), list[tuple[str, str]](), list[str](), list[str]()
    for number, word in enumerate(given):
        name, colons, test = word.partition("::")
        path = Path(os.path.normpath(repository.top / name))  # not resolved: git knows a link by its own name
        relative = not name.startswith("/") and path.is_relative_to(repository.top)
        if not name or (number == 0 and "/" not in name):
            words.append(word)  # a program on PATH
        elif relative and (git_has := _of_gits(path, repository, ends)) | (built := _is_built(path, repository)):
            words.append(word)
            needed += [str(path.relative_to(repository.top))] if git_has or (built and number == 0) else []
        elif not (_exists(path) and path.is_file()):
            words.append(word)
        elif "/" not in name:
            raise UserError(
                f"{name} is a file in your checkout that git does not have, so no revision has it",
                next_step=f"./{name} for yours, as it is now; sh -c '…' around the command if something else is meant",
            )
        else:
            words.append(f"{path}{colons}{test}")
            with contextlib.suppress(PermissionError), path.open("rb") as file:  # a program that can only be run
                content.append((str(path), hashlib.file_digest(file, "sha256").hexdigest()))
            inside += [str(path.relative_to(repository.top))] if relative else []
    return Named(tuple(words), tuple(content), tuple(inside), tuple(needed))


def _of_gits(path: Path, repository: Repository, ends: tuple[str, ...]) -> bool:
    if _exists(path) and repository.is_tracked(path):
        return True
    return any(repository.has(commit, str(path.relative_to(repository.top))) for commit in ends)


def _is_built(path: Path, repository: Repository) -> bool:
    return _exists(path) and repository.is_ignored(path)


def _exists(path: Path) -> bool:
    with contextlib.suppress(OSError):  # a word may be too long for a name
        return path.exists()
    return False
