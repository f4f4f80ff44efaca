"""A short history of a real kernel in which one commit makes the link of s3c6400_defconfig fail now and then.

The culprit edits the linker script beside the link, to begin the data of each image at an offset of its own.
It does not wait for the link, nor the link for it: if the script changes between the last temporary link and
the final one, `_sdata` lies elsewhere in System.map than in the table, and the build stops with
"Inconsistent kallsyms data". Two commits on the way do not compile.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.kernel_source import SOURCES, add_function, commit, edit, unpack

COMMITS = 12
BROKEN = (6, 7)
"""In the middle, where git looks first. The first one breaks it, MENDED mends it."""
MENDED = 8
CULPRIT = 9

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
    written = _write(folder / "linux", tarball)
    answer.write_text(json.dumps(asdict(written), indent=2))
    return written


def _write(repo: Path, tarball: Path) -> Case:
    git = unpack(repo, tarball, "Linux, cut down to what s3c6400_defconfig needs")
    commits = [str(git.rev_parse("HEAD"))]
    for number in range(1, COMMITS + 1):
        commits.append(commit(git, _change(repo, number)))
    return Case(str(repo), commits[0], commits[-1], commits[CULPRIT], tuple(commits[number] for number in BROKEN))


def _change(repo: Path, number: int) -> str:
    """Edit the tree for commit `number`; its title."""
    if number == CULPRIT:
        edit(repo, LINK, BEFORE, RANDOM_DATA.lstrip("\n") + BEFORE)
        return "kbuild: begin the data of every image at an offset of its own"
    wrong = f"value_of_all + {BROKEN[0]}"
    source = SOURCES[(BROKEN[0] if number == MENDED else number) - 1]
    if number == MENDED:
        edit(repo, f"kernel/{source}.c", wrong, f"value + {BROKEN[0]}")
        return f"kernel: {number} mend the budget of {source}"
    add_function(repo, source, number, wrong if number == BROKEN[0] else f"value * {number}")
    return f"kernel: {number} give {source} a budget"
