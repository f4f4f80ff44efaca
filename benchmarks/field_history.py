"""A history of a real kernel for four bisects of tinyconfig, each over a range of its own.

tinyconfig links in tens of milliseconds, so a race that takes its time from the whole link never meets it. Here
the first culprit begins the data at an offset of its own once the first temporary image is linked: a hash over a
random number of the objects, taken beside the second link, decides the offset and edits the linker script. When the
hash ends between the second link and the final one, `_sdata` lies elsewhere in System.map than in the table. The
work grows with the number of objects, as the link does. Later commits wait for the hash, or stop waiting again.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.kernel_source import SOURCES, add_function, commit, edit, unpack

LINK = "scripts/link-vmlinux.sh"
CLEANUP = "# Delete output files in case of error\n"
RANDOMIZE = r"""# Begin the data of the kernel at an offset of its own, so that no address in it
# can be told from another image. The seed is a hash over some of the objects,
# and nobody knows how many.
randomize_data()
{
	local most=$(($(${AR} t vmlinux.a | wc -l) * 2 / 3))
	local seed=$(date +%N)
	local object

	for object in $(${AR} t vmlinux.a | shuf -n $(shuf -i 1-${most} -n 1)); do
		seed=$(echo ${seed} | cat - ${object} | sha256sum)
	done
	seed=$(echo ${seed} | cut -c 1-7)
	sed "s/^\( *\)\(\. += [0-9]*; \)\{0,1\}_sdata = \.;/\1. += $((0x${seed} % 512 * 8)); _sdata = .;/" \
		${objtree}/${KBUILD_LDS} > .tmp_vmlinux.lds
	mv .tmp_vmlinux.lds ${objtree}/${KBUILD_LDS}
}

"""
STEP = "\tkallsyms_step 2\n"
WAIT = "\trandomize_data\n"
DO_NOT_WAIT = "\trandomize_data &\n"

LEXER = "scripts/dtc/dtc-lexer.l"
TREESOURCE = "extern bool treesource_error;\n"
YYLLOC = "YYLTYPE yylloc;\n"
"""A second definition, which gcc 10 and later do not link: the lexer of the kernels before 5.6."""

EMBEDDED = (
    'config EMBEDDED\n\tbool "Embedded system"\n\tselect EXPERT\n\thelp\n'
    "\t  This option should be enabled if compiling the kernel for\n"
    "\t  an embedded system so certain expert options are available\n"
    "\t  for configuration.\n\n"
)
"""tinyconfig sets it, and EXPERT through it; nothing that ARM compiles asks for it."""

COMMITS = 43
BROKEN, MENDED = 4, 6
CULPRIT, FIX = 7, 13
UNLINKED, LINKED = 24, 29
SECOND, THIRD = 27, 40
"""Culprits of the later ranges: they stop waiting for the hash."""
WAITS_AGAIN = 32
DROPPED = 38


@dataclass(frozen=True, slots=True)
class Case:
    """A bisect, as git and bisectsyms are asked for it, and what it must find; commits as full ids."""

    name: str
    what: str
    old: str
    new: str
    answer: str
    terms: tuple[str, str] = ("good", "bad")
    options: tuple[str, ...] = ()
    """Further words for bisectsyms."""
    fixup: dict[str, str] | None = None
    """One entry of the profile's `fixups`."""
    full_config: bool = False
    """The profile has a full .config in place of a defconfig."""
    find_fix: bool = False

    @property
    def failing_end(self) -> str:
        return self.old if self.find_fix else self.new


def cases(folder: Path, tarball: Path) -> tuple[Case, ...]:
    """The cases in `folder`, whose repository is written there as `linux` from `tarball` if it is not there yet."""
    answers = folder / "answers.json"
    if answers.exists():
        return tuple(_read(one) for one in json.loads(answers.read_text()))
    repo = folder / "linux"
    git = unpack(repo, tarball, "Linux, cut down to what a tinyconfig of arm needs")
    commits = [str(git.rev_parse("HEAD"))]
    commits += [commit(git, _change(repo, number)) for number in range(1, COMMITS + 1)]
    patch = str(git.diff(commits[LINKED - 1], commits[LINKED], "--", LEXER, strip_newline_in_stdout=False))
    (folder / "yylloc.patch").write_text(patch)
    made = _cases(commits)
    answers.write_text(json.dumps([asdict(case) for case in made], indent=2))
    return made


def _read(fields: dict[str, Any]) -> Case:
    """A case as JSON left it."""
    lists = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    return Case(**fields | lists)


def _cases(commits: list[str]) -> tuple[Case, ...]:
    return (
        Case(
            "fix",
            "terms broken and fixed: the commit that fixed it",
            *(commits[11], commits[20], commits[FIX]),
            terms=("broken", "fixed"),
            options=("--find-fix",),
            find_fix=True,
        ),
        Case(
            "llvm",
            "LLVM=1, two commits that do not compile",
            *(commits[0], commits[10], commits[CULPRIT]),
            options=("--toolchain", "llvm"),
        ),
        Case(
            "fixups",
            "half of the revisions need a patch to build",
            *(commits[21], commits[31], commits[SECOND]),
            fixup={"patch": "yylloc.patch", "from": commits[UNLINKED], "before": commits[LINKED]},
        ),
        Case(
            "config",
            "a full .config, of which an option vanishes half-way",
            *(commits[33], commits[43], commits[THIRD]),
            full_config=True,
        ),
    )


def _change(repo: Path, number: int) -> str:
    """Edit the tree for commit `number`; its title."""
    source = SOURCES[number % len(SOURCES)]
    if number == CULPRIT:
        edit(repo, LINK, CLEANUP, RANDOMIZE + CLEANUP)
        edit(repo, LINK, STEP, DO_NOT_WAIT + STEP)
        return f"kbuild: {number} begin the data of the kernel at an offset of its own"
    if number in (FIX, WAITS_AGAIN):
        edit(repo, LINK, DO_NOT_WAIT, WAIT)
        return f"kbuild: {number} wait for the offset of the data"
    if number in (SECOND, THIRD):
        edit(repo, LINK, WAIT, DO_NOT_WAIT)
        return f"kbuild: {number} do not wait for the offset of the data"
    if number == UNLINKED:
        edit(repo, LEXER, TREESOURCE, YYLLOC + TREESOURCE)
        return f"scripts/dtc: {number} define yylloc in the lexer"
    if number == LINKED:
        edit(repo, LEXER, YYLLOC, "")
        return f"scripts/dtc: {number} remove the second definition of yylloc"
    if number == DROPPED:
        edit(repo, "init/Kconfig", EMBEDDED, "")
        edit(repo, "mm/Kconfig", "!EMBEDDED", "!EXPERT")
        return f"init: {number} drop CONFIG_EMBEDDED"
    if number == MENDED:
        broken = SOURCES[BROKEN % len(SOURCES)]
        edit(repo, f"kernel/{broken}.c", "value_of_all", "value")
        return f"kernel: {number} mend the budget of {broken}"
    add_function(repo, source, number, f"{'value_of_all' if number == BROKEN else 'value'} * {number}")
    return f"kernel: {number} give {source} a budget"
