"""The repository of a hunt on another host: made there, and given the commits that are to be built.

They come from a path that both hosts have (nothing is copied then), from a URL of git, or in a bundle that is sent.
Each has a ref of its own, so that no gc of git takes it away.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bisectsyms.effects.gitrepo import Repository
from bisectsyms.errors import InfraError, UserError

REFS = "refs/bisectsyms/away"
FOLDER = "away"
"""In the folder of the slots."""
URL = re.compile(r"(https?|git|ssh|file)://[^\s-][^\s]*|[\w.-]+@[\w.-]+:[^\s]+")
LARGEST = 512 * 1024**2
"""Bytes of a bundle, which the scheduler holds in memory."""


def key_of(repository: Repository) -> str:
    """What the copies of a repository of this host are called elsewhere."""
    return hashlib.sha256(f"{socket.gethostname()}:{repository.common_dir}".encode()).hexdigest()[:12]


def check_source(source: str) -> None:
    """Whether commits can be had from there.

    Raises:
        UserError: it is neither a URL of git nor an absolute path.
    """
    if not source.startswith("/") and not URL.fullmatch(source):
        raise UserError(f"--cluster-git {source}: neither a URL of git nor an absolute path", next_step="https://…")


def bundle(repository: Repository, commits: Sequence[str], have: Sequence[str]) -> bytes:
    """These commits with their history, but for what the other side has, as `git bundle` writes it.

    Raises:
        UserError: it is too large to be sent through a scheduler.
    """
    for commit in commits:
        repository.git("update-ref", f"{REFS}/{commit}", commit)
    refs = [f"{REFS}/{commit}" for commit in commits]
    known = [f"^{commit}" for commit in have if repository.tried("cat-file", "-e", f"{commit}^{{commit}}")[0] == 0]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bundle"
        repository.git("bundle", "create", "--quiet", str(path), *refs, *known)
        if (size := path.stat().st_size) > LARGEST:
            raise UserError(
                f"the commits and their history are {size / 1e6:.0f} MB, too large to be sent through the scheduler",
                next_step="--cluster-git URL, from which the workers fetch",
            )
        return path.read_bytes()


def copy_in(slots_dir: Path, key: str, name: str) -> Repository:
    """The copy of a repository on this host, made if there is none yet.

    Raises:
        InfraError: it cannot be made.
    """
    folder = slots_dir / FOLDER / key / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder.parent / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / ".git" / "HEAD").exists():
                Repository(folder, folder / ".git", folder / ".git").git("init", "--quiet", ".")
            return Repository.discover(folder, {})
    except OSError as error:
        raise InfraError(f"{folder}: {error.strerror}", next_step="make it writable, or free space there") from error


def held(copy: Repository) -> tuple[str, ...]:
    """The commits that were brought here."""
    return tuple(copy.git("for-each-ref", "--format=%(objectname)", REFS).split())


def lacking(copy: Repository, commits: Sequence[str]) -> tuple[str, ...]:
    """Those of these that are not here."""
    return tuple(one for one in commits if copy.tried("cat-file", "-e", f"{one}^{{commit}}")[0] != 0)


def fetch(copy: Repository, source: str, commits: Sequence[str]) -> None:
    """Bring commits in from a path or URL.

    Raises:
        InfraError: the source cannot be read, or does not have them.
    """
    with (copy.top.parent / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = lacking(copy, commits)
        if missing and source.startswith("/"):
            _borrow(copy, Path(source))
        elif missing:
            copy.git("fetch", "--quiet", "--no-tags", "--end-of-options", source, *missing)
        for commit in missing:
            copy.git("update-ref", f"{REFS}/{commit}", commit)


def unpack(copy: Repository, bundled: bytes) -> None:
    """Bring in what `bundle` has written.

    Raises:
        InfraError: it is no bundle, or builds on commits that are not here.
    """
    with tempfile.TemporaryDirectory() as folder, (copy.top.parent / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = Path(folder) / "bundle"
        path.write_bytes(bundled)
        copy.git("fetch", "--quiet", "--no-tags", str(path), f"+{REFS}/*:{REFS}/*")


def _borrow(copy: Repository, source: Path) -> None:
    """Read the objects where they are, as `git clone --shared` does."""
    objects = source / "objects"
    if not objects.is_dir():
        raise InfraError(f"{source} is no git folder of this host", next_step="--cluster-git with a path that it has")
    alternates = copy.common_dir / "objects" / "info" / "alternates"
    alternates.parent.mkdir(parents=True, exist_ok=True)
    alternates.write_text(f"{objects}\n")
    if (source / "shallow").exists():
        (copy.common_dir / "shallow").write_bytes((source / "shallow").read_bytes())
