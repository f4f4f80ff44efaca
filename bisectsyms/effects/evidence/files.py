"""How one content lies on disk: where, compressed how, and what counts as a fit name or source.

Digests and names come back from a database that anybody may have edited, so both are checked here
before they become a path.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import re
import stat
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from bisectsyms.errors import UserError

DIGEST = re.compile(r"[0-9a-f]{64}")
CHUNK = 1 << 20
"""Bytes read at a time."""


def place(folder: Path, digest: str) -> Path:
    """Where the store in `folder` has a content.

    Raises:
        UserError: it is no digest.
    """
    if not DIGEST.fullmatch(digest):
        raise UserError(f"{digest!r} is not the digest of any evidence", next_step="copy all 64 hex digits")
    return folder / digest[:2] / f"{digest[2:]}.gz"


def stored_size(folder: Path, digest: str) -> int | None:
    """Bytes on disk of one content, or None if the store in `folder` has none."""
    try:
        return on_disk(place(folder, digest).stat())
    except (OSError, UserError):
        return None


def check_name(name: str) -> PurePosixPath:
    """The name as a relative path that stays below the folder it is joined to.

    Raises:
        ValueError: it would not, or is no name for a file.
    """
    path = PurePosixPath(name)
    plain = name.isprintable() and not path.is_absolute() and ".." not in path.parts
    if not plain or not path.parts:
        raise ValueError(f"{name!r} is no name for a file of evidence")
    return path


class UnreadableError(Exception):
    """The file to be kept cannot be read: no trouble of the store."""


def open_regular(path: Path, *, follow: bool = True) -> BinaryIO:
    """Open a file to read; a pipe or a device would make us wait, or never end. `follow`: a link may lead to it."""
    try:
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
        source = os.fdopen(os.open(path, flags), "rb")
    except OSError as error:
        raise UnreadableError(f"{path}: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
        source.close()
        raise UnreadableError(f"{path}: not a regular file")
    return source


def compress(source: BinaryIO, out: IO[bytes]) -> str:
    """Copy `source` to `out` compressed; sha256 of what was read. Equal contents give equal files."""
    digest = hashlib.sha256()
    with gzip.GzipFile(filename="", fileobj=out, mode="wb", compresslevel=6, mtime=0) as packed:
        while chunk := _read(source):
            digest.update(chunk)
            packed.write(chunk)
    return digest.hexdigest()


def _read(source: BinaryIO) -> bytes:
    try:
        return source.read(CHUNK)
    except OSError as error:
        raise UnreadableError(f"{source.name}: {error.strerror}") from error


def entries(folder: str | Path) -> list[os.DirEntry[str]]:
    """What is in a folder, in no order; nothing where there is no such folder."""
    try:
        with os.scandir(folder) as found:
            return list(found)
    except FileNotFoundError:
        return []


def on_disk(status: os.stat_result) -> int:
    """Bytes taken: a short log takes a whole block. Some file systems count blocks late, hence both."""
    return max(status.st_size, status.st_blocks * 512)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it for the owner's eyes only, with durable names; what is there stays as it is."""
    if not folder.is_dir():
        make_folder(folder.parent)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; a file system that cannot is taken as it is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
