"""Where a cause takes hold of the link: the same bend for the link of each generation, and of the linker script."""

from __future__ import annotations

from bisectsyms.smallkernel.edits import Edit
from tests.era_shapes import LINK

LDS = "include/linux/vmlinux.lds.h"
KALLSYMS = "scripts/kallsyms.c"
NUMBERED = ("6.11", "6.12.117", "6.15")
MAKEFILE = ("2.6.7", "2.6.10", "2.6.39")
RODATA_END = "\t\t*(.messages.end)\n\t}\n"
"""In the linker script: what follows is behind the tables."""


def final_link(shape: str, words: str = "", before: str = "") -> tuple[Edit, ...]:
    """More `words` for ld in the final link only, and commands of the shell `before` it."""
    if shape in MAKEFILE:
        text = before.replace("$", "$$").replace(",", "$(comma)")
        command = f"$(if $(filter vmlinux,$@),{text};) " if before else ""
        return (
            Edit("Makefile", "quiet_cmd_vmlinux__", "comma := ,\nquiet_cmd_vmlinux__"),
            Edit("Makefile", "cmd_vmlinux__ = $(LD)", f"cmd_vmlinux__ = {command}$(LD)"),
            Edit(
                "Makefile",
                "$(filter .tmp_kallsyms%,$^)\n",
                f"$(filter .tmp_kallsyms%,$^) $(if $(filter vmlinux,$@),{words})\n",
            ),
        )
    before += "\n" * bool(before)
    if shape in NUMBERED:
        name = '"${VMLINUX}"' if shape == "6.15" else "vmlinux"
        return (
            Edit(LINK, "--no-whole-archive ${kallsymso}\n", "--no-whole-archive ${kallsymso} ${complete}\n"),
            Edit(LINK, f"vmlinux_link {name}\nmksysmap", f'{before}complete="{words}"\nvmlinux_link {name}\nmksysmap'),
        )
    return (
        Edit(LINK, "vmlinux_link vmlinux ${kallsymso}\n", f"{before}vmlinux_link vmlinux ${{kallsymso}} {words}\n"),
    )


def more_table(label: str, body: str, align: int = 4, *, last: bool = False) -> tuple[Edit, ...]:
    """A further table `kallsyms_LABEL` in front of the names, or as the `last` one.

    `body` is C that prints it, with `i`, `table` and `count` at hand.
    """
    function = f'\nstatic void write_{label}(void)\n{{\n\tunsigned int i;\n\n\tprintf("\\t.balign {align}\\n");\n'
    function += f'\tlabel("kallsyms_{label}");\n{body}}}\n'
    before, after = ("\twrite_names();\n", "") if last else ("", "\twrite_names();\n")
    return (
        Edit(KALLSYMS, "\nint main(", function + "\nint main("),
        Edit(KALLSYMS, "\twrite_names();\n", f"{before}\twrite_{label}();\n{after}"),
    )


def each_link(shape: str, commands: str, obj: str) -> tuple[Edit, ...]:
    """Shell `commands` in front of every link by a script, and their object `obj` in it; `$output` is the image."""
    name = "\toutput=$1\n" if shape in NUMBERED else ""
    ld = "\t${LD} ${KBUILD_LDFLAGS} ${LDFLAGS_vmlinux} "
    archive = "--whole-archive vmlinux.a init/version-timestamp.o"
    return Edit(LINK, ld, f"{name}{commands}{ld}"), Edit(LINK, archive, f"{archive} {obj}")
