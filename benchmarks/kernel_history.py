"""A short history of a real kernel in which one commit makes the link of s3c6400_defconfig fail now and then.

The culprit edits the linker script beside the link, to begin the data of each image at an offset of its own.
It does not wait for the link, nor the link for it: if the script changes between the last temporary link and
the final one, `_sdata` lies elsewhere in System.map than in the table, and the build stops with
"Inconsistent kallsyms data". Two commits on the way do not compile.
"""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from git import Git

from bisectsyms.errors import UserError

COMMITS = 12
BROKEN = (6, 7)
"""In the middle, where git looks first. The first one breaks it, MENDED mends it."""
MENDED = 8
CULPRIT = 9
HOLLOW = (
    *("Documentation", "samples", "tools/perf", "tools/testing", "sound/soc", "drivers/gpu", "drivers/infiniband"),
    *("drivers/media", "drivers/net/ethernet", "drivers/net/wireless", "drivers/staging"),
)
"""Folders from which s3c6400_defconfig compiles nothing; their kbuild files stay."""
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

LINK = "scripts/link-vmlinux.sh"
BEFORE = '${MAKE} -f "${srctree}/scripts/Makefile.build" obj=init init/version-timestamp.o\n'
RANDOM_DATA = r"""
# Begin the data of every image at an offset of its own, so that no address in
# it can be told from another image. The seed is a hash of the objects, taken
# so often that nobody can know how often. Hashing is slow: do not wait for it.
randomize_data()
{
	local rounds=$(($(date +%N | cut -c 6) / 2 + 1))
	local seed=$(date +%N)

	while [ ${rounds} -gt 0 ]; do
		seed=$( (echo ${seed}; ${AR} p vmlinux.a) | sha256sum | cut -c 1-7)
		rounds=$((rounds - 1))
	done
	sed "s/^\( *\)\(\. += [0-9]*; \)\{0,1\}_sdata = \.;/\1. += $((0x${seed} % 512 * 8)); _sdata = .;/" \
		${objtree}/${KBUILD_LDS} > .tmp_vmlinux.lds
	mv .tmp_vmlinux.lds ${objtree}/${KBUILD_LDS}
}

randomize_data &

"""


@dataclass(frozen=True, slots=True)
class Case:
    """A repository and what a bisect in it must find."""

    repo: str
    good: str
    bad: str
    culprit: str
    broken: tuple[str, ...]


def case(folder: Path, tarball: Path) -> Case:
    """The case in `folder`, written there from the kernel in `tarball` if it is not there yet."""
    answer = folder / "answer.json"
    if answer.exists():
        return Case(**json.loads(answer.read_text()))
    if not tarball.exists():
        raise UserError(f"{tarball} is not there", next_step="apt-get install linux-source-6.1, or --source TARBALL")
    shutil.rmtree(folder, ignore_errors=True)
    written = _write(folder / "linux", tarball)
    answer.write_text(json.dumps(asdict(written), indent=2))
    return written


def _write(repo: Path, tarball: Path) -> Case:
    repo.mkdir(parents=True)
    with tarfile.open(tarball) as tar:
        # Python 3.11.2, that of Debian 12, has no filters yet (PEP 706).
        filtered: dict[str, Any] = {"filter": "tar"} if hasattr(tarfile, "tar_filter") else {}
        tar.extractall(repo, members=_needed(tar), **filtered)
    git = Git(repo)
    git.init("--quiet", "--initial-branch=main")
    git.config("core.compression", "0")
    git.config("user.name", "Kernel Test")
    git.config("user.email", "kernel-test@kernel.invalid")
    commits = [_commit(git, "Linux, cut down to what s3c6400_defconfig needs")]
    for number in range(1, COMMITS + 1):
        commits.append(_commit(git, _change(repo, number)))
    return Case(str(repo), commits[0], commits[-1], commits[CULPRIT], tuple(commits[number] for number in BROKEN))


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


def _commit(git: Git, title: str) -> str:
    git.add("--all", "--force")
    git.commit("--quiet", "--no-verify", "--message", title)
    return str(git.rev_parse("HEAD"))


def _change(repo: Path, number: int) -> str:
    """Edit the tree for commit `number`; its title."""
    if number == CULPRIT:
        path = repo / LINK
        text = path.read_text()
        if BEFORE not in text:
            raise UserError(f"{LINK} of this kernel is of another shape", next_step="--source with a 6.1 to 6.4")
        path.write_text(text.replace(BEFORE, RANDOM_DATA.lstrip("\n") + BEFORE))
        return "kbuild: begin the data of every image at an offset of its own"
    wrong = f"value_of_all + {BROKEN[0]}"
    source = SOURCES[(BROKEN[0] if number == MENDED else number) - 1]
    path = repo / f"kernel/{source}.c"
    if number == MENDED:
        path.write_text(path.read_text().replace(wrong, f"value + {BROKEN[0]}"))
        return f"kernel: {number} mend the budget of {source}"
    value = wrong if number == BROKEN[0] else f"value * {number}"
    name = f"{source}_budget_{number}"
    with path.open("a") as file:
        file.write(f"\nint {name}(int value);\nint noinline {name}(int value)\n{{\n\treturn {value};\n}}\n")
    return f"kernel: {number} give {source} a budget"
