"""Evidence, kept by content: what two attempts have in common is stored once.

Files are compressed, written beside their place and renamed into it, so a crash leaves nothing half
done; and the store stays under its cap by giving up what is worth least. Several processes may use
one store at once.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from bisectsyms.effects.evidence.files import (
    CHUNK,
    DIGEST,
    UnreadableError,
    check_name,
    compress,
    entries,
    make_folder,
    on_disk,
    open_regular,
    place,
    sync_folder,
)
from bisectsyms.errors import InfraError, UserError

FOLDER = "evidence"
"""Where it is, in the state folder."""
GRACE_SECONDS = 60.0
"""What another process kept so recently may belong to an attempt that it has yet to write down."""
RELY = 32
"""So many attempts go by between two readings of the whole store (20 000 files: 0.3 s), if it is under its cap."""
LEFTOVER_SECONDS = 86400.0
"""A half-written file this old belongs to a process that died."""


@dataclass(frozen=True, slots=True)
class Worth:
    """What is known of the evidence: what may go, in this order, and what may not."""

    expendable: tuple[str, ...] = ()
    precious: frozenset[str] = frozenset()


class EvidenceStore:
    """Files by the sha256 of their content, gzip'd under `folder`/ab/cdef….gz; `cap` in bytes on disk."""

    def __init__(
        self,
        folder: Path,
        *,
        cap: int = 2 * 1024**3,
        warn: Callable[[str], None] = lambda text: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._cap = cap
        self._warn = warn
        self._now = now
        self._ours: dict[str, int] = {}  # digest -> st_mtime_ns as we left it
        self._total = 0  # bytes on disk, as far as we know them
        self._trusted = 0  # so many prunes more may rely on that

    def keep(self, files: Iterable[tuple[str, Path]]) -> tuple[tuple[str, str], ...]:
        """Store each file under its name; (name, digest) of those that could be read.

        A file that is missing, vanishes or cannot be read is left out and told to `warn`: what else was
        found matters more. Memory is bounded, whatever the size of a file.

        Raises:
            InfraError: the store cannot be written; nothing half-written stays behind.
            ValueError: a name is not fit for a file below a folder.
        """
        kept = []
        for name, path in files:
            check_name(name)
            try:
                with open_regular(path, follow=False) as source:
                    kept.append((name, self._store(source)))
            except UnreadableError as error:
                self._warn(f"evidence {name} is left out: {error}")
        return tuple(kept)

    def _store(self, source: BinaryIO) -> str:
        try:
            make_folder(self._folder)
            descriptor, fresh = tempfile.mkstemp(dir=self._folder, prefix=".new-")
            try:
                with os.fdopen(descriptor, "wb") as raw:
                    digest = compress(source, raw)
                    raw.flush()
                    os.fsync(raw.fileno())
                goal = place(self._folder, digest)
                make_folder(goal.parent)
                # Also over an equal one: its new mtime keeps others from giving it up just now.
                Path(fresh).replace(goal)
            finally:
                Path(fresh).unlink(missing_ok=True)
            sync_folder(goal.parent)
            status = goal.stat()
            self._ours[digest] = status.st_mtime_ns
            self._total += on_disk(status)
        except OSError as error:
            raise InfraError(
                f"{self._folder}: evidence cannot be kept: {error.strerror}",
                next_step="free space there, or give --keep-evidence a smaller size",
            ) from error
        return digest

    def open(self, digest: str) -> BinaryIO:
        """The content of a digest, decompressed while it is read.

        Raises:
            UserError: no digest, or the store has given its content up.
            InfraError: it is there and cannot be read.
        """
        try:
            return cast(BinaryIO, gzip.open(place(self._folder, digest), "rb"))
        except FileNotFoundError as error:
            raise UserError(
                f"evidence {digest[:12]} is not kept any more",
                next_step="repeat the attempt, or keep more: --keep-evidence",
            ) from error
        except OSError as error:
            raise InfraError(f"evidence {digest[:12]}: {error.strerror}") from error

    def export(self, evidence: Iterable[tuple[str, str]], folder: Path) -> tuple[Path, ...]:
        """Write (name, digest) pairs as plain files below `folder`, which must exist; their paths.

        Raises:
            ValueError: a name leads out of the folder.
            UserError: the store has given a content up.
        """
        written = []
        for name, digest in evidence:
            goal = folder / check_name(name)
            with self.open(digest) as content:
                goal.parent.mkdir(parents=True, exist_ok=True)
                with goal.open("wb") as out:
                    shutil.copyfileobj(content, out, CHUNK)
            written.append(goal)
        return tuple(written)

    def size(self) -> int:
        """Bytes on disk, whoever put them there."""
        return sum(on_disk(status) for _, status in self._stored())

    def _stored(self) -> Iterator[tuple[str, os.stat_result]]:
        for folder in entries(self._folder):
            if len(folder.name) == 2 and folder.is_dir(follow_symlinks=False):
                for entry in entries(folder.path):
                    digest = folder.name + entry.name.removesuffix(".gz")
                    if DIGEST.fullmatch(digest):
                        with contextlib.suppress(FileNotFoundError):  # given up by another process
                            yield digest, entry.stat(follow_symlinks=False)

    def prune(self, worth: Worth) -> int:
        """Give up what is worth least until the store is under its cap; how many files went.

        First what no attempt refers to (its process died between keeping and writing down), then the
        expendable in their order. What another process kept within the last minute is spared, and what
        others add is noticed every RELY calls only: by that much several at once may be over the cap.
        """
        if self._trusted and self._total <= self._cap:
            self._trusted -= 1
            return 0
        self._sweep()
        files = dict(self._stored())
        self._total = sum(on_disk(status) for status in files.values())
        self._trusted = RELY
        if self._total <= self._cap:
            return 0
        named = worth.precious.union(worth.expendable)
        strays = sorted(files.keys() - named, key=lambda digest: files[digest].st_mtime_ns)
        gone = 0
        for digest in (*strays, *worth.expendable):
            if self._total <= self._cap:
                break
            if digest in files and not self._in_use(digest, files[digest]):
                with contextlib.suppress(OSError):
                    place(self._folder, digest).unlink()
                    gone += 1
                    self._total -= on_disk(files[digest])
                self._ours.pop(digest, None)
        return gone

    def _in_use(self, digest: str, status: os.stat_result) -> bool:
        """Whether another process may be about to write down that it kept this."""
        young = self._now() - status.st_mtime < GRACE_SECONDS
        return young and self._ours.get(digest) != status.st_mtime_ns

    def _sweep(self) -> None:
        """Remove what processes that died left half-written."""
        for entry in entries(self._folder):
            if entry.name.startswith(".new-"):
                with contextlib.suppress(OSError):
                    if self._now() - entry.stat().st_mtime > LEFTOVER_SECONDS:
                        Path(entry.path).unlink()
