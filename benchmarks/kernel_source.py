"""A repository with the source of a real kernel, cut down to what one arch compiles, and small changes to it.

Half a gigabyte in place of one and a half, and git moves through it in a second. The histories of the kernel
tests are written with this.
"""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from git import Git

from bisectsyms.errors import UserError

HOLLOW = (
    *("Documentation", "samples", "tools/perf", "tools/testing", "sound/soc", "drivers/gpu", "drivers/infiniband"),
    *("drivers/media", "drivers/net/ethernet", "drivers/net/wireless", "drivers/staging"),
)
"""Folders from which s3c6400_defconfig and tinyconfig compile nothing; their kbuild files stay."""
SOURCES = (
    "fork",
    "exit",
    "signal",
    "sys",
    "kthread",
    "softirq",
    "params",
    "resource",
    "cred",
    "pid",
    "reboot",
    "async",
)
"""Files of kernel/ that every configuration compiles."""


def unpack(repo: Path, tarball: Path, title: str) -> Git:
    """A new repository at `repo` whose first commit, `title`, is what is needed of the kernel in `tarball`.

    Raises:
        UserError: the tarball is not there.
    """
    if not tarball.exists():
        raise UserError(f"{tarball} is not there", next_step="apt-get install linux-source-6.1, or --source TARBALL")
    shutil.rmtree(repo, ignore_errors=True)
    repo.mkdir(parents=True)
    with tarfile.open(tarball) as tar:
        # Python 3.11.2, that of Debian 12, has no filters yet (PEP 706).
        filtered: dict[str, Any] = {"filter": "tar"} if hasattr(tarfile, "tar_filter") else {}
        tar.extractall(repo, members=_needed(tar), **filtered)
    git = begin(repo)
    commit(git, title)
    return git


def begin(repo: Path) -> Git:
    """An empty repository around what is in the folder, with a name to commit under."""
    git = Git(repo)
    git.init("--quiet", "--initial-branch=main")
    git.config("core.compression", "0")
    git.config("user.name", "Kernel Test")
    git.config("user.email", "kernel-test@kernel.invalid")
    return git


def commit(git: Git, title: str) -> str:
    """Commit everything, ignored files too, as a tarball has it; the full id."""
    git.add("--all", "--force")
    git.commit("--quiet", "--no-verify", "--message", title)
    return str(git.rev_parse("HEAD"))


def add_function(repo: Path, source: str, number: int, value: str) -> None:
    """Give kernel/`source`.c a function of its own that returns `value`, an expression of the int `value`."""
    name = f"{source}_budget_{number}"
    with (repo / f"kernel/{source}.c").open("a") as file:
        file.write(f"\nint {name}(int value);\nint noinline {name}(int value)\n{{\n\treturn {value};\n}}\n")


def edit(repo: Path, name: str, old: str, new: str) -> None:
    """Replace `old`, which stands in the file once.

    Raises:
        UserError: it does not, so this is another kernel than the history is written for.
    """
    path = repo / name
    text = path.read_text()
    if text.count(old) != 1:
        raise UserError(f"{name} of this kernel is of another shape", next_step="--source with a 6.1 to 6.4")
    path.write_text(text.replace(old, new))


def _needed(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Members without the top folder, and without the sources of HOLLOW and of other architectures."""
    for member in tar:
        path = member.name.partition("/")[2]
        if not path:
            continue
        parts = path.split("/")
        hollow = path.startswith(tuple(f"{folder}/" for folder in HOLLOW))
        foreign = parts[0] == "arch" and len(parts) > 2 and parts[1] not in ("arm", "x86")
        kbuild = parts[-1].startswith(("Kconfig", "Makefile", "Kbuild"))
        if member.isdir() or kbuild or not (hollow or foreign):
            member.name = path
            yield member
