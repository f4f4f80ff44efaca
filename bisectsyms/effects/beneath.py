"""Files in a folder that a build can write to: whatever it plants there leads nowhere else and makes nobody wait.

Where we look for a map, or write a mark, a build may have left a symbolic link to a file of the user's, a pipe, or a
file without end. So every folder on the way is opened as a folder, nothing is followed, and only so much is read.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

MOST = 1 << 26
"""Bytes of a file of which all is wanted at once."""
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def regular(folder: Path, name: str) -> bool:
    """Whether `name`, a path from `folder`, is a regular file that is reached through no symbolic link."""
    try:
        open_beneath(folder, name).close()
    except OSError:
        return False
    return True


def open_beneath(folder: Path, name: str) -> io.BufferedReader:
    """Open a regular file by its path from `folder`.

    Raises:
        OSError: it is not there, is no regular file, or a symbolic link leads to it.
    """
    *above, last = _parts(name)
    with _folder(folder, above) as where:
        file = os.fdopen(os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=where), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "not a regular file", str(folder / name))
    return file


def read_beneath(folder: Path, name: str, most: int = MOST) -> bytes:
    """All of such a file.

    Raises:
        OSError: as `open_beneath`, or it has more than `most` bytes.
    """
    with open_beneath(folder, name) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(folder / name))
    return content


def text_beneath(folder: Path, name: str, most: int = MOST) -> str:
    """All of such a file as text; empty where it cannot be had."""
    try:
        return read_beneath(folder, name, most).decode(errors="replace")
    except OSError:
        return ""


def write_beneath(folder: Path, name: str, content: bytes) -> None:
    """Write a new file at this path from `folder`; what is in its way is removed, and never written to.

    Raises:
        OSError: it cannot be written.
    """
    *above, last = _parts(name)
    for depth in range(1, len(above) + 1):
        part = folder.joinpath(*above[:depth])
        if part.is_symlink() or not part.is_dir():
            remove_beneath(folder, str(PurePosixPath(*above[:depth])))
            part.mkdir()
    remove_beneath(folder, name)
    with _folder(folder, above) as where:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(last, flags, 0o666, dir_fd=where), "wb") as file:
            file.write(content)


def remove_beneath(folder: Path, name: str) -> None:
    """Remove a file, a link or a folder at this path from `folder`; nothing happens where there is none.

    Raises:
        OSError: it cannot be removed.
    """
    *above, last = _parts(name)
    with contextlib.suppress(FileNotFoundError), _folder(folder, above) as where:
        if stat.S_ISDIR(os.stat(last, dir_fd=where, follow_symlinks=False).st_mode):
            shutil.rmtree(last, dir_fd=where)
        else:
            os.unlink(last, dir_fd=where)


def _parts(name: str) -> tuple[str, ...]:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
        raise OSError(errno.EINVAL, "leads out of its folder", name)
    return path.parts


@contextlib.contextmanager
def _folder(folder: Path, above: list[str]) -> Iterator[int]:
    """The descriptor of a folder below `folder`, in which no link is followed."""
    with contextlib.ExitStack() as opened:
        where = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        opened.callback(os.close, where)
        for part in above:
            where = os.open(part, FOLDER, dir_fd=where)
            opened.callback(os.close, where)
        yield where
