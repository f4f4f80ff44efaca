"""The `fixups:` of a profile: patches that some revisions get before they are built.

Patches are read here, when the profile is, so that what is built does not change under a bisect that
runs. Names of revisions are only texts here: what they mean is the repository's to say.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bisectsyms.errors import UserError

A_PATCH = re.compile(rb"^diff --git |^--- .*\n\+\+\+ .*\n@@ ", re.MULTILINE)
Name = Annotated[str, Field(min_length=1)]


class FixupKey(BaseModel):
    """One entry: what to apply, and to which revisions."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    patch: Path | None = None
    """A file, relative to the profile."""
    commit: Name | None = None
    """In place of a patch: a commit whose change is applied wherever it is missing."""
    since: Annotated[Name | None, Field(alias="from")] = None
    """The first revision that gets it; by default the oldest."""
    before: Name | None = None
    """The first revision that gets it no more."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.patch is None) is (self.commit is None):
            raise ValueError("give exactly one of `patch` and `commit`")
        return self


@dataclass(frozen=True, slots=True)
class FixupText:
    """An entry with its patch; names of revisions are as they were given."""

    name: str
    """Of the file; empty where a commit is picked."""
    patch: bytes
    commit: str
    since: str
    before: str
    where: str
    """For errors: the file and the key."""

    @property
    def digest(self) -> str:
        """sha256 of the patch: the same text is the same fixup, whatever its file is called."""
        return hashlib.sha256(self.patch).hexdigest()


def read_fixups(profile: Path, keys: Sequence[FixupKey]) -> tuple[FixupText, ...]:
    """The entries of the profile at `profile`, their files read.

    Raises:
        UserError: a file cannot be read, or is no patch.
    """
    read = []
    for number, key in enumerate(keys):
        where = f"{profile}: fixups.{number}"
        path = None if key.patch is None else profile.parent / key.patch
        patch = b"" if path is None else _patch(path, f"{where}.patch")
        name = "" if path is None else path.name
        read.append(FixupText(name, patch, key.commit or "", key.since or "", key.before or "", where))
    return tuple(read)


def _patch(path: Path, where: str) -> bytes:
    try:
        patch = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{where}: {path}: {error.strerror}", next_step="name a file that can be read, relative to the profile"
        ) from error
    if not patch.strip():
        raise UserError(f"{where}: {path} is empty", next_step=f"git format-patch -1 --stdout COMMIT > {path}")
    if not A_PATCH.search(patch):
        raise UserError(
            f"{where}: {path} is no patch: it has no line `diff --git` and no `---`, `+++` and `@@`",
            next_step=f"git format-patch -1 --stdout COMMIT > {path}",
        )
    return patch
