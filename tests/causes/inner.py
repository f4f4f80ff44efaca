"""Inner layout: two tables of equal size, and the labels inside are not where they were; so no third pass is run.

A list of the far neighbours is packed: only the pass that has a table sees the gap which the table is. Its bytes push
what follows them, and the padding at the end swallows it.
"""

from __future__ import annotations

from bisectsyms.smallkernel.edits import Edit
from tests.causes.case import Case, variant
from tests.causes.links import KALLSYMS, more_table


def inner(
    name: str, arch: str, shape: str = "6.1", *, align: int = 64, unit: str = "long", label: str = "gaps"
) -> Case:
    """A table padded to `align`, in which a `unit` comes with the second pass."""
    body = f"""\
\tfor (i = 1; i < count; i++)
\t\tif (table[i].address - table[i - 1].address > 1280 && table[i].address - table[i - 1].address < 4096)
\t\t\tprintf("\\t.{unit} %u\\n", i);
"""
    end = f'\tprintf("\\t.balign {align}\\n\\t.skip 4 * {{n}}\\n\\t.balign {align}\\n");\n'
    mark = '\tprintf("\\t.section .note.GNU-stack'
    return Case(
        f"inner-{name}",
        mechanism="inner-layout",
        imitates="Rust-for-Linux #502 (riscv, 2021): only kallsyms_markers and kallsyms_token_table are off by 8",
        arch=arch,
        shape=shape,
        edits=(*more_table(label, body, align=8), Edit(KALLSYMS, mark, end + mark)),
        numbers=tuple(range(align // 4)),
        shows="kallsyms_names",
    )


CASES = (inner("gaps", "x86"), inner("quad", "arm", unit="quad"), inner("wide", "arm64", label="far_gaps", align=256))
MORE = (
    ("x86", "6.9", 64, "quad"),
    ("arm", "6.9", 128, "long"),
    ("arm64", "6.9", 64, "long"),
    ("x86", "6.1", 256, "quad"),
    ("arm64", "5.15", 64, "quad"),
    ("arm", "5.15", 64, "long"),
    ("x86", "5.15", 128, "long"),
    ("arm", "6.1", 256, "quad"),
    ("arm64", "6.1", 128, "long"),
    ("x86", "6.1", 512, "long"),
)


def variants(case: Case) -> list[Case]:
    """Other paddings, and by how much it is off."""
    return [variant(inner("gaps", a, s, align=n, unit=unit), str(n), unit) for a, s, n, unit in MORE]
