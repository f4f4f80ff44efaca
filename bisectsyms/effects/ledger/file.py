"""The ledger's file: opened so that what is written stays written, and its troubles put into words.

WAL with synchronous=FULL: a commit is on disk before it returns, and a reader never waits for a writer.
WAL needs memory shared by all its users, so on a network file system the older journal is used
(sqlite.org/wal.html). No trouble of the file ever makes us remove or replace it.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from bisectsyms.effects.evidence.files import sync_folder
from bisectsyms.effects.ledger import migrating, schema
from bisectsyms.errors import BisectsymsError, InfraError, UserError

NAME = "ledger.sqlite"
BUSY_SECONDS = 30.0
REMOTE = frozenset(
    (
        "9p", "afs", "beegfs", "ceph", "cifs", "coda", "fuse.ceph", "fuse.glusterfs", "fuse.sshfs", "gfs2",
        "glusterfs", "gpfs", "lustre", "nfs", "nfs4", "ocfs2", "orangefs", "smb3", "smbfs", "vboxsf", "virtiofs",
    )
)  # fmt: skip
"""File systems that another host may write to as well."""
HELD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def mount_type(path: Path) -> str:
    """Type of the file system that holds `path`, from the mount table; empty if it is not told."""
    path = path.resolve()
    best, kind = "", ""
    for mount in psutil.disk_partitions(all=True):
        # Of two mounts on one point the later one is seen.
        if path.is_relative_to(mount.mountpoint) and len(mount.mountpoint) >= len(best):
            best, kind = mount.mountpoint, mount.fstype
    return kind


def connect(
    state_dir: Path, kind: str, warn: Callable[[str], None], migrations: Sequence[str] = schema.MIGRATIONS
) -> sqlite3.Connection:
    """Open or make the ledger in `state_dir`, a folder on a file system of type `kind`.

    Raises:
        UserError: the file is no ledger, damaged, or of a newer version. It is left as it is.
        InfraError: it cannot be read or written.
    """
    path = state_dir / NAME
    _make(path)
    with explained(path), contextlib.ExitStack() as undo:
        db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        undo.callback(db.close)
        db.row_factory = sqlite3.Row
        migrating.distrust(db)
        migrating.check(db, str(path), len(migrations))
        if kind in REMOTE:
            warn(
                f"{path} is on a network file system ({kind}): journal_mode=DELETE, slower; "
                "do not use it from two hosts at once"
            )
        _set_journal(db, "delete" if kind in REMOTE else "wal")
        db.execute("pragma synchronous = full")
        migrating.migrate(db, migrations)
        db.execute("pragma foreign_keys = on")
        with transaction(db):
            pass  # a file that cannot be written is told now, not after an hour of building
        undo.pop_all()
        return db


def _make(path: Path) -> None:
    """Make folder and file if they are missing, for the owner's eyes only, and their names durable."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            for folder in (path.parent, path.parent.parent):
                sync_folder(folder)
    except OSError as error:
        raise InfraError(
            f"{path} cannot be made: {error.strerror}", next_step="make its folder writable, or free space there"
        ) from error


def _set_journal(db: sqlite3.Connection, wanted: str) -> None:
    """Change the journal mode if it is another one; SQLite does not wait for other users here, so we do."""
    if db.execute("pragma journal_mode").fetchone()[0] == wanted:
        return
    for attempt in Retrying(
        stop=stop_after_delay(BUSY_SECONDS),
        wait=wait_random(0.005, 0.05),
        retry=retry_if_exception(lambda error: _code(error) == sqlite3.SQLITE_BUSY),
        reraise=True,
    ):
        with attempt:
            db.execute(f"pragma journal_mode = {wanted}").fetchone()


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, on disk when it ends. SIGINT, SIGTERM and SIGHUP wait until it has ended.

    So an interruption never tears away the result of an attempt that has run to its end.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
    try:
        try:
            db.execute("begin immediate")
            yield
            db.execute("commit")
        except BaseException:
            db.rollback()  # nothing where SQLite has done so already, as on a full disk
            raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors about the file into ours; those about our own SQL pass as they are."""
    try:
        yield
    except (sqlite3.OperationalError, sqlite3.DatabaseError) as error:
        if known := _explain(path, error):
            raise known from error
        raise


def _explain(path: Path, error: sqlite3.Error) -> BisectsymsError | None:
    again = "then the same command again; what was written before is safe"
    code = _code(error)
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and _is_full(path.parent):
        code = sqlite3.SQLITE_FULL  # SQLite says so only when it writes the database itself
    match code:
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            return UserError(
                f"{path} is damaged, or no SQLite file ({error}); it was left as it is", next_step=_rescue(path)
            )
        case sqlite3.SQLITE_FULL:
            return InfraError(f"{path}: the disk is full", next_step=f"free space there, {again}")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return InfraError(f"{path}: {error}", next_step=f"make the file and its folder writable, {again}")
        case sqlite3.SQLITE_BUSY:
            return InfraError(
                f"{path}: another process has held it for {BUSY_SECONDS:.0f} s",
                next_step=f"look who (fuser -v {shlex.quote(str(path))}), {again}",
            )
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_PROTOCOL:
            return InfraError(
                f"{path}: {error}", next_step=f"look at dmesg, quota and free space of that disk, {again}"
            )
    return None


def _rescue(path: Path) -> str:
    """Commands that set a damaged ledger aside and read what can be read of it into a new one."""
    new, aside = shlex.quote(str(path)), shlex.quote(str(path.parent / "damaged"))
    old = f"{aside}/{NAME}"
    # .recover would be shorter, but it fails in sqlite3 3.40 (Debian 12) where .dump still reads.
    version = f"$(sqlite3 {old} 'pragma user_version')"
    marks = f"pragma application_id = {migrating.APPLICATION_ID}; pragma user_version = {version};"
    return (
        f"keep it: mkdir {aside} && mv {new}* {aside}/\n  then begin anew, or with what can be read of it: (umask 077; "
        f"{{ sqlite3 {old} .dump | sed 's/^ROLLBACK;.*/COMMIT;/'; echo \"{marks}\"; }} | sqlite3 {new})"
    )


def _is_full(folder: Path) -> bool:
    """Whether not even the files beside the database (its -shm takes 32 KiB) would fit."""
    try:
        return shutil.disk_usage(folder).free < 1 << 16
    except OSError:
        return False


def _code(error: BaseException) -> int | None:
    """SQLite's primary result code, if the error is one of SQLite's."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else int(code) & 0xFF
