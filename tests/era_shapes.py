"""The small kernel with the link of each generation: which files, which text, what a mismatch leaves.

The files under tests/eras are written after the facts of each generation; a shape that differs from its
neighbour in a few lines is made from that by edits, as it was in history.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bisectsyms.smallkernel.edits import Edit
from bisectsyms.smallkernel.history import TREE

SHAPES_DIR = Path(__file__).parent / "eras"
LINK = "scripts/link-vmlinux.sh"
RULE = """\
# The link has a make of its own, so that it sees finished objects only.
PHONY += vmlinux
vmlinux: vmlinux.a scripts/kallsyms $(KBUILD_LDS) include/config/kernel.release
	$(Q)$(MAKE) -f $(srctree)/scripts/Makefile.vmlinux
"""
"""The rule of the small kernel's top Makefile that `Makefile.link` of a shape replaces."""
WORKAROUND = "Inconsistent kallsyms data\nTry make KALLSYMS_EXTRA_PASS=1 as a workaround\n"
QUOTED = 'Inconsistent kallsyms data\nTry "make KALLSYMS_EXTRA_PASS=1" as a workaround\n'


@dataclass(frozen=True, slots=True)
class Shape:
    """How one generation links."""

    id: str
    era: str
    message: str
    leaves: str
    """What is left of the link after a mismatch; N stands for the passes 1, 2 and 3."""
    folders: tuple[str, ...] = ()
    """Under tests/eras; a later one replaces files of those before."""
    edits: tuple[Edit, ...] = ()
    third_pass: bool = True
    """Made by itself where the two tables differ in size: since 7e2b37c971a2 (4.10)."""


ECHO = (
    "\t\t(echo Inconsistent kallsyms data; \\\n"
    "\t\t echo This is a bug - please report about it; \\\n"
    '\t\t echo Try "make KALLSYMS_EXTRA_PASS=1" as a workaround; \\\n'
)
KCONFIG_EXTRA_PASS = Edit(
    "Makefile",
    "ifdef KALLSYMS_EXTRA_PASS\nifneq ($(KALLSYMS_EXTRA_PASS),0)\nlast_kallsyms := 3\nendif\nendif\n",
    "ifdef CONFIG_KALLSYMS_EXTRA_PASS\nlast_kallsyms := 3\nendif\n",
)
TRAP = """\
on_exit()
{
	if [ $? -ne 0 ]; then
		cleanup
	fi
}
trap on_exit EXIT

on_signals()
{
	exit 1
}
trap on_signals HUP INT QUIT TERM
"""
BASH_TRAP = (
    Edit("Makefile", "CONFIG_SHELL := sh\n", "CONFIG_SHELL := bash\n"),
    Edit(LINK, TRAP, "trap cleanup SIGHUP SIGINT SIGQUIT SIGTERM ERR\n"),
    Edit(LINK, "\t\techo >&2 Inconsistent kallsyms data\n", "\t\techo Inconsistent kallsyms data\n"),
    Edit(LINK, "\t\techo >&2 Try", "\t\techo echo Try"),
    Edit(LINK, "workaround\n\t\texit 1\n", "workaround\n\t\tcleanup\n\t\texit 1\n"),
    Edit(LINK, 'if [ "$size1" -ne "$size2" ] || [ -n', "if [ -n"),
)
NO_TRAP = (
    Edit(LINK, TRAP, ""),
    Edit(
        LINK,
        ". include/config/auto.conf\n",
        'if [ "$1" = clean ]; then\n\tcleanup\n\texit 0\nfi\n\n. include/config/auto.conf\n',
    ),
)
EMPTY_TABLE = Edit("scripts/kallsyms.c", "if (!base || !count)", "if (!base && count)")
BY_SYMBOLS = (
    Edit(LINK, "\tkallsymso=$2.o\n", "\tkallsymso_prev=${kallsymso}\n\tkallsymso=$2.o\n"),
    Edit(
        LINK,
        "${MAKE} -f",
        """\
# A table of equal size may still have moved what is in it.
kallsymso_changed()
{
	${NM} -n "${kallsymso_prev}" > "${kallsymso_prev}.sym"
	${NM} -n "${kallsymso}" > "${kallsymso}.sym"
	! cmp -s "${kallsymso_prev}.sym" "${kallsymso}.sym"
}

${MAKE} -f""",
    ),
    Edit(LINK, '"$size2" ] ||', '"$size2" ] || kallsymso_changed ||'),
)
NAMED_OUTPUT = (
    Edit(LINK, 'LDFLAGS_vmlinux="$3"\n', 'LDFLAGS_vmlinux="$3"\nVMLINUX="$4"\n'),
    Edit(LINK, "vmlinux_link vmlinux\nmksysmap vmlinux ", 'vmlinux_link "${VMLINUX}"\nmksysmap "${VMLINUX}" '),
)
MAKEFILE_LEAVES = ".tmp_System.map .tmp_vmlinuxN System.map vmlinux"
SYMS_LEAVE = " ".join(f".tmp_vmlinux.kallsymsN{end}" for end in ("", ".S", ".o", ".syms")) + " System.map"
NUMBERED_LEAVES = ".tmp_vmlinux0.kallsyms.S .tmp_vmlinux0.kallsyms.o .tmp_vmlinux0.syms " + (
    " ".join(f".tmp_vmlinuxN{end}" for end in ("", ".kallsyms.S", ".kallsyms.o", ".syms")) + " System.map"
)

SHAPES = (
    Shape(
        "2.6.7",
        "makefile-sort",
        "Inconsistent kallsyms data, try setting CONFIG_KALLSYMS_EXTRA_PASS\n",
        MAKEFILE_LEAVES,
        ("makefile",),
        (
            KCONFIG_EXTRA_PASS,
            Edit("Makefile", "define verify_kallsyms", "define rule_verify_kallsyms"),
            Edit("Makefile", "\t$(verify_kallsyms)\n", "\t$(rule_verify_kallsyms)\n"),
            Edit(
                "Makefile",
                "cmd_sysmap = $(CONFIG_SHELL) $(srctree)/scripts/mksysmap $(1) $(2)",
                r"cmd_sysmap = $(NM) $(1) | grep -v '\(\.o$$\)\|\( [aUw] \)\|\(LASH[RL]DI\)' | sort > $(2)",
            ),
            Edit(
                "Makefile", ECHO, "\t\t(echo Inconsistent kallsyms data, try setting CONFIG_KALLSYMS_EXTRA_PASS ; \\\n"
            ),
        ),
        third_pass=False,
    ),
    Shape(
        "2.6.10",
        "makefile",
        "Inconsistent kallsyms data\nTry setting CONFIG_KALLSYMS_EXTRA_PASS\n",
        MAKEFILE_LEAVES,
        ("makefile",),
        (
            KCONFIG_EXTRA_PASS,
            Edit(
                "Makefile",
                ECHO,
                "\t\t(echo Inconsistent kallsyms data; \\\n\t\t echo Try setting CONFIG_KALLSYMS_EXTRA_PASS; \\\n",
            ),
        ),
        third_pass=False,
    ),
    Shape(
        "2.6.39",
        "makefile",
        WORKAROUND.replace("Try", "This is a bug - please report about it\nTry"),
        MAKEFILE_LEAVES,
        ("makefile",),
        third_pass=False,
    ),
    Shape(
        "3.5-rc",
        "script-trap",
        WORKAROUND.replace("Try", "echo Try"),
        "",
        ("script-trap",),
        BASH_TRAP,
        third_pass=False,
    ),
    Shape("4.19", "script-trap", WORKAROUND, "", ("script-trap",)),
    Shape("5.10", "script-trap-btf", WORKAROUND, "", ("script-trap", "script-trap-btf")),
    Shape(
        "5.15",
        "script-keeps",
        WORKAROUND,
        ".tmp_System.map .tmp_vmlinux.kallsymsN .tmp_vmlinux.kallsymsN.S .tmp_vmlinux.kallsymsN.o System.map",
        ("script-trap", "script-trap-btf"),
        NO_TRAP,
    ),
    Shape("6.1", "pass-syms", WORKAROUND, SYMS_LEAVE),
    Shape(
        "6.9",
        "pass-syms",
        QUOTED,
        SYMS_LEAVE,
        edits=(Edit(LINK, QUOTED.splitlines()[1], f"'{QUOTED.splitlines()[1]}'"),),
    ),
    Shape("6.11", "numbered", QUOTED, NUMBERED_LEAVES, ("numbered",), (EMPTY_TABLE,)),
    Shape("6.12.117", "numbered", QUOTED, NUMBERED_LEAVES, ("numbered",), (EMPTY_TABLE, *BY_SYMBOLS)),
    Shape("6.15", "unstripped", QUOTED, NUMBERED_LEAVES, ("numbered", "unstripped"), (EMPTY_TABLE, *NAMED_OUTPUT)),
)

# The table has a word more if the image before had none, so no two passes agree.
OSCILLATES = (
    Edit("scripts/kallsyms.c", "static unsigned int count;\n", "static unsigned int count, odd;\n"),
    Edit(
        "scripts/kallsyms.c",
        "\t\tif (is_ignored(&s))\n",
        '\t\tif (!strcmp(s.name, "kallsyms_odd"))\n\t\t\todd = 1;\n\t\tif (is_ignored(&s))\n',
    ),
    Edit(
        "scripts/kallsyms.c",
        "\twrite_names();\n\tprintf(",
        '\twrite_names();\n\tif (!odd) {\n\t\tlabel("kallsyms_odd");\n\t\tprintf("\\t.long 0\\n");\n\t}\n\tprintf(',
    ),
)
UNDEFINED = "\nint slab_elsewhere(void);\n\nint slab_undefined(void)\n{\n\treturn slab_elsewhere();\n}\n"


def files_of(shape: Shape) -> dict[str, str]:
    """The tree of a shape: path to text."""
    files = {path.relative_to(TREE).as_posix(): path.read_text() for path in TREE.rglob("*") if path.is_file()}
    for folder in (SHAPES_DIR / name for name in shape.folders):
        files |= {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}
    if rule := files.pop("Makefile.link", ""):
        Edit("Makefile", RULE, rule).apply(files)
        del files["scripts/Makefile.vmlinux"]
        if LINK not in rule:
            del files[LINK]
    for edit in shape.edits:
        edit.apply(files)
    return files


def revisions_of(shape: Shape) -> dict[str, dict[str, str]]:
    """Four trees of a shape by name.

    `good` links; in `bad` the passes never agree; in `broken` a symbol is missing; `liar` says that maps
    differ although they are equal.
    """
    good = files_of(shape)
    bad = dict(good)
    for edit in OSCILLATES:
        edit.apply(bad)
    broken = good | {"mm/slab.c": good["mm/slab.c"] + UNDEFINED}
    liar = {path: text.replace("if ! cmp", "if cmp").replace(".map ||", ".map &&") for path, text in good.items()}
    return {"good": good, "bad": bad, "broken": broken, "liar": liar}


def write_repository(folder: Path, revisions: dict[str, dict[str, str]]) -> dict[str, str]:
    """Write a repository with one commit for each of `revisions` (name to tree) and return their ids by name."""
    folder.mkdir()
    _git(folder, "init", "--quiet")
    return {name: _commit(folder, name, files) for name, files in revisions.items()}


def _commit(folder: Path, title: str, files: dict[str, str]) -> str:
    _git(folder, "rm", "-r", "--quiet", "--ignore-unmatch", ".")
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--message", title)
    return _git(folder, "rev-parse", "HEAD").strip()


def _git(folder: Path, *args: str) -> str:
    author = ("-c", "user.name=Small Kernel", "-c", "user.email=small@kernel.invalid")
    env = {"PATH": os.environ["PATH"], "HOME": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(
        ["git", *author, *args], cwd=folder, env=env, check=True, capture_output=True, text=True
    ).stdout
