"""Which errors of the operating system are the machine's trouble, told with what to do about each.

They come from anywhere: a mark that cannot be written, a git that cannot be started. Any other exception is a bug
of ours and stays one, with its traceback.
"""

from __future__ import annotations

import errno

from bisectsyms.errors import InfraError

AGAIN = "then the same command again; every attempt that ended is in the ledger"
NEXT = {
    errno.ENOSPC: "free space there",
    errno.EDQUOT: "free space there, or have the quota raised",
    errno.EROFS: "make it writable",
    errno.EIO: "look at dmesg",
    errno.ESTALE: "mount it anew",
    errno.ENOTCONN: "mount it anew",
    errno.ENOLCK: "use a file system that has locks (--slots-dir)",
    errno.ENOMEM: "free memory",
    errno.EAGAIN: "look at `ulimit -u` and the pids.max of the cgroup",
    errno.EMFILE: "raise `ulimit -n`",
    errno.ENFILE: "raise fs.file-max",
}
"""What may pass by itself or be mended while we wait."""
PERMISSION = {errno.EACCES: "make it yours to write", errno.EPERM: "make it yours to write"}
NO_TEMPORARY = "No usable temporary directory"
"""How Python says that every folder for temporary files is full or read-only; its errno is that of a missing file."""


def passing(error: BaseException) -> str:
    """The machine's trouble that an attempt ran into and that may pass; empty for anything else."""
    if isinstance(error, MemoryError):
        return "out of memory"
    if not isinstance(error, OSError) or not (error.errno in NEXT or NO_TEMPORARY in str(error.strerror)):
        return ""
    return _said(error)


def trouble(error: BaseException) -> InfraError | None:
    """The error to tell in place of one that the machine caused; None if it did not."""
    if said := passing(error):
        number = errno.ENOMEM if isinstance(error, MemoryError) else getattr(error, "errno", None)
        return InfraError(said, next_step=f"{NEXT.get(number or 0, NEXT[errno.ENOSPC])}, {AGAIN}")
    if isinstance(error, OSError) and error.errno in PERMISSION and error.filename is not None:
        return InfraError(_said(error), next_step=f"{PERMISSION[error.errno]}, {AGAIN}")
    return None


def _said(error: OSError) -> str:
    where = error.filename2 or error.filename
    return f"{where}: {error.strerror}" if where is not None else f"{error.strerror}"
