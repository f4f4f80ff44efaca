r"""A history of a real kernel in which one commit makes the failure a function of the layout, and of nothing else.

The culprit lists one name per address, as scripts/kallsyms.c did up to 2.6, so the size of the table follows from
the addresses. An older commit, harmless without it, marks the end of the constants, to which the table belongs: 0, 8,
16 or 24 bytes before the next aligned label. Where the table with both names brings the mark onto that label, the next
pass drops a name; without it the table is shorter, the mark lies elsewhere, and the name returns. No number of passes
settles that. Whether it happens is decided by all that lies before in .rodata: by every commit, and by the length of
the version string.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.kernel_source import SOURCES, add_function, commit, edit, unpack

KCONFIG = (
    *("CONFIG_KALLSYMS=y", "CONFIG_DEBUG_KERNEL=y", "CONFIG_KALLSYMS_ALL=y"),
    "# CONFIG_LOCALVERSION_AUTO is not set",
)
"""The labels of the linker script are in the table with KALLSYMS_ALL alone."""

COMMITS = 40
MARKED = 5
CULPRIT = 13

RODATA = "include/asm-generic/vmlinux.lds.h"
SCHED_DATA = "\t\tSCHED_DATA\t\t\t\t\t\t\\\n"
END_CONST = "\t\t. = ALIGN(8);\t\t\t\t\t\t\\\n\t\t__end_const = .;\t\t\t\t\t\\\n"

KALLSYMS = "scripts/kallsyms.c"
SHRINK = "/* remove all the invalid symbols from the table */\n"
ALIAS = """\
/*
 * A lookup by address finds the first name of an address and never another:
 * do not spend memory on the others.
 */
static int symbol_alias(const struct sym_entry *s, unsigned int pos)
{
	return pos > 0 && table[pos - 1]->addr == s->addr;
}

"""
VALID = "\t\tif (symbol_valid(table[i])) {\n"
LISTED = "\t\tif (symbol_valid(table[i]) && !symbol_alias(table[i], pos)) {\n"


@dataclass(frozen=True, slots=True)
class History:
    """A repository, and what a bisect in it must find; commits as full ids, the oldest first."""

    repo: str
    commits: tuple[str, ...]
    culprit: int

    def number(self, commit: str) -> int:
        return self.commits.index(commit)


def history(folder: Path, tarball: Path) -> History:
    """The history in `folder`, written there as `linux` from the kernel in `tarball` if it is not there yet."""
    answer = folder / "answer.json"
    if not answer.exists():
        answer.write_text(json.dumps(asdict(_write(folder / "linux", tarball)), indent=2))
    told = json.loads(answer.read_text())
    return History(told["repo"], tuple(told["commits"]), told["culprit"])


def _write(repo: Path, tarball: Path) -> History:
    git = unpack(repo, tarball, "Linux, cut down to what a tinyconfig of arm needs")
    commits = [str(git.rev_parse("HEAD"))]
    commits += [commit(git, _change(repo, number)) for number in range(1, COMMITS + 1)]
    return History(str(repo), tuple(commits), CULPRIT)


def _change(repo: Path, number: int) -> str:
    """Edit the tree for commit `number`; its title."""
    if number == MARKED:
        edit(repo, RODATA, SCHED_DATA, END_CONST + SCHED_DATA)
        return f"vmlinux.lds: {number} mark the end of the constants"
    if number == CULPRIT:
        edit(repo, KALLSYMS, SHRINK, ALIAS + SHRINK)
        edit(repo, KALLSYMS, VALID, LISTED)
        return f"kallsyms: {number} list one name per address"
    source = SOURCES[number % len(SOURCES)]
    if number % 3 == 0:
        _add_table(repo, source, number)
        return f"kernel: {number} give {source} its weights"
    add_function(repo, source, number, f"value * {number}")
    return f"kernel: {number} give {source} a budget"


def _add_table(repo: Path, source: str, number: int) -> None:
    """Give kernel/`source`.c constants of its own, which move what follows them in .rodata."""
    name = f"{source}_weights_{number}"
    values = ", ".join(str(value) for value in range(1, number + 1))
    with (repo / f"kernel/{source}.c").open("a") as file:
        file.write(f"\nextern const unsigned char {name}[{number}];\n")
        file.write(f"const unsigned char {name}[{number}] = {{ {values} }};\n")
