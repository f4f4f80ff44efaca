"""What closes a build of a stranger's report off: it sees the tools it is made with, and nothing of the user's.

An allow-list, because a home may be anywhere: the system's programs and libraries, the folders of the compiler, and
git's objects without the repository's configuration, hooks and ledger. No network, processes, shared memory and
temporary files of its own, no keys (effects/seccomp.py), and no capability, if it is root who builds. docs/security.md
says what this does not hold.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from plumbum import CommandNotFound, ProcessTimedOut, local

from bisectsyms.effects.gitrepo import Repository
from bisectsyms.effects.newfile import replace_file
from bisectsyms.effects.seccomp import no_keyring
from bisectsyms.errors import InfraError

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix", "/gnu")
"""Where programs are. No home, /opt, /run, /sys or /var is seen; of /etc what ETC says."""
ETC = (
    "alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "passwd", "group", "nsswitch.conf", "localtime",
    "perl", "ssl/openssl.cnf", "pki/tls/openssl.cnf", "crypto-policies",
)  # fmt: skip
"""What compilers, perl and openssl read there."""
SCRATCH = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - builds may write there; we do not
"""Where compilers and scripts put their temporary files."""
SCRATCH_BYTES = 1 << 30
"""Of each: they are memory of the machine."""
FILTER, CONFIG = "no-keyring.bpf", "git-config"
FROM_FILE = 'exec 9<"$1" && shift && exec "$@"'
"""bubblewrap takes the filter from a descriptor, and a line that can be pasted has to open it."""
ALONE = ("--unshare-pid", "--die-with-parent", "--unshare-net", "--unshare-ipc", "--cap-drop", "ALL")
USERS = (("--unshare-user", "--disable-userns"), ("--unshare-user",), ())
"""Best first: no further user namespace inside (bubblewrap 0.8), one of its own, or that of root."""
READ_ONLY = ("--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/")
"""/proc as well: in that of bubblewrap root could set what the kernel runs (sys/kernel/core_pattern), even without any
capability (kernel/sysctl.c goes by the user id)."""
HIDDEN = ("bisectsyms", "hooks", "logs")
"""Folders of a repository that git does not need to tell a revision."""
KEPT = re.compile(
    r"core\.(?:repositoryformatversion|filemode|symlinks|ignorecase|bare)|extensions\.(?!worktreeconfig)\w+"
)
"""Settings without which git cannot read a repository, or would take its files for changed."""
PROBE_SECONDS = 60
VALUE = re.compile(r"[\w.-]*")


@dataclass(frozen=True, slots=True)
class Closed:
    """The words of bubblewrap before and after those that say what a build works on."""

    begin: tuple[str, ...]
    end: tuple[str, ...]
    config: Path
    """Stands in the place of the repository's configuration, which may hold passwords of remotes."""

    def around(self, folder: Path) -> tuple[str, ...]:
        """All words before a command that works in this folder, and sees nothing else."""
        return (*self.begin, "--bind", str(folder), str(folder), *self.end, "--chdir", str(folder), "--")

    def over(self, repository: Path) -> tuple[str, ...]:
        """Further words for the folder of a repository, which is bound already."""
        hidden = [repository / name for name in HIDDEN if (repository / name).is_dir()]
        empty = [word for path in hidden for word in ("--tmpfs", str(path), "--remount-ro", str(path))]
        return (*empty, "--ro-bind", str(self.config), str(repository / "config"))


def closed(folder: Path, repository: Repository, needed: Iterable[Path] = ()) -> Closed | None:
    """How to close a build off here; None where it cannot be done.

    In `folder`, which the build must not be able to write to, are two files that it is told by. Folders `needed` are
    seen as well.

    Raises:
        InfraError: the folder cannot be written.
    """
    alone = _alone()
    if not alone:
        return None
    replace_file(folder / FILTER, no_keyring())
    replace_file(folder / CONFIG, _config(repository).encode())
    seen = [word for path in needed for word in ("--ro-bind", str(path), str(path))]
    begin = ("sh", "-c", FROM_FILE, "sh", str(folder / FILTER), *_begin(sized=_is_sized()), "--seccomp", "9", *seen)
    return Closed(begin, (*alone, *READ_ONLY), folder / CONFIG)


def closed_works() -> bool:
    """Whether bubblewrap can close a build off here; some containers allow less."""
    return bool(_alone())


def needed(programs: Iterable[str], path: str, home: Path) -> tuple[Path, ...]:
    """Folders of programs that are on `path` and not among the system's: a compiler that was unpacked somewhere.

    Its libraries are beside its bin/. A home is never among them, nor what it is in.
    """
    found = dict[Path, None]()
    for program in programs:
        name = shutil.which(program, path=path)
        for place in (Path(name), Path(name).resolve()) if name else ():
            root = place.parent.parent if place.parent.name == "bin" else place.parent
            root = place.parent if home.is_relative_to(root) else root
            if not any(place.is_relative_to(one) for one in SYSTEM) and not home.is_relative_to(root):
                found[root] = None
    return tuple(found)


def status(argv: Sequence[str]) -> int:
    """The exit status of a short command; 127 if there is no such program.

    Raises:
        InfraError: it does not end. No answer is not "no": the paths of a build, and so its layout, hang on it.
    """
    try:
        return int(local[argv[0]].run(argv[1:], retcode=None, timeout=PROBE_SECONDS)[0])
    except CommandNotFound:
        return 127
    except ProcessTimedOut as error:
        said = f"{argv[0]} did not end within {PROBE_SECONDS} s"
        raise InfraError(said, next_step="the same again when the machine has time") from error


def _alone() -> tuple[str, ...]:
    """The options that close a process off, as far as it is possible here; none where it is not."""
    ways = ((*ALONE, *users) for users in USERS)
    return next((way for way in ways if status((*_begin(), *way, *READ_ONLY, "--", "true")) == 0), ())


def _is_sized() -> bool:
    """Whether this bubblewrap can bound a tmpfs (0.7 and later)."""
    return status((*_begin(sized=True), "--", "true")) == 0


def _begin(*, sized: bool = False) -> tuple[str, ...]:
    """bubblewrap and what every closed build sees."""
    words = ["bwrap"]
    for path in map(Path, SYSTEM):
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), str(path)]
        else:
            words += ["--ro-bind-try", str(path), str(path)]
    for name in ETC:
        words += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    words += ["--dev", "/dev", "--proc", "/proc"]
    for place in SCRATCH:
        words += [*(("--size", str(SCRATCH_BYTES)) if sized else ()), "--tmpfs", place]
    return tuple(words)


def _config(repository: Repository) -> str:
    """The settings that git needs, as a configuration of their own."""
    lines = []
    for line in repository.git("config", "--local", "--null", "--list").split("\0"):
        key, _, value = line.partition("\n")
        if KEPT.fullmatch(key) and VALUE.fullmatch(value):
            section, _, name = key.partition(".")
            lines += [f"[{section}]", f"\t{name} = {value}"]
    return "\n".join([*lines, ""])
